/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRACER_OBJECT_H
#define TRACER_OBJECT_H

/* The eBPF objects, of which one is loaded. */

#include <bpf/libbpf.h>
#include <stdbool.h>

#include "memory.h"
#include "tracer/btf.h"
#include "tracer/shared.h"
#include "tracer/tracefs.h"

struct btf_bpf;
struct classic_bpf;
struct old_bpf;

struct object {
	struct bpf_object *bpf;
	struct ec_config *config;		   /* to be filled in before the load */
	struct tracefs_field fields[EC_NR_FIELDS]; /* likewise, of the classic object */
	struct ec_state *state;			   /* shared with the program, once it is loaded */
	/* The one that is open. */
	struct btf_bpf *btf;
	struct classic_bpf *classic;
	struct old_bpf *old;
};

enum object_kind {
	OBJECT_BTF,	/* for tp_btf */
	OBJECT_CLASSIC, /* for the classic tracepoints */
	OBJECT_OLD,	/* the same, on kernels before v5.17 */
};

/* Whether this kernel takes no object but the one for old kernels. */
bool object_needs_old(void);

/* 0, or an errno, negative. */
int object_open(struct object *object, enum object_kind kind);

/*
 * Loads and attaches the programs that fit. kvm: what the BTF has, NULL for the classic object. watch:
 * vCPUs come and go. nr_vcpus: the most that there are at a time. 0, or an errno, negative; *what has
 * failed then.
 */
int object_load(struct object *object, const struct shared *shared, const struct btf_kvm *kvm,
		unsigned int nr_vcpus, const char **what);

/* Events that the kernel skipped for its programs. 0, or an errno, negative. */
int object_missed(const struct object *object, unsigned long long *missed);

/* Until the programs that are running have ended. */
void object_wait(void);

void object_close(struct object *object);

#endif
