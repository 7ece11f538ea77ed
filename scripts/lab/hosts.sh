# SPDX-License-Identifier: BSD-3-Clause
# Sourced by lab.sh: the namespaces, their links, the server's daemons, and the end of all of them.
# shellcheck shell=bash disable=SC2154

suffix=$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')
R=lab-r-$suffix S=lab-s-$suffix C=lab-c-$suffix A=lab-a-$suffix
SERVER=$NET.3.10 CLIENT=$NET.1.$((RANDOM % 200 + 20)) ATTACKER=$NET.2.$((RANDOM % 200 + 20))
SERVER6=$NET6:3::10
work=$(mktemp -d)
made=()

# Ends, by their ids, only processes that were started here or live in namespaces that were made here, and
# removes only files of our own.
cleanup() {
	local status=$? ns jobs
	trap - EXIT INT TERM
	# The shells that wait for programs end first. They leave the job table before that, because bash
	# would report the end of each.
	jobs=$(jobs -p)
	disown -a
	# shellcheck disable=SC2086
	[ -z "$jobs" ] || kill -KILL $jobs 2>/dev/null || true
	for ns in "${made[@]}"; do namespace_end "$ns"; done
	rm -rf "$work"
	exit "$status"
}

# A namespace lives as long as a process in it does: this waits until all of them are gone.
namespace_end() {
	local pids waited=0
	while pids=$(ip netns pids "$1" 2>/dev/null) && [ -n "$pids" ] && [ $((waited++)) -lt 100 ]; do
		# shellcheck disable=SC2086
		kill -KILL $pids 2>/dev/null || true
		sleep 0.05
	done
	ip netns del "$1" 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

in_c() { ip netns exec "$C" "$@"; }
in_a() { ip netns exec "$A" "$@"; }
in_s() { ip netns exec "$S" "$@"; }

namespace() {
	ip netns add "$1"
	made+=("$1")
	ip -n "$1" link set lo up
	# Keeps IPv6 from sending packets of its own, and gives half-open connections up within seconds.
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1 \
		net.ipv4.icmp_ratelimit=0 net.ipv4.tcp_fin_timeout=3 net.ipv4.tcp_synack_retries=1
}

link() { # namespace short-name subnet host-address
	ip link add "to-$2" netns "$R" type veth peer name eth0 netns "$1"
	ip -n "$R" addr add "$NET.$3.1/24" dev "to-$2"
	ip -n "$R" -6 addr add "$NET6:$3::1/64" dev "to-$2" nodad
	ip -n "$1" addr add "$4/24" dev eth0
	ip -n "$1" -6 addr add "$NET6:$3::10/64" dev eth0 nodad
	# Makes packets look as on a wire: none of 64 KiB, and every checksum filled in.
	ip netns exec "$R" ethtool -K "to-$2" tso off gso off gro off tx off >/dev/null
	ip netns exec "$1" ethtool -K eth0 tso off gso off gro off tx off >/dev/null
	ip -n "$R" link set "to-$2" up
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via "$NET.$3.1"
	ip -n "$1" -6 route add default via "$NET6:$3::1"
}

hosts_up() {
	local ns
	for ns in "$R" "$S" "$C" "$A"; do namespace "$ns"; done
	link "$C" c 1 "$CLIENT"
	link "$A" a 2 "$ATTACKER"
	link "$S" s 3 "$SERVER"
}

web_up() {
	local i
	mkdir -p "$work/www" "$work/nginx"
	for i in $(seq 1 40); do
		# Pages have sizes as on the web: many are small, few are large.
		head -c $((RANDOM % 1400 + (1 << (RANDOM % 10 + 8 + RATE % 2)))) /dev/urandom >"$work/www/f$i"
	done
	cat >"$work/nginx.conf" <<-END
		user root; daemon off; worker_processes 1; pid $work/nginx/pid;
		error_log $work/nginx/error.log crit;
		events { worker_connections 4096; }
		http {
			access_log off; keepalive_timeout 4s; client_header_timeout 20s;
			client_body_temp_path $work/nginx/b; proxy_temp_path $work/nginx/p;
			fastcgi_temp_path $work/nginx/f; uwsgi_temp_path $work/nginx/u; scgi_temp_path $work/nginx/s;
			server { listen 80; listen [::]:80; root $work/www; }
		}
	END
	chmod -R a+rX "$work"
	in_s nginx -p "$work/nginx" -e "$work/nginx/error.log" -c "$work/nginx.conf" &
}

dns_up() {
	local i names=()
	for i in $(seq 1 60); do names+=("--host-record=h$i.lab,$NET.9.$i,$NET6:9::$i"); done
	for i in $(seq 1 12); do
		names+=("--txt-record=t$i.lab,$(head -c $((RANDOM % 110 + 20)) /dev/urandom | od -An -tx1 | tr -d ' \n')")
	done
	in_s dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
		--local=/lab/ --user=root --log-facility="$work/dnsmasq.log" "${names[@]}" &
}

ssh_up() {
	ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
	ssh-keygen -q -t ed25519 -N '' -f "$work/key"
	cp "$work/key.pub" "$work/authorized"
	cat >"$work/sshd_config" <<-END
		HostKey $work/host_key
		AuthorizedKeysFile $work/authorized
		PidFile none
		StrictModes no
		UsePAM no
		PermitRootLogin yes
		SetEnv HOME=$work
		MaxStartups 200
		MaxAuthTries $((RATE + 2))
		Subsystem sftp internal-sftp
	END
	# HOME is set so that the lab does not run what root of this machine has in its .bashrc.
	# sshd needs /run/sshd. It is made in the mount namespace that "ip netns exec" gives, not in ours.
	# shellcheck disable=SC2016
	in_s sh -c 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd &&
		exec /usr/sbin/sshd -D -e -f "$0"' "$work/sshd_config" 2>"$work/sshd.log" &
}

servers_up() {
	local port waited=0
	web_up
	dns_up
	ssh_up
	for port in 5201 5202 5203; do in_s iperf3 -s -p $port >/dev/null 2>&1 & done
	for port in 80 53 22 5201 5203; do
		until in_s ss -ltn | grep -q ":$port "; do
			[ $((waited++)) -lt 200 ] || fail "nothing listens on port $port: $(cat "$work"/*.log)"
			sleep 0.05
		done
	done
}
