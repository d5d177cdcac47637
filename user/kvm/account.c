// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/account.h"

#include <unistd.h>

#include "kvm/exits.h"
#include "kvm/kvm.h"

unsigned int account_index(enum exit_isa isa, unsigned int index)
{
	unsigned int number;

	return isa == EXIT_ISA_VMX && exit_number(isa, index, &number) ? number : index;
}

static int read_array(int vcpu_fd, enum exit_isa isa, const char *name, uint64_t *values,
		      struct error *err)
{
	uint64_t counters[EXIT_NR_INDICES];
	struct kvm_stat stat;
	int status = kvm_stat_open(&stat, vcpu_fd, name, err);

	if (status)
		return status;
	if (stat.size == EXIT_NR_INDICES)
		status = kvm_stat_read_all(&stat, counters, err);
	else
		status = error_set(err, STATUS_CANNOT_RUN, "KVM's statistic \"%s\" has %u values",
				   name, stat.size);
	close(stat.fd);
	for (unsigned int i = 0; i < EXIT_NR_INDICES && !status; i++)
		values[i] = counters[account_index(isa, i)];
	return status;
}

int account_read(int vcpu_fd, enum exit_isa isa, struct kvm_account *account, struct error *err)
{
	int status = read_array(vcpu_fd, isa, "exits_by_number", account->exits, err);

	return status ?: read_array(vcpu_fd, isa, "cycles_by_number", account->cycles, err);
}
