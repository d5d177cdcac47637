/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VERSION_H
#define VERSION_H

#define EXITCHECK_VERSION "1.0"

/* "schema_version" of what run, list and an error are written as; and of the other documents. */
#define REPORT_SCHEMA_VERSION 1
#define BENCH_SCHEMA_VERSION 1
#define COMPARISON_SCHEMA_VERSION 2
#define STAT_SCHEMA_VERSION 1
#define INGUEST_SCHEMA_VERSION 1 /* exitcheck-guest --json */

#endif
