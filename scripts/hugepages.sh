# SPDX-License-Identifier: BSD-3-Clause
# Sourced by scripts that want hugepages for as long as they run. martletd and martlet-load take them
# without a hugetlbfs mount (EAL's --in-memory).

HUGEPAGES_FILE=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
HUGEPAGES_BEFORE=

# hugepages_reserve COUNT reserves so many more pages of 2 MiB, and fails where the kernel gives fewer.
hugepages_reserve() {
	local free before
	before=$(cat "$HUGEPAGES_FILE" 2>/dev/null) || return 1
	free=$(cat "${HUGEPAGES_FILE%/*}/free_hugepages")
	{ echo $((before + $1)) >"$HUGEPAGES_FILE"; } 2>/dev/null || return 1
	HUGEPAGES_BEFORE=$before
	if [ "$(cat "${HUGEPAGES_FILE%/*}/free_hugepages")" -lt $((free + $1)) ]; then
		hugepages_release
		return 1
	fi
}

hugepages_release() {
	[ -n "$HUGEPAGES_BEFORE" ] || return 0
	echo "$HUGEPAGES_BEFORE" >"$HUGEPAGES_FILE" 2>/dev/null
	HUGEPAGES_BEFORE=
}
