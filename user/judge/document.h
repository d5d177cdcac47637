/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RUN_DOCUMENT_H
#define RUN_DOCUMENT_H

#include <jansson.h>

#include "judge/verdicts.h"
#include "run/result.h"

/* The JSON document of a run, of which all forms of its report are made; NULL: no memory. */
json_t *run_document(const struct result *result, const struct verdicts *verdicts);

#endif
