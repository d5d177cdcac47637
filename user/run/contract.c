// SPDX-License-Identifier: GPL-2.0-only
#include "run/contract.h"

#include <limits.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>

#include "kvm/features.h"
#include "kvm/kvm.h"
#include "run/clocks.h"
#include "run/contract_reads.h"
#include "util/array.h"

#define CREATE_NS 300000000 /* what the creation of idle vCPUs may take */
#define CREATE_STEP 32
#define MAX_WORKERS 16
#define HALTED_CPUIDS 37
#define GUEST_TSC (1ull << 50) /* days */

/* A VM under examination. */
struct subject {
	struct test_vm *vm;
	unsigned int number;	 /* in contract.vms */
	unsigned int first_vcpu; /* in contract.vcpus */
	unsigned int nr_vcpus;	 /* that can run */
	unsigned int next_id;	 /* of all vCPUs, as KVM numbers them */
};

/* What all VMs have in common. */
struct examination {
	struct read_list list;
	/* Entries of most vCPUs: KVM's own differ, as they have the APIC ID of the CPU that asks. */
	struct kvm_cpuid2 *usual;
};

static struct contract_result *contract_of(struct session *session)
{
	return &session->result->contract;
}

/* ---- VMs and requests ---- */

static int open_subject(struct session *session, struct subject *subject, const char *name,
			bool has_apic)
{
	const struct test_vm_config config = {
		.isa = session->host->isa,
		.nr_vcpus = MAX_WORKERS,
		.irqchip = has_apic,
		.by_hand = true,
		.timeout_ms = WORKLOAD_TIMEOUT_MS,
	};
	struct contract_result *contract = contract_of(session);
	struct contract_vm *vm = contract_add_vm(contract);

	*subject = (struct subject){
		.number = contract->nr_vms - 1,
		.first_vcpu = contract->nr_vcpus,
	};
	if (!vm)
		return session_no_memory(session);
	vm->name = name;
	vm->has_apic = has_apic;
	return test_vm_create(&subject->vm, &config, session->err);
}

