// SPDX-License-Identifier: GPL-2.0-only
/* sched_getaffinity() and CPU_COUNT() */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm/kvm.h"
#include "kvm/test_vm.h"
#include "util/random.h"
#include "util/affinity.h"
#include "util/array.h"

#define DEFAULT_COUNT 2000
#define DEFAULT_SLOW_COUNT 100
#define WARM_UP_SHARE 10 /* one in so many executions goes before a sample */
#define SETTLE_US 50000	 /* the kernel detaches programs with a delay: keep that out of a sample */
#define HOOKED_S 1.5	 /* KVM's hooks stay on for a second after the last accounted vCPU */

/* Workloads measured by default. */
static const char *const default_workloads[] = { "cpuid", "out", "mmio-write", "wrmsr", "hlt" };

struct measuring {
	const struct bench_plan *plan;
	struct bench *bench;
	struct error *err;
	uint64_t random;
	int round; /* -1: the warm-up */
	int cpu;   /* that a single vCPU stays on */
	double hooked_until;
};

/* The VMs of a turn, all alike. */
struct vms {
	struct test_vm *test_vm[BENCH_MAX_VMS];
	unsigned int nr, vcpus;
	int *instructions; /* an event for each vCPU */
	unsigned int nr_events;
};

static size_t place(const struct bench *bench, unsigned int work, unsigned int watch)
{
	return ((size_t)work * bench->nr_watches + watch) * bench->rounds;
}

double *bench_cycles(const struct bench *bench, unsigned int work, unsigned int watch)
{
	return bench->cycles + place(bench, work, watch);
}

double *bench_instructions(const struct bench *bench, unsigned int work, unsigned int watch)
{
	return bench->instructions + place(bench, work, watch);
}

bool bench_has(const struct bench *bench, unsigned int work, unsigned int watch)
{
	return !bench->works[work].unsupported && !*bench->watches[watch].skipped.text;
}

const char *bench_no_ebpf(const struct bench *bench)
{
	const char *why = NULL;

	for (unsigned int watch = 0; watch < bench->nr_watches; watch++) {
		if (!bench->watches[watch].observer->ebpf)
			continue;
		if (!*bench->watches[watch].skipped.text)
			return NULL;
		/* By any way to attach, the first has told what the host lacks. */
		why = why ?: bench->watches[watch].skipped.text;
	}
	return why;
}

unsigned int bench_base(const struct bench *bench)
{
	unsigned int watch = 0;

	while (watch < bench->nr_watches - 1 && *bench->watches[watch].skipped.text)
		watch++;
	return watch;
}

void bench_destroy(struct bench *bench)
{
	if (!bench)
		return;
	free(bench->cycles);
	free(bench->instructions);
	free(bench);
}

/* ---- the kernel's instructions on the host ---- */

static int open_instructions(pid_t tid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_user = 1,
		.exclude_hv = 1,
		.exclude_guest = 1,
	};

	return syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static void test_vm_instructions(struct bench *bench)
{
	int fd = open_instructions(0);

	if (fd < 0)
		snprintf(bench->no_instructions, sizeof(bench->no_instructions),
			 "no counter available: %s", strerror(errno));
	else
		close(fd);
}

static int read_instructions(const struct vms *vms, uint64_t *sum, struct error *err)
{
	uint64_t value;

	*sum = 0;
	for (unsigned int i = 0; i < vms->nr_events; i++) {
		if (read(vms->instructions[i], &value, sizeof(value)) != sizeof(value))
			return error_set(err, STATUS_CANNOT_RUN, "instruction counter: %s",
					 strerror(errno));
		*sum += value;
	}
	return 0;
}

