#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Data written at every exit shares no cache line with another CPU's writes: neither the patch's part of
# a vCPU, nor the eBPF program's.  (The patch's counters are among KVM's statistics of the same vCPU, which
# only its thread writes.)
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
top=$here/../..
case $isa in
svm) vendor=kvm_amd struct=vcpu_svm ;;
vmx) vendor=kvm_intel struct=vcpu_vmx ;;
esac

vmlinux=$("$here/lab" build --kernel "$kernel" --patch series 2>/dev/null)
vmlinux=${vmlinux%/arch/x86/boot/bzImage}/vmlinux
"$here/lab" run --kernel "$kernel" --isa "$isa" --get "/sys/kernel/btf/$vendor:$out/btf" -- true ||
	fatal "the lab failed: status $?"

# beside MEMBER: what lies in its cache lines, of a structure as pahole shows it, those in it unfolded.
beside()
{
	sed -e 's/ *__attribute__(([^ ]*))//g' | sed -nE 's/^.*[ *}](\w+)(\[[0-9]+\])*; *\/\* +([0-9]+)(: *[0-9]+)? +([0-9]+) \*\/$/\1 \3 \5/p' |
		awk -v member="$1" '
			{ name[NR] = $1; first[NR] = $2; last[NR] = $2 + $3 - 1 }
			$1 == member { from = $2 - $2 % 64; to = last[NR] - last[NR] % 64 + 63 }
			END {
				for (i = 1; i <= NR; i++)
					if (to && first[i] <= to && last[i] >= from)
						printf "%s ", name[i]
			}'
}

# All of these, and the structures they are in, are written by the vCPU's own thread alone, if at all.
own='exit_acct exits cycles counter a v start index enabled vcpu'
got=$(pahole --btf_base "$vmlinux" --expand_types -C "$struct" "$out/btf" | beside exit_acct)
echo "# beside exit_acct: $got"
# shellcheck disable=SC2086 # words
is "$struct: in the accounting's cache lines is nothing of another CPU's" \
	"$(printf '%s\n' $got | grep -vxF "$(printf '%s\n' $own)" || true)" ''
like "$struct: the accounting was found" "$got" '\bstart index enabled\b'

# The program's are in a map whose value begins with a page, one kind after the other, a power of two of each.
for of in ec_slot ec_row ec_cpu; do
	# An object has the types that it uses.
	size=$(for object in "$top"/build/user/tracer/*.o; do
		pahole -C "$of" "$object" 2>/dev/null || true
	done | sed -n 's/.*size: \([0-9]*\),.*/\1/p' | head -n 1)
	is "$of: is of whole cache lines" "$((${size:-1} % 64))" 0
done
done_testing
