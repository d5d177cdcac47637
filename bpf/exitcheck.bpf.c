// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts and times every VM exit independently of KVM, and compares each leaf that a guest reads
 * with its own number in place: kvm_cpuid fires within the exit that reads the leaf. The loader
 * attaches it by tp_btf, or by the classic tracepoints with offsets from tracefs.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "exitcheck.h"
#include "kvm_types.h"

char LICENSE[] SEC("license") = "GPL";

/* libbpf has them since 1.6. */
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#define SVM_EXIT_CPUID 0x72
#define VMX_EXIT_CPUID 10
#define EC_TOTAL EC_UNSEEN /* the sum over reasons, where an index is asked for */

/* Set before the program is loaded. */
const volatile ec_u32 isa;
const volatile ec_u32 nr_slots;
const volatile bool watch;		    /* take a slot at first sight */
const volatile bool leaves_all;		    /* kvm.exit_leaves=all: every VM has them */
const volatile ec_u64 pidns_dev, pidns_ino; /* the loader's, 0 if there are none */
const volatile struct ec_fields fields;
const volatile struct ec_offsets offsets;
const volatile bool audit;			 /* KVM accounts for exits, and offsets has where */
const volatile ec_u8 kvm_index[EXIT_NR_INDICES]; /* where KVM's account has what index here */
const volatile ec_u64 cycles_per_ns; /* of the TSC, with EC_CYCLES_BITS fraction bits; 0: unknown */

/* Shared with the loader. */
bool ready;
ec_u32 nr_vcpus;
struct ec_stats stats;
struct ec_mismatch mismatches[EC_MAX_MISMATCHES];

static ec_u32 nr_vms;

/* Plain variables: an addition reaches them, where a map needs a lookup. */
struct ec_vcpu vcpus[EC_SLOTS];
struct ec_cpu cpus[EC_MAX_CPUS];

/* Threads that the loader registered: thread, in its PID namespace -> slot. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, ec_u32);
	__type(value, ec_u32);
} registered SEC(".maps");

/* ec_vcpu.key -> slot. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, ec_u64);
	__type(value, ec_u32);
} by_key SEC(".maps");

/* Thread, the kernel's number -> slot of the vCPU that it runs, for kvm_cpuid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, ec_u32);
	__type(value, ec_u32);
} by_thread SEC(".maps");

/* A VM, to the kernel: it belongs to one process. */
struct vm_key {
	ec_u64 kvm, tgid;
};

/* VM -> its number << 32 | slots that it has taken. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct vm_key);
	__type(value, ec_u64);
} vms SEC(".maps");

/* A vCPU as an event shows it, for the slow path to its slot. */
struct identity {
	ec_u64 key;
	ec_u64 kvm; /* 0 if unknown: the process will have just one VM */
	ec_u32 vcpu_id;
	ec_u32 nr_vcpus; /* vCPUs created in that VM, 0 if unknown */
	ec_u32 thread;
	ec_u32 entering; /* the event is an entry */
	ec_u32 fresh;	 /* has never exited before */
	ec_u32 used;	 /* has exited before; neither flag is set if the kernel does not tell */
};

/* The mask repeats the bound for the verifier, which has lost it. */
static __always_inline struct ec_vcpu *slot_vcpu(ec_u32 slot)
{
	barrier_var(slot);
	return &vcpus[slot & (EC_SLOTS - 1)];
}

static __always_inline struct ec_cpu *this_cpu(void)
{
	return &cpus[bpf_get_smp_processor_id() & (EC_MAX_CPUS - 1)];
}

static __always_inline ec_u32 current_thread(void)
{
	return (ec_u32)bpf_get_current_pid_tgid();
}

/* The current thread and process, as the loader knows them where it can see them. */
static __always_inline void current_ids(struct bpf_pidns_info *ids)
{
	ec_u64 kernel;

	if (pidns_ino && !bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, ids, sizeof(*ids)))
		return;
	kernel = bpf_get_current_pid_tgid();
	ids->pid = (ec_u32)kernel;
	ids->tgid = kernel >> 32;
}

/*
 * The number of the VM of a vCPU that takes a slot; 0 if unknown. If all vCPUs of a VM have slots
 * already, another vCPU belongs to a new VM at the same address.
 */
