/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIST_H
#define LIST_H

#include <stdio.h>

/* The workloads and the exit of each, for people; and as JSON, to be freed (NULL: no memory). */
void list_text(FILE *to);
char *list_json(void);

#endif
