// SPDX-License-Identifier: GPL-2.0-only
#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "text.h"

#define COLUMNS 100

enum color {
	COLOR_NONE,
	COLOR_BOLD,
	COLOR_DIM,
	COLOR_RED,
	COLOR_GREEN,
	COLOR_YELLOW
};

struct out {
	FILE *to;
	bool color;
};

static const char *color_on(const struct out *out, enum color color)
{
	static const char *const codes[] = {
		[COLOR_NONE] = "",	  [COLOR_BOLD] = "\033[1m",   [COLOR_DIM] = "\033[2m",
		[COLOR_RED] = "\033[31m", [COLOR_GREEN] = "\033[32m", [COLOR_YELLOW] = "\033[33m",
	};

	return out->color ? codes[color] : "";
}

static const char *color_off(const struct out *out, enum color color)
{
	return out->color && color != COLOR_NONE ? "\033[0m" : "";
}

static enum color verdict_color(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		return COLOR_GREEN;
	case VERDICT_FAIL:
		return COLOR_RED;
	case VERDICT_INCONCLUSIVE:
		return COLOR_YELLOW;
	case VERDICT_SKIP:
		break;
	}
	return COLOR_DIM;
}

/* Text from column indent on, broken between words. */
static void wrapped(const struct out *out, int indent, const char *text)
{
	int column = indent;

	for (;;) {
		int word = strcspn(text, " ");

		if (column > indent && column + 1 + word > COLUMNS) {
			fprintf(out->to, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out->to);
			column++;
		}
		fprintf(out->to, "%.*s", word, text);
		column += word;
		text += word;
		if (!*text)
			break;
		text++;
	}
	fputc('\n', out->to);
}

/* ---- header ---- */

static void field(const struct out *out, const char *name, const char *text)
{
	fprintf(out->to, "%s%-11s%s", color_on(out, COLOR_DIM), name, color_off(out, COLOR_DIM));
	wrapped(out, 11, text);
}

static void report_header(const struct out *out, const struct result *result)
{
	static const char *const exit_leaves[] = {
		[EXIT_LEAVES_ABSENT] = "no parameter kvm.exit_leaves",
		[EXIT_LEAVES_OFF] = "kvm.exit_leaves=off",
		[EXIT_LEAVES_OPTIN] = "kvm.exit_leaves=optin",
		[EXIT_LEAVES_ALL] = "kvm.exit_leaves=all",
	};
	const struct host *host = &result->host;
	const struct leaf_discovery *found = &result->discovery;
	char text[256];

	fprintf(out->to, "%sexitcheck %s%s\n\n", color_on(out, COLOR_BOLD), EXITCHECK_VERSION,
		color_off(out, COLOR_BOLD));
	snprintf(text, sizeof(text), "%s; %s; %d online", host->cpu, isa_name(host->isa),
		 host->nr_cpus);
	field(out, "CPU", text);
	snprintf(text, sizeof(text), "%s; %s", host->kernel, exit_leaves[host->exit_leaves]);
	field(out, "kernel", text);
	if (result->leaves == LEAVES_PRESENT)
		snprintf(text, sizeof(text), "ABI %u; %u counters; %s", found->abi_version,
			 found->nr_counters,
			 result->opt_in ? "asked for by the VM" : "not asked for by the VM");
	else
		snprintf(text, sizeof(text), "%s", leaves_state_text(result->leaves));
	field(out, "leaves", text);
	snprintf(text, sizeof(text), "%s kHz%s; clock source %s", text_u64(result->tsc_khz).s,
		 result->leaves != LEAVES_PRESENT	   ? "" :
		 found->features & LEAF_FEATURE_STABLE_TSC ? ", stable" :
							     ", not stable",
		 host->clocksource);
	field(out, "TSC", text);
	snprintf(text, sizeof(text), "%s; events lost: %s", result->witness_path,
		 text_u64(result->stats.no_slot + result->stats.no_map + result->missed).s);
	field(out, "eBPF", text);
	snprintf(text, sizeof(text), "%" PRIu64 " (--seed %" PRIu64 " repeats this run)",
		 result->seed, result->seed);
	field(out, "seed", text);
}

/* ---- table ---- */

enum column {
	COLUMN_EXIT,
	COLUMN_REASON,
	COLUMN_TRUTH,
	COLUMN_LEAF,
	COLUMN_BPF,
	COLUMN_DIFFERENCE,
	COLUMN_LEAF_CYCLES,
	COLUMN_BPF_CYCLES,
	COLUMN_BIAS,
	COLUMN_VERDICT,
	NR_COLUMNS,
};

struct line {
	char cell[NR_COLUMNS][32];
};

static void count_cell(char *cell, bool has, uint64_t value)
{
	snprintf(cell, 32, "%s", has ? text_u64(value).s : "-");
}

static void cycles_cell(char *cell, bool has, double value)
{
	snprintf(cell, 32, "%s",
		 has ? text_i64((int64_t)(value + (value < 0 ? -0.5 : 0.5))).s : "-");
}

