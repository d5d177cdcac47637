// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kvm/exits.h"
#include "judge/audit.h"
#include "judge/check_time.h"
#include "kvm/host.h"
#include "run/clocks.h"
#include "util/text.h"
#include "tracer/tracer.h"
#include "util/array.h"

#define WATCH_VCPUS 511	    /* at a time */
#define MAX_SHOWN 10	    /* mismatches */
#define COMMAND_GRACE 5	    /* seconds between SIGTERM and SIGKILL */
#define MOMENT_NS 100000000 /* between two looks at what has come and gone */

struct watch {
	const struct options *options;
	struct host host;
	struct tracer *tracer;
	struct audit audit;
	const char *no_audit; /* why exits were not compared with KVM's account, NULL if they were */
	char no_cycles[320];  /* why only their counts were, "" if cycles were, too */
};

/* ---- the command ---- */

/* Starts it with the signals that mask has; its process in *child. */
static int start_command(char **command, const sigset_t *mask, pid_t *child, struct error *err)
{
	int report[2], failure = 0;
	pid_t parent = getpid();

	if (pipe2(report, O_CLOEXEC))
		return error_set(err, STATUS_CANNOT_RUN, "pipe: %s", strerror(errno));
	*child = fork();
	if (!*child) {
		/* The command ends with exitcheck, however that ends. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(STATUS_CANNOT_RUN);
		sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(command[0], command);
		failure = errno;
		if (write(report[1], &failure, sizeof(failure)) < 0)
			_exit(STATUS_CANNOT_RUN);
		_exit(STATUS_CANNOT_RUN);
	}
	failure = errno;
	close(report[1]);
	if (*child < 0) {
		close(report[0]);
		return error_set(err, STATUS_CANNOT_RUN, "fork: %s", strerror(failure));
	}
	/* End of file: exec() has closed the other end. */
	if (read(report[0], &failure, sizeof(failure)) <= 0)
		failure = 0;
	close(report[0]);
	if (!failure)
		return 0;
	waitpid(*child, NULL, 0);
	*child = -1;
	return error_set(err, STATUS_CANNOT_RUN, "cannot run %s: %s", command[0],
			 strerror(failure));
}

static void report_command(const char *name, int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "exitcheck: %s was ended by signal %d (%s)\n", name,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		fprintf(stderr, "exitcheck: %s ended with status %d\n", name, WEXITSTATUS(status));
}

/* Waits a moment for a blocked signal. False: a point in time has come (0: none). */
static bool wait_signal(const sigset_t *signals, time_t until, int *signal)
{
	const struct timespec moment = { .tv_nsec = MOMENT_NS };
	struct timespec now;

	*signal = sigtimedwait(signals, NULL, &moment);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return *signal > 0 || !until || now.tv_sec < until;
}

static time_t seconds_from_now(unsigned int seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + seconds;
}

/* Ends a command that still runs. */
static void stop_command(pid_t child, const sigset_t *signals)
{
	time_t until = seconds_from_now(COMMAND_GRACE);
	int signal;

	kill(child, SIGTERM);
	while (waitpid(child, NULL, WNOHANG) == 0) {
		if (wait_signal(signals, until, &signal))
			continue;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		break;
	}
}

/* Judges what the eBPF program compared; begin: the clocks when that began. */
static int audit(struct watch *watch, const struct result_clock *begin, struct error *err)
{
	unsigned int nr = tracer_nr_vcpus(watch->tracer), nr_cpus = tracer_nr_cpus(watch->tracer);
	const struct ec_vcpu **vcpus = calloc(nr + 1, sizeof(*vcpus));
	struct ec_audit *cpus = calloc(nr_cpus, sizeof(*cpus));
	static struct result clocks;
	struct check why = { 0 };
	struct timing timing;

	if (!vcpus || !cpus) {
		free(vcpus);
		free(cpus);
		return error_set(err, STATUS_CANNOT_RUN, "out of memory");
	}
	clocks.host = watch->host;
	clocks.begin = *begin;
	clocks.end = clocks_read();
	clocks.discovery.features = LEAF_FEATURE_STABLE_TSC;
	host_read_clocksource(clocks.next_clocksource, sizeof(clocks.next_clocksource));
	if (!strcmp(clocks.next_clocksource, watch->host.clocksource))
		clocks.next_clocksource[0] = '\0';
	if (!timing_audits(&clocks, &why, &timing))
		snprintf(watch->no_cycles, sizeof(watch->no_cycles), "%s", why.detail);
	for (unsigned int i = 0; i < nr; i++)
		vcpus[i] = tracer_vcpu(watch->tracer, i);
	watch->no_audit = tracer_no_audit(watch->tracer);
	for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
		cpus[cpu] = *tracer_cpu(watch->tracer, cpu);
	audit_sum(watch->host.isa, vcpus, nr, &watch->audit);
	audit_cpus(cpus, nr_cpus, !*watch->no_cycles, &watch->audit);
	audit_groups(vcpus, nr, !*watch->no_cycles, &watch->audit);
	if (!watch->no_audit && !watch->audit.compared && watch->audit.ended)
		watch->no_audit = "KVM does not account for these VMs: their VMMs must ask for it,"
				  " or load kvm.ko with exit_leaves=host or all";
	free(vcpus);
	free(cpus);
	return 0;
}

/* The gate is open meanwhile. */
static int watch_while(struct watch *watch, struct error *err)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	time_t until = watch->options->seconds ? seconds_from_now(watch->options->seconds) : 0;
	struct result_clock begin;
	sigset_t signals, former;
	pid_t child = -1;
	int signal, status;
	size_t i;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	for (i = 0; i < NR(ends); i++)
		sigaddset(&signals, ends[i]);
	sigprocmask(SIG_BLOCK, &signals, &former);

	tracer_gate(watch->tracer, true);
	begin = clocks_read();
	if (watch->options->command) {
		status = start_command(watch->options->command, &former, &child, err);
		if (status) {
			sigprocmask(SIG_SETMASK, &former, NULL);
			return status;
		}
	} else {
		fprintf(stderr, "exitcheck: watching every VM; Ctrl-C ends it\n");
	}
	while (wait_signal(&signals, until, &signal)) {
		tracer_poll(watch->tracer);
		if (signal > 0 && signal != SIGCHLD)
			break;
		if (child > 0 && waitpid(child, &status, WNOHANG) == child) {
			report_command(watch->options->command[0], status);
			child = -1;
			break;
		}
	}
	if (child > 0)
		stop_command(child, &signals);
	tracer_gate(watch->tracer, false);
	sigprocmask(SIG_SETMASK, &former, NULL);
	tracer_poll(watch->tracer);
	return audit(watch, &begin, err);
}

