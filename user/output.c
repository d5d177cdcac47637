// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <stdio.h>

int say(const struct error *err, int status)
{
	fprintf(stderr, "exitcheck: %s\n", err->text);
	return status;
}

int flush_stdout(struct error *err)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	return error_set(err, STATUS_CANNOT_RUN, "cannot write to standard output: %m");
}
