/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ERROR_DOCUMENT_H
#define ERROR_DOCUMENT_H

#include <jansson.h>

#include "util/error.h"

/* The document of a failed run; NULL: no memory. */
json_t *report_error_document(const struct error *err);

#endif
