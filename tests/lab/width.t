#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Counters that begin close to 2^16, 2^32 and 2^48, on the KVM that is right: they cross it.
set -eu

here=${0%/*}
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"

"$here/lab" run --kernel 6.12 --isa "${ISA:-svm}" --patch mutant-start --job - <<'EOT'
exitcheck run -w cpuid -n 53 --vcpus 2 >/tmp/report && status=0 || status=$?
is "all checks hold" $status 0
like "counters have crossed the widths" "$(cat /tmp/report)" '^PASS WIDTH +.*: 96 reads '
is "the parameter is 0 again" "$(cat /sys/module/kvm/parameters/exit_leaves_start)" 0
done_testing
EOT
