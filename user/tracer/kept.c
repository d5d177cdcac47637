// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/kept.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "memory.h"
#include "tracer/shared.h"
#include "tracer/snapshot.h"

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

/* The programs' clock is not that of the rest. */
static int keep_outlier(void *context, void *data, size_t size)
{
	struct kept *kept = context;
	struct ec_outlier *to;

	if (kept->taken)
		kept->nr_outliers = kept->taken = 0;
	if (size < sizeof(*to) || kept->nr_outliers == KEPT_OUTLIERS) {
		kept->dropped_outliers++;
		return 0;
	}
	to = &kept->outliers[kept->nr_outliers];
	*to = *(const struct ec_outlier *)data;
	to->end = snapshot_now(0) - shared_ns(snapshot_now(kept->khz) - to->end, kept->khz);
	to->time = shared_ns(to->time, kept->khz);
	for (int i = 0; i < EC_NR_PARTS; i++)
		to->part[i] = shared_ns(to->part[i], kept->khz);
	if (number_vcpu(kept, &to->slot))
		kept->nr_outliers++;
	else
		kept->dropped_outliers++;
	return 0;
}

/* A map that not all objects have. */
static int add(struct kept *kept, const struct bpf_object *object, const char *map,
	       ring_buffer_sample_fn keep)
{
	int fd = bpf_object__find_map_fd_by_name(object, map);

	return fd < 0 ? 0 : ring_buffer__add(kept->ring, fd, keep, kept);
}

int kept_open(struct kept *kept, const struct bpf_object *object, const unsigned int *numbers)
{
	int ret;

	kept->numbers = numbers;
	kept->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "mismatches"),
				      keep_mismatch, kept, NULL);
	if (!kept->ring)
		return -errno;
	kept->outliers = calloc(KEPT_OUTLIERS, sizeof(*kept->outliers));
	if (!kept->outliers)
		return -ENOMEM;
	ret = add(kept, object, "differences", keep_difference);
	return ret ? ret : add(kept, object, "outliers", keep_outlier);
}

void kept_close(struct kept *kept)
{
	ring_buffer__free(kept->ring);
	kept->ring = NULL;
	free(kept->outliers);
	kept->outliers = NULL;
}

void kept_take(struct kept *kept)
{
	ring_buffer__consume(kept->ring);
}

const struct ec_outlier *kept_outliers(struct kept *kept, unsigned int *nr)
{
	kept_take(kept);
	if (kept->taken)
		kept->nr_outliers = 0;
	kept->taken = true;
	*nr = kept->nr_outliers;
	return kept->outliers;
}