static int count_instructions(struct measuring *measuring, struct vms *vms)
{
	if (*measuring->bench->no_instructions)
		return 0;
	vms->instructions = calloc((size_t)vms->nr * vms->vcpus, sizeof(*vms->instructions));
	if (!vms->instructions)
		return error_set(measuring->err, STATUS_CANNOT_RUN, "out of memory");
	for (unsigned int i = 0; i < vms->nr * vms->vcpus; i++) {
		pid_t tid = test_vm_tid(vms->test_vm[i / vms->vcpus], i % vms->vcpus);
		int fd = open_instructions(tid);

		if (fd < 0)
			return error_set(measuring->err, STATUS_CANNOT_RUN,
					 "instruction counter: %s", strerror(errno));
		vms->instructions[vms->nr_events++] = fd;
	}
	return 0;
}

/* ---- VMs ---- */

static int create_vm(struct measuring *measuring, struct test_vm **test_vm, unsigned int vcpus,
		     bool irqchip, bool leaves)
{
	const struct test_vm_config config = {
		.isa = measuring->bench->host.isa,
		.nr_vcpus = vcpus,
		.irqchip = irqchip,
		.asks = leaves ? KVM_X86_EXIT_LEAVES_ENABLE : 0,
		.timeout_ms = WORKLOAD_TIMEOUT_MS,
	};
	int status = test_vm_create(test_vm, &config, measuring->err);

	if (!status && leaves && measuring->bench->host.exit_leaves != EXIT_LEAVES_ALL &&
	    !test_vm_opted_in(*test_vm))
		status = error_set(measuring->err, STATUS_CANNOT_RUN,
				   "KVM refuses the capability that shows the leaves");
	return status;
}

/* Pins a single vCPU: cold caches of another CPU are not to be measured. */
static void pin(const struct measuring *measuring, const struct vms *vms)
{
	if (vms->nr * vms->vcpus == 1)
		affinity_pin(test_vm_tid(vms->test_vm[0], 0), measuring->cpu);
}

/* The tracer may be NULL. */
static int create_vms(struct measuring *measuring, struct vms *vms, struct tracer *tracer,
		      bool irqchip, bool leaves)
{
	const struct bench *bench = measuring->bench;
	unsigned int slot;
	int status = 0;

	*vms = (struct vms){ .nr = bench->vms, .vcpus = bench->vcpus };
	for (unsigned int i = 0; i < vms->nr && !status; i++)
		status = create_vm(measuring, &vms->test_vm[i], vms->vcpus, irqchip, leaves);
	if (!status)
		pin(measuring, vms);
	for (unsigned int i = 0; tracer && i < vms->nr * vms->vcpus && !status; i++) {
		unsigned int vm = i / vms->vcpus, vcpu = i % vms->vcpus;

		status = tracer_register(tracer, vm + 1, vcpu, test_vm_tid(vms->test_vm[vm], vcpu),
					 &slot, measuring->err);
	}
	return status ? status : count_instructions(measuring, vms);
}

/* After a successful turn, adds the exits of its VMs to the watch. */
static int destroy_vms(struct measuring *measuring, struct vms *vms, struct bench_watch *watch,
		       int status)
{
	uint64_t exits;

	for (unsigned int i = 0; i < vms->nr_events; i++)
		close(vms->instructions[i]);
	free(vms->instructions);
	for (unsigned int vm = 0; vm < vms->nr; vm++) {
		if (!status) {
			status = test_vm_stat_all_exits(vms->test_vm[vm], &exits, measuring->err);
			watch->exits += status ? 0 : exits;
		}
		test_vm_destroy(vms->test_vm[vm]);
	}
	return status;
}

/* ---- a sample ---- */

