# SPDX-License-Identifier: BSD-3-Clause
# Sourced by lab.sh: what the hosts do while a capture runs. All of it is bounded in count and in time.
# RATE is 1 for the training split and 2 for the test split; pace, sizes and options depend on it.
# shellcheck shell=bash disable=SC2154

pick() { # one of the arguments
	local i=$((RANDOM % $# + 1))
	echo "${!i}"
}
nap() { sleep "0.0$((RANDOM % 5 * RATE))"; }
server_url() { [ $((RANDOM % 4)) = 0 ] && echo "http://[$SERVER6]" || echo "http://$SERVER"; }
# Waits for the programs that an activity started in the background, but not for the servers.
jobs_done() {
	[ ${#batch[@]} = 0 ] || wait "${batch[@]}" 2>/dev/null || true
	batch=()
}
batch=()

activity_web() {
	local i j urls base
	for i in $(seq 1 $((240 + 60 * RATE))); do
		urls=() base=$(server_url)
		# Fetches several files over one connection that is kept alive, some of them missing, now and then slowly.
		for j in $(seq 1 $((RANDOM % (5 + RATE) + 1))); do
			urls+=(-o /dev/null "$base/f$((RANDOM % 42 + 1))")
		done
		case $((RANDOM % 10)) in
		0) in_c curl -s -m 8 --limit-rate $((RANDOM % 60 * RATE + 30))k "${urls[@]}" & ;;
		1) in_c curl -s -m 8 -d "$(head -c $((RANDOM % 3000 * RATE)) /dev/zero | tr '\0' x)" "${urls[@]}" & ;;
		2) in_c curl -s -m 8 -I "${urls[1]}" >/dev/null & ;;
		3) in_c curl -s -m 1 -o /dev/null "http://$SERVER:$((8000 + RANDOM % 99))/" & ;; # refused
		*) in_c curl -s -m 8 -A "lab/$RANDOM" "${urls[@]}" & ;;
		esac
		batch+=($!)
		[ ${#batch[@]} -lt $((4 + 2 * RATE)) ] || jobs_done
		nap
	done
	jobs_done
}

activity_dns() {
	local i name
	for i in $(seq 1 $((340 + 40 * RATE))); do
		name=$(pick "h$((RANDOM % 60 + 1)).lab" "h$((RANDOM % 60 + 1)).lab" "t$((RANDOM % 12 + 1)).lab" "x$RANDOM.lab")
		in_c dig "@$(pick "$SERVER" "$SERVER" "$SERVER6")" +tries=2 +time=1 "$(pick +edns +noedns +tcp +edns +cookie)" \
			"$name" "$(pick A A AAAA TXT ANY)" >/dev/null &
		batch+=($!)
		[ ${#batch[@]} -lt $((3 * RATE)) ] || jobs_done
		nap
	done
	jobs_done
}

ssh_options() {
	echo "-F /dev/null -q -i $work/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o ConnectTimeout=5"
}

activity_ssh() {
	local i options
	read -ra options <<<"$(ssh_options)"
	for i in $(seq 1 $((100 + 10 * RATE))); do
		case $((RANDOM % 4)) in
		0) in_c timeout 15 ssh "${options[@]}" "root@$SERVER" "ls -l /usr/bin | head -n $((RANDOM % 400))" >/dev/null & ;;
		1) # somebody typing
			for _ in $(seq 1 $((RANDOM % 12 + 2))); do
				echo "echo $RANDOM"
				sleep "0.$((RANDOM % 3 * RATE + 1))"
			done | in_c timeout 15 ssh -T "${options[@]}" "root@$SERVER" sh >/dev/null & ;;
		2) in_c timeout 15 scp "${options[@]}" "$work/www/f$((RANDOM % 40 + 1))" "root@$SERVER:$work/upload$i" >/dev/null & ;;
		3) in_c timeout 15 ssh "${options[@]}" "root@$SERVER6" "head -c $((RANDOM * 4 * RATE)) /dev/urandom" >/dev/null & ;;
		esac
		batch+=($!)
		[ ${#batch[@]} -lt $((6 + RATE)) ] || jobs_done
	done
	jobs_done
}

activity_bulk() {
	local i port
	for i in $(seq 1 $((20 + 4 * RATE))); do
		for port in 5201 5202 5203; do
			case $((RANDOM % 3)) in
			0) in_c timeout 10 iperf3 -c "$SERVER" -p $port -t 1 -P $((RANDOM % 4 + 1)) -b $((RANDOM % 20 + 2))M >/dev/null & ;;
			1) in_c timeout 10 iperf3 -c "$SERVER" -p $port -R -n $((RANDOM % 900 * RATE + 200))K -P $((RANDOM % 4 + 1)) >/dev/null & ;;
			2) in_c timeout 10 iperf3 -c "$SERVER" -p $port -u -t 1 -P $((RANDOM % 4 + 1)) -l $((RANDOM % 900 + 200 * RATE)) \
				-b $((RANDOM % 4000 + 500))K "$(pick -R -4)" >/dev/null & ;;
			esac
			batch+=($!)
		done
		jobs_done
	done
}

