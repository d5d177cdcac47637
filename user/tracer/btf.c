// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/btf.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "util/array.h"

static bool btf_knows(const struct btf *btf, const char *name, unsigned int kind)
{
	return btf && btf__find_by_name_kind(btf, name, kind) > 0;
}

/* Adds a member's offset in bytes; its type takes the place of *type. */
static bool add_member(const struct btf *btf, int *type, const char *name, unsigned int *offset)
{
	const struct btf_type *t = btf__type_by_id(btf, *type);

	for (unsigned int i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *member = btf_members(t) + i;

		if (strcmp(btf__name_by_offset(btf, member->name_off), name))
			continue;
		*offset += btf_member_bit_offset(t, i) / 8;
		*type = member->type;
		return true;
	}
	return false;
}

/* A module's own type comes after a kernel type of the same name. */
static int find_last_struct(const struct btf *btf, const char *name)
{
	for (int id = btf__type_cnt(btf) - 1; id > 0; id--) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_struct(t) && !strcmp(btf__name_by_offset(btf, t->name_off), name))
			return id;
	}
	return -ENOENT;
}

/* The offset of a member, or of a member's member; false if there is no such type. */
static bool find_offset(const struct btf *btf, const char *name, const char *outer,
			const char *inner, unsigned int *offset)
{
	int type = find_last_struct(btf, name);

	*offset = 0;
	return type > 0 && add_member(btf, &type, outer, offset) &&
	       (!inner || add_member(btf, &type, inner, offset));
}

/* A member of the loaded module's types; the kernel's BTF may have types of these names, too. */
struct wanted {
	const char *type, *outer, *inner;
	unsigned int *offset;
};

static bool find_all(const struct btf *btf, const struct wanted *wanted, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!find_offset(btf, wanted[i].type, wanted[i].outer, wanted[i].inner,
				 wanted[i].offset))
			return false;
	return true;
}

static bool find_offsets(const struct btf *btf, struct ec_offsets *offsets)
{
	const struct wanted wanted[] = {
		{ "kvm_vcpu", "kvm", NULL, &offsets->kvm },
		{ "kvm_vcpu", "vcpu_id", NULL, &offsets->vcpu_id },
		{ "kvm_vcpu", "arch", "regs", &offsets->regs },
		{ "kvm_vcpu", "arch", "last_vmentry_cpu", &offsets->last_vmentry_cpu },
		{ "kvm_vcpu", "stat", "exits", &offsets->exits },
		/* Whatever else it counts is done between two KVM_RUNs, or is an INIT. */
		{ "kvm_vcpu", "stat", "fpu_reload", &offsets->runs },
		{ "kvm", "created_vcpus", NULL, &offsets->created_vcpus },
	};

	return find_all(btf, wanted, NR(wanted));
}

/* What tells how a CPUID exit was answered. */
static bool find_answer(const struct btf *btf, struct ec_offsets *offsets)
{
	int exception = find_last_struct(btf, "kvm_queued_exception");
	const struct wanted wanted[] = {
		{ "kvm_vcpu", "arch", "exception", &offsets->exception_injected },
		{ "kvm_vcpu", "arch", "cpuid_entries", &offsets->cpuid_entries },
		{ "kvm_vcpu", "arch", "cpuid_nent", &offsets->cpuid_nent },
	};
	int type = exception;

	if (exception < 0 || !find_all(btf, wanted, NR(wanted)))
		return false;
	offsets->exception_vector = offsets->exception_injected;
	/* Its name before v6.1, d4963e319f1f ("KVM: x86: Make kvm_queued_exception a properly named, visible struct"). */
	if (!add_member(btf, &type, "vector", &offsets->exception_vector) &&
	    !add_member(btf, &type, "nr", &offsets->exception_vector))
		return false;
	type = exception;
	return add_member(btf, &type, "injected", &offsets->exception_injected);
}

/* Where KVM's own account of a vCPU's exits is; false if it has none. */
static bool find_account(const struct btf *btf, struct ec_offsets *offsets)
{
	const struct wanted wanted[] = {
		{ "kvm_vcpu", "stat", "exits_by_number", &offsets->exits_by_number },
		{ "kvm_vcpu", "stat", "cycles_by_number", &offsets->cycles_by_number },
		{ "kvm_vcpu", "exit_acct", "exits", &offsets->all_exits },
		{ "kvm_vcpu", "exit_acct", "cycles", &offsets->all_cycles },
		{ "kvm_vcpu", "exit_acct", "enabled", &offsets->accounted },
		{ "kvm_vcpu", "exit_acct", "start", &offsets->start },
		{ "kvm_vcpu", "exit_acct", "index", &offsets->index },
		{ "kvm_vcpu", "mode", NULL, &offsets->mode },
		{ "kvm", "arch", "exit_acct", &offsets->leaves },
	};

	return find_all(btf, wanted, NR(wanted));
}

