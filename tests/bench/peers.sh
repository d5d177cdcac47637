# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# The other ways of watching VM exits, as jobs of the lab's host: each peer_NAME watches while the loop
# runs, and leaves in /tmp/count how many exits it says there were.  ROUNDS, EXECUTIONS, BENCH (this
# directory), KERNEL (what the host's kernel was built in) and SOURCE (from what) are the caller's.

# The loop: CPUID, then OUT, under nothing of exitcheck's; leaves /tmp/bench.json.
cat >/tmp/loop <<EOT
#!/bin/sh
exec exitcheck bench --observer none -w cpuid -w out --rounds $ROUNDS -n $EXECUTIONS --seed 1 \
	--json /tmp/bench.json >/tmp/loop.log 2>&1
EOT
chmod +x /tmp/loop
mkfifo /tmp/keyboard
cd /tmp || exit 3

# in_background COMMAND...: sets peer, which Ctrl-C ends (a shell's background jobs ignore it).  Nobody
# types anything: a standard input at its end would have some of them spin.
in_background()
{
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV or die' "$@" <>/tmp/keyboard >/tmp/peer.out 2>&1 &
	peer=$!
}

# ready REGEX: waits until the peer has said that.
ready()
{
	until grep -aqE "$1" /tmp/peer.out; do
		kill -0 "$peer" || { cat /tmp/peer.out >&2; exit 1; }
		sleep 1
	done
}

# ends: the peer is told to, and has.
ends()
{
	kill -INT "$peer"
	wait "$peer" || true
}

peer_perf_stat()
{
	perf stat -a -e kvm:kvm_exit -x , -o /tmp/stat -- /tmp/loop
	awk -F , '/kvm_exit/ { print $1 }' /tmp/stat >/tmp/count
}

# perf's own report, of which one line sums up what it has read.
samples()
{
	sed -n 's/.*Total Samples:\([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }' >/tmp/count
}

peer_perf_kvm_record()
{
	perf kvm stat record -a -o /tmp/perf.data -- /tmp/loop >/dev/null 2>&1
	perf kvm -i /tmp/perf.data stat report 2>&1 | samples
}

# It shows a table a second, of that second.
peer_perf_kvm_live()
{
	in_background stdbuf -oL perf kvm stat live
	ready 'VM-EXIT|Analyze'
	/tmp/loop
	sleep 3
	ends
	samples </tmp/peer.out
}

peer_trace_cmd()
{
	trace-cmd record -q -e kvm:kvm_exit -e kvm:kvm_entry -o /tmp/trace.dat /tmp/loop >/dev/null
	trace-cmd report -i /tmp/trace.dat 2>/dev/null | grep -c 'kvm_exit:' >/tmp/count
}

peer_bpftrace()
{
	bpftrace -f json -o /tmp/hist -c '/bin/sh /tmp/loop' "$BENCH/kvmexits.bt"
	grep -o '"count": [0-9]*' /tmp/hist | awk '{ sum += $2 } END { print sum + 0 }' >/tmp/count
}

# bcc compiles against the kernel's headers, which it looks for below /lib/modules.
give_headers()
{
	mkdir -p "/tmp/modules/$(uname -r)"
	ln -s "$KERNEL" "/tmp/modules/$(uname -r)/build"
	ln -s "$SOURCE" "/tmp/modules/$(uname -r)/source"
	mount -o bind /tmp/modules /lib/modules
}

# It counts nothing.
peer_floor()
{
	give_headers
	in_background python3 -u -c "from bcc import BPF
programs = BPF(src_file='$BENCH/floor.c')
print('attached')
input()"
	ready attached
	/tmp/loop
	ends
}

# Its kvmexit knows Intel's exits alone, and takes the raw tracepoint's first argument for the reason, which
# in these kernels is the vCPU, so that it counts nothing: here it has room for AMD's numbers, and uses the
# classic tracepoint, its own second choice.
peer_bcc()
{
	give_headers
	sed -e 's/if b"Intel" in arch_info:/if True:/' \
	    -e 's/define REASON_NUM 69/define REASON_NUM 256/' \
	    -e 's/if BPF.support_raw_tracepoint_in_module():/if False:/' \
	    -e 's/^# Do some checks/exit_reasons += ("?",) * (256 - len(exit_reasons))/' \
	    /usr/sbin/kvmexit-bpfcc >/tmp/kvmexit
	in_background python3 -u /tmp/kvmexit
	ready 'Hit Ctrl-C'
	/tmp/loop
	ends
	# Nested page faults, reason 0x400, are beyond any such array.
	awk '/KVM_EXIT_REASON/ { table = 1; next } table { sum += $NF } END { print sum + 0 }' /tmp/peer.out >/tmp/count
}

# Its log has a line a second, in the first column of that name the exits of that second.
peer_kvm_stat()
{
	in_background python3 -u "$SOURCE/tools/kvm/kvm_stat/kvm_stat" -l
	ready '[0-9]:[0-9]'
	/tmp/loop
	sleep 3
	ends
	awk '!at { for (i = 1; i <= NF && !at; i++) if ($i == "kvm_exit") at = i + 2; next }
		{ sum += $at }
		END { print sum + 0 }' /tmp/peer.out >/tmp/count
}
