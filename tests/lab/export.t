#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# `exitcheck export` of VMs whose exits are known: what a scrape has is KVM's statistic, exactly, by each source; clients
# of every kind; the textfile; what is wrong is said in one line, and nothing stays behind.  Debian's Prometheus scrapes it,
# evaluates its rules and the dashboard's queries.  On Debian's own kernel, which has IP.
set -eu

# shellcheck source=tests/lab/test.sh
. "${0%/*}/test.sh"
top=$here/../..
[ "$isa" = svm ] || skip_all "Debian's kernel needs minutes to boot in Bochs"
"$here/lab" has-image --kernel "$kernel" || skip_all "this Debian has no Linux $kernel of its own"

${CC:-cc} -O2 -Wall -Wextra -Werror -o "$out/vmm" "$here/vmm.c"
prometheus=$("$here/lab" prometheus)
cp "$top/user/export/exitcheck.rules.yml" "$here/export-rules.yml" "$out"
ok "promtool: the rules are right" "$prometheus/promtool" check rules "$out/exitcheck.rules.yml"
ok "promtool: and say what they shall" "$prometheus/promtool" test rules "$out/export-rules.yml"

# The dashboard's queries, a line each, as a URL has them; a variable that stands for all is ".*".
perl -MJSON::PP -0777 -ne '
	for my $panel (@{decode_json($_)->{panels}}) {
		for my $query (map { $_->{expr} } @{$panel->{targets}}) {
			$query =~ s/\$__rate_interval/20s/g;
			$query =~ s/"\$\w+"/".*"/g;
			$query =~ s/([^A-Za-z0-9])/sprintf "%%%02x", ord $1/ge;
			print "$query $panel->{title}\n";
		}
	}' "$top/user/export/exitcheck.dashboard.json" >"$out/queries"
cat >"$out/prometheus.yml" <<'END'
global: { scrape_interval: 2s, evaluation_interval: 2s }
rule_files: [ exitcheck.rules.yml ]
scrape_configs: [ { job_name: exitcheck, static_configs: [ { targets: [ "127.0.0.1:9798" ] } ] } ]
END
# Twenty seconds do for a rate here.
sed -i 's/\[5m\]/[20s]/' "$out/exitcheck.rules.yml"

cat >"$out/job" <<'END'
ip link set lo up
port=9798

# start NAME OPTION...: an exporter in the background, in $pid, once it serves or writes.
start()
{
	name=$1
	shift
	exitcheck export "$@" >/tmp/$name 2>/tmp/$name.err &
	pid=$!
	until grep -q '; Ctrl-C ends it' /tmp/$name.err; do
		kill -0 $pid || break
		usleep 50000
	done
}

# stop SIGNAL: ends it; its status in $status.
stop()
{
	kill -"$1" $pid
	wait $pid && status=0 || status=$?
}

# ask METHOD PATH [HEADER [ADDRESS]]: an answer, its head in /tmp/head and its body in /tmp/body.
ask()
{
	printf '%s %s HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n%b\r\n' "$1" "$2" "${3:+$3\\r\\n}" |
		nc "${4:-127.0.0.1}" $port | tr -d '\r' >/tmp/answer
	sed '/^$/q' /tmp/answer >/tmp/head
	sed '1,/^$/d' /tmp/answer >/tmp/body
}

# answered: its status, and its type.
answered()
{
	sed -n '1s/^HTTP.... \([0-9]*\).*/\1/p; s/^Content-Type: //p' /tmp/head | paste -sd ' '
}

# sum METRIC [LABEL]: of all series in the body, or of those with that label.
sum()
{
	grep "^$1[{ ]" /tmp/body | grep -F "${2:-}" | awk '{ sum += $NF } END { printf "%.0f\n", sum }'
}

# statistic: KVM's exits of all VMs.
statistic()
{
	cat /sys/kernel/debug/kvm/*-*/exits | awk '{ sum += $1 } END { print sum }'
}

