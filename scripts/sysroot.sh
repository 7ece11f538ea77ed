#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Unpacks, below a folder, the libraries that martletctl and its tests need on another architecture. They are
# Debian's packages, by name, from the sources that this machine has. Nothing else on it is changed.
# usage: sysroot.sh ARCHITECTURE FOLDER        ARCHITECTURE as Debian calls it: arm64
set -euo pipefail
PACKAGES="libc6-dev libsodium-dev libssl-dev libjansson-dev libcurl4-openssl-dev libpcap0.8-dev libprotobuf-c-dev libconfig-dev
	libcmocka-dev liburing-dev libevent-dev libopenblas-serial-dev libseccomp-dev"

ARCHITECTURE=$1 DIR=$2
[ "$(cat "$DIR/.complete" 2>/dev/null)" != "$PACKAGES" ] || exit 0
rm -rf "$DIR" && mkdir -p "$DIR/apt/lists/partial" "$DIR/apt/archives/partial"
DIR=$(cd "$DIR" && pwd)
: >"$DIR/apt/status"
apt() {
	apt-get -qq -o Dpkg::Use-Pty=0 -o APT::Architecture="$ARCHITECTURE" -o APT::Architectures="$ARCHITECTURE" \
		-o Dir::State="$DIR/apt" -o Dir::State::lists="$DIR/apt/lists" -o Dir::State::status="$DIR/apt/status" \
		-o Dir::Cache="$DIR/apt" -o Debug::NoLocking=true -o APT::Sandbox::User="" "$@"
}
echo "sysroot: downloading Debian's $ARCHITECTURE libraries"
apt update 2>/dev/null || true # a source without this architecture is no reason to stop
# shellcheck disable=SC2086
apt install -y --no-install-recommends --download-only $PACKAGES >/dev/null
for package in "$DIR"/apt/archives/*.deb; do
	dpkg -x "$package" "$DIR"
done
rm -rf "$DIR/apt"
printf '%s' "$PACKAGES" >"$DIR/.complete"
