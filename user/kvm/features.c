// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/features.h"

#include <cpuid.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kvm/late_memory.h"
#include "kvm/workload.h"

#define CPUID_1_ECX_MONITOR (1u << 3)
#define CPUID_7_ECX_UMIP (1u << 2)

/* Whether a boolean parameter of that module is on. */
static bool parameter_is_on(const char *module, const char *name)
{
	char path[64], value = 'N';
	int fd;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, &value, 1) != 1)
		value = 'N';
	close(fd);
	return value == 'Y' || value == '1';
}

/* Likewise, of the vendor's KVM module. */
static bool module_parameter(enum exit_isa isa, const char *name)
{
	return parameter_is_on(isa == EXIT_ISA_VMX ? "kvm_intel" : "kvm_amd", name);
}

bool features_emulation_prefix(void)
{
	return parameter_is_on("kvm", "force_emulation_prefix");
}

bool features_unrestricted_guest(void)
{
	return module_parameter(EXIT_ISA_VMX, "unrestricted_guest");
}

/*
 * The version of the QEMU whose TCG this CPU is, as 100 times the major one and the minor one; INT_MAX if it is
 * another CPU. TCG does not tell its version, but the machine's type does, as in "pc-i440fx-7.2".
 */
static int tcg_version(void)
{
	unsigned int eax, signature[3], major, minor;
	char type[64] = "", *version;
	int fd;

	__cpuid(0x40000000, eax, signature[0], signature[1], signature[2]);
	if (memcmp(signature, "TCGTCGTCGTCG", sizeof(signature)))
		return INT_MAX;
	fd = open("/sys/class/dmi/id/product_version", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (read(fd, type, sizeof(type) - 1) < 0)
			type[0] = '\0';
		close(fd);
	}
	version = strrchr(type, '-');
	if (!version || sscanf(version, "-%u.%u", &major, &minor) != 2)
		return 0;
	return 100 * major + minor;
}

/* Before 8.1 it knows fewer intercepts. */
static bool cpu_is_old_tcg(void)
{
	return tcg_version() < 801;
}

/* Since 9.1 it decodes anew the instructions that it intercepts. */
static bool cpu_is_new_tcg(void)
{
	return tcg_version() >= 901 && tcg_version() != INT_MAX;
}

/* Whether the CPU virtualizes the APIC, which changes the exits. */
static bool has_virtual_apic(enum exit_isa isa)
{
	return module_parameter(isa, isa == EXIT_ISA_VMX ? "enable_apicv" : "avic");
}

/* Why no workload of this kind causes its exit. */
static const char *unsupported_kind(const struct workload *workload, enum exit_isa isa,
				    const struct guest_features *guest)
{
	const enum probe_op op = workload->op;

	if (!workload_exists(workload, isa))
		return workload->why;
	if (workload->irqchip && op != PROBE_TSC_DEADLINE && op != PROBE_PREEMPTION_TIMER &&
	    has_virtual_apic(isa))
		return isa == EXIT_ISA_VMX ?
			       "a virtual APIC changes the exits (kvm_intel.enable_apicv=1)" :
			       "a virtual APIC changes the exits (kvm_amd.avic=1)";

	if (workload->nested) {
		if (!guest->nested)
			return "KVM offers its guests no VMX or SVM (kvm_intel.nested=0 or"
			       " kvm_amd.nested=0)";
		if (isa == EXIT_ISA_VMX && module_parameter(isa, "enable_shadow_vmcs"))
			return "with a shadow VMCS, not every VMWRITE exits: load kvm_intel with"
			       " enable_shadow_vmcs=0";
	}
	return NULL;
}

