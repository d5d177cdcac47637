// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/classic.h"

#include <string.h>

#include "tracer/tracefs.h"
#include "util/array.h"

int classic_find_fields(struct ec_fields *fields, struct error *err)
{
	const struct {
		const char *event, *name;
		struct ec_field *field;
	} wanted[] = {
		{ "kvm/kvm_exit", "vcpu_id", &fields->exit_vcpu_id },
		{ "kvm/kvm_exit", "exit_reason", &fields->exit_reason },
		{ "kvm/kvm_cpuid", "function", &fields->function },
		{ "kvm/kvm_cpuid", "index", &fields->index },
		{ "kvm/kvm_cpuid", "rax", &fields->rax },
		{ "kvm/kvm_cpuid", "rbx", &fields->rbx },
		{ "kvm/kvm_cpuid", "rcx", &fields->rcx },
		{ "kvm/kvm_cpuid", "rdx", &fields->rdx },
	};
	const char *event = NULL;
	char format[8192];
	size_t length = 0, i;
	int ret;

	for (i = 0; i < NR(wanted); i++) {
		struct tracefs_field field;

		if (!event || strcmp(event, wanted[i].event)) {
			event = wanted[i].event;
			ret = tracefs_read_format(event, format, sizeof(format), &length, err);
			if (ret)
				return ret;
		}
		ret = tracefs_parse_field(format, length, wanted[i].name, &field);
		if (ret || (field.size != 4 && field.size != 8))
			return error_set(err, STATUS_CANNOT_RUN,
					 "tracepoint %s has no usable field %s: use a version of"
					 " exitcheck that knows this kernel",
					 event, wanted[i].name);
		*wanted[i].field = (struct ec_field){ field.offset, field.size };
	}
	return 0;
}
