/* SPDX-License-Identifier: GPL-2.0-only */

	.macro blob name, file
	.globl \name, \name\()_end
\name:
	.incbin "\file"
\name\()_end:
	.endm

	.section .rodata
	blob report_schema, report/report.schema.json
	blob bench_schema, report/bench.schema.json
	blob comparison_schema, report/comparison.schema.json
	blob report_css, report/report.css
	blob report_js, report/report.js
	blob chart_js, chart.min.js /* Chart.js */

	.section .note.GNU-stack, "", @progbits
