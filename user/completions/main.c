// SPDX-License-Identifier: GPL-2.0-only
/*
 * completions PROGRAM SHELL: prints the completions of exitcheck or exitcheck-guest for bash, zsh or fish,
 * from the tables that the programs themselves read.  The build runs it; it is not installed.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bench/plan.h"
#include "commands.h"
#include "inguest/options.h"
#include "util/array.h"

/* exitcheck-guest's table, as one of exitcheck's. */
#define MAX_GUEST_OPTIONS 32
static struct argp_option guest_options[MAX_GUEST_OPTIONS];
static const struct command guest_command = {
	.name = "",
	.options = guest_options,
	.takes_command = true,
};

/* What is completed: without subcommands there is one command. */
static struct program {
	const char *name;
	const struct command *commands;
	unsigned int nr;
	bool has_subcommands;
} program;

static void guest_table(void)
{
	const struct option *o = inguest_long_options;

	for (unsigned int i = 0; o[i].name && i + 1 < MAX_GUEST_OPTIONS; i++) {
		guest_options[i] = (struct argp_option){
			.name = o[i].name,
			.key = o[i].val,
			.arg = o[i].has_arg ? inguest_option_argument(i) : NULL,
			.doc = inguest_option_text(i),
		};
	}
}

static bool is_row(const struct argp_option *o)
{
	return o->name || o->doc;
}

static bool has_letter(const struct argp_option *o)
{
	return o->key > 0 && o->key < 128 && isalnum(o->key);
}

static bool takes_file(const struct argp_option *o)
{
	return o->arg && !strcmp(o->arg, "FILE");
}

/* The words that an option's argument can be, each with a blank before it; their number. */
static unsigned int print_choices(const struct command *command, const struct argp_option *o)
{
	unsigned int nr = 0;

	if (!o->arg)
		return 0;
	if (program.has_subcommands && o->key == 'w') {
		for (; nr < nr_workloads; nr++)
			printf(" %s", workloads[nr].name);
		for (unsigned int i = 0; command->takes_leaf_reads && i < BENCH_NR_READS; i++)
			printf(" %s", bench_reads[i].workload.name);
	} else if (program.has_subcommands && o->key == OPTION_OBSERVER) {
		for (; nr < nr_bench_observers; nr++)
			printf(" %s", bench_observers[nr].name);
	} else if (strchr(o->arg, '|')) {
		nr = 1;
		putchar(' ');
		for (const char *c = o->arg; *c; c++)
			putchar(*c == '|' ? ' ' : *c);
	}
	return nr;
}

/* A text in single quotes; those characters of it that special names with a backslash. */
static void print_quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (*text == '\n')
			putchar(' ');
		else
			printf(strchr(special, *text) ? "\\%c" : "%c", *text);
	}
}

static void print_commands(const char *separator)
{
	for (unsigned int i = 0; i < program.nr; i++)
		printf("%s%s", i ? separator : "", program.commands[i].name);
}

/* ---- bash: without the functions of bash-completion, which need not be there ---- */

static void bash_command(const struct command *command)
{
	printf("\t%s)\n\t\tcase $prev in\n", program.has_subcommands ? command->name : "*");
	for (const struct argp_option *o = command->options; is_row(o); o++) {
		if (!o->name || !o->arg)
			continue;
		printf("\t\t--%s", o->name);
		if (has_letter(o))
			printf(" | -%c", o->key);
		if (takes_file(o)) {
			printf(") files=1 ;;\n");
			continue;
		}
		printf(") value=1 words='");
		print_choices(command, o);
		printf("' ;;\n");
	}
	printf("\t\t*) words='");
	for (const struct argp_option *o = command->options; is_row(o); o++)
		if (o->name)
			printf(" --%s", o->name);
	printf("' files=%d ;;\n\t\tesac ;;\n", command->nr_files || command->takes_command);
}

static void bash(void)
{
	printf("# bash completion for %s\n_%s()\n{\n", program.name, program.name);
	printf("\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	       "\tlocal command=%s words='' files=0 value=0\n\n"
	       "\tCOMPREPLY=()\n"
	       "\t# --option=value comes as three words.\n"
	       "\tif [ \"$cur\" = = ]; then\n"
	       "\t\tcur=''\n"
	       "\telif [ \"$prev\" = = ]; then\n"
	       "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	       "\tfi\n",
	       program.commands[0].name);
	if (program.has_subcommands) {
		printf("\tif [ \"$COMP_CWORD\" -gt 1 ]; then\n\t\tcase ${COMP_WORDS[1]} in\n\t\t");
		print_commands(" | ");
		printf(") command=${COMP_WORDS[1]} ;;\n\t\tesac\n\tfi\n");
	}
	printf("\tcase $command in\n");
	for (unsigned int i = 0; i < program.nr; i++)
		bash_command(&program.commands[i]);
	printf("\tesac\n");
	if (program.has_subcommands) {
		printf("\tif [ \"$COMP_CWORD\" = 1 ] && [[ $cur != -* ]]; then\n\t\twords='");
		print_commands(" ");
		printf("'\n\t\tfiles=0\n\telif");
	} else {
		printf("\tif");
	}
	printf(" [ \"$files\" = 1 ] && [[ $cur != -* ]]; then\n"
	       "\t\tcompopt -o default 2>/dev/null\n"
	       "\t\treturn\n"
	       "\telif [ \"$value\" = 0 ] && [[ $cur != -* ]]; then\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	       "}\n"
	       "complete -F _%s %s\n",
	       program.name, program.name);
}