static __always_inline ec_u32 vm_number(const struct identity *id)
{
	struct vm_key key = { id->kvm, bpf_get_current_pid_tgid() >> 32 };
	ec_u64 none = 0, old, new, *vm;
	int try;

	bpf_map_update_elem(&vms, &key, &none, BPF_NOEXIST);
	vm = bpf_map_lookup_elem(&vms, &key);
	if (!vm)
		return 0;
	for (try = 0; try < 8; try++) {
		old = *(volatile ec_u64 *)vm;
		if (old && (!id->nr_vcpus || (ec_u32)old < id->nr_vcpus))
			new = old + 1;
		else
			new = (ec_u64)(__sync_fetch_and_add(&nr_vms, 1) + 1) << 32 | 1;
		if (__sync_val_compare_and_swap(vm, old, new) == old)
			return new >> 32;
	}
	return 0;
}

/* Watch mode, first sight of a vCPU: the next free slot, EC_NO_SLOT if there is none. */
static __always_inline ec_u32 take_slot(const struct identity *id)
{
	struct bpf_pidns_info ids = {};
	struct ec_vcpu *vcpu;
	ec_u32 slot;

	if (*(volatile ec_u32 *)&nr_vcpus >= nr_slots)
		return EC_NO_SLOT;
	slot = __sync_fetch_and_add(&nr_vcpus, 1);
	if (slot >= nr_slots)
		return EC_NO_SLOT;
	vcpu = slot_vcpu(slot);
	current_ids(&ids);
	vcpu->tid = ids.pid;
	vcpu->tgid = ids.tgid;
	vcpu->vcpu_id = id->vcpu_id;
	vcpu->vm = vm_number(id);
	vcpu->joined_late = !id->fresh || !vcpu->vm;
	vcpu->pending_reason = EC_UNSEEN;
	return slot;
}

/* The slot that the loader gave to the current thread, EC_NO_SLOT if there is none. */
static __always_inline ec_u32 registered_slot(const struct identity *id)
{
	struct bpf_pidns_info ids = {};
	struct ec_vcpu *vcpu;
	ec_u32 *slot;

	current_ids(&ids);
	slot = bpf_map_lookup_elem(&registered, &ids.pid);
	if (!slot)
		return EC_NO_SLOT;
	vcpu = slot_vcpu(*slot);
	/* A registered thread may also run a vCPU that is not ours. */
	if (vcpu->key || vcpu->vcpu_id != id->vcpu_id)
		return EC_NO_SLOT;
	vcpu->joined_late = id->used;
	return *slot;
}

/*
 * Records which vCPU a thread runs, for kvm_cpuid. A thread owns at most one slot. False if the map
 * is full.
 */
static __noinline bool set_owner(ec_u32 slot, ec_u32 thread)
{
	struct ec_vcpu *vcpu = slot_vcpu(slot);
	ec_u32 *last;

	if (vcpu->owner == thread)
		return true;
	last = bpf_map_lookup_elem(&by_thread, &thread);
	if (!last || *last != slot) {
		struct ec_vcpu *former = last ? slot_vcpu(*last) : NULL;

		if (former && former->owner == thread)
			former->owner = 0;
		if (bpf_map_update_elem(&by_thread, &thread, &slot, BPF_ANY)) {
			__sync_fetch_and_add(&stats.no_map, 1);
			return false;
		}
	}
	vcpu->owner = thread;
	return true;
}

static __always_inline ec_u32 known_slot(const struct identity *id)
{
	ec_u64 key = id->key;
	ec_u32 *known = bpf_map_lookup_elem(&by_key, &key), slot;
	struct ec_vcpu *vcpu;

	if (known && id->fresh && id->entering) {
		/* The slot's former vCPU is gone, this is another one. */
		slot_vcpu(*known)->key = 0;
		bpf_map_delete_elem(&by_key, &key);
		known = NULL;
	}
	if (known)
		return *known;
	slot = watch ? take_slot(id) : registered_slot(id);
	if (slot == EC_NO_SLOT)
		return slot;
	vcpu = slot_vcpu(slot);
	if (bpf_map_update_elem(&by_key, &key, &slot, BPF_ANY)) {
		__sync_fetch_and_add(&stats.no_map, 1);
		return EC_NO_SLOT;
	}
	vcpu->key = key;
	return slot;
}

/*
 * The slow path to a vCPU's slot, EC_NO_SLOT if it has none: at first sight, and after its thread
 * moved to another CPU. A closed gate clears the slots of all CPUs, so every program comes here,
 * and only here checks the gate.
 */
