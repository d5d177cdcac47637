/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/bench.h"
#include "util/error.h"
#include "kvm/test_vm.h"
#include "tracer/tracer.h"
#include "kvm/workload.h"

#define EXITCHECK_VERSION "0.1"

/* "schema_version" of what run, list and an error are written as; and of the other documents. */
#define REPORT_SCHEMA_VERSION 1
#define BENCH_SCHEMA_VERSION 1
#define COMPARISON_SCHEMA_VERSION 1

#define OPTIONS_MAX_WORKLOADS 128
#define OPTIONS_MAX_SECONDS 604800 /* a week */

enum report_form {
	REPORT_TEXT,
	REPORT_JSON,
	REPORT_MARKDOWN,
	REPORT_JUNIT,
	REPORT_HTML,
};

#define NR_REPORT_FORMS (REPORT_HTML + 1)

/* What a command was asked to do. */
struct options {
	bool help;
	/* -w, in the order of the table; nr_workloads == 0: all of them */
	bool workload[OPTIONS_MAX_WORKLOADS];
	unsigned int nr_workloads;
	uint64_t count;	    /* -n, 0: each workload's own */
	unsigned int vcpus; /* of the VM with several; of each VM of a bench */
	uint64_t smp_exits; /* of that VM, 0: the default, scaled down with count */
	bool has_seed;
	uint64_t seed;
	enum tracer_path path;
	bool opt_in;
	bool color;
	/* Where a form of the report goes: a file, "-" is stdout, NULL if it is not asked for */
	const char *write[NR_REPORT_FORMS];
	/* Of watch. */
	unsigned int seconds; /* 0: until asked to stop */
	char **command;	      /* NULL: none */
	/* bench: --observer, in the order of the table; nr_observers == 0: all of them */
	bool observer[BENCH_MAX_OBSERVERS];
	unsigned int nr_observers;
	unsigned int rounds, vms;
	bool read[BENCH_NR_READS]; /* -w, of those that only bench has; they count as workloads */
	/* What compare reads, and report ("-": stdin). */
	const char *file[2];
	unsigned int nr_files;
	double fail_over; /* compare, per cent; negative: not asked for */
};

/*
 * Parse the arguments of a command (argv[0] is its name; argv is permuted).
 * STATUS_USAGE with one line; what had been parsed until then is in options.
 */
int options_parse_run(struct options *options, int argc, char **argv, struct error *err);
int options_parse_bench(struct options *options, int argc, char **argv, struct error *err);
int options_parse_compare(struct options *options, int argc, char **argv, struct error *err);
int options_parse_list(struct options *options, int argc, char **argv, struct error *err);
int options_parse_watch(struct options *options, int argc, char **argv, struct error *err);
int options_parse_report(struct options *options, int argc, char **argv, struct error *err);

void options_help_run(FILE *to);
void options_help_bench(FILE *to);
void options_help_compare(FILE *to);
void options_help_list(FILE *to);
void options_help_watch(FILE *to);
void options_help_report(FILE *to);

#endif