/* ---- zsh ---- */

static void zsh_option(const struct command *command, const struct argp_option *o)
{
	printf("\n\t\t\t");
	if (has_letter(o))
		printf("'(-%c --%s)'{-%c%s,--%s%s}'[", o->key, o->name, o->key, o->arg ? "+" : "",
		       o->name, o->arg ? "=" : "");
	else
		printf("'--%s%s[", o->name, o->arg ? "=" : "");
	print_quoted(o->doc, "[]:\\");
	putchar(']');
	if (o->arg) {
		putchar(':');
		print_quoted(strchr(o->arg, '|') ? o->name : o->arg, ":\\");
		putchar(':');
	}
	if (takes_file(o)) {
		printf("_files");
	} else if (o->arg) {
		putchar('(');
		print_choices(command, o);
		putchar(')');
	}
	printf("' \\");
}

static void zsh_command(const struct command *command)
{
	printf("\t%s)\n\t\t_arguments -s \\", program.has_subcommands ? command->name : "*");
	for (const struct argp_option *o = command->options; is_row(o); o++)
		if (o->name)
			zsh_option(command, o);
	printf("\n\t\t\t%s ;;\n", command->takes_command ? "'*::command:_normal'" :
				  command->nr_files	 ? "'*:file:_files'" :
							   "&& return");
}

static void zsh(void)
{
	printf("#compdef %s\nlocal command=%s\n\n", program.name, program.commands[0].name);
	if (program.has_subcommands) {
		printf("if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
		       "\tlocal -a commands=(");
		for (unsigned int i = 0; i < program.nr; i++) {
			printf("\n\t\t'%s:", program.commands[i].name);
			print_quoted(program.commands[i].summary, "");
			putchar('\'');
		}
		printf("\n\t)\n\t_describe command commands\n\treturn\nfi\n"
		       "if [[ $words[2] != -* ]]; then\n"
		       "\tcommand=$words[2]\n"
		       "\tshift words\n"
		       "\t(( CURRENT-- ))\n"
		       "fi\n");
	}
	printf("case $command in\n");
	for (unsigned int i = 0; i < program.nr; i++)
		zsh_command(&program.commands[i]);
	printf("esac\n");
}

/* ---- fish ---- */

/* The condition under which a command's options are offered; those of the first also without a command. */
static void fish_condition(unsigned int i)
{
	if (!program.has_subcommands)
		return;
	printf(" -n '%s __fish_seen_subcommand_from", i ? "" : "not");
	for (unsigned int j = i ? i : 1; j < (i ? i + 1 : program.nr); j++)
		printf(" %s", program.commands[j].name);
	putchar('\'');
}

static void fish_command(unsigned int i)
{
	const struct command *command = &program.commands[i];

	for (const struct argp_option *o = command->options; is_row(o); o++) {
		if (!o->name)
			continue;
		printf("complete -c %s", program.name);
		fish_condition(i);
		if (has_letter(o))
			printf(" -s %c", o->key);
		printf(" -l %s", o->name);
		if (takes_file(o)) {
			printf(" -r -F");
		} else if (o->arg) {
			printf(" -x -a '");
			print_choices(command, o);
			putchar('\'');
		}
		printf(" -d '");
		print_quoted(o->doc, "\\");
		printf("'\n");
	}
	if (command->nr_files || command->takes_command) {
		printf("complete -c %s", program.name);
		fish_condition(i);
		if (command->takes_command)
			printf(" -x -a '(__%s_command)'\n", program.name);
		else
			printf(" -F\n");
	}
}

static void fish(void)
{
	printf("# fish completion for %s\n", program.name);
	/* fish's own way takes a name among our arguments, such as stat, for the command's. */
	printf("function __%s_command\n"
	       "\tset -l words (commandline -opc)\n"
	       "\tset -l at (contains -i -- -- $words); or return\n"
	       "\tset -e words[1..$at]\n"
	       "\tcomplete -C \"$words \"(commandline -ct)\n"
	       "end\n",
	       program.name);
	printf("complete -c %s -f\n", program.name);
	for (unsigned int i = 0; i < program.nr && program.has_subcommands; i++) {
		printf("complete -c %s -n __fish_use_subcommand -a %s -d '", program.name,
		       program.commands[i].name);
		print_quoted(program.commands[i].summary, "\\");
		printf("'\n");
	}
	for (unsigned int i = 0; i < program.nr; i++)
		fish_command(i);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	if (argc == 3 && !strcmp(argv[1], "exitcheck")) {
		program = (struct program){ argv[1], commands, nr_commands, true };
	} else if (argc == 3 && !strcmp(argv[1], "exitcheck-guest")) {
		guest_table();
		program = (struct program){ argv[1], &guest_command, 1, false };
	}
	for (unsigned int i = 0; program.name && i < NR(shells); i++) {
		if (!strcmp(shells[i].name, argv[2])) {
			shells[i].print();
			return fflush(stdout) ? STATUS_CANNOT_RUN : 0;
		}
	}
	fprintf(stderr, "usage: completions exitcheck|exitcheck-guest bash|zsh|fish\n");
	return STATUS_USAGE;
}
