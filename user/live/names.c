// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "live/names.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "live/processes.h"
#include "util/array.h"
#include "util/text.h"

/* Where VMMs are told the name. libvirt and what is built on it (Proxmox, OpenStack) give it to QEMU. */
static const struct rule {
	const char *program; /* that argument 0 begins with, its directory left out */
	const char *option;
	const char *
		key; /* KEY=VALUE in a list of these; a VALUE without KEY comes first. NULL: no list */
	bool is_path; /* whose last part, without its suffix, is the name */
} rules[] = {
	{ "qemu", "-name", "guest", false },
	{ "kvm", "-name", "guest", false },
	{ "firecracker", "--id", NULL, false },
	{ "cloud-hypervisor", "--api-socket", "path", true },
	{ "lkvm", "--name", NULL, false },
	{ "lkvm", "-n", NULL, false },
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The value of KEY in a list, or the first one that has no key. A comma that belongs to a value is doubled. */
static void copy_value(const char *list, const char *key, char *value, size_t size)
{
	size_t length = strlen(key), n = 0;
	bool is_first = true, found = false;

	while (*list && !found) {
		bool is_key = !strncmp(list, key, length) && list[length] == '=';

		found = is_key || (is_first && list[strcspn(list, ",=")] != '=');
		list += is_key ? length + 1 : 0;
		for (; *list && (*list != ',' || list[1] == ','); list++) {
			list += *list == ',';
			if (found && n + 1 < size)
				value[n++] = *list;
		}
		list += *list == ',';
		is_first = false;
	}
	value[n] = '\0';
}

/* What an option is given in one argument or two; NULL: this is another one. "--option" is as good as "-option". */
static const char *option_value(const char *argument, const char *next, const char *option)
{
	size_t length = strlen(option);

	if (!strncmp(argument, "--", 2) && option[1] != '-')
		argument++;
	if (strncmp(argument, option, length))
		return NULL;
	if (argument[length] == '=')
		return argument + length + 1;
	return argument[length] ? NULL : next;
}

/* "" if no argument has the option. */
static void apply(const struct rule *rule, const char *arguments, size_t length, char *name,
		  size_t size)
{
	const char *end = arguments + length;

	for (const char *at = arguments; at < end && !*name; at += strlen(at) + 1) {
		const char *next = at + strlen(at) + 1;
		const char *value = option_value(at, next < end ? next : NULL, rule->option);
		char text[256];

		if (!value)
			continue;
		snprintf(text, sizeof(text), "%s", value);
		if (rule->key)
			copy_value(value, rule->key, text, sizeof(text));
		snprintf(name, size, "%s", rule->is_path ? base_name(text) : text);
		if (rule->is_path && strrchr(name, '.') > name)
			*strrchr(name, '.') = '\0';
	}
}

void name_of_command(const char *arguments, size_t length, const char *comm, char *name,
		     size_t size)
{
	const char *program = length ? base_name(arguments) : "";

	*name = '\0';
	for (size_t i = 0; i < NR(rules) && !*name; i++)
		if (!strncmp(program, rules[i].program, strlen(rules[i].program)))
			apply(&rules[i], arguments, length, name, size);
	if (!*name)
		snprintf(name, size, "%s", *program ? program : comm);
	text_clean(name);
}

static size_t read_file(pid_t process, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", process, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? 0 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length > 0 ? length : 0;
}

void name_of_process(pid_t process, char *name, size_t size)
{
	/* libvirt's command lines are long, but begin with the name. */
	char arguments[32768], comm[32];
	size_t length = read_file(process, "cmdline", arguments, sizeof(arguments));

	read_file(process, "comm", comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	name_of_command(arguments, length, comm, name, size);
}

void name_vms(struct usage *usage)
{
	for (unsigned int i = 0; i < usage->nr_vms; i++) {
		struct usage_vm *vm = &usage->vms[i];

		if (vm->number && !*vm->name)
			name_of_process(vm->process, vm->name, sizeof(vm->name));
	}
}

int name_find(const char *wanted, pid_t *process, struct error *err)
{
	char name[sizeof(((struct usage_vm *)0)->name)], others[200] = "";
	DIR *proc = NULL;
	size_t n = 0;
	pid_t one;

	*process = 0;
	while ((one = processes_next(&proc))) {
		name_of_process(one, name, sizeof(name));
		if (!strcmp(name, wanted) && *process) {
			closedir(proc);
			return error_set(err, STATUS_USAGE,
					 "processes %d and %d both run a VM \"%s\": use -p PID",
					 *process, one, wanted);
		}
		if (!strcmp(name, wanted))
			*process = one;
		else if (n < sizeof(others))
			n += snprintf(others + n, sizeof(others) - n, "%s%s", n ? ", " : "", name);
	}
	if (*process)
		return 0;
	return error_set(err, STATUS_USAGE, "no VM \"%s\" runs here; %s%s", wanted,
			 n ? "those that run: " : "none does", others);
}
