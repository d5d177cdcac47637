// SPDX-License-Identifier: GPL-2.0-only
/* Implementations of the assignment, made up: each defect is found, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "document.h"
#include "kvm/assignment.h"
#include "kvm/exits.h"
#include "report/blob.h"
#include "report/plain.h"
#include "util/array.h"

#define KHZ 2000000
#define GUEST 30000 /* cycles in the guest between two exits */
#define NR_VCPUS 4  /* the first is alone, the next two are of one VM, the last one is idle */
#define BIAS 400    /* cycles by which eBPF's window is longer */

/* What is wrong with it, in bits. */
enum {
	F_HOST_WIDE = 1 << 0,
	F_LOSES = 1 << 1,    /* every third update with several vCPUs */
	F_FASTPATH = 1 << 2, /* WRMSR is counted half of the time */
	F_ZEROS = 1 << 3,    /* for numbers that are not defined */
	F_LEFT = 1 << 4,     /* EBX has something */
	F_BEYOND = 1 << 5,   /* the index is not checked */
	F_STOPS_EARLY = 1 << 6,
	F_HANDLER = 1 << 7,
	F_NO_TOTAL = 1 << 8, /* of cycles */
	F_DOUBLE = 1 << 9,
	F_NEVER = 1 << 10, /* nothing is counted */
	F_SWAPPED = 1 << 11,
	F_PER_CPU = 1 << 12,
	F_NS = 1 << 13,
	F_GUEST = 1 << 14, /* its time, too */
	F_PER_VCPU = 1 << 15,
	F_OTHER_VM = 1 << 17, /* one that is none of the run's, between two reads */
	F_RACE = 1 << 16,     /* vCPUs get each other's answers */
	F_EARLY = 1 << 18,    /* its clock begins before eBPF's */
	F_SHORT = 1 << 19,    /* no fault: a run that was too short for several commands */
	F_BUSY = 1 << 20,     /* none either: the host is mostly late in F_HANDLER's own part */
	F_STRAYS = 1 << 21,   /* nor this: one of several vCPUs leaves a CPU that has many cycles */
};

static struct {
	struct result *result;
	unsigned int faults, bound; /* 0: by the manual */
	uint64_t executed[NR_VCPUS][PROBE_NR_OPS];
	/* By vCPU; the counters that a leaf shows are sums. */
	uint64_t exits[NR_VCPUS][EXIT_NR_INDICES], cycles[NR_VCPUS][EXIT_NR_INDICES];
	bool away;   /* vCPU 0 was moved */
	bool stray;  /* vCPU 1 was */
	bool others; /* several run */
	uint64_t turn;
} f;

static unsigned int index_of(enum probe_op op)
{
	return op_exit_index(f.result->host.isa, op);
}

static uint64_t length_of(enum probe_op op)
{
	return op == PROBE_HLT ? 400000 : op == PROBE_OUT ? 200000 : 20000 + 100 * op;
}

/* An exit of a vCPU, by eBPF and by the implementation. */
static void take(unsigned int v, enum probe_op op)
{
	const unsigned int i = index_of(op);
	struct ec_reason *reason = &f.result->vcpus[v].bpf.reason[i];
	uint64_t took = length_of(op), counts = 1;

	f.executed[v][op]++;
	f.turn++;
	reason->count++;
	reason->timed++;
	reason->ns += (took + BIAS) * 1000000 / KHZ;
	f.result->vcpus[v].bpf.count++;
	f.result->vcpus[v].stat_exits++;
	if (f.faults & F_NEVER || (f.faults & F_FASTPATH && op == PROBE_WRMSR && f.turn % 2) ||
	    (f.faults & F_LOSES && f.others && f.turn % 3 == 0))
		counts = 0;
	f.exits[v][i] += f.faults & F_DOUBLE ? 2 * counts : counts;
	/* One is preempted in between. */
	if (f.faults & F_STOPS_EARLY)
		took = op == PROBE_RDMSR && f.turn % 64 == 0 ? 100000 : 150;
	if (f.faults & F_HANDLER)
		took = op == PROBE_HLT ? 9000 : f.faults & F_BUSY ? took / 10 * 9 : took / 2;
	if (f.faults & F_NS)
		took = took * 1000000 / KHZ;
	if (f.faults & F_GUEST)
		took += GUEST;
	if (f.faults & F_EARLY)
		took += 2 * BIAS;
	f.cycles[v][i] += took * counts;
}

