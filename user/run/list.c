// SPDX-License-Identifier: GPL-2.0-only
#include "run/list.h"

void list_add(struct list *list, uint32_t function, uint32_t index)
{
	if (list->nr == PROBE_MAX_READS)
		return;
	list->reads[list->nr++] = (struct probe_read){ .function = function, .index = index };
}

struct list list_begin(const struct vm *vm, unsigned int vcpu)
{
	return (struct list){ .reads = test_vm_reads(vm->test_vm, vcpu) };
}

void list_totals(struct list *list)
{
	list_add(list, LEAF_TOTAL_EXITS, 0);
	list_add(list, LEAF_VCPU_TOTAL_EXITS, 0);
	list_add(list, LEAF_TOTAL_CYCLES, 0);
	list_add(list, LEAF_VCPU_TOTAL_CYCLES, 0);
}
