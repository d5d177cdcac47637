/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COUNT_BPF_H
#define COUNT_BPF_H

/* What both objects do with an exit and an entry, however they come to know of them. */

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "exitcheck.h"
#include "maps.bpf.h"
#include "memory.h"

/* libbpf has them since 1.6. */
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#define SVM_EXIT_CPUID 0x72
#define VMX_EXIT_CPUID 10
#define EC_TOTAL EXIT_NR_INDICES /* the sum over reasons, where an index is asked for */

char LICENSE[] SEC("license") = "GPL";

const volatile struct ec_config config;
struct ec_state state;

#include "old.bpf.h"

/* Threads that the loader registered: thread, in its PID namespace -> place of the slot. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, ec_u32);
	__type(value, ec_u32);
} registered SEC(".maps");

/* A VM whose vCPUs take slots at first sight. */
struct vm {
	ec_u32 first; /* place of its first vCPU's slot, 0: none yet */
	ec_u32 born;  /* vCPUs that were created since the programs run */
	ec_u32 gone;  /* vCPUs that were destroyed */
};

/* struct kvm -> its VM. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, ec_u64);
	__type(value, struct vm);
} vms SEC(".maps");

/* A detail that has been seen -> its place. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct ec_detail_key);
	__type(value, ec_u32);
} details SEC(".maps");

/* ec_slot.task -> place of the slot, if the parts of an exit's time are asked for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, ec_u64);
	__type(value, ec_u32);
} by_task SEC(".maps");

/* struct ec_mismatch, its slot a place. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} mismatches SEC(".maps");

/*
 * A place in a region of the memory, for code that runs at every event. Only in a program itself: the
 * loader cannot reach a function's instructions. The mask repeats the bound for the verifier.
 */
#define hot(region, place)                                                   \
	({                                                                   \
		void *__base;                                                \
		ec_u64 __place = (place);                                    \
                                                                             \
		asm volatile("%0 = %1 ll"                                    \
			     : "=r"(__base)                                  \
			     : "i"(EC_REGION | (ec_u64)(region) << 32));     \
		asm("%0 &= %1" : "+r"(__place) : "i"(EC_PLACES | (region))); \
		__base + __place;                                            \
	})

/* A number of the loader's, likewise. */
#define hot_number(number)                                                   \
	({                                                                   \
		ec_u64 __number;                                             \
                                                                             \
		asm("%0 = %1" : "=r"(__number) : "i"(EC_NUMBER | (number))); \
		__number;                                                    \
	})

/* The same for the rest. */
static __always_inline void *at(ec_u32 region, ec_u32 place)
{
	return at_extent(&config.extent[region], place);
}

/* Declared with 32 bits, the number would be moved to another register to extend it. */
static __always_inline ec_u64 cpu_place(void)
{
	ec_u64 (*const cpu)(void) = (void *)BPF_FUNC_get_smp_processor_id;

	return cpu() * sizeof(struct ec_cpu);
}

/* Of the slot that this CPU's last event was of. */
static __always_inline ec_u32 current_place(void)
{
	struct ec_cpu *cpu = at(EC_CPUS, cpu_place());

	return cpu ? cpu->slot : 0;
}

static __always_inline ec_u32 cpuid_index(void)
{
	return config.isa == EXIT_ISA_SVM ? SVM_EXIT_CPUID : VMX_EXIT_CPUID;
}

/* ---- a vCPU's slot ---- */

/* A vCPU as an event shows it, for the slow path to its slot. */
struct identity {
	ec_u64 key;
	ec_u64 kvm; /* 0: unknown */
	ec_u32 vcpu_id;
	ec_u32 fresh; /* has never exited before */
	ec_u32 used;  /* has exited before; neither flag is set if the kernel does not tell */
	ec_u32 id_known;
	ec_u32 foreign; /* found to be of a process that is not watched */
};