static uint64_t sum(uint64_t (*of)[EXIT_NR_INDICES], unsigned int v, unsigned int index)
{
	const bool all = index == EXIT_INDEX_OTHER;
	uint64_t total = 0;

	for (unsigned int u = 0; u < NR_VCPUS; u++) {
		if (f.faults & F_PER_VCPU ? u != v :
					    f.result->vcpus[u].vm != f.result->vcpus[v].vm &&
						    !(f.faults & F_HOST_WIDE))
			continue;
		for (unsigned int i = all ? 0 : index; i < (all ? EXIT_NR_INDICES : index + 1); i++)
			total += of[u][i];
	}
	if (f.faults & F_OTHER_VM && f.faults & F_HOST_WIDE &&
	    (all || index == index_of(PROBE_CPUID)))
		total += f.turn * (of == f.exits ? 1 : 90000);
	return f.faults & F_PER_CPU && f.away ? total / 4 : total;
}

static bool refuses(uint32_t number)
{
	if (f.faults & F_BEYOND)
		return false;
	if (f.bound)
		return number >= f.bound;
	return exit_index(f.result->host.isa, number) == EXIT_INDEX_OTHER;
}

static void answer(unsigned int v, struct probe_read *read)
{
	const struct leaf_numbers *leaves = &f.result->published.leaves;
	const bool total = read->function == leaves->total_exits ||
			   read->function == leaves->total_cycles;
	unsigned int index = exit_index(f.result->host.isa, read->index);
	uint64_t cycles;

	read->eax = read->ebx = read->ecx = read->edx = 0;
	if (total)
		index = EXIT_INDEX_OTHER;
	else if (refuses(read->index) && !(f.faults & F_ZEROS))
		read->edx = LEAF_UNDEFINED;
	if (!total && index == EXIT_INDEX_OTHER) {
		read->eax = f.faults & F_BEYOND && read->function == leaves->exits ? 0x1234 : 0;
		read->ebx = f.faults & F_LEFT ? 0xffff8881 : 0;
		return;
	}
	if (!total && refuses(read->index))
		return;
	if (read->function == leaves->exits || read->function == leaves->total_exits) {
		read->eax = sum(f.exits, v, index);
		return;
	}
	cycles = sum(f.cycles, v, index);
	if (total && f.faults & F_NO_TOTAL)
		cycles /= 3;
	if (total && f.faults & F_STRAYS && v == 1 && !f.stray)
		cycles |= 0x90000000;
	read->ebx = f.faults & F_SWAPPED ? cycles : cycles >> 32;
	read->ecx = f.faults & F_SWAPPED ? cycles >> 32 : cycles;
}

static void add_up(unsigned int v, struct published_point *point, uint64_t *ns)
{
	for (unsigned int u = 0; u < f.result->nr_vcpus; u++) {
		for (unsigned int i = 0; i < EXIT_NR_INDICES; i++) {
			const struct ec_reason *reason = &f.result->vcpus[u].bpf.reason[i];

			ns[i] += reason->ns;
			point->all[i] += reason->count;
			if (f.result->vcpus[u].vm == f.result->vcpus[v].vm)
				point->vm[i] += reason->count;
		}
	}
}

static unsigned int sweep(unsigned int v, struct probe_read *reads, unsigned int nr,
			  enum sweep_kind kind, bool concurrent)
{
	struct result_sweep *sweep = result_add_sweep(f.result);
	struct published_point *point = published_add_point(&f.result->published), ignored;
	const unsigned int number = f.result->nr_sweeps - 1;

