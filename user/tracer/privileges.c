// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/privileges.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/array.h"

void privileges_drop(void)
{
	static const unsigned int dropped[] = { CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return;
	for (unsigned int i = 0; i < NR(dropped); i++) {
		struct __user_cap_data_struct *word = &data[CAP_TO_INDEX(dropped[i])];

		word->effective &= ~CAP_TO_MASK(dropped[i]);
		word->permitted &= ~CAP_TO_MASK(dropped[i]);
	}
	syscall(SYS_capset, &header, data);
}
