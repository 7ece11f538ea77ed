#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The smoke tests that wait for other processes, beside two busy loops that take the CPUs from them: what holds only on
# a quiet machine fails here. The loops end with this script, however it ends.
# usage: contention.sh [TURNS [TEST...]]      (2 turns of those below; a TEST is a name of tests/smoke)
set -u
cd "$(dirname "$0")/../.."
BOUND_S=5400 # of a loop that nobody ends
TURNS=${1:-2}
shift $(($# > 0))
[ $# -gt 0 ] || set -- api.py api_crowd.py api_refusals.py command_lines.py completion.py demo.py devices.py flow_features.sh lifecycle.py \
	memif_group.py memif_hostile.py memif_loops.py memif_peers_die.py memory_short.py metrics_tcp.py model_tool.py readme.py readme_client.py \
	ready.py records.py refusals.py several_ports.py service.py store_kill9.py tool_requests.py wire.py
logs=$(mktemp -d)
loops=()
trap 'kill "${loops[@]}" 2>/dev/null; rm -rf "$logs"' EXIT
trap 'exit 1' INT TERM
for _ in 1 2; do
	setpriv --pdeathsig KILL bash -c 'while ((SECONDS < $0)); do :; done' "$BOUND_S" &
	loops+=($!)
done

n=0 bad=0
for turn in $(seq "$TURNS"); do
	for test in "$@"; do
		n=$((n + 1))
		begin=$SECONDS
		# What it prints of a failure goes on, its last line is the verdict.
		LOGS=$logs/$test tests/run.sh "smoke/$test" >"$logs/out" 2>&1
		status=$?
		if grep -q '^0 passed, 0 failed, 0 skipped' "$logs/out"; then
			status=1
			echo "there is no tests/smoke/$test" >>"$logs/out"
		fi
		if [ "$status" = 0 ]; then
			echo "ok $n - $test beside two busy loops, turn $turn ($((SECONDS - begin)) s)"
		else
			bad=$((bad + 1))
			sed 's/^/# /' "$logs/out"
			echo "not ok $n - $test beside two busy loops, turn $turn ($((SECONDS - begin)) s)"
		fi
	done
done
echo "1..$n"
[ "$bad" = 0 ]
