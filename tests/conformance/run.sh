#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The ONNX project's tests, where they are: Debian's libonnx-testdata and the shared folder.
# usage: run.sh [--tap | --update]
#   (none)    a line a test, totals, and a table of what is refused by operator
#   --tap     TAP, with refused.txt as the list of what may be refused
#   --update  writes refused.txt anew
set -u
cd "$(dirname "$0")/../.."
B=${B:-build}
DEBIAN=${CONFORMANCE_DATA:-/usr/share/libonnx-testdata/data}
SHARED=${MARTLET_SHARED:-../shared}/data
EXPECTED=tests/conformance/refused.txt

sets=()
add() { # name folder
	if [ -d "$2" ]; then
		sets+=("$1=$2")
	else
		echo "ok - $1 # SKIP no $2"
	fi
}
for set in node simple pytorch-converted pytorch-operator; do
	add "$set" "$DEBIAN/$set"
done
add shared-node "$SHARED/onnx-node-tests/node"
for set in simple pytorch-converted pytorch-operator; do
	add "shared-$set" "$SHARED/models/onnx-pytorch-exports/$set"
done
add onnx2c "$SHARED/models/onnx2c/test/local_ops"

case ${1:-} in
--tap)
	[ ${#sets[@]} -gt 0 ] || exit 0 # each has said that it is skipped
	exec "$B/tests/conformance/conformance" --tap --expected "$EXPECTED" "${sets[@]}"
	;;
--update)
	"$B/tests/conformance/conformance" --expected "$EXPECTED" "${sets[@]}" >"$B/conformance.log"
	unsound=$(grep '^unsound ' "$EXPECTED")
	sed -n 's/^refused \([^:]*\).*/\1/p' "$B/conformance.log" | grep -vxF "${unsound//unsound /}" |
		LC_ALL=C sort >"$EXPECTED"
	echo "$unsound" >>"$EXPECTED"
	tail -n 1 "$B/conformance.log"
	;;
*)
	"$B/tests/conformance/conformance" --expected "$EXPECTED" "${sets[@]}" | tee "$B/conformance.log"
	exit "${PIPESTATUS[0]}"
	;;
esac
