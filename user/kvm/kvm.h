/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVM_H
#define KVM_H

#include <linux/kvm.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

/* See kernel-patch/README.md. */
#define KVM_CAP_X86_EXIT_LEAVES 20476
#define KVM_X86_EXIT_LEAVES_ENABLE (1ull << 0)
#define KVM_X86_EXIT_LEAVES_HOST (1ull << 1)

/* An ioctl of KVM: its result, or a negative number and *err says which one failed and why. */
#define KVM(fd, request, arg, err) kvm_call(fd, request, #request, (const void *)(arg), err)
int kvm_call(int fd, unsigned long request, const char *name, const void *arg, struct error *err);

/* Sets an MSR of a vCPU: 1, 0 if KVM refuses it, or a negative number and *err. */
int kvm_set_msr(int vcpu_fd, uint32_t index, uint64_t data, struct error *err);

/* For everything else that can fail: "what: strerror(error)", STATUS_CANNOT_RUN. */
int system_error(struct error *err, const char *what, int error);

/* One of KVM's own counters of a vCPU, or an array of them. */
struct kvm_stat {
	int fd; /* -1: not open */
	off_t offset;
	unsigned int size; /* counters */
};

/* Finds the statistic of that name through KVM_GET_STATS_FD; the caller closes stat->fd. */
int kvm_stat_open(struct kvm_stat *stat, int vcpu_fd, const char *name, struct error *err);

/* Its counters; fails if these are not nr. */
int kvm_stat_read(const struct kvm_stat *stat, uint64_t *values, unsigned int nr,
		  struct error *err);

/* A statistic summed over the vCPUs of a VM of this process, through debugfs: what there is before v5.14. */
int kvm_stat_of_vm(int vm_fd, const char *name, uint64_t *value, struct error *err);

#endif
