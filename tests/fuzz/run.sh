#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs every fuzzer from its committed corpus for SECONDS each; prints TAP.
# usage: run.sh SECONDS [SEED]   what is found new goes to build/fuzz/corpus, crashes to build/fuzz/crashes;
#                                with a SEED every run takes the same way from the committed corpus
set -u
cd "$(dirname "$0")/../.."
SECONDS_EACH=${1:?usage: run.sh SECONDS [SEED]}
SEED=${2:-0} # 0: another one each time
B=${B:-build}/fuzz
mkdir -p "$B/crashes"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}

fuzz() { # number name
	local log=$B/$2.log seeds=("tests/fuzz/corpus/${2#fuzz_}")
	# a sound model of each operator and form
	[ "$2" != fuzz_onnx ] || seeds+=(tests/fixtures/operators/models)
	[ "$2" != fuzz_changed ] || seeds+=(tests/fuzz/corpus/image)
	[ "$2" != fuzz_tflite ] || seeds+=(tests/fixtures/tflite)
	[ "$SEED" = 0 ] || rm -rf "$B/corpus/$2"
	mkdir -p "$B/corpus/$2"
	if "$B/tests/fuzz/$2" -seed="$SEED" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 \
		-max_len=65536 -print_final_stats=1 -artifact_prefix="$B/crashes/$2-" \
		"$B/corpus/$2" "${seeds[@]}" >"$log" 2>&1; then
		echo "ok $1 - $2: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
	else
		echo "not ok $1 - $2"
		tail -n 40 "$log" | sed 's/^/# /'
		return 1
	fi
}
export -f fuzz
export B SECONDS_EACH SEED

mapfile -t names < <(basename -s .c tests/fuzz/fuzz_*.c)
echo "1..${#names[@]}"
for i in "${!names[@]}"; do echo "$((i + 1)) ${names[$i]}"; done |
	xargs -P "$(nproc)" -L 1 bash -c 'fuzz "$@"' fuzz
