// SPDX-License-Identifier: GPL-2.0-only
#include "run/contract_vm.h"

#include <linux/kvm.h>
#include <stdlib.h>

#include "kvm/kvm.h"

#define MAX_WORKERS 16

static struct contract_result *contract_of(struct session *session)
{
	return &session->result->contract;
}

/* ---- VMs and requests ---- */

int subject_open(struct session *session, struct subject *subject, const char *name, bool has_apic,
		 unsigned int id_step)
{
	const struct test_vm_config config = {
		.isa = session->host->isa,
		.nr_vcpus = MAX_WORKERS,
		.irqchip = has_apic,
		.by_hand = true,
		.id_step = id_step,
		.timeout_ms = WORKLOAD_TIMEOUT_MS,
	};
	struct contract_result *contract = contract_of(session);
	struct contract_vm *vm = contract_add_vm(contract);

	*subject = (struct subject){
		.number = contract->nr_vms - 1,
		.first_vcpu = contract->nr_vcpus,
		.id_step = id_step,
	};
	if (!vm)
		return session_no_memory(session);
	vm->name = name;
	vm->has_apic = has_apic;
	return test_vm_create(&subject->vm, &config, session->err);
}

int subject_request(struct session *session, const struct subject *subject,
		    enum contract_request request, uint32_t flags, uint64_t bits)
{
	const struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_EXIT_LEAVES,
		.flags = flags,
		.args = { bits },
	};
	struct contract_call *call = contract_add_call(contract_of(session));

	if (!call)
		return session_no_memory(session);
	*call = (struct contract_call){
		.vm = subject->number,
		.request = request,
		.has_vcpus = subject->next_id,
		.flags = flags,
		.bits = bits,
	};
	if (request == CONTRACT_CHECK || request == CONTRACT_CHECK_SYSTEM)
		call->answer = test_vm_capability(subject->vm, request == CONTRACT_CHECK_SYSTEM,
						  KVM_CAP_X86_EXIT_LEAVES);
	else
		call->answer = test_vm_enable(subject->vm, request == CONTRACT_ENABLE_VCPU, &cap);
	return 0;
}

int subject_ask(struct session *session, const struct subject *subject, uint64_t bits)
{
	return subject_request(session, subject, CONTRACT_ENABLE, 0, bits);
}

/* ---- vCPUs and their CPUID entries ---- */

static bool is_own(const struct kvm_cpuid_entry2 *entry)
{
	return is_leaf(entry->function);
}

static unsigned int count_own(const struct kvm_cpuid2 *cpuid)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < cpuid->nent; i++)
		nr += is_own(&cpuid->entries[i]);
	return nr;
}

static int record_entry(struct session *session, struct contract_vcpu *vcpu,
			const struct kvm_cpuid_entry2 *from)
{
	struct contract_entry *entry = contract_add_entry(contract_of(session));

	if (!entry)
		return session_no_memory(session);
	*entry = (struct contract_entry){
		.function = from->function,
		.index = from->index,
		.any_index = !(from->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX),
		.registers = { from->eax, from->ebx, from->ecx, from->edx },
	};
	vcpu->nr++;
	return 0;
}

/* Ordinary entries as KVM has them, which updates some; those for the leaves as they were given. */
static int record_entries(struct session *session, const struct subject *subject,
			  struct contract_vcpu *vcpu, const struct kvm_cpuid2 *given)
{
	struct kvm_cpuid2 *cpuid;
	int status = test_vm_get_cpuid(subject->vm, subject->nr_vcpus - 1, &cpuid, session->err);

	if (status)
		return status;
	vcpu->first = contract_of(session)->nr_entries;
	vcpu->given = count_own(given);
	vcpu->entries = count_own(cpuid);
	for (unsigned int i = 0; i < cpuid->nent && !status; i++)
		if (!is_own(&cpuid->entries[i]))
			status = record_entry(session, vcpu, &cpuid->entries[i]);
	for (unsigned int i = 0; i < given->nent && !status; i++)
		if (is_own(&given->entries[i]))
			status = record_entry(session, vcpu, &given->entries[i]);
	free(cpuid);
	return status;
}

int subject_add_vcpu(struct session *session, struct subject *subject,
		     const struct kvm_cpuid2 *const *cpuid, unsigned int nr)
{
	struct contract_vcpu *vcpu = contract_add_vcpu(contract_of(session));
	int status;

	if (!vcpu)
		return session_no_memory(session);
	vcpu->vm = subject->number;
	vcpu->id = subject->next_id;
	status = test_vm_add_vcpu(subject->vm, cpuid, nr, session->err);
	if (status)
		return status;
	subject->nr_vcpus++;
	subject->next_id += subject->id_step;
	return record_entries(session, subject, vcpu, cpuid[nr - 1]);
}

int subject_add_usual(struct session *session, struct subject *subject,
		      const struct kvm_cpuid2 *usual)
{
	const struct kvm_cpuid2 *cpuid = usual;

	return subject_add_vcpu(session, subject, &cpuid, 1);
}

struct kvm_cpuid2 *cpuid_copy(const struct kvm_cpuid2 *from, uint32_t first, uint32_t last)
{
	struct kvm_cpuid2 *copy = calloc(1, CPUID2_SIZE(MAX_CPUID_ENTRIES));

	for (unsigned int i = 0; copy && i < from->nent; i++)
		if (from->entries[i].function < first || from->entries[i].function > last)
			copy->entries[copy->nent++] = from->entries[i];
	return copy;
}

/* ---- reads ---- */

int subject_read(struct session *session, const struct subject *subject, unsigned int vcpu,
		 struct read_list *list)
{
	uint64_t others = 0;
	int status;

	if (list->full)
		return error_set(session->err, STATUS_CANNOT_RUN, "too many reads in a list");
	for (unsigned int v = 0; v < subject->nr_vcpus; v++)
		if (v != vcpu)
			others += test_vm_executed(subject->vm, v, PROBE_CPUID);
	status = test_vm_read_cpuid(subject->vm, vcpu, list->reads, list->nr, session->err);
	for (unsigned int i = 0; i < list->nr && !status; i++) {
		struct contract_read *read = contract_add_read(contract_of(session));

		if (!read)
			return session_no_memory(session);
		*read = (struct contract_read){
			.vcpu = subject->first_vcpu + vcpu,
			.read = list->reads[i],
			.others = others,
		};
	}
	list->nr = 0;
	return status;
}

int subject_close(struct session *session, struct subject *subject, int status)
{
	for (unsigned int v = 0; v < subject->nr_vcpus && !status; v++) {
		struct contract_vcpu *vcpu = &contract_of(session)->vcpus[subject->first_vcpu + v];
		struct kvm_account account;
		struct error none; /* an older series has no such statistic */

		vcpu->cpuids = test_vm_executed(subject->vm, v, PROBE_CPUID);
		vcpu->has_accounted = !test_vm_account(subject->vm, v, &account, &none);
		for (unsigned int i = 0; i < EXIT_NR_INDICES && vcpu->has_accounted; i++)
			vcpu->accounted += account.exits[i];
	}
	test_vm_destroy(subject->vm);
	return status;
}