/* A place that nobody has; 0: there is none left. */
static __always_inline ec_u32 take(ec_u32 ring)
{
	ec_u32 *taken = &state.taken[ring], old, *place;
	int try;

	for (try = 0; try < 16; try++) {
		old = *(volatile ec_u32 *)taken;
		if (old == *(volatile ec_u32 *)&state.given[ring])
			return 0;
		if (!compare_and_swap(taken, old, old + 1))
			continue;
		place = at(ring, old * sizeof(ec_u32));
		return place ? *place : 0;
	}
	return 0;
}

/* The current thread and process, as the loader knows them where it can see them. */
static __always_inline void current_ids(struct bpf_pidns_info *ids)
{
	ec_u64 kernel;

	if (config.pidns_ino &&
	    !bpf_get_ns_current_pid_tgid(config.pidns_dev, config.pidns_ino, ids, sizeof(*ids)))
		return;
	kernel = bpf_get_current_pid_tgid();
	ids->pid = (ec_u32)kernel;
	ids->tgid = kernel >> 32;
}

/* Puts a slot into the list of its VM's. */
static __always_inline void join_vm(struct ec_slot *slot, ec_u32 place, ec_u64 kvm)
{
	struct vm none = {}, *vm;
	struct ec_slot *first;
	ec_u32 before;
	int try;

	bpf_map_update_elem(&vms, &kvm, &none, BPF_NOEXIST);
	vm = bpf_map_lookup_elem(&vms, &kvm);
	if (!vm) {
		__sync_fetch_and_add(&state.stats.no_map, 1);
		slot->first = place;
		return;
	}
	for (try = 0; try < 64; try++) {
		before = *(volatile ec_u32 *)&vm->first;
		if (!before) {
			slot->first = place;
			if (compare_and_swap(&vm->first, 0, place))
				return;
			continue;
		}
		slot->first = before;
		first = at(EC_SLOTS, before);
		if (!first)
			return;
		before = *(volatile ec_u32 *)&first->next;
		slot->next = before;
		if (compare_and_swap(&first->next, before, place))
			return;
	}
	/* Never seen: its siblings' sums would lack it. */
	__sync_fetch_and_add(&state.stats.no_map, 1);
}

/* First sight of a vCPU: the place of its slot, 0 if there is none. */
static __always_inline ec_u32 take_slot(struct identity *id)
{
	struct bpf_pidns_info ids = {};
	struct ec_slot *slot;
	ec_u32 place;

	current_ids(&ids);
	id->foreign = config.tgid && ids.tgid != config.tgid;
	place = id->foreign ? 0 : take(EC_FREE_SLOTS);
	slot = at(EC_SLOTS, place);
	if (!place || !slot)
		return 0;
	slot->tid = ids.pid;
	slot->vcpu_id = id->vcpu_id;
	slot->kvm = id->kvm;
	slot->joined_late = !id->fresh;
	if (id->kvm)
		join_vm(slot, place, id->kvm);
	else
		slot->first = place;
	/* Last: from here on the loader sees it. */
	*(volatile ec_u32 *)&slot->tgid = ids.tgid;
	return place;
}

/* The slot that the loader gave to the current thread, 0 if there is none. */
static __always_inline ec_u32 registered_slot(const struct identity *id)
{
	struct bpf_pidns_info ids = {};
	struct ec_slot *slot;
	ec_u32 *place;

	current_ids(&ids);
	place = bpf_map_lookup_elem(&registered, &ids.pid);
	if (!place)
		return 0;
	slot = at(EC_SLOTS, *place);
	/* A registered thread may also run a vCPU that is not ours. */
	if (!slot || slot->key || (id->id_known && slot->vcpu_id != id->vcpu_id))
		return 0;
	slot->joined_late = id->used;
	return *place;
}

static __always_inline ec_u32 known_slot(struct identity *id)
{
	ec_u64 key = id->key;
	ec_u32 *known = bpf_map_lookup_elem(&by_key, &key), place;
	struct ec_slot *slot;

	if (known)
		return *known;
	place = config.watch ? take_slot(id) : registered_slot(id);
	slot = at(EC_SLOTS, place);
	if (!place || !slot)
		return 0;
	if (bpf_map_update_elem(&by_key, &key, &place, BPF_ANY)) {
		__sync_fetch_and_add(&state.stats.no_map, 1);
		return 0;
	}
	slot->pending = EC_NO_EXIT;
	slot->key = key;
	return place;
}

