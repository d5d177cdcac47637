/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CONTRACT_VM_H
#define CONTRACT_VM_H

/* A VM of CONTRACT: what is asked of KVM, and what it answers, goes to the result. */

#include "run/contract_reads.h"

/* A VM under examination. */
struct subject {
	struct test_vm *vm;
	unsigned int number;	 /* in contract.vms */
	unsigned int first_vcpu; /* in contract.vcpus */
	unsigned int nr_vcpus;	 /* that can run */
	unsigned int next_id;	 /* of all vCPUs, as KVM numbers them */
	unsigned int id_step;	 /* from one vCPU's to the next one's */
};

/* Creates the VM; its failures end the run. */
int subject_open(struct session *session, struct subject *subject, const char *name, bool has_apic,
		 unsigned int id_step);

/* What is known at the end; destroys the VM. Returns status, or its own failure. */
int subject_close(struct session *session, struct subject *subject, int status);

/* About the capability; what KVM answers is no failure. */
int subject_request(struct session *session, const struct subject *subject,
		    enum contract_request request, uint32_t flags, uint64_t bits);

/* KVM_ENABLE_CAP of the VM, with these bits. */
int subject_ask(struct session *session, const struct subject *subject, uint64_t bits);

/* A vCPU that can run, which is given each of these nr in turn; and one with the usual entries. */
int subject_add_vcpu(struct session *session, struct subject *subject,
		     const struct kvm_cpuid2 *const *cpuid, unsigned int nr);
int subject_add_usual(struct session *session, struct subject *subject,
		      const struct kvm_cpuid2 *usual);

/* These entries, but those from first to last; NULL: no memory. */
struct kvm_cpuid2 *cpuid_copy(const struct kvm_cpuid2 *from, uint32_t first, uint32_t last);

/* Has a vCPU execute the list, which is empty then, and records it. */
int subject_read(struct session *session, const struct subject *subject, unsigned int vcpu,
		 struct read_list *list);

#endif
