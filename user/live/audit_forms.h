/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AUDIT_FORMS_H
#define AUDIT_FORMS_H

/* What `exitcheck audit` shows. */

#include <stdio.h>

#include "live/look.h"
#include "live/verdict.h"

/* One line on what has been seen until now. */
void audit_line(FILE *to, const struct look *look);

/* All of it, with the verdict at the end. */
void audit_text(FILE *to, const struct look *look, const struct live_verdict *verdict);

/* A line of JSON, as audit.schema.json has it; verdict: NULL if it is not the last. STATUS_CANNOT_RUN. */
int audit_json(FILE *to, const struct look *look, const struct live_verdict *verdict,
	       struct error *err);

#endif