/* One command of every vCPU, all at once; adds what they took to *cycles. */
static int command(struct measuring *measuring, const struct vms *vms, struct bench_work *work,
		   uint64_t count, double *cycles)
{
	unsigned int nr = vms->nr * vms->vcpus;
	int status = 0;

	for (unsigned int i = 0; i < nr && !status && !work->unsupported; i++) {
		struct test_vm *test_vm = vms->test_vm[i / vms->vcpus];
		unsigned int vcpu = i % vms->vcpus;

		if (work->leaf) {
			test_vm_reads(test_vm, vcpu)[0].function = work->leaf;
			test_vm_set_nr_reads(test_vm, vcpu, 1);
		}
		status = test_vm_start(test_vm, vcpu, work->workload->op, count, &work->unsupported,
				       measuring->err);
	}
	for (unsigned int i = 0; i < nr && !status && !work->unsupported; i++) {
		const struct test_vm *test_vm = vms->test_vm[i / vms->vcpus];

		status = test_vm_wait(vms->test_vm[i / vms->vcpus], i % vms->vcpus, measuring->err);
		/* Several vCPUs may share a CPU: each has its own thread's time only. */
		if (nr == 1)
			*cycles += test_vm_cycles(test_vm, 0);
		else
			*cycles += test_vm_cpu_ns(test_vm, i % vms->vcpus) * 1e-6 *
				   measuring->bench->host.tsc_khz;
	}
	return status;
}

static int run_once(struct measuring *measuring, const struct vms *vms, struct bench_work *work,
		    uint64_t count, double *cycles)
{
	uint64_t limit = workload_command_limit(work->workload->op);
	int status = 0;

	*cycles = 0;
	while (count && !status && !work->unsupported) {
		uint64_t part = count < limit ? count : limit;

		status = command(measuring, vms, work, part, cycles);
		count -= part;
	}
	return status;
}

static int sample(struct measuring *measuring, const struct vms *vms, unsigned int work_index,
		  unsigned int watch)
{
	struct bench *bench = measuring->bench;
	struct bench_work *work = &bench->works[work_index];
	double executions = (double)work->count * vms->nr * vms->vcpus, cycles;
	uint64_t before, after;
	int status;

	status = run_once(measuring, vms, work, work->count / WARM_UP_SHARE + 1, &cycles);
	if (status || work->unsupported)
		return status;
	status = read_instructions(vms, &before, measuring->err);
	if (!status)
		status = run_once(measuring, vms, work, work->count, &cycles);
	if (!status)
		status = read_instructions(vms, &after, measuring->err);
	if (status || measuring->round < 0)
		return status;
	bench_cycles(bench, work_index, watch)[measuring->round] = cycles / executions;
	bench_instructions(bench, work_index, watch)[measuring->round] =
		(after - before) / executions;
	return 0;
}

/* ---- turns and rounds ---- */

/* The works that need such VMs, in random order. */
static int do_works(struct measuring *measuring, unsigned int watch, struct tracer *tracer,
		    bool irqchip)
{
	struct bench *bench = measuring->bench;
	const struct bench_observer *observer = bench->watches[watch].observer;
	unsigned int order[BENCH_MAX_WORKLOADS], nr = 0;
	struct vms vms;
	int status;

	for (unsigned int i = 0; i < bench->nr_works; i++)
		if (!bench->works[i].unsupported && bench->works[i].workload->irqchip == irqchip)
			order[nr++] = i;
	if (!nr)
		return 0;
	random_shuffle(&measuring->random, order, nr);
	status = create_vms(measuring, &vms, tracer, irqchip, observer->leaves == BENCH_LEAVES_OWN);
	for (unsigned int i = 0; i < nr && !status; i++)
		status = sample(measuring, &vms, order[i], watch);
	return destroy_vms(measuring, &vms, &bench->watches[watch], status);
}