# fleet VMS: has so many VMs of 8 vCPUs each, which have done 2 rounds each and are at rest; their process in $vmm.
fleet()
{
	rm -f /tmp/ran
	vmm fleet $1 &
	vmm=$!
	until [ -e /tmp/ran ]; do
		usleep 50000
	done
}

# compare SOURCE: what a scrape has of three VMs of 8 vCPUs, after 9 CPUIDs and an OUT a round.
compare()
{
	ask GET /metrics
	is "$1: complete" "$(sum exitcheck_complete) $(sum exitcheck_incomplete)" '1 0'
	is "$1: as many exits as KVM's statistic has" "$(sum kvm_exits_total)" "$(statistic)"
	is "$1: and in all" "$(sum exitcheck_exits_total)" "$(statistic)"
	is "$1: by reason, the guests' own" \
		"$(sum kvm_exits_total 'reason="CPUID"') $(sum kvm_exits_total 'reason="IOIO"')" '432 48'
	is "$1: VMs, vCPUs" "$(grep -c '^kvm_vm_info' /tmp/body) $(sum kvm_vcpus)" '3 24'
	is "$1: each VM has a name of its own" "$(sum kvm_vcpus "{vm=\"vmm\"}") $(sum kvm_vcpus "{vm=\"vmm (process $vmm)\"}") \
$(sum kvm_vcpus "{vm=\"vmm (process $vmm, VM 3)\"}")" '8 8 8'
	like "$1: time passed in exits" "$(grep '^kvm_exit_seconds_total{vm="vmm",reason="CPUID"}' /tmp/body)" '[1-9]'
}

start ebpf --source ebpf
fleet 3
compare ebpf
is "a histogram has all exits that ended" "$(sum kvm_exit_duration_seconds_count 'reason="CPUID"')" 432
is "and its last bucket" "$(sum kvm_exit_duration_seconds_bucket 'le="+Inf"')" "$(sum kvm_exit_duration_seconds_count)"
is "Prometheus' own text" "$(answered)" '200 text/plain; version=0.0.4; charset=utf-8'
cp /tmp/body /tmp/metrics
like "the kernel and the source are said" "$(cat /tmp/body)" "^exitcheck_build_info\{.*,isa=\"SVM\",kernel=\"$(uname -r | sed 's/[+]/[+]/g')\",source=\"eBPF by tp_btf\"} 1\$"

ask GET /metrics 'Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5'
is "OpenMetrics" "$(answered)" '200 application/openmetrics-text; version=1.0.0; charset=utf-8'
is "to its end" "$(tail -n 1 /tmp/body)" '# EOF'
ask HEAD /metrics
is "HEAD" "$(answered) $(wc -c </tmp/body)" '200 text/plain; version=0.0.4; charset=utf-8 0'
ask GET /
is "the index" "$(answered)" '200 text/html; charset=utf-8'
like "links to them, and says that they are complete" "$(cat /tmp/body)" '>complete: every exit of 24 vCPUs'
ask GET '/metrics?x=1'
is "a query changes nothing" "$(answered | cut -c 1-3)" 200
ask GET /nothing
is "another page" "$(answered)" '404 text/plain; charset=utf-8'
ask POST /metrics 'Content-Length: 3\r\n\r\nabc'
is "POST" "$(answered)" '405 text/plain; charset=utf-8'
like "what else is possible" "$(cat /tmp/head)" '^Allow: GET, HEAD$'
printf 'nonsense\r\n\r\n' | nc 127.0.0.1 $port >/tmp/answer
ask GET /metrics
is "nonsense hurts nobody" "$(answered | cut -c 1-3)" 200

# Clients that say nothing, and one that takes nothing.
sleep 100 | nc 127.0.0.1 $port >/tmp/silent & silent=$!
(printf 'GET /metrics HTTP/1.1\r\nHost: lab\r\n\r\n'; sleep 100) | nc 127.0.0.1 $port | sleep 100 & slow=$!
usleep 300000
at_once=
for i in 1 2 3 4 5; do
	(printf 'GET /metrics HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n' | nc 127.0.0.1 $port >/tmp/once.$i) &
	at_once="$at_once $!"