/* ---- the report ---- */

static const char *const leaf_names[LEAF_NR] = {
	[LEAF_VCPU_CYCLES - LEAF_FIRST] = "cycles of a number, vCPU",
	[LEAF_VCPU_EXITS - LEAF_FIRST] = "exits of a number, vCPU",
	[LEAF_VCPU_TOTAL_CYCLES - LEAF_FIRST] = "cycles of all, vCPU",
	[LEAF_VCPU_TOTAL_EXITS - LEAF_FIRST] = "exits of all, vCPU",
	[LEAF_DISCOVERY - LEAF_FIRST] = "discovery",
	[LEAF_CYCLES - LEAF_FIRST] = "cycles of a number, VM",
	[LEAF_EXITS - LEAF_FIRST] = "exits of a number, VM",
	[LEAF_TOTAL_CYCLES - LEAF_FIRST] = "cycles of all, VM",
	[LEAF_TOTAL_EXITS - LEAF_FIRST] = "exits of all, VM",
};

/* What all vCPUs come to. */
struct totals {
	uint64_t exits, lost_entries, not_compared, compared, differed;
	uint64_t by_leaf[LEAF_NR], differed_by_leaf[LEAF_NR];
	unsigned int joined_late;
};

static struct totals sum_up(struct tracer *tracer)
{
	struct totals totals = {};
	const struct ec_vcpu *vcpu;
	unsigned int slot, leaf;

