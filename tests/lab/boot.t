#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The lab itself: boots, loads KVM unpatched and then patched, without a complaint of the kernel.
# The tests run in the host.
set -eu

"${0%/*}/lab" run --kernel "${KERNEL:-6.12}" --isa "${ISA:-svm}" --patch series,none --no-modules \
	--timeout 300 --job - <<'EOT'
for variant in none series; do
	ok "KVM loads ($variant)" load_kvm "$variant"
	ok "KVM offers itself ($variant)" test -c /dev/kvm
	ok "KVM has type information ($variant)" test -e /sys/kernel/btf/kvm
	ok "kvm_exit can be traced ($variant)" test -e /sys/kernel/tracing/events/kvm/kvm_exit/format
	is "the patch's parameter is there only with the patch ($variant)" \
		"$(cat /sys/module/kvm/parameters/exit_leaves 2>/dev/null || echo absent)" \
		"$([ "$variant" = none ] && echo absent || echo optin)"
	ok "KVM unloads ($variant)" unload_kvm
done
is "the kernel has nothing to complain about" "$(kernel_complaints)" ''
done_testing
EOT
