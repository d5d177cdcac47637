/* SPDX-License-Identifier: GPL-2.0-only */

	.macro blob name, file
	.globl \name, \name\()_end
\name:
	.incbin "\file"
\name\()_end:
	.endm

	.section .rodata
	blob report_schema, report.schema.json

	.section .note.GNU-stack, "", @progbits
