// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/kvm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int kvm_call(int fd, unsigned long request, const char *name, const void *arg, struct error *err)
{
	int result;

	/* KVM_CREATE_VM fails on a signal: retry, KVM_RUN handles the signal later. */
	do
		result = ioctl(fd, request, arg);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		error_set(err, STATUS_CANNOT_RUN, "%s: %s", name, strerror(errno));
	return result;
}

int kvm_set_msr(int vcpu_fd, uint32_t index, uint64_t data, struct error *err)
{
	union {
		struct kvm_msrs msrs;
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} one = { .msrs.nmsrs = 1 };

	one.msrs.entries[0].index = index;
	one.msrs.entries[0].data = data;
	return KVM(vcpu_fd, KVM_SET_MSRS, &one, err);
}

int system_error(struct error *err, const char *what, int error)
{
	return error_set(err, STATUS_CANNOT_RUN, "%s: %s", what, strerror(error));
}

static int read_at(int fd, void *buffer, size_t size, off_t offset, struct error *err)
{
	ssize_t got = pread(fd, buffer, size, offset);

	if (got == (ssize_t)size)
		return 0;
	return error_set(err, STATUS_CANNOT_RUN, "KVM's statistics: %s",
			 got < 0 ? strerror(errno) : "shorter than they say");
}

static int find(struct kvm_stat *stat, const char *name, struct error *err)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	size_t size;
	uint32_t i;
	int status;

	status = read_at(stat->fd, &header, sizeof(header), 0, err);
	if (status)
		return status;
	size = sizeof(*desc) + header.name_size;
	desc = calloc(1, size + 1);
	if (!desc)
		return system_error(err, "calloc", errno);
	for (i = 0; i < header.num_desc; i++) {
		status = read_at(stat->fd, desc, size, header.desc_offset + i * size, err);
		if (status)
			break;
		if (!strcmp(desc->name, name)) {
			stat->offset = header.data_offset + desc->offset;
			stat->size = desc->size;
			break;
		}
	}
	if (!status && i == header.num_desc)
		status = error_set(err, STATUS_CANNOT_RUN, "KVM has no statistic \"%s\"", name);
	free(desc);
	return status;
}

int kvm_stat_open(struct kvm_stat *stat, int vcpu_fd, const char *name, struct error *err)
{
	int status;

	stat->fd = KVM(vcpu_fd, KVM_GET_STATS_FD, NULL, err);
	if (stat->fd < 0)
		return STATUS_CANNOT_RUN;
	status = find(stat, name, err);
	if (status) {
		close(stat->fd);
		stat->fd = -1;
	}
	return status;
}

int kvm_stat_read(const struct kvm_stat *stat, uint64_t *values, unsigned int nr, struct error *err)
{
	if (stat->size != nr)
		return error_set(err, STATUS_CANNOT_RUN, "a statistic of KVM has %u values, not %u",
				 stat->size, nr);
	return read_at(stat->fd, values, nr * sizeof(*values), stat->offset, err);
}

int kvm_stat_of_vm(int vm_fd, const char *name, uint64_t *value, struct error *err)
{
	char path[128];
	FILE *file;
	bool found;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/%s", getpid(), vm_fd, name);
	file = fopen(path, "re");
	found = file && fscanf(file, "%" SCNu64, value) == 1;
	if (file)
		fclose(file);
	return found ? 0 :
		       error_set(err, STATUS_CANNOT_RUN,
				 "KVM has no statistic \"%s\": it has no KVM_GET_STATS_FD, and"
				 " there is no %s",
				 name, path);
}
