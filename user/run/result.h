/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RESULT_H
#define RESULT_H

/*
 * What a validation found, as plain data: run/ collects it, judge/ judges it. After the run its
 * only pointers are to static text and to the table of workloads.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "exitcheck.h"
#include "kvm/account.h"
#include "kvm/cpuid_read.h"
#include "kvm/host.h"
#include "kvm/leaf.h"
#include "kvm/leaf_numbers.h"
#include "kvm/workload.h"
#include "kvm/guest/probe_abi.h"

/* Whether the guest has the leaves, and why not. */
enum leaves_state {
	LEAVES_PRESENT,
	LEAVES_UNPATCHED, /* kvm.ko has no parameter exit_leaves */
	LEAVES_OFF,	  /* kvm.exit_leaves=off */
	LEAVES_NOT_ASKED, /* kvm.exit_leaves=optin, and this run did not opt in */
	LEAVES_REFUSED,	  /* kvm.exit_leaves=optin, and KVM refused the capability */
	LEAVES_MISSING,	  /* they were granted, but there is no signature */
	LEAVES_PUBLISHED, /* those of --leaves, whoever wrote them */
};

enum result_phase {
	PHASE_SINGLE,	 /* one vCPU: every workload, every number */
	PHASE_SMP,	 /* several vCPUs at full rate */
	PHASE_ISOLATION, /* several VMs */
	PHASE_MIGRATE,	 /* a vCPU thread moved between CPUs */
	PHASE_STORM,	 /* everything at once */
	NR_PHASES,
};

struct result_phase_info {
	bool ran;
	char skipped[96];   /* why it did not run, or not to its end; "" if it did */
	unsigned int moves; /* PHASE_MIGRATE, PHASE_STORM: of threads */
	unsigned int cpus;  /* between so many CPUs */
};

#define RESULT_NO_SLOT UINT32_MAX

struct result_vcpu {
	enum result_phase phase;
	unsigned int vm, id; /* vm: from 1, in the order of creation */
	unsigned int slot;   /* the tracer's, RESULT_NO_SLOT: it has none yet */
	bool hidden;	     /* accounted for the host alone: its guest reads no leaves */
	uint64_t executed[PROBE_NR_OPS];
	uint64_t planned[PROBE_NR_OPS]; /* PHASE_STORM: of these, what it was told to, at least */
	bool has_stat;
	uint64_t stat_exits;	  /* KVM's own statistic ... */
	unsigned int stat_others; /* ... of this vCPU and of so many that follow it together */
	bool has_account;	  /* an older series has none */
	struct kvm_account account;
	struct ec_vcpu bpf; /* what eBPF counted, once the vCPU was idle */
};

enum sweep_kind {
	SWEEP_SOME,   /* any reads, or none */
	SWEEP_COUNTS, /* the exits of every number that hardware reports, totals around them */
	SWEEP_FULL,   /* every defined number in every leaf, totals around them */
};

/* One run of PROBE_READ_LEAVES (of no reads, where there are no leaves). */
struct result_sweep {
	unsigned int vcpu; /* index of struct result_vcpu */
	int workload;	   /* index of the workload that ran just before, -1 */
	bool concurrent;   /* other vCPUs of the VM were running */
	enum sweep_kind kind;
	unsigned int first_read, nr_reads;
	/* Executed by the vCPU just before and after, and by the other vCPUs of its VM. */
	uint64_t before[PROBE_NR_OPS], after[PROBE_NR_OPS], others[PROBE_NR_OPS];
	/* eBPF's count by reason of this vCPU, just before and after. */
	uint64_t bpf_before[EXIT_NR_INDICES], bpf_after[EXIT_NR_INDICES];
};

/* One workload of PHASE_SINGLE. */
struct result_workload {
	const struct workload *workload;
	uint64_t count;		    /* executions asked for */
	const char *unsupported;    /* why it did not run, NULL if it did */
	unsigned int before, after; /* sweeps around it */
	unsigned int index;	    /* of its reason, or of CPUID's ... */
	/* ... and how KVM's account compared of these exits, and of all but the host's meanwhile. */
	struct ec_audit audit, all;
};

/*
 * Cycles of one reason of one vCPU by its leaf, and eBPF's time at the same instant; both since the
 * vCPU was created.
 */
struct result_time {
	unsigned int vcpu, index;
	uint64_t cycles, ns, timed;
};

#define RESULT_SPAN_EXITS 16 /* of fewer, the guest's own instructions around the loop would show */
#define RESULT_VCPU_SPANS 3  /* of fewer, that the host was busy */

/* A command of a vCPU as its guest measured it: all of its exits. */
struct result_span {
	unsigned int vcpu;
	enum probe_op op;
	uint64_t elapsed; /* by the guest's TSC */
	uint64_t steady;  /* ... had each operation lasted as the quicker three quarters of them */
	uint64_t until_read; /* the same, with the read that says what was covered */
	uint64_t covered;    /* of these, cycles of exits by the leaves */
	uint64_t exits;
	uint64_t known; /* cycles that exits lasted for certain, by the VMM's clock */
};