	*sweep = (struct result_sweep){ .vcpu = v, .workload = -1, .kind = kind };
	sweep->concurrent = concurrent;
	sweep->first_read = f.result->nr_reads;
	sweep->nr_reads = nr;
	point->sweep = number;
	memcpy(sweep->before, f.executed[v], sizeof(sweep->before));
	add_up(v, point, point->ns_before);
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++)
		sweep->bpf_before[i] = f.result->vcpus[v].bpf.reason[i].count;
	for (unsigned int i = 0; i < nr; i++) {
		take(v, PROBE_CPUID);
		reads[i].cpuids = f.executed[v][PROBE_CPUID];
		answer(v, &reads[i]);
		if (f.faults & F_RACE && concurrent && i % 2 == 0)
			reads[i].eax = 7;
	}
	take(v, PROBE_OUT);
	memcpy(sweep->after, f.executed[v], sizeof(sweep->after));
	for (unsigned int i = 0; i < EXIT_NR_INDICES; i++)
		sweep->bpf_after[i] = f.result->vcpus[v].bpf.reason[i].count;
	memset(&ignored, 0, sizeof(ignored));
	add_up(v, &ignored, point->ns_after);
	assert_true(result_add_reads(f.result, reads, nr));
	return number;
}

static void list_number(struct probe_read *reads, unsigned int *nr, uint32_t number)
{
	const struct leaf_numbers *leaves = &f.result->published.leaves;

	reads[(*nr)++] = (struct probe_read){ .function = leaves->exits, .index = number };
	if (leaves->cycles)
		reads[(*nr)++] = (struct probe_read){ .function = leaves->cycles, .index = number };
}

static unsigned int full(unsigned int v)
{
	const struct leaf_numbers *leaves = &f.result->published.leaves;
	static struct probe_read reads[1024];
	unsigned int nr = 0, number;

	for (int end = 0; end < 2; end++) {
		reads[nr++] = (struct probe_read){ .function = leaves->total_exits };
		reads[nr++] = (struct probe_read){ .function = leaves->total_cycles };
		for (unsigned int i = 0; !end && exit_number(f.result->host.isa, i, &number); i++)
			if (number <= f.result->published.highest)
				list_number(reads, &nr, number);
	}
	return sweep(v, reads, nr, SWEEP_FULL, false);
}

static void work(unsigned int v, unsigned int n)
{
	static const enum probe_op ops[] = { PROBE_CPUID, PROBE_OUT, PROBE_WRMSR, PROBE_HLT };

	for (unsigned int i = 0; i < n; i++)
		for (unsigned int op = 0; op < NR(ops); op++)
			take(v, ops[op]);
}

static void window(enum published_window which, unsigned int before, unsigned int after)
{
	f.result->published.windows[which].has = true;
	f.result->published.windows[which].before = before;
	f.result->published.windows[which].after = after;
}

static void single(void)
{
	static struct probe_read reads[512];
	unsigned int nr = 0, before;

	for (uint32_t number = 0; number <= 0xff; number++)
		list_number(reads, &nr, number);
	f.result->published.first_probe = sweep(0, reads, nr, SWEEP_SOME, false);
	f.result->published.nr_probes = 1;
	before = full(0);
	for (unsigned int w = 0; w < nr_workloads; w++) {
		static const enum probe_op ops[] = { PROBE_CPUID, PROBE_OUT, PROBE_RDMSR,
						     PROBE_WRMSR, PROBE_HLT, PROBE_HYPERCALL };
		struct result_workload *workload;
		bool run = false;

		for (unsigned int i = 0; i < NR(ops); i++)
			run |= workloads[w].op == ops[i];
		if (!run)
			continue;
		workload = result_add_workload(f.result);
		workload->workload = &workloads[w];
		workload->count = 101;
		workload->index = index_of(workloads[w].op);
		workload->before = before;
		for (unsigned int i = 0; i < 101; i++)
			take(0, workloads[w].op);
		before = full(0);
		f.result->workloads[f.result->nr_workloads - 1].after = before;
	}
	for (unsigned int i = 0; i < 1000; i++)
		take(0, PROBE_RDMSR);
	before = full(0);
	f.away = true;
	window(WINDOW_CPU, before, full(0));
	f.away = false;
}

