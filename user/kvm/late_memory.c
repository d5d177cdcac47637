// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/late_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "kvm/kvm.h"
#include "kvm/thread.h"
#include "kvm/guest/probe_abi.h"

#define LATE_NS 200000

struct late_memory {
	int fd, stop_fd;
	pthread_t thread;
	bool has_thread;
	_Atomic uint64_t cycles;
};

static int open_fd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || !ioctl(fd, UFFDIO_API, &api))
		return fd;
	close(fd);
	return -1;
}

const char *late_memory_unsupported(void)
{
	int fd = open_fd();

	if (fd < 0)
		return errno == EPERM ? "userfaultfd(2) needs CAP_SYS_PTRACE here" :
					"this kernel has no userfaultfd(2)";
	close(fd);
	return NULL;
}

static void resolve(struct late_memory *late, uint64_t address)
{
	const struct timespec time = { .tv_nsec = LATE_NS };
	struct uffdio_zeropage zero = {
		.range = {
			.start = address & ~(PROBE_PAGE_SIZE - 1ull),
			.len = PROBE_PAGE_SIZE,
		},
	};
	uint64_t begin = __rdtsc();

	nanosleep(&time, NULL);
	atomic_fetch_add(&late->cycles, __rdtsc() - begin);
	ioctl(late->fd, UFFDIO_ZEROPAGE, &zero);
}

static void *resolve_faults(void *argument)
{
	struct late_memory *late = argument;
	struct pollfd fds[] = {
		{ .fd = late->fd, .events = POLLIN },
		{ .fd = late->stop_fd, .events = POLLIN },
	};
	struct uffd_msg message;

	while (poll(fds, 2, -1) >= 0 && !fds[1].revents)
		while (read(late->fd, &message, sizeof(message)) == sizeof(message))
			if (message.event == UFFD_EVENT_PAGEFAULT)
				resolve(late, message.arg.pagefault.address);
	return NULL;
}

int late_memory_start(struct late_memory **started, void *memory, size_t size, struct error *err)
{
	struct uffdio_register region = {
		.range = { .start = (uintptr_t)memory, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct late_memory *late = calloc(1, sizeof(*late));
	int status;

	*started = NULL;
	if (!late)
		return system_error(err, "calloc", errno);
	late->fd = open_fd();
	late->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (late->fd < 0 || late->stop_fd < 0 || ioctl(late->fd, UFFDIO_REGISTER, &region))
		status = system_error(err, "userfaultfd", errno);
	else
		status = thread_start(&late->thread, resolve_faults, late, 0, err);
	late->has_thread = !status;
	if (status)
		late_memory_end(late);
	else
		*started = late;
	return status;
}

uint64_t late_memory_cycles(struct late_memory *late)
{
	return atomic_exchange(&late->cycles, 0);
}

void late_memory_end(struct late_memory *late)
{
	const uint64_t one = 1;

	if (!late)
		return;
	if (late->has_thread && write(late->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(late->thread, NULL);
	if (late->stop_fd >= 0)
		close(late->stop_fd);
	if (late->fd >= 0)
		close(late->fd);
	free(late);
}
