#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The host suspends while one vCPU runs, one halts, and one is in user space: no counter goes down, none has
# more cycles than the vCPU is old, and the exits that were open have those of the suspend.  exitcheck judges no time
# then, and says why.
set -eu

here=${0%/*}
lab=$here/../lab
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/exitcheck-suspend.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
${CC:-cc} -O2 -Wall -Wextra -Werror -o "$scratch/acct" "$lab/acct.c"

cat <<'EOT' |
cd /sys/power
echo 1 >/sys/module/suspend/parameters/pm_test_delay

# suspended HOW COMMAND
suspended()
{
	before=$(cat suspend_stats/success)
	said=$(acct around "$2") && status=0 || status=$?
	echo "$said" | sed 's/^/# /'
	is "$1" $status 0
	is "it was suspended" "$(cat suspend_stats/success)" $((before + 1))
}

cat state mem_sleep pm_test /sys/class/rtc/rtc0/name | sed 's/^/# /'
echo deep >mem_sleep
suspended "suspend to RAM" 'echo none >pm_test; echo +10 >/sys/class/rtc/rtc0/wakealarm; echo mem >state'
suspended "suspend to RAM, up to the last CPU (pm_test=core)" 'echo core >pm_test; echo mem >state'
# Nothing here wakes an idle machine.
suspended "suspend to idle, up to the devices (pm_test=platform)" 'echo platform >pm_test; echo freeze >state'

echo 0 >/sys/module/suspend/parameters/pm_test_delay
echo deep >mem_sleep
echo core >pm_test
exitcheck >/tmp/report 2>&1 &
while kill -0 $! 2>/dev/null; do
	sleep 3
	echo mem >state
done
wait $! && status=0 || status=$?
grep -A5 ^FAIL /tmp/report | sed 's/^/# /'
is "with short suspends, its run is inconclusive" $status 4
like "it says why" "$(cat /tmp/report)" '^INCONCLUSIVE TIME +.*: the host was suspended'
is "no row says PASS of cycles that were not judged" "$(grep -cE '^ +0x[0-9a-f]+ .* PASS$' /tmp/report)" 0
done_testing
EOT
"$lab/lab" run --kernel "${KERNEL:-6.12}" --isa "${ISA:-svm}" --config suspend --patch series --bring "$scratch/acct" --job -
