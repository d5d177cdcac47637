// SPDX-License-Identifier: GPL-2.0-only
#include "util/limits.h"

#include <sys/resource.h>

#include "util/text.h"

int limits_open_files(unsigned long needed, struct error *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max >= needed)
		return 0;
	return error_set(
		err, STATUS_CANNOT_RUN,
		"this takes %s open files, and the limit is %s: ulimit -n %lu, or LimitNOFILE="
		" of the service",
		text_u64(needed).s, text_u64(limit.rlim_max).s, needed);
}