/*
 * The thread that runs a vCPU is that of its slot from here on. Another thread may have run it until now, or this
 * one another vCPU: KVM_RUN of that one has returned.
 */
static __always_inline void keep_thread(struct ec_cpu *cpu, struct ec_slot *slot, ec_u32 place)
{
	ec_u64 task = bpf_get_current_task(), former = slot->task;
	struct ec_thread *thread = at(EC_THREADS, EC_THREAD_PLACE(place)), *other;

	if (!thread || (cpu->on == place && task == former))
		return;
	other = cpu->on ? at(EC_THREADS, EC_THREAD_PLACE(cpu->on)) : NULL;
	if (other && other != thread)
		other->user_since = cpu->user_since;
	cpu->on = place;
	cpu->user_since = thread->user_since;
	cpu->did = thread->did;
	if (former && task != former)
		bpf_map_delete_elem(&by_task, &former);
	thread->out_since = thread->out = 0;
	if (bpf_map_update_elem(&by_task, &task, &place, BPF_ANY))
		__sync_fetch_and_add(&state.stats.no_map, 1);
}

/*
 * The slow path to a vCPU's slot, 0 if it has none: at first sight, and after its thread moved to
 * another CPU. A closed gate clears the slots of all CPUs, so every program comes here, and only here
 * checks the gate.
 */
static __noinline ec_u32 find_slot(struct identity *id)
{
	struct ec_cpu *cpu = at(EC_CPUS, cpu_place());
	ec_u32 place = known_slot(id);
	struct ec_slot *slot = at(EC_SLOTS, place);

	if (!cpu || !place || !slot)
		return 0;
	if (config.split)
		keep_thread(cpu, slot, place);
	slot->task = bpf_get_current_task();
	/* If the loader closes the gate now, either side sees the other's store. */
	store_first(&cpu->slot, place);
	if (!*(volatile ec_u32 *)&state.ready) {
		cpu->slot = 0;
		return 0;
	}
	return place;
}

/* A vCPU is about to be created, or destroyed, in a VM that may be watched. */
static __always_inline void on_birth(ec_u64 kvm)
{
	struct vm none = {}, *vm;

	bpf_map_update_elem(&vms, &kvm, &none, BPF_NOEXIST);
	vm = bpf_map_lookup_elem(&vms, &kvm);
	if (vm)
		__sync_fetch_and_add(&vm->born, 1);
}

static __always_inline void on_death(ec_u64 key, ec_u64 last_stat)
{
	ec_u32 *place = bpf_map_lookup_elem(&by_key, &key);
	struct ec_slot *slot = place ? at(EC_SLOTS, *place) : NULL;

	if (!slot)
		return;
	bpf_map_delete_elem(&by_key, &key);
	if (config.split) {
		ec_u64 task = slot->task;

		bpf_map_delete_elem(&by_task, &task);
	}
	slot->key = 0;
	slot->last_key = key;
	slot->last_stat = last_stat;
	*(volatile ec_u32 *)&slot->gone = true;
}

/* ---- an exit, and the entry that ends it ---- */

/* Where the buckets of a byte's values are in a histogram whose first bucket is that of 2^from. */
#define BUCKET(b) ((b) * sizeof(ec_u32))
#define TIMES_4(b) BUCKET(b), BUCKET(b), BUCKET(b), BUCKET(b)
#define TIMES_16(b) TIMES_4(b), TIMES_4(b), TIMES_4(b), TIMES_4(b)
#define TIMES_64(b) TIMES_16(b), TIMES_16(b), TIMES_16(b), TIMES_16(b)
#define BUCKETS(from)                                                                     \
	{                                                                                 \
		BUCKET(from), BUCKET(from), BUCKET((from) + 1), BUCKET((from) + 1),       \
			TIMES_4((from) + 2), TIMES_4((from) + 3), TIMES_4((from) + 3),    \
			TIMES_16((from) + 4), TIMES_16((from) + 5), TIMES_16((from) + 5), \
			TIMES_64((from) + 6), TIMES_64((from) + 7), TIMES_64((from) + 7), \
	}
