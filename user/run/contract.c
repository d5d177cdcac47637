// SPDX-License-Identifier: GPL-2.0-only
#include "run/contract.h"

#include <limits.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "kvm/features.h"
#include "kvm/kvm.h"
#include "run/clocks.h"
#include "kvm/vcpu.h"
#include "run/contract_vm.h"
#include "util/array.h"

#define CREATE_NS 300000000 /* what the creation of idle vCPUs may take */
#define CREATE_STEP 32
#define HALTED_CPUIDS 37
#define GAPS 2
#define BLOCKED_MS 60
#define ID_STEP 3
#define GUEST_TSC (1ull << 50) /* days */

/* What all VMs have in common. */
struct examination {
	struct read_list list;
	/* Entries of most vCPUs: KVM's own differ, as they have the APIC ID of the CPU that asks. */
	struct kvm_cpuid2 *usual;
};

/* ---- the VMs ---- */

/* Asks for everything that it cannot have, at every moment. */
static int ask_in_vain(struct session *session, const struct subject *subject)
{
	int status = subject_ask(session, subject, 0);

	for (unsigned int bit = 2; bit < 64 && !status; bit++) {
		status = subject_ask(session, subject, 1ull << bit);
		if (!status)
			status = subject_ask(session, subject,
					     1ull << bit | KVM_X86_EXIT_LEAVES_ENABLE);
		if (!status)
			status = subject_ask(session, subject,
					     1ull << bit | KVM_X86_EXIT_LEAVES_HOST);
	}
	if (!status)
		status = subject_ask(session, subject, UINT64_MAX);
	for (unsigned int bit = 0; bit < 32 && !status; bit++)
		status = subject_request(session, subject, CONTRACT_ENABLE, 1u << bit,
					 KVM_X86_EXIT_LEAVES_ENABLE);
	return status;
}

/* Both bits, alone and together, once there is a vCPU. */
static int ask_too_late(struct session *session, const struct subject *subject)
{
	int status = 0;

	for (uint64_t bits = 0; bits < 4 && !status; bits++) {
		status = subject_ask(session, subject, bits);
		if (!status)
			status = subject_request(session, subject, CONTRACT_ENABLE_VCPU, 0, bits);
	}
	return status;
}

static int examine_control(struct session *session, struct examination *common)
{
	struct read_list *list = &common->list;
	struct subject subject;
	int status = subject_open(session, &subject, "a VM that asked in vain", false, 1);

	if (!status) {
		common->usual = cpuid_copy(test_vm_cpuid(subject.vm), LEAF_FIRST, LEAF_LAST);
		if (!common->usual)
			status = session_no_memory(session);
	}
	if (!status) {
		session->result->contract.supported =
			test_vm_cpuid(subject.vm)->nent - common->usual->nent;
		status = subject_request(session, &subject, CONTRACT_CHECK_SYSTEM, 0, 0);
	}
	if (!status)
		status = subject_request(session, &subject, CONTRACT_CHECK, 0, 0);
	if (!status)
		status = ask_in_vain(session, &subject);
	if (!status)
		status = subject_add_usual(session, &subject, common->usual);
	if (!status)
		status = ask_too_late(session, &subject);
	if (!status) {
		list_leaves(session, list, CPUID_MODE_64);
		list_leaves(session, list, CPUID_MODE_64_USER);
		list_ordinary(session, list, &session->result->contract, subject.first_vcpu);
		status = subject_read(session, &subject, 0, list);
	}
	/*
	 * vCPUs without accounting, more than the VM of phase_smp() has with it: when they go, KVM must not take
	 * them for those.
	 */
	if (!status)
		test_vm_add_idle(subject.vm, session->several.nr_vcpus);
	return subject_close(session, &subject, status);
}

/* A VM that asked for these bits, with one vCPU. */
static int open_asked(struct session *session, struct subject *subject, const char *name,
		      bool has_apic, unsigned int id_step, uint64_t bits,
		      const struct examination *common)
{
	int status = subject_open(session, subject, name, has_apic, id_step);

	if (!status)
		status = subject_ask(session, subject, bits);
	return status ?: subject_add_usual(session, subject, common->usual);
}

