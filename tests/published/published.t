#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What `exitcheck run --leaves` says of implementations of the published assignment, each of the design of a
# family that is public: exactly the defects and remarks that the patch states.  And of none, of another
# numbering, and of the series.  What there is to such a patch: README.md.
# shellcheck disable=SC2016 # the variables in single quotes are Perl's
set -eu

patches=$(cd "${0%/*}" && pwd)
# shellcheck source=tests/lab/test.sh
. "$patches/../lab/test.sh"

# head_of NAME KEY: a line of the patch's head; an old kernel's may differ from that of its name for 6.12.
head_of()
{
	local file=$dir/$1.patch

	sed '/^---$/q' "$file" | grep -q "^$2:" || file=$patches/$1.patch
	sed -n -e '/^---$/q' -e "s/^$2: *//p" "$file"
}

# list REPORT MEMBER: the names in that list of a report, in one line.
list()
{
	json "$out/$1.json" "join ' ', map { \$_->{name} } @{\$r->{published}{$2}}"
}

# An old kernel has patches of its own, and none of ours.
case $kernel in
6.12) dir=$patches variants=none,series ;;
5.10) dir=$patches/5.10 variants=none ;;
*) skip_all "the patches are for 6.12 and 5.10" ;;
esac
names=$(cd "$dir" && for name in *.patch; do
	! grep -q "^ISA: $isa\$" "$patches/$name" || echo "${name%.patch}"
done)
[ -z "${PUBLISHED:-}" ] || names=$PUBLISHED
for name in $names; do
	variants+=,$dir/$name.patch
done
# shellcheck disable=SC2086 # a list of names
get_runs ours none other $names
{
	run_function
	for name in $names; do
		leaves=$(head_of "$name" Leaves)
		echo "load_kvm $name"
		[ -z "$leaves" ] || echo "run other run --leaves=published -n 11"
		echo "run $name run --leaves=${leaves:-published} $(head_of "$name" Arguments)"
		echo "unload_kvm"
	done
	cat <<-'END'
		load_kvm none
		run none run --leaves=published -n 11
		unload_kvm
	END
	[[ $variants != *series* ]] || cat <<-'END'
		load_kvm series
		run ours run --leaves=published -n 50
		unload_kvm
	END
} | "$patches/../lab/lab" run --kernel "$kernel" --isa "$isa" --patch "$variants" --no-modules --timeout 3600 "${get[@]}" --job - ||
	fatal "the lab failed: status $?"

for name in $names; do
	wanted=$(head_of "$name" Defects)
	is "$name: the defects that it has, and no others" "$(list "$name" defects)" "$wanted"
	is "$name: what it leaves open" "$(list "$name" remarks)" "$(head_of "$name" Remarks)"
	is "$name: status" "$(status "$name")" "$([ -z "$wanted" ] && echo 0 || echo 1)"
	is "$name: eBPF is right" "$(json "$out/$name.json" 'join " ", map { $_->{verdict} }
		grep { $_->{id} =~ /^(TRUTH|STATS)$/ } @{$r->{checks}}')" 'PASS PASS'
	[ "$(list "$name" defects)" = "$wanted" ] || sed 's/^/# /' "$out/$name.txt" >&2
done
if [[ $variants == *series* ]]; then
	is "the series passes" "$(status ours)" 0
	is "it has no defect" "$(list ours defects)" ''
	is "its scope is the VM" "$(json "$out/ours.json" '$r->{published}{scope}')" vm
fi
is "unpatched: status 4" "$(status none)" 4
like "unpatched: there are no such leaves" "$(closing none)" '^exitcheck: no such leaves: exits=0x4ffffffd'
is "unpatched: in one line" "$(wc -l <"$out/none.txt")" 2
if [[ " ${names//$'\n'/ } " == *' ascending '* ]]; then
	is "another numbering: status 4" "$(status other)" 4
	like "another numbering: which one" "$(closing other)" 'does not count exits by number.* --leaves=ascending$'
fi
done_testing