static const ec_u8 from_0[256] = BUCKETS(0), from_8[256] = BUCKETS(8), from_16[256] = BUCKETS(16),
		   from_24[256] = BUCKETS(24);

/* Where the bucket of a time is, in bytes from the first. The common case comes first. */
static __always_inline ec_u32 bucket(ec_u64 time)
{
	if (likely(time < 1 << 16)) {
		if (unlikely(time < 1 << 8))
			return from_0[time];
		return from_8[time >> 8];
	}
	if (time < 1 << 24)
		return from_16[time >> 16];
	if (time < 1ULL << EC_HIST_BUCKETS)
		return from_24[time >> 24];
	return BUCKET(EC_HIST_BUCKETS - 1);
}

/* Adds to the bucket of a histogram, which is a member: its offset is left to the load and the store. */
#define add_one(object, histogram, bucket)                         \
	({                                                         \
		typeof(object) __at = (void *)(object) + (bucket); \
                                                                   \
		barrier_var(__at);                                 \
		__at->histogram[0]++;                              \
	})

/* The place of a new detail, 0 if there is none left. */
static __always_inline ec_u32 new_detail(struct ec_slot *slot, ec_u32 index, ec_u64 key)
{
	ec_u32 place = take(EC_FREE_DETAILS);
	struct ec_detail *detail = at(EC_DETAILS, place);

	if (!place || !detail)
		return 0;
	detail->key = key;
	detail->index = index;
	detail->next = slot->details;
	/* Last: from here on the loader sees it. */
	*(volatile ec_u32 *)&slot->details = place;
	return place;
}

/* The row of a reason that happens for the first time; 0 if there is none left. */
static __noinline ec_u64 new_row(struct ec_slot *slot, ec_u32 index)
{
	ec_u32 place = take(EC_FREE_ROWS);
	struct ec_row *row = at(EC_ROWS, place);

	if (!place || !row || index >= EXIT_NR_INDICES) {
		__sync_fetch_and_add(&state.stats.no_slot, 1);
		return 0;
	}
	row->index = index;
	if (config.audit) {
		ec_u64 account = slot->key + config.kvm_index[index] * sizeof(ec_u64);

		row->exits_at = account + config.offsets.exits_by_number;
		row->cycles_at = account + config.offsets.cycles_by_number;
		row->kvm_ahead = slot->joined_late ? EC_AHEAD_UNKNOWN : 0;
		bpf_probe_read_kernel(&row->kvm_cycles, sizeof(row->kvm_cycles),
				      (void *)row->cycles_at);
	}
	row->min = ~0ULL;
	row->kind = config.detail[index].kind;
	if (row->kind) {
		row->detail_mask = config.detail[index].mask;
		row->other = new_detail(slot, index, EC_DETAIL_OTHER);
	}
	slot->row[index] = place;
	slot->began = true;
	return place;
}

/* The row of a reason whose number is not its index. */
static __noinline ec_u64 rare_row(struct ec_slot *slot, ec_u32 isa, ec_u32 number)
{
	ec_u32 index = exit_index(isa, number);

	barrier_var(index);
	if (index >= EXIT_NR_INDICES)
		return 0;
	return slot->row[index] ?: new_row(slot, index);
}

/* Returns its row. */
static __always_inline struct ec_row *on_exit(struct ec_slot *slot, ec_u32 isa, ec_u32 number)
{
	const ec_u32 last = isa == EXIT_ISA_VMX ? EXIT_LAST_PLAIN_VMX : EXIT_LAST_PLAIN_SVM;
	struct ec_row *row;
	ec_u64 place;

	if (likely(number <= last)) {
		ec_u64 at = number * sizeof(ec_u32);

		/* In the register that the number had. */
		barrier_var(at);
		place = *(ec_u32 *)((void *)slot->row + at);
		if (unlikely(!place))
			place = new_row(slot, at / sizeof(ec_u32));
	} else {
		place = rare_row(slot, isa, number);
	}
	slot->pending = place;
	slot->count++;
	row = hot(EC_ROWS, place);
	row->count++;
	return row;
}

