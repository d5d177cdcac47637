// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm/exits.h"
#include "tracer/btf.h"
#include "tracer/messages.h"
#include "tracer/tracefs.h"
#include "tracer/tracer.h"
#include "util/array.h"

#include "exitcheck.skel.h"

struct tracer {
	struct exitcheck_bpf *skel;
	enum tracer_path path;
	struct ec_vcpu *vcpus; /* the program's own, NULL until it is loaded */
	unsigned int nr_slots;
	int stand_in_btf; /* file, -1: none */
	bool denied;	  /* it was permission that failed */
	const char *no_audit;
};

/* Points the calls of bpf_rdonly_cast() at the kernel's function. */
static int set_cast(struct bpf_program *program, int id)
{
	size_t nr = bpf_program__insn_cnt(program), i;
	struct bpf_insn *copy = calloc(nr, sizeof(*copy));
	int ret;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, bpf_program__insns(program), nr * sizeof(*copy));
	for (i = 0; i < nr; i++) {
		if (copy[i].code == (BPF_JMP | BPF_CALL) && !copy[i].src_reg &&
		    copy[i].imm == EC_RDONLY_CAST) {
			copy[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
			copy[i].imm = id;
		}
	}
	ret = bpf_program__set_insns(program, copy, nr);
	free(copy);
	return ret;
}

/*
 * Without kernel BTF libbpf refuses an object with relocations, even if no program to load has any.
 * This gives it the object's own BTF: a file descriptor, or -1.
 */
static int open_stand_in_btf(void)
{
	size_t size;
	const void *elf = exitcheck_bpf__elf_bytes(&size);
	int fd = memfd_create("exitcheck-btf", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, elf, size) != (ssize_t)size) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* ---- classic tracepoints ---- */

static int find_fields(struct ec_fields *fields, struct error *err)
{
	const struct {
		const char *event, *name;
		struct ec_field *field;
	} wanted[] = {
		{ "kvm/kvm_entry", "vcpu_id", &fields->entry_vcpu_id },
		{ "kvm/kvm_exit", "vcpu_id", &fields->exit_vcpu_id },
		{ "kvm/kvm_exit", "exit_reason", &fields->exit_reason },
		{ "kvm/kvm_cpuid", "function", &fields->function },
		{ "kvm/kvm_cpuid", "index", &fields->index },
		{ "kvm/kvm_cpuid", "rax", &fields->rax },
		{ "kvm/kvm_cpuid", "rbx", &fields->rbx },
		{ "kvm/kvm_cpuid", "rcx", &fields->rcx },
		{ "kvm/kvm_cpuid", "rdx", &fields->rdx },
	};
	const char *event = NULL;
	char format[8192];
	size_t length = 0, i;
	int ret;

	for (i = 0; i < NR(wanted); i++) {
		struct tracefs_field field;

		if (!event || strcmp(event, wanted[i].event)) {
			event = wanted[i].event;
			ret = tracefs_read_format(event, format, sizeof(format), &length, err);
			if (ret)
				return ret;
		}
		ret = tracefs_parse_field(format, length, wanted[i].name, &field);
		if (ret || (field.size != 4 && field.size != 8))
			return error_set(err, STATUS_CANNOT_RUN,
					 "tracepoint %s has no usable field %s: use a version of"
					 " exitcheck that knows this kernel",
					 event, wanted[i].name);
		*wanted[i].field = (struct ec_field){ field.offset, field.size };
	}
	return 0;
}

/* ---- life cycle ---- */

static int load_error(struct tracer *tracer, int error, const char *what, struct error *err)
{
	tracer->denied = error == -EPERM;
	if (tracer->denied)
		return error_set(err, STATUS_CANNOT_RUN,
				 "no permission for eBPF: run as root, or with CAP_BPF and "
				 "CAP_PERFMON");
	return error_set(err, STATUS_CANNOT_RUN, "cannot %s the eBPF program (%s): %s", what,
			 strerror(-error), messages_last());
}

static int set_sizes(struct exitcheck_bpf *skel, unsigned int nr_slots)
{
	int ret = bpf_map__set_max_entries(skel->maps.registered, nr_slots);

	ret = ret ?: bpf_map__set_max_entries(skel->maps.by_key, nr_slots);
	/* Threads come and go while a vCPU stays. */
	ret = ret ?: bpf_map__set_max_entries(skel->maps.by_thread, 8 * nr_slots);
	return ret ?: bpf_map__set_max_entries(skel->maps.vms, nr_slots);
}

