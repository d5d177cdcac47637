// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/cpuid_read.h"

#include "kvm/vcpu.h"

#define CR0_PE (1ull << 0)
#define CR0_PG (1ull << 31)
#define EFER_LME_LMA 0x500ull
#define RFLAGS_FIXED 0x2ull
#define RFLAGS_IOPL_3 0x3000ull
#define MSR_MISC_FEATURES_ENABLES 0x140
#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10

const char *cpuid_mode_name(enum cpuid_mode mode)
{
	static const char *const names[NR_CPUID_MODES] = {
#define X(id, name) [CPUID_MODE_##id] = name,
		CPUID_MODES(X)
#undef X
	};

	return names[mode];
}

static bool is_faulting(enum cpuid_mode mode)
{
	return mode == CPUID_MODE_FAULTING || mode == CPUID_MODE_FAULTING_USER;
}

static bool is_user(enum cpuid_mode mode)
{
	return mode == CPUID_MODE_64_USER || mode == CPUID_MODE_COMPAT_USER ||
	       mode == CPUID_MODE_32_USER || mode == CPUID_MODE_16_USER ||
	       mode == CPUID_MODE_FAULTING_USER;
}

static int set_faulting(const struct vcpu *vcpu, bool on, struct error *err)
{
	if (kvm_set_msr(vcpu->fd, MSR_MISC_FEATURES_ENABLES, on, err) != 1)
		return error_set(err, STATUS_CANNOT_RUN, "KVM has no CPUID faulting");
	return 0;
}

static void set_size(struct kvm_segment *segment, bool bits_32)
{
	segment->db = bits_32;
	segment->limit = bits_32 ? 0xffffffff : 0xffff;
	segment->g = bits_32;
}

static void set_data(struct kvm_sregs *sregs, const struct kvm_segment *data)
{
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = *data;
}

/* Changes 64-bit mode, CPL 0, to another mode. */
static void set_mode(struct kvm_sregs *sregs, enum cpuid_mode mode)
{
	struct kvm_segment data = sregs->ds;

	switch (mode) {
	case CPUID_MODE_COMPAT:
	case CPUID_MODE_COMPAT_USER:
		sregs->cs.l = 0;
		set_size(&sregs->cs, true);
		break;
	case CPUID_MODE_32:
	case CPUID_MODE_32_USER:
	case CPUID_MODE_16:
	case CPUID_MODE_16_USER:
	case CPUID_MODE_REAL:
		sregs->cr0 &= ~CR0_PG;
		sregs->efer &= ~EFER_LME_LMA;
		sregs->cs.l = 0;
		set_size(&sregs->cs, mode == CPUID_MODE_32 || mode == CPUID_MODE_32_USER);
		set_size(&data, mode == CPUID_MODE_32 || mode == CPUID_MODE_32_USER);
		break;
	default:
		break;
	}
	if (is_user(mode)) {
		sregs->cs.dpl = data.dpl = 3;
		sregs->cs.selector = SELECTOR_CODE | 3;
		data.selector = SELECTOR_DATA | 3;
	}
	if (mode == CPUID_MODE_REAL) {
		sregs->cr0 &= ~CR0_PE;
		sregs->cs.selector = data.selector = 0;
	}
	/* The vCPU then shuts down on an exception. */
	if (is_faulting(mode))
		sregs->idt.limit = 0;
	set_data(sregs, &data);
}

static int enter_mode(struct vcpu *vcpu, const struct kvm_sregs *usual, enum cpuid_mode mode,
		      struct error *err)
{
	struct kvm_sregs sregs = *usual;

	set_mode(&sregs, mode);
	if (KVM(vcpu->fd, KVM_SET_SREGS, &sregs, err) < 0)
		return STATUS_CANNOT_RUN;
	return is_faulting(mode) ? set_faulting(vcpu, true, err) : 0;
}

