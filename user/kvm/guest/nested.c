// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's guest (L2): one instruction in the same address space, which exits
 * to KVM, and from there to the probe guest (L1), each time that it is entered.
 */
#include <stdbool.h>

#include "kvm/guest/guest.h"

#define CODE_SELECTOR 0x08 /* entry.S has the GDT */
#define DATA_SELECTOR 0x10
#define DR6_INIT 0xffff0ff0
#define DR7_INIT 0x400
#define RFLAGS_IF 0x200

struct descriptor_table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct state {
	uint64_t cr0, cr3;
	struct descriptor_table gdt, idt;
};

/* What L2 executes, by operation. */
extern const char nested_cpuid[], nested_vmmcall[], nested_vmcall[], nested_hlt[];
asm(".pushsection .text\n"
    "nested_cpuid: cpuid\n"
    "nested_vmmcall: vmmcall\n"
    "nested_vmcall: vmcall\n"
    "nested_hlt: hlt\n"
    ".popsection");

static struct state read_state(void)
{
	struct state state;

	asm volatile("mov %%cr0, %0" : "=r"(state.cr0));
	asm volatile("mov %%cr3, %0" : "=r"(state.cr3));
	asm volatile("sgdt %0" : "=m"(state.gdt));
	asm volatile("sidt %0" : "=m"(state.idt));
	return state;
}

/* The interrupt that ends L2's HLT: L2 had not executed that yet. */
static bool came_too_early(struct probe_shared *shared, uint64_t rip)
{
	if (rip != (uint64_t)nested_hlt)
		return false;
	shared->executed[PROBE_NESTED_HLT]--;
	return true;
}

static void clear_page(uint8_t *page)
{
	for (unsigned int i = 0; i < PROBE_PAGE_SIZE; i++)
		((volatile uint8_t *)page)[i] = 0;
}

/* ---- SVM: APM vol. 2, appendix B ---- */

#define MSR_EFER 0xc0000080
#define MSR_VM_HSAVE_PA 0xc0010117
#define EFER_LONG_MODE 0x500
#define EFER_SVME 0x1000

#define VMEXIT_INVALID 0xffffffff
#define INTERCEPT_INTR (1u << 0)
#define INTERCEPT_CPUID (1u << 18)
#define INTERCEPT_VMRUN (1u << 0)
#define INTERCEPT_VMMCALL (1u << 1)

struct vmcb_segment {
	uint16_t selector, attributes;
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	uint32_t intercepts[5];
	uint8_t reserved_14[0x58 - 0x14];
	uint32_t asid;
	uint8_t reserved_5c[0x70 - 0x5c];
	uint64_t exit_code;
	uint8_t reserved_78[0x400 - 0x78];
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved_4a0[0xd0 - 0xa0];
	uint64_t efer;
	uint8_t reserved_4d8[0x148 - 0xd8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
};

_Static_assert(__builtin_offsetof(struct vmcb, exit_code) == 0x70, "VMCB");
_Static_assert(__builtin_offsetof(struct vmcb, efer) == 0x4d0, "VMCB");
_Static_assert(__builtin_offsetof(struct vmcb, rip) == 0x578, "VMCB");

static struct vmcb *build_vmcb(struct probe_shared *shared, const char *rip)
{
	const struct state state = read_state();
	struct vmcb *vmcb = (struct vmcb *)shared->control[0];