/* ---- PHASE_STORM ---- */

/* What a step of it does. */
#define STORM_KINDS(X)                  \
	X(PROGRAM, "programs")          \
	X(COMMAND, "single operations") \
	X(READ, "leaf reads")           \
	X(SIGNAL, "signals")            \
	X(MOVE, "moves")                \
	X(CPU, "CPUs off and on")       \
	X(VCPU, "late vCPUs")           \
	X(VM, "VMs that go")

enum storm_kind {
#define X(id, name) STORM_##id,
	STORM_KINDS(X)
#undef X
	NR_STORM_KINDS,
};

struct result_storm {
	uint64_t steps, done[NR_STORM_KINDS];
	unsigned int vms;
	double seconds;
	char no_cpus[96]; /* why no CPU was taken off, "" if that was tried */
	/*
	 * eBPF found something, by that step at the latest, and nothing before the phase. Steps from shown_from
	 * up to shown_to show it by themselves, without the kinds that are not needed; shown_to 0: none did.
	 */
	bool found;
	uint64_t found_by, shown_from, shown_to;
	unsigned int needed; /* bits by enum storm_kind */
	unsigned int trials; /* that this took */
};

/* A read by the first vCPU of a VM whose counters did not begin at 0. */
struct result_width {
	uint64_t start;	   /* of a vCPU's counters */
	uint64_t begun;	   /* of those that the leaf has, together */
	uint64_t executed; /* CPUIDs, likewise */
	struct probe_read read;
};

struct result_clock {
	uint64_t tsc, ns; /* read together; CLOCK_MONOTONIC */
	/* Of clocks_mark() alone: how often the host was suspended, and for how long, since its boot. */
	uint64_t suspends, suspended_ns;
};

/* ---- CONTRACT: VMs of its own, which eBPF does not follow ---- */

enum contract_request {
	CONTRACT_CHECK,	       /* KVM_CHECK_EXTENSION of the VM ... */
	CONTRACT_CHECK_SYSTEM, /* ... and of /dev/kvm */
	CONTRACT_ENABLE,       /* KVM_ENABLE_CAP of the VM ... */
	CONTRACT_ENABLE_VCPU,  /* ... and of a vCPU */
};

/* What KVM answered to a request about the capability. */
struct contract_call {
	unsigned int vm;
	enum contract_request request;
	bool has_vcpus; /* the VM had */
	uint32_t flags;
	uint64_t bits;
	int answer; /* of KVM_ENABLE_CAP 0, or a negative error number */
};

struct contract_vm {
	const char *name; /* what it is there for */
	bool has_apic;	  /* KVM's own: its entries differ */
	unsigned int most,
		created; /* vCPUs: as many as KVM allows, and as there are; 0: not tried */
};

/* A vCPU that ran. */
struct contract_vcpu {
	unsigned int vm, id;	/* id: KVM's */
	unsigned int first, nr; /* its entries */
	unsigned int given,
		entries; /* those for the leaves: as the VMM gave them, and as KVM has them */
	uint64_t cpuids; /* executed, at the end */
	bool has_accounted;
	uint64_t accounted; /* exits by KVM's accounting, for the host */
};

struct contract_entry {
	uint32_t function, index;
	bool any_index;
	uint32_t registers[CPUID_NR_REGISTERS];
};

struct contract_read {
	unsigned int vcpu;
	struct cpuid_read read;
	uint64_t others; /* CPUIDs that the other vCPUs of its VM had executed */
};

struct contract_result {
	bool ran;
	char skipped[96];		     /* why it did not */
	const char *no_mode[NR_CPUID_MODES]; /* why there are no reads in it, NULL if there are */
	unsigned int supported; /* entries for the leaves that KVM_GET_SUPPORTED_CPUID has */
	struct contract_call *calls;
	unsigned int nr_calls;
	struct contract_vm *vms;
	unsigned int nr_vms;
	struct contract_vcpu *vcpus;
	unsigned int nr_vcpus;
	struct contract_entry *entries;
	unsigned int nr_entries;
	struct contract_read *reads;
	unsigned int nr_reads;
	/*
	 * 1 + the first of two list_others() by the first vCPU, of which the second ended before one that was to
	 * halt would have been woken; 0: there are none.
	 */
#define CONTRACT_OTHERS 5 /* reads of each */
	unsigned int blocked;
};

/* ---- --leaves: an implementation of the published assignment ---- */

/* A sweep of its leaves, and what eBPF had then of all vCPUs; the others were idle. */
struct published_point {
	unsigned int sweep;
	/* Exits before it: of the vCPU's VM, and of all VMs of this run. */
	uint64_t vm[EXIT_NR_INDICES], all[EXIT_NR_INDICES];
	uint64_t ns_before[EXIT_NR_INDICES], ns_after[EXIT_NR_INDICES]; /* of all VMs */
};

