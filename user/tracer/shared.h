/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_SHARED_H
#define TRACER_SHARED_H

/* The memory that the eBPF programs and their loader share: see bpf/memory.h. */

#include <stdbool.h>
#include <stddef.h>

#include "memory.h"
#include "util/error.h"

struct shared {
	int fd; /* of the map, -1: none */
	char *memory;
	size_t size; /* bytes */
	struct ec_extent extent[EC_NR_REGIONS];
};

/* Room for that many CPUs and vCPUs, ... */
struct shared_room {
	unsigned int cpus, vcpus;
	unsigned int reasons, details; /* of each vCPU on average */
	bool old;     /* less, if that is too much for the object for old kernels */
	bool threads; /* what the threads of vCPUs do */
};

int shared_create(struct shared *shared, const struct shared_room *room, struct error *err);
void shared_destroy(struct shared *shared);

/* What is at a place of a region. */
void *shared_at(const struct shared *shared, enum ec_region region, unsigned int place);

/* How many places a ring has room for. */
unsigned int shared_nr_places(const struct shared *shared, enum ec_region ring);

/* Gives a place to the programs. */
void shared_give(const struct shared *shared, struct ec_state *state, enum ec_region ring,
		 unsigned int place);

/* Gives all places but the first, which stands for none, to the programs. */
void shared_give_all(const struct shared *shared, struct ec_state *state);

/* Gives a slot back, and its rows: cleared. */
void shared_give_back(const struct shared *shared, struct ec_state *state, unsigned int slot);

/* Takes a slot for a vCPU that the loader knows; 0: there is none. Not beside a program that takes. */
unsigned int shared_take_slot(const struct shared *shared, struct ec_state *state);

/* A time by the programs' clock in ns; khz: 0 if it is in ns. */
ec_u64 shared_ns(ec_u64 time, unsigned int khz);

#endif