	clear_page(shared->control[0]);
	vmcb->intercepts[3] = INTERCEPT_INTR | INTERCEPT_CPUID;
	vmcb->intercepts[4] = INTERCEPT_VMRUN | INTERCEPT_VMMCALL;
	vmcb->cs = (struct vmcb_segment){ CODE_SELECTOR, 0xa9b, 0xffffffff, 0 };
	vmcb->ss = (struct vmcb_segment){ DATA_SELECTOR, 0xc93, 0xffffffff, 0 };
	vmcb->ds = vmcb->es = vmcb->ss;
	vmcb->gdtr = (struct vmcb_segment){ 0, 0, state.gdt.limit, state.gdt.base };
	vmcb->idtr = (struct vmcb_segment){ 0, 0, state.idt.limit, state.idt.base };
	vmcb->efer = EFER_LONG_MODE | EFER_SVME;
	vmcb->cr0 = state.cr0;
	vmcb->cr3 = state.cr3;
	vmcb->cr4 = shared->cr4;
	vmcb->dr6 = DR6_INIT;
	vmcb->dr7 = DR7_INIT;
	vmcb->rflags = RFLAGS_IF | 2;
	vmcb->rip = (uint64_t)rip;
	return vmcb;
}

static void vmrun(volatile struct vmcb *vmcb)
{
	asm volatile("vmrun %%rax" : : "a"(vmcb) : "memory", "cc");
}

/*
 * The exit from L2 cleared the global interrupt flag, without which no interrupt is delivered. Clearing EFER.SVME
 * sets it on Linux 6.12, but not on 7.2.12.
 */
static void stgi(struct probe_shared *shared)
{
	if (shared->stgi_exits)
		bump(shared, PROBE_STGI);
	asm volatile("stgi" : : : "memory");
}

void nested_svm(struct probe_shared *shared, enum probe_op op, uint64_t count)
{
	const bool halts = op == PROBE_NESTED_HLT, hypercall = op == PROBE_NESTED_HYPERCALL;
	const char *rip = halts ? nested_hlt : hypercall ? nested_vmmcall : nested_cpuid;
	volatile struct vmcb *vmcb = build_vmcb(shared, rip);

	also_write_msr(shared, MSR_EFER, EFER_LONG_MODE | EFER_SVME);
	also_write_msr(shared, MSR_VM_HSAVE_PA, (uint64_t)shared->control[1]);
	/* KVM refuses a VMCB without an ASID: there is no entry, and no exit of L2. */
	vmcb->asid = 0;
	bump(shared, PROBE_VMRUN);
	vmrun(vmcb);
	if ((uint32_t)vmcb->exit_code != VMEXIT_INVALID)
		__builtin_trap();
	vmcb->asid = 1;
	if (halts)
		timer_enable(shared);
	for (; count; count--) {
		if (halts)
			timer_arm(shared);
		bump(shared, PROBE_VMRUN);
		bump(shared, op);
		vmrun(vmcb);
		if (vmcb->exit_code != (halts ? 0x60 : hypercall ? 0x81 : 0x72))
			__builtin_trap();
		if (!halts)
			continue;
		stgi(shared);
		take_interrupt(shared);
		count += came_too_early(shared, vmcb->rip);
		vmcb->rip = (uint64_t)rip;
	}
	if (halts)
		timer_disable(shared);
	stgi(shared);
	also_write_msr(shared, MSR_EFER, EFER_LONG_MODE);
}

/* ---- VMX: SDM vol. 3, appendix B ---- */

#define CR4_VMXE (1ul << 13)
#define MSR_VMX_BASIC 0x480
#define MSR_VMX_TRUE_PINBASED 0x48d /* the low half: what must be set */
#define MSR_VMX_TRUE_PROCBASED 0x48e
#define MSR_VMX_TRUE_EXIT 0x48f
#define MSR_VMX_TRUE_ENTRY 0x490
#define EXIT_TO_64_BITS (1u << 9)
#define ENTRY_TO_64_BITS (1u << 9)
#define TSS_SELECTOR 0x18 /* no one looks into the GDT for it, but it must not be 0 */
#define UNUSABLE 0x10000
#define EXTERNAL_INTERRUPT_EXITING (1u << 0)
#define VMCS_EXIT_REASON 0x4402
#define VMCS_ACTIVITY_STATE 0x4826 /* L2's */
#define VMCS_RIP 0x681e
#define VMCS_HOST_RSP 0x6c14
#define VMCS_HOST_RIP 0x6c16

static void also_vmwrite(struct probe_shared *shared, uint64_t field, uint64_t value)
{
	bump(shared, PROBE_VMWRITE);
	asm volatile("vmwrite %1, %0" : : "r"(field), "r"(value) : "cc", "memory");
}

static uint64_t also_vmread(struct probe_shared *shared, uint64_t field)
{
	uint64_t value;

	bump(shared, PROBE_VMREAD);
	asm volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
	return value;
}

/* Fields that are not here are zero, as the page is at first. */
static void build_vmcs(struct probe_shared *shared, const char *rip)
{
	const struct state state = read_state();
	const struct {
		uint32_t field;
		uint64_t value;
	} fields[] = {
		{ 0x4000, (uint32_t)also_read_msr(shared, MSR_VMX_TRUE_PINBASED) |
				  EXTERNAL_INTERRUPT_EXITING },
		{ 0x4002, (uint32_t)also_read_msr(shared, MSR_VMX_TRUE_PROCBASED) },
		{ 0x400c, (uint32_t)also_read_msr(shared, MSR_VMX_TRUE_EXIT) | EXIT_TO_64_BITS },
		{ 0x4012, (uint32_t)also_read_msr(shared, MSR_VMX_TRUE_ENTRY) | ENTRY_TO_64_BITS },
		{ 0x2800, -1ull },	   /* VMCS link pointer */
		{ 0x0800, DATA_SELECTOR }, /* L2: ES, CS, SS, DS, TR */
		{ 0x0802, CODE_SELECTOR },
		{ 0x0804, DATA_SELECTOR },
		{ 0x0806, DATA_SELECTOR },
		{ 0x080e, TSS_SELECTOR },
		{ 0x4800, 0xffffffff }, /* limits: likewise, then GDTR, IDTR */
		{ 0x4802, 0xffffffff },
		{ 0x4804, 0xffffffff },
		{ 0x4806, 0xffffffff },
		{ 0x480e, 0x67 },
		{ 0x4810, state.gdt.limit },
		{ 0x4812, state.idt.limit },
		{ 0x4814, 0xc093 }, /* access rights: ES to GS, LDTR, TR */
		{ 0x4816, 0xa09b },
		{ 0x4818, 0xc093 },
		{ 0x481a, 0xc093 },
		{ 0x481c, UNUSABLE },
		{ 0x481e, UNUSABLE },
		{ 0x4820, UNUSABLE },
		{ 0x4822, 0x8b },
		{ 0x6800, state.cr0 },
		{ 0x6802, state.cr3 },
		{ 0x6804, shared->cr4 },
		{ 0x6816, state.gdt.base },
		{ 0x6818, state.idt.base },
		{ 0x681a, DR7_INIT },
		{ VMCS_RIP, (uint64_t)rip },
		{ 0x6820, RFLAGS_IF | 2 },
		{ 0x0c00, DATA_SELECTOR }, /* L1: ES, CS, SS, DS, TR */
		{ 0x0c02, CODE_SELECTOR },
		{ 0x0c04, DATA_SELECTOR },
		{ 0x0c06, DATA_SELECTOR },
		{ 0x0c0c, TSS_SELECTOR },
		{ 0x6c00, state.cr0 },
		{ 0x6c02, state.cr3 },
		{ 0x6c04, shared->cr4 },
		{ 0x6c0c, state.gdt.base },
		{ 0x6c0e, state.idt.base },
	};

	for (unsigned int i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		also_vmwrite(shared, fields[i].field, fields[i].value);
}

/* Enters L2 and comes back after its exit; both write where that is. */
static void enter_l2(struct probe_shared *shared, bool launch)
{
	uint64_t address;
	uint8_t failed;

	bump(shared, PROBE_VMWRITE);
	bump(shared, PROBE_VMWRITE);
	bump(shared, launch ? PROBE_VMLAUNCH : PROBE_VMRESUME);
	asm volatile("vmwrite %%rsp, %[rsp]\n\t"
		     "lea 2f(%%rip), %[address]\n\t"
		     "vmwrite %[address], %[rip]\n\t"
		     "test %[launch], %[launch]\n\t"
		     "jz 1f\n\t"
		     "vmlaunch\n\t"
		     "jmp 2f\n"
		     "1:\tvmresume\n"
		     "2:\tsetbe %[failed]"
		     : [failed] "=&r"(failed), [address] "=&r"(address)
		     : [rsp] "r"((uint64_t)VMCS_HOST_RSP), [rip] "r"((uint64_t)VMCS_HOST_RIP),
		       [launch] "r"((uint32_t)launch)
		     : "memory", "cc");
	if (failed)
		__builtin_trap();
}

void nested_vmx(struct probe_shared *shared, enum probe_op op, uint64_t count)
{
	const bool halts = op == PROBE_NESTED_HLT, hypercall = op == PROBE_NESTED_HYPERCALL;
	const char *rip = halts ? nested_hlt : hypercall ? nested_vmcall : nested_cpuid;
	const uint64_t vmxon = (uint64_t)shared->control[0], vmcs = (uint64_t)shared->control[1];
	uint32_t revision = also_read_msr(shared, MSR_VMX_BASIC);
	bool launch = true;

	clear_page(shared->control[0]);
	clear_page(shared->control[1]);
	*(volatile uint32_t *)shared->control[0] = revision;
	*(volatile uint32_t *)shared->control[1] = revision;

	also_toggle_cr4(shared, CR4_VMXE);
	bump(shared, PROBE_VMXON);
	asm volatile("vmxon %0" : : "m"(vmxon) : "cc", "memory");
	bump(shared, PROBE_VMCLEAR);
	asm volatile("vmclear %0" : : "m"(vmcs) : "cc", "memory");
	bump(shared, PROBE_VMPTRLD);
	asm volatile("vmptrld %0" : : "m"(vmcs) : "cc", "memory");
	build_vmcs(shared, rip);

	if (halts)
		timer_enable(shared);
	for (; count; count--) {
		if (halts)
			timer_arm(shared);
		bump(shared, op);
		enter_l2(shared, launch);
		launch = false;
		if (also_vmread(shared, VMCS_EXIT_REASON) != (halts ? 1 : hypercall ? 18 : 10))
			__builtin_trap();
		if (!halts)
			continue;
		take_interrupt(shared);
		count += came_too_early(shared, also_vmread(shared, VMCS_RIP));
		also_vmwrite(shared, VMCS_RIP, (uint64_t)rip);
		/* The exit left it in HLT. */
		also_vmwrite(shared, VMCS_ACTIVITY_STATE, 0);
	}
	if (halts)
		timer_disable(shared);

	bump(shared, PROBE_VMCLEAR);
	asm volatile("vmclear %0" : : "m"(vmcs) : "cc", "memory");
	bump(shared, PROBE_VMXOFF);
	asm volatile("vmxoff" : : : "cc", "memory");
	also_toggle_cr4(shared, CR4_VMXE);
}
