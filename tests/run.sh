#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs every test and ends in one line: "N passed, N failed, N skipped".
# usage: run.sh [--soak] [PATTERN]      only the tests whose name holds PATTERN; --soak: those of tests/soak instead
#
# A test is a program that prints TAP ("ok N - name", "not ok N - name", "ok N - name # SKIP why") and
# exits 0. Exit 77 skips it whole. One that ends otherwise without a "not ok" line counts as one failure.
set -u
cd "$(dirname "$0")/.."
B=${B:-build}
LOGS=${LOGS:-$B/test-logs}
rm -rf "$LOGS" && mkdir -p "$LOGS"
export CMOCKA_MESSAGE_OUTPUT=TAP
# What a test builds is its own make's job, not a part of the one that may have called us.
unset MAKEFLAGS MFLAGS MAKELEVEL
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$PWD/tests/lsan.supp:print_suppressions=0}
# The peers (scikit-learn, XGBoost, OpenBLAS) would start a thread for each CPU, which wait for each other by spinning:
# on a machine that is busy their small models then take many times as long.
PEERS="env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1"
# A test that hangs ends; none is judged by its time. On a busy machine it may take many times what it takes alone.
UNIT_SECONDS=900 SMOKE_SECONDS=1800
export MARTLET_BUILD=$PWD/$B MARTLET_SHARED=${MARTLET_SHARED:-$PWD/../shared}
[ -d "$MARTLET_SHARED" ] || echo "no $MARTLET_SHARED: the tests that use its material are skipped"

count() { grep -cE "$1" "$2" || true; }

judge() { # name seconds command...: runs it, says how it went; its counts are left beside its log
	local name=$1 seconds=$2 log ok bad skip status begin
	shift 2
	log=$LOGS/${name//\//_}.log
	begin=$SECONDS
	timeout --kill-after=10 "$seconds" "$@" </dev/null >"$log" 2>&1
	status=$?
	skip=$(count '^(not )?ok .*# SKIP' "$log") # cmocka says "not ok" of what it skips
	ok=$(($(count '^ok ' "$log") - $(count '^ok .*# SKIP' "$log")))
	bad=$(($(count '^not ok ' "$log") - $(count '^not ok .*# SKIP' "$log")))
	case $status in
	77) skip=$((skip + 1)) ;;
	0) [ $((ok + bad + skip)) -gt 0 ] || { bad=1; echo "printed no result at all" >>"$log"; } ;;
	124 | 137) bad=$((bad + 1)); echo "not over after $seconds s" >>"$log" ;;
	*) [ "$bad" -gt 0 ] || bad=1 ;;
	esac
	echo "$ok $bad $skip" >"$log.counts"
	printf '%-44s %4d passed, %d failed, %d skipped  (%d s)\n' \
		"$name" "$ok" "$bad" "$skip" $((SECONDS - begin))
	grep -E '^(not )?ok .*# SKIP' "$log" | sed 's/^/    /' | cut -c1-160
	if [ "$bad" -gt 0 ]; then
		sed 's/^/    | /' "$log" | tail -n 60
	fi
}

run() { # name seconds command...
	[[ $1 == *"${PATTERN:-}"* ]] || return 0
	judge "$@"
}

# As run, but beside others, one for each CPU; each prints its lines in one go. For programs that need nothing of the
# machine but their CPU.
run_beside() {
	[[ $1 == *"${PATTERN:-}"* ]] || return 0
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
	{
		lines=$(judge "$@")
		flock "$LOGS" printf '%s\n' "$lines"
	} &
}

# The failures once more, at the end, where whoever has little of the output finds them.
repeat_failures() { # the logs that have one
	local log
	for log in "$@"; do
		echo
		echo "failed: $(basename "$log" .log)"
		grep -E -A 12 '^not ok ' "$log" | grep -vE '^not ok .*# SKIP' | head -n 40 | cut -c1-300 | sed 's/^/    | /'
		grep -qE '^not ok ' "$log" || tail -n 15 "$log" | cut -c1-300 | sed 's/^/    | /'
	done
}

finish() {
	local passed=0 failed=0 skipped=0 log ok bad skip broken=()
	for log in "$LOGS"/*.log; do
		[ -e "$log" ] || continue
		read -r ok bad skip <"$log.counts" || { ok=0 bad=1 skip=0; echo "$log has no result"; }
		[ "$bad" = 0 ] || broken+=("$log")
		passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	done
	repeat_failures "${broken[@]}"
	echo
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}

# What reads files, counts or learns has no line of its own for an architecture, and takes minutes when emulated: make
# test-aarch64 and a PATTERN run these, too.
PORTABLE='test_(boosted|boosters_hostile|distil|import_codes|interval|kitsune|learn_recurrent|model_sealed|net|prune_trees|onnx_(bounds|bytes|external|hostile|inline|nodes|ml_hostile|trees_hostile))'

soak=false
[ "${1:-}" != --soak ] || { soak=true; shift; }
PATTERN=${1:-}
if $soak; then
	for script in tests/soak/*.sh tests/soak/*.py; do
		[ -x "$script" ] && run "${script#tests/}" 5400 "$script"
	done
	finish
fi
for program in "$B"/asan/tests/unit/test_* "$B"/asan/tests/kernels/test_*; do
	[ -x "$program" ] && [[ $program != *.* ]] && run_beside "${program#"$B"/asan/tests/}" "$UNIT_SECONDS" "$program"
done
if [ -f "$B"/aarch64/sysroot/.complete ]; then
	for program in "$B"/aarch64/cross/tests/unit/test_* "$B"/aarch64/cross/tests/kernels/test_*; do
		[ -n "$PATTERN" ] || [[ ! ${program##*/} =~ ^($PORTABLE)$ ]] || continue
		[ -x "$program" ] && run_beside "aarch64/${program#"$B"/aarch64/cross/tests/}" "$UNIT_SECONDS" qemu-aarch64 -L "$B"/aarch64/sysroot "$program"
	done
else
	run aarch64 10 echo "ok - aarch64 # SKIP Debian's arm64 packages could not be had"
fi
wait
for script in tests/smoke/*.sh tests/smoke/*.py; do
	[ -x "$script" ] && run "${script#tests/}" "$SMOKE_SECONDS" $PEERS "$script"
done
B=$B/asan run conformance "$SMOKE_SECONDS" tests/conformance/run.sh --tap
[ -x tests/fuzz/run.sh ] && run fuzz 1200 tests/fuzz/run.sh "${FUZZ_SECONDS:-8}" 1
finish