static __noinline ec_u32 find_slot(const struct identity *id)
{
	struct ec_cpu *cpu = this_cpu();
	ec_u32 slot = known_slot(id);

	if (slot == EC_NO_SLOT || !set_owner(slot, id->thread))
		return EC_NO_SLOT;
	/* If the loader closes the gate now, either side sees the other's store. */
	__sync_lock_test_and_set(&cpu->slot, slot);
	if (!*(volatile bool *)&ready) {
		cpu->slot = EC_NO_SLOT;
		return EC_NO_SLOT;
	}
	return slot;
}

/* The counters of a reason. The mask repeats the bound for the verifier, which has lost it. */
static __always_inline struct ec_reason *reason_at(struct ec_vcpu *vcpu, ec_u32 index)
{
	barrier_var(index);
	return &vcpu->reason[index < EXIT_NR_INDICES ? index : EXIT_INDEX_OTHER];
}

/* Log2 of a byte. */
#define TIMES_4(b) b, b, b, b
#define TIMES_16(b) TIMES_4(b), TIMES_4(b), TIMES_4(b), TIMES_4(b)
#define TIMES_64(b) TIMES_16(b), TIMES_16(b), TIMES_16(b), TIMES_16(b)
static const ec_u8 log2_of[256] = {
	0,	     0,		  1,	       1,	    TIMES_4(2),	 TIMES_4(3),  TIMES_4(3),
	TIMES_16(4), TIMES_16(5), TIMES_16(5), TIMES_64(6), TIMES_64(7), TIMES_64(7),
};

/* The common case comes first. */
static __always_inline ec_u32 log2_bucket(ec_u64 ns)
{
	if (ns < 1 << 16) {
		if (ns < 1 << 8)
			return log2_of[ns];
		return 8 + log2_of[ns >> 8];
	}
	if (ns < 1 << 24)
		return 16 + log2_of[ns >> 16];
	if (ns < 1ULL << EC_HIST_BUCKETS)
		return 24 + log2_of[ns >> 24];
	return EC_HIST_BUCKETS - 1;
}

/* The mask repeats the bound for the verifier, which may have lost it. */
static __always_inline ec_u32 *bucket_at(ec_u32 *buckets, ec_u32 bucket)
{
	barrier_var(bucket);
	return &buckets[bucket & (EC_HIST_BUCKETS - 1)];
}

/* A VM entry ends the pending exit, if any: its index, and how long it took. */
static __always_inline bool on_entry(struct ec_vcpu *vcpu, ec_u64 now, ec_u32 *ended, ec_u64 *took)
{
	ec_u32 index = vcpu->pending_reason;
	struct ec_reason *reason;
	ec_u64 ns;

	vcpu->pending_reason = EC_IN_GUEST;
	if (index >= EXIT_NR_INDICES) {
		vcpu->unpaired_entries++;
		if (index == EC_IN_GUEST)
			vcpu->failed_entries++;
		return false;
	}
	reason = &vcpu->reason[index];
	ns = now - vcpu->open_ns;
	reason->ns += ns;
	if (ns > reason->max_ns)
		reason->max_ns = ns;
	/* Minus one, so that the initial 0 is above everything. */
	if (ns - 1 < reason->min_ns - 1)
		reason->min_ns = ns;
	reason->hist[log2_bucket(ns)]++;
	*ended = index;
	*took = ns;
	return true;
}

static __always_inline ec_u32 cpuid_index(void)
{
	return isa == EXIT_ISA_SVM ? SVM_EXIT_CPUID : VMX_EXIT_CPUID;
}

static __noinline ec_u32 rare_index(ec_u32 of, ec_u32 number)
{
	return exit_index(of, number);
}

static __always_inline void on_exit(struct ec_vcpu *vcpu, ec_u32 of, ec_u32 number)
{
	const ec_u32 last = of == EXIT_ISA_VMX ? EXIT_LAST_PLAIN_VMX : EXIT_LAST_PLAIN_SVM;
	ec_u32 index = number;

	if (unlikely(number > last)) {
		index = rare_index(of, number);
		if (index > EXIT_INDEX_OTHER)
			return;
	}
	vcpu->pending_reason = index;
	vcpu->reason[index].count++;
}

/* Account an exit of an untracked vCPU. */
static __always_inline void on_exit_elsewhere(void)
{
	if (watch)
		__sync_fetch_and_add(&stats.no_slot, 1);
	else
		__sync_fetch_and_add(&stats.foreign, 1);
}

/* ---- comparison in place ---- */

