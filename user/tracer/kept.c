// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/kept.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>

#include "memory.h"

/* The number of the vCPU that has the slot at a place, in its stead. False: it has been given back. */
static bool number_vcpu(const struct kept *kept, ec_u32 *slot)
{
	unsigned int number = kept->numbers[*slot / sizeof(struct ec_slot)];

	*slot = number - 1;
	return number;
}

static int keep_mismatch(void *context, void *data, size_t size)
{
	struct kept *kept = context;
	struct ec_mismatch *to = &kept->mismatches[kept->nr_mismatches];

	if (size >= sizeof(*to) && kept->nr_mismatches < EC_MAX_MISMATCHES) {
		*to = *(const struct ec_mismatch *)data;
		kept->nr_mismatches += number_vcpu(kept, &to->slot);
	}
	return 0;
}

static int keep_difference(void *context, void *data, size_t size)
{
	struct kept *kept = context;
	struct ec_difference *to = &kept->differences[kept->nr_differences];

	if (size >= sizeof(*to) && kept->nr_differences < EC_MAX_MISMATCHES) {
		*to = *(const struct ec_difference *)data;
		kept->nr_differences += number_vcpu(kept, &to->slot);
	}
	return 0;
}

int kept_open(struct kept *kept, const struct bpf_object *object, const unsigned int *numbers)
{
	int fd = bpf_object__find_map_fd_by_name(object, "differences"), ret = 0;

	kept->numbers = numbers;
	kept->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "mismatches"),
				      keep_mismatch, kept, NULL);
	if (!kept->ring)
		return -errno;
	/* The classic tracepoints have none. */
	if (fd >= 0)
		ret = ring_buffer__add(kept->ring, fd, keep_difference, kept);
	return ret;
}

void kept_close(struct kept *kept)
{
	ring_buffer__free(kept->ring);
	kept->ring = NULL;
}

void kept_take(struct kept *kept)
{
	ring_buffer__consume(kept->ring);
}
