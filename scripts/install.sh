#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is built, or takes it away again; for the Makefile's install and uninstall, which say where to.
# usage: B=build PREFIX=/usr/local install.sh [--uninstall]
#
# DESTDIR=FOLDER installs below it and touches nothing else. SYMBOLS=inside leaves debugging symbols in the programs;
# else they lie apart, where gdb looks for them. UNITDIR is where the service manager's unit goes.
# A configuration that is there already stays as it is, and so do the store and the user when all is taken away.
set -euo pipefail
cd "$(dirname "$0")/.."
B=${B:-build} PREFIX=${PREFIX:-/usr/local} DESTDIR=${DESTDIR:-}
UNITDIR=${UNITDIR:-$PREFIX/lib/systemd/system}
CONFIG=/etc/martlet/martletd.conf
DEBUG=/usr/lib/debug/.build-id

put() { # mode, folder, file...
	local mode=$1 folder=$DESTDIR$2
	shift 2
	install -D -m "$mode" -t "$folder" "$@"
}

program() { # folder, file
	local to=$DESTDIR$1/${2##*/} id symbols
	put 755 "$1" "$2"
	[ "${SYMBOLS:-apart}" = apart ] || return 0
	id=$(readelf -n "$to" | sed -n 's/.*Build ID: //p')
	[ -n "$id" ] || { echo "install.sh: $2 has no build id" >&2; exit 1; }
	symbols=$DESTDIR$DEBUG/${id:0:2}/${id:2}.debug
	mkdir -p "${symbols%/*}"
	objcopy --only-keep-debug --compress-debug-sections "$to" "$symbols"
	chmod 644 "$symbols"
	strip --strip-unneeded "$to"
}

filled() { # the file with what depends on PREFIX
	sed "s|@PREFIX@|$PREFIX|g" "$1"
}

# The example, with the installed image for the one that a clone would build; API and memif port open to the group.
configuration() {
	sed -e "/image = /s|build/lab.mlt|$PREFIX/share/martlet/lab.mlt|" \
		-e 's|# group = "martlet";|group = "martlet";  |' \
		-e 's|edge.sock,socket-abstract=no"|edge.sock,socket-abstract=no,socket-group=martlet"|' config/martletd.conf
}

install_all() {
	program "$PREFIX/sbin" "$B/martletd"
	program "$PREFIX/bin" "$B/martletctl"
	program "$PREFIX/bin" "$B/martlet-load"
	put 644 "$PREFIX/share/martlet" config/nic.conf config/af_xdp.conf "$B/share/lab.mlt" data/lab-test.csv
	put 644 "$PREFIX/share/doc/martlet" LICENSE README.md CHANGELOG.md docs/*.md docs/*.svg
	put 644 "$PREFIX/share/man/man1" docs/*.1
	put 644 "$PREFIX/share/man/man7" docs/*.7
	put 644 "$PREFIX/share/man/man8" docs/*.8
	install -D -m 644 ctl/tool/martletctl.bash "$DESTDIR$PREFIX/share/bash-completion/completions/martletctl"
	filled config/martletd.service | install -D -m 644 /dev/stdin "$DESTDIR$UNITDIR/martletd.service"
	install -D -m 644 config/martlet.sysusers "$DESTDIR$PREFIX/lib/sysusers.d/martlet.conf"
	configuration | install -D -m 644 /dev/stdin "$DESTDIR$PREFIX/share/martlet/martletd.conf"
	[ -e "$DESTDIR$CONFIG" ] || install -D -m 644 "$DESTDIR$PREFIX/share/martlet/martletd.conf" "$DESTDIR$CONFIG"
}

# What the machine has to be told where it is this one's own folders that changed.
tell() {
	[ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ] || return 0
	if ! getent passwd martlet >/dev/null; then
		systemd-sysusers "$PREFIX/lib/sysusers.d/martlet.conf" ||
			echo "install.sh: no user martlet yet; make it: useradd --system --user-group --no-create-home martlet" >&2
	fi
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		echo "Start it with: systemctl enable --now martletd"
	fi
}

# What an installation of the same build would have put there, and folders of ours that are empty then.
uninstall_all() {
	local scratch file
	scratch=$(mktemp -d)
	DESTDIR=$scratch scripts/install.sh
	if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then
		systemctl disable --now martletd 2>/dev/null || true
	fi
	while read -r file; do
		[ "$file" = "$CONFIG" ] || rm -f "$DESTDIR$file"
	done < <(cd "$scratch" && find . -type f -printf '/%P\n')
	rm -rf "$scratch"
	rmdir "$DESTDIR$PREFIX"/share/{martlet,doc/martlet} 2>/dev/null || true
	[ ! -d /run/systemd/system ] || [ -n "$DESTDIR" ] || systemctl daemon-reload
	echo "Kept: $DESTDIR$CONFIG, the store in /var/lib/martlet, the user martlet."
}

case "${1:-}" in
"") install_all; tell ;;
--uninstall) uninstall_all ;;
*) echo "usage: install.sh [--uninstall]" >&2; exit 2 ;;
esac
