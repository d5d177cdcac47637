/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef STAT_FORMS_H
#define STAT_FORMS_H

/* What `exitcheck stat` shows. */

#include <stdio.h>

#include "kvm/host.h"
#include "live/outliers.h"
#include "live/proof.h"
#include "live/usage.h"

struct stat_form {
	const struct host *host;
	const char *source; /* of the numbers, in words */
	unsigned int by;    /* bits of enum usage_by */
	const struct usage *usage;
	const struct proof *proof;
	const struct outliers *outliers; /* of the interval, NULL: none were asked for */
	const char *command;		 /* that ran meanwhile, NULL: none */
	bool is_last; /* it is of all since the beginning, not of the last interval */
};

/* Each returns STATUS_CANNOT_RUN if it cannot be written. */
int stat_text(FILE *to, const struct stat_form *form, struct error *err);
/* A line, as stat.schema.json has it. */
int stat_json(FILE *to, const struct stat_form *form, struct error *err);
/* A line for each row; with is_first the names of the columns come before them. */
int stat_csv(FILE *to, const struct stat_form *form, bool is_first, struct error *err);

#endif