/* The exits of a vCPU, or of one of its reasons. Another vCPU may be running meanwhile. */
static __always_inline ec_u64 exits(struct ec_vcpu *vcpu, ec_u32 index)
{
	ec_u64 sum = 0;

	if (index < EXIT_NR_INDICES)
		return *(volatile ec_u64 *)&reason_at(vcpu, index)->count;
	for (index = 0; index < EXIT_NR_INDICES; index++)
		sum += *(volatile ec_u64 *)&vcpu->reason[index].count;
	return sum;
}

struct others {
	ec_u32 vm, slot; /* all slots of the VM but this one */
	ec_u32 index;	 /* of a reason, or EC_TOTAL */
	ec_u32 nr;
	ec_u32 joined_late;
	ec_u32 leaves;
	ec_u64 count;
};

static long add_other(ec_u32 slot, struct others *others)
{
	struct ec_vcpu *vcpu;

	if (slot == others->slot)
		return 0;
	if (slot >= nr_slots)
		return 1;
	vcpu = slot_vcpu(slot);
	if (vcpu->vm != others->vm)
		return 0;
	others->nr++;
	others->joined_late |= vcpu->joined_late;
	others->leaves |= vcpu->leaves;
	others->count += exits(vcpu, others->index);
	return 0;
}

/* What the other vCPUs of the VM have counted. */
static __always_inline void sum_others(struct others *others, const struct ec_vcpu *vcpu,
				       ec_u32 slot, ec_u32 index)
{
	*others = (struct others){ .vm = vcpu->vm, .slot = slot, .index = index };
	bpf_loop(nr_vcpus, add_other, others, 0);
}

/* The place of the sum over the other vCPUs, taken before a VM-wide leaf was read. */
static __always_inline ec_u64 *vm_others(struct ec_vcpu *vcpu, ec_u32 index)
{
	return index < EXIT_NR_INDICES ? &reason_at(vcpu, index)->vm_others : &vcpu->vm_others;
}

/* The number of exits in the histogram: all completed exits of a reason. */
static __always_inline ec_u64 timed(const struct ec_reason *reason)
{
	ec_u64 sum = 0;
	int b;

	for (b = 0; b < EC_HIST_BUCKETS; b++)
		sum += reason->hist[b];
	return sum;
}

/* One leaf that the guest read, and the answer. */
struct leaf_read {
	ec_u32 function, index;
	ec_u32 eax, ebx, ecx, edx;
	ec_u32 thread;
};

static __always_inline bool has_signature(const struct leaf_read *read)
{
	union {
		char text[sizeof(LEAF_SIGNATURE)];
		ec_u32 word[3];
	} signature = { .text = LEAF_SIGNATURE };

	return read->ebx == signature.word[0] && read->ecx == signature.word[1] &&
	       read->edx == signature.word[2];
}

static __noinline void record(struct ec_vcpu *vcpu, ec_u32 slot, const struct leaf_read *read,
			      const struct ec_mismatch *values)
{
	ec_u32 leaf = read->function - LEAF_FIRST;
	ec_u64 nr = __sync_fetch_and_add(&stats.mismatches, 1);
	struct ec_mismatch *mismatch;

	if (leaf < LEAF_NR)
		vcpu->differed[leaf]++;
	if (nr >= EC_MAX_MISMATCHES)
		return;
	mismatch = &mismatches[nr];
	*mismatch = *values;
	mismatch->slot = slot;
	mismatch->function = read->function;
	mismatch->index = read->index;
	mismatch->eax = read->eax;
	mismatch->ebx = read->ebx;
	mismatch->ecx = read->ecx;
	mismatch->edx = read->edx;
	mismatch->at_exit = exits(vcpu, EC_TOTAL);
}

/*
 * Compares a leaf with our own numbers. This vCPU's must be equal. Each sibling may have one exit
 * in flight that only we have counted: their sum is at least ours before the read, minus one exit
 * each, and at most ours now.
 */
