// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "live/processes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int process_vcpus(pid_t process)
{
	static const char vcpu[] = "anon_inode:kvm-vcpu:";
	char path[300], target[64];
	struct dirent *file;
	int nr = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", process);
	dir = opendir(path);
	if (!dir)
		return -1;
	while ((file = readdir(dir))) {
		ssize_t length = readlinkat(dirfd(dir), file->d_name, target, sizeof(target) - 1);

		if (length <= 0)
			continue;
		target[length] = '\0';
		nr += !strncmp(target, vcpu, strlen(vcpu));
	}
	closedir(dir);
	return nr;
}

pid_t processes_next(DIR **proc)
{
	struct dirent *entry;

	if (!*proc)
		*proc = opendir("/proc");
	while (*proc && (entry = readdir(*proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    process_vcpus(atoi(entry->d_name)) > 0)
			return atoi(entry->d_name);
	if (*proc)
		closedir(*proc);
	*proc = NULL;
	return 0;
}

unsigned int processes_vcpus(void)
{
	unsigned int nr = 0;
	DIR *proc = NULL;
	pid_t process;

	while ((process = processes_next(&proc)))
		nr += process_vcpus(process);
	return nr;
}