/* The value of a register in KVM's enumeration, which was renamed in v7.2; false: there is none. */
static bool find_register(const struct btf *btf, const char *name, unsigned int *value)
{
	for (int id = btf__type_cnt(btf) - 1; id > 0; id--) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!btf_is_enum(t) || strcmp(btf__name_by_offset(btf, t->name_off), "kvm_reg"))
			continue;
		for (unsigned int i = 0; i < btf_vlen(t); i++) {
			const struct btf_enum *e = btf_enum(t) + i;
			const char *of = btf__name_by_offset(btf, e->name_off);

			*value = e->val;
			if (!strncmp(of, "VCPU_", 5) && strstr(of, name))
				return true;
		}
	}
	return false;
}

/* What tells whether KVM has read more of a VMX exit than its reason; nothing of it is read otherwise. */
static void find_available(const struct btf *btf, struct btf_kvm *kvm)
{
	unsigned int bit;

	if (!find_offset(btf, "kvm_vcpu", "arch", "regs_avail", &kvm->offsets.regs_avail))
		return;
	if (find_register(btf, "REG_EXIT_INFO_1", &bit) && bit < 32)
		kvm->available.qualification = 1u << bit;
	if (find_register(btf, "REG_EXIT_INFO_2", &bit) && bit < 32)
		kvm->available.intr_info = 1u << bit;
}

/* What tells where the time of an exit goes: KVM's polling and sleeping in halts, and the scheduler's run_delay. */
static bool find_parts(const struct btf *btf, const struct btf *vmlinux, struct ec_offsets *offsets)
{
	const struct wanted wanted[] = {
		{ "kvm_vcpu", "wait", "task", &offsets->wait },
		{ "kvm_vcpu_stat_generic", "halt_poll_success_ns", NULL, &offsets->poll_ns },
	};
	unsigned int generic, delay;

	if (!find_offset(btf, "kvm_vcpu", "stat", "generic", &generic) ||
	    !find_all(btf, wanted, NR(wanted)))
		return false;
	offsets->poll_ns += generic;
	return find_offset(vmlinux, "sched_info", "run_delay", NULL, &delay);
}

/* The kernel finds a module's types by a number, which only CAP_SYS_ADMIN may look for. */
static bool may_use_modules(void)
{
	__u32 id;

	return !bpf_btf_get_next_id(0, &id) || errno != EPERM;
}

bool btf_of_kvm(enum exit_isa isa, struct btf_kvm *kvm)
{
	const char *vendor = isa == EXIT_ISA_SVM ? "kvm_amd" : "kvm_intel";
	const char *type = isa == EXIT_ISA_SVM ? "vcpu_svm" : "vcpu_vmx";
	struct btf *vmlinux = btf__load_vmlinux_btf(), *modules[2] = {};
	const struct btf *of_kvm;
	bool tracepoint, vcpu, members;

	if (libbpf_get_error(vmlinux))
		return false;
	*kvm = (struct btf_kvm){ 0 };
	kvm->has_cast = btf_knows(vmlinux, "bpf_rdonly_cast", BTF_KIND_FUNC);
	tracepoint = btf_knows(vmlinux, "btf_trace_kvm_exit", BTF_KIND_TYPEDEF);
	vcpu = btf_knows(vmlinux, type, BTF_KIND_STRUCT);
	if (!tracepoint) {
		modules[0] = btf__load_module_btf("kvm", vmlinux);
		tracepoint = btf_knows(modules[0], "btf_trace_kvm_exit", BTF_KIND_TYPEDEF);
	}
	if (!vcpu) {
		modules[1] = btf__load_module_btf(vendor, vmlinux);
		vcpu = btf_knows(modules[1], type, BTF_KIND_STRUCT);
	}
	kvm->no_modules = (modules[0] || modules[1]) && !may_use_modules();
	of_kvm = modules[0] ?: vmlinux;
	members = tracepoint && find_offsets(of_kvm, &kvm->offsets) &&
		  find_answer(of_kvm, &kvm->offsets);
	/* KVM has this statistic since v5.14. */
	if (!find_offset(of_kvm, "kvm_vcpu", "stat", "guest_mode", &kvm->offsets.guest_mode))
		kvm->offsets.guest_mode = 0;
	find_available(of_kvm, kvm);
	kvm->has_parts = members && find_parts(of_kvm, vmlinux, &kvm->offsets);
	kvm->accounts = members && find_account(of_kvm, &kvm->offsets);
	kvm->has_clock = btf_knows(of_kvm, "bpf_kvm_rdtsc", BTF_KIND_FUNC);
	btf__free(modules[1]);
	btf__free(modules[0]);
	btf__free(vmlinux);
	return members && vcpu;
}

const char *btf_no_account(const struct btf_kvm *kvm)
{
	if (!kvm)
		return "KVM's types are unknown to the classic tracepoints";
	return kvm->accounts ? NULL : "KVM has no account of exits that eBPF could read";
}

int btf_check_fine(const struct btf_kvm *kvm, bool split, const char *remedy, struct error *err)
{
	if (!kvm)
		return error_set(err, STATUS_CANNOT_RUN, "%s KVM's type information: %s",
				 split ? "the parts of the time need" : "details need", remedy);
	if (split && !kvm->has_parts)
		return error_set(
			err, STATUS_CANNOT_RUN,
			"the parts of the time need a kernel that knows how long threads wait"
			" for a CPU (CONFIG_SCHED_INFO)");
	return 0;
}
