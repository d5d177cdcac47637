#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What is installed beside the programs: each command's man page has the options that its --help shows and no
# others, and the shells complete them.
set -eu

here=${0%/*}
top=$here/../..
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"

# offered_SHELL WORD...: what is offered for the last word, a line each.
offered_bash()
{
	# shellcheck disable=SC2016,SC2317 # the inner shell's variables; called by name
	bash --norc -c '. "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); "_$1"; printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$top/build/completions/$1.bash" "$@"
}

offered_fish()
{
	# shellcheck disable=SC2016,SC2317 # the inner shell's variables; called by name
	fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' "$top/build/completions/$1.fish" "$*" | cut -f 1
}

# zsh's own _arguments and _describe want a terminal: their arguments tell.
offered_zsh()
{
	# shellcheck disable=SC2016,SC2317 # the inner shell's variables; called by name
	zsh -f -c '
		_arguments() { print -rl -- "$@"; }
		_describe() { print -rl -- "${(@P)2%%:*}"; }
		file=$1; shift; words=("$@") CURRENT=$#
		complete() { . $file; }
		complete' zsh "$top/build/completions/$1.zsh" "$@" |
		sed -E '/^[^-]*-s$/d; s/^\*?(\([^)]*\))?(--?[a-z-]+)[+=]?.*/\2/; /^\*/d'
}

# options TEXT: the long options in it, sorted.
options()
{
	sed -nE 's/^ *(-[a-zA-Z], *)?(--[a-z-]+).*/\2/p' <<<"$1" | sort
}

# man_options COMMAND: those that its page has under OPTIONS.
man_options()
{
	options "$(sed -n '/^\.SH OPTIONS/,/^\.SH EXIT/p' "$top/build/man/exitcheck-$1.8" |
		sed -E '/^\.TP/,/^\.B/!d; s/^\.[BIR]+ //; s/\\-/-/g; s/"//g; s/ ,/,/; s/[= ]*\\fI.*//')"
}

commands=$("$top/exitcheck" --help | sed -nE '/^Commands/,/^ +-/s/^  ([a-z]+) +[a-z].*/\1/p')
for command in $commands; do
	is "the man page of $command has its options" "$(man_options "$command")" \
		"$({ echo --version; options "$("$top/exitcheck" "$command" --help)"; } | sort)"
done

for shell in bash zsh fish; do
	is "$shell completes the commands" "$(offered_$shell exitcheck '' | sort)" "$(sort <<<"$commands")"
	for command in $commands; do
		is "$shell completes the options of $command" "$(options "$(offered_$shell exitcheck "$command" --)")" \
			"$(options "$("$top/exitcheck" "$command" --help)")"
	done
	is "$shell completes those of run without it" "$(options "$(offered_$shell exitcheck --)")" \
		"$(options "$("$top/exitcheck" run --help)")"
	is "$shell completes the options of exitcheck-guest" "$(options "$(offered_$shell exitcheck-guest --)")" \
		"$(options "$("$top/exitcheck-guest" --help)")"
	[ "$shell" != zsh ] || continue
	[ "$shell" != fish ] || like "$shell completes a command's name" "$(offered_$shell exitcheck stat --by vm -- tru)" '^true$'
	is "$shell completes values" "$(offered_$shell exitcheck audit --path '' | sort | paste -sd ' ')" 'auto btf classic'
	is "$shell completes workloads" "$(offered_$shell exitcheck bench -w leaf-v | sort | paste -sd ' ')" 'leaf-vcpu leaf-vm'
done
done_testing