static int attach(struct measuring *measuring, unsigned int watch, struct tracer **tracer)
{
	const struct bench_observer *observer = measuring->bench->watches[watch].observer;
	const struct tracer_config config = {
		.isa = measuring->bench->host.isa,
		.path = observer->path,
		.clock = observer->clock,
		.audit = observer->audit,
		.details = observer->details,
		.split = observer->split,
		.tsc_khz = measuring->bench->host.tsc_khz,
		.nr_vcpus = measuring->bench->vms * measuring->bench->vcpus,
	};
	int status;

	*tracer = NULL;
	if (!observer->ebpf)
		return 0;
	status = tracer_create(tracer, &config, measuring->err);
	if (!status)
		tracer_gate(*tracer, true);
	return status;
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static void wait_until_unhooked(const struct measuring *measuring)
{
	double left = measuring->hooked_until - seconds_now();

	if (left > 0)
		usleep((useconds_t)(left * 1e6));
}

/* One observer's part of a round. */
static int turn(struct measuring *measuring, unsigned int watch)
{
	const struct bench_observer *observer = measuring->bench->watches[watch].observer;
	struct tracer *tracer = NULL;
	struct test_vm *other = NULL;
	int status = 0;

	if (!observer->leaves)
		wait_until_unhooked(measuring);
	if (observer->leaves == BENCH_LEAVES_OTHER)
		status = create_vm(measuring, &other, 1, false, true);
	if (!status)
		status = attach(measuring, watch, &tracer);
	for (int irqchip = 0; irqchip <= 1 && !status; irqchip++) {
		status = do_works(measuring, watch, tracer, irqchip);
		for (unsigned int i = 0; tracer && i < tracer_nr_vcpus(tracer); i++)
			tracer_retire(tracer, i);
	}
	for (unsigned int i = 0; tracer && i < tracer_nr_vcpus(tracer); i++)
		measuring->bench->watches[watch].counted += tracer_vcpu(tracer, i)->count;
	tracer_destroy(tracer);
	test_vm_destroy(other);
	if (observer->leaves)
		measuring->hooked_until = seconds_now() + HOOKED_S;
	usleep(SETTLE_US);
	return status;
}

static int do_round(struct measuring *measuring)
{
	unsigned int order[BENCH_MAX_OBSERVERS], nr = 0;
	int status = 0;

	for (unsigned int i = 0; i < measuring->bench->nr_watches; i++)
		if (!*measuring->bench->watches[i].skipped.text)
			order[nr++] = i;
	random_shuffle(&measuring->random, order, nr);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "exitcheck: round %d of %u ...\n", measuring->round + 1,
			measuring->bench->rounds);
	for (unsigned int i = 0; i < nr && !status; i++)
		status = turn(measuring, order[i]);
	return status;
}

/* ---- what is to be done ---- */

/* Why this observer cannot run on this KVM, NULL if it can. */
static const char *why_not(const struct bench *bench, const struct bench_observer *observer)
{
	switch (bench->host.exit_leaves) {
	case EXIT_LEAVES_ABSENT:
		return observer->leaves ? "kvm.ko is not patched" : NULL;
	case EXIT_LEAVES_OFF:
		return observer->leaves ? "kvm.exit_leaves=off" : NULL;
	case EXIT_LEAVES_OPTIN:
		return NULL;
	case EXIT_LEAVES_HOST:
	case EXIT_LEAVES_ALL:
		break;
	}
	return observer->leaves != BENCH_LEAVES_OWN ?
		       "kvm.exit_leaves=host or all: every VM is accounted for" :
		       NULL;
}

/* Picks the requested observers that can run; loads the eBPF program once to find out. */
static int choose_observers(struct measuring *measuring)
{
	const struct bench_plan *plan = measuring->plan;
	struct bench *bench = measuring->bench;
	unsigned int left = 0;
	int status = 0;

	for (unsigned int i = 0; i < nr_bench_observers; i++) {
		struct bench_watch *watch = &bench->watches[bench->nr_watches];
		const char *why = why_not(bench, &bench_observers[i]);
		struct tracer *tracer;

		if (plan->observers && !(plan->observers & 1u << i))
			continue;
		watch->observer = &bench_observers[i];
		status = 0;
		if (why)
			status = error_set(measuring->err, STATUS_CANNOT_RUN, "%s", why);
		else
			status = attach(measuring, bench->nr_watches, &tracer);
		if (!status)
			tracer_destroy(tracer);
		else if (plan->observers)
			return status;
		else
			watch->skipped = *measuring->err;
		bench->nr_watches++;
		left += !status;
	}
	return left ? 0 : status;
}

