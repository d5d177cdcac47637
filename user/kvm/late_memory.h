/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LATE_MEMORY_H
#define LATE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* Memory whose page faults user space resolves, and takes its time: by userfaultfd(2). */
struct late_memory;

/* Why there can be none, NULL if it can. */
const char *late_memory_unsupported(void);

/* Such pages have been made fresh before, or are when this is in force. *late is NULL after a failure. */
int late_memory_start(struct late_memory **late, void *memory, size_t size, struct error *err);

/* TSC cycles for which faults were left waiting since the last call. */
uint64_t late_memory_cycles(struct late_memory *late);

/* From here on the memory is ordinary. NULL is allowed. */
void late_memory_end(struct late_memory *late);

#endif
