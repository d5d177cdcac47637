/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIVE_VERDICT_H
#define LIVE_VERDICT_H

#include "live/look.h"

struct live_verdict {
	int status; /* enum exit_status */
	char text[640];
};

/* What can be said of what was seen. is_over: nothing will follow; command: it ended first, NULL: none. */
struct live_verdict live_verdict(const struct look *look, const char *command);

/* Why exits of a VM were not compared with KVM's account of them, or reads of its leaves: "" if all were. */
struct live_why {
	char s[512];
};
struct live_why live_why(const struct look *look, const struct look_sum *sum);

#endif
