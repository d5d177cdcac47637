// SPDX-License-Identifier: GPL-2.0-only
/* Names of VMs, from the arguments of their VMMs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "live/names.h"
#include "util/array.h"

/* Arguments are separated by blanks here. */
static void expect(const char *line, const char *comm, const char *wanted)
{
	char arguments[256], name[16];
	size_t length = strlen(line);

	snprintf(arguments, sizeof(arguments), "%s", line);
	for (size_t i = 0; i < length; i++)
		if (arguments[i] == ' ')
			arguments[i] = '\0';
	name_of_command(arguments, length ? length + 1 : 0, comm, name, sizeof(name));
	if (strcmp(name, wanted))
		fail_msg("\"%s\": \"%s\", not \"%s\"", line, name, wanted);
}

static void of_vmms(void **state)
{
	static const struct {
		const char *line, *name;
	} cases[] = {
		{ "/usr/bin/qemu-system-x86_64 -name guest=web1,debug-threads=on -S", "web1" },
		{ "/usr/bin/kvm -id 101 -name vm101,debug-threads=on", "vm101" },
		{ "qemu-system-x86_64 -m 1G --name plain", "plain" },
		{ "qemu-system-x86_64 -name debug-threads=on,guest=last", "last" },
		{ "qemu-system-x86_64 -name guest=a,,b,process=x", "a,b" },
		{ "qemu-system-x86_64 -name debug-threads=on", "qemu-system-x86" },
		{ "qemu-system-x86_64 -name", "qemu-system-x86" },
		{ "qemu-system-x86_64 -named x", "qemu-system-x86" },
		{ "/srv/firecracker --id 5ad1 --config-file x", "5ad1" },
		{ "firecracker --id=5ad1", "5ad1" },
		{ "cloud-hypervisor --api-socket /run/vms/db.sock --cpus boot=1", "db" },
		{ "cloud-hypervisor --api-socket path=/run/vms/db.sock", "db" },
		{ "lkvm run --name n -k bzImage", "n" },
		{ "/opt/own/vmm --name x", "vmm" },
	};

	(void)state;
	for (size_t i = 0; i < NR(cases); i++)
		expect(cases[i].line, "comm", cases[i].name);
}

static void without_arguments(void **state)
{
	(void)state;
	expect("", "comm", "comm");
	expect("", "", "");
	/* Nothing that would spoil a terminal. */
	expect("firecracker --id \033[2Jx", "comm", "?[2Jx");
	expect("firecracker --id 0123456789abcdef", "comm", "0123456789abcde");
}

static void of_a_process(void **state)
{
	char name[64];

	(void)state;
	name_of_process(getpid(), name, sizeof(name));
	assert_string_equal(name, "test_names");
	name_of_process(0x7fffffff, name, sizeof(name));
	assert_string_equal(name, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_vmms),
		cmocka_unit_test(without_arguments),
		cmocka_unit_test(of_a_process),
	};

	return cmocka_run_group_tests_name("names of VMs", tests, NULL, NULL);
}