done
wait $at_once
is "five scrapes at once, beside slow clients: all are whole" \
	"$(grep -l '^exitcheck_build_info' /tmp/once.* | wc -l) $(cat /tmp/once.* | grep '^exitcheck_exits_total' | sort -u | wc -l)" '5 1'
kill $silent $slow 2>/dev/null

exitcheck export >/tmp/second 2>&1 && status=0 || status=$?
is "the port is in use: status 3" "$status" 3
is "in one line" "$(cat /tmp/second)" \
	'exitcheck: cannot listen on 127.0.0.1:9798: another program does; --listen takes another port'
exitcheck export --listen 192.0.2.1:9798 >/tmp/second 2>&1 && status=0 || status=$?
is "an address of another host: status 3" "$status $(cat /tmp/second)" \
	'3 exitcheck: cannot listen on 192.0.2.1:9798: Cannot assign requested address'
exitcheck export --listen localhost >/tmp/second 2>&1 && status=0 || status=$?
is "no address: status 2" "$status $(wc -l </tmp/second)" '2 1'
exitcheck export --textfile /tmp/x.prom >/tmp/second 2>&1 && status=0 || status=$?
is "a file without an interval: status 2" "$status $(wc -l </tmp/second)" '2 1'

kill $vmm
wait $vmm || true
ask GET /metrics
is "VMs that went: their numbers stay for a while" \
	"$(sum kvm_exits_total 'reason="CPUID"') $(grep -c '^kvm_vm_info' /tmp/body) $(sum kvm_vcpus)" '432 3 0'
fleet 1
ask GET /metrics
is "one of that name takes it over" "$(sum kvm_exits_total '{vm="vmm",reason="CPUID"}') $(sum exitcheck_exits_total) $(sum kvm_vcpus)" \
	"144 $(($(statistic) + $(awk '/^exitcheck_exits_total/ { print $2 }' /tmp/once.1))) 8"
kill $vmm
wait $vmm || true
stop INT
is "Ctrl-C ends it with status 0" "$status $(wc -l </tmp/ebpf.err)" '0 1'

start six --listen '[::1]:9798' --per-vcpu
fleet 1
ask GET /metrics '' ::1
is "by IPv6, and by vCPU" "$(answered | cut -c 1-3) $(grep -c '^kvm_exits_total{vm="vmm",vcpu="[0-7]",reason="CPUID"} 18$' /tmp/body)" \
	'200 8'
ask GET /metrics
is "by IPv4 it does not listen" "$(cat /tmp/answer)" ''
stop TERM
is "SIGTERM, too" "$status" 0
kill $vmm
wait $vmm || true

start killed
stop KILL
start file --textfile /tmp/exits.prom --interval 1
until [ -s /tmp/exits.prom ]; do
	usleep 50000
done
cp /tmp/exits.prom /tmp/body
is "a textfile" "$(sum exitcheck_complete) $(stat -c %a /tmp/exits.prom)" '1 644'
port=9798 ask GET /metrics
is "and no HTTP" "$(cat /tmp/answer)" ''
stop INT
is "removed at the end" "$status $(ls /tmp/exits.prom* 2>/dev/null)" '0 '
mkdir /tmp/small
mount -t tmpfs -o size=4k small /tmp/small
timeout 60 exitcheck export --textfile /tmp/small/x.prom --interval 1 >/tmp/full 2>&1 && status=0 || status=$?
is "a full disk: status 3" "$status" 3
is "in one line" "$(sed 1d /tmp/full)" 'exitcheck: cannot write /tmp/small/x.prom: No space left on device'
is "and nothing is left there" "$(ls -A /tmp/small)" ''

# Without root, as the service is.
chmod 666 /dev/kvm
caps=+bpf,+perfmon,+sys_admin
/run/lab/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --inh-caps -all,$caps --ambient-caps -all,$caps \
	--bounding-set -all,$caps exitcheck export >/tmp/nobody 2>&1 &
pid=$!
until grep -q '; Ctrl-C ends it' /tmp/nobody || ! kill -0 $pid; do
	usleep 50000
