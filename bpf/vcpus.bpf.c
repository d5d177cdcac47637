// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists the vCPUs of all processes with KVM's own numbers of their exits: an iterator over open files, which
 * runs when somebody reads the list. Nothing of it is attached to any exit.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "listed.h"
#include "maps.bpf.h"

#define ANON_INODE_FS_MAGIC 0x09041934
#define READ_TRIES 8 /* of two counters between two of the vCPU's exits */

/* The few fields of the kernel's types that the list takes; libbpf finds them. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
	unsigned long s_magic;
};

struct inode {
	struct super_block *i_sb;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
};

struct task_struct {
	int tgid;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	ec_u32 fd;
	struct file *file;
};

#pragma clang attribute pop

char LICENSE[] SEC("license") = "GPL";

const volatile struct ec_list_config config;

/* vCPUs that are destroyed, since nobody can list them any more. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} deaths SEC(".maps");

ec_u64 lost_deaths; /* for which the ring had no room */

static struct ec_listed listed;

static __always_inline ec_u64 read_u64(ec_u64 address)
{
	ec_u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline ec_u32 read_u32(ec_u64 address)
{
	ec_u32 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline struct ec_slot *slot_of(ec_u64 vcpu)
{
	ec_u32 *place = config.has_slots ? bpf_map_lookup_elem(&by_key, &vcpu) : NULL;

	return place ? at_extent(&config.slots, *place) : NULL;
}

/* KVM's statistic, and what the eBPF program had counted at that moment. */
static __always_inline void read_counts(struct ec_listed *to, ec_u64 vcpu)
{
	struct ec_slot *slot = slot_of(vcpu);

	for (int try = 0; try < READ_TRIES; try++) {
		ec_u64 count = slot ? *(volatile ec_u64 *)&slot->count : 0;

		to->exits = read_u64(vcpu + config.offsets.exits);
		to->counted = count;
		to->failed_entries = slot ? slot->failed_entries : 0;
		if (!slot || *(volatile ec_u64 *)&slot->count == count)
			break;
	}
}

/* What the eBPF program has counted by reason. */
static __always_inline void read_rows(struct ec_listed *to, ec_u64 vcpu)
{
	struct ec_slot *slot = slot_of(vcpu);

	for (ec_u32 i = 0; i < EXIT_NR_INDICES; i++) {
		ec_u32 place = slot ? slot->row[i] : 0;
		struct ec_row *row = place ? at_extent(&config.rows, place) : NULL;

		to->counted_by_index[i] = row ? row->count : 0;
	}
}

static __always_inline void describe(struct ec_listed *to, ec_u64 vcpu)
{
	to->key = vcpu;
	to->kvm = read_u64(vcpu + config.offsets.kvm);
	to->vcpu_id = read_u32(vcpu + config.offsets.vcpu_id);
	read_counts(to, vcpu);
	if (!config.account)
		return;
	to->accounted = read_u32(vcpu + config.offsets.accounted) & 1;
	to->all_exits = read_u64(vcpu + config.offsets.all_exits);
	to->all_cycles = read_u64(vcpu + config.offsets.all_cycles);
	bpf_probe_read_kernel(to->exits_by_number, sizeof(to->exits_by_number),
			      (void *)(vcpu + config.offsets.exits_by_number));
	bpf_probe_read_kernel(to->cycles_by_number, sizeof(to->cycles_by_number),
			      (void *)(vcpu + config.offsets.cycles_by_number));
	read_rows(to, vcpu);
	to->start = read_u64(vcpu + config.offsets.start);
	to->index = read_u32(vcpu + config.offsets.index);
	to->outside = !read_u32(vcpu + config.offsets.mode);
}

/* Only KVM names anonymous inodes so. */
static __always_inline bool is_vcpu(struct file *file)
{
	static const char wanted[] = "kvm-vcpu:";
	char name[sizeof(wanted) - 1] = {};

	if (file->f_inode->i_sb->s_magic != ANON_INODE_FS_MAGIC)
		return false;
	bpf_probe_read_kernel(name, sizeof(name), file->f_path.dentry->d_name.name);
	for (int i = 0; i < (int)sizeof(name); i++)
		if (name[i] != wanted[i])
			return false;
	return true;
}

SEC("iter/task_file")
int vcpus_list(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (!task || !file || !is_vcpu(file))
		return 0;
	listed.process = task->tgid;
	listed.gone = false;
	describe(&listed, (ec_u64)file->private_data);
	bpf_seq_write(ctx->meta->seq, &listed, config.account ? sizeof(listed) : EC_LISTED_HEAD);
	return 0;
}

SEC("kprobe/kvm_arch_vcpu_destroy")
int vcpus_death(struct pt_regs *regs)
{
	struct ec_listed *last = bpf_ringbuf_reserve(&deaths, sizeof(*last), 0);

	if (!last) {
		__sync_fetch_and_add(&lost_deaths, 1);
		return 0;
	}
	describe(last, PT_REGS_PARM1(regs));
	last->process = bpf_get_current_pid_tgid() >> 32;
	last->gone = true;
	bpf_ringbuf_submit(last, 0);
	return 0;
}
