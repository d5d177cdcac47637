// SPDX-License-Identifier: GPL-2.0-only
#include "judge/verdicts.h"

const char *check_name(enum check_id id)
{
	static const char *const names[NR_CHECKS] = {
#define X(id, name) [CHECK_##id] = name,
		CHECKS(X)
#undef X
	};

	return names[id];
}

const char *check_asserts(enum check_id id)
{
	static const char *const asserted[NR_CHECKS] = {
		[CHECK_DISCOVERY] = "the leaves say what they are",
		[CHECK_COUNT] = "leaf = eBPF at each read of the guest's",
		[CHECK_COUNT_VM] = "with several vCPUs, leaf within eBPF's sums around the read",
		[CHECK_TOTAL] = "totals = sums over all reasons and vCPUs",
		[CHECK_TRUTH] = "leaf = eBPF = what the guest executed",
		[CHECK_STATS] = "eBPF = KVM's own statistic of each vCPU",
		[CHECK_AUDIT] = "each exit is in KVM's account, with its time",
		[CHECK_TIME] = "leaf cycles <= eBPF's, by one small constant",
		[CHECK_UNCOVERED] = "leaf cycles <= the guest's clock, by one small constant",
		[CHECK_MONO] = "no value goes down",
		[CHECK_UNDEF] = "undefined exit numbers read 0, 0, 0, 0xFFFFFFFF",
		[CHECK_SMP] = "vCPUs at full rate lose nothing",
		[CHECK_ISOLATION] = "other VMs' exits are not in the leaves",
		[CHECK_MIGRATE] = "a vCPU that moves between CPUs loses nothing",
		[CHECK_STORM] = "everything at once, in random order, loses nothing",
		[CHECK_CONTRACT] = "the ABI, line by line",
		[CHECK_WIDTH] = "counters cross 2^16, 2^32 and 2^48",
		[CHECK_UNPATCHED] = "without the leaves their numbers read like any other",
		[CHECK_EXITS] = "the exits of each number grow as eBPF counts them",
		[CHECK_CYCLES] = "the cycles of each number grow within eBPF's time",
		[CHECK_ALL_EXITS] = "the total grows as eBPF counts",
		[CHECK_ALL_CYCLES] = "the total grows as the cycles of all numbers",
		[CHECK_UNDEFINED] = "undefined exit numbers read 0, 0, 0, 0xFFFFFFFF",
		[CHECK_NOT_ENABLED] = "numbers that KVM never enables read 0",
	};

	return asserted[id];
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_PASS] = "PASS",
		[VERDICT_FAIL] = "FAIL",
		[VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
		[VERDICT_SKIP] = "SKIP",
	};

	return names[verdict];
}
