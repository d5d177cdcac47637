// SPDX-License-Identifier: GPL-2.0-only
#include "list.h"

#include <jansson.h>
#include <string.h>

#include "kvm/exits.h"
#include "kvm/workload.h"
#include "util/json.h"
#include "util/text.h"
#include "util/version.h"

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

void list_text(FILE *to)
{
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
		text_wrapped(to, indent, text);
	}
}

static json_t *list_exit_json(const struct workload *workload, enum exit_isa isa)
{
	int64_t exit = workload_exit(workload, isa);

	if (exit == WORKLOAD_NONE)
		return json_null();
	if (exit == WORKLOAD_NO_EXIT)
		return json_pack("{s:n, s:n}", "number", "name");
	return json_pack("{s:I, s:o}", "number", (json_int_t)exit, "name",
			 json_string_or_null(exit_name(isa, exit)));
}

char *list_json(void)
{
	static const char *const truths[] = {
		[TRUTH_EXACT] = "exact",
		[TRUTH_AT_LEAST] = "at-least",
		[TRUTH_AT_MOST] = "at-most",
	};
	json_t *list = json_array(), *root;
	char *text;

	for (unsigned int i = 0; i < nr_workloads; i++) {
		const struct workload *workload = &workloads[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:s, s:i, s:o}", "name",
						      workload->name, "help", workload->help, "svm",
						      list_exit_json(workload, EXIT_ISA_SVM), "vmx",
						      list_exit_json(workload, EXIT_ISA_VMX),
						      "truth", truths[workload->truth], "count",
						      (int)workload->count, "why",
						      json_string_or_null(workload->why)));
	}
	root = json_pack("{s:i, s:o}", "schema_version", REPORT_SCHEMA_VERSION, "workloads", list);
	text = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	json_decref(root);
	return text;
}
