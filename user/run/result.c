// SPDX-License-Identifier: GPL-2.0-only
#include "run/result.h"

#include <stdlib.h>
#include <string.h>

struct result *result_create(void)
{
	return calloc(1, sizeof(struct result));
}

void result_destroy(struct result *result)
{
	if (!result)
		return;
	free(result->vcpus);
	free(result->sweeps);
	free(result->reads);
	free(result->workloads);
	free(result->times);
	free(result->cpus);
	free(result->spans);
	free(result->widths);
	free(result->published.points);
	free(result->contract.calls);
	free(result->contract.vms);
	free(result->contract.vcpus);
	free(result->contract.entries);
	free(result->contract.reads);
	free(result);
}

/*
 * Makes room for add more, zeroed, elements. The capacity is not stored: it is the next power of
 * two of the length, at least 16.
 */
static void *grow(void *array, unsigned int nr, unsigned int add, size_t size)
{
	unsigned int capacity = array ? 16 : 0;

	while (capacity && capacity < nr)
		capacity *= 2;
	if (nr + add > capacity) {
		capacity = 16;
		while (capacity < nr + add)
			capacity *= 2;
		array = realloc(array, capacity * size);
	}
	if (array)
		memset((char *)array + nr * size, 0, add * size);
	return array;
}

#define APPEND(array, nr, add)                                                    \
	({                                                                        \
		__typeof__(array) grown = grow(array, nr, add, sizeof(*(array))); \
                                                                                  \
		if (grown) {                                                      \
			(array) = grown;                                          \
			grown += (nr);                                            \
			(nr) += (add);                                            \
		}                                                                 \
		grown;                                                            \
	})

struct result_vcpu *result_add_vcpu(struct result *result)
{
	return APPEND(result->vcpus, result->nr_vcpus, 1);
}

struct result_sweep *result_add_sweep(struct result *result)
{
	return APPEND(result->sweeps, result->nr_sweeps, 1);
}

struct result_workload *result_add_workload(struct result *result)
{
	return APPEND(result->workloads, result->nr_workloads, 1);
}

struct result_time *result_add_time(struct result *result)
{
	return APPEND(result->times, result->nr_times, 1);
}

struct result_span *result_add_span(struct result *result)
{
	return APPEND(result->spans, result->nr_spans, 1);
}

struct result_width *result_add_width(struct result *result)
{
	return APPEND(result->widths, result->nr_widths, 1);
}

struct contract_call *contract_add_call(struct contract_result *contract)
{
	return APPEND(contract->calls, contract->nr_calls, 1);
}

struct contract_vm *contract_add_vm(struct contract_result *contract)
{
	return APPEND(contract->vms, contract->nr_vms, 1);
}

struct contract_vcpu *contract_add_vcpu(struct contract_result *contract)
{
	return APPEND(contract->vcpus, contract->nr_vcpus, 1);
}

struct contract_entry *contract_add_entry(struct contract_result *contract)
{
	return APPEND(contract->entries, contract->nr_entries, 1);
}

struct contract_read *contract_add_read(struct contract_result *contract)
{
	return APPEND(contract->reads, contract->nr_reads, 1);
}

struct published_point *published_add_point(struct published_result *published)
{
	return APPEND(published->points, published->nr_points, 1);
}

bool result_add_reads(struct result *result, const struct probe_read *reads, unsigned int nr)
{
	struct probe_read *to;

	if (!nr)
		return true;
	to = APPEND(result->reads, result->nr_reads, nr);
	if (to)
		memcpy(to, reads, nr * sizeof(*to));
	return to;
}

unsigned int result_vm_vcpus(const struct result *result, unsigned int vcpu)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < result->nr_vcpus; i++)
		nr += result->vcpus[i].vm == result->vcpus[vcpu].vm;
	return nr;
}

const struct published_point *published_point(const struct result *result, unsigned int sweep)
{
	for (unsigned int i = 0; i < result->published.nr_points; i++)
		if (result->published.points[i].sweep == sweep)
			return &result->published.points[i];
	return NULL;
}

const struct result_time *result_time_before(const struct result *result, unsigned int i)
{
	const struct result_time *time = &result->times[i];

	while (i--)
		if (result->times[i].vcpu == time->vcpu && result->times[i].index == time->index)
			return &result->times[i];
	return NULL;
}

const struct result_vcpu *result_slot_vcpu(const struct result *result, unsigned int slot)
{
	for (unsigned int i = 0; i < result->nr_vcpus; i++)
		if (result->vcpus[i].slot == slot)
			return &result->vcpus[i];
	return NULL;
}

static const struct {
	const char *id, *text;
} leaves_states[] = {
	[LEAVES_PRESENT] = { "present", "present" },
	[LEAVES_UNPATCHED] = { "unpatched",
			       "no exit leaves: kvm.ko is not patched (no parameter exit_leaves)" },
	[LEAVES_OFF] = { "off", "no exit leaves: off (kvm.exit_leaves=off)" },
	[LEAVES_NOT_ASKED] = { "not-asked",
			       "no exit leaves: the VM did not enable them (--no-opt-in,"
			       " kvm.exit_leaves=optin)" },
	[LEAVES_REFUSED] = { "refused", "no exit leaves: KVM refused the capability" },
	[LEAVES_MISSING] = { "missing", "no exit leaves: KVM granted them, but the guest"
					" finds no signature" },
	[LEAVES_PUBLISHED] = { "published", "as --leaves names them" },
};

const char *leaves_state_text(enum leaves_state state)
{
	return leaves_states[state].text;
}

const char *leaves_state_id(enum leaves_state state)
{
	return leaves_states[state].id;
}

const char *phase_id(enum result_phase phase)
{
	static const char *const ids[NR_PHASES] = {
		[PHASE_SINGLE] = "single",	 [PHASE_SMP] = "smp",
		[PHASE_ISOLATION] = "isolation", [PHASE_MIGRATE] = "migrate",
		[PHASE_STORM] = "storm",
	};

	return ids[phase];
}

const char *storm_kind_name(enum storm_kind kind)
{
	static const char *const names[NR_STORM_KINDS] = {
#define X(id, name) [STORM_##id] = name,
		STORM_KINDS(X)
#undef X
	};

	return names[kind];
}
