// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "tracer/tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm/exit_details.h"
#include "tracer/btf.h"
#include "tracer/classic.h"
#include "tracer/details.h"
#include "tracer/kept.h"
#include "tracer/messages.h"
#include "tracer/object.h"
#include "tracer/obstacles.h"
#include "tracer/shared.h"
#include "tracer/snapshot.h"

#define DETAILS_PER_VCPU 64 /* on average */
#define MAX_GONE 1024	    /* vCPUs that are gone and still have numbers of their own */

/* A vCPU of which there was an event, or that was registered. */
struct seen {
	struct ec_vcpu *vcpu;
	struct details details;
	unsigned int place; /* of its slot, 0: it is gone */
	unsigned int first; /* place of the first slot of its VM */
};

struct tracer {
	struct object object;
	struct shared shared;
	enum tracer_path path;
	unsigned int khz; /* of the programs' clock, 0: it is in ns */
	ec_u64 closed;	  /* when the gate was, by that clock; 0: it is open */
	bool watch;
	bool old;      /* the kernel is before v5.17 */
	bool hopeless; /* what failed will fail on the other path, too */
	bool refused;
	const char *no_audit;
	struct kept kept;
	struct seen *seen;
	unsigned int nr_seen, room;
	unsigned int nr_gone, nr_former,
		oldest; /* of seen: gone, of these summed, the next to be */
	struct ec_vcpu *former;
	struct details former_details;
	unsigned int nr_vms; /* that were numbered */
	unsigned int *at;    /* by the number of a slot: which of seen has it, plus 1 */
};

/* ---- life cycle ---- */

static int map_fd(const struct tracer *tracer, const char *name)
{
	return bpf_object__find_map_fd_by_name(tracer->object.bpf, name);
}

static int load_error(struct tracer *tracer, int error, const char *what, struct error *err)
{
	tracer->hopeless = error == -EPERM || error == -EMFILE || error == -ENFILE ||
			   error == -ENOMEM;
	if (error == -EPERM)
		return obstacles_permission(err);
	return error_set(err, STATUS_CANNOT_RUN, "cannot %s the eBPF program (%s): %s", what,
			 strerror(-error), messages_last());
}

/* Sets the constants of the program before it is loaded; kvm: NULL for the classic one. */
static int set_constants(struct ec_config *to, const struct tracer_config *config,
			 const struct btf_kvm *kvm, struct error *err)
{
	struct stat pidns;

	to->isa = config->isa;
	to->watch = config->watch;
	to->tgid = config->process;
	to->leaves_all = config->leaves_all;
	/* Thread numbers are those of our PID namespace, where the kernel has such. */
	if (!stat("/proc/self/ns/pid", &pidns)) {
		to->pidns_dev = pidns.st_dev;
		to->pidns_ino = pidns.st_ino;
	}
	if (!kvm)
		return 0;
	to->offsets = kvm->offsets;
	to->audit = config->audit && kvm->accounts;
	to->details = config->details;
	if (config->details)
		exit_details_set(to->isa, to->detail);
	to->split = config->split;
	to->over = config->over;
	if (config->clock == TRACER_TSC)
		to->over = config->over * config->tsc_khz / 1000000;
	to->available = kvm->available;
	to->cycles_per_ns = ((ec_u64)config->tsc_khz << EC_CYCLES_BITS) / 1000000;
	to->clock_tsc = config->clock == TRACER_TSC;
	if (to->clock_tsc && (!kvm->has_clock || !config->tsc_khz))
		return error_set(
			err, STATUS_CANNOT_RUN,
			"KVM offers eBPF no clock: use --clock monotonic, or patch kvm.ko");
	return 0;
}