	for (slot = 0; (vcpu = tracer_vcpu(tracer, slot)); slot++) {
		totals.exits += vcpu->count;
		totals.lost_entries += vcpu->lost_entries;
		for (unsigned int i = 0; i < EC_NR_UNCOMPARED; i++)
			totals.not_compared += vcpu->uncompared[i];
		totals.joined_late += vcpu->joined_late;
		for (leaf = 0; leaf < LEAF_NR; leaf++) {
			totals.by_leaf[leaf] += vcpu->compared[leaf];
			totals.differed_by_leaf[leaf] += vcpu->differed[leaf];
			totals.compared += vcpu->compared[leaf];
			totals.differed += vcpu->differed[leaf];
		}
	}
	return totals;
}

static void show_vcpu(const struct watch *watch, const struct ec_vcpu *vcpu)
{
	unsigned int index, number;

	printf("  vCPU %u, thread %u: %s exits%s\n", vcpu->vcpu_id, vcpu->tid,
	       text_u64(vcpu->count).s, vcpu->joined_late ? " (was already running)" : "");
	if (!vcpu->count)
		return;
	printf("    %-30s %14s %12s %12s %12s %14s\n", "exit", "count", "total ms", "mean ns",
	       "min ns", "max ns");
	for (index = 0; index < EXIT_NR_INDICES; index++) {
		const struct ec_reason *reason = &vcpu->reason[index];
		const char *name = "(undefined numbers)";
		char label[64];

		if (!reason->count)
			continue;
		snprintf(label, sizeof(label), "%s", name);
		if (exit_number(watch->host.isa, index, &number)) {
			name = exit_name(watch->host.isa, number);
			snprintf(label, sizeof(label), "%s %s",
				 text_exit(watch->host.isa, number).s, name ? name : "");
		}
		printf("    %-30s %14s %12.3f %12s %12s %14s\n", label, text_u64(reason->count).s,
		       reason->ns / 1e6,
		       reason->timed ? text_u64(reason->ns / reason->timed).s : "-",
		       reason->timed ? text_u64(reason->min_ns).s : "-",
		       reason->timed ? text_u64(reason->max_ns).s : "-");
	}
}

static int by_vm_and_id(const void *a, const void *b)
{
	const struct ec_vcpu *x = *(const struct ec_vcpu *const *)a;
	const struct ec_vcpu *y = *(const struct ec_vcpu *const *)b;

	if (x->vm != y->vm)
		return x->vm < y->vm ? -1 : 1;
	return x->vcpu_id < y->vcpu_id ? -1 : x->vcpu_id > y->vcpu_id;
}

static void show_vms(const struct watch *watch)
{
	unsigned int nr = tracer_nr_vcpus(watch->tracer), i, last;
	const struct ec_vcpu **vcpus = calloc(nr + 1, sizeof(*vcpus));

	for (i = 0; vcpus && i < nr; i++)
		vcpus[i] = tracer_vcpu(watch->tracer, i);
	if (!vcpus)
		return;
	qsort(vcpus, nr, sizeof(*vcpus), by_vm_and_id);
	for (i = 0; i < nr; i++) {
		if (!i || vcpus[i]->vm != vcpus[i - 1]->vm) {
			for (last = i; last + 1 < nr && vcpus[last + 1]->vm == vcpus[i]->vm;)
				last++;
			printf("%sVM %u, process %u: %u vCPU%s\n", i ? "\n" : "", vcpus[i]->vm,
			       vcpus[i]->tgid, last - i + 1, last > i ? "s" : "");
		}
		show_vcpu(watch, vcpus[i]);
	}
	if (nr)
		putchar('\n');
	free(vcpus);
}

static void show_comparisons(const struct totals *totals)
{
	unsigned int leaf;

	if (!totals->compared)
		return;
	printf("Leaves compared in place\n  %-12s %-26s %12s %12s\n", "leaf", "", "compared",
	       "different");
	for (leaf = 0; leaf < LEAF_NR; leaf++)
		if (totals->by_leaf[leaf])
			printf("  0x%-10x %-26s %12s %12s\n", LEAF_FIRST + leaf, leaf_names[leaf],
			       text_u64(totals->by_leaf[leaf]).s,
			       text_u64(totals->differed_by_leaf[leaf]).s);
	putchar('\n');
}

