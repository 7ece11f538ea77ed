#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Style and structure: clang-format, clang-tidy, cppcheck, the walls between rooms (walls.py), headers that
# compile alone, what the programs link, and a clang build without warnings. Prints what is wrong; exit 1 if anything is.
set -u
cd "$(dirname "$0")/.."
B=${B:-build}
bad=0
fail() { bad=1; printf '%s\n' "lint: $*"; }
step() { printf '  %-7s %s\n' LINT "$*"; }

mapfile -t sources < <(git ls-files -co --exclude-standard '*.c' '*.h')
mapfile -t c_sources < <(git ls-files -co --exclude-standard '*.c')
unset MAKEFLAGS MFLAGS MAKELEVEL
make --no-print-directory -s "$B/gen/onnx.pb-c.h" "$B/gen/inference.pb-c.h" "$B/gen/grpc_descriptors.h" || fail "onnx.pb-c.h was not generated"
# Kernels: the instruction sets of other architectures, whose files make aarch64 compiles; flags for ours.
mapfile -t isas < <(make --no-print-directory -s isas)
elsewhere="_(${isas[0]// /|})\.[ch]$"
read -ra isa_flags <<<"${isas[1]}"

step "clang-format"
clang-format-14 --dry-run --Werror "${sources[@]}" || fail "run: make format"

step "headers compile alone"
flags=(-std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-function -Wno-unused-parameter -I. -I"$B/gen" -fsyntax-only -x c)
read -ra dpdk < <(pkg-config --cflags libdpdk libevent jansson libconfig)
for file in "${sources[@]}"; do
	[[ $file == *.h && ! $file =~ $elsewhere ]] || continue
	echo "#include \"$file\"" | gcc "${flags[@]}" "${dpdk[@]}" "${isa_flags[@]}" - ||
		fail "$file does not compile alone"
done

step "gcc and clang without warnings"
make --no-print-directory B="$B/lint-gcc" CFLAGS=-Werror all >/dev/null || fail "gcc warns"
make --no-print-directory B="$B/lint-clang" CC=clang-14 CFLAGS=-Werror all units >/dev/null || fail "clang warns"

step "walls: who includes whom, circles, headers of their own"
scripts/walls.py "$B/lint-gcc/obj" || fail "walls"

step "links"
! ldd "$B/lint-gcc/martletctl" | grep -q librte_ || fail "martletctl links librte_"
! nm "$B/lint-gcc/martletd" | grep -q ' T onnx_import' || fail "martletd links the importer"
functions() { nm --defined-only "$@" | awk '$2 == "T" { print $3 }' | sort -u; }
functions "$B/lint-gcc/martlet-load" | grep -q '^rows_read$' || fail "martlet-load's functions are not seen"
# Linked by name: what drivers of both programs need, which unmap memory and take an interface for AF_XDP.
stray=$(comm -12 <(functions "$B/lint-gcc/martlet-load") <(functions "$B"/lint-gcc/lib{dataplane,infer}.a) |
	grep -vxFf <(functions "$B"/lint-gcc/obj/dataplane/{unmap,device/devargs,xdp/*}.o) | xargs)
[ -z "$stray" ] || fail "martlet-load links the dataplane or the inference core: $stray"
! nm -u "$B/lint-gcc/libinfer.a" | grep -q ' rte_' || fail "libinfer.a refers to DPDK"

step "clang-tidy"
mkdir -p "$B/tidy"
{
	printf '%s\n' -std=gnu17 -D_GNU_SOURCE '-DMARTLET_VERSION="lint"' "-I$PWD" "-I$PWD/$B/gen" \
		"-I/usr/include/$(gcc -dumpmachine)/openblas-serial" "${dpdk[@]}" "${isa_flags[@]}"
} >"$B/tidy/compile_flags.txt"
mapfile -t own_sources < <(printf '%s\n' "${c_sources[@]}" | grep -vE "$elsewhere")
found=$(printf '%s\0' "${own_sources[@]}" | xargs -0 -P "$(nproc)" -n 12 \
	clang-tidy-14 --quiet -p "$B/tidy" 2>/dev/null | grep -E '(warning|error):' | sort -u)
[ -z "$found" ] || { printf '%s\n' "$found"; fail "clang-tidy"; }

step "cppcheck"
cppcheck --quiet --std=c11 --inline-suppr --error-exitcode=1 -j "$(nproc)" --library=gnu \
	--enable=warning,performance,portability --suppressions-list=scripts/cppcheck.supp \
	-I . "${c_sources[@]}" || fail "cppcheck"

step "shell scripts parse"
for script in $(git ls-files '*.sh' .ci/run); do bash -n "$script" || fail "$script"; done

[ $bad = 0 ] && echo "lint: clean"
exit $bad
