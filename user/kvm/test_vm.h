/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TEST_VM_H
#define TEST_VM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"
#include "kvm/account.h"
#include "kvm/cpuid_read.h"
#include "kvm/host.h"
#include "kvm/vcpu.h"
#include "kvm/guest/probe_abi.h"

/*
 * The test VM: a VM of our own with 1 to TEST_VM_MAX_VCPUS vCPUs, each on a
 * thread of its own, that executes one command of user/kvm/guest at a time.
 */
#define TEST_VM_MAX_VCPUS 64
#define TEST_VM_MAX 32 /* VMs at a time */

struct test_vm;

struct test_vm_config {
	enum exit_isa isa;
	int nr_vcpus;
	bool irqchip;	      /* with an APIC of KVM's own, in x2APIC mode */
	bool by_hand;	      /* its vCPUs are created by test_vm_add_vcpu() */
	unsigned int id_step; /* from one vCPU's ID to the next one's; 0: as 1 */
	uint64_t asks;	      /* for these bits of KVM_CAP_X86_EXIT_LEAVES, where KVM offers them */
	unsigned int timeout_ms; /* for one command; a KVM_RUN never outlives it */
};

/*
 * Creates the VM; its vCPU threads exist but have not entered the guest yet,
 * so that they can be registered with the eBPF program first.
 */
int test_vm_create(struct test_vm **vm, const struct test_vm_config *config, struct error *err);

/* Ends the threads, destroys the VM. NULL is allowed. */
void test_vm_destroy(struct test_vm *vm);

/* Whether KVM granted what the VM asked for; else it counts only under exit_leaves=all and =host. */
bool test_vm_opted_in(const struct test_vm *vm);

/* Fills in the registers that KVM was given for a leaf of the guest's; false if it was given none. */
bool test_vm_given_cpuid(const struct test_vm *vm, struct probe_read *leaf);

/*
 * By hand, up to config.nr_vcpus: creates the next vCPU with its thread, and sets its CPUID entries
 * nr times. It has no others.
 */
int test_vm_add_vcpu(struct test_vm *vm, const struct kvm_cpuid2 *const *cpuid, unsigned int nr,
		     struct error *err);

/* Creates vCPUs that never run, in addition; returns how many KVM let it. */
unsigned int test_vm_add_idle(struct test_vm *vm, unsigned int nr);

/* KVM's own descriptor of the VM. */
int test_vm_fd(const struct test_vm *vm);

/* An idle vCPU. */
const struct vcpu *test_vm_vcpu(const struct test_vm *vm, int vcpu);

/* What KVM supports; and what a vCPU has, to be freed. */
#define MAX_CPUID_ENTRIES 256 /* as many as KVM takes */
#define CPUID2_SIZE(nr) (sizeof(struct kvm_cpuid2) + (nr) * sizeof(struct kvm_cpuid_entry2))
const struct kvm_cpuid2 *test_vm_cpuid(const struct test_vm *vm);
int test_vm_get_cpuid(const struct test_vm *vm, int vcpu, struct kvm_cpuid2 **cpuid,
		      struct error *err);

/* KVM_CHECK_EXTENSION of the VM, or of /dev/kvm; negative: it failed. */
int test_vm_capability(const struct test_vm *vm, bool system, long capability);

/* KVM_ENABLE_CAP of the VM, or of its first vCPU: 0, or a negative error number. */
int test_vm_enable(const struct test_vm *vm, bool on_vcpu, const struct kvm_enable_cap *cap);

/* Has an idle vCPU execute CPUID in any mode of the CPU. */
int test_vm_read_cpuid(struct test_vm *vm, int vcpu, struct cpuid_read *reads, unsigned int nr,
		       struct error *err);

/* Thread of a vCPU. */
pid_t test_vm_tid(const struct test_vm *vm, int vcpu);

/* Gets it out of KVM_RUN by a signal; the command goes on. */
void test_vm_kick(const struct test_vm *vm, int vcpu);

/*
 * Runs op count times on a vCPU (count >= 1) and waits; start and wait do one half each. If CPU or
 * KVM cannot do it, returns 0 and sets *unsupported to a static text. The first command also
 * touches all guest memory. After a failure all later commands fail.
 */
int test_vm_run(struct test_vm *vm, int vcpu, enum probe_op op, uint64_t count,
		const char **unsupported, struct error *err);
int test_vm_start(struct test_vm *vm, int vcpu, enum probe_op op, uint64_t count,
		  const char **unsupported, struct error *err);
int test_vm_wait(struct test_vm *vm, int vcpu, struct error *err);

/*
 * Duration of an idle vCPU's last command, from guest entry to end: host TSC cycles, and CPU time
 * of its thread in ns. Preparations of the VMM (fresh memory) are excluded.
 */
uint64_t test_vm_cycles(const struct test_vm *vm, int vcpu);
uint64_t test_vm_cpu_ns(const struct test_vm *vm, int vcpu);

/*
 * Has the guest measure its commands from now on, by leaves of totals that it must have; then, how the
 * last one looked to it. All zeros: it was not measured.
 */
void test_vm_measure(struct test_vm *vm, uint32_t exits, uint32_t cycles);
struct vcpu_span test_vm_span(const struct test_vm *vm, int vcpu);

/*
 * Sets the list of CPUIDs that PROBE_READ_LEAVES executes on that vCPU
 * (nr <= PROBE_MAX_READS), function and index of each; then, after the run,
 * the same array has the registers returned. Valid while the vCPU is idle.
 */
struct probe_read *test_vm_reads(struct test_vm *vm, int vcpu);
void test_vm_set_nr_reads(struct test_vm *vm, int vcpu, unsigned int nr);

/* Sets what the next PROBE_PROGRAM of an idle vCPU draws from. */
void test_vm_set_program(struct test_vm *vm, int vcpu, const struct probe_program *program);

/* How often that vCPU has executed op since its first entry. */
uint64_t test_vm_executed(const struct test_vm *vm, int vcpu, enum probe_op op);

/* What KVM's accounting has of an idle vCPU, for the host. */
int test_vm_account(const struct test_vm *vm, int vcpu, struct kvm_account *account,
		    struct error *err);

/* KVM's own "exits" statistic of an idle vCPU, through KVM_GET_STATS_FD. */
int test_vm_stat_exits(struct test_vm *vm, int vcpu, uint64_t *exits, struct error *err);

/* The same of all vCPUs together, on any kernel. */
int test_vm_stat_all_exits(struct test_vm *vm, uint64_t *exits, struct error *err);

/*
 * Makes every vCPU stop as soon as it can; pending and later test_vm_run() fail. Async-signal-safe:
 * Ctrl-C and the watchdog call it.
 */
void test_vm_interrupt_all(void);

#endif
