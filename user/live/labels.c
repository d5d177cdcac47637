// SPDX-License-Identifier: GPL-2.0-only
#include "live/labels.h"

#include <stdio.h>
#include <string.h>

#include "kvm/exit_details.h"
#include "kvm/exits.h"
#include "util/text.h"

struct label vm_label(const struct usage_vm *vm)
{
	struct label label;

	if (!vm->number)
		snprintf(label.s, sizeof(label.s), "(gone)");
	else if (*vm->name)
		snprintf(label.s, sizeof(label.s), "%s", vm->name);
	else
		snprintf(label.s, sizeof(label.s), "process %u", vm->process);
	return label;
}

struct label reason_label(enum exit_isa isa, unsigned int index)
{
	struct label label = { "undefined numbers" };
	unsigned int number;

	if (exit_number(isa, index, &number))
		snprintf(label.s, sizeof(label.s), "%s %s", text_exit(isa, number).s,
			 exit_name(isa, number));
	return label;
}

static void append(struct label *label, const char *text)
{
	if (*label->s)
		strncat(label->s, " ", sizeof(label->s) - strlen(label->s) - 1);
	strncat(label->s, text, sizeof(label->s) - strlen(label->s) - 1);
}

struct label row_label(enum exit_isa isa, const struct usage_row *row)
{
	struct label label = { "" };
	char vcpu[24];

	if (row->vm)
		append(&label, vm_label(row->vm).s);
	if (row->vcpu && row->vcpu->vm) {
		snprintf(vcpu, sizeof(vcpu), "vCPU %u", row->vcpu->id);
		append(&label, vcpu);
	}
	if (row->index >= 0)
		append(&label, reason_label(isa, row->index).s);
	if (row->has_detail)
		append(&label, exit_detail(isa, row->index, row->detail).text);
	return label;
}
