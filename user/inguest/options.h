/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_OPTIONS_H
#define INGUEST_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "inguest/out.h"
#include "kvm/leaf_numbers.h"
#include "util/error.h"

struct inguest_options {
	bool help, version, json, color, per_vcpu;
	uint64_t interval_ns; /* 0: none */
	unsigned int count;   /* intervals, 0: without end */
	bool foreign;	      /* --leaves */
	struct leaf_numbers leaves;
	const char *output; /* NULL: standard output, or standard error beside a command */
	char **command;	    /* NULL: none */
};

/* Ends with an empty row. */
extern const struct option inguest_long_options[];

/* What a row's argument is called, and what the row does. */
const char *inguest_option_argument(unsigned int row);
const char *inguest_option_text(unsigned int row);

/* STATUS_USAGE with one line; what had been parsed until then is in options. */
int inguest_options_parse(struct inguest_options *options, int argc, char **argv,
			  struct error *err);

void inguest_options_help(struct out *out);

#endif
