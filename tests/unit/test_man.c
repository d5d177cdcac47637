// SPDX-License-Identifier: GPL-2.0-only
/* The man pages have the options that --help shows, and no others. From the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "commands.h"
#include "inguest/options.h"
#include "live/top_keys.h"

#define MAX_PAGE 65536

/* The page, with "\-" as "-". */
static char page[MAX_PAGE];

static int read_page(void **state)
{
	FILE *file = fopen(*state, "r");
	size_t length = 0;
	int c;

	assert_non_null(file);
	while ((c = getc(file)) != EOF && length + 1 < MAX_PAGE)
		if (c != '\\')
			page[length++] = c;
	page[length] = '\0';
	fclose(file);
	return length + 1 == MAX_PAGE;
}

/* The subsection that describes a command's options, its end in *end. */
static const char *subsection(const char *command, const char **end)
{
	char heading[32];
	const char *begin;

	snprintf(heading, sizeof(heading), "\n.SS %s\n", command);
	begin = strstr(page, heading);
	if (!begin)
		fail_msg("the man page has no subsection %s", command);
	*end = strstr(begin + 1, "\n.S");
	if (!*end)
		*end = page + strlen(page);
	return begin;
}

/* The next "--name" of a text, copied without its dashes; NULL if there is none. */
static const char *next_option(const char *at, const char *end, char *name, size_t size)
{
	size_t length;

	while ((at = strstr(at, "--")) && at < end) {
		at += 2;
		length = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
		if (!length)
			continue;
		snprintf(name, size, "%.*s", (int)length, at);
		return at;
	}
	return NULL;
}

static bool has_option(const struct command *command, const char *name)
{
	for (const struct argp_option *o = command->options; o->name || o->doc; o++)
		if (o->name && !strcmp(o->name, name))
			return true;
	return false;
}

static void every_option_is_described(void **state)
{
	char name[64];

	(void)state;
	for (unsigned int i = 0; i < nr_commands; i++) {
		const struct command *command = &commands[i];
		const char *end, *begin = subsection(command->name, &end);

		for (const struct argp_option *o = command->options; o->name || o->doc; o++) {
			const char *at = begin;

			if (!o->name || o->key == 'h')
				continue;
			while ((at = next_option(at, end, name, sizeof(name))))
				if (!strcmp(name, o->name))
					break;
			if (!at)
				fail_msg("--%s is not in subsection %s", o->name, command->name);
		}
	}
}

static void every_described_option_exists(void **state)
{
	const char *at = page, *end = page + strlen(page);
	char name[64];

	(void)state;
	while ((at = next_option(at, end, name, sizeof(name)))) {
		bool known = !strcmp(name, "version");

		for (unsigned int i = 0; i < nr_commands; i++)
			known |= has_option(&commands[i], name);
		if (!known)
			fail_msg("no command has --%s", name);
	}
}

static void every_option_of_the_guest_is_described(void **state)
{
	char name[64];

	(void)state;
	for (const struct option *o = inguest_long_options; o->name; o++) {
		const char *at = strstr(page, "\n.SH OPTIONS\n"), *end;

		assert_non_null(at);
		end = strstr(at + 1, "\n.SH ");
		while ((at = next_option(at, end, name, sizeof(name))))
			if (!strcmp(name, o->name))
				break;
		if (!at)
			fail_msg("--%s is not under OPTIONS", o->name);
	}
}

static void every_described_option_of_the_guest_exists(void **state)
{
	const char *at = page, *end = page + strlen(page);
	char name[64];

	(void)state;
	while ((at = next_option(at, end, name, sizeof(name)))) {
		const struct option *o = inguest_long_options;

		while (o->name && strcmp(o->name, name))
			o++;
		if (!o->name)
			fail_msg("exitcheck-guest has no --%s", name);
	}
}

/* Each key of top, by its first name, is the tag of a paragraph under TOP that says what the help window says. */
static void every_key_is_described(void **state)
{
	const char *begin = strstr(page, "\n.SH TOP\n"), *end;

	(void)state;
	assert_non_null(begin);
	end = strstr(begin + 1, "\n.SH ");
	for (unsigned int i = 0; i < nr_top_bindings; i++) {
		const struct top_binding *binding = &top_bindings[i];
		char tag[64];
		const char *at;
		bool is_one = !strchr(binding->names, ' ');

		snprintf(tag, sizeof(tag), "\n.B%s %.*s%s", is_one ? "" : "R",
			 (int)strcspn(binding->names, " "), binding->names, is_one ? "\n" : " \"");
		at = strstr(begin, tag);
		if (!at || at > end)
			fail_msg("%s is not under TOP", binding->names);
		at = strchr(at + 1, '\n');
		if (strncmp(at + 1, binding->help, strlen(binding->help)))
			fail_msg("%s: \"%s\" is not what it does", binding->names, binding->help);
	}
}

#define TEST(test, file) \
	cmocka_unit_test_prestate_setup_teardown(test, read_page, NULL, (void *)file)

int main(void)
{
	static const char host[] = "user/exitcheck.8", guest[] = "user/inguest/exitcheck-guest.1";
	const struct CMUnitTest tests[] = {
		TEST(every_option_is_described, host),
		TEST(every_described_option_exists, host),
		TEST(every_key_is_described, host),
		TEST(every_option_of_the_guest_is_described, guest),
		TEST(every_described_option_of_the_guest_exists, guest),
	};

	return cmocka_run_group_tests_name("man pages", tests, NULL, NULL);
}
