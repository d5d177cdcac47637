// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "inguest/reader.h"

#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

void reader_cpuid(struct probe_read *read)
{
	__cpuid_count(read->function, read->index, read->eax, read->ebx, read->ecx, read->edx);
}

struct probe_read reader_read(struct reader *reader, uint32_t function, uint32_t index)
{
	struct probe_read read = { .function = function, .index = index };

	read.cpuids = ++reader->executed;
	reader->cpuid(&read);
	return read;
}

static sigjmp_buf denied;

static void on_fault(int signal)
{
	siglongjmp(denied, signal);
}

bool reader_is_denied(struct reader *reader)
{
	const struct sigaction action = { .sa_handler = on_fault };
	struct sigaction before;
	volatile bool faulted = true;

	sigaction(SIGSEGV, &action, &before);
	if (!sigsetjmp(denied, 1)) {
		reader_read(reader, 0, 0);
		faulted = false;
	}
	sigaction(SIGSEGV, &before, NULL);
	return faulted;
}
