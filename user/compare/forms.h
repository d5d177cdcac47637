/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMPARE_FORMS_H
#define COMPARE_FORMS_H

#include <stdio.h>

#include "compare/compare.h"

/* For people; and for programs, the caller frees it. */
void compare_text(FILE *to, const struct comparison *comparison);
char *compare_json(const struct comparison *comparison);

#endif
