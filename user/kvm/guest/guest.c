// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probe guest: executes the commands that the VMM leaves in struct
 * probe_shared. Every operation is counted before it is executed, so that the
 * count is right at the very moment of the exit.
 */
#include <stdbool.h>
#include <stddef.h>

#include "exitcheck.h"
#include "kvm/guest/guest.h"
#include "kvm/guest/program.h"

#define MSR_IA32_UCODE_WRITE 0x79 /* KVM ignores writes, on both vendors */
#define MSR_IA32_UCODE_REV 0x8b	  /* KVM intercepts and emulates reads */
#define CR4_MCE (1ul << 6)
#define CR4_UMIP (1ul << 11)
#define MSR_TSC 0x10
#define MSR_X2APIC_EOI 0x80b
#define MSR_KVM_STEAL_TIME 0x4b564d03
#define HYPERCALL_UNKNOWN 0x7eac4ed
#define VECTOR_NMI 2
#define VECTOR_UD 6
#define VECTOR_GP 13

/* What entry.S and the CPU push. */
struct exception_frame {
	uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Where to go on after an instruction that KVM may answer with #UD or #GP. */
struct fixup {
	uint64_t rip, resume;
};

extern const struct fixup fixups[], fixups_end[];

void guest_main(struct probe_shared *shared);
void guest_exception(struct exception_frame *frame);

/* The HLT of halt(). */
extern const char pending_hlt[];

static void done(struct probe_shared *shared)
{
	bump(shared, PROBE_OUT);
	asm volatile("outb %%al, %0" : : "i"(PROBE_PORT_DONE), "a"(0) : "memory");
}

void guest_exception(struct exception_frame *frame)
{
	/* _start pushed it on a stack of one page. */
	uint64_t stack_end = ((uint64_t)frame | (PROBE_PAGE_SIZE - 1)) + 1;
	struct probe_shared *shared = *(struct probe_shared **)(stack_end - 8);
	const struct fixup *fixup;

	if (frame->vector == PROBE_IRQ_VECTOR) {
		also_write_msr(shared, MSR_X2APIC_EOI, 0);
		if (frame->rip == (uint64_t)pending_hlt) {
			/* Too early: this HLT would wait for an interrupt that has been taken. */
			shared->executed[shared->op]--;
			frame->rip++;
		}
		return;
	}

	if (frame->vector == VECTOR_NMI)
		return;
	if (frame->vector == VECTOR_UD || frame->vector == VECTOR_GP) {
		for (fixup = fixups; fixup < fixups_end; fixup++) {
			if (fixup->rip == frame->rip) {
				frame->rip = fixup->resume;
				return;
			}
		}
	}

	shared->fault_rip = frame->rip;
	shared->fault = frame->vector + 1;
	for (;;)
		done(shared);
}

/*
 * Touches all memory that later commands use, and makes KVM remember that there
 * is none at PROBE_MMIO_ADDR: a nested page fault or, on VMX, an EPT violation
 * instead of a misconfiguration must not get into a command's counts. Writes the TSC.
 */
static void warm_up(struct probe_shared *shared)
{
	volatile uint8_t *page, *mmio = (uint8_t *)PROBE_MMIO_ADDR;

	for (page = (uint8_t *)PROBE_IMAGE_ADDR; page < (uint8_t *)fixups_end;
	     page += PROBE_PAGE_SIZE)
		(void)*page;
	for (page = (uint8_t *)shared; page < (uint8_t *)(shared + 1); page += PROBE_PAGE_SIZE)
		*page = *page;

	/* On VMX the first access is the EPT violation that lets later ones be misconfigurations. */
	for (page = mmio; page <= mmio + PROBE_PAGE_SIZE; page += PROBE_PAGE_SIZE) {
		if (shared->isa != EXIT_ISA_VMX)
			bump(shared, PROBE_MMIO_READ);
		(void)*page;
	}
	bump(shared, PROBE_MMIO_WRITE);
	*(volatile uint32_t *)PROBE_MMIO_ADDR = 0;
	/* Far ahead, and back: KVM's clock is the host's. Not in a command, whose time would be wrong. */
	also_write_msr(shared, MSR_TSC, rdtsc() + TSC_FAR);
	also_write_msr(shared, MSR_TSC, rdtsc() - TSC_FAR);
	enable_clock(shared);
	enable(shared, MSR_KVM_STEAL_TIME, shared->steal);
}

static void read_leaf(struct probe_shared *shared, struct probe_read *read)
{
	bump(shared, PROBE_CPUID);
	asm volatile("cpuid"
		     : "=a"(read->eax), "=b"(read->ebx), "=c"(read->ecx), "=d"(read->edx)
		     : "0"(read->function), "2"(read->index)
		     : "memory");
	read->cpuids = shared->executed[PROBE_CPUID];
}

static void read_leaves(struct probe_shared *shared, uint64_t passes)
{
	uint32_t i;

	for (; passes; passes--)
		for (i = 0; i < shared->nr_reads; i++)
			read_leaf(shared, &shared->reads[i]);
}

static void cpuid(uint32_t eax)
{
	uint32_t ecx = 0;

	asm volatile("cpuid" : "+a"(eax), "+c"(ecx) : : "ebx", "edx", "memory");
}

static void outs(void)
{
	const uint8_t byte = 0;
	const uint8_t *source = &byte;

	asm volatile("outsb" : "+S"(source) : "d"(PROBE_PORT_DATA), "m"(byte));
}

static void ins(void)
{
	uint8_t byte, *destination = &byte;

	asm volatile("insb" : "+D"(destination), "=m"(byte) : "d"(PROBE_PORT_DATA));
}

static void rdmsr(void)
{
	uint32_t eax, edx;

	asm volatile("rdmsr" : "=a"(eax), "=d"(edx) : "c"(MSR_IA32_UCODE_REV));
}

static void wrmsr(void)
{
	asm volatile("wrmsr" : : "c"(MSR_IA32_UCODE_WRITE), "a"(0), "d"(0));
}

/* Never the other vendor's instruction: KVM would rewrite it in place. */
static void hypercall(uint32_t isa)
{
	uint64_t number = HYPERCALL_UNKNOWN;

	if (isa == EXIT_ISA_SVM)
		asm volatile("vmmcall" : "+a"(number) : : "memory");
	else
		asm volatile("vmcall" : "+a"(number) : : "memory");
}

static void xsetbv(void)
{
	uint32_t eax, edx;

	asm volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	asm volatile("xsetbv" : : "c"(0), "a"(eax), "d"(edx));
}

static void touch_with_interrupts(volatile uint8_t *page)
{
	asm volatile("sti" : : : "memory");
	*page = 1;
	asm volatile("cli" : : : "memory");
}

static void sgdt(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) gdt;

