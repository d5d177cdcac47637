#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# However exitcheck ends, it leaves nothing behind and the next run passes.
set -eu

"${0%/*}/lab" run --kernel "${KERNEL:-6.12}" --isa "${ISA:-svm}" --patch series --timeout 180 \
	--bring "$(command -v bpftool)" --job - <<'EOT'
is "nothing is there before" "$(remains)" '0 0 0 0'
alive=0 all=0
for run in 1 2 3 4 5 6 7 8 9 10; do
	exitcheck >/dev/null 2>&1 &
	usleep $((300000 + run * 150000))
	# How far it is by then depends on what else the machine has to do: the last ones have it all.
	while [ $run -gt 7 ] && kill -0 $! && echo " $(remains) " | grep -q ' 0 '; do
		usleep 50000
	done
	case " $(remains) " in
	' 0 0 0 0 ') ;;
	*' 0 '*) alive=$((alive + 1)) ;;
	*) alive=$((alive + 1)) all=$((all + 1)) ;;
	esac
	kill -9 $!
	wait $! 2>/dev/null
done
ok "most of ten were killed amid their work ($alive)" test "$alive" -ge 7
ok "some with programs, maps and a VM ($all)" test "$all" -ge 1
ok "nothing remains of them" settled

exitcheck >/tmp/text 2>&1 &
sleep 1
kill -INT $!
wait $! && status=0 || status=$?
is "Ctrl-C ends it with status 4" "$status" 4
like "and says so" "$(cat /tmp/text)" interrupted
ok "nothing remains of that" settled

ok "the next run passes" exitcheck
is "the kernel has nothing to complain about" "$(kernel_complaints)" ''
done_testing
EOT
