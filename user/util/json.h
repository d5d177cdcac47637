/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JSON_H
#define JSON_H

/* What the documents of run and of bench have in common. NULL: no memory. */

#include <jansson.h>
#include <stdint.h>

#include "kvm/host.h"

/* JSON's integers are signed here: what does not fit becomes a string. */
json_t *json_number(uint64_t value);

/* null for NULL and for "". */
json_t *json_string_or_null(const char *text);

/* "host": the machine, and the rate of its TSC in kHz. */
json_t *json_host(const struct host *host, uint32_t tsc_khz);

#endif
