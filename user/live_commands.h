/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIVE_COMMANDS_H
#define LIVE_COMMANDS_H

/* The commands that watch VMs that run. */

#include "options.h"

extern const struct argp_option audit_options[], stat_options[], top_options[], export_options[];

int audit_command(struct options *options);
int stat_command(struct options *options);
int top_command(struct options *options);
int export_command(struct options *options);

#endif
