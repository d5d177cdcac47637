// SPDX-License-Identifier: GPL-2.0-only
#include "kvm/account.h"

#include <unistd.h>

#include "kvm/exits.h"
#include "kvm/kvm.h"

bool account_index(enum exit_isa isa, unsigned int index, unsigned int *at)
{
	unsigned int number;

	*at = index;
	if (index == EXIT_INDEX_OTHER)
		return true;
	if (!exit_number(isa, index, &number))
		return false;
	if (isa == EXIT_ISA_VMX)
		*at = number;
	return true;
}

static int read_array(int vcpu_fd, enum exit_isa isa, const char *name, uint64_t *values,
		      struct error *err)
{
	uint64_t counters[EXIT_NR_INDICES];
	struct kvm_stat stat;
	unsigned int at;
	int status = kvm_stat_open(&stat, vcpu_fd, name, err);

	if (status)
		return status;
	status = kvm_stat_read(&stat, counters, EXIT_NR_INDICES, err);
	close(stat.fd);
	for (unsigned int i = 0; i < EXIT_NR_INDICES && !status; i++)
		values[i] = account_index(isa, i, &at) ? counters[at] : 0;
	return status;
}

int account_read(int vcpu_fd, enum exit_isa isa, struct kvm_account *account, struct error *err)
{
	int status = read_array(vcpu_fd, isa, "exits_by_number", account->exits, err);

	return status ?: read_array(vcpu_fd, isa, "cycles_by_number", account->cycles, err);
}
