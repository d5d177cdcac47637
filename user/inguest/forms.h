/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_FORMS_H
#define INGUEST_FORMS_H

/* A table as text of 80 columns, and as JSON. */

#include "inguest/out.h"
#include "inguest/table.h"

struct form {
	const struct source *source;
	const char *command; /* that ran meanwhile, NULL: none */
	int status;	     /* its exit status */
	unsigned int vcpus;  /* that the table is of, 0: not known */
};

void form_text(struct out *out, const struct form *form, const struct table *table);

/* Documents are a line each: the tables of all vCPUs are one. guest.schema.json has what is in it. */
void form_json_begin(struct out *out, const struct form *form, const struct table *first);
void form_json_table(struct out *out, const struct form *form, const struct table *table);
void form_json_end(struct out *out);
void form_json_error(struct out *out, const char *text);

#endif
