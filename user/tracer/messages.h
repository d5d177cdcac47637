/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MESSAGES_H
#define MESSAGES_H

/* libbpf's messages: kept, and quoted when something fails. */

#include <bpf/libbpf.h>
#include <stdarg.h>

/* For libbpf_set_print(). */
int messages_keep(enum libbpf_print_level level, const char *format, va_list args);

/* The last line that says something. Forgets all of them. */
const char *messages_last(void);

#endif
