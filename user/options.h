/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "kvm/leaf_numbers.h"
#include "kvm/workload.h"
#include "report/render.h"
#include "tracer/tracer.h"
#include "util/error.h"

#define OPTIONS_MAX_SECONDS 604800 /* a week */
#define OPTIONS_MAX_STORM 86400
#define OPTIONS_MAX_FILES 400
#define OPTIONS_MIN_OVER_NS 1e3
#define OPTIONS_MAX_OVER_NS 3600e9

/* Keys of options that have no letter. */
enum {
	OPTION_VCPUS = 0x100,
	OPTION_SMP_EXITS,
	OPTION_SEED,
	OPTION_STORM,
	OPTION_PATH,
	OPTION_NO_OPT_IN,
	OPTION_LEAVES,
	OPTION_NO_COLOR,
	OPTION_SECONDS,
	OPTION_INTERVAL,
	OPTION_CLOCK,
	OPTION_OBSERVER,
	OPTION_ROUNDS,
	OPTION_VMS,
	OPTION_FAIL_OVER,
	OPTION_VM,
	OPTION_BY,
	OPTION_CSV,
	OPTION_SOURCE,
	OPTION_SPLIT,
	OPTION_OVER,
	OPTION_LISTEN,
	OPTION_TEXTFILE,
	OPTION_PER_VCPU,
	OPTION_MAX_SERIES,
	OPTION_ROOM,
	OPTION_FORM, /* + enum report_form */
	OPTION_JSON = OPTION_FORM + REPORT_JSON,
};

/* What a command was asked to do. */
struct options {
	bool help, color;
	/* Destination of each form: a file, "-" for standard output, NULL if not asked for. */
	const char *write[NR_REPORT_FORMS];
	struct workload_choice workloads; /* -w */
	unsigned int leaf_reads; /* -w of bench's own workloads: bits as in bench_reads[] */
	uint64_t count;		 /* -n, 0: each workload's own */
	unsigned int vcpus;	 /* of the multi-vCPU VM; of each VM of a bench */
	uint64_t smp_exits;	 /* of the multi-vCPU VM, 0: the default, scaled down with count */
	bool has_storm;
	unsigned int storm; /* run: seconds of it */
	bool has_seed;
	uint64_t seed;
	enum tracer_path path;
	bool opt_in;
	struct leaf_numbers leaves; /* run: of another implementation; exits 0: ours */
	enum tracer_clock clock;
	unsigned int seconds;	 /* audit, stat; 0: until interrupted */
	unsigned int interval;	 /* audit, stat; 0: the default */
	unsigned int process;	 /* audit, stat; 0: all */
	char **command;		 /* audit, stat; NULL: none */
	bool all;		 /* stat: -a */
	const char *vm;		 /* stat: its name, NULL: any */
	unsigned int by;	 /* stat: bits of enum usage_by, 0: the default */
	bool split;		 /* stat */
	uint64_t over;		 /* stat: ns, 0: not asked for */
	unsigned int source;	 /* stat: enum meter_source */
	const char *csv;	 /* stat: as write[] */
	const char *listen;	 /* export; NULL: the default, or none with a textfile */
	const char *textfile;	 /* export; NULL: none */
	bool per_vcpu;		 /* export */
	unsigned int max_series; /* export; 0: the default */
	unsigned int room;	 /* export; 0: the default */
	unsigned int observers;	 /* bench: bits as in bench_observers[], 0: all of them */
	unsigned int rounds, vms;
	const char *file[OPTIONS_MAX_FILES]; /* "-" for standard input */
	unsigned int nr_files;
	unsigned int nr_a; /* compare: of these, the first ones */
	double fail_over;  /* compare, per cent; negative: not asked for */
};

/* A row of the table of commands, see commands.c. */
struct command {
	const char *name;
	const char *former_name; /* that it had, NULL: none */
	const char *summary;	 /* in the list of commands */
	const char *doc;	 /* in the command's own help */
	const char *arguments;
	const struct argp_option *options;
	unsigned int nr_files;	/* that it reads */
	const char *files_help; /* the error if there are fewer */
	bool takes_sides;	/* files before "--" and behind it */
	bool takes_command;	/* everything from the first argument on */
	bool takes_leaf_reads;	/* -w knows bench's own workloads, too */
	bool is_converter;	/* its forms are of a document that exists: none of an error */
	unsigned int vcpus;	/* default of --vcpus */
	void (*more_help)(FILE *to);
	int (*run)(struct options *options); /* returns an enum exit_status */
};

/*
 * Parses the arguments of a command (argv[0] is its name; argv is permuted).
 * STATUS_USAGE with one line; what had been parsed until then is in options.
 */
int options_parse(const struct command *command, struct options *options, int argc, char **argv,
		  struct error *err);

void options_help(const struct command *command, FILE *to);

#endif
