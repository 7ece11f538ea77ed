#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# make bench: figures against peers in the same run. Writes build/bench.json and prints a table.
# usage: run.sh [models] [networks] [spelled] [trees] [train] [bits] [stages] [auth] [fair] [memif] [rest] [river] [swap]      (default: all; ROUNDS=5 alternating rounds each)
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/hugepages.sh

DIR=$(mktemp -d "${TMPDIR:-/tmp}/martlet-bench.XXXXXX")
CHILD=
cleanup() {
	trap '' INT TERM # another Ctrl-C must not stop the tidying up
	[ -z "$CHILD" ] || { kill "$CHILD" && wait "$CHILD"; } 2>/dev/null
	rm -rf "$DIR"
	hugepages_release
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export MARTLET_HUGEPAGES=0
# martletd 256 MB or the echo's 256 MB, and 128 MB for the load, with room to spare
hugepages_reserve 240 && MARTLET_HUGEPAGES=1
# In the background: a signal is handled at once then. It ends all that it has started.
python3 tests/bench/bench.py "$DIR" "$@" &
CHILD=$!
wait "$CHILD"
status=$?
CHILD=
exit "$status"
