// SPDX-License-Identifier: GPL-2.0-only
#include "tracer/classic.h"

#include "util/array.h"

/* The fields of an event's record by name; each is of 4 or 8 bytes. */
static int find_fields(const char *event, const char *const *names, size_t nr,
		       struct tracefs_field *fields, struct error *err)
{
	char format[8192];
	size_t length = 0;
	int ret = tracefs_read_format(event, format, sizeof(format), &length, err);

	for (size_t i = 0; i < nr && !ret; i++) {
		ret = tracefs_parse_field(format, length, names[i], &fields[i]);
		if (ret || (fields[i].size != 4 && fields[i].size != 8))
			ret = error_set(err, STATUS_CANNOT_RUN,
					"tracepoint %s has no usable field %s: use a version of"
					" exitcheck that knows this kernel",
					event, names[i]);
	}
	return ret;
}

int classic_find_fields(struct tracefs_field fields[EC_NR_FIELDS], struct error *err)
{
	static const char *const exit[EC_NR_FIELDS] = {
		[EC_EXIT_VCPU_ID] = "vcpu_id",
		[EC_EXIT_REASON] = "exit_reason",
	};
	static const char *const cpuid[] = { "function", "index", "rax", "rbx", "rcx", "rdx" };
	struct tracefs_field arguments[NR(cpuid)];
	int ret = find_fields("kvm/kvm_exit", exit, NR(exit), fields, err);

	ret = ret ?: find_fields("kvm/kvm_cpuid", cpuid, NR(cpuid), arguments, err);
	for (size_t i = 1; i < NR(cpuid) && !ret; i++)
		if (arguments[i].offset < arguments[i - 1].offset)
			ret = error_set(
				err, STATUS_CANNOT_RUN,
				"tracepoint kvm/kvm_cpuid has %s before %s: use a version of"
				" exitcheck that knows this kernel",
				cpuid[i], cpuid[i - 1]);
	return ret;
}
