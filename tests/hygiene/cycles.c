// SPDX-License-Identifier: GPL-2.0-only
/*
 * cycles N: creates, runs and destroys N VMs that have the leaves, and has KVM
 * refuse a vCPU of N others.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/host.h"
#include "kvm/kvm.h"
#include "kvm/leaf.h"
#include "kvm/test_vm.h"
#include "util/array.h"

#define TIMEOUT_MS 60000

static int work(struct test_vm *vm, int vcpu, struct error *err)
{
	static const enum probe_op ops[] = {
		PROBE_OUT,
		PROBE_RDMSR,
		PROBE_TOUCH,
		PROBE_NESTED_CPUID,
	};
	struct probe_read *read = test_vm_reads(vm, vcpu);
	const char *unsupported;
	int status = 0;

	for (unsigned int i = 0; i < NR(ops) && !status; i++)
		status = test_vm_run(vm, vcpu, ops[i], 7, &unsupported, err);
	if (status)
		return status;
	read->function = LEAF_TOTAL_EXITS;
	read->index = 0;
	test_vm_set_nr_reads(vm, vcpu, 1);
	status = test_vm_run(vm, vcpu, PROBE_READ_LEAVES, 1, &unsupported, err);
	if (!status && !read->eax)
		status = error_set(err, STATUS_MISMATCH, "a VM has no leaves");
	return status;
}

/* A VM with two vCPUs, or with one and an APIC of KVM's own. */
static int cycle(enum exit_isa isa, bool irqchip, struct error *err)
{
	const struct test_vm_config config = {
		.isa = isa,
		.nr_vcpus = irqchip ? 1 : 2,
		.irqchip = irqchip,
		.asks = KVM_X86_EXIT_LEAVES_ENABLE,
		.timeout_ms = TIMEOUT_MS,
	};
	struct test_vm *vm;
	int status = test_vm_create(&vm, &config, err);

	for (int i = 0; i < config.nr_vcpus && !status; i++)
		status = work(vm, i, err);
	test_vm_destroy(vm);
	return status;
}

/* KVM refuses a vCPU's number that it has had already, when all of the vCPU has been made. */
static int refused(int kvm, struct error *err)
{
	const struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_EXIT_LEAVES,
		.args[0] = KVM_X86_EXIT_LEAVES_ENABLE,
	};
	int vm = KVM(kvm, KVM_CREATE_VM, NULL, err), vcpu = -1, again, status = STATUS_CANNOT_RUN;

	if (vm < 0 || KVM(vm, KVM_ENABLE_CAP, &cap, err) < 0)
		goto out;
	vcpu = KVM(vm, KVM_CREATE_VCPU, NULL, err);
	if (vcpu < 0)
		goto out;
	again = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (again < 0 && errno == EEXIST)
		status = 0;
	else
		status = error_set(err, STATUS_MISMATCH, "KVM made a vCPU twice");
	if (again >= 0)
		close(again);
out:
	if (vcpu >= 0)
		close(vcpu);
	if (vm >= 0)
		close(vm);
	return status;
}

int main(int argc, char **argv)
{
	int nr = argc == 2 ? atoi(argv[1]) : 0, kvm, status;
	struct error err;
	struct host host;

	if (nr < 1) {
		fprintf(stderr, "usage: cycles N\n");
		return STATUS_USAGE;
	}
	status = host_probe(&host, &err);
	if (status)
		goto out;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		status = system_error(&err, "/dev/kvm", errno);
	for (int i = 0; i < nr && !status; i++) {
		status = cycle(host.isa, i % 2, &err);
		if (!status)
			status = refused(kvm, &err);
	}
	if (kvm >= 0)
		close(kvm);
out:
	if (status)
		fprintf(stderr, "cycles: %s\n", err.text);
	return status;
}
