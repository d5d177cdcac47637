#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The programs that need KVM's types load, with each of their options, on Linux 6.1: of the kernels that have what they
# need, its verifier allows the least (the stacks of a chain of calls are 512 bytes together).
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
[ "$isa" = svm ] || skip_all "the programs are the same on VMX"
"$here/lab" has-image --kernel 6.1 || skip_all "this Debian has no Linux 6.1 of its own"
${CC:-cc} -O2 -Wall -Wextra -Werror -o "$out/vmm" "$here/vmm.c"

"$here/lab" run --kernel 6.1 --patch series --bring "$out/vmm" --job - <<'END'
exitcheck run -w cpuid -w out -n 53 >/tmp/run 2>&1
is "exitcheck run: exits are audited" "$? $(grep -o '^PASS AUDIT' /tmp/run)" '0 PASS AUDIT'
for clock in monotonic tsc; do
	exitcheck audit --path btf --clock $clock -- vmm details 20 >/tmp/said 2>&1
	like "exitcheck audit ($clock)" "$? $(tail -n 1 /tmp/said)" '^0 PASS: '
	for options in '' '--by detail' --split '--over 1s'; do
		# shellcheck disable=SC2086
		exitcheck stat --path btf --clock $clock $options -- vmm details 20 >/tmp/said 2>&1
		like "exitcheck stat $options ($clock)" "$? $(tail -n 1 /tmp/said)" '^0 complete: '
	done
done
done_testing
END
