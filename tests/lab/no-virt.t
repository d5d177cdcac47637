#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# On this machine, if it has neither VMX nor SVM: exitcheck says so at once and runs no guest. A /dev/kvm in
# software, if there is one, takes minutes for an ordinary guest.
set -eu

top=${0%/*}/../..
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"
! grep -qwE 'vmx|svm' /proc/cpuinfo || skip_all "this CPU has VMX or SVM"

for command in '' run 'watch --seconds 1'; do
	# shellcheck disable=SC2086 # words
	text=$(timeout 5 "$top/exitcheck" $command 2>&1 </dev/null) && status=0 || status=$?
	is "exitcheck $command: status 3" "$status" 3
	like "exitcheck $command: one line says why" "$text" '^exitcheck: .*neither VMX nor SVM'
	is "exitcheck $command: and that is all" "$(printf '%s\n' "$text" | wc -l)" 1
done
ok "exitcheck list works here" "$top/exitcheck" list
ok "exitcheck --help works here" "$top/exitcheck" --help
done_testing