static void row_line(const struct result *result, const struct reason_row *row, struct line *line)
{
	static const char *const verdicts[] = {
		[VERDICT_PASS] = "PASS",
		[VERDICT_FAIL] = "FAIL",
		[VERDICT_INCONCLUSIVE] = "?",
		[VERDICT_SKIP] = "-",
	};
	const char *name = exit_name(result->host.isa, row->number);

	snprintf(line->cell[COLUMN_EXIT], 32, "%s", text_exit(result->host.isa, row->number).s);
	snprintf(line->cell[COLUMN_REASON], 32, "%s", name ? name : "");
	snprintf(line->cell[COLUMN_TRUTH], 32, "%s%s",
		 !row->has_truth || row->exact ? "" :
		 row->at_most		       ? "<= " :
						 ">= ",
		 row->has_truth ? text_u64(row->truth).s : "-");
	count_cell(line->cell[COLUMN_LEAF], row->has_leaf, row->leaf);
	count_cell(line->cell[COLUMN_BPF], true, row->bpf);
	snprintf(line->cell[COLUMN_DIFFERENCE], 32, "%s",
		 row->has_leaf || row->exact ? text_i64(row->difference).s : "-");
	cycles_cell(line->cell[COLUMN_LEAF_CYCLES], row->has_leaf_cycles, row->leaf_cycles);
	cycles_cell(line->cell[COLUMN_BPF_CYCLES], row->has_bpf_cycles, row->bpf_cycles);
	cycles_cell(line->cell[COLUMN_BIAS], row->has_leaf_cycles, row->bias);
	snprintf(line->cell[COLUMN_VERDICT], 32, "%s", verdicts[row->verdict]);
}

static void print_line(const struct out *out, const struct line *line, const int *widths,
		       enum color color, enum color verdict)
{
	fputs(color_on(out, color), out->to);
	for (int c = 0; c < NR_COLUMNS; c++) {
		bool left = c == COLUMN_REASON || c == COLUMN_VERDICT;

		if (c)
			fputc(' ', out->to);
		if (c == COLUMN_VERDICT)
			fprintf(out->to, "%s%s%s", color_on(out, verdict), line->cell[c],
				color_off(out, verdict));
		else
			fprintf(out->to, "%*s", left ? -widths[c] : widths[c], line->cell[c]);
	}
	fprintf(out->to, "%s\n", color_off(out, color));
}

static void report_table(const struct out *out, const struct result *result,
			 const struct verdicts *verdicts)
{
	static const struct line head = { {
		"exit",
		"reason",
		"truth",
		"leaf",
		"eBPF",
		"diff",
		"leaf cyc",
		"eBPF cyc",
		"bias",
		"",
	} };
	struct line line;
	int widths[NR_COLUMNS];

	if (!verdicts->nr_rows)
		return;
	for (int c = 0; c < NR_COLUMNS; c++)
		widths[c] = strlen(head.cell[c]);
	for (unsigned int i = 0; i < verdicts->nr_rows; i++) {
		row_line(result, &verdicts->rows[i], &line);
		for (int c = 0; c < NR_COLUMNS; c++)
			if ((int)strlen(line.cell[c]) > widths[c])
				widths[c] = strlen(line.cell[c]);
	}
	/* Room is shared out between the columns, where there is some. */
	for (int total = COLUMN_VERDICT + 4, c = 0; c <= COLUMN_VERDICT; c++) {
		if (c < COLUMN_VERDICT) {
			total += widths[c];
			continue;
		}
		for (int i = COLUMN_TRUTH; i < COLUMN_VERDICT && total < COLUMNS; i++, total++)
			widths[i]++;
	}

	fprintf(out->to, "\nExits of one vCPU by reason, and cycles (cyc) of one exit, mean\n\n");
	print_line(out, &head, widths, COLOR_BOLD, COLOR_NONE);
	for (unsigned int i = 0; i < verdicts->nr_rows; i++) {
		row_line(result, &verdicts->rows[i], &line);
		print_line(out, &line, widths, COLOR_NONE,
			   verdict_color(verdicts->rows[i].verdict));
	}
}

/* ---- workloads and checks ---- */

static void report_unsupported(const struct out *out, const struct result *result)
{
	char text[256];
	bool any = false;

	for (unsigned int i = 0; i < result->nr_workloads; i++) {
		const struct result_workload *workload = &result->workloads[i];

		if (!workload->unsupported)
			continue;
		if (!any)
			fputs("\nWorkloads that did not run\n\n", out->to);
		any = true;
		fprintf(out->to, "%-16s ", workload->workload->name);
		snprintf(text, sizeof(text), "%s", workload->unsupported);
		wrapped(out, 17, text);
	}
}

/* Whether the check is left out for the same reason as another before it. */
static bool is_repeated_skip(const struct verdicts *verdicts, unsigned int i)
{
	const struct check *check = &verdicts->checks[i];

	for (unsigned int j = 0; check->verdict == VERDICT_SKIP && j < i; j++)
		if (verdicts->checks[j].verdict == VERDICT_SKIP &&
		    !strcmp(verdicts->checks[j].evidence, check->evidence))
			return true;
	return false;
}

