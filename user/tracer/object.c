// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kvm/account.h"
#include "util/array.h"

#include "btf.skel.h"
#include "classic.skel.h"
#include "old.skel.h"

#define PROGRAM_NS 20000000	   /* more than a program takes, even on an emulated host */
#define OUTLIERS_SIZE (256 * 1024) /* some 2,000 between two looks */

bool object_needs_old(void)
{
	static int known; /* it does, 1, or does not, 2: the kernel stays the same */

	if (!known)
		known = libbpf_probe_bpf_helper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_loop, NULL) ? 2 :
												 1;
	return known == 1;
}

/* Each object has a type of its own, with members of the same names. */
#define OPEN(object, kind)                                                  \
	({                                                                  \
		(object)->kind = kind##_bpf__open();                        \
		if ((object)->kind) {                                       \
			(object)->bpf = (object)->kind->obj;                \
			(object)->config = &(object)->kind->rodata->config; \
		}                                                           \
		(object)->kind ? 0 : -errno;                                \
	})

int object_open(struct object *object, enum object_kind kind)
{
	*object = (struct object){ 0 };
	switch (kind) {
	case OBJECT_BTF:
		return OPEN(object, btf);
	case OBJECT_CLASSIC:
		return OPEN(object, classic);
	case OBJECT_OLD:
		return OPEN(object, old);
	}
	return -EINVAL;
}

void object_close(struct object *object)
{
	btf_bpf__destroy(object->btf);
	classic_bpf__destroy(object->classic);
	old_bpf__destroy(object->old);
	*object = (struct object){ 0 };
}

/* Fills in what memory.h says that the loader does. */
static int set_places(const struct object *object, struct bpf_program *program,
		      const struct shared *shared)
{
	const struct ec_config *config = object->config;
	const int numbers[EC_NR_NUMBERS] = {
		[EC_CYCLES_PER_NS] = config->cycles_per_ns,
		[EC_AT_REGS] = config->offsets.regs,
		[EC_AT_GUEST_MODE] = config->offsets.guest_mode,
		[EC_AT_RUNS] = config->offsets.runs,
	};
	size_t nr = bpf_program__insn_cnt(program), i;
	struct bpf_insn *copy = calloc(nr, sizeof(*copy));
	int ret;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, bpf_program__insns(program), nr * sizeof(*copy));
	for (i = 0; i < nr; i++) {
		struct bpf_insn *insn = &copy[i];
		unsigned int place = insn->imm - EC_PLACES, number = insn->imm - EC_NUMBER;
		unsigned int field = insn->off - EC_FIELD;

		if (insn->code == (BPF_LD | BPF_DW | BPF_IMM) && insn->imm == EC_REGION &&
		    i + 1 < nr && copy[i + 1].imm < EC_NR_REGIONS) {
			insn->src_reg = BPF_PSEUDO_MAP_VALUE;
			insn->imm = shared->fd;
			copy[i + 1].imm = shared->extent[copy[i + 1].imm].offset;
		} else if (insn->code == (BPF_ALU64 | BPF_AND | BPF_K) && place < EC_NR_REGIONS) {
			insn->imm = shared->extent[place].mask;
		} else if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_K) && number < EC_NR_NUMBERS) {
			insn->imm = numbers[number];
		} else if (insn->code == (BPF_LDX | BPF_W | BPF_MEM) && field < EC_NR_FIELDS) {
			insn->off = object->fields[field].offset;
			if (object->fields[field].size == sizeof(ec_u64))
				insn->code = BPF_LDX | BPF_DW | BPF_MEM;
		}
	}
	ret = bpf_program__set_insns(program, copy, nr);
	free(copy);
	return ret;
}

