#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A kernel that the lab cannot have, or a source tree that no series fits, is refused before anything is
# built, in one line that says what to do.
set -eu

here=${0%/*}
# shellcheck source=tests/lab/test.sh
. "$here/test.sh"
lab=$here/lab

# refused NAME STATUS REGEX COMMAND...
refused()
{
	local name=$1 wanted=$2 regex=$3 text status=0

	shift 3
	text=$(timeout 60 "$@" 2>&1 >/dev/null </dev/null) || status=$?
	is "$name: status $wanted" "$status" "$wanted"
	like "$name: says why" "$text" "$regex"
	is "$name: in one line" "$(printf '%s\n' "$text" | wc -l)" 1
}

refused "no version" 2 "no kernel 'bogus': KERNEL is one of 5.10 6.1 6.12 7.2 7.3\$" "$lab" build --kernel bogus
refused "no source tree" 2 'KERNEL_SRC=/nowhere is not a kernel source tree' \
	env KERNEL_SRC=/nowhere "$lab" build

printf -- '--- a/arch/x86/kvm/cpuid.c\n+++ b/arch/x86/kvm/cpuid.c\n@@ -1 +1 @@\n-not there\n+new\n' >"$out/mine.patch"
refused "no such patch" 2 "no KVM variant or patch 'nowhere.patch'" "$lab" build --patch nowhere.patch
refused "not a patch" 2 'there is no patch in it' "$lab" build --patch "$0"
refused "a patch that does not apply" 3 'mine.patch does not apply to Linux .* without fuzz: rebase it' \
	"$lab" build --patch "$out/mine.patch"

# A tree like that of 6.12 where the series looks, but for SVM's half of KVM.
tree=$out/tree
mkdir "$tree"
(cd "$("$lab" source --kernel 6.12)" && cp -r --parents Makefile Kbuild scripts arch/x86/Makefile \
	arch/x86/kvm arch/x86/include virt/kvm include/linux/kvm_host.h include/uapi/linux/kvm.h \
	fs/proc/Kconfig Documentation/virt/kvm tools/testing/selftests/kvm "$tree")
echo >"$tree/arch/x86/kvm/svm/svm.c"
refused "another version" 2 'KERNEL_SRC is Linux 6\.12\..*, and KERNEL=6.1 was asked for' \
	env KERNEL_SRC="$tree" "$lab" build --kernel 6.1
refused "a tree that the series does not fit" 3 \
	'series for Linux 6.12 does not apply .*: 0003-.*SVM.*\.patch fails; take another kernel .* or another tree' \
	env KERNEL_SRC="$tree" "$lab" build --kernel 6.12

# What is compared is looked at before either is built.
compare=$here/../bench/compare
refused "compare: one KVM" 2 'two KVMs are compared: make compare A=6.1 B=7.3' "$compare" "$out/pair" none
refused "compare: neither kernel, tree nor patch" 2 "no kernel, source tree or patch 'v6.1'" \
	"$compare" "$out/pair" none v6.1
refused "compare: no such mutant" 2 "no mutant 'bogus'" "$compare" "$out/pair" mutant-bogus none
refused "compare: an option of bench" 2 'no workload "bogus"' "$compare" "$out/pair" none series -w bogus
refused "compare: how many boots" 2 'BOOTS is 1 to 99' env BOOTS=many "$compare" "$out/pair" none series
refused "compare: a patch that does not apply" 3 'mine.patch does not apply' "$compare" "$out/pair" none "$out/mine.patch"
refused "compare: a kernel that the tree is not" 2 'KERNEL_SRC is Linux 6\.12\..*, and KERNEL=6.1 was asked for' \
	env KERNEL_SRC="$tree" "$compare" "$out/pair" none 6.1
refused "compare: a tree that the series does not fit" 3 'series for Linux 6.12 does not apply' \
	"$compare" "$out/pair" none "$tree"
ok "compare: nothing is left of that" test ! -e "$out/pair"

# Its successor, which has no series.
sed 's/^PATCHLEVEL = .*/PATCHLEVEL = 13/' "$tree/Makefile" >"$out/Makefile"
mv "$out/Makefile" "$tree/Makefile"
text=$(KERNEL_SRC=$tree "$lab" build --kernel 6.13 2>&1) && status=0 || status=$?
like "a version without a series: the nearest is tried" "$text" \
	'there is no series for Linux 6.13: trying that for 6.12'
is "and refused if it does not fit" "$status" 3
done_testing