static int load(struct tracer *tracer, const struct tracer_config *config,
		const struct btf_kvm *kvm, struct error *err)
{
	/* Room for every reason of those that exitcheck runs, for a dozen or two of any other. */
	const struct shared_room room = {
		.cpus = libbpf_num_possible_cpus(),
		.vcpus = config->nr_vcpus,
		.reasons = config->watch ? 16 : EXIT_NR_INDICES,
		.details = config->details ? DETAILS_PER_VCPU : 0,
		.threads = config->split,
		.old = tracer->old,
	};
	const char *what = "open";
	int ret = 0;

	if (config->details || config->split)
		ret = btf_check_fine(kvm, config->split,
				     config->path == TRACER_CLASSIC ? "leave out --path classic" :
								      obstacles_btf(tracer->old),
				     err);
	if (ret)
		return ret;
	tracer->path = kvm ? TRACER_BTF : TRACER_CLASSIC;
	tracer->no_audit = btf_no_account(kvm);
	ret = shared_create(&tracer->shared, &room, err);
	tracer->hopeless = ret;
	if (ret)
		return ret;
	if (kvm && kvm->no_modules)
		return error_set(err, STATUS_CANNOT_RUN,
				 "no permission for the types of KVM's modules: %s",
				 obstacles_remedy());
	ret = object_open(&tracer->object, kvm	       ? OBJECT_BTF :
					   tracer->old ? OBJECT_OLD :
							 OBJECT_CLASSIC);
	if (ret)
		return load_error(tracer, ret, what, err);
	ret = set_constants(tracer->object.config, config, kvm, err);
	if (!ret && !kvm)
		ret = classic_find_fields(tracer->object.fields, err);
	if (ret)
		return ret;
	tracer->khz = tracer->object.config->clock_tsc ? config->tsc_khz : 0;
	ret = object_load(&tracer->object, &tracer->shared, kvm, config->nr_vcpus, &what);
	if (ret)
		return load_error(tracer, ret, what, err);
	tracer->at = calloc(tracer->shared.extent[EC_SLOTS].mask / sizeof(struct ec_slot) + 1,
			    sizeof(*tracer->at));
	if (!tracer->at)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	tracer->kept.khz = tracer->khz;
	ret = kept_open(&tracer->kept, tracer->object.bpf, tracer->at);
	return ret ? load_error(tracer, ret, "read from", err) : 0;
}

static void unload(struct tracer *tracer)
{
	kept_close(&tracer->kept);
	free(tracer->at);
	tracer->at = NULL;
	object_close(&tracer->object);
	shared_destroy(&tracer->shared);
}