static int examine_host(struct session *session, struct examination *common)
{
	struct read_list *list = &common->list;
	struct subject subject;
	int status = open_asked(session, &subject, "a VM with bit 1 alone", false, 1,
				KVM_X86_EXIT_LEAVES_HOST, common);

	if (!status) {
		list_leaves(session, list, CPUID_MODE_64);
		status = subject_read(session, &subject, 0, list);
	}
	return subject_close(session, &subject, status);
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

/* KVM then answers undefined leaves as that vendor's CPUs do: Intel's with the highest basic leaf, which has no index. */
static void set_vendor(struct kvm_cpuid2 *cpuid, const char *name)
{
	for (unsigned int i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function)
			continue;
		entry->eax = 1;
		memcpy(&entry->ebx, name, sizeof(entry->ebx));
		memcpy(&entry->edx, name + 4, sizeof(entry->edx));
		memcpy(&entry->ecx, name + 8, sizeof(entry->ecx));
	}
}

/*
 * vCPUs whose VMM has its own mind about the leaves, one without a hypervisor's range, and one of the other
 * vendor.
 */
static int add_opinionated(struct session *session, struct subject *subject,
			   const struct kvm_cpuid2 *usual)
{
	struct kvm_cpuid2 *some = cpuid_copy(usual, 1, 0);
	struct kvm_cpuid2 *other = cpuid_copy(usual, 1, 0);
	struct kvm_cpuid2 *bare = cpuid_copy(usual, 0x40000000, 0x4fffffff);
	struct kvm_cpuid2 *foreign = cpuid_copy(usual, 1, 0);
	int status;

	if (!some || !other || !bare || !foreign) {
		status = session_no_memory(session);
	} else {
		const struct kvm_cpuid2 *twice[] = { some, other }, *back[] = { some, usual },
					*without = bare, *elsewhere = foreign;

		add_entry(some, LEAF_EXITS, true, 0, 0x11111111);
		add_entry(some, LEAF_CYCLES, false, CONTRACT_GIVEN_INDEX, 0x22222222);
		add_entry(some, LEAF_DISCOVERY, false, 1, 0x33333333);
		add_entry(some, LEAF_VCPU_TOTAL_EXITS, true, 0, 0);
		add_entry(other, LEAF_VCPU_EXITS, true, 0, 0x44444444);
		add_entry(other, LEAF_EXITS, false, CONTRACT_GIVEN_INDEX, 0x55555555);
		status = subject_add_vcpu(session, subject, twice, 1);
		if (!status)
			status = subject_add_vcpu(session, subject, twice, 2);
		if (!status)
			status = subject_add_vcpu(session, subject, back, 2);
		if (!status)
			status = subject_add_vcpu(session, subject, &without, 1);
		set_vendor(foreign,
			   session->host->isa == EXIT_ISA_SVM ? "GenuineIntel" : "AuthenticAMD");
		if (!status)
			status = subject_add_vcpu(session, subject, &elsewhere, 1);
	}
	free(some);
	free(other);
	free(bare);
	free(foreign);
	return status;
}

/* Why this host has no reads in that mode, NULL if it has. */
static const char *no_mode(const struct session *session, enum cpuid_mode mode)
{
	if (mode == CPUID_MODE_EMULATED && !features_emulation_prefix())
		return "without kvm.force_emulation_prefix=1, KVM emulates no instruction of the guest's choice";
	if (mode < CPUID_MODE_32 || mode > CPUID_MODE_REAL || session->host->isa != EXIT_ISA_VMX ||
	    features_unrestricted_guest())
		return NULL;
	return "KVM emulates it (kvm_intel.unrestricted_guest=0)";
}

static int read_in_modes(struct session *session, const struct subject *subject,
			 struct read_list *list)
{
	struct contract_result *contract = &session->result->contract;
	int status = 0;

