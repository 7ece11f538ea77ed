# SPDX-License-Identifier: BSD-3-Clause
"""Frames made by hand, right and wrong ones, for the test of the wire, and a raw socket to send them from."""
import atexit
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from appliance import BUILD, MARTLETCTL, ROOT

OURS4, OURS6 = "10.77.0.1", "fd00:77::1"
MINE4, MINE6 = "10.77.0.2", "fd00:77::2"
PORT = 7797
UDP, ICMP, ICMP6 = 17, 1, 58


def checksum(data):
    data += bytes(len(data) & 1)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(src, dst, length, protocol):
    if len(src) == 4:
        return src + dst + struct.pack(">BBH", 0, protocol, length)
    return src + dst + struct.pack(">IHBB", length, 0, 0, protocol)


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def udp(src, dst, payload, sport=40000, dport=PORT, length=None, csum=None):
    n = 8 + len(payload)
    head = struct.pack(">HHHH", sport, dport, n if length is None else length, 0)
    c = checksum(pseudo(packed(src), packed(dst), n, UDP) + head + payload) or 0xffff
    return head[:6] + struct.pack(">H", c if csum is None else csum) + payload


def ipv4(src, dst, payload, protocol=UDP, ihl=5, version=4, total=None, frag=0, tos=0, options=b"", csum=None, ttl=64):
    head = struct.pack(">BBHHHBBH", version << 4 | ihl, tos, 20 + len(options) + len(payload) if total is None else total,
                       0x1234, frag, ttl, protocol, 0) + packed(src) + packed(dst) + options
    c = checksum(head) if csum is None else csum
    return head[:10] + struct.pack(">H", c) + head[12:] + payload


def ipv6(src, dst, payload, next_header=UDP, length=None, version=6, tclass=0):
    return struct.pack(">IHBB", version << 28 | tclass << 20, len(payload) if length is None else length, next_header, 64) + \
        packed(src) + packed(dst) + payload


def ether(dst, src, payload, kind=None, vlan=None):
    if kind is None:
        kind = 0x0800 if payload[0] >> 4 == 4 else 0x86dd
    tag = struct.pack(">HH", 0x8100, vlan) if vlan is not None else b""
    return (dst + src + tag + struct.pack(">H", kind) + payload).ljust(60, b"\0")


SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10


def with_vlan_tag(frame, notes):
    """The kernel takes VLAN tags out of what it hands over and tells them beside it: put it back."""
    for level, kind, data in notes:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                return frame[:12] + struct.pack(">HH", tpid or 0x8100, tci) + frame[12:]
    return frame


