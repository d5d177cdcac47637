/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef ACCOUNT_H
#define ACCOUNT_H

/* The patched KVM's account of a vCPU's exits, as it has it for the host. */

#include <stdbool.h>
#include <stdint.h>

#include "exit_numbers.h"
#include "util/error.h"

/* By dense index. */
struct kvm_account {
	uint64_t exits[EXIT_NR_INDICES], cycles[EXIT_NR_INDICES];
};

/*
 * Where KVM has the exits of a dense index: by the exit reason on VMX, and so on SVM. False, and the index itself:
 * no exit has that one.
 */
bool account_index(enum exit_isa isa, unsigned int index, unsigned int *at);

/* Through KVM_GET_STATS_FD of a vCPU; fails if KVM has no such statistics, or of another size. */
int account_read(int vcpu_fd, enum exit_isa isa, struct kvm_account *account, struct error *err);

#endif