activity_ping() {
	local i
	for i in $(seq 1 $((220 + 40 * RATE))); do
		in_c timeout 10 ping -q -n -c $((RANDOM % 8 + 1)) -i "0.$((RANDOM % (3 * RATE) + 1))" -s $((RANDOM % 1300 * (RANDOM % 2) + 56)) \
			"$(pick "$SERVER" "$SERVER" "$SERVER6")" >/dev/null &
		batch+=($!)
		[ ${#batch[@]} -lt $((40 * RATE)) ] || jobs_done
		nap
	done
	jobs_done
}

scan() { in_a timeout 60 nmap -n -Pn --max-retries 1 --host-timeout 50s "$@" "$SERVER" >/dev/null 2>&1 || true; }

activity_portscan() {
	if [ "$RATE" = 1 ]; then
		scan -sS -p 1-400 -T4
		scan -sT -p 20-320 -T4
		scan -sU -p 50-250 --min-rate 300
		scan -sS -sV --version-light -p 22,53,80,5201-5203
		scan -sX -p 1-100
		in_a timeout 60 nmap -6 -n -Pn -sS -p 1-200 "$SERVER6" >/dev/null
	else
		scan -sT -p 1-300 --max-rate 500
		scan -sS -f -p 5100-5250 --max-rate 200
		scan -sS -g 53 -p 10-400 --max-rate 400
		scan -sU -p 100-240,500,514 --min-rate 200
		scan -sV --version-intensity 4 -p 22,53,80,5201-5203
		scan -sF -p 1-90
		in_a timeout 60 nmap -6 -n -Pn -sT -p 1-200 "$SERVER6" >/dev/null
	fi
}

# SYNs from the attacker's own address, whose kernel resets what is answered, and from one that nobody has.
activity_synflood() {
	local i ghost=$NET.2.250
	for i in 1 2 3 4; do
		in_a timeout 20 hping3 -q -S -p "$(pick 80 22)" -c $((200 + 50 * RATE)) -i u$((1500 * i * RATE)) \
			-w $((RANDOM % 60000 + 512)) -d $((RANDOM % 3 / 2 * RANDOM % 120)) "$SERVER" >/dev/null 2>&1 || true
		in_a timeout 20 hping3 -q -S -p 80 -c $((200 + 50 * RATE)) -i u$((900 * i * RATE)) -w $((RANDOM % 60000 + 512)) \
			-a "$ghost" "$SERVER" >/dev/null 2>&1 || true
	done
}

activity_udpflood() {
	local i
	for i in 1 2 3 4; do
		in_a timeout 20 hping3 -q --udp -p "$(pick 53 5201 9999)" -c $((220 + 30 * RATE)) -i u$((800 * i * RATE)) \
			-d $((RANDOM % 1100 + 20)) "$SERVER" >/dev/null 2>&1 || true
		# A fixed source port makes one long flow.
		in_a timeout 20 hping3 -q --udp -p $((RANDOM % 9000 + 1000)) -k -s $((RANDOM % 9000 + 20000)) -c $((400 * RATE)) \
			-i u$((400 * i)) -d $((RANDOM % 1100 + 20)) "$SERVER" >/dev/null 2>&1 || true
	done
}

activity_slowhttp() {
	in_a timeout 40 slowhttptest -H -c $((90 + 20 * RATE)) -r 60 -i $((RATE)) -l $((7 + RATE)) -x $((20 + 4 * RATE)) \
		-u "http://$SERVER/f1" -p 3 >/dev/null 2>&1 || true
	in_a timeout 40 slowhttptest -B -c $((70 + 20 * RATE)) -r 50 -i $((RATE)) -l $((7 + RATE)) -s $((4096 * RATE)) -x $((10 + 4 * RATE)) \
		-u "http://$SERVER/f2" -p 3 >/dev/null 2>&1 || true
	in_a timeout 40 slowhttptest -X -c $((50 + 20 * RATE)) -r 40 -n $((RATE)) -l $((7 + RATE)) -w 10 -y 20 -z $((8 * RATE)) \
		-u "http://$SERVER/f3" -p 3 >/dev/null 2>&1 || true
}

# Passwords are tried only against the sshd started here, where none is right.
activity_bruteforce() {
	local i user
	for i in $(seq 1 $((110 * RATE))); do echo "guess$RANDOM"; done >"$work/passwords"
	# hydra leaves its state in the folder that it runs in.
	(cd "$work" && in_a timeout 60 hydra -I -q -t $((4 + 2 * RATE)) -l "labuser$RATE" -P "$work/passwords" "ssh://$SERVER" >/dev/null 2>&1) || true
	for i in $(seq 1 $((180 - 40 * RATE))); do
		user=$(pick root admin lab test)
		in_a timeout 10 sshpass -p "no$RANDOM" ssh -F /dev/null -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
			-o PubkeyAuthentication=no -o NumberOfPasswordPrompts=$((RANDOM % 2 + 1)) "$user@$SERVER" true >/dev/null 2>&1 &
		batch+=($!)
		[ ${#batch[@]} -lt $((6 + 4 * RATE)) ] || jobs_done
	done
	jobs_done
}
