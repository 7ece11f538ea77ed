#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes Debian packages of what is built, martlet and its debugging symbols, in $B/deb.
# usage: B=build build.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# = 1 ] || { echo "usage: build.sh VERSION" >&2; exit 2; }
VERSION=$1
B=$(realpath "${B:-build}")
OUT=$B/deb SOURCE=$B/deb/source
export MARTLET_TOP=$PWD MARTLET_BUILD=$B
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH

rm -rf "$OUT" && mkdir -p "$SOURCE/debian/source"
cp scripts/deb/{control,rules,copyright} "$SOURCE/debian/"
cp scripts/deb/postrm "$SOURCE/debian/martlet.postrm"
cp config/martlet.sysusers "$SOURCE/debian/martlet.sysusers"
echo '3.0 (native)' >"$SOURCE/debian/source/format"

# CHANGELOG.md's versions, newest first, as Debian writes them: of each its list, in narrower lines.
maintainer=$(sed -n 's/^Maintainer: //p' scripts/deb/control)
when=$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
awk -v version="$VERSION" -v signed=" -- $maintainer  $when" '
	function end_item(   n, words, i, line) {
		n = split(item, words, " ")
		line = "  *"
		for (i = 1; i <= n; i++) {
			if (length(line) + 1 + length(words[i]) > 78) { print line; line = "   " }
			line = line " " words[i]
		}
		if (n) print line
		item = ""
	}
	function end_version() { end_item(); if (begun) printf "\n%s\n\n", signed }
	/^## [0-9]/ { end_version(); printf "martlet (%s) unstable; urgency=medium\n\n", begun++ ? $2 : version; next }
	begun && /^- / { end_item(); item = substr($0, 3); next }
	begun && /^  / { item = item " " $0 }
	END { end_version() }' CHANGELOG.md >"$SOURCE/debian/changelog"

cd "$SOURCE"
dpkg-buildpackage -b -us -uc -nc -d >"$OUT/build.log" 2>&1 || { cat "$OUT/build.log" >&2; exit 1; }
ls "$OUT"/*.deb
