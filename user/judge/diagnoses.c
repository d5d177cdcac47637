// SPDX-License-Identifier: GPL-2.0-only
#include "judge/diagnoses.h"

/* Where to look, "%1$s" being vmx or svm. */
static const struct {
	const char *name, *where;
} table[NR_DIAGNOSES] = {
#define X(id, text) [DIAGNOSIS_##id].name = text,
	DIAGNOSES(X)
#undef X
#define WHERE(id) [DIAGNOSIS_##id].where
		WHERE(WITNESS) =
			"Not the leaves: exitcheck's own eBPF program, or another program that"
			" blocks its tracepoints.",
	WHERE(PER_CPU_SPLIT) = "Counters or time stamps that belong to a physical CPU"
			       " (DEFINE_PER_CPU(), smp_processor_id()): keep them per vCPU, whose"
			       " thread moves.",
	WHERE(HOST_WIDE) = "A global array, or a sum over vm_list: keep the counters per vCPU, and"
			   " sum over the vCPUs of vcpu->kvm alone.",
	WHERE(SHARED_STATE) = "Static or global variables in kvm_cpuid() or in the clock: make them"
			      " local, or per vCPU.",
	WHERE(VCPUS_NEVER) = "What decides whether a vCPU is accounted for, in"
			     " kvm_arch_vcpu_create(): the VM's bits alone, for every vCPU.",
	WHERE(LOST_UPDATE) = "A counter that several vCPUs increment without a lock: give each vCPU"
			     " its own, and sum them when they are read.",
	WHERE(NOT_RESET) = "kvm_arch_vcpu_create(): clear counters that outlive their VM there;"
			   " better, keep them per vCPU and free them with it.",
	WHERE(STALE) = "The allocation of the counters, in kvm_arch_vcpu_create(): kzalloc(), not"
		       " kmalloc().",
	WHERE(MISSED_FASTPATH) = "%1$s_handle_exit() is skipped by fast-path re-entries: count"
				 " beside trace_kvm_exit() in %1$s_vcpu_run().",
	WHERE(FLAG_NOT_MASKED) = "The exit reason's bits 31:16 are flags: take"
				 " vmx->exit_reason.basic, not .full.",
	WHERE(EARLY_RETURN) = "A return before the count or before the end stamp:"
			      " %1$s_handle_exit() has several. Count beside trace_kvm_exit(), stop"
			      " the clock beside trace_kvm_entry(), both in %1$s_vcpu_run().",
	WHERE(WRONG_REASON) =
		"The index: the number that %1$s_vcpu_run() counts under, the one that"
		" the leaf looks up, and the map between the two.",
	WHERE(CLEARED) =
		"What sets counters to 0 while their VM runs: a read of a leaf, a reset of a"
		" vCPU, the birth of another VM.",
	WHERE(WRAPPED) = "The width of a counter, and any mask or modulus: use u64 throughout.",
	WHERE(SATURATED) =
		"What stops a counter at a value: a limit, or a width that saturates; use"
		" u64 throughout.",
	WHERE(MIRROR_SWAPPED) =
		"Which leaves are VM-wide: 0x4ffffffc to 0x4fffffff are, 0x4ffffff7 to"
		" 0x4ffffffa are the calling vCPU's alone.",
	WHERE(DOUBLE_COUNT) = "Two places that count the same exit, as %1$s_vcpu_run() and"
			      " %1$s_handle_exit() would.",
	WHERE(OFF_BY_ONE) = "Whether counters start at 0, and whether an exit is counted before"
			    " kvm_cpuid() answers: a read of a leaf finds itself counted.",
	WHERE(HI_LO_SWAPPED) = "Where the leaf fills in the registers: exits are EBX:EAX, cycles"
			       " EBX:ECX.",
	WHERE(TRUNCATED_32) = "A counter, a sum or a cast of 32 bits: use u64 throughout.",
	WHERE(MASKED_HIGH) = "Where the leaf fills in EBX: upper_32_bits() of the u64, not a mask"
			     " without a shift.",
	WHERE(NOT_TIMED) = "The end of the clock beside trace_kvm_entry() in %1$s_vcpu_run(): it"
			   " is not called, or its result is dropped.",
	WHERE(NOT_STORED) = "The difference of the two time stamps: add it to the counter that the"
			    " leaf reads.",
	WHERE(CYCLES_ELSEWHERE) =
		"The index that cycles are stored under: that of the exit whose clock"
		" has stopped, kept from its count in %1$s_vcpu_run().",
	WHERE(UNIT) = "The clock: rdtsc() at both ends, no conversion.",
	WHERE(CLOCK_STOPS_EARLY) = "The end stamp: it belongs beside trace_kvm_entry() in"
				   " %1$s_vcpu_run(), after the handler, not before it.",
	WHERE(CLOCK_STARTS_EARLY) = "The start stamp: it belongs right behind trace_kvm_exit() in"
				    " %1$s_vcpu_run(), not before it.",
	WHERE(CLOCK_STOPS_LATE) = "The end stamp: it belongs right before trace_kvm_entry() in"
				  " %1$s_vcpu_run(), not behind it.",
	WHERE(CHARGED_EARLY) =
		"Where cycles are added: at the entry that ends the exit, not when the vCPU"
		" is scheduled out or KVM_RUN returns.",
	WHERE(INCLUDES_GUEST) =
		"The end stamp: it is taken at the next exit, and belongs before the"
		" entry, beside trace_kvm_entry() in %1$s_vcpu_run().",
	WHERE(HANDLER_ONLY) = "The stamps around the call in %1$s_handle_exit(): an exit lasts from"
			      " trace_kvm_exit() to trace_kvm_entry(), user space included.",
	WHERE(NARROW_WINDOW) =
		"What %1$s_vcpu_run() does between the hardware and the stamps, which"
		" stand beside trace_kvm_exit() and trace_kvm_entry(): these exits do"
		" more there, or the stamps and tracepoints have been moved.",
	WHERE(UNINITIALISED_REGISTER) = "Where the leaf fills in the registers: all four must be"
					" assigned on every path.",
	WHERE(INDEX_CLAMPED) = "The bounds check of the exit number, which comes from the guest:"
			       " refuse it first; array_index_nospec() alone makes it 0.",
	WHERE(UNDEFINED_CONTRACT) =
		"Where the leaf refuses an exit number: EAX = EBX = ECX = 0,"
		" EDX = 0xffffffff, for numbers that the vendor's manual does not"
		" define and for no other.",
	WHERE(ORDINARY_LEAF) =
		"kvm_cpuid() and its callers: exact_only, and anything done for every"
		" leaf that belongs to the exit leaves alone.",
	WHERE(CONTRACT_CAPABILITY) =
		"kvm_vm_ioctl_check_extension() and kvm_vm_ioctl_enable_cap(): refuse flags, no bit,"
		" bits that are not reported, and every bit once created_vcpus is not 0.",
	WHERE(CONTRACT_VISIBILITY) = "What kvm_cpuid() asks before it answers a leaf, and the hooks"
				     " before they count: the VM's own bits, and the module"
				     " parameter.",
	WHERE(CONTRACT_ENTRY) = "kvm_cpuid(): look for the VMM's entry first, compute the leaf only"
				" if there is none, and store nothing among the entries.",
	WHERE(CONTRACT_REGISTERS) =
		"Where the leaf takes its input and fills in the registers: u32 in, and"
		" kvm_rax_write() and its like out, which set all 64 bits.",
	WHERE(CONTRACT_MODE) =
		"What the leaf asks about the vCPU's mode or privilege level:"
		" nothing, but for CPUID faulting, which kvm_emulate_cpuid() handles.",
	WHERE(CONTRACT_SUM) =
		"The loop over the VM's vCPUs: all that are online at the time of the"
		" read, not an array of fixed size or a number that was kept; and"
		" of each what it has added up, nothing of an exit that is still open.",
	WHERE(CONTRACT_DISCOVERY) = "The discovery leaf: its numbers are those of the host, and all"
				    " four registers 0 at an index that the ABI does not define.",
	WHERE(CONTRACT_EPOCH) = "kvm_arch_init_vm(): get_random_u64() for each VM.",
	WHERE(CONTRACT_CLOCK) =
		"The clock: rdtsc() of the host at both ends, not kvm_read_l1_tsc(), which the"
		" guest and the VMM can set.",
	WHERE(SOME_UNCOUNTED) =
		"What decides whether %1$s_vcpu_run() counts an exit, and where: a condition, or"
		" state that is not this vCPU's alone.",
	WHERE(SOME_UNTIMED) = "What these exits have in common, between the stamps beside"
			      " trace_kvm_exit() and trace_kvm_entry(): state that they change, a"
			      " path that they take, a value that does not hold theirs.",
	WHERE(SOME_OVERCHARGED) =
		"What these exits have in common, where the clock starts and where it is read: a"
		" stamp of an earlier exit, or of another vCPU or CPU, or cycles added twice.",
	WHERE(WRONG_STATISTIC) =
		"kvm_vcpu_stats_desc[]: the names, offsets and units of exits_by_number and"
		" cycles_by_number.",
	WHERE(WRONG_TOTAL) = "The sums: the totals over all exit numbers, the VM-wide leaves over"
			     " all vCPUs.",
#undef WHERE
};

const char *diagnosis_name(enum diagnosis_id id)
{
	return table[id].name;
}

const char *confidence_name(enum confidence confidence)
{
	static const char *const names[] = {
		[CONFIDENCE_CERTAIN] = "certain",
		[CONFIDENCE_LIKELY] = "likely",
		[CONFIDENCE_POSSIBLE] = "possible",
	};

	return names[confidence];
}

const char *diagnosis_where(enum diagnosis_id id)
{
	return table[id].where;
}