static void several(void)
{
	const unsigned int cpuid = f.result->host.isa == EXIT_ISA_SVM ? 0x72 : 10;
	static struct probe_read reads[64];
	unsigned int nr = 0, before = full(1);

	f.stray = true;
	work(2, 80);
	window(WINDOW_VCPU, before, full(1));
	before = f.result->nr_sweeps - 1;
	f.others = true;
	for (unsigned int i = 0; i < 8; i++)
		list_number(reads, &nr, i % 2 ? 2 : cpuid);
	sweep(1, reads, nr, SWEEP_SOME, true);
	work(1, 60);
	work(2, 60);
	f.others = false;
	window(WINDOW_SMP, before, full(1));
	before = full(3);
	work(1, 90);
	window(WINDOW_VM, before, full(3));
}

/* A command as the guest's own clock has it. */
static void span(void)
{
	struct result_span *span = result_add_span(f.result);
	const uint64_t took = length_of(PROBE_CPUID), exits = 100;

	*span = (struct result_span){
		.op = PROBE_CPUID,
		.exits = exits,
		.covered = exits * (took + (f.faults & F_GUEST ? GUEST : 0)),
		.elapsed = exits * (took + GUEST),
		.steady = exits * (took + GUEST),
		.until_read = (exits + 1) * (took + GUEST),
	};
}

/* A VM of one vCPU, and one of two, on a kernel. */
static json_t *document_on(const char *kernel, enum exit_isa isa, unsigned int faults,
			   unsigned int bound)
{
	struct result *result = result_create();
	json_t *root;

	memset(&f, 0, sizeof(f));
	f.result = result;
	f.faults = faults;
	f.bound = bound;
	result->host = (struct host){ .isa = isa, .tsc_khz = KHZ, .nr_cpus = 2 };
	snprintf(result->host.kernel, sizeof(result->host.kernel), "%s", kernel);
	result->tracer_path = "tp_btf";
	result->leaves = LEAVES_PUBLISHED;
	result->published.highest = faults & (F_ZEROS | F_LEFT | F_BEYOND) ? 0xff : UINT32_MAX;
	result->published.leaves = (struct leaf_numbers){ LEAF_EXITS, LEAF_CYCLES, LEAF_TOTAL_EXITS,
							  LEAF_TOTAL_CYCLES };
	for (unsigned int v = 0; v < NR_VCPUS; v++) {
		struct result_vcpu *vcpu = result_add_vcpu(result);

		vcpu->phase = !v ? PHASE_SINGLE : v == 3 ? PHASE_ISOLATION : PHASE_SMP;
		vcpu->vm = !v ? 1 : v == 3 ? 3 : 2;
		vcpu->id = v == 2;
		vcpu->has_stat = true;
	}
	single();
	for (int i = 0; i < (faults & F_SHORT ? 1 : 3); i++)
		span();
	several();
	result->stats.foreign = faults & F_OTHER_VM ? 200 * f.turn : 0;
	root = document_of_result(result);
	result_destroy(result);
	assert_fits(root);
	return root;
}

static json_t *document(enum exit_isa isa, unsigned int faults, unsigned int bound)
{
	return document_on("6.12.0", isa, faults, bound);
}

static const char *names(const json_t *root, const char *member)
{
	static char text[256];
	const json_t *finding;
	size_t i, n = 0;

	text[0] = '\0';
	json_array_foreach(json_object_get(json_object_get(root, "published"), member), i, finding)
		n += snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
			      json_string_value(json_object_get(finding, "name")));
	return text;
}

static void expect(enum exit_isa isa, unsigned int faults, unsigned int bound, const char *defects)
{
	json_t *root = document(isa, faults, bound), *summary = json_object_get(root, "summary");
	const char *found = names(root, "defects");

	if (strcmp(found, defects)) {
		report_text(stderr, root, false);
		fail_msg("faults %x, bound %u: \"%s\" instead of \"%s\"", faults, bound, found,
			 defects);
	}
	assert_string_equal(json_string_value(json_object_get(summary, "verdict")),
			    *defects ? "FAIL" : "PASS");
	json_decref(root);
}