/* Selects the programs of one path, and no others. */
static int set_programs(struct exitcheck_bpf *skel, enum tracer_path path, enum exit_isa isa,
			bool cast)
{
	bool btf = path == TRACER_BTF, svm = btf && isa == EXIT_ISA_SVM,
	     vmx = btf && isa == EXIT_ISA_VMX;
	const struct {
		struct bpf_program *program;
		bool load;
	} programs[] = {
		{ skel->progs.btf_entry, btf && cast },
		{ skel->progs.btf_entry_nocast, btf && !cast },
		{ skel->progs.btf_userspace_exit, btf && skel->rodata->audit },
		{ skel->progs.btf_exit_svm, svm && cast },
		{ skel->progs.btf_exit_vmx, vmx && cast },
		{ skel->progs.btf_exit_svm_nocast, svm && !cast },
		{ skel->progs.btf_exit_vmx_nocast, vmx && !cast },
		{ skel->progs.btf_cpuid, btf },
		{ skel->progs.classic_entry, !btf },
		{ skel->progs.classic_exit, !btf },
		{ skel->progs.classic_cpuid, !btf },
	};
	int ret = 0;

	for (size_t i = 0; i < NR(programs) && !ret; i++)
		ret = bpf_program__set_autoload(programs[i].program, programs[i].load);
	return ret;
}

static int open_object(struct tracer *tracer, struct error *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	char path[32];

	if (tracer->path == TRACER_CLASSIC && !btf_of_kernel()) {
		tracer->stand_in_btf = open_stand_in_btf();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", tracer->stand_in_btf);
		opts.btf_custom_path = path;
	}
	tracer->skel = exitcheck_bpf__open_opts(&opts);
	return tracer->skel ? 0 : load_error(tracer, -errno, "open", err);
}

/* Sets the constants of the program before it is loaded. */
static int set_constants(struct exitcheck_bpf *skel, const struct tracer_config *config,
			 enum tracer_path path, struct error *err)
{
	struct ec_fields fields;
	struct stat pidns;
	int status;

	skel->rodata->isa = config->isa;
	skel->rodata->nr_slots = config->nr_slots;
	skel->rodata->watch = config->watch;
	skel->rodata->leaves_all = config->leaves_all;
	/* Thread numbers are those of our PID namespace, where the kernel has such. */
	if (!stat("/proc/self/ns/pid", &pidns)) {
		skel->rodata->pidns_dev = pidns.st_dev;
		skel->rodata->pidns_ino = pidns.st_ino;
	}
	if (path == TRACER_CLASSIC) {
		status = find_fields(&fields, err);
		if (status)
			return status;
		skel->rodata->fields = fields;
	}
	return 0;
}

/* KVM's account is indexed by the exit number on VMX, and on SVM in the order of the manual's ranges. */
static void set_indices(struct exitcheck_bpf *skel, enum exit_isa isa)
{
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
		unsigned int number;

		skel->rodata->kvm_index[index] = index;
		if (isa == EXIT_ISA_VMX && exit_number(isa, index, &number))
			skel->rodata->kvm_index[index] = number;
	}
}

/* Points the programs for tp_btf at what KVM has; kvm: NULL if they are not loaded. */
static int set_kvm(struct exitcheck_bpf *skel, const struct tracer_config *config,
		   const struct btf_kvm *kvm)
{
	struct bpf_program *programs[] = {
		skel->progs.btf_entry,
		config->isa == EXIT_ISA_SVM ? skel->progs.btf_exit_svm : skel->progs.btf_exit_vmx,
	};
	int ret = 0;

	if (!kvm)
		return 0;
	skel->rodata->offsets = kvm->offsets;
	skel->rodata->audit = kvm->accounts;
	set_indices(skel, config->isa);
	skel->rodata->cycles_per_ns = ((ec_u64)config->tsc_khz << EC_CYCLES_BITS) / 1000000;
	for (size_t i = 0; i < NR(programs) && kvm->cast_id > 0 && !ret; i++)
		ret = set_cast(programs[i], kvm->cast_id);
	return ret;
}

