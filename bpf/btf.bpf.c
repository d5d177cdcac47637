// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts and times every VM exit independently of KVM, and compares in place: each exit with KVM's own
 * account of it, at the entry that ends it; and what the guest read from a leaf, at the entry that shows
 * it. By tp_btf, where KVM's types are known.
 */
#include "count.bpf.h"

#include <bpf/bpf_core_read.h>

#include "kvm_types.h"

/* Of the kernel since 6.2, and of libbpf since 1.5. */
extern void *bpf_rdonly_cast(const void *address, ec_u32 btf_id) __ksym __weak;
/* Of the series of kernel-patch. */
extern ec_u64 bpf_kvm_rdtsc(void) __ksym __weak;

static __always_inline ec_u64 now(void)
{
	return hot_number(EC_CLOCK_IS_TSC) ? bpf_kvm_rdtsc() : bpf_ktime_get_ns();
}

/* In TSC cycles. */
static __always_inline ec_u64 cycles_of(ec_u64 time)
{
	return hot_number(EC_CLOCK_IS_TSC) ? time :
					     time * hot_number(EC_CYCLES_PER_NS) >> EC_CYCLES_BITS;
}

/*
 * The verifier knows no way from kvm.ko's struct kvm_vcpu to what embeds it. Cast to a type of
 * vmlinux, it takes plain, fault-proof loads; before v6.2 a helper costs dozens of instructions.
 */
#define load(type, like, address, cast)                                                      \
	({                                                                                   \
		type __value = 0;                                                            \
                                                                                             \
		if (cast)                                                                    \
			__value = *(type *)bpf_rdonly_cast((void *)(address),                \
							   bpf_core_type_id_kernel(like));   \
		else                                                                         \
			bpf_probe_read_kernel(&__value, sizeof(__value), (void *)(address)); \
		__value;                                                                     \
	})
#define load_u64(address, cast) load(ec_u64, struct timespec64, address, cast)
#define load_u32(address, cast) load(ec_u32, struct kref, address, cast)

/* struct vcpu_vmx and vcpu_svm begin with their struct kvm_vcpu. */
static __always_inline ec_u32 exit_number(const void *vcpu, enum exit_isa isa, bool cast)
{
	if (isa == EXIT_ISA_SVM) {
		vcpu = load(void *, struct list_head,
			    vcpu + bpf_core_field_offset(struct vcpu_svm, vmcb), cast);
		return load_u32(vcpu + bpf_core_field_offset(struct vmcb, control.exit_code), cast);
	}
	if (bpf_core_field_exists(struct vcpu_vmx, exit_reason))
		vcpu += bpf_core_field_offset(struct vcpu_vmx, exit_reason);
	else
		vcpu += bpf_core_field_offset(struct vcpu_vmx___vt, vt.exit_reason);
	return load_u32(vcpu, cast) & 0xffff;
}

/*
 * A member of struct kvm_vcpu. libbpf would prefer the kernel's BTF for its offset, but the loaded
 * module may have been built apart from the kernel.
 */
#define member(vcpu, type, name) (*(type *)((void *)(vcpu) + config.offsets.name))

static __always_inline ec_u32 created_vcpus(const struct kvm_vcpu *vcpu)
{
	ec_u32 created = 0;

	bpf_probe_read_kernel(&created, sizeof(created),
			      (void *)member(vcpu, ec_u64, kvm) + config.offsets.created_vcpus);
	return created;
}

/* Whether the VM's guest has been given the leaves: KVM_X86_EXIT_LEAVES_ENABLE. */
static __always_inline bool shows_leaves(const struct kvm_vcpu *vcpu)
{
	ec_u64 flags = 0;

	bpf_probe_read_kernel(&flags, sizeof(flags),
			      (void *)member(vcpu, ec_u64, kvm) + config.offsets.leaves);
	return flags & 1;
}

