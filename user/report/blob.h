/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef REPORT_BLOB_H
#define REPORT_BLOB_H

/* The files that the reports are made with (blob.S): from the name to name_end, no NUL. */
extern const char report_schema[], report_schema_end[];
extern const char bench_schema[], bench_schema_end[];
extern const char comparison_schema[], comparison_schema_end[];
extern const char report_css[], report_css_end[];
extern const char report_js[], report_js_end[];
extern const char chart_js[], chart_js_end[];

#endif