/* A VM entry without an exit before it. */
static __always_inline void on_unpaired_entry(struct ec_slot *slot)
{
	slot->unpaired_entries++;
	if (slot->began)
		slot->failed_entries++;
	slot->began = true;
}

/* How long an exit took, and where the bucket of that is. */
struct took {
	ec_u64 time;
	ec_u32 bucket;
};

/* A VM entry ends the pending exit: its row, and how long it took. */
static __always_inline struct ec_row *on_entry(struct ec_slot *slot, ec_u32 pending, ec_u64 now,
					       struct took *took)
{
	struct ec_row *row = hot(EC_ROWS, pending);
	ec_u64 time = now - slot->open;

	slot->pending = EC_NO_EXIT;
	row->time += time;
	if (unlikely(time > row->max))
		row->max = time;
	if (unlikely(time < row->min))
		row->min = time;
	took->time = time;
	took->bucket = bucket(time);
	add_one(row, hist, took->bucket);
	return row;
}

/* Account an exit of an untracked vCPU. */
static __always_inline void on_exit_elsewhere(bool foreign)
{
	if (config.watch && !foreign)
		__sync_fetch_and_add(&state.stats.no_slot, 1);
	else
		__sync_fetch_and_add(&state.stats.foreign, 1);
}

/* ---- comparison of what the guest read ---- */

/* The exits of a vCPU, or of one of its reasons. Another vCPU may be running meanwhile. */
static __always_inline ec_u64 exits(struct ec_slot *slot, ec_u32 index)
{
	struct ec_row *row;
	ec_u32 place;

	if (index >= EXIT_NR_INDICES)
		return *(volatile ec_u64 *)&slot->count;
	place = slot->row[index];
	row = place ? at(EC_ROWS, place) : NULL;
	return row ? *(volatile ec_u64 *)&row->count : 0;
}

struct others {
	ec_u32 at;     /* place of the next in the VM's list, 0 at its end */
	ec_u32 self;   /* likewise, of the vCPU that reads */
	ec_u32 index;  /* of a reason, or EC_TOTAL */
	ec_u32 offset; /* of KVM's own number in a vCPU, 0: it is not asked for */
	ec_u32 nr;
	ec_u32 joined_late;
	ec_u32 leaves;
	ec_u64 count;
	ec_u64 kvm; /* sum of KVM's own number */
};

static long add_other(ec_u32 i, struct others *others)
{
	struct ec_slot *slot = at(EC_SLOTS, others->at);
	ec_u64 number;

	if (!slot || !others->at)
		return 1;
	if (others->at != others->self) {
		others->nr++;
		others->joined_late |= slot->joined_late;
		others->leaves |= slot->leaves;
		others->count += exits(slot, others->index);
		if (others->offset && !bpf_probe_read_kernel(&number, sizeof(number),
							     (void *)slot->key + others->offset))
			others->kvm += number;
	}
	others->at = *(volatile ec_u32 *)&slot->next;
	return !others->at;
}

/* What the other vCPUs of the VM have counted, and KVM of them. */
static __always_inline void sum_others(struct others *others, const struct ec_slot *slot,
				       ec_u32 place, ec_u32 index, ec_u32 offset)
{
	*others = (struct others){
		.at = slot->first == place && !slot->next ? 0 : slot->first,
		.self = place,
		.index = index,
		.offset = offset,
	};
	loop_over_siblings(add_other, others);
}

