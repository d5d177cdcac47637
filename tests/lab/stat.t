#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck stat` of VMs whose exits are known: exact by reason, vCPU and VM, whatever comes and goes, by each source,
# and the same as KVM's statistic; intervals add up; VMs are found by process and name; what is wrong is said in one line,
# and nothing stays behind.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
${CC:-cc} -O2 -Wall -Wextra -Werror -o "$out/vmm" "$here/vmm.c"

{ echo "cpuid=$([ "$isa" = svm ] && echo 114 || echo 10) io=$([ "$isa" = svm ] && echo 123 || echo 30)"; cat <<'END'; } |
# stat NAME OPTION...: into /tmp/NAME, and its status into $status.
stat()
{
	name=$1
	shift
	timeout 120 exitcheck stat "$@" >/tmp/$name 2>/tmp/$name.err && status=0 || status=$?
	closing=$(tail -n 1 /tmp/$name)
	echo "# $name: status $status, $closing"
}

# exits NAME NUMBER [OF]: that CSV has, of all or of all intervals.
exits()
{
	awk -F , -v number="$2" -v of="${3:-all}" '$3 == of && $8 == number { sum += $10 } END { print sum + 0 }' /tmp/$1
}

# begun NAME: waits until a stat in the background says that it counts.
begun()
{
	until grep -q '; Ctrl-C ends it' /tmp/$1.err 2>/dev/null; do
		usleep 50000
	done
}

for path in btf classic; do
	# 9 leaves and an exit to user space a round; 20 rounds of a VM, 2 of each vCPU, 1 of each thread.
	stat vms --path $path --csv /tmp/vms.csv -- vmm vms 100
	like "100 VMs by $path: complete" "$status $closing" "^0 complete: every exit of 100 vCPUs$([ $path = btf ] && echo "; KVM's statistic had the same [0-9,]+ on 100 vCPUs\$" || echo '; 100 may have run before')"
	is "100 VMs by $path: the guests' exits, exactly" "$(exits vms.csv $cpuid) $(exits vms.csv $io)" '18000 2000'
	stat threads --path $path --csv /tmp/threads.csv -- vmm threads 100
	is "100 threads by $path" "$status $(exits threads.csv $cpuid) $(exits threads.csv $io)" '0 900 100'
done
stat kernel --source kernel --csv /tmp/kernel.csv -- vmm vms 100
like "100 VMs by the kernel: complete" "$status $closing" "^0 complete: every exit of 100 vCPUs; KVM's statistic has the same [0-9,]+ on 100 vCPUs\$"
is "100 VMs by the kernel: the guests' exits, exactly" "$(exits kernel.csv $cpuid) $(exits kernel.csv $io)" '18000 2000'
stat both --source both -- vmm vms 20
like "by both, which agree" "$status $closing" "^0 complete: .*; KVM's own account had the same [0-9,]+, by reason, on 20 vCPUs\$"
stat vcpus --by vcpu --csv /tmp/vcpus.csv -- vmm vcpus 50
is "50 vCPUs: a row each, of 20 exits and the host's" \
	"$status $(awk -F , '$3 == "all" && $7 != "" && $10 >= 20' /tmp/vcpus.csv | wc -l)" '0 50'
stat former --csv /tmp/former.csv --interval 1 -- sh -c 'for i in 1 2 3; do vmm vcpus 500; usleep 500000; done'
like "more vCPUs than are kept apart" "$status $closing" '^0 complete: every exit of 1500 vCPUs; .* the same .* on 1500 vCPUs$'
is "their exits" "$(exits former.csv $cpuid) $(exits former.csv $io)" '27000 3000'
is "and the sum of all intervals" "$(exits former.csv $cpuid interval) $(exits former.csv $io interval)" '27000 3000'

cp "$(command -v vmm)" /tmp/firecracker
/tmp/firecracker forever --id fc1 &
first=$!
vmm forever &
second=$!
until_true has_exits $first
until_true has_exits $second
stat all --by vm --csv /tmp/all.csv --seconds 2
is "two VMs, and their names" "$status $(awk -F , '$3 == "all" { print $5 }' /tmp/all.csv | sort | tr '\n' ' ')" '0 "fc1" "vmm" '
like "that ran before" "$closing" "^complete: every exit of 2 vCPUs; KVM's statistic had the same .* on 2 vCPUs.*; 2 had run before"
stat busy --source both --seconds 1
like "by both, while they run" "$status $closing" "^0 complete: .*; KVM's own account had the same [0-9,]+, by reason, on 2 vCPUs"
statuses=
for i in 1 2 3 4 5; do
	stat classic --path classic --seconds 1
	statuses="$statuses $status"