/* Why this operation does not cause its exit. */
static const char *unsupported_op(enum probe_op op, enum exit_isa isa,
				  const struct guest_features *guest)
{
	unsigned int eax, ebx, ecx, edx;

	switch (op) {
	case PROBE_XSETBV:
		if (!guest->xsave)
			return "this CPU has no XSAVE";
		return cpu_is_old_tcg() ? "QEMU's TCG does not intercept it before version 8.1" :
					  NULL;
	case PROBE_INVD:
		return cpu_is_old_tcg() ? "QEMU's TCG reports it as WBINVD before version 8.1" :
					  NULL;
	case PROBE_MONITOR:
	case PROBE_MWAIT:
		if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & CPUID_1_ECX_MONITOR)
			return NULL;
		return "this CPU has no MONITOR and MWAIT";
	case PROBE_SGDT:
	case PROBE_SLDT:
		if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && ecx & CPUID_7_ECX_UMIP)
			return "this CPU has UMIP: no exit";
		return guest->umip ? NULL : "this CPU does not let KVM emulate UMIP";
	case PROBE_EMULATE:
		if (!features_unrestricted_guest())
			return NULL;
		return "this CPU enters that state (kvm_intel.unrestricted_guest=1)";
	case PROBE_INVVPID:
		return module_parameter(isa, "vpid") ?
			       NULL :
			       "this CPU may lack INVVPID (kvm_intel.vpid=0)";
	case PROBE_PREEMPTION_TIMER:
		if (module_parameter(isa, "preemption_timer"))
			return NULL;
		return "KVM does not use the preemption timer (kvm_intel.preemption_timer=0)";
	case PROBE_TPR_THRESHOLD:
		if (isa == EXIT_ISA_SVM || module_parameter(isa, "flexpriority"))
			return NULL;
		return "a different exit number without a TPR shadow"
		       " (kvm_intel.flexpriority=0)";
	case PROBE_VMLOAD:
	case PROBE_VMSAVE:
		if (!module_parameter(isa, "vls"))
			return NULL;
		return "this CPU can execute it without an exit (kvm_amd.vls=1)";
	case PROBE_STGI:
	case PROBE_CLGI:
		if (!module_parameter(isa, "vgif"))
			return NULL;
		return "this CPU can execute it without an exit (kvm_amd.vgif=1)";
	case PROBE_MOV_FROM_CR4:
		return cpu_is_new_tcg() ?
			       "QEMU's TCG takes it for a read of CR0 since version 9.1" :
			       NULL;
	case PROBE_SMI:
		return guest->smm ? NULL :
				    "this KVM has no system management mode (CONFIG_KVM_SMM)";
	case PROBE_NMI:
		if (module_parameter(isa, "vnmi") == (isa == EXIT_ISA_VMX))
			return NULL;
		return isa == EXIT_ISA_VMX ?
			       "this CPU has no NMI window (kvm_intel.vnmi=0)" :
			       "this CPU delivers NMIs without an exit (kvm_amd.vnmi=1)";
	case PROBE_MOV_CR0:
		if (isa == EXIT_ISA_VMX || module_parameter(isa, "npt"))
			return NULL;
		return "a different exit number without nested paging (kvm_amd.npt=0)";
	case PROBE_TOUCH:
	case PROBE_TOUCH_LATE:
	case PROBE_TOUCH_HALTED:
	case PROBE_MMIO_READ:
	case PROBE_MMIO_WRITE:
	case PROBE_MMIO_SPLIT:
		if (module_parameter(isa, isa == EXIT_ISA_VMX ? "ept" : "npt"))
			return op_touches_late(op) ? late_memory_unsupported() : NULL;
		return "a different exit number without nested paging (kvm_intel.ept=0 or"
		       " kvm_amd.npt=0)";
	default:
		return NULL;
	}
}

const char *unsupported_reason(enum probe_op op, enum exit_isa isa,
			       const struct guest_features *guest)
{
	const struct workload *workload = workload_of(op);
	const char *why = workload ? unsupported_kind(workload, isa, guest) : NULL;

	return why ? why : unsupported_op(op, isa, guest);
}
