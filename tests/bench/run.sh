#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# make bench: figures against peers in the same run. Writes build/bench.json and prints a table.
# usage: run.sh [models] [memif] [swap]      (default: all three; ROUNDS=5 alternating rounds each)
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/hugepages.sh

DIR=$(mktemp -d "${TMPDIR:-/tmp}/martlet-bench.XXXXXX")
cleanup() { rm -rf "$DIR"; hugepages_release; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export MARTLET_HUGEPAGES=0
# martletd 256 MB or the echo's 256 MB, and 128 MB for the load, with room to spare
hugepages_reserve 240 && MARTLET_HUGEPAGES=1
python3 tests/bench/bench.py "$DIR" "$@"