	asm volatile("sgdt %0" : "=m"(gdt));
}

static void sldt(void)
{
	uint16_t selector;

	asm volatile("sldt %0" : "=r"(selector));
}

static void rdpmc(void)
{
	uint32_t eax = 0, edx = 0;

	asm volatile(MAY_FAULT("rdpmc") : "+a"(eax), "+d"(edx) : "c"(0));
}

/* An IDT without a vector: the breakpoint becomes a triple fault. */
static void shut_down(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt;

	asm volatile("lidt %0\n\tint3" : : "m"(no_idt));
}

#define NO_OPERAND(instruction) asm volatile(MAY_FAULT(instruction) : : : "memory")
#define WITH_RAX(instruction) asm volatile(MAY_FAULT(instruction) : : "a"(0ul), "c"(0) : "memory")
#define WITH_MEMORY(instruction) asm volatile(MAY_FAULT(instruction " %0") : "+m"(operand))

#define INVALIDATE(instruction) \
	asm volatile(MAY_FAULT(instruction " (%0), %1") : : "r"(descriptor), "r"(1ul) : "memory")

#define TIMES(name, statement)                      \
	case PROBE_##name:                          \
		for (i = 0; i < count; i++) {       \
			bump(shared, PROBE_##name); \
			statement;                  \
		}                                   \
		break

static void execute(struct probe_shared *shared, uint32_t op, uint64_t count)
{
	volatile uint32_t *mmio = (uint32_t *)PROBE_MMIO_ADDR;
	volatile uint8_t *touch = (uint8_t *)shared->touch;
	uint64_t operand = 0, i;
	uint64_t descriptor[2] = { 0 };
	bool umip = op == PROBE_SGDT || op == PROBE_SLDT;

	if (umip)
		also_toggle_cr4(shared, CR4_UMIP);
	switch (op) {
		TIMES(CPUID, cpuid(0));
		TIMES(CPUID_LEAF, cpuid(LEAF_TOTAL_EXITS));
		TIMES(OUT, asm volatile("outb %%al, %0" : : "i"(PROBE_PORT_DATA), "a"(0)));
		TIMES(IN, asm volatile("inb %0, %%al" : : "i"(PROBE_PORT_DATA) : "eax"));
		TIMES(OUTS, outs());
		TIMES(INS, ins());
		TIMES(MMIO_READ, (void)*mmio);
		TIMES(MMIO_WRITE, *mmio = 0);
		TIMES(MMIO_SPLIT,
		      (void)*(volatile uint64_t *)(PROBE_MMIO_ADDR + PROBE_PAGE_SIZE - 4));
		TIMES(TOUCH, touch[i * PROBE_PAGE_SIZE] = 1);
		TIMES(TOUCH_LATE, touch[i * PROBE_PAGE_SIZE] = 1);
		TIMES(TOUCH_HALTED, touch_with_interrupts(touch + i * PROBE_PAGE_SIZE));
		TIMES(RDMSR, rdmsr());
		TIMES(WRMSR, wrmsr());
		TIMES(HLT, asm volatile("hlt"));
		TIMES(HYPERCALL, hypercall(shared->isa));
		TIMES(MOV_CR0, write_cr0(read_cr0() ^ CR0_AM));
		TIMES(MOV_FROM_CR4, asm volatile("mov %%cr4, %0" : "=r"(operand)));
		TIMES(MOV_CR4, toggle_cr4(shared, CR4_MCE));
		TIMES(MOV_CR8, asm volatile("mov %0, %%cr8" : : "r"(i & 1)));
		TIMES(XSETBV, xsetbv());
		TIMES(WBINVD, asm volatile("wbinvd"));
		TIMES(INVD, asm volatile("invd"));
		TIMES(RDPMC, rdpmc());
		TIMES(MONITOR, asm volatile(MAY_FAULT("monitor") : : "a"(shared), "c"(0), "d"(0)));
		TIMES(MWAIT, asm volatile(MAY_FAULT("mwait") : : "a"(0), "c"(0)));
		TIMES(UD2, NO_OPERAND("ud2"));
		TIMES(RSM, NO_OPERAND("rsm"));
		TIMES(VMRUN, WITH_RAX("vmrun %%rax"));
		TIMES(VMLOAD, WITH_RAX("vmload %%rax"));
		TIMES(VMSAVE, WITH_RAX("vmsave %%rax"));
		TIMES(STGI, NO_OPERAND("stgi"));
		TIMES(CLGI, NO_OPERAND("clgi"));
		TIMES(SKINIT, WITH_RAX("skinit %%eax"));
		TIMES(INVLPGA, WITH_RAX("invlpga %%rax, %%ecx"));
		TIMES(VMXON, WITH_MEMORY("vmxon"));
		TIMES(VMXOFF, NO_OPERAND("vmxoff"));
		TIMES(VMCLEAR, WITH_MEMORY("vmclear"));
		TIMES(VMPTRLD, WITH_MEMORY("vmptrld"));
		TIMES(VMPTRST, WITH_MEMORY("vmptrst"));
		TIMES(VMREAD, asm volatile(MAY_FAULT("vmread %1, %0") : "=r"(operand) : "r"(0ul)));
		TIMES(VMWRITE, asm volatile(MAY_FAULT("vmwrite %0, %1") : : "r"(0ul), "r"(0ul)));
		TIMES(VMLAUNCH, NO_OPERAND("vmlaunch"));
		TIMES(VMRESUME, NO_OPERAND("vmresume"));
		TIMES(SGDT, sgdt());
		TIMES(SLDT, sldt());
		TIMES(INVEPT, INVALIDATE("invept"));
		TIMES(INVVPID, INVALIDATE("invvpid"));
		TIMES(PREEMPTED, preempted(shared));
		TIMES(LATE, event());
		TIMES(STOPPED, event());
		TIMES(RESET, event());
		TIMES(PAUSE, asm volatile("pause"));
		TIMES(SHUTDOWN, shut_down());
	case PROBE_MOV_FROM_CR0:
	case PROBE_MOV_TO_CR0:
		control_register_0(shared, op, count);
		break;
	case PROBE_MOV_FROM_DR:
	case PROBE_MOV_TO_DR:
		debug_registers(shared, op, count);
		break;
	case PROBE_X2APIC_ICR:
		x2apic_icr(shared, count);
		break;
	case PROBE_TSC_DEADLINE:
		tsc_deadline(shared, count);
		break;
	case PROBE_PREEMPTION_TIMER:
		preemption_timer(shared, count);
		break;
	case PROBE_IRQ_WINDOW:
		irq_window(shared, count);
		break;
	case PROBE_TPR_THRESHOLD:
		tpr_threshold(shared, count);
		break;
	case PROBE_UD2_PENDING:
		ud2_pending(shared, count);
		break;
	case PROBE_HLT_PENDING:
		hlt_pending(shared, count);
		break;
	case PROBE_HLT_TIMER:
	case PROBE_HLT_POLL:
	case PROBE_HLT_STOPPED:
		hlt_timer(shared, count);
		break;
	case PROBE_STATE:
		state(shared, count);
		break;
	case PROBE_SMI:
		smi(shared, count);
		break;
	case PROBE_NMI:
		nmi(shared, count);
		break;
	case PROBE_NESTED_CPUID:
	case PROBE_NESTED_HYPERCALL:
	case PROBE_NESTED_HLT:
		if (shared->isa == EXIT_ISA_VMX)
			nested_vmx(shared, op, count);
		else
			nested_svm(shared, op, count);
		break;
	case PROBE_INVALID_STATE:
	case PROBE_EMULATE:
		break; /* was before this */
	case PROBE_READ_LEAVES:
		read_leaves(shared, count);
		break;
	}
	if (umip)
		also_toggle_cr4(shared, CR4_UMIP);
}

static void run_program(struct probe_shared *shared, uint64_t count)
{
	uint64_t state = shared->program.seed;

	for (; count; count--) {
		uint32_t op = program_next(&shared->program, &state);

		if (op == PROBE_READ_LEAVES)
			read_leaf(shared, &shared->reads[random_next(&state) % shared->nr_reads]);
		else
			execute(shared, op, 1);
	}
}

static void obey(struct probe_shared *shared)
{
	if (shared->op == PROBE_PROGRAM)
		run_program(shared, shared->count);
	else
		execute(shared, shared->op, shared->count);
}

static uint64_t read_exits(struct probe_shared *shared)
{
	struct probe_read read = { .function = shared->measure_exits };

	read_leaf(shared, &read);
	return (uint64_t)read.ebx << 32 | read.eax;
}

static uint64_t read_cycles(struct probe_shared *shared)
{
	struct probe_read read = { .function = shared->measure_cycles };

	read_leaf(shared, &read);
	return (uint64_t)read.ebx << 32 | read.ecx;
}

static void execute_measured(struct probe_shared *shared)
{
	struct probe_span *span = &shared->span;

	span->valid = 0;
	span->exits[0] = read_exits(shared);
	span->tsc[0] = rdtsc();
	span->cycles[0] = read_cycles(shared);
	shared->nr_stamps = 0;
	obey(shared);
	span->tsc[1] = rdtsc();
	span->operations = shared->nr_stamps;
	span->cycles[1] = read_cycles(shared);
	span->tsc_read = rdtsc();
	span->exits[1] = read_exits(shared);
	span->valid = 1;
}

void guest_main(struct probe_shared *shared)
{
	warm_up(shared);
	for (;;) {
		done(shared);
		if (shared->measure_exits && shared->op != PROBE_READ_LEAVES)
			execute_measured(shared);
		else
			obey(shared);
	}
}
