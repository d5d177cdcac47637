/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPARE_DOCUMENT_H
#define COMPARE_DOCUMENT_H

#include <jansson.h>

#include "compare/compare.h"

/* The JSON document of a comparison, of which all forms are made; NULL: no memory. */
json_t *compare_document(const struct comparison *comparison);

#endif
