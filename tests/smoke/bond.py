#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A bond of two veth interfaces by DPDK's net_bonding, active-backup: when the member in use loses its link, the other
takes over, and of what is sent after that, or waits there, nothing is lost. And bonds that are refused."""
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import PING, Appliance, FarEnd, Reply, Tap, enter_private_network, request, sh
from frames import MINE4, OURS4
from vlan import our_mac

SO_RCVBUFFORCE = 33
MEMBERS = '"net_af_packet0,iface=veth-m", "net_af_packet1,iface=veth-n"'


def bond_text(mode="mode=1", members=MEMBERS, more=""):
    return (f'{{ name = "edge"; device = "net_bonding0{"," if mode else ""}{mode}"; members = [ {members} ]; '
            f'addresses = [ "{OURS4}/24" ]; {more} }}')


class Side:
    """Our end of one member's link."""

    def __init__(self, interface, ours):
        self.raw, self.next_id = frames.RawPort(interface, ours), 0
        self.raw.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)

    def send(self, ident):
        body = request(b"x" * 16, type=PING, request_id=ident)
        self.raw.send(frames.ether(self.raw.peer_mac, self.raw.mac, frames.ipv4(MINE4, OURS4, frames.udp(MINE4, OURS4, body))))

    def replies(self, wanted, wait=10):
        """The ids that came of those that are wanted."""
        came, end = set(), time.time() + wait
        while came != wanted and (left := end - time.time()) > 0:
            if not select.select([self.raw.socket], [], [], left)[0]:
                break
            try:
                frame, origin = self.raw.socket.recvfrom(65535)
            except OSError:
                continue
            if frame[6:12] == self.raw.peer_mac and origin[2] != 4 and frame[42:44] == b"ML":
                came.add(Reply(frame[42:]).request_id & 0xffffffff)
        return came & wanted

    def announces(self, wait=10):
        """Whether an ARP request comes by which the port says what its address is."""
        end = time.time() + wait
        while (left := end - time.time()) > 0 and select.select([self.raw.socket], [], [], left)[0]:
            frame, origin = self.raw.socket.recvfrom(65535)
            if (frame[6:12], frame[12:14], frame[28:32], frame[38:42]) == (
                    self.raw.peer_mac, b"\x08\x06", socket.inet_aton(OURS4), socket.inet_aton(OURS4)) and origin[2] != 4:
                return True
        return False

    def works(self):
        for _ in range(200):
            self.next_id += 1
            try:
                self.send(1 << 20 | self.next_id)
            except OSError:  # that it was down meanwhile is said once
                continue
            if self.replies({1 << 20 | self.next_id}, 0.1):
                return True
        return False


def wait_for_log(appliance, text, wait=20, n=1):
    end = time.time() + wait
    while appliance.log_text().count(text) < n and time.time() < end:
        time.sleep(0.02)
    return appliance.log_text().count(text) >= n


def second_link(far):
    sh(f"ip link add veth-d type veth peer name veth-n && ip link set veth-n netns {far.pid} && ip link set veth-d up")
    sh(f"nsenter -t {far.pid} -n ip link set veth-n up")
    for enter, names in (("", ("veth-c", "veth-d")), (f"nsenter -t {far.pid} -n ", ("veth-m", "veth-n"))):
        for name in names:
            sh(f"{enter}ip link set {name} addrgenmode none")
            sh(f"{enter}sysctl -qw net.ipv6.conf.{name}.disable_ipv6=1")


def burst(side, first, n):
    ids = set(range(first, first + n))
    for ident in sorted(ids):
        side.send(ident)
    return ids


