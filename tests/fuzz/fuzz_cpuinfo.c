// SPDX-License-Identifier: GPL-2.0-only
/* /proc/cpuinfo. */
#include "fuzz.h"
#include "kvm/host.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host host = { 0 };
	FILE *file;

	if (!size)
		return 0;
	file = fmemopen((void *)data, size, "r");
	must(file);
	host_read_cpuinfo(&host, file);
	fclose(file);
	must(!host.isa || host.isa == EXIT_ISA_VMX || host.isa == EXIT_ISA_SVM);
	must(memchr(host.cpu, '\0', sizeof(host.cpu)));
	/* It goes to terminals, and into JSON. */
	must(text_is_clean(host.cpu));
	return 0;
}