done
sed 's/^/# /' /tmp/nobody
fleet 1
ask GET /metrics
is "as nobody with three capabilities" "$(sum exitcheck_complete) $(sum kvm_exits_total)" "1 $(statistic)"
is "which it has no more" "$(sed -n 's/^\(Uid\|CapEff\|CapPrm\):[[:space:]]*\([0-9a-f]*\).*/\2/p' /proc/$pid/status | paste -sd ' ')" \
	'65534 0000000000000000 0000000000000000'
stop TERM
is "and ends well" "$status" 0

# A real Prometheus.
start scraped --per-vcpu
mkdir /tmp/prometheus
(cd /guest && exec ./prometheus --config.file=prometheus.yml --storage.tsdb.path=/tmp/prometheus --web.listen-address=127.0.0.1:9090) \
	>/tmp/prometheus.log 2>&1 &
scraper=$!

# query TEXT: what Prometheus answers, of a query as a URL has it.
query()
{
	wget -q -O - "http://127.0.0.1:9090/api/v1/query?query=$1"
}

# until_query TEXT REGEX: waits for that answer, a minute or so.
until_query()
{
	for _ in $(seq 120); do
		query "$1" 2>/dev/null | grep -qE "$2" && return
		sleep 0.5
	done
	query "$1"
	tail -n 5 /tmp/prometheus.log
	return 1
}

kill $vmm
wait $vmm || true
vmm forever & busy=$!
ok "Prometheus scrapes it" until_query up '"value":\[[0-9.]*,"1"\]'
ok "its rules have results" until_query 'vm_reason%3akvm_exits%3arate5m%7breason%3d%22CPUID%22%7d' '"value":\[[0-9.]*,"[1-9]'
ok "of the fleet, too" until_query 'reason%3akvm_exit_duration_seconds%3ap99_5m%7breason%3d%22CPUID%22%7d' '"value":\[[0-9.]*,"0\.0'
ok "and no alert is due" until_query 'absent(ALERTS)' '"1"'
while read -r text title; do
	query "$text" >/tmp/answer
	case $title in
	Incomplete*) like "the dashboard: $title" "$(cat /tmp/answer)" '"status":"success".*"result":\[\]' ;;
	*) like "the dashboard: $title" "$(cat /tmp/answer)" '"status":"success".*"value":\[[0-9.]*,"[0-9]' ;;
	esac
done </guest/queries
kill -STOP $busy
sleep 1
ok "it has as many exits as KVM's statistic has" until_query 'sum(kvm_exits_total)' "\"$(statistic)\"\]"
kill -KILL $busy $scraper
stop INT
is "and the exporter ends" "$status" 0
ok "nothing remains" settled

unload_kvm
load_kvm series exit_leaves=host
start kernel
fleet 3
compare kernel
is "no histogram, which KVM does not have" "$(grep -c duration /tmp/body)" 0
like "its source" "$(cat /tmp/body)" "source=\"KVM's own account\"} 1\$"
stop INT
is "it ends with status 0" "$status" 0
kill $vmm
echo "$tap_count $tap_failed" >/tmp/tap
END
{ echo "tap_count=$tap_count tap_failed=$tap_failed"; cat "$out/job"; } >"$out/all"
"$here/lab" run --image --kernel "$kernel" --patch series --mem 2G --timeout 900 --bring "$out/vmm" --bring "$(command -v bpftool)" \
	--bring "$(command -v setpriv)" --bring "$prometheus/prometheus:/guest/prometheus" \
	--bring "$out/prometheus.yml:/guest/prometheus.yml" --bring "$out/exitcheck.rules.yml:/guest/exitcheck.rules.yml" \
	--bring "$out/queries:/guest/queries" --get "/tmp/metrics:$out/metrics" --get "/tmp/tap:$out/tap" --job "$out/all"
read -r tap_count tap_failed <"$out/tap"
is "promtool has nothing to say about the metrics" "$("$prometheus/promtool" check metrics <"$out/metrics" 2>&1)" ''
done_testing
