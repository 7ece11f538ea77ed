#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing, by Debian 12 package name.
# usage: setup.sh [build] [test] [lint] [deb] [soak] [bench] [lab]      (default: build)
set -euo pipefail

BUILD="build-essential pkg-config git python3
	dpdk libdpdk-dev libbpf-dev liburing-dev libconfig-dev libevent-dev libcurl4-openssl-dev libjansson-dev
	libnghttp2-dev libprotobuf-c-dev protobuf-c-compiler protobuf-compiler libonnx-dev libsodium-dev libssl-dev
	libpcap-dev libopenblas-serial-dev libseccomp-dev libcap-ng-dev"
TEST="libcmocka-dev clang-14 libclang-rt-14-dev dpdk-dev iproute2 ethtool tcpdump python3-numpy python3-xgboost python3-sklearn python3-onnx python3-grpcio python3-protobuf libxgboost-dev libdnnl-dev curl openssl minisign nghttp2-client iputils-ping
	libonnx-testdata gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
LINT="libdnnl-dev clang-14 clang-format-14 clang-tidy-14 cppcheck libcmocka-dev"
DEB="debhelper dpkg-dev"
SOAK="lintian debootstrap slowhttptest"
BENCH="wrk nginx-light nghttp2-client openssl"
# Only to record the traffic and train the bundled models again: scripts/lab.sh, scripts/train.py.
LAB="iproute2 ethtool procps tcpdump nginx-light curl dnsmasq-base dnsutils openssh-server openssh-client sshpass
	iperf3 iputils-ping nmap hping3 slowhttptest hydra python3-sklearn python3-onnx"

wanted=""
for set in "${@:-build}"; do
	case "$set" in
	build) wanted+=" $BUILD" ;;
	test) wanted+=" $TEST" ;;
	lint) wanted+=" $LINT" ;;
	deb) wanted+=" $DEB" ;;
	soak) wanted+=" $SOAK" ;;
	bench) wanted+=" $BENCH" ;;
	lab) wanted+=" $LAB" ;;
	*) echo "setup.sh: '$set' is none of build, test, lint, deb, soak, bench, lab" >&2; exit 2 ;;
	esac
done

missing=""
for package in $wanted; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing+=" $package"
done
[ -n "$missing" ] || exit 0

echo "setup: installing$(echo "$missing" | tr -s ' \n\t' ' ')"
if [ "$(id -u)" != 0 ]; then
	echo "setup: not root; run: sudo apt-get install -y$(echo "$missing" | tr -s ' \n\t' ' ')" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
