#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The appliance among the hosts of its link, of which one is the kernel: it says its addresses unasked, defends them, hears
what others say of theirs, reports its groups, and answers echo so many times a second. Over AF_PACKET."""
import errno
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, FarEnd, Tap, enter_private_network, sh, skip_all, wait_for
from frames import ICMP, ICMP6, MINE4, MINE6, OURS4, OURS6, RawPort, checksum, ether, ipv4, packed, pseudo, with_vlan_tag

GROUP, ALL_NODES, REPORTS = "ff02::1:ff00:1", "ff02::1", "ff02::16"
PORT = (f'{{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "{OURS4}/24", "{OURS6}/64" ]; mtu = 1400; '
        'icmp_per_second = 500; icmp_errors = true; }')
WRONG = "02:00:00:00:00:99"


def text(mac):
    return mac.hex(":")


def known(address):
    """The MAC that the kernel has of an address."""
    words = subprocess.run(f"ip neigh show {address} dev veth-c", shell=True, capture_output=True, text=True).stdout.split()
    return words[words.index("lladdr") + 1] if "lladdr" in words else None


def forget():
    """The kernel believes another machine to be there, as after a replacement."""
    for address in (OURS4, OURS6):
        sh(f"ip neigh replace {address} dev veth-c lladdr {WRONG} nud stale")


def learnt(mac):
    return wait_for(lambda: known(OURS4) == known(OURS6) == mac)


def kind(frame):
    """What the appliance says, as a word."""
    if frame[12:14] == b"\x08\x06":
        sip, tip, op = frame[28:32], frame[38:42], frame[21]
        return "ARP reply" if op == 2 else "ARP probe" if sip == bytes(4) else "ARP announcement" if sip == tip else "ARP"
    if frame[12:14] == b"\x86\xdd":
        if frame[20] == 0:
            return {143: "MLD report", 131: "MLD1 report"}.get(frame[62], "hop by hop")
        if frame[20] == ICMP6:
            return {135: "NS", 136: "NA", 129: "echo", 1: "unreachable", 2: "too big"}.get(frame[54], "ICMPv6")
    if frame[12:14] == b"\x08\0" and frame[23] == ICMP:
        return {0: "echo", 3: "unreachable"}.get(frame[34], "ICMP")
    return "other"


class Ear(RawPort):
    """Hears what the appliance says on the link."""

    def heard(self):
        came = []
        while select.select([self.socket], [], [], 0)[0]:
            try:
                frame, notes, _, origin = self.socket.recvmsg(65535, socket.CMSG_SPACE(20))
            except OSError:  # the interface went down meanwhile
                continue
            if origin[2] != socket.PACKET_OUTGOING and frame[6:12] == self.peer_mac:
                came.append(with_vlan_tag(frame, notes))
        return came

    def hear(self, wanted, seconds=20):
        """What came until all kinds in `wanted` have."""
        came = []
        wait_for(lambda: came.extend(self.heard()) or set(wanted) <= {kind(f) for f in came}, seconds)
        return came


def icmp6(src, dst, message, hop=255, options=b""):
    c = checksum(pseudo(packed(src), packed(dst), len(message), ICMP6) + message)
    payload = options + message[:2] + struct.pack(">H", c) + message[4:]
    return struct.pack(">IHBB", 6 << 28, len(payload), 0 if options else ICMP6, hop) + packed(src) + packed(dst) + payload


def group_mac(group):
    return b"\x33\x33" + packed(group)[12:]


def at_start(tap, a, ear, mac):
    came = ear.hear(["ARP probe", "NS", "ARP announcement", "NA", "MLD report"])
    order = [kind(f) for f in came]
    tap.check("at start: probes, then announcements, and the groups before all of IPv6",
              {"ARP probe", "NS", "ARP announcement", "NA", "MLD report"} <= set(order)
              and order.index("ARP probe") < order.index("ARP announcement") and order.index("NS") < order.index("NA")
              and order.index("MLD report") < order.index("NS"), order)
    tap.check("at start: the kernel learns both addresses without asking", learnt(text(mac)), (known(OURS4), known(OURS6)))
    wait_for(lambda: a.counters()["announced"] >= 9)  # probes, and two rounds
    tap.check("nothing of it counts as a reply", a.counters()["announced"] == 9 and a.counters()["announced_unsent"] == 0
              and a.api("GET", "/v1/ports")[1]["ports"][0]["conflicts"] == [], a.counters())


def by_command(tap, a, mac):
    forget()
    done = a.ctl("announce")
    tap.check("martletctl announce: the kernel learns both", done.stdout == "edge: announced its addresses\n" and learnt(text(mac)),
              done.stdout)
    forget()
    done = a.ctl("announce", "edge", "--json")
    tap.check("martletctl announce PORT --json", json.loads(done.stdout) == {"ports": ["edge"]} and learnt(text(mac)), done.stdout)
    done = a.ctl("announce", "nowhere", check=False)
    tap.check("martletctl announce: a port that is not there", done.returncode == 1 and "there is no port 'nowhere'" in done.stderr,
              done.stderr)
    tap.check("POST /v1/announce: what is no port's name", a.api("POST", "/v1/announce", {"port": 7})[0] == 400
              and a.api("POST", "/v1/announce", {"post": "edge"})[0] == 400)


def conflict(a, address):
    return next((c for c in a.api("GET", "/v1/ports")[1]["ports"][0]["conflicts"] if c["address"] == address), None)


def duplicates(tap, a, ear):
    sh("sysctl -qw net.ipv6.conf.veth-c.accept_dad=1")
    sh(f"ip -6 addr add {OURS6}/64 dev veth-c")
    shown = lambda: subprocess.run("ip -6 addr show dev veth-c", shell=True, capture_output=True, text=True).stdout
    tap.check("an IPv6 address of ours is refused to the kernel", wait_for(lambda: "dadfailed" in shown()), shown())
    sh(f"ip -6 addr del {OURS6}/64 dev veth-c")
    seen = conflict(a, OURS6)
    tap.check("and status says who wanted it", seen and seen["mac"] == text(ear.mac) and seen["packets"] >= 1, seen)
    words = f"port edge: {text(ear.mac)} claims our address {OURS6} as well"
    tap.check("and the log, as a warning", wait_for(lambda: [line for line in a.log_text().splitlines()
                                                            if words in line and "warning" in line]), a.log_text())
    ear.heard()
    ear.send(ether(b"\xff" * 6, ear.mac, struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + ear.mac + bytes(10) + packed(OURS4), 0x0806))
    tap.check("an ARP probe (arping -D) is answered", [kind(f) for f in ear.hear(["ARP reply"])] == ["ARP reply"])


def hostile(tap, a, ear):
    """Ten thousand claims of each address: one defence in ten seconds. The frames are what another host would send."""
    claim4 = struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + ear.mac + packed(OURS4) + bytes(6) + packed(OURS4)
    claim6 = icmp6(OURS6, ALL_NODES, struct.pack(">BBHI", 136, 0, 0, 0x20000000) + packed(OURS6) + b"\2\1" + ear.mac)
    before = {k: (conflict(a, k) or {"packets": 0})["packets"] for k in (OURS4, OURS6)}
    begin = time.time()

    def arrived():  # what the kernel has no room for, beside other work, is sent again
        for _ in range(500):
            ear.send(ether(b"\xff" * 6, ear.mac, claim4, 0x0806))
            ear.send(ether(group_mac(ALL_NODES), ear.mac, claim6, 0x86dd))
        return all((conflict(a, k) or before)["packets"] - before[k] >= 10000 for k in (OURS4, OURS6))
    before["packets"] = 0
    tap.check("10,000 claims of each address are counted", wait_for(arrived, 60), (conflict(a, OURS4), conflict(a, OURS6)))
    a.balanced()
    sent = [kind(f) for f in ear.heard()]
    counted = [conflict(a, k)["defences"] for k in (OURS4, OURS6)]
    most = 1 + (time.time() - begin) // 10
    heard = (sent.count("ARP announcement"), sent.count("NA"))  # and the announcement's second round perhaps
    tap.check("and answered by one defence each in ten seconds", all(1 <= n <= most for n in counted)
              and all(n <= h <= n + 1 for n, h in zip(counted, heard)), (counted, most, heard))
    tap.check("the others drop as address_conflict", a.drops()["address_conflict"] >= 10000, a.drops())
    said = [line for line in a.log_text().splitlines() if "claims our address" in line]
    tap.check("and the log has a line for each, and not for every one", 2 <= len(said) <= 20, said)
    out = a.ctl("status").stdout + a.ctl("ports").stdout
    tap.check("martletctl status and ports show them", out.count(f"edge: {OURS4} is claimed by {text(ear.mac)} as well") == 2, out)
    metrics = a.api("GET", "/metrics")[1]
    tap.check("metrics", f'martlet_port_address_defences_total{{port="edge"}} {sum(counted)}\n' in metrics, metrics)


def groups(tap, a, ear):
    alert = bytes([ICMP6, 0, 5, 2, 0, 0, 1, 0])
    for version, size in ((2, 28), (1, 24)):
        for group in (None, GROUP):
            query = struct.pack(">BBHHH", 130, 0, 0, 1000, 0) + (packed(group) if group else bytes(16)) + bytes(size - 24)
            to = group or ALL_NODES
            ear.heard()
            ear.send(ether(group_mac(to), ear.mac, icmp6("fe80::9", to, query, hop=1, options=alert), 0x86dd))
            want = "MLD report" if version == 2 else "MLD1 report"
            came = [f for f in ear.hear([want]) if kind(f) == want]
            tap.check(f"MLDv{version}: a query of {'a' if group else 'every'} group is answered by a report of ours",
                      len(came) == 1 and packed(GROUP) in came[0][62:] and came[0][:6] == group_mac(REPORTS if version == 2 else GROUP)
                      and checksum(pseudo(came[0][22:38], came[0][38:54], len(came[0]) - 62, ICMP6) + came[0][62:]) == 0, came)


def snooped(tap, a):
    """A bridge that looks at MLD learns from the report which port to pass solicitations to."""
    shown = lambda: subprocess.run("bridge mdb show dev br-t", shell=True, capture_output=True, text=True).stdout
    if subprocess.run("ip link add br-t type bridge mcast_snooping 1 && ip link set veth-c master br-t && ip link set br-t up",
                      shell=True, stderr=subprocess.DEVNULL).returncode:
        tap.skip("a bridge that snoops learns our group", "no bridges here")
        return
    a.ctl("announce")
    tap.check("a bridge that snoops learns our group", wait_for(lambda: f"port veth-c grp {GROUP} " in shown()), shown())
    sh("ip link del br-t")


def echo(tap, a, ear):
    message = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + bytes(32)
    frame = ether(ear.peer_mac, ear.mac, ipv4(MINE4, OURS4, message[:2] + struct.pack(">H", checksum(message)) + message[4:],
                                              protocol=ICMP))
    before, begin = a.counters()["icmp_replies"], time.time()
    for _ in range(3000):
        ear.send(frame)
    wait_for(lambda: a.drops()["rate_limited"] + a.counters()["icmp_replies"] - before >= 2000)
    answered, most = a.counters()["icmp_replies"] - before, 51 + 500 * (time.time() - begin)
    tap.check("echo: at most icmp_per_second are answered, the others drop as rate_limited",
              50 <= answered <= most and a.drops()["rate_limited"] > 0, (answered, most, a.drops()))
    sh("sleep 0.2")  # the bucket has a few again
    tap.check("echo: and a ping still is", wait_for(lambda: subprocess.run(
        f"ping -c1 -W1 {OURS4}", shell=True, stdout=subprocess.DEVNULL).returncode == 0))


def refused(address):
    """The errno that the kernel gives a UDP socket for a datagram to a port that nobody serves."""
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((address, 9))
    s.settimeout(1)
    try:
        s.send(b"anybody?")
        s.recv(100)
    except OSError as e:
        return e.errno
    finally:
        s.close()


def too_long(address):
    """The path MTU that the kernel learns by a datagram of 1450 bytes."""
    v6 = ":" in address
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    level, discover, mtu = (41, 23, 24) if v6 else (0, 10, 14)  # IP(V6)_MTU_DISCOVER, IP(V6)_MTU
    s.setsockopt(level, discover, 2)
    s.connect((address, 7797))
    s.settimeout(1)
    try:
        s.send(bytes(1450 - (48 if v6 else 28)))
        s.recv(100)  # EMSGSIZE, once the answer is there: of one that finds no socket the kernel learns nothing
    except OSError:
        pass
    found = s.getsockopt(level, mtu)
    s.close()
    return found


def errors(tap):
    for address in (OURS4, OURS6):
        tap.check(f"{address}: a port that nobody serves: the kernel's socket is refused",
                  wait_for(lambda: refused(address) == errno.ECONNREFUSED))
        tap.check(f"{address}: longer than the port's MTU: the kernel learns 1400",
                  wait_for(lambda: too_long(address) == 1400), too_long(address))


def link_comes_up(tap, a, far, mac):
    sh("ip link set veth-c down")
    wait_for(lambda: not a.api("GET", "/v1/ports")[1]["ports"][0]["link_up"])
    done = a.ctl("announce", check=False)
    tap.check("announce without a link is refused", done.returncode == 1 and "port edge has no link" in done.stderr, done.stderr)
    sh("ip link set veth-c up")
    sh(f"ip -6 addr replace {MINE6}/64 dev veth-c nodad")
    forget()
    tap.check("a link that comes up: the kernel learns both addresses", learnt(text(mac)), (known(OURS4), known(OURS6)))


def in_vlans(tap, far, ear, mac):
    """The same in each VLAN that the port names, the kernel being in one of them."""
    port = PORT.replace("mtu = 1400;", 'vlan = ( 10, "100.7" );')
    if subprocess.run("ip link add link veth-c name veth-10 type vlan id 10", shell=True, stderr=subprocess.DEVNULL).returncode:
        tap.skip("in VLANs", "the kernel has none here")
        return
    sh("sysctl -qw net.ipv6.conf.veth-10.accept_dad=1")
    sh("ip link set veth-10 up")
    ear.heard()
    with Appliance([port], netns=far.pid) as a:
        sh(f"ip neigh replace {OURS4} dev veth-10 lladdr {WRONG} nud stale")
        a.start()
        tags = lambda: {frame[12:20 if frame[16:18] == b"\x81\0" else 16].hex() for frame in came}
        came = []
        wait_for(lambda: came.extend(ear.heard()) or len(came) >= 18)
        tap.check("VLANs: each is told, 802.1ad outside of two tags", tags() == {"8100000a", "88a8006481000007"} and len(came) == 18,
                  (tags(), len(came)))
        shown = lambda kind, what: subprocess.run(f"ip {kind} dev veth-10", shell=True, capture_output=True, text=True).stdout.count(what)
        tap.check("VLANs: the kernel learns from it", wait_for(lambda: shown(f"neigh show {OURS4}", text(mac))))
        sh(f"ip -6 addr add {OURS6}/64 dev veth-10")
        tap.check("VLANs: an address of ours is refused to the kernel", wait_for(lambda: shown("-6 addr show", "dadfailed")))
        tap.check("VLANs: SIGTERM, exit 0", a.stop() == 0, a.log_text())
    sh("ip link del veth-10")


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    far = FarEnd()
    try:
        sh(f"ip addr add {MINE4}/24 dev veth-c")
        sh(f"ip -6 addr add {MINE6}/64 dev veth-c nodad")
        mac = bytes.fromhex(subprocess.run(["nsenter", "-t", str(far.pid), "-n", "ip", "-o", "link", "show", "veth-m"],
                                           capture_output=True, text=True).stdout.split("link/ether ")[1].split()[0].replace(":", ""))
        ear = Ear("veth-c", mac)
        with Appliance([PORT], netns=far.pid) as a:
            forget()
            a.start()
            a.mark_at_rest(slack=64)
            at_start(tap, a, ear, mac)
            by_command(tap, a, mac)
            duplicates(tap, a, ear)
            hostile(tap, a, ear)
            groups(tap, a, ear)
            errors(tap)
            echo(tap, a, ear)
            snooped(tap, a)
            link_comes_up(tap, a, far, mac)
            why = a.balanced()
            tap.check("received = replied + drops, mempool full", not why, why)
            tap.check("SIGTERM, exit 0", a.stop() == 0, a.log_text())
        in_vlans(tap, far, ear, mac)
        ear.close()
    finally:
        far.close()
        subprocess.run("ip link del veth-c", shell=True, stderr=subprocess.DEVNULL)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
