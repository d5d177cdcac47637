/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "options.h"

/* The first one is what exitcheck does without a command. */
extern const struct command commands[];
extern const unsigned int nr_commands;

/* NULL if there is none of that name. */
const struct command *command_find(const char *name);

/*
 * Says what went wrong, also in each form of the report that was asked for; returns status. No file
 * is touched where the options were wrong.
 */
int command_fail(const struct options *options, const struct error *err, int status);

/* Ends a command that wrote to standard output: status, or STATUS_CANNOT_RUN if that failed. */
int command_end(int status);

#endif