static void add_work(struct measuring *measuring, const struct workload *workload, uint32_t leaf)
{
	struct bench *bench = measuring->bench;
	struct bench_work *work = &bench->works[bench->nr_works++];

	work->workload = workload;
	work->leaf = leaf;
	work->count = measuring->plan->count			    ? measuring->plan->count :
		      workload->slow || workload->op == PROBE_TOUCH ? DEFAULT_SLOW_COUNT :
								      DEFAULT_COUNT;
	if (!workload_exists(workload, bench->host.isa))
		work->unsupported = workload->why;
	else if (workload->irqchip && bench->vcpus > 1)
		work->unsupported = "a test VM with KVM's own APIC has one vCPU";
}

/* At least one of the works can be done, as far as is known: some find out only in the guest. */
static int check_works(struct measuring *measuring)
{
	const struct bench *bench = measuring->bench;

	for (unsigned int i = 0; i < bench->nr_works; i++)
		if (!bench->works[i].unsupported)
			return 0;
	return error_set(measuring->err, STATUS_CANNOT_RUN, "no workload to measure: %s: %s",
			 bench->works[0].workload->name, bench->works[0].unsupported);
}

static int choose_works(struct measuring *measuring)
{
	const struct bench_plan *plan = measuring->plan;

	bool all = !plan->workloads.nr && !plan->leaf_reads;

	for (unsigned int i = 0; i < nr_workloads; i++)
		if (plan->workloads.chosen[i])
			add_work(measuring, &workloads[i], 0);
	for (unsigned int i = 0; all && i < NR(default_workloads); i++)
		add_work(measuring, workload_find(default_workloads[i]), 0);
	for (unsigned int i = 0; i < BENCH_NR_READS; i++)
		if (all || plan->leaf_reads & 1u << i)
			add_work(measuring, &bench_reads[i].workload, bench_reads[i].leaf);
	return check_works(measuring);
}

/* The last of the CPUs that we may use. */
static int last_cpu(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 0 :
							 affinity_nth(&set, CPU_COUNT(&set) - 1);
}

static int set_up(struct measuring *measuring)
{
	struct bench *bench = measuring->bench;
	size_t nr;
	int status;

	status = choose_observers(measuring);
	if (status)
		return status;
	status = choose_works(measuring);
	if (status)
		return status;
	test_vm_instructions(bench);
	nr = place(bench, bench->nr_works, 0);
	bench->cycles = calloc(nr, sizeof(*bench->cycles));
	bench->instructions = calloc(nr, sizeof(*bench->instructions));
	if (!bench->cycles || !bench->instructions)
		return error_set(measuring->err, STATUS_CANNOT_RUN, "out of memory");
	return 0;
}

int bench_run(const struct host *host, const struct bench_plan *plan, struct bench **bench,
	      struct error *err)
{
	struct measuring measuring = { .plan = plan, .err = err, .cpu = last_cpu() };
	double began = seconds_now();
	int status;

	measuring.bench = calloc(1, sizeof(*measuring.bench));
	if (!measuring.bench)
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	measuring.bench->host = *host;
	measuring.bench->started = time(NULL);
	measuring.bench->seed = plan->has_seed ? plan->seed : random_seed();
	measuring.bench->rounds = plan->rounds;
	measuring.bench->vcpus = plan->vcpus;
	measuring.bench->vms = plan->vms;
	measuring.random = measuring.bench->seed;
	if (host->exit_leaves != EXIT_LEAVES_ABSENT)
		measuring.hooked_until = began + HOOKED_S;

	status = set_up(&measuring);
	for (measuring.round = -1; measuring.round < (int)plan->rounds && !status;
	     measuring.round++)
		status = do_round(&measuring);
	if (!status)
		status = check_works(&measuring);
	measuring.bench->seconds = seconds_now() - began;
	if (status)
		bench_destroy(measuring.bench);
	else
		*bench = measuring.bench;
	return status;
}