done
is "by the classic tracepoints: an exit whose entry was before is not lost" "$statuses" ' 0 0 0 0 0'
stat sum --source kernel --interval 1 --count 2 --csv /tmp/sum.csv
like "by the kernel" "$status $closing" "^0 complete: every exit of 2 vCPUs; KVM's statistic has the same [1-9][0-9,]* on 2 vCPUs"
is "the sum of its intervals" "$(exits sum.csv $cpuid interval)" "$(exits sum.csv $cpuid)"
stat one --by vm --csv /tmp/one.csv --vm fc1 --seconds 1
is "one by its name" "$status $(awk -F , '$3 == "all" { print $5, $6 }' /tmp/one.csv)" "0 \"fc1\" $first"
stat other --by vm --csv /tmp/other.csv -p $second --seconds 1
is "one by its process" "$status $(awk -F , '$3 == "all" { print $5, $6 }' /tmp/other.csv)" "0 \"vmm\" $second"
stat tsc --clock tsc --seconds 1
is "by the TSC" $status 0
stat count --interval 1 --count 2 --json /tmp/json
is "two tables and the last, as text and as JSON" "$status $(grep -c '^total ' /tmp/count) $(wc -l </tmp/json)" '0 3 3'
like "a guest that does nothing else spends time in exits" "$(grep '^total ' /tmp/count | tail -n 1)" ' [1-9][0-9.]* %'

stat nobody --vm nobody
is "no VM of that name: status 2" "$status" 2
like "and which there are" "$(cat /tmp/nobody.err)" '^exitcheck: no VM "nobody" runs here; those that run: (fc1, vmm|vmm, fc1)$'
stat shell -p $$
is "a process without a VM: status 2" "$status" 2
is "in one line" "$(cat /tmp/shell.err)" "exitcheck: process $$ has no vCPUs"
stat full --seconds 1 --csv /dev/full
is "a full disk: status 3" "$status" 3
like "in one line" "$(sed 1d /tmp/full.err)" '^exitcheck: cannot write CSV: No space left on device$'
exitcheck stat --seconds 1 >/dev/full 2>/tmp/full.err && status=0 || status=$?
is "or of the table: status 3" "$status" 3

stat int &
begun int
pid=$(pidof exitcheck)
kill -INT $pid
wait $!
like "Ctrl-C ends it, with its table" "$(tail -n 1 /tmp/int)" '^complete: '
stat killed &
begun killed
kill -9 $(pidof exitcheck)
wait $!
cp /tmp/firecracker /tmp/late
/tmp/late forever &
third=$!
until_true has_exits $third
stat ended -p $third &
begun ended
kill $third
wait $! || true
like "ends with the process" "$(tail -n 1 /tmp/ended)" '^complete: '
kill $first $second
wait $first $second || true
stat gone -p $first
is "a process that is gone: status 2" "$status" 2
like "in one line" "$(cat /tmp/gone.err)" "^exitcheck: there is no process $first\$"
stat none --seconds 1
is "no VM at all: status 4" "$status $closing" '4 INCOMPLETE: no VM ran meanwhile'
ok "nothing remains" settled

unload_kvm
load_kvm series exit_leaves=host
stat host -- vmm vms 3
like "a KVM that accounts for every VM counts itself" "$status $(sed -n 2p /tmp/host)" "^0 .*, source: KVM's own account\$"
stat asked --source ebpf -- vmm vms 3
like "unless eBPF is asked for" "$status $(sed -n 2p /tmp/asked)" '^0 .*, source: eBPF by tp_btf$'
unload_kvm
load_kvm none
stat absent --source both --seconds 1
is "an unpatched KVM has nothing to compare with: status 3" "$status" 3
stat absent --source kernel --seconds 1
is "an unpatched KVM cannot: status 3" "$status $(cat /tmp/absent.err)" '3 exitcheck: KVM has no account of exits that eBPF could read'
stat unpatched --csv /tmp/unpatched.csv -- vmm vms 10
is "an unpatched KVM" "$status $(exits unpatched.csv $cpuid) $(exits unpatched.csv $io)" '0 1800 200'
done_testing
END
"$here/lab" run --kernel "$kernel" --isa "$isa" --patch series,none --bring "$out/vmm" --bring "$(command -v bpftool)" \
	--timeout 600 --job -