static __always_inline void compare(struct ec_vcpu *vcpu, ec_u32 slot, const struct leaf_read *read)
{
	ec_u32 leaf = read->function - LEAF_FIRST, index = EC_TOTAL;
	bool vm_wide = leaf_is_vm_wide(read->function);
	struct others others = {};
	struct ec_mismatch values = {};
	struct ec_reason *reason;

	if (leaf >= LEAF_NR)
		return;
	if (leaf_is_by_number(read->function)) {
		bool says_undefined = !read->eax && !read->ebx && !read->ecx &&
				      read->edx == LEAF_UNDEFINED;

		index = exit_index(isa, read->index);
		if (index >= EXIT_INDEX_OTHER) {
			vcpu->compared[leaf]++;
			if (says_undefined)
				return;
			values.malformed = true;
			record(vcpu, slot, read, &values);
			return;
		}
	}

	if (leaf_is_count(read->function)) {
		values.leaf = (ec_u64)read->ebx << 32 | read->eax;
		values.malformed = read->ecx || read->edx;
	} else {
		values.leaf = (ec_u64)read->ebx << 32 | read->ecx;
		values.malformed = read->eax || read->edx;
	}
	if (vm_wide) {
		sum_others(&others, vcpu, slot, index);
		/* We have not seen everything that the leaf counts. */
		if (others.joined_late || stats.no_slot || stats.no_map) {
			vcpu->not_compared++;
			return;
		}
	}

	if (!leaf_is_count(read->function)) {
		/* A different clock: only the loader, which knows its rate, can judge. */
		if (values.malformed) {
			vcpu->compared[leaf]++;
			record(vcpu, slot, read, &values);
		} else if (index < EXIT_NR_INDICES && !others.nr) {
			reason = reason_at(vcpu, index);
			reason->leaf_cycles = values.leaf;
			reason->leaf_ns = reason->ns;
			reason->leaf_timed = timed(reason);
		}
		return;
	}

	values.lower = values.upper = exits(vcpu, index);
	if (others.nr) {
		ec_u64 *before = vm_others(vcpu, index);

		values.upper += others.count;
		if (*before > others.nr)
			values.lower += *before - others.nr;
		*before = others.count;
	}
	vcpu->compared[leaf]++;
	if (values.malformed || values.leaf < values.lower || values.leaf > values.upper)
		record(vcpu, slot, read, &values);
}

/* The guest read one of the leaves; the registers are the answer. */
static __noinline int on_cpuid(const struct leaf_read *read)
{
	ec_u32 thread = read->thread, *slot;
	struct ec_vcpu *vcpu;

	slot = bpf_map_lookup_elem(&by_thread, &thread);
	vcpu = slot ? slot_vcpu(*slot) : NULL;
	if (!vcpu || vcpu->owner != thread || vcpu->pending_reason != cpuid_index() ||
	    vcpu->cpuid_exit != reason_at(vcpu, cpuid_index())->count) {
		/*
		 * Not our VM, an exit from before the gate opened, or not a CPUID exit (KVM may
		 * emulate the instruction in another one).
		 */
		if (vcpu || watch)
			__sync_fetch_and_add(&stats.unread, 1);
		return 0;
	}
	if (read->function == LEAF_DISCOVERY) {
		if (!read->index && has_signature(read))
			vcpu->leaves = true;
		return 0;
	}
	if (!leaves_all && !vcpu->leaves) {
		struct others others;

		/*
		 * A sibling may have read the signature. Without the leaves CPUID answers, too,
		 * with something else.
		 */
		sum_others(&others, vcpu, *slot, EC_TOTAL);
		if (!others.leaves)
			return 0;
		vcpu->leaves = true;
	}
	if (vcpu->joined_late)
		vcpu->not_compared++;
	else
		compare(vcpu, *slot, read);
	return 0;
}

/* ---- tp_btf: KVM's types are known ---- */

/*
 * The verifier knows no way from kvm.ko's struct kvm_vcpu to what embeds it. Cast to a type of
 * vmlinux, it takes plain, fault-proof loads; before v6.2 a helper costs dozens of instructions.
 * Not a __ksym: libbpf would then load nothing of this object without vmlinux BTF.
 */
static void *(*const rdonly_cast)(const void *address, ec_u64 type) = (void *)EC_RDONLY_CAST;