	for (int mode = 0; mode < NR_CPUID_MODES && !status; mode++) {
		contract->no_mode[mode] = no_mode(session, mode);
		if (contract->no_mode[mode])
			continue;
		list_leaves(session, list, mode);
		status = subject_read(session, subject, 0, list);
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
	session->result->contract.vms[subject->number].created = subject->next_id;
	return !refused;
}

/* A vCPU that comes when the others have been running for long: it works, and the first one reads. */
static int add_worker(struct session *session, struct subject *subject, uint64_t count,
		      struct examination *common)
{
	const char *unsupported;
	int status = subject_add_usual(session, subject, common->usual);

	if (!status)
		status = test_vm_run(subject->vm, subject->nr_vcpus - 1, PROBE_CPUID, count,
				     &unsupported, session->err);
	session->result->contract.vms[subject->number].created =
		subject->next_id / subject->id_step;
	if (status)
		return status;
	list_sums(session, &common->list);
	return subject_read(session, subject, 0, &common->list);
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
	session->result->contract.vms[subject->number].most = most;
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
	return subject_read(session, subject, subject->nr_vcpus - 1, &common->list);
}

static int examine_full(struct session *session, struct examination *common)
{
	/* What was agreed on before stays. */
	static const uint64_t bits[] = {
		KVM_X86_EXIT_LEAVES_HOST,   KVM_X86_EXIT_LEAVES_ENABLE,
		KVM_X86_EXIT_LEAVES_ENABLE, KVM_X86_EXIT_LEAVES_ENABLE | KVM_X86_EXIT_LEAVES_HOST,
		KVM_X86_EXIT_LEAVES_HOST,
	};
	struct read_list *list = &common->list;
	struct subject subject;
	int status = subject_open(session, &subject, "a VM with both bits", false, 1);

	for (unsigned int i = 0; i < NR(bits) && !status; i++)
		status = subject_ask(session, &subject, bits[i]);
	if (!status)
		status = subject_add_usual(session, &subject, common->usual);
	if (!status)
		status = ask_too_late(session, &subject);
	if (!status)
		status = subject_request(session, &subject, CONTRACT_CHECK, 0, 0);
	if (!status)
		status = add_opinionated(session, &subject, common->usual);
	if (!status)
		status = read_in_modes(session, &subject, list);
	if (!status) {
		list_halves(session, list);
		list_discovery(session, list);
		list_ordinary(session, list, &session->result->contract, subject.first_vcpu);
		status = subject_read(session, &subject, 0, list);
	}
	for (unsigned int v = 1; v < subject.nr_vcpus && !status; v++) {
		list_given(list);
		list_discovery(session, list);
		status = subject_read(session, &subject, v, list);
	}
	if (!status)
		status = add_the_rest(session, &subject, common);
	return subject_close(session, &subject, status);
}

/* Each is refused; KVM has counted it among the VM's vCPUs by then. */
static void create_again(const struct subject *subject, unsigned int times)
{
	while (times--)
		ioctl(test_vm_fd(subject->vm), KVM_CREATE_VCPU, 0L);
}

/* A vCPU that does not run is in the sums, whatever it waits for. */
static int examine_waiting(struct session *session, const struct subject *subject,
			   struct read_list *list)
{
	static const uint32_t states[] = {
		KVM_MP_STATE_UNINITIALIZED,
		KVM_MP_STATE_INIT_RECEIVED,
		KVM_MP_STATE_HALTED,
	};
	int status = 0;

	for (unsigned int i = 0; i < NR(states) && !status; i++) {
		status = vcpu_set_state(test_vm_vcpu(subject->vm, 1), states[i], session->err);
		list_sums(session, list);
		if (!status)
			status = subject_read(session, subject, 0, list);
	}
	return status;
}

/*
 * Of the guest's clocks and their rate, which the VMM sets in the middle of an exit, there is nothing in the
 * leaves.
 */
static int examine_clocks(struct session *session, const struct subject *subject,
			  struct read_list *list)
{
	const struct kvm_clock_data clock = { .clock = GUEST_TSC };
	int status;