class RawPort:
    """A packet socket on `interface`; the appliance is peer_mac."""

    def __init__(self, interface, peer_mac):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((interface, 0))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.mac = self.socket.getsockname()[4][:6]
        self.peer_mac = peer_mac

    def send(self, frame):
        self.socket.send(frame)

    def drain(self):
        while select.select([self.socket], [], [], 0)[0]:
            self.socket.recv(65535)

    def reply_from(self, mac, wait):
        end = time.time() + wait
        while (left := end - time.time()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return None
            frame, notes, _, origin = self.socket.recvmsg(65535, socket.CMSG_SPACE(20))
            if frame[6:12] == mac and origin[2] != socket.PACKET_OUTGOING:
                return with_vlan_tag(frame, notes)
        return None

    def close(self):
        self.socket.close()


def silent_drops(me, peer, good):
    """(name, counter, frame) for each thing that is dropped, as docs/wire.md says, without a word."""
    ok4 = udp(MINE4, OURS4, good)
    to = lambda payload, **k: ether(peer, me, payload, **k)
    with_header = lambda offset, value: good[:offset] + value + good[offset + len(value):]
    sent = lambda body, **k: to(ipv4(MINE4, OURS4, udp(MINE4, OURS4, body, **k)))
    from4 = lambda src: to(ipv4(src, OURS4, udp(src, OURS4, good)))
    from6 = lambda src: to(ipv6(src, OURS6, udp(src, OURS6, good)))
    yield "another's MAC", "not_our_mac", ether(b"\x02\xff\xff\xff\xff\x01", me, ipv4(MINE4, OURS4, ok4))
    yield "another's IPv4 address", "not_our_address", to(ipv4(MINE4, "10.77.0.9", udp(MINE4, "10.77.0.9", good)))
    yield "another's IPv6 address", "not_our_address", to(ipv6(MINE6, "fd00:77::9", udp(MINE6, "fd00:77::9", good)))
    yield "IPv4 broadcast address", "not_our_address", to(ipv4(MINE4, "10.77.0.255", udp(MINE4, "10.77.0.255", good)))
    yield "an ethertype nobody serves", "not_handled", to(bytes(46), kind=0x88cc)
    yield "a protocol nobody serves", "not_handled", to(ipv4(MINE4, OURS4, bytes(40), protocol=132))
    yield "a UDP port nobody serves", "not_handled", sent(good, dport=PORT + 1)
    yield "IPv4 total length beyond the frame", "truncated", to(ipv4(MINE4, OURS4, ok4, total=1400))
    yield "IPv6 payload length beyond the frame", "truncated", to(ipv6(MINE6, OURS6, udp(MINE6, OURS6, good), length=1400))
    yield "IPv4 version 5", "bad_ip_header", to(ipv4(MINE4, OURS4, ok4, version=5), kind=0x0800)
    yield "IHL of 4", "bad_ip_header", to(ipv4(MINE4, OURS4, ok4, ihl=4))
    yield "IHL beyond the packet", "bad_ip_header", to(ipv4(MINE4, OURS4, b"", ihl=15, total=20))
    yield "total length below the header", "bad_ip_header", to(ipv4(MINE4, OURS4, ok4, total=19))
    yield "IPv6 version 7", "bad_ip_header", to(ipv6(MINE6, OURS6, udp(MINE6, OURS6, good), version=7), kind=0x86dd)
    yield "IPv4 header checksum wrong", "bad_ip_checksum", to(ipv4(MINE4, OURS4, ok4, csum=0x1111))
    yield "UDP length beyond the packet", "bad_udp_length", sent(good, length=len(good) + 9)
    yield "UDP length of 7", "bad_udp_length", sent(good, length=7)
    yield "UDP checksum wrong", "bad_l4_checksum", sent(good, csum=0x1111)
    yield "UDP checksum wrong, IPv6", "bad_l4_checksum", to(ipv6(MINE6, OURS6, udp(MINE6, OURS6, good, csum=0x1111)))
    yield "no UDP checksum, IPv6", "bad_l4_checksum", to(ipv6(MINE6, OURS6, udp(MINE6, OURS6, good, csum=0)))
    yield "first fragment", "fragment", to(ipv4(MINE4, OURS4, ok4, frag=0x2000))
    yield "last fragment", "fragment", to(ipv4(MINE4, OURS4, ok4, frag=0x0010))
    yield "IPv6 fragment", "fragment", to(ipv6(MINE6, OURS6, struct.pack(">BBHI", UDP, 0, 1, 7) + udp(MINE6, OURS6, good), 44))
    for src in ("255.255.255.255", "10.77.0.255", "224.0.0.5", "127.0.0.1", "0.0.0.0", OURS4):
        yield f"source {src}", "bad_source_address", from4(src)
    for src in ("ff02::1", "::1", "::", OURS6):
        yield f"source {src}", "bad_source_address", from6(src)
    yield "source port 0", "bad_source_port", sent(good, sport=0)
    yield "source port is the service's", "bad_source_port", sent(good, sport=PORT)
    yield "a payload of 31 bytes", "short_header", sent(good[:31])
    yield "an empty payload", "short_header", sent(b"")
    yield "wrong magic", "bad_magic", sent(with_header(0, b"LM"))
    yield "wrong version", "bad_version", sent(with_header(2, b"\2"))
    yield "reserved byte set", "reserved_not_zero", sent(with_header(23, b"\1"))
    yield "reserved word set", "reserved_not_zero", sent(with_header(30, b"\1\0"))
    yield "an unknown flag set", "reserved_not_zero", sent(with_header(22, b"\x80"))
    arp = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + me + packed(MINE4) + bytes(6)
    yield "ARP for another", "bad_neighbour", ether(b"\xff" * 6, me, arp + packed("10.77.0.9"), kind=0x0806)
    yield "ARP of another hardware", "bad_neighbour", ether(b"\xff" * 6, me, b"\0\6" + arp[2:] + packed(OURS4), kind=0x0806)
    echo = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + b"x" * 16
    yield "ICMP checksum wrong", "bad_l4_checksum", to(ipv4(MINE4, OURS4, echo[:2] + b"\x11\x11" + echo[4:], protocol=ICMP))
    other = struct.pack(">BBHHH", 13, 0, 0, 1, 1) + bytes(12)
    other = other[:2] + struct.pack(">H", checksum(other)) + other[4:]
    yield "ICMP timestamp request", "bad_icmp", to(ipv4(MINE4, OURS4, other, protocol=ICMP))


def parse_reply(frame, vlan=None):
    """(ip header bytes, tos, udp bytes) of an IPv4 or IPv6 reply, or a sentence why not."""
    if vlan is not None:
        if frame[12:16] != struct.pack(">HH", 0x8100, vlan):
            return f"the VLAN tag is {frame[12:16].hex()}"
        frame = frame[:12] + frame[16:]
    ip = frame[14:]
    if frame[12:14] == b"\x08\x00":
        total = struct.unpack(">H", ip[2:4])[0]
        if checksum(ip[:20]):
            return "the IPv4 header checksum is wrong"
        src, dst, seg, tos = ip[12:16], ip[16:20], ip[20:total], ip[1]
    else:
        src, dst, seg = ip[8:24], ip[24:40], ip[40:40 + struct.unpack(">H", ip[4:6])[0]]
        tos = struct.unpack(">H", ip[:2])[0] >> 4 & 0xff
    if seg[6:8] != b"\0\0" and checksum(pseudo(src, dst, len(seg), UDP) + seg):
        return "the UDP checksum is wrong"
    if struct.unpack(">H", seg[4:6])[0] != len(seg):
        return "the UDP length is wrong"
    return src, dst, tos, seg


def legal(me, peer, good):
    """(name, frame, verify(reply) -> why not) for what must be answered, and how."""
    def verify(src=OURS4, dst=MINE4, tos=0, vlan=None, sport=40000):
        def check(reply):
            got = parse_reply(reply, vlan)
            if isinstance(got, str):
                return got
            if reply[:6] != me or reply[6:12] != peer:
                return "the MAC addresses are wrong"
            if got[0] != packed(src) or got[1] != packed(dst):
                return "the addresses are wrong"
            if got[2] >> 2 != tos >> 2:
                return f"DSCP is {got[2] >> 2}, was {tos >> 2}"
            if got[3][:4] != struct.pack(">HH", PORT, sport):
                return "the ports are wrong"
            return "" if got[3][8:10] == b"ML" and got[3][8 + 21] == 0 else "status is not OK"
        return check

    v4 = lambda **k: ipv4(MINE4, OURS4, udp(MINE4, OURS4, good), **k)
    yield "plain IPv4", ether(peer, me, v4()), verify()
    yield "DSCP 46 is kept", ether(peer, me, v4(tos=46 << 2)), verify(tos=46 << 2)
    yield "IPv4 without a UDP checksum", ether(peer, me, ipv4(MINE4, OURS4, udp(MINE4, OURS4, good, csum=0))), verify()
    yield "IPv4 options", ether(peer, me, v4(ihl=6, options=b"\1\1\1\0")), verify()
    yield "IPv4 with trailing bytes in the frame", ether(peer, me, v4()) + bytes(9), verify()
    yield "VLAN tag is kept", ether(peer, me, v4(), vlan=77), verify(vlan=77)
    yield "VLAN priority is kept", ether(peer, me, v4(), vlan=5 << 13 | 77), verify(vlan=5 << 13 | 77)
    yield "IPv6", ether(peer, me, ipv6(MINE6, OURS6, udp(MINE6, OURS6, good))), verify(OURS6, MINE6)
    yield "IPv6 traffic class is kept", ether(peer, me, ipv6(MINE6, OURS6, udp(MINE6, OURS6, good), tclass=46 << 2)), \
        verify(OURS6, MINE6, tos=46 << 2)
    yield "from a client behind a router", ether(peer, me, ipv4("192.0.2.7", OURS4, udp("192.0.2.7", OURS4, good))), \
        verify(dst="192.0.2.7")


def compile_lab_image(name="lab", source=None, options=()):
    """The bundled model, or that of another file, as an image in a temporary folder that lasts as long as the test."""
    folder = tempfile.mkdtemp(prefix="martlet-image-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    out = os.path.join(folder, f"{name}.mlt")
    source = os.path.join(ROOT, source or f"data/{name}.onnx")
    subprocess.run([MARTLETCTL, "model", "compile", source, "-o", out, *options], check=True, stdout=subprocess.DEVNULL)
    return out