/* The slow path to a vCPU, 0 if it is not watched. */
static __noinline ec_u32 find(const struct kvm_vcpu *vcpu, bool entering)
{
	struct identity id = { .id_known = true };
	struct ec_slot *slot;
	ec_u32 place;

	if (!state.ready)
		return 0;
	id.key = (ec_u64)vcpu;
	id.kvm = member(vcpu, ec_u64, kvm);
	id.vcpu_id = member(vcpu, int, vcpu_id);
	/* stat.exits alone can be reset through debugfs; last_vmentry_cpu stays at -1 while the first
	 * run goes on in the fast path. */
	id.fresh = !member(vcpu, ec_u64, exits) && member(vcpu, int, last_vmentry_cpu) == -1;
	id.used = !id.fresh;
	place = find_slot(&id);
	slot = at(EC_SLOTS, place);
	if (place && slot) {
		slot->accounted = config.audit && member(vcpu, bool, accounted);
		slot->leaves |= config.audit && shows_leaves(vcpu);
		return place;
	}
	if (!entering)
		on_exit_elsewhere(id.foreign);
	return 0;
}

/* ---- leaves that the guest reads ---- */

/* Of KVM's own number that a leaf shows, in a vCPU; 0: there is none. */
static __always_inline ec_u32 kvm_offset(ec_u32 function, ec_u32 index)
{
	bool is_count = leaf_is_count(function);
	ec_u32 first;

	if (!config.audit)
		return 0;
	if (!leaf_is_by_number(function))
		return is_count ? config.offsets.all_exits : config.offsets.all_cycles;
	barrier_var(index);
	if (index >= EXIT_INDEX_OTHER)
		return 0;
	first = is_count ? config.offsets.exits_by_number : config.offsets.cycles_by_number;
	return first + config.kvm_index[index] * sizeof(ec_u64);
}

/*
 * What that number was when the guest read it. Since then KVM has closed the account of that very exit,
 * whose cycles were not in it.
 */
static __always_inline ec_u64 kvm_number(struct ec_slot *slot, const struct kvm_vcpu *vcpu,
					 ec_u32 function, ec_u32 index, ec_u32 offset)
{
	ec_u32 cpuid = cpuid_index(), place = slot->row[cpuid];
	struct ec_row *row = place ? at(EC_ROWS, place) : NULL;
	ec_u64 number = 0, cycles = 0;

	bpf_probe_read_kernel(&number, sizeof(number), (void *)slot->key + offset);
	if (leaf_is_count(function) || !row)
		return number;
	bpf_probe_read_kernel(&cycles, sizeof(cycles), (void *)row->cycles_at);
	if (index == cpuid || !leaf_is_by_number(function))
		number -= cycles - row->kvm_cycles;
	return number;
}

/* The guest is about to read a leaf: what it is, and what the VM's other vCPUs have counted so far. */
static __noinline void before_leaf(struct ec_slot *slot, ec_u32 place, const struct kvm_vcpu *vcpu)
{
	ec_u32 function = member(vcpu, ec_u64, regs), index = EC_TOTAL;
	struct others others;
	ec_u32 offset;

	slot->leaf = function;
	slot->leaf_index = (&member(vcpu, ec_u64, regs))[1];
	slot->leaf_nested = config.offsets.guest_mode ? member(vcpu, ec_u64, guest_mode) : 0;
	slot->task = bpf_get_current_task();
	if (!leaf_is_vm_wide(function))
		return;
	if (leaf_is_by_number(function))
		index = exit_index(config.isa, slot->leaf_index);
	offset = kvm_offset(function, index);
	sum_others(&others, slot, place, index, offset);
	slot->vm_others = others.count;
	slot->vm_kvm = others.kvm;
}

#define MAX_CPUID_ENTRIES 256  /* KVM_MAX_CPUID_ENTRIES */
#define INDEX_IS_SIGNIFICANT 1 /* KVM_CPUID_FLAG_SIGNIFCANT_INDEX */

