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

static __always_inline ec_u64 now(bool tsc)
{
	return tsc ? bpf_kvm_rdtsc() : bpf_ktime_get_ns();
}

static __always_inline ec_u64 cycles_of(ec_u64 time, bool tsc)
{
	return tsc ? time : time * hot_number(EC_CYCLES_PER_NS) >> EC_CYCLES_BITS;
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
static __always_inline const void *vmcb_of(const void *vcpu, enum exit_isa isa, bool cast)
{
	if (isa != EXIT_ISA_SVM)
		return NULL;
	return load(void *, struct list_head, vcpu + bpf_core_field_offset(struct vcpu_svm, vmcb),
		    cast);
}

static __always_inline ec_u32 exit_number(const void *vcpu, const void *vmcb, enum exit_isa isa,
					  bool cast)
{
	if (isa == EXIT_ISA_SVM)
		return load_u32(vmcb + bpf_core_field_offset(struct vmcb, control.exit_code), cast);
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

#include "split.bpf.h"

/* The slow path to a vCPU, 0 if it is not watched. */
static __noinline ec_u32 find(const struct kvm_vcpu *vcpu, bool entering)
{
	struct identity id = { .id_known = true };
	struct ec_slot *slot;
	ec_u32 place;

	if (!vcpu || !state.ready)
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
		if (config.split)
			know_polls(place, poll_ns(vcpu));
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
static __noinline void before_leaf(struct ec_slot *slot, const struct kvm_vcpu *vcpu)
{
	ec_u32 function = member(vcpu, ec_u64, regs), index = EC_TOTAL;
	struct others others;
	ec_u32 offset;

	slot->leaf = function;
	slot->leaf_index = (&member(vcpu, ec_u64, regs))[1];
	slot->leaf_nested = config.offsets.guest_mode ? member(vcpu, ec_u64, guest_mode) : 0;
	slot->leaf_runs = member(vcpu, ec_u64, runs);
	slot->pending |= EC_READS;
	if (!leaf_is_vm_wide(function))
		return;
	if (leaf_is_by_number(function))
		index = exit_index(config.isa, slot->leaf_index);
	offset = kvm_offset(function, index);
	sum_others(&others, slot, current_place(), index, offset);
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
static __always_inline void after_leaf(struct ec_slot *slot, const struct kvm_vcpu *vcpu)
{
	const ec_u64 *regs = &member(vcpu, ec_u64, regs);
	ec_u64 rax = regs[0], rcx = regs[1], rdx = regs[2], rbx = regs[3];
	struct leaf_read read = {
		.place = current_place(),
		.function = slot->leaf,
		.index = slot->leaf_index,
		.eax = rax,
		.ebx = rbx,
		.ecx = rcx,
		.edx = rdx,
		.upper = !!((rax | rbx | rcx | rdx) >> 32),
		.created = created_vcpus(vcpu),
		.summed = true,
	};
	struct judged judged = { .uncompared = EC_NR_UNCOMPARED };
	ec_u32 index = EC_TOTAL;
	enum leaf_verdict verdict;

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
	else if (slot->leaf_runs != member(vcpu, ec_u64, runs) || was_reset(vcpu))
		/* The registers may not be KVM's: a debugger or a reset has been there. */
		add_uncompared(slot, EC_REPLACED);
	else
		different(slot, &read, &judged);
}

/* An entry that ends no exit, or one in which the guest has read a leaf. Returns whether it ends one. */
static __noinline bool unusual_entry(struct ec_slot *slot, const struct kvm_vcpu *vcpu)
{
	if (slot->pending == EC_NO_EXIT) {
		on_unpaired_entry(slot);
		return false;
	}
	if (vcpu)
		after_leaf(slot, vcpu);
	return true;
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
	/* For the verifier, which has lost the bound. */
	barrier_var(bucket);
	add_one(audit, bias, bucket & BUCKET(EC_HIST_BUCKETS - 1));
	if (faults & EC_EXCEEDED)
		audit->exceeded++;
	if (faults & EC_UNTIMED)
		audit->untimed++;
	if (faults & EC_DIFFERED)
		audit->differed++;
}

/* An exit that has ended, and what the vCPU's thread did meanwhile. */
struct ended {
	ec_u64 time, exits, added, window; /* exits and added: KVM's */
	ec_u32 bucket;			   /* of the bias, in bytes */
	ec_u32 cpu;
	bool switched, user_space;
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
	const struct ec_difference difference = {
		.slot = current_place(),
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
	ec_u32 set = slot->nested << EC_NESTED, faults = audit_faults(row, exit);

	if (exit->user_space)
		set |= 1 << EC_USER_SPACE;
	if (exit->time >> EC_LONG_BITS)
		set |= 1 << EC_LONG;
	if (slot->count == 1)
		set |= 1 << EC_FIRST;
	if (exit->switched) {
		set |= 1 << EC_SWITCHED;
		if (slot->cpu != exit->cpu)
			set |= 1 << EC_MOVED;
	}
	if (faults == NOT_COMPARED)
		return;
	audit_add(&row->audit, exit->bucket, faults);
	audit_add(&cpu->audit, exit->bucket, faults);
	if (slot->count == 1)
		slot->first_exit = EC_FIRST_BUCKET(exit->bucket / sizeof(ec_u32)) | faults;
	for (int i = 0; i < EC_FIRST; i++)
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
					const struct kvm_vcpu *vcpu, bool cast, bool tsc)
{
	struct ec_cpu *cpu = hot(EC_CPUS, cpu_place());
	const struct task_struct *task = bpf_get_current_task_btf();
	ec_u64 switches = task->nvcsw + task->nivcsw;
	ec_u64 runs = *(ec_u64 *)((void *)vcpu + hot_number(EC_AT_RUNS));
	bool same = switches == slot->switches, user_space = runs != slot->runs;

	if (likely(row)) {
		ec_u64 exits = load_u64(row->exits_at, cast);
		ec_u64 cycles = load_u64(row->cycles_at, cast);
		ec_u64 added = cycles - row->kvm_cycles, window = cycles_of(time, tsc);
		long long bias = window - added, rest = bias - (window >> EC_CACHE_BITS);
		ec_u32 place = bucket(rest < 0 ? 0 : rest);

		row->kvm_cycles = cycles;
		if (likely(same && exits == row->count + row->kvm_ahead && added && bias >= 0 &&
			   !(time >> EC_LONG_BITS))) {
			add_one(row, audit.bias, place);
			add_one(cpu, audit.bias, place);
			if (unlikely(user_space))
				add_one(slot, audit[EC_USER_SPACE].bias, place);
			if (unlikely(slot->nested))
				add_one(slot, audit[EC_NESTED].bias, place);
		} else {
			const struct ended exit = {
				.time = time,
				.exits = exits,
				.added = added,
				.window = window,
				.switched = !same && switches != ~slot->switches,
				.user_space = user_space,
				.bucket = place,
				.cpu = bpf_get_smp_processor_id(),
			};

			audit_unusual(slot, row, cpu, &exit);
		}
	}
	if (unlikely(!same)) {
		/* The first exit differs, whatever the thread does: it is an unusual one. */
		slot->switches = slot->count ? switches : ~switches;
		slot->cpu = bpf_get_smp_processor_id();
	}
	slot->runs = runs;
	slot->nested = *(ec_u64 *)((void *)vcpu + hot_number(EC_AT_GUEST_MODE));
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

/* ---- details: what tells the exits of a reason apart ---- */

/* Of EXITINFO1 of a nested page fault, and of an exit qualification: the page may be read, written, executed. */
#define PFERR_PRESENT (1 << 0)
#define PFERR_RESERVED (1 << 3)
#define EPT_VIOLATION_PERMISSIONS (7 << 3)

static __always_inline ec_u32 detail_hash(ec_u64 detail)
{
	return detail * 0x9e3779b97f4a7c15 >> (64 - EC_DETAIL_HASH_BITS);
}

/* The place of a detail that was not the last one of its hash. */
static __noinline ec_u32 find_detail(struct ec_slot *slot, struct ec_row *row, ec_u64 detail)
{
	const struct ec_detail_key key = {
		.slot = current_place(),
		.index = row->index,
		.detail = detail,
	};
	ec_u32 *known = bpf_map_lookup_elem(&details, &key), place;

	if (detail == EC_DETAIL_OTHER)
		return row->other;
	if (known) {
		place = *known;
	} else {
		if (row->nr_details >= EC_DETAIL_MAX)
			return row->other;
		place = new_detail(slot, row->index, detail);
		if (!place)
			return row->other;
		row->nr_details++;
		/* Of a full map, it is found by its hash alone, or is made once more. */
		bpf_map_update_elem(&details, &key, &place, BPF_ANY);
	}
	row->detail[detail_hash(detail)] = place;
	return place;
}

/* At an exit: its detail, if that is known now. */
static __always_inline ec_u64 detail_at_exit(const struct kvm_vcpu *vcpu, const void *vmcb,
					     const struct ec_row *row, enum exit_isa isa, bool cast)
{
	const void *regs = (void *)vcpu + hot_number(EC_AT_REGS);
	const ec_u32 *eax = regs, *ecx = regs + sizeof(ec_u64);
	ec_u32 kind = row->kind;
	ec_u64 info;

	if (kind == EC_DETAIL_EAX)
		return *eax | EC_DETAIL;
	if (kind == EC_DETAIL_ECX)
		return *ecx | EC_DETAIL;
	if (isa != EXIT_ISA_SVM || kind >= EC_DETAIL_AT_ENTRY)
		return EC_DETAIL_OTHER;
	info = load_u64(vmcb + bpf_core_field_offset(struct vmcb, control.exit_info_1), cast);
	if (kind == EC_DETAIL_INFO_1)
		return (info & row->detail_mask) | EC_DETAIL;
	if (kind == EC_DETAIL_MSR)
		return *ecx | (info & 1) << 32 | EC_DETAIL;
	if (!(info & (PFERR_PRESENT | PFERR_RESERVED)))
		return EC_MEMORY_ABSENT | EC_DETAIL;
	vmcb += bpf_core_field_offset(struct vmcb, control.exit_info_2);
	return (load_u64(vmcb, cast) & EC_PAGE_MASK) | EC_DETAIL |
	       (info & PFERR_RESERVED ? EC_MEMORY_MMIO : EC_MEMORY_DENIED);
}

/* What KVM has kept of a field of the VMCS. */
#define vmx_field(vcpu, type, name, cast)                                             \
	({                                                                            \
		const void *__at = (vcpu);                                            \
                                                                                      \
		if (bpf_core_field_exists(struct vcpu_vmx, name))                     \
			__at += bpf_core_field_offset(struct vcpu_vmx, name);         \
		else                                                                  \
			__at += bpf_core_field_offset(struct vcpu_vmx___vt, vt.name); \
		load_##type(__at, cast);                                              \
	})

/* At the entry: what KVM has read of the exit meanwhile. */
static __always_inline ec_u64 detail_at_entry(const struct kvm_vcpu *vcpu,
					      const struct ec_slot *slot, const struct ec_row *row,
					      bool cast)
{
	ec_u32 available, kind = row->kind;
	ec_u64 value;

	if (config.isa == EXIT_ISA_SVM)
		return exit_number(vcpu, vmcb_of(vcpu, EXIT_ISA_SVM, cast), EXIT_ISA_SVM, cast) |
		       EC_DETAIL;
	available = member(vcpu, ec_u32, regs_avail);
	if (kind == EC_DETAIL_EPT_MISCONFIG)
		return slot->detail;
	if (kind == EC_DETAIL_INTR_INFO) {
		value = vmx_field(vcpu, u32, exit_intr_info, cast);
		if (!(available & config.available.intr_info))
			return EC_DETAIL_OTHER;
		return (value & row->detail_mask) | EC_DETAIL;
	}
	if (!(available & config.available.qualification))
		return EC_DETAIL_OTHER;
	value = vmx_field(vcpu, u64, exit_qualification, cast);
	if (kind == EC_DETAIL_QUALIFICATION)
		return (value & row->detail_mask) | EC_DETAIL;
	return value & EPT_VIOLATION_PERMISSIONS ? slot->detail : EC_MEMORY_ABSENT | EC_DETAIL;
}

/* Adds an exit that has ended to its detail. */
static __always_inline struct ec_detail *add_detail(struct ec_slot *slot, struct ec_row *row,
						    ec_u64 key, const struct took *took)
{
	ec_u32 bucket = took->bucket;
	struct ec_detail *detail = hot(EC_DETAILS, row->detail[detail_hash(key)]);

	if (unlikely(detail->key != key))
		detail = hot(EC_DETAILS, find_detail(slot, row, key));
	detail->time += took->time;
	if (unlikely(took->time > detail->max))
		detail->max = took->time;
	/* For the verifier, which has lost the bound. */
	barrier_var(bucket);
	add_one(detail, hist, bucket & BUCKET(EC_HIST_BUCKETS - 1));
	return detail;
}

static __always_inline void keep_page(struct ec_slot *slot, ec_u64 address)
{
	struct ec_row *row = slot->pending == EC_NO_EXIT ? NULL : at(EC_ROWS, slot->pending);

	if (row && row->kind == EC_DETAIL_EPT_MISCONFIG)
		slot->detail = (address & EC_PAGE_MASK) | EC_MEMORY_MMIO | EC_DETAIL;
	else if (row && row->kind == EC_DETAIL_EPT_VIOLATION)
		slot->detail = (address & EC_PAGE_MASK) | EC_MEMORY_DENIED | EC_DETAIL;
}

/* KVM is about to handle a fault on guest memory. With VMX, nothing else keeps the address. */
SEC("kprobe/kvm_mmu_page_fault")
int btf_page_fault(struct pt_regs *regs)
{
	ec_u64 key = PT_REGS_PARM1(regs);
	ec_u32 *place = bpf_map_lookup_elem(&by_key, &key);
	struct ec_slot *slot = place ? at(EC_SLOTS, *place) : NULL;

	if (slot)
		keep_page(slot, PT_REGS_PARM2(regs));
	return 0;
}

/* Or has handled it already. */
SEC("raw_tp/kvm_fast_mmio")
int btf_fast_mmio(struct bpf_raw_tracepoint_args *ctx)
{
	struct ec_slot *slot = at(EC_SLOTS, current_place());

	if (slot && slot->task == bpf_get_current_task())
		keep_page(slot, ctx->args[0]);
	return 0;
}

/* ---- the programs ---- */

/* The slot of the vCPU that this CPU entered last, or find() has just found. */
#define hot_slot() hot(EC_SLOTS, ((struct ec_cpu *)hot(EC_CPUS, cpu_place()))->slot)

/* What an entry does beside its count and time, in bits. */
enum more {
	AUDIT = 1,
	DETAIL = 2,
	SPLIT = 4,
	OVER = 8, /* with these two */
};

static __always_inline int on_btf_entry(const struct kvm_vcpu *vcpu, enum more more, bool cast,
					bool tsc)
{
	ec_u64 begin = now(tsc);
	struct ec_cpu *cpu = hot(EC_CPUS, cpu_place());
	struct ec_slot *slot = hot(EC_SLOTS, cpu->slot);
	struct ec_detail *detail = NULL;
	struct took took = {};
	bool ends_exit = true;
	struct ec_row *row;
	ec_u32 pending;

	if (unlikely(slot->key != (ec_u64)vcpu)) {
		if (!find(vcpu, true))
			return 0;
		slot = hot_slot();
	}
	/* First, as the exit that reads is not timed yet. */
	pending = slot->pending;
	if (unlikely((int)pending < 0)) {
		ends_exit = unusual_entry(slot, vcpu);
		slot = hot_slot();
		pending = slot->pending;
	}
	row = NULL;
	if (ends_exit) {
		row = on_entry(slot, pending, begin, &took);
		/* Until the next exit is noted as a whole, for who reads meanwhile. */
		slot->open = 0;
	}
	if (more & DETAIL && vcpu && row && row->kind)
		detail = add_detail(slot, row,
				    row->kind < EC_DETAIL_AT_ENTRY ?
					    slot->detail :
					    detail_at_entry(vcpu, slot, row, cast),
				    &took);
	if (more & SPLIT)
		add_parts(cpu, row, detail, took.time, begin, more & OVER);
	if (!(more & AUDIT) || !vcpu || !slot->accounted)
		return 0;
	audit_entry(slot, row, took.time, vcpu, cast, tsc);
	if (row && unlikely(!(row->count & 15))) {
		/* A window much as that of the bias, but this program's alone. */
		add_one(slot, own, bucket(cycles_of(now(tsc) - begin, tsc)));
		if (tsc)
			keep_clocks(slot, begin);
	}
	return 0;
}

/* Here and below the loader picks the ones that fit: a condition would cost instructions at each exit. */
#define BTF_ENTRY(name, more, cast, tsc)                    \
	SEC("tp_btf/kvm_entry")                             \
	int BPF_PROG(name, const struct kvm_vcpu *vcpu)     \
	{                                                   \
		return on_btf_entry(vcpu, more, cast, tsc); \
	}
BTF_ENTRY(btf_entry, 0, false, false)
BTF_ENTRY(btf_entry_tsc, 0, false, true)
BTF_ENTRY(btf_entry_audit, AUDIT, true, false)
BTF_ENTRY(btf_entry_audit_tsc, AUDIT, true, true)
BTF_ENTRY(btf_entry_audit_nocast, AUDIT, false, false)
BTF_ENTRY(btf_entry_audit_nocast_tsc, AUDIT, false, true)
BTF_ENTRY(btf_entry_detail, DETAIL, true, false)
BTF_ENTRY(btf_entry_detail_tsc, DETAIL, true, true)
BTF_ENTRY(btf_entry_detail_nocast, DETAIL, false, false)
BTF_ENTRY(btf_entry_detail_nocast_tsc, DETAIL, false, true)
BTF_ENTRY(btf_entry_split, SPLIT, false, false)
BTF_ENTRY(btf_entry_split_tsc, SPLIT, false, true)
BTF_ENTRY(btf_entry_detail_split, DETAIL | SPLIT, true, false)
BTF_ENTRY(btf_entry_detail_split_tsc, DETAIL | SPLIT, true, true)
BTF_ENTRY(btf_entry_detail_split_nocast, DETAIL | SPLIT, false, false)
BTF_ENTRY(btf_entry_detail_split_nocast_tsc, DETAIL | SPLIT, false, true)
BTF_ENTRY(btf_entry_over, DETAIL | SPLIT | OVER, true, false)
BTF_ENTRY(btf_entry_over_tsc, DETAIL | SPLIT | OVER, true, true)
BTF_ENTRY(btf_entry_over_nocast, DETAIL | SPLIT | OVER, false, false)
BTF_ENTRY(btf_entry_over_nocast_tsc, DETAIL | SPLIT | OVER, false, true)

/*
 * Mostly on the CPU of the last entry, since interrupts are off in between. Not on v6.1's SVM,
 * which traces the exit later, when it handles it.
 */
static __always_inline int on_btf_exit(const struct kvm_vcpu *vcpu, enum exit_isa isa, bool detail,
				       bool cast, bool tsc)
{
	const ec_u32 cpuid = isa == EXIT_ISA_SVM ? SVM_EXIT_CPUID : VMX_EXIT_CPUID;
	struct ec_slot *slot = hot_slot();
	const void *vmcb;
	struct ec_row *row;

	if (unlikely(!vcpu))
		return 0;
	if (unlikely(slot->key != (ec_u64)vcpu)) {
		if (!find(vcpu, false))
			return 0;
		slot = hot_slot();
	}
	vmcb = vmcb_of(vcpu, isa, cast);
	row = on_exit(slot, isa, exit_number(vcpu, vmcb, isa, cast));
	if (row->index == cpuid && is_leaf(*(ec_u64 *)((void *)vcpu + hot_number(EC_AT_REGS))))
		before_leaf(slot, vcpu);
	if (detail && row->kind)
		slot->detail = detail_at_exit(vcpu, vmcb, row, isa, cast);
	/* Last, so that the time is the exit's and not this program's. */
	slot->open = now(tsc);
	return 0;
}

#define BTF_EXIT(name, isa, detail, cast, tsc)                    \
	SEC("tp_btf/kvm_exit")                                    \
	int BPF_PROG(name, const struct kvm_vcpu *vcpu)           \
	{                                                         \
		return on_btf_exit(vcpu, isa, detail, cast, tsc); \
	}
BTF_EXIT(btf_exit_svm, EXIT_ISA_SVM, false, true, false)
BTF_EXIT(btf_exit_svm_tsc, EXIT_ISA_SVM, false, true, true)
BTF_EXIT(btf_exit_svm_nocast, EXIT_ISA_SVM, false, false, false)
BTF_EXIT(btf_exit_svm_nocast_tsc, EXIT_ISA_SVM, false, false, true)
BTF_EXIT(btf_exit_svm_detail, EXIT_ISA_SVM, true, true, false)
BTF_EXIT(btf_exit_svm_detail_tsc, EXIT_ISA_SVM, true, true, true)
BTF_EXIT(btf_exit_svm_detail_nocast, EXIT_ISA_SVM, true, false, false)
BTF_EXIT(btf_exit_svm_detail_nocast_tsc, EXIT_ISA_SVM, true, false, true)
BTF_EXIT(btf_exit_vmx, EXIT_ISA_VMX, false, true, false)
BTF_EXIT(btf_exit_vmx_tsc, EXIT_ISA_VMX, false, true, true)
BTF_EXIT(btf_exit_vmx_nocast, EXIT_ISA_VMX, false, false, false)
BTF_EXIT(btf_exit_vmx_nocast_tsc, EXIT_ISA_VMX, false, false, true)
BTF_EXIT(btf_exit_vmx_detail, EXIT_ISA_VMX, true, true, false)
BTF_EXIT(btf_exit_vmx_detail_tsc, EXIT_ISA_VMX, true, true, true)
BTF_EXIT(btf_exit_vmx_detail_nocast, EXIT_ISA_VMX, true, false, false)
BTF_EXIT(btf_exit_vmx_detail_nocast_tsc, EXIT_ISA_VMX, true, false, true)

/* Where the time of exits goes. */
#define BTF_SPLIT(suffix, tsc)                                                       \
	SEC("tp_btf/sched_switch")                                                   \
	int BPF_PROG(btf_switch##suffix, bool preempt, struct task_struct *previous, \
		     struct task_struct *next)                                       \
	{                                                                            \
		return on_switch(previous, next, tsc);                               \
	}                                                                            \
	SEC("tp_btf/kvm_vcpu_wakeup")                                                \
	int BPF_PROG(btf_wakeup##suffix, ec_u64 ns)                                  \
	{                                                                            \
		return on_wakeup(ns, tsc);                                           \
	}                                                                            \
	SEC("tp_btf/kvm_userspace_exit")                                             \
	int btf_return##suffix(void *ctx)                                            \
	{                                                                            \
		return on_return(tsc);                                               \
	}
BTF_SPLIT(, false)
BTF_SPLIT(_tsc, true)

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
	ec_u64 vcpu = PT_REGS_PARM1(regs), kvm = 0, last_stat = 0;
	ec_u32 created = 0;
	struct vm *vm;

	bpf_probe_read_kernel(&last_stat, sizeof(last_stat), (void *)vcpu + config.offsets.exits);
	on_death(vcpu, last_stat);
	bpf_probe_read_kernel(&kvm, sizeof(kvm), (void *)vcpu + config.offsets.kvm);
	bpf_probe_read_kernel(&created, sizeof(created),
			      (void *)kvm + config.offsets.created_vcpus);
	vm = bpf_map_lookup_elem(&vms, &kvm);
	if (vm && __sync_fetch_and_add(&vm->gone, 1) + 1 >= created)
		bpf_map_delete_elem(&vms, &kvm);
	return 0;
}
