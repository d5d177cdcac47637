#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The series under the kernel's own checkers: CONFIG is kasan, ubsan, kcsan or lockdep (with kmemleak),
# preempt or rt, or nothing for the lab's ordinary kernel.  The lab fails if the kernel reports anything.
set -eu

here=${0%/*}
lab=$here/../lab/lab
kernel=${KERNEL:-6.12} config=${CONFIG:-} cycles=${CYCLES:-1000}
bins=$("$lab" selftests --kernel "$kernel")
selftest=$(find "$bins" -name exit_leaves_test)

# What the compiler puts into modules for that checker.
case $config in
kasan) symbol=__asan_ ;;
ubsan) symbol=__ubsan_ ;;
kcsan) symbol=__tsan_ ;;
lockdep) symbol=lockdep_ ;;
*) symbol= ;;
esac

{ cat "$here/checker.sh"; echo "config='$config' symbol='$symbol' cycles='$cycles'"; cat <<'EOT'; } |
# memory: what is left free, in kB.
memory()
{
	echo 3 >/proc/sys/vm/drop_caches
	sleep 3
	awk '$1 == "MemFree:" { print $2 }' /proc/meminfo
}

# slabs: name and number of objects of each cache.
slabs()
{
	awk 'NR > 2 { print $1, $2 }' /proc/slabinfo
}

ok "KVM loads" load_kvm series
[ -z "$symbol" ] ||
	ok "its modules are checked" grep -q "$symbol" /run/lab/modules/series/kvm.ko
checker_start "$config"
ok "the validation passes, with everything at once for a minute" exitcheck run --storm 60
ok "vCPUs read what others count" read_others
# By its path: it looks for itself there.
ok "the series' own selftest passes" /run/lab/bin/exit_leaves_test

ok "VMs come and go" cycles 100
before=$(memory)
[ "$config" != lockdep ] || slabs >/tmp/before
ok "$cycles VMs come and go" cycles "$cycles"
after=$(memory)
# A vCPU takes more than 10 kB, and each cycle creates two or more.  An unpatched KVM, too, has
# up to 1 kB more in use after each, which the kernel frees later.  KASAN itself keeps what was freed.
[ "$config" = kasan ] || ok "they leave no memory behind ($before kB free, then $after)" \
	test $((before - after)) -lt $((2 * cycles))
if [ "$config" = lockdep ]; then
	slabs >/tmp/after
	is "nor an object each" "$(awk -v limit=$((cycles / 2)) '
		NR == FNR { had[$1] = $2; next }
		$2 - had[$1] >= limit { print $1, had[$1], $2 }' /tmp/before /tmp/after)" ''
fi
ok "KVM unloads" unload_kvm
is "nothing is found in the end" "$(checker_end "$config")" ''
is "the kernel has nothing to complain about" "$(kernel_complaints)" ''
done_testing
EOT
exec "$lab" run --kernel "$kernel" --isa "${ISA:-svm}" ${config:+--config "$config"} --patch series \
	--no-modules --timeout 3600 --bring "$selftest" --bring "$here/../../build/hygiene/cycles" --job -