struct supply {
	ec_u64 entries;
	ec_u32 nr, function, index;
	ec_u32 found;
};

static long look_at_entry(ec_u32 i, struct supply *supply)
{
	struct {
		ec_u32 function, index, flags, eax, ebx, ecx, edx, padding[3];
	} entry;

	if (i >= supply->nr || bpf_probe_read_kernel(&entry, sizeof(entry),
						     (void *)supply->entries + i * sizeof(entry)))
		return 1;
	supply->found = entry.function == supply->function &&
			(!(entry.flags & INDEX_IS_SIGNIFICANT) || entry.index == supply->index);
	return supply->found;
}

/* Whether the VMM has given the guest an entry of its own for a leaf. */
static __noinline bool is_supplied(const struct kvm_vcpu *vcpu, const struct leaf_read *read)
{
	struct supply supply = {
		.entries = member(vcpu, ec_u64, cpuid_entries),
		.nr = member(vcpu, ec_u32, cpuid_nent),
		.function = read->function,
		.index = read->index,
	};

	bpf_loop(MAX_CPUID_ENTRIES, look_at_entry, &supply, 0);
	return supply.found;
}

#define NR_REGS 16 /* RAX, RCX, RDX, RBX, ... */
#define GP_VECTOR 13

/*
 * Whether an INIT has cleared the registers since the exit: kvm_vcpu_reset() leaves nothing in them but
 * the signature of the CPU in RDX.
 */
static __always_inline bool was_reset(const struct kvm_vcpu *vcpu)
{
	const ec_u64 *regs = &member(vcpu, ec_u64, regs);
	ec_u64 any = 0;

	for (int i = 0; i < NR_REGS; i++)
		any |= i == 2 ? 0 : regs[i];
	return !any;
}

/* What the guest was told is in the registers with which it is about to go on. */
static __noinline void after_leaf(struct ec_slot *slot, ec_u32 place, const struct kvm_vcpu *vcpu)
{
	const ec_u64 *regs = &member(vcpu, ec_u64, regs);
	ec_u64 rax = regs[0], rcx = regs[1], rdx = regs[2], rbx = regs[3];
	struct leaf_read read = {
		.place = place,
		.function = slot->leaf,
		.index = slot->leaf_index,
		.eax = rax,
		.ebx = rbx,
		.ecx = rcx,
		.edx = rdx,
		.upper = (rax | rbx | rcx | rdx) >> 32,
		.created = created_vcpus(vcpu),
		.summed = true,
	};
	bool user_space = slot->circumstances & 1 << EC_USER_SPACE;
	struct judged judged = { .uncompared = EC_NR_UNCOMPARED };
	ec_u32 index = EC_TOTAL;
	enum leaf_verdict verdict;

	slot->leaf = 0;
	/* CPUID faulting; or it was L2's, and L1 answers. */
	if (member(vcpu, bool, exception_injected) &&
	    member(vcpu, ec_u8, exception_vector) == GP_VECTOR)
		return;
	if (config.offsets.guest_mode && slot->leaf_nested != member(vcpu, ec_u64, guest_mode))
		return;
	if (leaf_is_by_number(read.function))
		index = exit_index(config.isa, read.index);
	read.offset = slot->accounted ? kvm_offset(read.function, index) : 0;
	if (read.offset)
		read.kvm = kvm_number(slot, vcpu, read.function, index, read.offset);
	verdict = compare(slot, &read, &judged);
	if (verdict == LEAF_NOT_COMPARED)
		add_uncompared(slot, judged.uncompared);
	if (verdict == LEAF_IS_RIGHT)
		add_read(slot->compared, &read);
	if (verdict != LEAF_IS_WRONG)
		return;
	if (is_supplied(vcpu, &read))
		add_uncompared(slot, EC_SUPPLIED);
	else if (user_space || was_reset(vcpu))
		/* The registers may not be KVM's: a debugger or a reset has been there. */
		add_uncompared(slot, EC_REPLACED);
	else
		different(slot, &read, &judged);
}