/* Whether a program has to be loaded; all of the classic object are but for those of watching. */
static bool is_wanted(const char *name, const struct ec_config *config, const struct btf_kvm *kvm)
{
	const char *isa = config->isa == EXIT_ISA_SVM ? "svm" : "vmx";
	const char *clock = config->clock_tsc ? "_tsc" : "";
	const char *detail = config->details ? "_detail" : "";
	char more[24];
	char entry[56], exit[56];

	if (!strcmp(name, "btf_page_fault") || !strcmp(name, "btf_fast_mmio"))
		return config->details && config->isa == EXIT_ISA_VMX;
	if (!strncmp(name, "btf_switch", 10) || !strncmp(name, "btf_wakeup", 10) ||
	    !strncmp(name, "btf_return", 10))
		return config->split && !strcmp(strstr(name, "_tsc") ?: "", clock);
	if (strstr(name, "_birth") || strstr(name, "_death"))
		return config->watch;
	if (!kvm)
		return true;
	snprintf(exit, sizeof(exit), "btf_exit_%s%s%s%s", isa, detail,
		 kvm->has_cast ? "" : "_nocast", clock);
	snprintf(more, sizeof(more), "%s%s%s", config->audit ? "_audit" : "", detail,
		 config->split ? "_split" : "");
	if (config->over)
		snprintf(more, sizeof(more), "_over");
	snprintf(entry, sizeof(entry), "btf_entry%s%s%s", more,
		 (config->audit || config->details) && !kvm->has_cast ? "_nocast" : "", clock);
	return !strcmp(name, entry) || !strcmp(name, exit);
}

static void set_indices(struct ec_config *config)
{
	for (unsigned int index = 0; index < EXIT_NR_INDICES; index++) {
		unsigned int at;

		account_index(config->isa, index, &at);
		config->kvm_index[index] = at;
	}
}

static int set_up(struct object *object, const struct shared *shared, const struct btf_kvm *kvm,
		  unsigned int nr_vcpus)
{
	static const char *const maps[] = { "registered", "by_key", "vms" };
	struct bpf_program *program;
	struct bpf_map *map;
	int ret = 0;

	memcpy(object->config->extent, shared->extent, sizeof(shared->extent));
	set_indices(object->config);
	for (size_t i = 0; i < NR(maps) && !ret; i++) {
		map = bpf_object__find_map_by_name(object->bpf, maps[i]);
		ret = map ? bpf_map__set_max_entries(map, nr_vcpus) : -ENOENT;
	}
	map = bpf_object__find_map_by_name(object->bpf, "by_task");
	if (object->config->split)
		ret = ret ?: bpf_map__set_max_entries(map, nr_vcpus);
	map = bpf_object__find_map_by_name(object->bpf, "outliers");
	if (object->config->over)
		ret = ret ?: bpf_map__set_max_entries(map, OUTLIERS_SIZE);
	map = bpf_object__find_map_by_name(object->bpf, "details");
	ret = ret ?: bpf_map__set_max_entries(map, shared_nr_places(shared, EC_FREE_DETAILS));
	map = bpf_object__find_map_by_name(object->bpf, "memory");
	ret = ret ?: bpf_map__reuse_fd(map, shared->fd);
	bpf_object__for_each_program(program, object->bpf)
	{
		ret = ret   ?:
			      bpf_program__set_autoload(program,
							is_wanted(bpf_program__name(program),
								  object->config, kvm));
		ret = ret ?: set_places(object, program, shared);
	}
	return ret;
}

#define START(object, kind, shared, what)                              \
	({                                                             \
		int __ret;                                             \
                                                                       \
		*(what) = "load";                                      \
		__ret = kind##_bpf__load((object)->kind);              \
		if (!__ret) {                                          \
			*(what) = "attach";                            \
			(object)->state = &(object)->kind->bss->state; \
			shared_give_all(shared, (object)->state);      \
			__ret = kind##_bpf__attach((object)->kind);    \
		}                                                      \
		__ret;                                                 \
	})

int object_load(struct object *object, const struct shared *shared, const struct btf_kvm *kvm,
		unsigned int nr_vcpus, const char **what)
{
	int ret = set_up(object, shared, kvm, nr_vcpus);

	*what = "set up";
	if (ret)
		return ret;
	if (object->btf)
		return START(object, btf, shared, what);
	if (object->classic)
		return START(object, classic, shared, what);
	return START(object, old, shared, what);
}

int object_missed(const struct object *object, unsigned long long *missed)
{
	struct bpf_program *program;

	*missed = 0;
	bpf_object__for_each_program(program, object->bpf)
	{
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (!bpf_program__autoload(program))
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
			return -errno;
		*missed += info.recursion_misses;
	}
	return 0;
}

void object_wait(void)
{
	const struct timespec pause = { .tv_nsec = PROGRAM_NS };

	/*
	 * Programs run in RCU read-side critical sections, and this waits for a grace period: membarrier(2). With
	 * nohz_full, it does not exist.
	 */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&pause, NULL);
}