/* One leaf that the guest read, and the answer. */
struct leaf_read {
	ec_u32 place; /* of the vCPU's slot */
	ec_u32 function, index;
	ec_u32 eax, ebx, ecx, edx;
	ec_u32 created; /* vCPUs that the VM has, 0: unknown */
	bool upper;	/* something is in the upper halves of the four */
	bool summed;	/* slot->vm_others and vm_kvm were taken in this exit */
	ec_u32 offset;	/* of KVM's own number in a vCPU, 0: it is unknown, and ... */
	ec_u64 kvm;	/* ... what it was when the leaf was read */
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

/* What is wrong with a read, or the range of what would be right. */
struct judged {
	ec_u64 leaf, lower, upper;
	bool malformed;
	bool by_kvm;	   /* the range is of KVM's own account */
	ec_u32 uncompared; /* enum ec_uncompared; EC_NR_UNCOMPARED: it was compared */
};

static __noinline void record(struct ec_slot *slot, const struct leaf_read *read,
			      const struct judged *judged)
{
	struct ec_mismatch *mismatch;

	__sync_fetch_and_add(&state.stats.mismatches, 1);
	mismatch = bpf_ringbuf_reserve(&mismatches, sizeof(*mismatch), 0);
	if (!mismatch)
		return;
	*mismatch = (struct ec_mismatch){
		.slot = read->place,
		.malformed = judged->malformed,
		.by_kvm = judged->by_kvm,
		.function = read->function,
		.index = read->index,
		.eax = read->eax,
		.ebx = read->ebx,
		.ecx = read->ecx,
		.edx = read->edx,
		.leaf = judged->leaf,
		.lower = judged->lower,
		.upper = judged->upper,
		.at_exit = slot->count,
	};
	bpf_ringbuf_submit(mismatch, 0);
}

/*
 * Whether all vCPUs of the VM that have run were seen from their first exit on. Those that were
 * created before these programs ran, and have not been seen, may have exits.
 */
static __always_inline bool sees_all(const struct ec_slot *slot, const struct leaf_read *read,
				     const struct others *others)
{
	ec_u64 kvm = slot->kvm;
	struct vm *vm;

	if (state.stats.no_slot || state.stats.no_map || others->at)
		return false;
	if (!config.watch || others->nr + 1 >= read->created)
		return true;
	vm = bpf_map_lookup_elem(&vms, &kvm);
	return vm && vm->born >= read->created;
}

static __always_inline ec_u64 timed(const struct ec_row *row)
{
	ec_u64 sum = 0;
	int b;

	for (b = 0; b < EC_HIST_BUCKETS; b++)
		sum += row->hist[b];
	return sum;
}

/* Keeps cycles and time of the same instant: their clocks differ, so the loader judges. */
static __always_inline void keep_cycles(struct ec_slot *slot, ec_u32 index, ec_u64 leaf)
{
	ec_u32 place = index < EXIT_NR_INDICES ? slot->row[index] : 0;
	struct ec_row *row = place ? at(EC_ROWS, place) : NULL;

	if (!row)
		return;
	row->leaf_cycles = leaf;
	row->leaf_time = row->time;
	row->leaf_timed = timed(row);
}

/* Where it is kept what the VM's other vCPUs had counted before a VM-wide leaf was read. */
static __always_inline ec_u64 *others_before(struct ec_slot *slot, const struct leaf_read *read,
					     ec_u32 index)
{
	struct ec_row *row;
	ec_u32 place;

	if (read->summed || index >= EXIT_NR_INDICES)
		return &slot->vm_others;
	place = slot->row[index] ?: new_row(slot, index);
	row = place ? at(EC_ROWS, place) : NULL;
	return row ? &row->vm_others : NULL;
}

/*
 * What a leaf must be. This vCPU's must be equal. Each sibling may have one exit in flight that only we
 * have counted: their sum is at least ours before the read, minus one exit each, and at most ours now.
 * False: that is not known, judged says why.
 */
static __noinline bool judge(struct ec_slot *slot, const struct leaf_read *read,
			     struct judged *judged)
{
	bool late = slot->joined_late, is_count = leaf_is_count(read->function);
	struct others others = {};
	ec_u32 index = EC_TOTAL;
	ec_u64 *before;