/* ---- audit: KVM has just closed its account of the exit ---- */

/* Beside enum ec_fault: the account holds exits from before this program saw the vCPU. */
#define NOT_COMPARED 0x100

/* struct ec_difference, its slot a place. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} differences SEC(".maps");

static __always_inline void audit_add(struct ec_audit *audit, ec_u32 bucket, ec_u32 faults)
{
	(*bucket_at(audit->bias, bucket))++;
	if (faults & EC_EXCEEDED)
		audit->exceeded++;
	if (faults & EC_UNTIMED)
		audit->untimed++;
	if (faults & EC_DIFFERED)
		audit->differed++;
}

/* An exit that has ended, and the vCPU's thread as it is now. */
struct ended {
	ec_u64 time, exits, added, window; /* exits and added: KVM's */
	ec_u64 switches;
	ec_u32 bucket; /* of the bias */
	ec_u32 cpu;
};

/* What is wrong with it, or NOT_COMPARED. */
static __always_inline ec_u32 audit_faults(struct ec_row *row, const struct ended *exit)
{
	ec_u64 most = exit->window;
	ec_u32 faults = 0;

	if (row->kvm_ahead == EC_AHEAD_UNKNOWN) {
		row->kvm_ahead = exit->exits - row->count;
		return NOT_COMPARED;
	}
	if (exit->exits != row->count + row->kvm_ahead)
		faults |= EC_DIFFERED;
	if (!exit->added)
		faults |= EC_UNTIMED;
	/* CLOCK_MONOTONIC is slewed, and both readings of it were truncated. */
	if (!config.clock_tsc)
		most += (most >> EC_CLOCK_BITS) + (config.cycles_per_ns >> (EC_CYCLES_BITS - 1));
	if (exit->added > most)
		faults |= EC_EXCEEDED;
	return faults;
}

static __noinline void record_difference(struct ec_slot *slot, struct ec_row *row,
					 const struct ended *exit, ec_u32 faults, ec_u32 set)
{
	struct ec_cpu *cpu = at(EC_CPUS, cpu_place());
	const struct ec_difference difference = {
		.slot = cpu ? cpu->slot : 0,
		.index = row->index,
		.cpu = exit->cpu,
		.faults = faults,
		.circumstances = set,
		.at_exit = slot->count,
		.kvm = exit->exits - row->kvm_ahead,
		.ebpf = row->count,
		.added = exit->added,
		.window = exit->window,
	};

	__sync_fetch_and_add(&state.stats.differences, 1);
	bpf_ringbuf_output(&differences, (void *)&difference, sizeof(difference), 0);
}

/* An exit that may be wrong, or was made in some circumstance. */
static __noinline void audit_unusual(struct ec_slot *slot, struct ec_row *row, struct ec_cpu *cpu,
				     const struct ended *exit)
{
	ec_u32 set = slot->circumstances, faults = audit_faults(row, exit);

	if (exit->time >> EC_LONG_BITS)
		set |= 1 << EC_LONG;
	if (slot->switches != exit->switches) {
		set |= 1 << EC_SWITCHED;
		if (slot->cpu != exit->cpu)
			set |= 1 << EC_MOVED;
	}
	if (faults == NOT_COMPARED)
		return;
	audit_add(&row->audit, exit->bucket, faults);
	audit_add(&cpu->audit, exit->bucket, faults);
	for (int i = 0; i < EC_NR_CIRCUMSTANCES; i++)
		if (set & 1 << i)
			audit_add(&slot->audit[i], exit->bucket, faults);
	if (!faults)
		return;
	record_difference(slot, row, exit, faults, set);
	/* The exits that follow are right as long as the difference stays. */
	row->kvm_ahead = exit->exits - row->count;
}

/*
 * At an entry: what the vCPU did since the exit that has ended, if one has. No thread is moved that has not
 * been switched out, so what is kept of it changes with its number of switches alone.
 */