int tracer_create(struct tracer **tracer, const struct tracer_config *config, struct error *err)
{
	bool btf = config->path != TRACER_CLASSIC;
	struct btf_kvm kvm;
	struct tracer *new;
	int status = 0;

	*tracer = NULL;
	if (!config->nr_vcpus || config->nr_vcpus > TRACER_MAX_VCPUS)
		return error_set(err, STATUS_CANNOT_RUN, "eBPF can watch 1 to %u vCPUs, not %u",
				 TRACER_MAX_VCPUS, config->nr_vcpus);
	status = obstacles_check(err);
	if (status)
		return status;
	new = calloc(1, sizeof(*new));
	if (!new)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	new->shared.fd = -1;
	new->watch = config->watch;
	new->old = object_needs_old();

	libbpf_set_print(messages_keep);
	btf = btf && !new->old &&btf_of_kvm(config->isa, &kvm);
	if (btf)
		status = load(new, config, &kvm, err);
	else if (config->path == TRACER_BTF)
		status = error_set(err, STATUS_CANNOT_RUN, "%s: use --path classic",
				   obstacles_btf(new->old));
	/* BTF may exist and still not suit the program. */
	if (config->path == TRACER_CLASSIC ||
	    (config->path == TRACER_AUTO && (!btf || (status && !new->hopeless)))) {
		const struct error of_btf = *err;
		struct error of_classic;
		const bool tried = status;

		unload(new);
		status = load(new, config, NULL, &of_classic);
		if (status && !tried)
			*err = of_classic;
		else if (status)
			error_set(err, status, "%.250s; classic tracepoints: %.200s", of_btf.text,
				  of_classic.text);
		else if (tried)
			fprintf(stderr, "exitcheck: %s; using the classic tracepoints\n",
				of_btf.text);
		new->refused = tried && !kvm.no_modules;
		if (new->refused)
			new->no_audit = "the program that reads KVM's types did not load";
		else if (tried)
			new->no_audit = "no permission for the types of KVM's modules";
		else if (!btf && config->path == TRACER_AUTO)
			new->no_audit = obstacles_btf(new->old);
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
	for (unsigned int i = 0; i < tracer->nr_seen; i++) {
		free(tracer->seen[i].vcpu);
		details_release(&tracer->seen[i].details);
	}
	free(tracer->seen);
	free(tracer->former);
	details_release(&tracer->former_details);
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

bool tracer_refused(const struct tracer *tracer)
{
	return tracer->refused;
}

struct tracer_maps tracer_maps(const struct tracer *tracer)
{
	return (struct tracer_maps){
		.memory = tracer->shared.fd,
		.by_key = map_fd(tracer, "by_key"),
		.slots = tracer->shared.extent[EC_SLOTS],
		.rows = tracer->shared.extent[EC_ROWS],
	};
}

bool tracer_knows_late(const struct tracer *tracer)
{
	return tracer->path == TRACER_BTF;
}

static unsigned int nr_cpus(const struct tracer *tracer)
{
	return tracer->shared.extent[EC_CPUS].mask / sizeof(struct ec_cpu) + 1;
}

static struct ec_cpu *cpu_at(const struct tracer *tracer, unsigned int cpu)
{
	return shared_at(&tracer->shared, EC_CPUS, cpu * sizeof(struct ec_cpu));
}

/* The program checks the gate when it does not know the vCPU: see find_slot(). */
static void forget_slots(struct tracer *tracer)
{
	for (unsigned int cpu = 0; cpu < nr_cpus(tracer); cpu++)
		__atomic_store_n(&cpu_at(tracer, cpu)->slot, 0, __ATOMIC_SEQ_CST);
}

void tracer_gate(struct tracer *tracer, bool open)
{
	tracer->closed = 0;
	__atomic_store_n(&tracer->object.state->ready, open, __ATOMIC_SEQ_CST);
	if (open)
		return;
	forget_slots(tracer);
	tracer->closed = snapshot_now(tracer->khz);
	/* Who found the gate open may have noted a vCPU since. */
	object_wait();
	forget_slots(tracer);
	object_wait();
}

/* ---- vCPUs ---- */

static struct ec_slot *slot_at(const struct tracer *tracer, unsigned int place)
{
	return shared_at(&tracer->shared, EC_SLOTS, place);
}

/* The vCPU of a slot that was taken; NULL: no memory. */
static struct seen *add_seen(struct tracer *tracer, unsigned int place, unsigned int vm)
{
	struct seen *seen;

	if (tracer->nr_seen == tracer->room) {
		unsigned int room = 2 * tracer->room + 16;

		seen = realloc(tracer->seen, room * sizeof(*seen));
		if (!seen)
			return NULL;
		tracer->seen = seen;
		tracer->room = room;
	}
	seen = &tracer->seen[tracer->nr_seen];
	*seen = (struct seen){ .place = place, .first = slot_at(tracer, place)->first };
	seen->vcpu = calloc(1, sizeof(*seen->vcpu));
	if (!seen->vcpu)
		return NULL;
	seen->vcpu->vm = vm;
	tracer->at[place / sizeof(struct ec_slot)] = ++tracer->nr_seen;
	return seen;
}

static void refresh(const struct tracer *tracer, struct seen *seen)
{
	const struct snapshot_clock clock = {
		.khz = tracer->khz,
		.now = tracer->closed ?: snapshot_now(tracer->khz),
	};

	if (seen->place)
		snapshot_read(&tracer->shared, seen->place, &clock, seen->vcpu,
			      tracer->object.config->details ? &seen->details : NULL);
}

/* A slot whose vCPU has the key no longer: its address may be another vCPU's. */
static void forget_key(struct tracer *tracer, struct ec_slot *slot)
{
	ec_u64 key = slot->key;
	int map = map_fd(tracer, "by_key");

	slot->key = 0;
	if (key)
		bpf_map_delete_elem(map, &key);
}

void tracer_retire(struct tracer *tracer, unsigned int vcpu)
{
	struct seen *seen = &tracer->seen[vcpu];
	struct ec_slot *slot;
	ec_u32 thread;

	if (!seen->place)
		return;
	/* Its mismatches, as long as the slot is its own. */
	kept_take(&tracer->kept);
	slot = slot_at(tracer, seen->place);
	thread = slot->tid;
	forget_key(tracer, slot);
	bpf_map_delete_elem(map_fd(tracer, "registered"), &thread);
	bpf_map_delete_elem(map_fd(tracer, "by_task"), &slot->task);
	refresh(tracer, seen);
	seen->vcpu->gone = true;
	tracer->at[seen->place / sizeof(struct ec_slot)] = 0;
	details_give_back(&tracer->shared, tracer->object.state, seen->place,
			  map_fd(tracer, "details"));
	shared_give_back(&tracer->shared, tracer->object.state, seen->place);
	seen->place = 0;
	tracer->nr_gone++;
}

/* Of those that are gone, the numbers of the oldest are put together. */
static void sum_former(struct tracer *tracer)
{
	while (tracer->nr_gone - tracer->nr_former > MAX_GONE) {
		struct seen *seen;

		/* Some may have outlived those that came after them. */
		if (tracer->oldest == tracer->nr_seen)
			tracer->oldest = 0;
		seen = &tracer->seen[tracer->oldest++];
		if (seen->place || !seen->vcpu)
			continue;
		if (!tracer->former) {
			tracer->former = seen->vcpu;
			tracer->former->vm = 0;
		} else {
			snapshot_add(tracer->former, seen->vcpu);
			free(seen->vcpu);
		}
		seen->vcpu = NULL;
		details_add(&tracer->former_details, &seen->details);
		details_release(&seen->details);
		tracer->nr_former++;
	}
}

/* Puts a new vCPU behind the first one of its VM. */
static void join_vm(struct tracer *tracer, struct ec_slot *slot, unsigned int place,
		    unsigned int vm)
{
	slot->first = place;
	for (unsigned int i = 0; i < tracer->nr_seen; i++) {
		const struct seen *seen = &tracer->seen[i];

		if (!seen->place || seen->vcpu->vm != vm)
			continue;
		slot->first = seen->first;
		slot->next = slot_at(tracer, seen->first)->next;
		slot_at(tracer, seen->first)->next = place;
		return;
	}
}

int tracer_register(struct tracer *tracer, unsigned int vm, unsigned int vcpu_id, pid_t tid,
		    unsigned int *vcpu, struct error *err)
{
	int map = map_fd(tracer, "registered");
	ec_u32 thread = tid, place = shared_take_slot(&tracer->shared, tracer->object.state);
	struct ec_slot *slot = slot_at(tracer, place);

	if (!place)
		return error_set(err, STATUS_CANNOT_RUN,
				 "the eBPF program has no room for another vCPU");
	slot->vcpu_id = vcpu_id;
	slot->tid = thread;
	slot->tgid = getpid();
	join_vm(tracer, slot, place, vm);
	*vcpu = tracer->nr_seen;
	if (!add_seen(tracer, place, vm))
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	if (bpf_map_update_elem(map, &thread, &place, BPF_ANY))
		return error_set(err, STATUS_CANNOT_RUN,
				 "cannot register a vCPU with the eBPF program: %s",
				 strerror(errno));
	return 0;
}

/* The number of the VM whose vCPU has been seen; without KVM's types a process has one VM. */
static unsigned int vm_number(struct tracer *tracer, const struct ec_slot *slot)
{
	for (unsigned int i = 0; i <= tracer->shared.extent[EC_SLOTS].mask / sizeof(*slot); i++) {
		const struct seen *seen;

		if (!tracer->at[i])
			continue;
		seen = &tracer->seen[tracer->at[i] - 1];
		if (slot->kvm ? seen->first == slot->first &&
					slot_at(tracer, seen->place)->kvm == slot->kvm :
				seen->vcpu->tgid == slot->tgid)
			return seen->vcpu->vm;
	}
	return ++tracer->nr_vms;
}

void tracer_poll(struct tracer *tracer)
{
	const struct ec_extent *slots = &tracer->shared.extent[EC_SLOTS];
	struct ec_slot *slot;
	unsigned int place;

	if (!tracer->watch) {
		kept_take(&tracer->kept);
		return;
	}
	for (place = sizeof(*slot); place <= slots->mask; place += sizeof(*slot)) {
		slot = slot_at(tracer, place);
		if (__atomic_load_n(&slot->tgid, __ATOMIC_ACQUIRE) &&
		    !tracer->at[place / sizeof(*slot)]) {
			struct seen *seen = add_seen(tracer, place, vm_number(tracer, slot));

			if (seen)
				refresh(tracer, seen);
		}
	}
	for (place = sizeof(*slot); place <= slots->mask; place += sizeof(*slot)) {
		unsigned int vcpu = tracer->at[place / sizeof(*slot)];

		if (vcpu && __atomic_load_n(&slot_at(tracer, place)->gone, __ATOMIC_ACQUIRE))
			tracer_retire(tracer, vcpu - 1);
	}
	kept_take(&tracer->kept);
	sum_former(tracer);
}

unsigned int tracer_nr_vcpus(const struct tracer *tracer)
{
	return tracer->nr_seen;
}

const struct ec_vcpu *tracer_vcpu(struct tracer *tracer, unsigned int vcpu)
{
	if (vcpu >= tracer->nr_seen || !tracer->seen[vcpu].vcpu)
		return NULL;
	refresh(tracer, &tracer->seen[vcpu]);
	return tracer->seen[vcpu].vcpu;
}

bool tracer_is_gone(const struct tracer *tracer, unsigned int vcpu)
{
	return !tracer->seen[vcpu].place;
}

const struct ec_vcpu *tracer_former(const struct tracer *tracer, unsigned int *nr)
{
	*nr = tracer->nr_former;
	return tracer->former;
}

const struct details *tracer_details(const struct tracer *tracer, unsigned int vcpu)
{
	return &tracer->seen[vcpu].details;
}

const struct details *tracer_former_details(const struct tracer *tracer)
{
	return &tracer->former_details;
}

/* ---- what else it has to say ---- */

struct ec_audit *tracer_cpus(const struct tracer *tracer, unsigned int *nr)
{
	struct ec_audit *cpus;

	*nr = nr_cpus(tracer);
	cpus = calloc(*nr, sizeof(*cpus));
	for (unsigned int cpu = 0; cpus && cpu < *nr; cpu++)
		cpus[cpu] = cpu_at(tracer, cpu)->audit;
	return cpus;
}

const struct ec_stats *tracer_stats(const struct tracer *tracer)
{
	return &tracer->object.state->stats;
}

const struct ec_mismatch *tracer_mismatches(struct tracer *tracer, unsigned int *nr)
{
	kept_take(&tracer->kept);
	*nr = tracer->kept.nr_mismatches;
	return tracer->kept.mismatches;
}

const struct ec_difference *tracer_differences(struct tracer *tracer, unsigned int *nr)
{
	kept_take(&tracer->kept);
	*nr = tracer->kept.nr_differences;
	return tracer->kept.differences;
}

const struct ec_outlier *tracer_outliers(struct tracer *tracer, unsigned int *nr, ec_u64 *dropped)
{
	const struct ec_outlier *list = kept_outliers(&tracer->kept, nr);

	*dropped = tracer->object.state->stats.outliers + tracer->kept.dropped_outliers;
	return list;
}

int tracer_missed(const struct tracer *tracer, unsigned long long *missed, struct error *err)
{
	int error = object_missed(&tracer->object, missed);

	if (!error)
		return 0;
	return error_set(err, STATUS_CANNOT_RUN,
			 "cannot read the miss count of the eBPF program: %s", strerror(-error));
}
