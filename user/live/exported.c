// SPDX-License-Identifier: GPL-2.0-only
#include "live/exported.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/labels.h"

static struct exported_vm *find(const struct exported *exported, unsigned int number)
{
	for (unsigned int i = 0; i < exported->nr; i++)
		if (exported->vms[i].number == number)
			return &exported->vms[i];
	return NULL;
}

const struct exported_vm *exported_find(const struct exported *exported, unsigned int number)
{
	const struct exported_vm *vm = find(exported, number);

	return vm && !vm->hidden ? vm : NULL;
}

/* Whether a VM that runs has the label. One that went gives it away: a VM that is started again has its name. */
static bool is_taken(struct exported *exported, const char *label)
{
	for (unsigned int i = 0; i < exported->nr; i++) {
		struct exported_vm *vm = &exported->vms[i];

		if (vm->hidden || strcmp(vm->label, label))
			continue;
		if (!vm->gone)
			return true;
		vm->hidden = true;
	}
	return false;
}

static void set_label(struct exported *exported, const struct usage_vm *vm, char *label,
		      size_t size)
{
	const struct label name = vm_label(vm);

	snprintf(label, size, "%s", name.s);
	if (is_taken(exported, label))
		snprintf(label, size, "%.80s (process %u)", name.s, vm->process);
	if (is_taken(exported, label))
		snprintf(label, size, "%.80s (process %u, VM %u)", name.s, vm->process, vm->number);
}

/* What usage has no more is in the sum of all that went long ago. */
static void forget(struct exported *exported, const struct usage *usage)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < exported->nr; i++) {
		bool is_there = false;

		for (unsigned int j = 0; j < usage->nr_vms; j++)
			is_there |= usage->vms[j].number == exported->vms[i].number;
		if (is_there)
			exported->vms[nr++] = exported->vms[i];
	}
	exported->nr = nr;
}

bool exported_update(struct exported *exported, const struct usage *usage)
{
	struct exported_vm *vms;

	forget(exported, usage);
	vms = realloc(exported->vms, (usage->nr_vms + 1) * sizeof(*vms));
	if (!vms)
		return false;
	exported->vms = vms;
	/* Those that go first: another one may have the name. */
	for (unsigned int i = 0; i < usage->nr_vms; i++) {
		const struct usage_vm *vm = &usage->vms[i];
		struct exported_vm *known = find(exported, vm->number);

		if (!known || vm->gone < vm->vcpus)
			continue;
		if (!known->gone)
			known->went = usage->seconds;
		known->gone = true;
		known->hidden |= usage->seconds - known->went >= EXPORTED_STAY;
	}
	for (unsigned int i = 0; i < usage->nr_vms; i++) {
		const struct usage_vm *vm = &usage->vms[i];
		struct exported_vm new = { .number = vm->number };

		if (!vm->number || find(exported, vm->number))
			continue;
		new.gone = vm->gone == vm->vcpus;
		new.went = usage->seconds;
		set_label(exported, vm, new.label, sizeof(new.label));
		exported->vms[exported->nr++] = new;
	}
	return true;
}

void exported_release(struct exported *exported)
{
	free(exported->vms);
	*exported = (struct exported){ 0 };
}