static __always_inline const void *load_pointer(const void *address, bool cast)
{
	const void *value = NULL;

	if (cast)
		return *(void **)rdonly_cast(address, bpf_core_type_id_kernel(struct list_head));
	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

static __always_inline ec_u32 load_u32(const void *address, bool cast)
{
	ec_u32 value = 0;

	if (cast)
		return *(ec_u32 *)rdonly_cast(address, bpf_core_type_id_kernel(struct kref));
	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

static __always_inline ec_u64 load_u64(ec_u64 address, bool cast)
{
	ec_u64 value = 0;

	if (cast)
		return *(ec_u64 *)rdonly_cast((void *)address,
					      bpf_core_type_id_kernel(struct timespec64));
	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

/* struct vcpu_vmx and vcpu_svm begin with their struct kvm_vcpu. */
static __always_inline ec_u32 exit_number(const void *vcpu, enum exit_isa of, bool cast)
{
	if (of == EXIT_ISA_SVM) {
		vcpu = load_pointer(vcpu + bpf_core_field_offset(struct vcpu_svm, vmcb), cast);
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
#define vcpu_member(vcpu, type, name) (*(type *)((void *)(vcpu) + offsets.name))

static __always_inline bool is_fresh(const struct kvm_vcpu *vcpu)
{
	/* stat.exits alone can be reset through debugfs; last_vmentry_cpu stays at
	 * -1 while the first run goes on in the fast path. */
	return !vcpu_member(vcpu, ec_u64, exits) && vcpu_member(vcpu, int, last_vmentry_cpu) == -1;
}

/* The slow path to a vCPU, NULL if it is not watched. */
static __noinline struct ec_vcpu *find_btf(const struct kvm_vcpu *vcpu, bool entering)
{
	struct identity id = { .entering = entering };
	ec_u32 slot;

	if (!ready)
		return NULL;
	id.key = (ec_u64)vcpu;
	id.kvm = vcpu_member(vcpu, ec_u64, kvm);
	id.vcpu_id = vcpu_member(vcpu, int, vcpu_id);
	bpf_probe_read_kernel(&id.nr_vcpus, sizeof(id.nr_vcpus),
			      (void *)id.kvm + offsets.created_vcpus);
	id.thread = current_thread();
	id.fresh = is_fresh(vcpu);
	id.used = !id.fresh;
	slot = find_slot(&id);
	if (slot != EC_NO_SLOT) {
		slot_vcpu(slot)->accounted = audit && vcpu_member(vcpu, bool, accounted);
		return slot_vcpu(slot);
	}
	if (!entering)
		on_exit_elsewhere();
	return NULL;
}

/* ---- audit: KVM has just closed its account of the exit ---- */

/* One exit, as it is held against KVM's account. */
struct audited {
	ec_u32 bucket; /* of the bias */
	bool exceeded, untimed, differed;
};

static __always_inline void audit_add(struct ec_audit *audit, const struct audited *exit)
{
	(*bucket_at(audit->bias, exit->bucket))++;
	if (unlikely(exit->exceeded))
		audit->exceeded++;
	if (unlikely(exit->untimed))
		audit->untimed++;
	if (unlikely(exit->differed))
		audit->differed++;
}

/*
 * Compares an exit that has ended with KVM's account. False: the account holds exits from before this
 * program saw the vCPU, so this one is where the comparison begins.
 */
static __always_inline bool audit_exit(struct ec_vcpu *vcpu, ec_u32 index, ec_u64 ns,
				       struct audited *exit, bool cast)
{
	struct ec_reason *reason = &vcpu->reason[index];
	/* The key is the address, as a number that the verifier lets us add to. */
	ec_u64 account = vcpu->key + kvm_index[index] * sizeof(ec_u64);
	ec_u64 exits = load_u64(account + offsets.exits_by_number, cast);
	ec_u64 cycles = load_u64(account + offsets.cycles_by_number, cast);
	ec_u64 added = cycles - reason->kvm_cycles, window, bias, error;

	reason->kvm_cycles = cycles;
	if (unlikely(!reason->kvm_known)) {
		reason->kvm_known = 1;
		if (vcpu->joined_late) {
			reason->kvm_ahead = exits - reason->count;
			return false;
		}
	}
	exit->differed = exits - reason->kvm_ahead != reason->count;
	exit->untimed = !added;
	window = ns * cycles_per_ns >> EC_CYCLES_BITS;
	/* Both readings of the clock were truncated. */
	error = (window >> EC_CLOCK_BITS) + (cycles_per_ns >> (EC_CYCLES_BITS - 1));
	exit->exceeded = added > window + error;
	error = window >> EC_CACHE_BITS;
	bias = window > added + error ? window - added - error : 0;
	exit->bucket = log2_bucket(bias);
	audit_add(&reason->audit, exit);
	audit_add(&this_cpu()->audit, exit);
	return true;
}

/* At an entry: what the vCPU did since the exit, which ended is the index of if there was one. */
static __always_inline void audit_entry(struct ec_vcpu *vcpu, const struct kvm_vcpu *kvm_vcpu,
					bool has_ended, ec_u32 ended, ec_u64 ns, bool cast)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	ec_u64 switches = task->nvcsw + task->nivcsw;
	ec_u32 cpu = bpf_get_smp_processor_id();
	struct audited exit = {};

	if (has_ended && audit_exit(vcpu, ended, ns, &exit, cast)) {
		if (unlikely(vcpu->nested))
			audit_add(&vcpu->audit[EC_NESTED], &exit);
		if (unlikely(vcpu->switches != switches))
			audit_add(&vcpu->audit[EC_SWITCHED], &exit);
		if (unlikely(vcpu->cpu != cpu))
			audit_add(&vcpu->audit[EC_MOVED], &exit);
		if (unlikely(vcpu->user_space))
			audit_add(&vcpu->audit[EC_USER_SPACE], &exit);
		if (unlikely(ns >> EC_LONG_BITS))
			audit_add(&vcpu->audit[EC_LONG], &exit);
	}
	vcpu->nested = vcpu_member(kvm_vcpu, ec_u64, guest_mode);
	vcpu->switches = switches;
	vcpu->cpu = cpu;
	vcpu->user_space = false;
}

static __always_inline int on_btf_entry(const struct kvm_vcpu *kvm_vcpu, bool cast)
{
	ec_u64 now = bpf_ktime_get_ns(), ns = 0;
	struct ec_vcpu *vcpu = slot_vcpu(this_cpu()->slot);
	ec_u32 ended = EXIT_INDEX_OTHER;
	bool has_ended;

	if (unlikely(!kvm_vcpu))
		return 0;
	if (unlikely(vcpu->key != (ec_u64)kvm_vcpu || is_fresh(kvm_vcpu))) {
		vcpu = find_btf(kvm_vcpu, true);
		if (!vcpu)
			return 0;
	}
	has_ended = on_entry(vcpu, now, &ended, &ns);
	if (!audit || !vcpu->accounted)
		return 0;
	audit_entry(vcpu, kvm_vcpu, has_ended, ended, ns, cast);
	/* A window much as that of the bias, but this program's alone. */
	if (has_ended && unlikely(!(reason_at(vcpu, ended)->count & 15))) {
		ns = bpf_ktime_get_ns() - now;
		(*bucket_at(vcpu->own, log2_bucket(ns * cycles_per_ns >> EC_CYCLES_BITS)))++;
	}
	return 0;
}

#define BTF_ENTRY(name, cast)                               \
	SEC("tp_btf/kvm_entry")                             \
	int BPF_PROG(name, const struct kvm_vcpu *kvm_vcpu) \
	{                                                   \
		return on_btf_entry(kvm_vcpu, cast);        \
	}
BTF_ENTRY(btf_entry, true)
BTF_ENTRY(btf_entry_nocast, false)

SEC("tp_btf/kvm_userspace_exit")
int BPF_PROG(btf_userspace_exit)
{
	struct ec_vcpu *vcpu = slot_vcpu(this_cpu()->slot);

	/* If the thread was moved since the exit, that is what happened to it. */
	if (vcpu->owner == current_thread())
		vcpu->user_space = true;
	return 0;
}

/*
 * The guest is about to read a leaf: records the thread's vCPU for kvm_cpuid, and what the VM's
 * other vCPUs have counted so far, for a VM-wide leaf.
 */
static __noinline void before_leaf(ec_u32 function, ec_u32 number)
{
	ec_u32 slot = this_cpu()->slot;
	struct ec_vcpu *vcpu = slot_vcpu(slot);
	ec_u32 index = EC_TOTAL;
	struct others others;

	if (!set_owner(slot, current_thread()))
		return;
	vcpu->cpuid_exit = reason_at(vcpu, cpuid_index())->count;
	if (function == LEAF_EXITS)
		index = exit_index(isa, number);
	if (function == LEAF_TOTAL_EXITS || function == LEAF_EXITS) {
		sum_others(&others, vcpu, slot, index);
		*vm_others(vcpu, index) = others.count;
	}
}

/*
 * Mostly on the CPU of the last entry, since interrupts are off in between. Not on v6.1's SVM,
 * which traces the exit later, when it handles it.
 */
static __always_inline int on_btf_exit(const struct kvm_vcpu *kvm_vcpu, enum exit_isa of, bool cast)
{
	struct ec_vcpu *vcpu = slot_vcpu(this_cpu()->slot);
	ec_u32 number;

	if (unlikely(!kvm_vcpu))
		return 0;
	if (unlikely(vcpu->key != (ec_u64)kvm_vcpu)) {
		vcpu = find_btf(kvm_vcpu, false);
		if (!vcpu)
			return 0;
	}
	number = exit_number(kvm_vcpu, of, cast);
	on_exit(vcpu, of, number);
	if (number == (of == EXIT_ISA_SVM ? SVM_EXIT_CPUID : VMX_EXIT_CPUID) &&
	    is_leaf(vcpu_member(kvm_vcpu, ec_u64, rax)))
		before_leaf(vcpu_member(kvm_vcpu, ec_u64, rax), vcpu_member(kvm_vcpu, ec_u64, rcx));
	/* Last, so that the time is the exit's and not this program's. */
	vcpu->open_ns = bpf_ktime_get_ns();
	return 0;
}

/* The loader picks the ones that fit: a condition would cost an instruction or two per exit. */
#define BTF_EXIT(name, isa, cast)                           \
	SEC("tp_btf/kvm_exit")                              \
	int BPF_PROG(name, const struct kvm_vcpu *kvm_vcpu) \
	{                                                   \
		return on_btf_exit(kvm_vcpu, isa, cast);    \
	}
BTF_EXIT(btf_exit_svm, EXIT_ISA_SVM, true)
BTF_EXIT(btf_exit_vmx, EXIT_ISA_VMX, true)
BTF_EXIT(btf_exit_svm_nocast, EXIT_ISA_SVM, false)
BTF_EXIT(btf_exit_vmx_nocast, EXIT_ISA_VMX, false)

SEC("tp_btf/kvm_cpuid")
int BPF_PROG(btf_cpuid, ec_u32 function, ec_u32 index, unsigned long rax, unsigned long rbx,
	     unsigned long rcx, unsigned long rdx)
{
	struct leaf_read read = {
		.function = function,
		.index = index,
		.eax = rax,
		.ebx = rbx,
		.ecx = rcx,
		.edx = rdx,
	};

	if (!is_leaf(function) || !ready)
		return 0;
	read.thread = current_thread();
	return on_cpuid(&read);
}

/* ---- classic tracepoints: no types, offsets from tracefs ---- */

/* The verifier takes no variable offset into ctx, hence the helper. */
#define read_field(ctx, field)                                              \
	({                                                                  \
		ec_u64 __value = 0;                                         \
                                                                            \
		bpf_probe_read_kernel(&__value, fields.field.size,          \
				      (void *)(ctx) + fields.field.offset); \
		__value;                                                    \
	})

/* A vCPU cannot be told from an earlier one with the same id on the same thread. */
static __always_inline ec_u64 classic_key(ec_u32 thread, ec_u32 vcpu_id)
{
	return (ec_u64)thread << 32 | vcpu_id;
}

static __always_inline ec_u32 classic_slot(ec_u32 vcpu_id)
{
	ec_u32 thread = current_thread(), slot = this_cpu()->slot;
	struct identity id = {
		.key = classic_key(thread, vcpu_id),
		.vcpu_id = vcpu_id,
		.thread = thread,
	};

	if (slot_vcpu(slot)->key == id.key)
		return slot;
	return ready ? find_slot(&id) : EC_NO_SLOT;
}

SEC("tracepoint/kvm/kvm_entry")
int classic_entry(void *ctx)
{
	ec_u64 now = bpf_ktime_get_ns(), ns;
	ec_u32 slot = classic_slot(read_field(ctx, entry_vcpu_id)), ended;

	if (slot != EC_NO_SLOT)
		on_entry(slot_vcpu(slot), now, &ended, &ns);
	return 0;
}

SEC("tracepoint/kvm/kvm_exit")
int classic_exit(void *ctx)
{
	ec_u32 slot = classic_slot(read_field(ctx, exit_vcpu_id)), number;
	struct ec_vcpu *vcpu = slot_vcpu(slot);

	if (slot == EC_NO_SLOT) {
		if (ready)
			on_exit_elsewhere();
		return 0;
	}
	number = read_field(ctx, exit_reason);
	on_exit(vcpu, isa, isa == EXIT_ISA_VMX ? number & 0xffff : number);
	if (vcpu->pending_reason == cpuid_index() && set_owner(slot, current_thread()))
		vcpu->cpuid_exit = reason_at(vcpu, cpuid_index())->count;
	vcpu->open_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tracepoint/kvm/kvm_cpuid")
int classic_cpuid(void *ctx)
{
	struct leaf_read read = {};

	read.function = read_field(ctx, function);
	if (!is_leaf(read.function) || !ready)
		return 0;
	read.index = read_field(ctx, index);
	read.eax = read_field(ctx, rax);
	read.ebx = read_field(ctx, rbx);
	read.ecx = read_field(ctx, rcx);
	read.edx = read_field(ctx, rdx);
	read.thread = current_thread();
	return on_cpuid(&read);
}