static void show_mismatch(const struct watch *watch, const struct ec_mismatch *mismatch)
{
	const struct ec_vcpu *vcpu = tracer_vcpu(watch->tracer, mismatch->slot);
	unsigned int leaf = mismatch->function - LEAF_FIRST;

	if (!vcpu || leaf >= LEAF_NR)
		return;
	printf("  VM %u, vCPU %u, exit %s: leaf 0x%x (%s)", vcpu->vm, vcpu->vcpu_id,
	       text_u64(mismatch->at_exit).s, mismatch->function, leaf_names[leaf]);
	if (leaf_is_by_number(mismatch->function))
		printf(", number %s", text_exit(watch->host.isa, mismatch->index).s);
	printf(": ");
	if (mismatch->malformed)
		printf("malformed: EAX..EDX %x %x %x %x\n", mismatch->eax, mismatch->ebx,
		       mismatch->ecx, mismatch->edx);
	else if (mismatch->lower == mismatch->upper)
		printf("%s, eBPF counted %s\n", text_u64(mismatch->leaf).s,
		       text_u64(mismatch->lower).s);
	else
		printf("%s, eBPF counted %s to %s\n", text_u64(mismatch->leaf).s,
		       text_u64(mismatch->lower).s, text_u64(mismatch->upper).s);
}

static void show_audit(const struct watch *watch)
{
	const struct audit *audit = &watch->audit;

	if (!audit->compared)
		return;
	printf("Exits compared with KVM's own account, as each ended\n"
	       "  %s of %s; %s counts differ, %s have no cycles, %s too many;"
	       " 99.9 %% lack fewer than %s cycles\n",
	       text_u64(audit->compared).s, text_u64(audit->ended).s, text_u64(audit->differed).s,
	       text_u64(audit->untimed).s, text_u64(audit->exceeded).s,
	       text_u64(audit_bias_below(audit, 0.999)).s);
	for (unsigned int i = 0; i < audit->nr_faults && i < MAX_SHOWN; i++)
		printf("  wrong: %s\n", audit_fault_text(audit, &audit->faults[i]).s);
	putchar('\n');
}

static void show_mismatches(const struct watch *watch)
{
	const struct ec_mismatch *mismatches;
	unsigned int nr, i;
	ec_u64 all = tracer_stats(watch->tracer)->mismatches;

	mismatches = tracer_mismatches(watch->tracer, &nr);
	if (!nr)
		return;
	printf("Different\n");
	for (i = 0; i < nr && i < MAX_SHOWN; i++)
		show_mismatch(watch, &mismatches[i]);
	if (all > i)
		printf("  and %s more\n", text_u64(all - i).s);
	putchar('\n');
}

/* Why nothing could be compared. */
static const char *why_not_compared(const struct watch *watch, const struct totals *totals)
{
	if (!totals->exits)
		return "no VM ran meanwhile";
	if (watch->host.exit_leaves == EXIT_LEAVES_ABSENT)
		return "kvm.ko is not patched: guests have no exit leaves";
	if (watch->host.exit_leaves == EXIT_LEAVES_OFF)
		return "the leaves are off: load kvm.ko with exit_leaves=optin or all";
	if (totals->not_compared && !strcmp(tracer_path_name(watch->tracer), "tracepoint"))
		return "without KVM's BTF exitcheck cannot tell a new vCPU from an old one,"
		       " and compares no counts";
	if (totals->not_compared)
		return "the VM was already running: start it after exitcheck";
	if (watch->host.exit_leaves == EXIT_LEAVES_OPTIN ||
	    watch->host.exit_leaves == EXIT_LEAVES_HOST)
		return "no guest read the leaves: its VMM must enable them, or load kvm.ko"
		       " with exit_leaves=all";
	return "no guest read the leaves";
}

/* What was lost, "" if nothing was. */
static int lost(const struct watch *watch, const struct totals *totals, char *text, size_t size,
		struct error *err)
{
	const struct ec_stats *stats = tracer_stats(watch->tracer);
	unsigned long long missed;
	const struct {
		uint64_t nr;
		const char *what;
	} losses[] = {
		{ stats->no_slot, "exits of vCPUs beyond the limit" },
		{ stats->no_map, "events for which a map was full" },
		{ stats->unread, "leaf reads of unknown vCPUs" },
		{ totals->lost_entries, "VM entries" },
	};
	size_t i, n = 0;
	int status = tracer_missed(watch->tracer, &missed, err);

