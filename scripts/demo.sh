#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Shows the appliance at work: compiles a model, starts martletd, deploys the model, scores real traffic
# over the wire, measures, and goes from rows to a model of its own: trained, judged, compressed and deployed.
# usage: demo.sh [--keep]      --keep leaves the appliance running and says how to talk to it
#
# Everything it makes goes below build/demo; what it prints is in build/demo.json as well.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/hugepages.sh

keep=false
case "${1:-}" in
"") ;;
--keep) keep=true ;;
*) echo "usage: demo.sh [--keep]" >&2; exit 2 ;;
esac

B=${B:-build}
D=$B/demo
R=$(realpath -m "$D") # memif takes absolute paths only
[ ${#R} -lt 80 ] || R=/run/martlet-demo # and a socket's path holds 107 bytes
SOCK=$R/martlet.sock
PID= CHILD=
SECONDS_EACH=${SECONDS_EACH:-3}
COMPRESS_SECONDS=${COMPRESS_SECONDS:-20} # at most

say() { printf '\n== %s\n' "$*"; }
refuse() { echo "demo.sh: $*" >&2; exit 1; }
ctl() { "$B/martletctl" -s "$SOCK" "$@"; }

end() { # pid: asks it to end, and waits until it has
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

stop() {
	local status=$?
	trap '' INT TERM # another Ctrl-C must not stop the tidying up
	trap - EXIT
	end "$CHILD"
	end "$PID"
	for job in $(jobs -p); do # one whose number was not kept yet when the signal came
		end "$job"
	done
	hugepages_release
	[ "$R" = "$(realpath -m "$D")" ] || rm -rf "$R"
	exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

running=$(cat "$D/martletd.pid" 2>/dev/null || true)
if [ -n "$running" ] && grep -qs martletd "/proc/$running/comm"; then
	refuse "an appliance from before still runs; stop it first: kill $running"
fi
for file in data/lab.onnx data/lab-test.csv; do
	[ -e "$file" ] || refuse "$file is missing: is this clone complete?"
done
rm -rf "$D" "$R" && mkdir -p "$D" "$R"

# The appliance polls on one CPU; its control thread and the load share the other.
cpus=($(taskset -cp $$ | sed 's/.*: //; s/,/ /g' | tr ' ' '\n' |
	sed -E 's/^([0-9]+)-([0-9]+)$/seq \1 \2/; s/^([0-9]+)$/echo \1/' | sh))
cpu_io=${cpus[0]}
cpu_other=${cpus[-1]}
idle=poll
[ "$cpu_io" != "$cpu_other" ] || idle=sleep

hugepages=false
load_pages=--no-huge
if hugepages_reserve 240; then
	hugepages=true
	load_pages=
	echo "240 hugepages of 2 MiB reserved for as long as this runs"
else
	echo "no hugepages to be had here: ordinary pages"
fi

say "compile data/lab.onnx"
"$B/martletctl" model compile data/lab.onnx -o "$D/lab.mlt" --rows data/lab-train.csv --classes benign,attack
"$B/martletctl" --json model inspect "$D/lab.mlt" >"$D/inspect.json"

say "start martletd on memif, CPU $cpu_io"
cat >"$D/martletd.conf" <<END
lcores  = { control = $cpu_other; io = [ $cpu_io ]; workers = [ ]; idle = "$idle"; };
memory  = { hugepages = $hugepages; mbufs = 16384; megabytes = 256; };
ports   = ( { name = "edge";
              device = "net_memif0,role=server,socket=$R/edge.sock,socket-abstract=no";
              addresses = [ "10.77.0.1/24", "fd00:77::1/64" ]; } );
control = { socket = "$SOCK"; drain_grace = 0; };
store   = { path = "$D/store"; };
END
setsid "$B/martletd" -c "$D/martletd.conf" >"$D/martletd.log" 2>&1 &
PID=$!
echo "$PID" >"$D/martletd.pid"
for _ in $(seq 300); do
	kill -0 "$PID" 2>/dev/null || { cat "$D/martletd.log" >&2; refuse "martletd ended"; }
	ctl --json status 2>/dev/null | grep -q '"ready"' && break
	sleep 0.1
done
ctl --json status | grep -q '"ready"' || { cat "$D/martletd.log" >&2; refuse "martletd is not ready"; }

say "deploy it: push, then promote"
ctl model push "$D/lab.mlt" --version 1
ctl model promote lab 1 --id 1

load() { # what options...; what it says of its own is in load.err
	local out=$D/load-$1.json
	shift
	# It runs in the background so that the shell handles a signal at once, and not when the load has ended.
	# shellcheck disable=SC2086
	"$B/martlet-load" --device "net_memif0,role=client,socket=$R/edge.sock,socket-abstract=no" \
		--from 10.77.0.2 --to 10.77.0.1 --cpu "$cpu_other" $load_pages --json "$@" >"$out" 2>"$D/load.err" &
	CHILD=$!
	local status=0
	wait "$CHILD" || status=$?
	CHILD=
	return "$status"
}
load_failed() { # what
	cat "$D/load-$1.json" "$D/load.err" >&2
	refuse "martlet-load failed"
}
# On a machine that is busy with other things a short while may go by without an answer: then twice as long, five times.
measure() { # what options...
	local seconds=$SECONDS_EACH what=$1
	for _ in 1 2 3 4 5 6; do
		! load "$@" --warmup 0.3 --seconds "$seconds" || return 0
		grep -q "nothing was answered" "$D/load.err" || break
		seconds=$(python3 -c 'import sys; print(2 * float(sys.argv[1]))' "$seconds")
	done
	load_failed "$what"
}

say "score every row of data/lab-test.csv over the wire"
load once --model 1 --rows data/lab-test.csv --once --window 32 --scores "$D/scores.csv" || load_failed once
python3 scripts/demo_report.py scores "$D" data/lab-test.csv

say "measure: $SECONDS_EACH s each"
row=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["frame_bytes"] - 74)' "$D/load-once.json")
for window in 1 128; do
	echo "  $window outstanding: score, ping"
	measure "score-$window" --model 1 --rows data/lab-test.csv --window "$window"
	measure "ping-$window" --ping --pad "$row" --window "$window"
done
python3 scripts/demo_report.py times "$D"

say "learn a model here: train on data/lab-train.csv, quantise, compress, judge on data/lab-test.csv"
rows="--label label --drop activity"
# In the background for the same reason as the load.
# shellcheck disable=SC2086
learn() { # command...
	"$B/martletctl" model "$@" $rows --seed 1 >>"$D/learn.log" 2>&1 &
	CHILD=$!
	wait "$CHILD" || { cat "$D/learn.log" >&2; refuse "model $1 failed"; }
	CHILD=
}
began=$(date +%s%N)
learn train data/lab-train.csv -o "$D/learnt.mlt"
learn quantise "$D/learnt.mlt" --rows data/lab-train.csv --name int8 -o "$D/int8.mlt"
# What is not at most two thirds of it is no answer; of what is, the fastest.
bytes=$(($(stat -c %s "$D/learnt.mlt") * 2 / 3))
learn compress "$D/learnt.mlt" --rows data/lab-train.csv --max-f1-loss 0.01 --max-bytes "$bytes" --seconds "$COMPRESS_SECONDS" \
	--report "$D/front.svg" --name small -o "$D/small.mlt"
sed -n '/^[0-9]* trials at/,$p' "$D/learn.log" | grep -v ^next: | sed 's/^/  /'
"$B/martletctl" --json model eval "$D/lab.mlt" "$D/learnt.mlt" "$D/int8.mlt" "$D/small.mlt" --rows data/lab-test.csv --label label \
	--positive attack --report "$D/report.svg" >"$D/eval.json"
python3 scripts/demo_report.py judged "$D"
echo "  in $((($(date +%s%N) - began) / 1000000)) ms; the curves are in $D/report.svg, all trials in $D/front.svg"

say "deploy the compressed one beside the other, and score the same rows over the wire"
ctl model push "$D/small.mlt" --version 1
ctl model promote small 1 --id 2
load small --model 2 --rows data/lab-test.csv --once --window 32 --scores "$D/small.csv" || load_failed small
"$B/martletctl" --json model inspect "$D/small.mlt" >"$D/small.json"
python3 scripts/demo_report.py small "$D" data/lab-test.csv
ctl --json status >"$D/status.json"

say "martletctl status"
ctl status
python3 scripts/demo_report.py json "$D" data/lab-test.csv "$hugepages" >"$B/demo.json"

if $keep; then
	cat <<END

The appliance is left running (pid $PID, log $D/martletd.log). Talk to it:
  $B/martletctl -s $SOCK status        (or: export MARTLET_SOCK=$SOCK)
  curl --unix-socket $SOCK http://martlet/v1/status
  $B/martlet-load --device net_memif0,role=client,socket=$R/edge.sock,socket-abstract=no \\
      --from 10.77.0.2 --to 10.77.0.1 --model 1 --rows data/lab-test.csv --window 128 $load_pages
Stop it: kill $PID
END
	[ -z "$HUGEPAGES_BEFORE" ] || echo "Give its hugepages back afterwards: echo $HUGEPAGES_BEFORE >$HUGEPAGES_FILE"
	trap - EXIT
	exit 0
fi
echo
echo "The same is in $B/demo.json. Everything started is stopped; \`make run\` leaves it running."
