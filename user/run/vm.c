// SPDX-License-Identifier: GPL-2.0-only
#include "run/vm.h"

#include "kvm/kvm.h"
#include "kvm/workload.h"
#include "run/sweep.h"

/*
 * Starts the guest, so that its start-up precedes all sweeps, and reads the signature, as any
 * reader must, and the epoch.
 */
static int start_guest(struct session *session, const struct vm *vm, unsigned int vcpu)
{
	struct list list = list_begin(vm, vcpu);

	if (!session_hides_from(session, vm)) {
		list_add(&list, LEAF_DISCOVERY, 0);
		list_add(&list, LEAF_DISCOVERY, 2);
	}
	return sweep_run(session, vm, vcpu, &list, SWEEP_SOME, -1);
}

/* What such a VM asks KVM for. */
static uint64_t asks(const struct session *session, enum vm_kind kind)
{
	if (!session->plan->opt_in)
		return 0;
	return kind == VM_HIDDEN ? KVM_X86_EXIT_LEAVES_HOST : KVM_X86_EXIT_LEAVES_ENABLE;
}

int vm_begin(struct session *session, struct vm *vm, enum result_phase phase, unsigned int nr_vcpus,
	     enum vm_kind kind)
{
	const struct test_vm_config config = {
		.isa = session->host->isa,
		.nr_vcpus = nr_vcpus,
		.irqchip = kind == VM_IRQCHIP,
		.by_hand = true,
		.asks = asks(session, kind),
		.timeout_ms = WORKLOAD_TIMEOUT_MS,
	};

	*vm = (struct vm){
		.number = ++session->nr_vms,
		.first_vcpu = session->result->nr_vcpus,
	};
	for (unsigned int i = 0; i < nr_vcpus; i++) {
		struct result_vcpu *vcpu = result_add_vcpu(session->result);

		if (!vcpu)
			return session_no_memory(session);
		vcpu->phase = phase;
		vcpu->vm = vm->number;
		vcpu->id = i;
		vcpu->slot = RESULT_NO_SLOT;
		vcpu->hidden = kind == VM_HIDDEN;
	}
	return test_vm_create(&vm->test_vm, &config, session->err);
}

int vm_add_vcpu(struct session *session, struct vm *vm)
{
	const struct kvm_cpuid2 *cpuid = test_vm_cpuid(vm->test_vm);
	const unsigned int i = vm->nr_vcpus;
	int status = test_vm_add_vcpu(vm->test_vm, &cpuid, 1, session->err);

	if (status)
		return status;
	vm->nr_vcpus++;
	return tracer_register(session->tracer, vm->number, i, test_vm_tid(vm->test_vm, i),
			       &result_vcpu(session, vm, i)->slot, session->err);
}

int vm_start_vcpu(struct session *session, const struct vm *vm, unsigned int vcpu)
{
	int status = start_guest(session, vm, vcpu);

	if (!status)
		session_measure(session, vm);
	return status;
}

int vm_open(struct session *session, struct vm *vm, enum result_phase phase, unsigned int nr_vcpus,
	    enum vm_kind kind)
{
	int status = vm_begin(session, vm, phase, nr_vcpus, kind);

	while (!status && vm->nr_vcpus < nr_vcpus)
		status = vm_add_vcpu(session, vm);
	for (unsigned int i = 0; !status && i < nr_vcpus; i++)
		status = vm_start_vcpu(session, vm, i);
	return status;
}

/* KVM's own numbers, once nothing runs; the check reports those that are missing. */
static void take_statistics(struct session *session, const struct vm *vm)
{
	struct result_vcpu *first = result_vcpu(session, vm, 0);
	struct error none;

	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		struct result_vcpu *vcpu = result_vcpu(session, vm, i);

		vcpu->has_stat = !test_vm_stat_exits(vm->test_vm, i, &vcpu->stat_exits, &none);
		vcpu->has_account = !test_vm_account(vm->test_vm, i, &vcpu->account, &none);
	}
	if (first->has_stat)
		return;
	first->has_stat = !test_vm_stat_all_exits(vm->test_vm, &first->stat_exits, &none);
	first->stat_others = first->has_stat ? vm->nr_vcpus - 1 : 0;
}

int vm_close(struct session *session, struct vm *vm, int status)
{
	for (unsigned int i = 0; !status && i < vm->nr_vcpus; i++) {
		struct result_vcpu *vcpu = result_vcpu(session, vm, i);

		copy_executed(vm, i, vcpu->executed);
		vcpu->bpf = *tracer_vcpu(session->tracer, vcpu->slot);
	}
	if (!status)
		take_statistics(session, vm);
	test_vm_destroy(vm->test_vm);
	for (unsigned int i = 0; !status && i < vm->nr_vcpus; i++)
		tracer_retire(session->tracer, result_vcpu(session, vm, i)->slot);
	vm->test_vm = NULL;
	return status;
}

int vm_record_span(struct session *session, const struct vm *vm, unsigned int vcpu,
		   enum probe_op op)
{
	const struct vcpu_span from = test_vm_span(vm->test_vm, vcpu);
	struct result_span *to;

	if (!from.elapsed)
		return 0;
	to = result_add_span(session->result);
	if (!to)
		return session_no_memory(session);
	*to = (struct result_span){
		.vcpu = vm->first_vcpu + vcpu,
		.op = op,
		.elapsed = from.elapsed,
		.steady = from.steady,
		.until_read = from.until_read,
		.covered = from.covered,
		.exits = from.exits,
		.known = from.known,
	};
	return 0;
}

int vm_execute(struct session *session, const struct vm *vm, unsigned int vcpu, enum probe_op op,
	       uint64_t count, const char **unsupported)
{
	uint64_t limit = workload_command_limit(op);

	*unsupported = NULL;
	while (count && !*unsupported) {
		uint64_t part = count < limit ? count : limit;
		int status = test_vm_run(vm->test_vm, vcpu, op, part, unsupported, session->err);

		if (!status && !*unsupported)
			status = vm_record_span(session, vm, vcpu, op);
		if (status)
			return status;
		count -= part;
	}
	return 0;
}