static void report_checks(const struct out *out, const struct verdicts *verdicts)
{
	int width = 0;

	for (unsigned int i = 0; i < verdicts->nr_checks; i++) {
		int length = strlen(verdict_name(verdicts->checks[i].verdict));

		if (length > width)
			width = length;
	}
	fputs("\nChecks\n\n", out->to);
	for (unsigned int i = 0; i < verdicts->nr_checks; i++) {
		const struct check *check = &verdicts->checks[i];
		enum color color = verdict_color(check->verdict);

		fprintf(out->to, "%s%-*s%s %-9s ", color_on(out, color), width,
			verdict_name(check->verdict), color_off(out, color), check_name(check->id));
		wrapped(out, width + 11,
			is_repeated_skip(verdicts, i) ? "likewise" : check->evidence);
		for (unsigned int e = 0; e < check->nr_examples; e++) {
			fprintf(out->to, "%*s", width + 11, "");
			wrapped(out, width + 13, check->examples[e]);
		}
	}
}

/* What is likely behind the failures; where nothing known fits, that is said. */
static void report_diagnoses(const struct out *out, const struct verdicts *verdicts)
{
	static const enum color colors[] = {
		[CONFIDENCE_CERTAIN] = COLOR_BOLD,
		[CONFIDENCE_LIKELY] = COLOR_BOLD,
		[CONFIDENCE_POSSIBLE] = COLOR_NONE,
	};

	if (verdicts->status != STATUS_MISMATCH)
		return;
	fputs("\nDiagnoses\n\n", out->to);
	if (!verdicts->nr_diagnoses)
		wrapped(out, 0,
			"None: what the checks found is not the pattern of a defect that is known.");
	for (unsigned int i = 0; i < verdicts->nr_diagnoses; i++) {
		const struct diagnosis *diagnosis = &verdicts->diagnoses[i];
		enum color color = colors[diagnosis->confidence];

		fprintf(out->to, "%-8s %s%s%s\n%9s", confidence_name(diagnosis->confidence),
			color_on(out, color), diagnosis_name(diagnosis->id), color_off(out, color),
			"");
		wrapped(out, 9, diagnosis->shows);
		fprintf(out->to, "%9s", "");
		wrapped(out, 9, diagnosis->where);
	}
}

void report_text(FILE *to, const struct result *result, const struct verdicts *verdicts, bool color)
{
	const struct out out = { .to = to, .color = color };
	size_t word = strcspn(verdicts->closing, ":");
	enum color closing = verdicts->status == STATUS_PASS	 ? COLOR_GREEN :
			     verdicts->status == STATUS_MISMATCH ? COLOR_RED :
								   COLOR_YELLOW;

	report_header(&out, result);
	report_table(&out, result, verdicts);
	report_unsupported(&out, result);
	report_checks(&out, verdicts);
	report_diagnoses(&out, verdicts);
	fprintf(to, "\n%s%.*s%s%s\n", color_on(&out, closing), (int)word, verdicts->closing,
		color_off(&out, closing), verdicts->closing + word);
}

/* ---- list ---- */

struct exit_cell {
	char s[40];
};

static struct exit_cell exit_cell(const struct workload *workload, enum exit_isa isa)
{
	int64_t number = workload_exit(workload, isa);
	const char *name = number < 0 ? NULL : exit_name(isa, number);
	struct exit_cell cell;

	if (number < 0)
		snprintf(cell.s, sizeof(cell.s), number == WORKLOAD_NONE ? "-" : "no exit");
	else
		snprintf(cell.s, sizeof(cell.s), "%s %s", text_exit(isa, number).s,
			 name ? name : "");
	return cell;
}

void report_list_text(FILE *to)
{
	const struct out out = { .to = to };
	int name = 8, svm = 3, vmx = 3;

	for (unsigned int i = 0; i < nr_workloads; i++) {
		int length = strlen(workloads[i].name);

		name = length > name ? length : name;
		length = strlen(exit_cell(&workloads[i], EXIT_ISA_SVM).s);
		svm = length > svm ? length : svm;
		length = strlen(exit_cell(&workloads[i], EXIT_ISA_VMX).s);
		vmx = length > vmx ? length : vmx;
	}
	fprintf(to, "%-*s  %-*s  %-*s  %s\n", name, "workload", svm, "SVM", vmx, "VMX",
		"what the guest executes");
	for (unsigned int i = 0; i < nr_workloads; i++) {
		const struct workload *workload = &workloads[i];
		int indent = name + svm + vmx + 6;
		char text[256];

		fprintf(to, "%-*s  %-*s  %-*s  ", name, workload->name, svm,
			exit_cell(workload, EXIT_ISA_SVM).s, vmx,
			exit_cell(workload, EXIT_ISA_VMX).s);
		snprintf(text, sizeof(text), "%s%s%s%s", workload->help, workload->why ? " (" : "",
			 workload->why ? workload->why : "", workload->why ? ")" : "");
		wrapped(&out, indent, text);
	}
}
