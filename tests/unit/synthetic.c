// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the report of a synthetic run, or bench, as JSON:
 * synthetic pass|fail|lost|unpatched svm|vmx, synthetic bench svm
 */
#include "judge/document.h"
#include "judge/judge.h"
#include "report/render.h"
#include "synthetic.h"
#include "synthetic_bench.h"
#include "util/array.h"

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
	static struct verdicts verdicts;

	for (unsigned int i = 0; argc == 3 && i < NR(runs); i++) {
		enum exit_isa isa = strcmp(argv[2], "svm") ? EXIT_ISA_VMX : EXIT_ISA_SVM;
		struct result *result;
		json_t *document;

		if (strcmp(runs[i].name, argv[1]))
			continue;
		result = synthetic_run(isa, runs[i].leaves, runs[i].defect);
		judge_result(result, &verdicts);
		document = run_document(result, &verdicts);
		result_destroy(result);
		return print(document);
	}
	if (argc == 3 && !strcmp(argv[1], "bench") && !strcmp(argv[2], "svm"))
		return print(synthetic_bench_document());
	fprintf(stderr, "usage: synthetic pass|fail|lost|unpatched svm|vmx, or bench svm\n");
	return 2;
}