/* Why exits are not compared with KVM's own account, NULL if they are. */
static const char *why_no_audit(enum tracer_path path, const struct btf_kvm *kvm)
{
	if (path == TRACER_CLASSIC)
		return "KVM's types are unknown to the classic tracepoints";
	return kvm->accounts ? NULL : "KVM has no account of exits that eBPF could read";
}

static int load(struct tracer *tracer, const struct tracer_config *config, enum tracer_path path,
		const struct btf_kvm *kvm, struct error *err)
{
	struct exitcheck_bpf *skel;
	int ret;

	*tracer = (struct tracer){ .path = path, .stand_in_btf = -1 };
	ret = open_object(tracer, err);
	if (ret)
		return ret;
	skel = tracer->skel;
	ret = set_constants(skel, config, path, err);
	if (ret)
		return ret;
	ret = set_sizes(skel, config->nr_slots);
	ret = ret ?: set_kvm(skel, config, kvm);
	ret = ret ?: set_programs(skel, path, config->isa, kvm && kvm->cast_id > 0);
	tracer->no_audit = why_no_audit(path, kvm);
	if (ret)
		return load_error(tracer, ret, "set up", err);
	ret = exitcheck_bpf__load(skel);
	if (ret)
		return load_error(tracer, ret, "load", err);

	tracer->vcpus = skel->bss->vcpus;
	tracer->nr_slots = config->nr_slots;

	ret = exitcheck_bpf__attach(skel);
	return ret ? load_error(tracer, ret, "attach", err) : 0;
}

static void unload(struct tracer *tracer)
{
	exitcheck_bpf__destroy(tracer->skel);
	if (tracer->stand_in_btf >= 0)
		close(tracer->stand_in_btf);
	*tracer = (struct tracer){ .stand_in_btf = -1 };
}

int tracer_create(struct tracer **tracer, const struct tracer_config *config, struct error *err)
{
	bool btf = config->path != TRACER_CLASSIC;
	struct btf_kvm kvm;
	struct tracer *new;
	int status = 0;

	*tracer = NULL;
	if (!config->nr_slots || config->nr_slots > TRACER_MAX_SLOTS)
		return error_set(err, STATUS_CANNOT_RUN, "eBPF can watch 1 to %u vCPUs, not %u",
				 TRACER_MAX_SLOTS, config->nr_slots);
	new = calloc(1, sizeof(*new));
	if (!new)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	new->stand_in_btf = -1;

	libbpf_set_print(messages_keep);
	if (btf)
		btf = btf_of_kvm(config->isa, &kvm);
	if (btf)
		status = load(new, config, TRACER_BTF, &kvm, err);
	else if (config->path == TRACER_BTF)
		status = error_set(err, STATUS_CANNOT_RUN,
				   "KVM has no BTF, or is not loaded: use --path classic");
	/* BTF may exist and still not suit the program. */
	if (config->path == TRACER_CLASSIC ||
	    (config->path == TRACER_AUTO && (!btf || (status && !new->denied)))) {
		if (status)
			fprintf(stderr, "exitcheck: %s; using the classic tracepoints\n",
				err->text);
		unload(new);
		status = load(new, config, TRACER_CLASSIC, NULL, err);
	}
	if (status) {
		tracer_destroy(new);
		return status;
	}
	*tracer = new;
	return 0;
}

void tracer_destroy(struct tracer *tracer)
{
	if (!tracer)
		return;
	unload(tracer);
	free(tracer);
}

const char *tracer_path_name(const struct tracer *tracer)
{
	return tracer->path == TRACER_BTF ? "tp_btf" : "tracepoint";
}

const char *tracer_no_audit(const struct tracer *tracer)
{
	return tracer->no_audit;
}

void tracer_gate(struct tracer *tracer, bool open)
{
	struct exitcheck_bpf__bss *bss = tracer->skel->bss;

	__atomic_store_n(&bss->ready, open, __ATOMIC_SEQ_CST);
	if (open)
		return;
	/* The program checks the gate when it does not know the vCPU: see find_slot(). */
	for (unsigned int cpu = 0; cpu < EC_MAX_CPUS; cpu++)
		__atomic_store_n(&bss->cpus[cpu].slot, EC_NO_SLOT, __ATOMIC_SEQ_CST);
}

/* ---- vCPUs ---- */