	list_clock(session, list);
	status = subject_read(session, subject, 0, list);
	if (!status)
		status = vcpu_set_clock(test_vm_vcpu(subject->vm, 0), 2 * session->host->tsc_khz,
					GUEST_TSC, session->err);
	if (!status && KVM(test_vm_fd(subject->vm), KVM_SET_CLOCK, &clock, session->err) < 0)
		status = STATUS_CANNOT_RUN;
	list_clock(session, list);
	list_sums(session, list);
	return status ?: subject_read(session, subject, 0, list);
}

/* Has a vCPU halt for so long, and the first one read meanwhile: twice, in much less time. */
static int read_beside_halted(struct session *session, const struct subject *subject,
			      unsigned int halted, struct read_list *list)
{
	static const unsigned int pauses_ms[] = { 5, 15 };
	const unsigned int first = session->result->contract.nr_reads;
	const uint64_t begin = clocks_read().ns;
	const char *unsupported;
	int status;

	test_vm_vcpu(subject->vm, halted)->shared->ms_cycles *= BLOCKED_MS;
	status = test_vm_start(subject->vm, halted, PROBE_HLT_TIMER, 1, &unsupported, session->err);
	if (status || unsupported)
		return status;
	for (unsigned int i = 0; i < NR(pauses_ms) && !status; i++) {
		const struct timespec pause = { .tv_nsec = pauses_ms[i] * 1000000l };

		nanosleep(&pause, NULL);
		list_others(session, list);
		status = subject_read(session, subject, 0, list);
	}
	if (clocks_read().ns - begin < BLOCKED_MS * 1000000 * 3 / 4)
		session->result->contract.blocked = first + 1;
	return status ?: test_vm_wait(subject->vm, halted, session->err);
}

/* While a vCPU is blocked in KVM, nothing of its exit is in the sums. */
static int examine_blocked(struct session *session, struct subject *subject, struct read_list *list)
{
	const struct kvm_cpuid2 *with_timer = test_vm_cpuid(subject->vm);
	int status = subject_add_vcpu(session, subject, &with_timer, 1);

	return status ?: read_beside_halted(session, subject, subject->nr_vcpus - 1, list);
}

static int examine_states(struct session *session, struct examination *common)
{
	struct subject subject;
	int status = open_asked(session, &subject, "a VM with KVM's own APIC", true, 1,
				KVM_X86_EXIT_LEAVES_ENABLE, common);

	if (!status)
		status = add_worker(session, &subject, HALTED_CPUIDS, common);
	if (!status) {
		create_again(&subject, session->several.nr_vcpus + subject.nr_vcpus);
		status = examine_waiting(session, &subject, &common->list);
	}
	if (!status)
		status = examine_blocked(session, &subject, &common->list);
	if (!status)
		status = examine_clocks(session, &subject, &common->list);
	return subject_close(session, &subject, status);
}

/* As where the threads of a core, or the cores of a package, are no power of two. */
static int examine_gaps(struct session *session, struct examination *common)
{
	struct subject subject;
	int status = open_asked(session, &subject, "a VM with gaps in its vCPUs' IDs", false,
				ID_STEP, KVM_X86_EXIT_LEAVES_ENABLE, common);

	for (unsigned int i = 0; i < GAPS && !status; i++)
		status = add_worker(session, &subject, HALTED_CPUIDS + i, common);
	if (!status) {
		list_sums(session, &common->list);
		status = subject_read(session, &subject, subject.nr_vcpus - 1, &common->list);
	}
	return subject_close(session, &subject, status);
}

int phase_contract(struct session *session)
{
	struct contract_result *contract = &session->result->contract;
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
		status = examine_states(session, common);
	if (!status)
		status = examine_gaps(session, common);
	contract->ran = !status;
	free(common->usual);
	free(common);
	return status;
}