static __always_inline void audit_entry(struct ec_slot *slot, struct ec_row *row, ec_u64 time,
					struct ec_cpu *cpu, const struct kvm_vcpu *vcpu, bool cast)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	ec_u64 switches = task->nvcsw + task->nivcsw;
	ec_u32 set = slot->circumstances;
	bool same = switches == slot->switches;

	if (likely(row)) {
		ec_u64 exits = load_u64(row->exits_at, cast);
		ec_u64 cycles = load_u64(row->cycles_at, cast);
		ec_u64 added = cycles - row->kvm_cycles, window = cycles_of(time);
		long long bias = window - added, rest = bias - (window >> EC_CACHE_BITS);
		ec_u32 bucket = log2_bucket(rest < 0 ? 0 : rest);

		row->kvm_cycles = cycles;
		if (likely(same && exits == row->count + row->kvm_ahead && added && bias >= 0 &&
			   !(time >> EC_LONG_BITS))) {
			(*bucket_at(row->audit.bias, bucket))++;
			(*bucket_at(cpu->audit.bias, bucket))++;
			if (unlikely(set & 1 << EC_USER_SPACE))
				(*bucket_at(slot->audit[EC_USER_SPACE].bias, bucket))++;
			if (unlikely(set & 1 << EC_NESTED))
				(*bucket_at(slot->audit[EC_NESTED].bias, bucket))++;
		} else {
			const struct ended exit = {
				.time = time,
				.exits = exits,
				.added = added,
				.window = window,
				.switches = switches,
				.bucket = bucket,
				.cpu = bpf_get_smp_processor_id(),
			};

			audit_unusual(slot, row, cpu, &exit);
		}
	}
	if (unlikely(!same)) {
		slot->switches = switches;
		slot->task = (ec_u64)task;
		slot->cpu = bpf_get_smp_processor_id();
	}
	if (unlikely(set))
		slot->circumstances = 0;
	if (unlikely(*(ec_u64 *)((void *)vcpu + hot_number(EC_AT_GUEST_MODE))))
		slot->circumstances = 1 << EC_NESTED;
}

/* KVM's function is part of what is checked: how far it goes is held against the kernel's clock. */
static __noinline void keep_clocks(struct ec_slot *slot, ec_u64 tsc)
{
	slot->tsc[1] = tsc;
	slot->ns[1] = bpf_ktime_get_ns();
	if (!slot->tsc[0]) {
		slot->tsc[0] = slot->tsc[1];
		slot->ns[0] = slot->ns[1];
	}
}

/* ---- the programs ---- */

static __always_inline int on_btf_entry(const struct kvm_vcpu *vcpu, bool cast)
{
	ec_u64 begin = now(), time = 0;
	struct ec_cpu *cpu = hot(EC_CPUS, cpu_place());
	ec_u32 place = cpu->slot;
	struct ec_slot *slot = hot(EC_SLOTS, place);
	struct ec_row *row;

	if (unlikely(!vcpu))
		return 0;
	if (unlikely(slot->key != (ec_u64)vcpu)) {
		place = find(vcpu, true);
		if (!place)
			return 0;
		slot = hot(EC_SLOTS, place);
	}
	/* First, as the exit that reads is not timed yet. */
	if (unlikely(slot->leaf))
		after_leaf(slot, place, vcpu);
	row = on_entry(slot, begin, &time);
	if (!hot_number(EC_AUDIT) || !slot->accounted)
		return 0;
	audit_entry(slot, row, time, cpu, vcpu, cast);
	if (row && unlikely(!(row->count & 15))) {
		/* A window much as that of the bias, but this program's alone. */
		(*bucket_at(slot->own, log2_bucket(cycles_of(now() - begin))))++;
		if (hot_number(EC_CLOCK_IS_TSC))
			keep_clocks(slot, begin);
	}
	return 0;
}