static void a_right_one_passes(void **state)
{
	(void)state;
	for (int isa = EXIT_ISA_VMX; isa <= EXIT_ISA_SVM; isa++) {
		expect(isa, 0, 0, "");
		expect(isa, F_HOST_WIDE, 0, "");
		expect(isa, F_HANDLER, 0, "");
	}
}

static void every_defect_is_found(void **state)
{
	static const struct {
		unsigned int faults;
		const char *defects;
	} cases[] = {
		{ F_LOSES, "lost-update" },
		{ F_FASTPATH, "missed-fastpath" },
		{ F_ZEROS, "undefined-contract" },
		{ F_LEFT, "uninitialised-register" },
		{ F_BEYOND, "out-of-bounds" },
		{ F_STOPS_EARLY, "clock-stops-early" },
		{ F_NO_TOTAL, "wrong-cycle-total" },
		{ F_DOUBLE, "double-count" },
		{ F_NEVER, "not-counted" },
		{ F_PER_CPU, "per-cpu-split" },
		{ F_PER_CPU | F_STRAYS, "per-cpu-split" },
		{ F_PER_VCPU, "per-vcpu" },
		{ F_GUEST, "includes-guest" },
		{ F_NS, "unit" },
		{ F_RACE, "shared-state" },
	};

	(void)state;
	for (unsigned int i = 0; i < NR(cases); i++)
		expect(EXIT_ISA_SVM, cases[i].faults, 0, cases[i].defects);
}

/* One does not hide another, whatever the scope is. */
static void all_of_them_at_once(void **state)
{
	(void)state;
	expect(EXIT_ISA_VMX, F_HOST_WIDE | F_LOSES | F_FASTPATH | F_ZEROS | F_STOPS_EARLY, 0,
	       "lost-update missed-fastpath clock-stops-early undefined-contract");
	expect(EXIT_ISA_SVM, F_HOST_WIDE | F_LOSES | F_HANDLER | F_LEFT, 0,
	       "lost-update uninitialised-register");
}

/* What an edition of the manual ends at is right, where that edition is not too old. */
static void bounds(void **state)
{
	(void)state;
	expect(EXIT_ISA_VMX, 0, 65, "undefined-contract defined-refused");
	expect(EXIT_ISA_VMX, 0, 69, "undefined-contract defined-refused");
	expect(EXIT_ISA_VMX, 0, 70, "undefined-contract");
	expect(EXIT_ISA_VMX, 0, 76, "undefined-contract");
	/* Intel's numbers on AMD. */
	expect(EXIT_ISA_SVM, 0, 70, "defined-refused");
}

static void what_is_open_is_a_remark(void **state)
{
	json_t *root = document(EXIT_ISA_VMX, F_HOST_WIDE | F_HANDLER, 70);

	(void)state;
	assert_string_equal(names(root, "remarks"),
			    "scope handler-only counts-of-32-bits later-edition");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(root, "published"), "scope")),
		"host");
	json_decref(root);
	root = document(EXIT_ISA_SVM, F_HANDLER | F_BUSY, 0);
	assert_string_equal(names(root, "remarks"), "scope handler-only counts-of-32-bits");
	json_decref(root);
}

/* On an old kernel's SVM eBPF's clock begins after another's. */
static void an_early_clock_is_right_where_ebpf_is_late(void **state)
{
	json_t *root = document_on("5.10.262-1", EXIT_ISA_SVM, F_EARLY, 0);

	(void)state;
	assert_string_equal(names(root, "defects"), "");
	assert_string_equal(names(root, "remarks"), "scope counts-of-32-bits late-tracepoint");
	json_decref(root);
	root = document_on("5.10.262-1", EXIT_ISA_SVM, F_GUEST, 0);
	assert_string_equal(names(root, "defects"), "includes-guest");
	json_decref(root);
	/* One command alone may have been disturbed. */
	root = document_on("5.10.262-1", EXIT_ISA_SVM, F_GUEST | F_SHORT, 0);
	assert_string_equal(names(root, "defects"), "");
	json_decref(root);
	root = document_on("5.10.262-1", EXIT_ISA_VMX, F_EARLY, 0);
	assert_string_equal(names(root, "defects"), "includes-guest");
	json_decref(root);
	expect(EXIT_ISA_SVM, F_EARLY, 0, "includes-guest");
}