/* Out of a shutdown, too, which KVM answers with a reset on SVM. */
static int restore(struct vcpu *vcpu, const struct kvm_sregs *usual, bool faulting,
		   struct error *err)
{
	if (KVM(vcpu->fd, KVM_SET_SREGS, usual, err) < 0 ||
	    KVM(vcpu->fd, KVM_SET_VCPU_EVENTS, &vcpu->events, err) < 0)
		return STATUS_CANNOT_RUN;
	return faulting ? set_faulting(vcpu, false, err) : 0;
}

static int read_one(struct vcpu *vcpu, struct cpuid_read *read, struct error *err)
{
	const struct kvm_run *run = vcpu->run;
	uint64_t *executed = vcpu->shared->executed;
	struct kvm_regs regs = {
		.rax = read->in[CPUID_RAX],
		.rbx = read->in[CPUID_RBX],
		.rcx = read->in[CPUID_RCX],
		.rdx = read->in[CPUID_RDX],
		.rip = read->mode == CPUID_MODE_EMULATED ? PROBE_PREFIX_ADDR : PROBE_CPUID_ADDR,
		.rflags = RFLAGS_FIXED | RFLAGS_IOPL_3,
	};
	int status;

	if (KVM(vcpu->fd, KVM_SET_REGS, &regs, err) < 0)
		return STATUS_CANNOT_RUN;
	executed[read->mode == CPUID_MODE_EMULATED ? PROBE_UD2 : PROBE_CPUID]++;
	read->cpuids = executed[PROBE_CPUID];
	status = vcpu_run_once(vcpu, err);
	if (status)
		return status;
	if (run->exit_reason == KVM_EXIT_SHUTDOWN && is_faulting(read->mode)) {
		executed[PROBE_SHUTDOWN]++;
		read->faulted = true;
		return 0;
	}
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != PROBE_PORT_DATA)
		return vcpu_unexpected_exit(vcpu, err);
	executed[PROBE_OUT]++;
	vcpu_end_instruction(vcpu);
	if (KVM(vcpu->fd, KVM_GET_REGS, &regs, err) < 0)
		return STATUS_CANNOT_RUN;
	read->out[CPUID_RAX] = regs.rax;
	read->out[CPUID_RBX] = regs.rbx;
	read->out[CPUID_RCX] = regs.rcx;
	read->out[CPUID_RDX] = regs.rdx;
	return 0;
}

struct read_list {
	struct cpuid_read *reads;
	unsigned int nr;
};

static int read_list(struct vcpu *vcpu, void *driven, struct error *err)
{
	const struct read_list *list = driven;
	enum cpuid_mode mode = CPUID_MODE_64;
	struct kvm_sregs usual = { 0 };
	struct kvm_regs regs = { 0 };
	bool faulted = false;
	int status = 0;

	vcpu_end_instruction(vcpu);
	if (KVM(vcpu->fd, KVM_GET_SREGS, &usual, err) < 0 ||
	    KVM(vcpu->fd, KVM_GET_REGS, &regs, err) < 0)
		return STATUS_CANNOT_RUN;
	for (unsigned int i = 0; i < list->nr && !status; i++) {
		struct cpuid_read *read = &list->reads[i];

		if (read->mode != mode || faulted) {
			status = restore(vcpu, &usual, is_faulting(mode), err);
			mode = read->mode;
			if (!status)
				status = enter_mode(vcpu, &usual, mode, err);
		}
		if (!status)
			status = read_one(vcpu, read, err);
		faulted = read->faulted;
	}
	if (!status)
		status = restore(vcpu, &usual, is_faulting(mode), err);
	if (!status && KVM(vcpu->fd, KVM_SET_REGS, &regs, err) < 0)
		status = STATUS_CANNOT_RUN;
	return status;
}

int cpuid_read_all(struct vcpu *vcpu, struct cpuid_read *reads, unsigned int nr, struct error *err)
{
	struct read_list list = { .reads = reads, .nr = nr };

	return vcpu_drive(vcpu, read_list, &list, err);
}
