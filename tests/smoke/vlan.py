#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""VLANs by port, frame by frame: which are taken, which are dropped under not_our_vlan, and that whatever is answered
(PING, echo, ARP, neighbour solicitations) goes back under the tags it came under, with types and priorities. Over
memif, over a pcap port, and over AF_PACKET, whose kernel takes the outer tag out of a frame."""
import os
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import PING, PONG, Appliance, FarEnd, Tap, enter_private_network, request, sh
from frames import MINE4, MINE6, OURS4, OURS6, packed
from memif_peer import Peer

C, S = 0x8100, 0x88a8
PEER = b"\2\0\0\0\0\2"
NAMED = 'vlan = ( "none", 10, "100.7" );'


def tagged(frame, tags):
    """`tags`: (type, TCI), the outer one first."""
    return frame[:12] + b"".join(struct.pack(">HH", *t) for t in tags) + frame[12:]


class Kinds:
    """One frame of each kind that is answered, and what says that a frame without its tags is the answer."""

    def __init__(self, mine, ours):
        self.mine, self.ours = mine, ours

    def ping(self):
        return frames.ether(self.ours, self.mine, frames.ipv4(MINE4, OURS4, frames.udp(MINE4, OURS4, request(
            b"x" * 20, type=PING))))

    def ping6(self):
        return frames.ether(self.ours, self.mine, frames.ipv6(MINE6, OURS6, frames.udp(MINE6, OURS6, request(
            b"x" * 20, type=PING))))

    def arp(self):
        arp = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + self.mine + packed(MINE4) + bytes(6) + packed(OURS4)
        return frames.ether(b"\xff" * 6, self.mine, arp, kind=0x0806)

    def echo(self):
        body = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + b"y" * 16
        body = body[:2] + struct.pack(">H", frames.checksum(body)) + body[4:]
        return frames.ether(self.ours, self.mine, frames.ipv4(MINE4, OURS4, body, protocol=frames.ICMP))

    def solicitation(self):
        group = b"\xff\2" + bytes(9) + b"\1\xff" + packed(OURS6)[13:]
        body = struct.pack(">BBHI", 135, 0, 0, 0) + packed(OURS6) + b"\1\1" + self.mine
        pseudo = frames.pseudo(packed(MINE6), group, len(body), frames.ICMP6)
        body = body[:2] + struct.pack(">H", frames.checksum(pseudo + body)) + body[4:]
        ip = struct.pack(">IHBB", 6 << 28, len(body), frames.ICMP6, 255) + packed(MINE6) + group
        return frames.ether(b"\x33\x33" + group[12:], self.mine, ip + body, kind=0x86dd)

    def answers(self, kind, frame):
        if frame[:12] != self.mine + self.ours:
            return False
        l3 = frame[14:]
        return {"ping": lambda: l3[28:30] == b"ML" and l3[31] == PONG, "ping6": lambda: l3[48:50] == b"ML" and l3[51] == PONG,
                "arp": lambda: frame[12:14] == b"\x08\x06" and l3[7] == 2, "echo": lambda: l3[20] == 0 and l3[9] == 1,
                "solicitation": lambda: l3[40] == 136}[kind]()


# Tags that are answered, and that are not, where NAMED or the port's default holds.
def named_cases(outer, other):
    """`outer`: the types that outer tags may have; `other`: those that they may not."""
    yield True, ()
    yield True, ((outer[0], 0xe000),)  # a priority, and no VLAN
    for t in outer:
        yield True, ((t, 10),)
        yield True, ((t, 0xb00a),)
        yield True, ((t, 100), (C, 7))
        yield True, ((t, 0x6064), (C, 0x4007))
        yield False, ((t, 11),)
        yield False, ((t, 100),)
        yield False, ((t, 7), (C, 100))
        yield False, ((t, 100), (C, 8))
    for t in other:
        yield False, ((t, 10),)
        yield False, ((t, 100), (C, 7))


def conform(tap, where, appliance, link, cases):
    kinds = Kinds(link.mine, link.ours)
    for answered, tags in cases:
        name = " ".join(f"{t:04x}:{tci:04x}" for t, tci in tags) or "no tag"
        for kind in ("ping", "ping6", "arp", "echo", "solicitation") if answered else ("ping", "arp"):
            before = appliance.drops()
            link.send(tagged(getattr(kinds, kind)(), tags))
            if answered:
                reply = link.receive(3)
                ok = reply and reply[12:12 + 4 * len(tags)] == tagged(bytes(14), tags)[12:12 + 4 * len(tags)] and \
                    kinds.answers(kind, reply[:12] + reply[12 + 4 * len(tags):])
                tap.check(f"{where}: {kind}, {name}: answered under the same tags", ok, reply and reply[:64].hex())
                continue
            end = time.time() + 3
            while appliance.drops()["not_our_vlan"] == before["not_our_vlan"] and time.time() < end:
                time.sleep(0.01)
            after = appliance.drops()
            changed = {k: after[k] - before[k] for k in after if after[k] != before[k]}
            tap.check(f"{where}: {kind}, {name}: dropped, not_our_vlan", changed == {"not_our_vlan": 1}, changed)
            tap.check(f"{where}: {kind}, {name}: no answer", link.receive(0) is None)
    tap.check(f"{where}: received = replied + drops, mempool full", not appliance.balanced(), appliance.balanced())


def port_text(device, more):
    return f'{{ name = "edge"; device = "{device}"; addresses = [ "{OURS4}/24", "{OURS6}/64" ]; announce = false; {more} }}'


def our_mac(appliance):
    return bytes.fromhex(appliance.api("GET", "/v1/ports")[1]["ports"][0]["mac"].replace(":", ""))


class MemifLink:
    mine = PEER

    def __init__(self, path, ours):
        self.peer, self.ours, self.taken = Peer(path), ours, 0
        self.peer.connect()

    def send(self, frame):
        self.peer.transmit(frame)

    def receive(self, wait):
        end = time.time() + wait
        while True:
            frame, self.taken = self.peer.take(taken=self.taken)
            if frame:
                self.peer.store((self.peer.rings[0]) * (128 + (16 << self.peer.log2)) + 6, self.taken + (1 << self.peer.log2))
                if frame[6:12] == self.ours and frame[:6] == self.mine:
                    return frame
                continue
            if time.time() >= end:
                return None
            time.sleep(0.001)

    def close(self):
        self.peer.close()


def over_memif(tap):
    for where, more, cases in (
            ("memif, any", "", [(True, ()), (True, ((C, 77),)), (True, ((S, 77),)), (True, ((S, 0xa04d),))]),
            ("memif, named", NAMED, list(named_cases((C, S), ()))),
            ("memif, 802.1ad", NAMED + ' vlan_type = "802.1ad";', list(named_cases((S,), (C,)))),
            ("memif, one VLAN", "vlan = 10;", [(False, ()), (False, ((C, 0xe000),)), (True, ((C, 10),)), (True, ((S, 10),)),
                                               (True, ((S, 0), (C, 10)))])):
        folder = tempfile.mkdtemp(prefix="martlet-vlan-")
        with Appliance([port_text(f"net_memif0,role=server,socket={folder}/e.sock,socket-abstract=no", more)]) as a:
            a.start()
            a.mark_at_rest()
            link = MemifLink(f"{folder}/e.sock", our_mac(a))
            conform(tap, where, a, link, cases)
            link.close()
        os.rmdir(folder)


class PacketLink:
    def __init__(self, ours):
        self.raw = frames.RawPort("veth-c", ours)
        self.mine, self.ours = self.raw.mac, ours

    def send(self, frame):
        self.raw.drain()
        self.raw.send(frame)

    def receive(self, wait):
        return self.raw.reply_from(self.ours, wait or 0.02)

    def close(self):
        self.raw.close()


def over_af_packet(tap):
    far = FarEnd()
    for name, enter in (("veth-c", ""), ("veth-m", f"nsenter -t {far.pid} -n ")):
        sh(f"{enter}ip link set {name} addrgenmode none")  # nothing but our own frames
    device = "net_af_packet0,iface=veth-m"
    try:
        for where, more, cases in (
                ("AF_PACKET, any", "", [(True, ()), (True, ((C, 77),)), (True, ((C, 0xa000),)), (False, ((S, 77),))]),
                ("AF_PACKET, named", NAMED, list(named_cases((C,), (S,)))),
                ("AF_PACKET, 802.1ad", NAMED + ' vlan_type = "802.1ad";', list(named_cases((S,), (C,))))):
            with Appliance([port_text(device, more)], netns=far.pid) as a:
                a.start()
                a.mark_at_rest(slack=64)
                link = PacketLink(our_mac(a))
                end = time.time() + 10
                while time.time() < end and not link.receive(0.1):
                    link.send(Kinds(link.mine, link.ours).ping())  # the link may need a moment
                conform(tap, where, a, link, cases)
                link.close()
    finally:
        far.close()


def pcap_of(path):
    with open(path, "rb") as f:
        data = f.read()
    at, found = 24, []
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return found


def over_pcap(tap):
    """A capture read at once: the replies are in the file that is written, in order, each under its request's tags."""
    with tempfile.TemporaryDirectory(prefix="martlet-vlan-") as d:
        os.mkfifo(f"{d}/in.pcap")
        fifo = os.open(f"{d}/in.pcap", os.O_RDWR)
        os.write(fifo, struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        with Appliance([port_text(f"net_pcap0,rx_pcap={d}/in.pcap,tx_pcap={d}/out.pcap", NAMED)]) as a:
            a.start()
            kinds = Kinds(PEER, our_mac(a))
            cases = list(named_cases((C, S), ()))
            sent = [tagged(kinds.ping(), tags) for _, tags in cases]
            os.write(fifo, b"".join(struct.pack("<IIII", 1, 0, len(f), len(f)) + f for f in sent))
            os.close(fifo)  # the reader waits for more otherwise
            end = time.time() + 20
            while a.counters()["received"] < len(sent) and time.time() < end:
                time.sleep(0.05)
            drops = {k: n for k, n in a.drops().items() if n}
            tap.check("pcap: frames of other VLANs are dropped by name", drops == {
                "not_our_vlan": sum(not answered for answered, _ in cases)}, drops)
            tap.check("pcap: SIGTERM, exit 0", a.stop() == 0, a.log_text())
        came = [f for f in pcap_of(f"{d}/out.pcap") if f[:6] == PEER]
        want = [tagged(bytes(14), tags)[12:12 + 4 * len(tags)] for answered, tags in cases if answered]
        tap.check("pcap: each reply has its request's tags", [f[12:12 + len(w)] for f, w in zip(came, want)] == want and
                  len(came) == len(want), (len(came), len(want)))


def refused(tap):
    for more, words in (("vlan = 0;", "'0' is no VLAN: 1 to 4094"), ("vlan = 4095;", "'4095' is no VLAN"),
                        ('vlan = "10.";', "'10.' is no VLAN"), ("vlan = [ 10, 10 ];", "the same VLAN as entry 1"),
                        ('vlan_type = "qinq";', "'qinq' is none of"), ("vlan = ( );", "0 entries")):
        a = Appliance([port_text("net_ring0", more)])
        done = a.check()
        tap.check(f"refused: {more}", done.returncode == 1 and words in done.stderr and "martletd.conf:" in done.stderr,
                  done.stderr)
        a.close()


def main():
    tap = Tap()
    refused(tap)
    over_memif(tap)
    over_pcap(tap)
    if os.geteuid() or not enter_private_network():
        tap.skip("over AF_PACKET", "needs root and network namespaces")
    else:
        over_af_packet(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