/* Too many exits or cycles may be another VM's: no defect, but no proof either. */
static void other_vms_are_not_held_against_it(void **state)
{
	json_t *root = document(EXIT_ISA_SVM, F_HOST_WIDE | F_OTHER_VM, 0);
	const json_t *summary = json_object_get(root, "summary");

	(void)state;
	assert_string_equal(names(root, "defects"), "");
	assert_string_equal(names(root, "remarks"), "scope counts-of-32-bits other-vms");
	assert_string_equal(json_string_value(json_object_get(summary, "verdict")), "INCONCLUSIVE");
	json_decref(root);
	/* Counters of the VM's own do not have them. */
	expect(EXIT_ISA_SVM, F_OTHER_VM, 0, "");
}

/* With their points, and where to look. */
static void every_form_has_them(void **state)
{
	json_t *root = document(EXIT_ISA_SVM, F_LOSES, 0);
	static const enum report_form forms[] = { REPORT_TEXT, REPORT_MARKDOWN, REPORT_JUNIT,
						  REPORT_HTML };

	(void)state;
	for (unsigned int i = 0; i < NR(forms); i++) {
		char *text = form_of(root, forms[i]);

		assert_non_null(strstr(text, "lost-update"));
		assert_non_null(strstr(text, "2 of 6 points: EXITS, ALL-EXITS"));
		assert_non_null(strstr(text, "atomic64\\_inc") ?: strstr(text, "atomic64_inc"));
		free(text);
	}
	json_decref(root);
}

/* The schema lists exactly the names that exist. */
static void the_schema_has_every_finding(void **state)
{
	static const char *const path[] = { "$defs",	  "findings", "items",
					    "properties", "name",     "examples" };
	json_t *schema = json_loadb(report_schema, report_schema_end - report_schema, 0, NULL);
	json_t *node = schema, *name;
	size_t i;

	(void)state;
	for (i = 0; i < NR(path); i++)
		node = json_object_get(node, path[i]);
	assert_int_equal(json_array_size(node), NR_FINDINGS);
	json_array_foreach(node, i, name)
		assert_string_equal(json_string_value(name), finding_name(i));
	json_decref(schema);
}

static void numbers_that_the_assignment_defines(void **state)
{
	(void)state;
	assert_int_equal(assigned_number(EXIT_ISA_VMX, 69), ASSIGNED_DEFINED);
	assert_int_equal(assigned_number(EXIT_ISA_VMX, 70), ASSIGNED_OPEN);
	assert_int_equal(assigned_number(EXIT_ISA_VMX, 35), ASSIGNED_UNDEFINED);
	assert_int_equal(assigned_number(EXIT_ISA_SVM, 0x400), ASSIGNED_DEFINED);
	assert_int_equal(assigned_number(EXIT_ISA_SVM, 0x80000001), ASSIGNED_OPEN);
	assert_int_equal(assigned_number(EXIT_ISA_SVM, 0xff), ASSIGNED_UNDEFINED);
	for (unsigned int n = 0; n < 256; n++) {
		if (assigned_never_enabled(EXIT_ISA_VMX, n))
			assert_int_equal(assigned_number(EXIT_ISA_VMX, n), ASSIGNED_DEFINED);
		if (assigned_never_enabled(EXIT_ISA_SVM, n))
			assert_int_equal(assigned_number(EXIT_ISA_SVM, n), ASSIGNED_DEFINED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_right_one_passes),
		cmocka_unit_test(every_defect_is_found),
		cmocka_unit_test(all_of_them_at_once),
		cmocka_unit_test(bounds),
		cmocka_unit_test(what_is_open_is_a_remark),
		cmocka_unit_test(an_early_clock_is_right_where_ebpf_is_late),
		cmocka_unit_test(other_vms_are_not_held_against_it),
		cmocka_unit_test(every_form_has_them),
		cmocka_unit_test(the_schema_has_every_finding),
		cmocka_unit_test(numbers_that_the_assignment_defines),
	};

	return cmocka_run_group_tests_name("the assignment", tests, NULL, NULL);
}