/* A reused thread number belongs to another vCPU: the former slot stays as it is. */
static void retire(struct tracer *tracer, struct ec_vcpu *vcpu)
{
	if (vcpu->key)
		bpf_map__delete_elem(tracer->skel->maps.by_key, &vcpu->key, sizeof(vcpu->key), 0);
	vcpu->key = 0;
	vcpu->tid = 0;
}

int tracer_register(struct tracer *tracer, unsigned int vm, unsigned int vcpu_id, pid_t tid,
		    unsigned int *slot, struct error *err)
{
	struct exitcheck_bpf *skel = tracer->skel;
	unsigned int thread = tid, i;
	struct ec_vcpu *vcpu;
	int ret;

	*slot = skel->bss->nr_vcpus;
	if (*slot >= tracer->nr_slots)
		return error_set(err, STATUS_CANNOT_RUN,
				 "all %u slots of the eBPF program are taken", tracer->nr_slots);
	for (i = 0; i < *slot; i++)
		if (tracer->vcpus[i].tid == thread)
			retire(tracer, &tracer->vcpus[i]);

	vcpu = &tracer->vcpus[*slot];
	vcpu->vm = vm;
	vcpu->vcpu_id = vcpu_id;
	vcpu->tid = thread;
	vcpu->tgid = getpid();
	vcpu->pending_reason = EC_UNSEEN;
	ret = bpf_map__update_elem(skel->maps.registered, &thread, sizeof(thread), slot,
				   sizeof(*slot), BPF_ANY);
	if (ret)
		return error_set(err, STATUS_CANNOT_RUN,
				 "cannot register a vCPU with the eBPF program: %s",
				 strerror(-ret));
	__atomic_store_n(&skel->bss->nr_vcpus, *slot + 1, __ATOMIC_RELEASE);
	return 0;
}

/* Computes what would cost the program instructions at every exit. */
static void complete(struct ec_vcpu *vcpu)
{
	ec_u64 count = 0, timed = 0;

	for (size_t i = 0; i < EXIT_NR_INDICES; i++) {
		struct ec_reason *reason = &vcpu->reason[i];

		reason->timed = 0;
		for (int b = 0; b < EC_HIST_BUCKETS; b++)
			reason->timed += reason->hist[b];
		timed += reason->timed;
		count += reason->count;
	}
	vcpu->count = count;
	vcpu->entries = timed + vcpu->unpaired_entries;
	vcpu->lost_entries = count - timed - (vcpu->pending_reason < EXIT_NR_INDICES);
}

const struct ec_vcpu *tracer_vcpu(const struct tracer *tracer, unsigned int slot)
{
	if (slot >= tracer_nr_vcpus(tracer))
		return NULL;
	complete(&tracer->vcpus[slot]);
	return &tracer->vcpus[slot];
}

unsigned int tracer_nr_vcpus(const struct tracer *tracer)
{
	unsigned int nr = __atomic_load_n(&tracer->skel->bss->nr_vcpus, __ATOMIC_ACQUIRE);

	/* Several CPUs may have asked for the last slot at once. */
	return nr < tracer->nr_slots ? nr : tracer->nr_slots;
}

/* ---- what else it has to say ---- */

const struct ec_audit *tracer_cpu(const struct tracer *tracer, unsigned int cpu)
{
	return &tracer->skel->bss->cpus[cpu].audit;
}

const struct ec_stats *tracer_stats(const struct tracer *tracer)
{
	return &tracer->skel->bss->stats;
}

const struct ec_mismatch *tracer_mismatches(const struct tracer *tracer, unsigned int *nr)
{
	ec_u64 all = tracer->skel->bss->stats.mismatches;

	*nr = all < EC_MAX_MISMATCHES ? all : EC_MAX_MISMATCHES;
	return tracer->skel->bss->mismatches;
}

int tracer_missed(const struct tracer *tracer, unsigned long long *missed, struct error *err)
{
	struct bpf_program *program;

	*missed = 0;
	bpf_object__for_each_program(program, tracer->skel->obj)
	{
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (!bpf_program__autoload(program))
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
			return error_set(err, STATUS_CANNOT_RUN,
					 "cannot read the miss count of the eBPF program: %s",
					 strerror(errno));
		*missed += info.recursion_misses;
	}
	return 0;
}
