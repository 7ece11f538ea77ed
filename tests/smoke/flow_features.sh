#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# martletctl flow features, as an operator meets it: rows, JSON, refusals and what they leave behind.
set -u
cd "$(dirname "$0")/../.."
ctl=${MARTLET_BUILD:-build}/martletctl
corpus=tests/fuzz/corpus/pcap
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 failures=0

check() { # name command...
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$work/log"
		failures=$((failures + 1))
	fi
}

# A conversation of five packets is one flow, whatever the file format.
rows_are_the_same() {
	"$ctl" flow features $corpus/ethernet.pcap -o "$work/a.csv" --idle-timeout 500 --active-timeout 0 \
		--label benign --activity web &&
		[ "$(wc -l <"$work/a.csv")" = 2 ] &&
		head -n 1 "$work/a.csv" | grep -q '^tcp,udp,.*,payload_4_bytes,activity,label$' &&
		tail -n 1 "$work/a.csv" | grep -q ',web,benign$' &&
		[ "$(tail -n 1 "$work/a.csv" | tr ',' '\n' | wc -l)" = 43 ]
}

header_is_the_bundled_data() {
	"$ctl" flow features $corpus/sll.pcap --label x --activity y >"$work/b.csv" &&
		[ "$(head -n 1 "$work/b.csv")" = "$(head -n 1 data/lab-test.csv)" ]
}

json_is_json() {
	"$ctl" flow features $corpus/vlan.pcap --json >"$work/c.json" &&
		python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); f=d["flows"][0]
assert d["packets"] == 1 and f["source"]["address"] == "10.0.0.1" and f["destination"]["port"] == 53
assert len(f["features"]) == 41' "$work/c.json"
}

cut_file_leaves_nothing() {
	local status=0
	"$ctl" flow features $corpus/cut.pcap -o "$work/d.csv" 2>"$work/d.err" || status=$?
	cat "$work/d.err"
	[ $status = 1 ] && [ ! -e "$work/d.csv" ] && [ "$(wc -l <"$work/d.err")" = 1 ] &&
		grep -q 'at packet 5 ' "$work/d.err"
}

partial_takes_what_is_there() {
	"$ctl" flow features $corpus/cut.pcap --partial --idle-timeout 500 -o "$work/e.csv" 2>"$work/e.err" &&
		[ "$(wc -l <"$work/e.csv")" -ge 2 ] && grep -q 'cut at packet' "$work/e.err"
}

# With no room to write, what stood at -o stays, and nothing else is left beside it.
full_disk_leaves_what_was_there() {
	local status=0
	mkdir "$work/full"
	echo before >"$work/full/f.csv"
	(trap '' XFSZ && ulimit -f 0 && exec "$ctl" flow features $corpus/ethernet.pcap -o "$work/full/f.csv") \
		2>&1 | grep -q 'f.csv: could not be written: File too large' || status=1
	[ $status = 0 ] && [ "$(cat "$work/full/f.csv")" = before ] && [ "$(ls "$work/full")" = f.csv ]
}

refused() { # expected-status pattern arguments...
	local expected=$1 pattern=$2 status=0
	shift 2
	"$ctl" flow features "$@" >"$work/out" 2>"$work/err" || status=$?
	cat "$work/err"
	[ $status = "$expected" ] && grep -q "$pattern" "$work/err" && [ ! -s "$work/out" ]
}

check rows_are_the_same rows_are_the_same
check header_is_the_bundled_data header_is_the_bundled_data
check json_is_json json_is_json
check cut_file_leaves_nothing cut_file_leaves_nothing
check partial_takes_what_is_there partial_takes_what_is_there
check full_disk_leaves_what_was_there full_disk_leaves_what_was_there
check a_device_is_named refused 1 'not an ordinary file' $corpus/sll.pcap -o /dev/full
check no_file_is_named refused 1 'No such file' "$work/none.pcap"
check a_directory_is_named refused 1 'is not a file' "$work"
check no_capture_is_named refused 1 'not a capture' Makefile
check a_bad_timeout_is_usage refused 2 'is no timeout' $corpus/sll.pcap --idle-timeout -1
check a_bad_label_is_usage refused 2 'is no label' $corpus/sll.pcap --label 'a,b'
check two_captures_are_usage refused 2 'usage:' $corpus/sll.pcap $corpus/sll2.pcap
echo "1..$n"
[ $failures = 0 ]
