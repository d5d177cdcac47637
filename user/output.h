/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "util/error.h"

/* Says on standard error what is wrong; returns status. */
int say(const struct error *err, int status);

/* STATUS_CANNOT_RUN if not all of standard output could be written. */
int flush_stdout(struct error *err);

#endif
