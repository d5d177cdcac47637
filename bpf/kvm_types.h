/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_TYPES_H
#define KVM_TYPES_H

/*
 * The few fields of the vendor modules' types that the program reads; libbpf takes their offsets
 * from the running kernel's BTF. A field that moved between kernels has a ___flavour type for each
 * place.
 */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kvm_vcpu; /* its members: struct ec_offsets */

/*
 * kvm_amd. exit_code is u64 since v7.0, d7507a94a072 ("KVM: SVM: Treat exit_code as an unsigned
 * 64-bit value through all of KVM"); its low word has the offset of the former u32.
 */
struct vmcb_control_area {
	ec_u32 exit_code;
	ec_u64 exit_info_1, exit_info_2;
};

struct vmcb {
	struct vmcb_control_area control;
};

struct vcpu_svm {
	struct vmcb *vmcb;
};

/* kvm_intel, until v6.15. */
union vmx_exit_reason {
	ec_u32 full;
};

struct vcpu_vmx {
	union vmx_exit_reason exit_reason;
	unsigned long exit_qualification;
	ec_u32 exit_intr_info;
};

/* Since v6.16: 7172c753c26a ("KVM: VMX: Move common fields of struct vcpu_{vmx,tdx}
 * to a struct"). */
struct vcpu_vt {
	union vmx_exit_reason exit_reason;
	unsigned long exit_qualification;
	ec_u32 exit_intr_info;
};

struct vcpu_vmx___vt {
	struct vcpu_vt vt;
};

/*
 * Types of vmlinux that begin with a pointer, with a 64-bit and with a 32-bit number. Memory of a type
 * from a module's BTF is read as one of these, see load().
 */
struct list_head {
	struct list_head *next;
};

struct timespec64 {
	long long tv_sec;
};

struct kref {
	int refcount;
};

struct kvm_cpuid_entry2 {
	ec_u32 function, index, flags;
};

struct sched_info {
	unsigned long long run_delay; /* ns */
};

struct task_struct {
	unsigned long nvcsw, nivcsw;
	unsigned int __state; /* 0: it runs, or is ready to */
	int pid;
	char comm[16];
	struct sched_info sched_info;
};

#pragma clang attribute pop

#endif