def failover(tap, far):
    with Appliance([bond_text()], netns=far.pid) as a:
        a.start()
        a.mark_at_rest(slack=64)
        mac = our_mac(a)
        left, right = Side("veth-c", mac), Side("veth-d", mac)
        tap.check("the first member answers", left.works(), a.log_text()[-500:])
        tap.check("it answers all of a burst", (ids := burst(left, 1, 200)) == left.replies(ids))
        burst(right, 1000, 10)
        tap.check("the other is silent as long", not right.replies({1000}, 0.3))
        end = time.time() + 30
        while a.counters()["announced"] < 3 and time.time() < end:  # a probe, and two that the link came up
            time.sleep(0.05)
        listener = Side("veth-d", mac)
        sh("ip link set veth-c down")
        ids = burst(right, 2000, 100)  # at once: they wait until the other member is in use
        tap.check("the link of the first is lost: the other takes over", wait_for_log(
            a, "port edge: veth-m has lost its link: veth-n is in use"), a.log_text()[-500:])
        ids |= burst(right, 3000, 200)
        lost = ids - right.replies(ids)
        tap.check("nothing that was sent to it since is lost", not lost, (len(lost), sorted(lost)[:5]))
        tap.check("it announces the address, so that switches send to it", listener.announces(), a.log_text()[-500:])
        port = a.api("GET", "/v1/ports")[1]["ports"][0]
        tap.check("the port is up", port["link_up"] and port["driver"] == "net_bonding", port)
        sh("ip link set veth-c up")
        tap.check("a link that comes back changes nothing", right.works() and a.log_text().count("is in use") == 1)
        sh("ip link set veth-d down")
        tap.check("the other is lost: the first takes over", wait_for_log(
            a, "port edge: veth-n has lost its link: veth-m is in use") and left.works(), a.log_text()[-500:])
        sh("ip link set veth-c down")
        tap.check("both are lost: that is said", wait_for_log(a, "port edge: no member has a link"), a.log_text()[-500:])
        tap.check("and the port is down", not a.api("GET", "/v1/ports")[1]["ports"][0]["link_up"])
        tap.check("the appliance is not ready", a.api("GET", "/v2/health/ready")[0] == 503)
        sh("ip link set veth-c up")
        tap.check("one comes back: all is well", left.works() and wait_for_log(a, "port edge: right again after")
                  and a.api("GET", "/v2/health/ready")[0] == 200, a.log_text()[-500:])
        made_anew(tap, a, left, far)
        why = a.balanced()
        tap.check("received = replied + named drops, mempool full again", not why, why)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-500:])
        sh("ip link set veth-d up")


def made_anew(tap, a, left, far):
    """A member whose interface was deleted has no socket on another of its name."""
    sh("ip link del veth-d")
    second_link(far)
    sh("ip link set veth-c down")
    tap.check("a member that is not there any more, only its name, is not taken",
              wait_for_log(a, "port edge: no member has a link: ", n=2), a.log_text()[-500:])
    sh("ip link set veth-c up")
    tap.check("and the one that is there serves again", left.works(), a.log_text()[-500:])


def vlans(tap, far):
    """Tags keep their type over a bond of AF_PACKET members, too."""
    with Appliance([bond_text(more='vlan = "100.7"; vlan_type = "802.1ad";')], netns=far.pid) as a:
        a.start()
        side = Side("veth-c", our_mac(a))
        body = frames.ether(side.raw.peer_mac, side.raw.mac, frames.ipv4(MINE4, OURS4, frames.udp(
            MINE4, OURS4, request(b"x" * 16, type=PING))))
        tags = struct.pack(">HHHH", 0x88a8, 100, 0x8100, 7)
        reply = None
        for _ in range(100):
            side.raw.send(body[:12] + tags + body[12:])
            reply = side.raw.reply_from(side.raw.peer_mac, 0.1)
            if reply:
                break
        tap.check("a bond keeps tags and their types", reply and reply[12:20] == tags, reply and reply[:40].hex())


def refused(tap):
    lone = '{ name = "edge"; device = "net_af_packet0,iface=lo"; members = [ "net_null0" ]; addresses = [ "10.0.0.1/24" ]; }'
    none = '{ name = "edge"; device = "net_bonding0,mode=1,slave=0"; addresses = [ "10.0.0.1/24" ]; }'
    for text, words in (
            (bond_text("mode=4"), "mode=4 (LACP) wants each transmit queue served ten times a second"),
            (bond_text(""), "mode=1 (active-backup) is missing"), (bond_text("mode=9"), "mode=1 (active-backup) is missing"),
            (bond_text("mode=2"), "mode=2 would send into it: mode=1 (active-backup) is right"),
            (bond_text(members='"net_memif0,role=server,socket=/x"'), "a memif member has role=client"),
            (bond_text(members='"net_null0", "net_null0,copy=1"'), "two of its devices have the name net_null0"),
            (bond_text(members='"net_bonding1,mode=1"'), "is a bond itself"),
            (bond_text(members='"net_af_xdp0,iface=lo"'), "AF_XDP's driver does not take the bond's MAC address"),
            (bond_text(members=""), "0 entries"), (lone, "only a bond has them"), (none, "its members are named beside it")):
        a = Appliance([text])
        done = a.check()
        tap.check(f"refused: {words}", done.returncode == 1 and words in done.stderr, done.stderr + done.stdout)
        a.close()


def main():
    tap = Tap()
    refused(tap)
    if os.geteuid() or not enter_private_network():
        tap.skip("failover", "needs root and network namespaces")
        return tap.finish()
    far = FarEnd()
    try:
        second_link(far)
        failover(tap, far)
        vlans(tap, far)
    finally:
        far.close()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