	if (status)
		return status;
	text[0] = '\0';
	if (missed)
		n = snprintf(text, size, "%s events that the kernel skipped", text_u64(missed).s);
	for (i = 0; i < NR(losses); i++)
		if (losses[i].nr && n < size)
			n += snprintf(text + n, size - n, "%s%s %s", n ? ", " : "",
				      text_u64(losses[i].nr).s, losses[i].what);
	return 0;
}

/* The closing line; returns the status that goes with it. */
static int close_report(const struct watch *watch, const struct totals *totals,
			const char *lost_text)
{
	const struct audit *audit = &watch->audit;
	double share;

	if (totals->differed) {
		printf("FAIL: %s of %s comparisons differ\n", text_u64(totals->differed).s,
		       text_u64(totals->compared).s);
		return STATUS_MISMATCH;
	}
	if (audit->nr_faults && !*lost_text) {
		printf("FAIL: KVM's account of exits is wrong: %s\n",
		       audit_fault_text(audit, audit_common(audit, &share)).s);
		return STATUS_MISMATCH;
	}
	if (*lost_text) {
		printf("INCONCLUSIVE: %s comparisons, 0 different, but lost: %s\n",
		       text_u64(totals->compared).s, lost_text);
		return STATUS_INCONCLUSIVE;
	}
	if (!totals->compared && !audit->compared) {
		printf("INCONCLUSIVE: %s exits counted, none compared: %s\n",
		       text_u64(totals->exits).s, why_not_compared(watch, totals));
		return STATUS_INCONCLUSIVE;
	}
	/* Cycles are a clock's matter: reads of them are never compared. */
	if (watch->no_audit || *watch->no_cycles) {
		printf("INCONCLUSIVE: %s exits, %s counts compared in place, 0 different; cycles were"
		       " not: %s\n",
		       text_u64(totals->exits).s, text_u64(totals->compared + audit->compared).s,
		       watch->no_audit ?: watch->no_cycles);
		return STATUS_INCONCLUSIVE;
	}
	printf("PASS: %s of %s exits compared in place, and %s leaf reads, 0 different",
	       text_u64(audit->compared).s, text_u64(audit->ended).s, text_u64(totals->compared).s);
	if (totals->not_compared)
		printf("; %s leaf reads of vCPUs that were already running could not be"
		       " compared",
		       text_u64(totals->not_compared).s);
	putchar('\n');
	return STATUS_PASS;
}

static int report(const struct watch *watch, int *verdict, struct error *err)
{
	struct totals totals = sum_up(watch->tracer);
	char lost_text[256];
	int status;

	status = lost(watch, &totals, lost_text, sizeof(lost_text), err);
	if (status)
		return status;
	printf("%s, %s, Linux %s, eBPF by %s\n\n", watch->host.cpu, isa_name(watch->host.isa),
	       watch->host.kernel, tracer_path_name(watch->tracer));
	show_vms(watch);
	show_comparisons(&totals);
	show_mismatches(watch);
	show_audit(watch);
	*verdict = close_report(watch, &totals, lost_text);
	if (fflush(stdout) || ferror(stdout))
		return error_set(err, STATUS_CANNOT_RUN, "cannot write to standard output: %s",
				 strerror(errno));
	return 0;
}

int watch_run(struct options *options)
{
	struct watch watch = { .options = options };
	struct tracer_config config = {
		.nr_vcpus = WATCH_VCPUS,
		.path = options->path,
		.watch = true,
		.audit = true,
	};
	int status, verdict = STATUS_PASS;
	struct error err;

	status = host_probe(&watch.host, &err);
	if (!status) {
		config.isa = watch.host.isa;
		config.tsc_khz = watch.host.tsc_khz;
		config.leaves_all = watch.host.exit_leaves == EXIT_LEAVES_ALL;
		status = tracer_create(&watch.tracer, &config, &err);
	}
	if (!status)
		status = watch_while(&watch, &err);
	if (!status)
		status = report(&watch, &verdict, &err);
	tracer_destroy(watch.tracer);
	if (!status)
		return verdict;
	fprintf(stderr, "exitcheck: %s\n", err.text);
	/* A mismatch stays one, whether or not it could be written down. */
	return verdict == STATUS_MISMATCH ? verdict : status;
}