/* Two sweeps by an idle vCPU, and what happened between them. */
enum published_window {
	WINDOW_CPU,  /* its thread was moved to another CPU */
	WINDOW_VCPU, /* another vCPU of its VM worked */
	WINDOW_VM,   /* another VM worked */
	WINDOW_SMP,  /* all vCPUs of its VM worked at once, it too */
	NR_PUBLISHED_WINDOWS,
};

struct published_result {
	struct leaf_numbers leaves;
	struct published_point *points;
	unsigned int nr_points;
	struct {
		bool has;
		unsigned int before, after; /* sweeps */
	} windows[NR_PUBLISHED_WINDOWS];
	/* Sweeps that read numbers whether they are defined or not. */
	unsigned int first_probe, nr_probes;
	/* The largest number that could be read without danger to a host whose KVM does not check it. */
	uint32_t highest;
	bool has_log;
	uint64_t log_lines; /* that the kernel logged meanwhile */
};

#define RESULT_MAX_GIVEN 8

struct result {
	struct host host;
	time_t started;
	double seconds;
	uint64_t seed;
	uint64_t count;		 /* -n, 0: the table's counts */
	bool opt_in;		 /* the VMs asked for the leaves */
	const char *tracer_path; /* "tp_btf" or "tracepoint" */
	struct ec_audit *cpus;	 /* by the number of the CPU */
	unsigned int nr_cpus;
	const char *no_audit; /* why KVM's own account was not compared, NULL if it was */
	bool refused;	      /* it could have been, had the kernel taken the program */
	enum leaves_state leaves;
	struct leaf_discovery discovery;
	/* Ordinary leaves, as the VMM gave them to KVM. */
	struct probe_read given[RESULT_MAX_GIVEN];
	unsigned int nr_given;
	struct result_clock begin, end;
	uint64_t tsc_step; /* of which all readings of the host's TSC are multiples, but for an offset */
	/* The lowest and highest rate of the TSC by CLOCK_MONOTONIC; 0: unknown. */
	double slowest_khz, fastest_khz;
	char next_clocksource[32]; /* the new clock source if it changed, "" otherwise */
	struct result_phase_info phase[NR_PHASES];
	struct result_storm storm;
	struct contract_result contract;
	struct published_result published; /* LEAVES_PUBLISHED */

	struct result_vcpu *vcpus;
	unsigned int nr_vcpus;
	struct result_sweep *sweeps;
	unsigned int nr_sweeps;
	struct probe_read *reads;
	unsigned int nr_reads;
	struct result_workload *workloads;
	unsigned int nr_workloads;
	struct result_time *times;
	unsigned int nr_times;
	struct result_span *spans;
	unsigned int nr_spans;
	struct result_width *widths;
	unsigned int nr_widths;

	struct ec_stats stats;
	bool has_missed; /* the kernel says how many events it skipped */
	uint64_t missed;
	struct ec_mismatch mismatches[EC_MAX_MISMATCHES];
	unsigned int nr_mismatches;
	struct ec_difference differences[EC_MAX_MISMATCHES];
	unsigned int nr_differences;
};

struct result *result_create(void); /* NULL: no memory */
void result_destroy(struct result *result);

/* Append one zeroed (reads: nr of them, copied); NULL or false: no memory. A
 * pointer is valid until the next call. */
struct result_vcpu *result_add_vcpu(struct result *result);
struct result_sweep *result_add_sweep(struct result *result);
struct result_workload *result_add_workload(struct result *result);
struct result_time *result_add_time(struct result *result);
struct result_span *result_add_span(struct result *result);
struct result_width *result_add_width(struct result *result);
struct contract_call *contract_add_call(struct contract_result *contract);
struct contract_vm *contract_add_vm(struct contract_result *contract);
struct contract_vcpu *contract_add_vcpu(struct contract_result *contract);
struct contract_entry *contract_add_entry(struct contract_result *contract);
struct contract_read *contract_add_read(struct contract_result *contract);
struct published_point *published_add_point(struct published_result *published);
bool result_add_reads(struct result *result, const struct probe_read *reads, unsigned int nr);

/* How many vCPUs the VM of that vCPU has. */
unsigned int result_vm_vcpus(const struct result *result, unsigned int vcpu);

/* What eBPF had at a sweep of --leaves, NULL if it is none. */
const struct published_point *published_point(const struct result *result, unsigned int sweep);

/* The read before times[i] of the same reason and vCPU, NULL if there is none. */
const struct result_time *result_time_before(const struct result *result, unsigned int i);

/* The vCPU that has that slot of the tracer, NULL if there is none. */
const struct result_vcpu *result_slot_vcpu(const struct result *result, unsigned int slot);

/* "no exit leaves: kvm.ko is not patched ..."; of LEAVES_PRESENT: "present". */
const char *leaves_state_text(enum leaves_state state);
/* "present", "unpatched", "off" ...: for programs */
const char *leaves_state_id(enum leaves_state state);

const char *phase_id(enum result_phase phase);
const char *storm_kind_name(enum storm_kind kind);

#endif