	if (leaf_is_by_number(read->function)) {
		index = exit_index(config.isa, read->index);
		if (index >= EXIT_INDEX_OTHER) {
			judged->malformed = read->eax || read->ebx || read->ecx || read->upper ||
					    read->edx != LEAF_UNDEFINED;
			return true;
		}
	}
	if (is_count) {
		judged->leaf = (ec_u64)read->ebx << 32 | read->eax;
		judged->malformed = read->ecx || read->edx || read->upper;
	} else {
		judged->leaf = (ec_u64)read->ebx << 32 | read->ecx;
		judged->malformed = read->eax || read->edx || read->upper;
	}
	if (judged->malformed)
		return true;
	if (leaf_is_vm_wide(read->function)) {
		sum_others(&others, slot, read->place, index, read->offset);
		late |= others.joined_late;
		/* We have not seen everything that the leaf counts. */
		if (!sees_all(slot, read, &others)) {
			judged->uncompared = EC_UNSEEN;
			return false;
		}
	}
	if (!is_count && !others.nr)
		keep_cycles(slot, index, judged->leaf);
	/* Our own exits; of cycles, and of what was before we were, KVM's own account, which is audited. */
	if (is_count && !late) {
		judged->lower = judged->upper = exits(slot, index);
		before = others.nr ? others_before(slot, read, index) : NULL;
		if (before) {
			if (*before > others.nr)
				judged->lower += *before - others.nr;
			*before = others.count;
		}
		judged->upper += others.count;
	} else if (read->offset) {
		judged->by_kvm = true;
		judged->lower = judged->upper = read->kvm;
		if (others.nr) {
			judged->lower += slot->vm_kvm;
			judged->upper += others.kvm;
		}
	} else {
		judged->uncompared = is_count ? EC_LATE : EC_NO_CLOCK;
		return false;
	}
	return true;
}

enum leaf_verdict {
	LEAF_IS_RIGHT,
	LEAF_IS_WRONG,
	LEAF_NOT_COMPARED,
	LEAF_IGNORED, /* a guest without leaves: CPUID answered with something else */
};

/* Counts a read by its leaf. */
static __always_inline void add_read(ec_u64 *reads, const struct leaf_read *read)
{
	ec_u32 leaf = read->function - LEAF_FIRST;

	barrier_var(leaf);
	if (leaf < LEAF_NR)
		reads[leaf]++;
}

static __always_inline void note_number(struct ec_slot *slot, const struct leaf_read *read)
{
	ec_u32 total = read->function - LEAF_TOTAL_CYCLES;
	struct ec_asked *asked;

	barrier_var(total);
	if (total >= EC_NR_TOTALS)
		return;
	asked = &slot->asked[total];
	asked->steps += read->index == asked->last + 1;
	asked->last = read->index;
}

/* Compares a leaf that the guest has read, which is to be counted; judged says what is wrong. */
static __noinline enum leaf_verdict compare(struct ec_slot *slot, const struct leaf_read *read,
					    struct judged *judged)
{
	if (read->function == LEAF_DISCOVERY) {
		if (!read->index && has_signature(read))
			slot->leaves = true;
		return LEAF_IGNORED;
	}
	if (!config.leaves_all && !slot->leaves) {
		struct others others;

		/* A sibling may have read the signature. */
		sum_others(&others, slot, read->place, EC_TOTAL, 0);
		if (!others.leaves)
			return LEAF_IGNORED;
		slot->leaves = true;
	}
	note_number(slot, read);
	if (!judge(slot, read, judged))
		return LEAF_NOT_COMPARED;
	return judged->malformed || judged->leaf < judged->lower || judged->leaf > judged->upper ?
		       LEAF_IS_WRONG :
		       LEAF_IS_RIGHT;
}

/* Counts a read that was not compared. */
static __always_inline void add_uncompared(struct ec_slot *slot, ec_u32 why)
{
	barrier_var(why);
	if (why < EC_NR_UNCOMPARED)
		slot->uncompared[why]++;
}

static __always_inline void different(struct ec_slot *slot, const struct leaf_read *read,
				      const struct judged *judged)
{
	add_read(slot->compared, read);
	add_read(slot->differed, read);
	record(slot, read, judged);
}

#endif
