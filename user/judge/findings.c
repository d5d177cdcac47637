// SPDX-License-Identifier: GPL-2.0-only
#include "judge/findings.h"

static const struct {
	const char *name, *where;
} table[NR_FINDINGS] = {
#define X(id, text) [FINDING_##id].name = text,
	FINDINGS(X)
#undef X
#define WHERE(id) [FINDING_##id].where
		WHERE(NOT_COUNTED) =
			"%1$s.c: nothing counts there. vmx.c and svm.c are modules of their own; the"
			" counters belong into x86.c or cpuid.c, and each needs a hook in both.",
	WHERE(LOST_UPDATE) =
		"Counters in %1$s.c that all vCPUs increment with ++: take atomic64_inc(),"
		" or better a counter for each vCPU in struct kvm_vcpu.",
	WHERE(SHARED_STATE) =
		"Global or static variables in cpuid.c that hold a request or its"
		" answer, or the clock's start in %1$s.c: make them local, or a member of"
		" struct kvm_vcpu.",
	WHERE(PER_CPU_SPLIT) =
		"DEFINE_PER_CPU() or smp_processor_id(): sum over all CPUs in cpuid.c,"
		" or count in struct kvm_vcpu, whose thread moves.",
	WHERE(PER_VCPU) = "cpuid.c: sum over the VM's vCPUs, kvm_for_each_vcpu().",
	WHERE(MISSED_FASTPATH) =
		"%1$s.c: %1$s_handle_exit() is skipped when the fast path re-enters the"
		" guest. Count in %1$s_vcpu_run(), beside trace_kvm_exit().",
	WHERE(EARLY_RETURN) =
		"%1$s.c: a return in %1$s_handle_exit() before the counter, or a switch"
		" that lacks these numbers.",
	WHERE(WRONG_REASON) =
		"%1$s.c: the number that the exit counts under; cpuid.c: the one that is"
		" looked up.",
	WHERE(DOUBLE_COUNT) = "%1$s.c: two places count the same exit.",
	WHERE(MISCOUNTED) = "%1$s.c: the place of the counter, and what it is conditional on.",
	WHERE(WRONG_TOTAL) = "%1$s.c: the total and the counters by number have different places.",
	WHERE(NOT_TIMED) =
		"%1$s.c: the difference of two rdtsc() is not added to what cpuid.c reads.",
	WHERE(SOME_UNTIMED) = "%1$s.c: a return between the two rdtsc(), for these exits.",
	WHERE(CLOCK_STOPS_EARLY) =
		"%1$s.c: the second rdtsc() comes before the handler is called; it"
		" belongs after it.",
	WHERE(HI_LO_SWAPPED) =
		"cpuid.c: the high half of cycles goes into EBX, the low one into ECX.",
	WHERE(TRUNCATED_32) =
		"The cycles' type, in %1$s.c and in cpuid.c: u64; and EBX, which is its"
		" upper half.",
	WHERE(UNIT) = "%1$s.c: rdtsc() at both ends, not ktime_get() or jiffies.",
	WHERE(INCLUDES_GUEST) =
		"%1$s.c: the clock's start or stop. It must not run in the guest, and"
		" its start must be this vCPU's alone.",
	WHERE(WRONG_CYCLE_TOTAL) = "%1$s.c: the total of cycles and those by number are added in"
				   " different places.",
	WHERE(OUT_OF_BOUNDS) =
		"cpuid.c: ECX is the guest's and indexes an array. Compare it with the array's"
		" size, as an unsigned number, then array_index_nospec(); else any guest reads"
		" the host's memory, or crashes it.",
	WHERE(UNDEFINED_CONTRACT) =
		"cpuid.c: for a number that the manual does not define EAX = EBX ="
		" ECX = 0, EDX = 0xffffffff.",
	WHERE(DEFINED_REFUSED) =
		"cpuid.c: the largest number, and the list of those that are not"
		" defined. AMD's exit codes are others than Intel's: %1$s.c must say"
		" which ones there are.",
	WHERE(UNINITIALISED_REGISTER) =
		"cpuid.c: all four registers must be set on every path; what is left"
		" in them is the host kernel's data.",
	WHERE(SCOPE) = "",
	WHERE(HANDLER_ONLY) = "For the time up to the next VM entry, user space included: from"
			      " trace_kvm_exit() to trace_kvm_entry() in %1$s_vcpu_run().",
	WHERE(COUNTS_OF_32_BITS) = "",
	WHERE(LATER_EDITION) = "",
	WHERE(LEFT_REGISTERS) = "cpuid.c: clear what the leaf does not use.",
	WHERE(NOT_ASKED) = "",
	WHERE(KERNEL_LOG) = "printk() in %1$s.c or cpuid.c: a tracepoint costs less.",
	WHERE(OTHER_VMS) = "",
	WHERE(LATE_TRACEPOINT) = "",
#undef WHERE
};

const char *finding_name(enum finding_id id)
{
	return table[id].name;
}

const char *finding_where(enum finding_id id)
{
	return table[id].where;
}

const char *point_name(enum assigned_point point)
{
	static const char *const names[] = {
#define X(id, name) [POINT_##id] = name,
		ASSIGNED_POINTS(X)
#undef X
	};

	return names[point];
}

const char *scope_name(enum published_scope scope)
{
	static const char *const names[] = {
		[SCOPE_UNKNOWN] = "unknown", [SCOPE_HOST] = "host", [SCOPE_VM] = "vm",
		[SCOPE_VCPU] = "vcpu",	     [SCOPE_CPU] = "cpu",
	};

	return names[scope];
}
