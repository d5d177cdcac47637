/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACEFS_H
#define TRACEFS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* Where an event's record has a field, as tracefs' `format` files tell. */
struct tracefs_field {
	unsigned int offset, size; /* bytes */
	bool is_signed;
};

/*
 * Looks up a field in the text of a `format` file (length bytes, no NUL needed). 0;
 * -ENOENT: there is no such field; -EINVAL: the text is not what the kernel writes, or has
 * that field twice; -E2BIG: the field is beyond any record's size.
 */
int tracefs_parse_field(const char *format, size_t length, const char *name,
			struct tracefs_field *field);

/*
 * Reads the `format` file of an event ("kvm/kvm_exit") into buffer, its length into
 * *length. STATUS_CANNOT_RUN with the remedy where tracefs or the event is missing.
 */
int tracefs_read_format(const char *event, char *buffer, size_t size, size_t *length,
			struct error *err);

#endif
