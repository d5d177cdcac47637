/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIMITS_H
#define LIMITS_H

#include "util/error.h"

/* Raises the limit of open files as far as it may go. STATUS_CANNOT_RUN if that is less than needed. */
int limits_open_files(unsigned long needed, struct error *err);

#endif