static int request(struct session *session, const struct subject *subject,
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

static int ask(struct session *session, const struct subject *subject, uint64_t bits)
{
	return request(session, subject, CONTRACT_ENABLE, 0, bits);
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

static int add_vcpu(struct session *session, struct subject *subject,
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
	subject->next_id++;
	return record_entries(session, subject, vcpu, cpuid[nr - 1]);
}

static int add_usual_vcpu(struct session *session, struct subject *subject,
			  const struct kvm_cpuid2 *usual)
{
	const struct kvm_cpuid2 *cpuid = usual;

	return add_vcpu(session, subject, &cpuid, 1);
}

/* These entries, but those from first to last. */
static struct kvm_cpuid2 *copy_entries(const struct kvm_cpuid2 *from, uint32_t first, uint32_t last)
{
	struct kvm_cpuid2 *copy = calloc(1, CPUID2_SIZE(MAX_CPUID_ENTRIES));

	for (unsigned int i = 0; copy && i < from->nent; i++)
		if (from->entries[i].function < first || from->entries[i].function > last)
			copy->entries[copy->nent++] = from->entries[i];
	return copy;
}

/* ---- reads ---- */

/* Has a vCPU execute the list, and records it. */
static int read_list(struct session *session, const struct subject *subject, unsigned int vcpu,
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

/* What is known at the end; destroys the VM. Returns status, or its own failure. */
static int close_subject(struct session *session, struct subject *subject, int status)
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

/* ---- the VMs ---- */

/* Asks for everything that it cannot have, at every moment. */
static int ask_in_vain(struct session *session, const struct subject *subject)
{
	int status = ask(session, subject, 0);

	for (unsigned int bit = 2; bit < 64 && !status; bit++) {
		status = ask(session, subject, 1ull << bit);
		if (!status)
			status = ask(session, subject, 1ull << bit | KVM_X86_EXIT_LEAVES_ENABLE);
		if (!status)
			status = ask(session, subject, 1ull << bit | KVM_X86_EXIT_LEAVES_HOST);
	}
	if (!status)
		status = ask(session, subject, UINT64_MAX);
	for (unsigned int bit = 0; bit < 32 && !status; bit++)
		status = request(session, subject, CONTRACT_ENABLE, 1u << bit,
				 KVM_X86_EXIT_LEAVES_ENABLE);
	return status;
}

/* Both bits, alone and together, once there is a vCPU. */
static int ask_too_late(struct session *session, const struct subject *subject)
{
	int status = 0;

	for (uint64_t bits = 0; bits < 4 && !status; bits++) {
		status = ask(session, subject, bits);
		if (!status)
			status = request(session, subject, CONTRACT_ENABLE_VCPU, 0, bits);
	}
	return status;
}

static int examine_control(struct session *session, struct examination *common)
{
	struct read_list *list = &common->list;
	struct subject subject;
	int status = open_subject(session, &subject, "a VM that asked in vain", false);

	if (!status) {
		common->usual = copy_entries(test_vm_cpuid(subject.vm), LEAF_FIRST, LEAF_LAST);
		if (!common->usual)
			status = session_no_memory(session);
	}
	if (!status) {
		contract_of(session)->supported =
			test_vm_cpuid(subject.vm)->nent - common->usual->nent;
		status = request(session, &subject, CONTRACT_CHECK_SYSTEM, 0, 0);
	}
	if (!status)
		status = request(session, &subject, CONTRACT_CHECK, 0, 0);
	if (!status)
		status = ask_in_vain(session, &subject);
	if (!status)
		status = add_usual_vcpu(session, &subject, common->usual);
	if (!status)
		status = ask_too_late(session, &subject);
	if (!status) {
		list_leaves(session, list, CPUID_MODE_64);
		list_leaves(session, list, CPUID_MODE_64_USER);
		list_ordinary(session, list, &session->result->contract, subject.first_vcpu);
		status = read_list(session, &subject, 0, list);
	}
	/*
	 * vCPUs without accounting, more than the VM of phase_smp() has with it: when they go, KVM must not take
	 * them for those.
	 */
	if (!status)
		test_vm_add_idle(subject.vm, session->several.nr_vcpus);
	return close_subject(session, &subject, status);
}

/* A VM that asked for these bits, with one vCPU. */
static int open_asked(struct session *session, struct subject *subject, const char *name,
		      bool has_apic, uint64_t bits, const struct examination *common)
{
	int status = open_subject(session, subject, name, has_apic);

	if (!status)
		status = ask(session, subject, bits);
	return status ?: add_usual_vcpu(session, subject, common->usual);
}

static int examine_host(struct session *session, struct examination *common)
{
	struct read_list *list = &common->list;
	struct subject subject;
	int status = open_asked(session, &subject, "a VM with bit 1 alone", false,
				KVM_X86_EXIT_LEAVES_HOST, common);

	if (!status) {
		list_leaves(session, list, CPUID_MODE_64);
		status = read_list(session, &subject, 0, list);
	}
	return close_subject(session, &subject, status);
}

/* ---- the VM that has everything ---- */

static void add_entry(struct kvm_cpuid2 *cpuid, uint32_t function, bool any_index, uint32_t index,
		      uint32_t value)
{
	if (cpuid->nent == MAX_CPUID_ENTRIES)
		return;
	cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
		.function = function,
		.index = index,
		.flags = any_index ? 0 : KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = value,
		.ebx = value,
		.ecx = value,
		.edx = value,
	};
}

/* vCPUs whose VMM has its own mind about the leaves, and one without a hypervisor's range. */
static int add_opinionated(struct session *session, struct subject *subject,
			   const struct kvm_cpuid2 *usual)
{
	struct kvm_cpuid2 *some = copy_entries(usual, 1, 0);
	struct kvm_cpuid2 *other = copy_entries(usual, 1, 0);
	struct kvm_cpuid2 *bare = copy_entries(usual, 0x40000000, 0x4fffffff);
	int status;

	if (!some || !other || !bare) {
		status = session_no_memory(session);
	} else {
		const struct kvm_cpuid2 *twice[] = { some, other }, *back[] = { some, usual },
					*without = bare;

		add_entry(some, LEAF_EXITS, true, 0, 0x11111111);
		add_entry(some, LEAF_CYCLES, false, CONTRACT_GIVEN_INDEX, 0x22222222);
		add_entry(some, LEAF_DISCOVERY, false, 1, 0x33333333);
		add_entry(some, LEAF_VCPU_TOTAL_EXITS, true, 0, 0);
		add_entry(other, LEAF_VCPU_EXITS, true, 0, 0x44444444);
		add_entry(other, LEAF_EXITS, false, CONTRACT_GIVEN_INDEX, 0x55555555);
		status = add_vcpu(session, subject, twice, 1);
		if (!status)
			status = add_vcpu(session, subject, twice, 2);
		if (!status)
			status = add_vcpu(session, subject, back, 2);
		if (!status)
			status = add_vcpu(session, subject, &without, 1);
	}
	free(some);
	free(other);
	free(bare);
	return status;
}

/* Why this host has no reads in that mode, NULL if it has. */
static const char *no_mode(const struct session *session, enum cpuid_mode mode)
{
	if (mode < CPUID_MODE_32 || mode > CPUID_MODE_REAL || session->host->isa != EXIT_ISA_VMX ||
	    features_unrestricted_guest())
		return NULL;
	return "KVM emulates it (kvm_intel.unrestricted_guest=0)";
}

static int read_in_modes(struct session *session, const struct subject *subject,
			 struct read_list *list)
{
	struct contract_result *contract = contract_of(session);
	int status = 0;

	for (int mode = 0; mode < NR_CPUID_MODES && !status; mode++) {
		contract->no_mode[mode] = no_mode(session, mode);
		if (contract->no_mode[mode])
			continue;
		list_leaves(session, list, mode);
		status = read_list(session, subject, 0, list);
	}
	return status;
}

/* Idle vCPUs until the VM has nr, as long as it does not take too long; false: KVM creates no more. */
static bool add_idle(struct session *session, struct subject *subject, unsigned int nr,
		     uint64_t deadline)
{
	bool refused = false;

	while (subject->next_id < nr && clocks_read().ns < deadline && !refused) {
		unsigned int step = nr - subject->next_id < CREATE_STEP ? nr - subject->next_id :
									  CREATE_STEP;
		unsigned int added = test_vm_add_idle(subject->vm, step);

		subject->next_id += added;
		refused = added < step;
	}
	contract_of(session)->vms[subject->number].created = subject->next_id;
	return !refused;
}

/* A vCPU that comes when the others have been running for long: it works, and the first one reads. */
static int add_worker(struct session *session, struct subject *subject, uint64_t count,
		      struct examination *common)
{
	const char *unsupported;
	int status = add_usual_vcpu(session, subject, common->usual);

	if (!status)
		status = test_vm_run(subject->vm, subject->nr_vcpus - 1, PROBE_CPUID, count,
				     &unsupported, session->err);
	contract_of(session)->vms[subject->number].created = subject->next_id;
	if (status)
		return status;
	list_sums(session, &common->list);
	return read_list(session, subject, 0, &common->list);
}

/*
 * As many vCPUs as KVM allows, or as there is time for, because KVM looks at all others for each: a few
 * of them work, around numbers where a table might end, and the last one.
 */
static int add_the_rest(struct session *session, struct subject *subject,
			struct examination *common)
{
	static const unsigned int workers[] = { 5, 8, 63, 64, 255, 256, UINT_MAX };
	static const unsigned int counts[NR(workers)] = { 11, 13, 17, 19, 23, 29, 31 };
	const int most = test_vm_capability(subject->vm, false, KVM_CAP_MAX_VCPUS);
	const uint64_t deadline = clocks_read().ns + CREATE_NS;
	int status = 0;

	if (most <= (int)subject->next_id)
		return 0;
	contract_of(session)->vms[subject->number].most = most;
	for (unsigned int i = 0; i < NR(workers) && !status; i++) {
		const unsigned int id = workers[i] < (unsigned int)most ? workers[i] : most - 1u;

		/* The last one comes in any case. */
		if (id < subject->next_id || (id != most - 1u && clocks_read().ns >= deadline))
			continue;
		if (!add_idle(session, subject, id, deadline))
			break;
		status = add_worker(session, subject, counts[i], common);
	}
	if (status)
		return status;
	list_sums(session, &common->list);
	return read_list(session, subject, subject->nr_vcpus - 1, &common->list);
}

static int examine_full(struct session *session, struct examination *common)
{
	struct read_list *list = &common->list;
	struct subject subject;
	int status = open_subject(session, &subject, "a VM with both bits", false);

	if (!status)
		status = ask(session, &subject, KVM_X86_EXIT_LEAVES_HOST);
	for (int time = 0; time < 2 && !status; time++)
		status = ask(session, &subject, KVM_X86_EXIT_LEAVES_ENABLE);
	if (!status)
		status = ask(session, &subject,
			     KVM_X86_EXIT_LEAVES_ENABLE | KVM_X86_EXIT_LEAVES_HOST);
	if (!status)
		status = add_usual_vcpu(session, &subject, common->usual);
	if (!status)
		status = ask_too_late(session, &subject);
	if (!status)
		status = request(session, &subject, CONTRACT_CHECK, 0, 0);
	if (!status)
		status = add_opinionated(session, &subject, common->usual);
	if (!status)
		status = read_in_modes(session, &subject, list);
	if (!status) {
		list_halves(session, list);
		list_discovery(session, list);
		list_ordinary(session, list, &session->result->contract, subject.first_vcpu);
		status = read_list(session, &subject, 0, list);
	}
	for (unsigned int v = 1; v < subject.nr_vcpus && !status; v++) {
		list_given(list);
		status = read_list(session, &subject, v, list);
	}
	if (!status)
		status = add_the_rest(session, &subject, common);
	return close_subject(session, &subject, status);
}

/*
 * Of the guest's TSC and its rate, which the VMM sets in the middle of an exit, there is nothing in the leaves;
 * and a vCPU that is halted is in the sums.
 */
static int examine_clock(struct session *session, struct examination *common)
{
	struct read_list *list = &common->list;
	struct subject subject;
	int status = open_asked(session, &subject, "a VM with KVM's own APIC", true,
				KVM_X86_EXIT_LEAVES_ENABLE, common);

	if (!status)
		status = add_worker(session, &subject, HALTED_CPUIDS, common);
	if (!status)
		status = vcpu_halt(test_vm_vcpu(subject.vm, 1), session->err);
	if (!status)
		status = vcpu_set_clock(test_vm_vcpu(subject.vm, 0), 2 * session->host->tsc_khz,
					GUEST_TSC, session->err);
	if (!status) {
		list_clock(session, list);
		list_sums(session, list);
		status = read_list(session, &subject, 0, list);
	}
	return close_subject(session, &subject, status);
}

int phase_contract(struct session *session)
{
	struct contract_result *contract = contract_of(session);
	struct examination *common;
	int status;

	if (session->host->exit_leaves == EXIT_LEAVES_ABSENT || !session->plan->opt_in) {
		snprintf(contract->skipped, sizeof(contract->skipped), "%s",
			 session->plan->opt_in ? "this KVM does not have the capability" :
						 "this run does not ask for the leaves");
		return 0;
	}
	session_progress("what the ABI promises");
	common = calloc(1, sizeof(*common));
	if (!common)
		return session_no_memory(session);
	status = examine_control(session, common);
	if (!status)
		status = examine_host(session, common);
	if (!status)
		status = examine_full(session, common);
	if (!status)
		status = examine_clock(session, common);
	contract->ran = !status;
	free(common->usual);
	free(common);
	return status;
}
