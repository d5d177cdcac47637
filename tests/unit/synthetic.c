// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the report of a synthetic run, or bench, as JSON:
 * synthetic pass|fail|lost|unpatched|comparison svm|vmx, synthetic bench svm
 */
#include "compare/compare.h"
#include "compare/document.h"
#include "judge/document.h"
#include "judge/judge.h"
#include "report/render.h"
#include "synthetic.h"
#include "synthetic_bench.h"
#include "util/array.h"

/* Four runs that pass with four that fail. */
static json_t *synthetic_comparison(json_t *pass, json_t *fail)
{
	json_t *const passed[] = { pass, pass, pass, pass }, *const failed[] = { fail, fail, fail,
										 fail };
	const char *const names[] = { "1.json", "2.json", "3.json", "4.json" };
	const struct compare_side a = { passed, names, 4 }, b = { failed, names, 4 };
	struct comparison *comparison;
	struct error err;
	json_t *document;

	if (compare_documents(&a, &b, 5, &comparison, &err))
		return NULL;
	document = compare_document(comparison);
	compare_destroy(comparison);
	json_decref(pass);
	json_decref(fail);
	return document;
}

static json_t *synthetic_document(enum exit_isa isa, enum leaves_state leaves, enum defect defect)
{
	static struct verdicts verdicts;
	struct result *result = synthetic_run(isa, leaves, defect);
	json_t *document;

	judge_result(result, &verdicts);
	document = run_document(result, &verdicts);
	result_destroy(result);
	return document;
}

static int print(json_t *document)
{
	if (!document)
		return 3;
	report_json(stdout, document);
	json_decref(document);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		enum leaves_state leaves;
		enum defect defect;
	} runs[] = {
		{ "pass", LEAVES_PRESENT, DEFECT_NONE },
		{ "fail", LEAVES_PRESENT, DEFECT_DOUBLE_COUNT },
		{ "lost", LEAVES_PRESENT, DEFECT_BPF_LOSES },
		{ "unpatched", LEAVES_UNPATCHED, DEFECT_NONE },
	};
	const enum exit_isa isa = argc == 3 && !strcmp(argv[2], "vmx") ? EXIT_ISA_VMX :
									 EXIT_ISA_SVM;

	for (unsigned int i = 0; argc == 3 && i < NR(runs); i++)
		if (!strcmp(runs[i].name, argv[1]))
			return print(synthetic_document(isa, runs[i].leaves, runs[i].defect));
	if (argc == 3 && !strcmp(argv[1], "bench") && !strcmp(argv[2], "svm"))
		return print(synthetic_bench_document());
	if (argc == 3 && !strcmp(argv[1], "comparison"))
		return print(synthetic_comparison(
			synthetic_document(isa, LEAVES_PRESENT, DEFECT_NONE),
			synthetic_document(isa, LEAVES_PRESENT, DEFECT_UNIT_NS)));
	fprintf(stderr,
		"usage: synthetic pass|fail|lost|unpatched|comparison svm|vmx, or bench svm\n");
	return 2;
}
