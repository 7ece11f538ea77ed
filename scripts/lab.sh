#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Records real programs talking in private network namespaces and makes labelled feature rows of it.
# usage: lab.sh --split train|test [-o OUT.csv] [--keep-captures DIR] [--only ACTIVITY]
#
# Needs root and the packages of "scripts/setup.sh lab". Three hosts (client, server, attacker) hang on a
# router, where each activity is captured by itself, so that its label is exact. Nothing outside the
# namespaces made here is ever addressed; all that was started or made is gone at the end.
# The splits differ in seed, addresses, sizes, counts, pace and tool options.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "lab: $*" >&2; exit 1; }
split="" out="" keep="" only=""
while [ $# -gt 0 ]; do
	case $1 in
	--split) split=${2:-}; shift 2 ;;
	-o) out=${2:-}; shift 2 ;;
	--keep-captures) keep=${2:-}; shift 2 ;;
	--only) only=${2:-}; shift 2 ;;
	*) sed -n '4p' "$0" | cut -c3- >&2; exit 2 ;;
	esac
done
# CAP is how many rows of one activity are kept, because the rest of a flood says nothing new.
case $split in
train) RANDOM=1101; NET=10.71 NET6=fd71 CAP=420 RATE=1 ;;
test) RANDOM=9203; NET=172.29 NET6=fd9a:17 CAP=380 RATE=2 ;;
*) fail "--split train or --split test is wanted" ;;
esac
out=${out:-data/lab-$split.csv}
CTL=${MARTLETCTL:-build/martletctl}
[ "$(id -u)" = 0 ] || fail "not root: network namespaces cannot be made"
[ -x "$CTL" ] || fail "$CTL is not there: run make first"

# shellcheck source=scripts/lab/hosts.sh
. scripts/lab/hosts.sh
# shellcheck source=scripts/lab/activities.sh
. scripts/lab/activities.sh

# Waits until the server has no connection left and the capture has stopped growing, so that what an
# activity leaves behind gets into its own capture: the answers of a flood's half-open connections are sent
# again for seconds.
settle() { # capture
	local size=-1 before=-2 left=x waited=0
	while [ -n "$left" ] || [ "$size" != "$before" ]; do
		[ $((waited++)) -lt 120 ] || fail "connections do not end: $left"
		sleep 0.5
		before=$size size=$(stat -c %s "$1")
		left=$(in_s ss -Htn state connected exclude time-wait)
	done
}

# Captures what crosses the server's link while one activity runs, then turns it into rows.
record() { # activity label
	local pcap=$work/$1.pcap dumper rows waited=0 began=$SECONDS
	[ -z "$only" ] || [ "$only" = "$1" ] || return 0
	# Features need the headers alone. Neighbour discovery is left out because it belongs to no activity.
	ip netns exec "$R" tcpdump -q -n -s 160 -c 400000 -i to-s --immediate-mode -w "$pcap" -U \
		'tcp or udp or icmp or (icmp6 and (ip6[40] < 130))' 2>"$work/$1.tcpdump" &
	dumper=$!
	until grep -qs "listening on" "$work/$1.tcpdump"; do
		[ $((waited++)) -lt 100 ] || fail "tcpdump did not start: $(cat "$work/$1.tcpdump")"
		sleep 0.05
	done
	"activity_$1"
	settle "$pcap"
	kill -INT "$dumper" 2>/dev/null || true
	wait "$dumper" || true
	"$CTL" flow features "$pcap" -o "$work/$1.csv" --label "$2" --activity "$1" --idle-timeout 5 \
		2>"$work/$1.flow" || fail "$(cat "$work/$1.flow")"
	rows=$(($(wc -l <"$work/$1.csv") - 1))
	echo "$split $1 ($2): $((SECONDS - began)) s, $rows flows; $(sed 's/^[^:]*: //' "$work/$1.flow")"
	[ -z "$keep" ] || { mkdir -p "$keep" && cp "$pcap" "$keep/$split-$1.pcap"; }
	[ "$rows" -gt 0 ] || fail "$1 left no flow: something did not run; $(tail -n 3 "$work"/*.log)"
	[ -s "$work/all.csv" ] || head -n 1 "$work/$1.csv" >"$work/all.csv"
	# Keeps CAP of the rows, evenly spread over the order in which the flows ended.
	tail -n +2 "$work/$1.csv" |
		awk -v n="$rows" -v cap="$CAP" \
			'n <= cap || int(NR * cap / n) != int((NR - 1) * cap / n)' >>"$work/all.csv"
}

hosts_up
servers_up
for activity in web dns ssh bulk ping; do record $activity benign; done
for activity in portscan synflood udpflood slowhttp bruteforce; do record $activity attack; done
cp "$work/all.csv" "$out"
echo "$out: $(($(wc -l <"$out") - 1)) rows, $(stat -c %s "$out") bytes"
