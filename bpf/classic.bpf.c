// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts and times every VM exit where KVM's types are not known: by the records of the classic
 * tracepoints, with offsets from tracefs. kvm_entry's is not needed: a raw tracepoint has the vCPU's address
 * at less cost, and a VM exit follows the entry on the same CPU.
 */
#include "count.bpf.h"

SEC("raw_tp/kvm_entry")
int classic_entry(struct bpf_raw_tracepoint_args *ctx)
{
	ec_u64 now = bpf_ktime_get_ns();
	struct ec_cpu *cpu = hot(EC_CPUS, cpu_place());
	ec_u32 place = cpu->slot;
	struct ec_slot *slot = hot(EC_SLOTS, place);
	struct took took;

	if (slot->key != ctx->args[0]) {
		struct identity id = { .key = ctx->args[0] };

		place = state.ready ? find_slot(&id) : 0;
		if (!place)
			return 0;
		slot = hot(EC_SLOTS, place);
	}
	slot->task = bpf_get_current_task();
	if (slot->pending == EC_NO_EXIT)
		on_unpaired_entry(slot);
	else
		on_entry(slot, slot->pending, now, &took);
	return 0;
}

/* The verifier takes no variable offset into ctx: the loader fills it in. */
#define read_field(ctx, field)                                     \
	({                                                         \
		ec_u64 __value;                                    \
                                                                   \
		asm volatile("%0 = *(u32 *)(%1 + %2)"              \
			     : "=r"(__value)                       \
			     : "r"(ctx), "i"(EC_FIELD + (field))); \
		__value;                                           \
	})

struct search {
	void *slots;
	ec_u64 task, open;
	ec_u64 found;
};

/* All ones if the number is negative, or else 0; a branch would double what the verifier has to follow. */
static __always_inline ec_u64 if_negative(ec_u64 number)
{
	barrier_var(number);
	number = (long long)number >> 63;
	barrier_var(number);
	return number;
}

/* The same if it is not 0. */
static __always_inline ec_u64 if_not_zero(ec_u64 number)
{
	ec_u64 negative = -number;

	barrier_var(negative);
	return if_negative(number | negative);
}

static __always_inline long look_at_slot(ec_u32 i, struct search *search)
{
	const ec_u32 place = i * sizeof(struct ec_slot), mask = config.extent[EC_SLOTS].mask;
	const struct ec_slot *slot = search->slots + (place & mask);
	ec_u64 later = slot->open - search->open, hit;

	if (place > mask)
		return 1;
	hit = if_not_zero(slot->key) & ~if_not_zero(slot->task ^ search->task) &
	      ~if_negative(later);
	search->open += later & hit;
	search->found ^= (search->found ^ place) & hit;
	return 0;
}

/*
 * The slot of the vCPU that the current thread entered last, 0: none. Mostly that of this CPU, unless the
 * thread was moved since: v6.1's SVM traces an exit when it handles it.
 */
static __noinline ec_u32 current_slot(void)
{
	struct search search = { .task = bpf_get_current_task() };
	struct ec_cpu *cpu = at(EC_CPUS, cpu_place());
	struct ec_slot *slot = cpu ? at(EC_SLOTS, cpu->slot) : NULL;

	if (!slot || !state.ready)
		return 0;
	if (cpu->slot && slot->task == search.task)
		return cpu->slot;
	search.slots = at(EC_SLOTS, 0);
	if (!search.slots)
		return 0;
	loop_over_slots(look_at_slot, &search);
	return search.found;
}

/*
 * Whether an exit of a vCPU that has no slot is the end of an entry from before the gate opened: where there is room,
 * the next entry takes one.
 */
static __always_inline bool began_before(void)
{
	return config.watch && !config.tgid &&
	       state.given[EC_FREE_SLOTS] != state.taken[EC_FREE_SLOTS];
}

SEC("tracepoint/kvm/kvm_exit")
int classic_exit(void *ctx)
{
	ec_u32 vcpu_id = read_field(ctx, EC_EXIT_VCPU_ID), number = read_field(ctx, EC_EXIT_REASON);
	ec_u32 place = current_slot();
	struct ec_slot *slot = hot(EC_SLOTS, place);

	if (!place) {
		if (state.ready && !began_before())
			on_exit_elsewhere(config.tgid);
		return 0;
	}
	slot->vcpu_id = vcpu_id;
	on_exit(slot, config.isa, config.isa == EXIT_ISA_VMX ? number & 0xffff : number);
	slot->open = bpf_ktime_get_ns();
	return 0;
}

/*
 * Its arguments are the fields of its record in their order, which the loader has made sure of: to make the
 * record would cost more than all else here.
 */
SEC("raw_tp/kvm_cpuid")
int classic_cpuid(struct bpf_raw_tracepoint_args *ctx)
{
	ec_u32 function = ctx->args[0], place;
	struct leaf_read read = { .function = function };
	struct judged judged = { .uncompared = EC_NR_UNCOMPARED };
	struct ec_slot *slot;
	enum leaf_verdict verdict;
	struct ec_row *row;

	if (!is_leaf(function) || !state.ready)
		return 0;
	place = current_slot();
	slot = at(EC_SLOTS, place);
	row = slot && slot->pending != EC_NO_EXIT ? at(EC_ROWS, slot->pending) : NULL;
	/*
	 * Not our VM, an exit from before the gate opened, or not a CPUID exit (KVM may emulate the
	 * instruction in another one).
	 */
	if (!place || !row || row->index != cpuid_index()) {
		if (place || (config.watch && !began_before()))
			__sync_fetch_and_add(&state.stats.unread, 1);
		return 0;
	}
	read.place = place;
	read.index = ctx->args[1];
	read.eax = ctx->args[2];
	read.ebx = ctx->args[3];
	read.ecx = ctx->args[4];
	read.edx = ctx->args[5];
	verdict = compare(slot, &read, &judged);
	if (verdict == LEAF_IS_RIGHT)
		add_read(slot->compared, &read);
	else if (verdict == LEAF_IS_WRONG)
		different(slot, &read, &judged);
	else if (verdict == LEAF_NOT_COMPARED)
		add_uncompared(slot, judged.uncompared);
	return 0;
}

/* Without types there is no way from a vCPU to its VM: each is by itself. */
SEC("kprobe/kvm_arch_vcpu_destroy")
int classic_death(struct pt_regs *regs)
{
	on_death(PT_REGS_PARM1(regs), 0);
	return 0;
}
