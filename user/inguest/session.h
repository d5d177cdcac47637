/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INGUEST_SESSION_H
#define INGUEST_SESSION_H

/* The counters that are read again and again: of the VM, or of each vCPU by a thread that is pinned to it. */

#include "inguest/cpus.h"
#include "inguest/table.h"

struct scope {
	int cpu; /* -1: all */
	struct reader reader;
	uint64_t base; /* CPUIDs executed when the counters began */
	uint64_t mark; /* likewise, when the epoch was looked at */
	struct snapshot last, now;
};

struct session {
	struct source source;
	bool per_vcpu, has_last;
	struct cpus allowed;
	struct scope *scopes;
	unsigned int nr_scopes;
};

/* Finds the leaves; all memory is allocated here. foreign: as for source_open(). */
int session_open(struct session *session, void (*cpuid)(struct probe_read *read),
		 const struct leaf_numbers *foreign, bool per_vcpu, struct error *err);
void session_close(struct session *session);

/*
 * Takes a snapshot of every scope, all of one epoch. *anew: the counters began anew since the last one.
 * STATUS_CANNOT_RUN: the leaves are gone, or went down.
 */
int session_take(struct session *session, bool *anew, struct error *err);

/* What was taken last is what the next snapshot is compared with. */
void session_keep(struct session *session);

/* What happened to a scope between the two; or since the counters began. */
void session_table(const struct session *session, unsigned int scope, bool since_birth,
		   struct table *table);

#endif