#define BTF_ENTRY(name, cast)                           \
	SEC("tp_btf/kvm_entry")                         \
	int BPF_PROG(name, const struct kvm_vcpu *vcpu) \
	{                                               \
		return on_btf_entry(vcpu, cast);        \
	}
BTF_ENTRY(btf_entry, true)
BTF_ENTRY(btf_entry_nocast, false)

/*
 * Mostly on the CPU of the last entry, since interrupts are off in between. Not on v6.1's SVM,
 * which traces the exit later, when it handles it.
 */
static __always_inline int on_btf_exit(const struct kvm_vcpu *vcpu, enum exit_isa isa, bool cast)
{
	struct ec_cpu *cpu = hot(EC_CPUS, cpu_place());
	ec_u32 place = cpu->slot, number;
	struct ec_slot *slot = hot(EC_SLOTS, place);

	if (unlikely(!vcpu))
		return 0;
	if (unlikely(slot->key != (ec_u64)vcpu)) {
		place = find(vcpu, false);
		if (!place)
			return 0;
		slot = hot(EC_SLOTS, place);
	}
	number = exit_number(vcpu, isa, cast);
	on_exit(slot, isa, number);
	if (number == (isa == EXIT_ISA_SVM ? SVM_EXIT_CPUID : VMX_EXIT_CPUID) &&
	    is_leaf(*(ec_u64 *)((void *)vcpu + hot_number(EC_AT_REGS))))
		before_leaf(slot, place, vcpu);
	/* Last, so that the time is the exit's and not this program's. */
	slot->open = now();
	return 0;
}

/* The loader picks the ones that fit: a condition would cost an instruction or two per exit. */
#define BTF_EXIT(name, isa, cast)                       \
	SEC("tp_btf/kvm_exit")                          \
	int BPF_PROG(name, const struct kvm_vcpu *vcpu) \
	{                                               \
		return on_btf_exit(vcpu, isa, cast);    \
	}
BTF_EXIT(btf_exit_svm, EXIT_ISA_SVM, true)
BTF_EXIT(btf_exit_vmx, EXIT_ISA_VMX, true)
BTF_EXIT(btf_exit_svm_nocast, EXIT_ISA_SVM, false)
BTF_EXIT(btf_exit_vmx_nocast, EXIT_ISA_VMX, false)

SEC("tp_btf/kvm_userspace_exit")
int BPF_PROG(btf_userspace_exit)
{
	struct ec_cpu *cpu = hot(EC_CPUS, cpu_place());
	struct ec_slot *slot = hot(EC_SLOTS, cpu->slot);

	/* If the thread was moved since the exit, that is what happened to it. */
	if (slot->task == bpf_get_current_task())
		slot->circumstances |= 1 << EC_USER_SPACE;
	return 0;
}

/* vCPUs of any VM come and go. */
SEC("kprobe/kvm_arch_vcpu_create")
int btf_birth(struct pt_regs *regs)
{
	ec_u64 kvm = 0;

	if (!bpf_probe_read_kernel(&kvm, sizeof(kvm),
				   (void *)PT_REGS_PARM1(regs) + config.offsets.kvm))
		on_birth(kvm);
	return 0;
}

SEC("kprobe/kvm_arch_vcpu_destroy")
int btf_death(struct pt_regs *regs)
{
	ec_u64 vcpu = PT_REGS_PARM1(regs), kvm = 0;
	ec_u32 created = 0;
	struct vm *vm;

	on_death(vcpu);
	bpf_probe_read_kernel(&kvm, sizeof(kvm), (void *)vcpu + config.offsets.kvm);
	bpf_probe_read_kernel(&created, sizeof(created),
			      (void *)kvm + config.offsets.created_vcpus);
	vm = bpf_map_lookup_elem(&vms, &kvm);
	if (vm && __sync_fetch_and_add(&vm->gone, 1) + 1 >= created)
		bpf_map_delete_elem(&vms, &kvm);
	return 0;
}
