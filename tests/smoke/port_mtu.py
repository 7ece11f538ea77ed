#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An mtu that a device cannot carry is refused, by --check where it can be known, and the sentence says what would do;
one that is accepted is carried whole, both ways, over each driver, to the last byte; a byte more is dropped by name."""
import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETD, PING, Appliance, FarEnd, Reply, Tap, enter_private_network, request, sh, skip_all
from devices import pcap_records, read_pcap
from memif_peer import Peer

PORT, OURS, MINE = 7797, "10.77.0.1", "10.77.0.2"
PACKET, XDP, CLIENT = "net_af_packet0,iface=veth-m", "net_af_xdp0,iface=veth-m", "net_memif0,role=client,socket=martlet-mtu"

REFUSED = (  # device, mtu of the port, words, whether --check knows
    (PACKET, 1965, ("mtu is 1965", "at most 1964", "add framesz=3072,blocksz=12288"), True),
    (PACKET, 9000, ("at most 1964", "add framesz=9216,blocksz=36864"), True),
    (PACKET + ",framesz=4096", 4013, ("at most 4012", "add framesz=5120,blocksz=20480"), True),
    (PACKET + ",framesz=3072", 1500, ("make no ring", "framesz=2048,blocksz=4096 would do"), True),
    (PACKET + ",framesz=3072,blocksz=8192", 2048, ("make no ring", "framesz=3072,blocksz=12288 would do"), True),
    (PACKET + ",framesz=4096,blocksz=6000", 1500, ("make no ring",), True),
    (PACKET + ",framesz=2049,blocksz=4096", 1500, ("make no ring",), True),
    (PACKET + ",framesz=x", 1500, ("make no ring",), True),
    (PACKET + ",framesz=65536,blocksz=65536", 9000, ("make no ring", "at most 32768", "framesz=9216,blocksz=36864 would do"), True),
    (PACKET + ",framecnt=511", 1500, ("make no ring", "framecnt"), True),
    (PACKET + ",framesz=9216,blocksz=36864", 9001, ("mtu is 9001", "interface veth-m has one of 9000", "ip link set veth-m mtu 9001"), True),
    (XDP, 3371, ("AF_XDP's frames", "carry 3370", "net_af_packet"), True),
    (XDP, 9000, ("AF_XDP's frames", "carry 3370"), True),
    (CLIENT, 2027, ("memif buffers of 2048 bytes (bsize) carry at most 2026", "add bsize=3072"), True),
    (CLIENT + ",bsize=9000", 9000, ("carry at most 8978", "add bsize=9216"), True),
    ("net_tap0,iface=martlet-t", 9000, ("mtu is 9000", "net_tap0,iface=martlet-t takes at most"), False),
    ("net_tap0,iface=martlet-t", 1504, ("interface martlet-t has one of 1500",), False),
    ("net_null0", 65535, ("mtu: 65535 is out of range, 576 to 9600",), True),
)


def refused(tap, far):
    enter = ["nsenter", "-t", str(far.pid), "-n"]
    for device, mtu, words, known in REFUSED:
        a = Appliance([f'{{ name = "edge"; device = "{device}"; addresses = [ "{OURS}/24" ]; mtu = {mtu}; }}'], netns=far.pid,
                      memory='mbufs = "auto";')
        for way in ("--check", "start") if known else ("start",):
            done = subprocess.run(enter + [MARTLETD, "-c", a.conf] + (["--check"] if way == "--check" else []),
                                  capture_output=True, text=True, timeout=60)
            last = (done.stderr.strip().splitlines() or [""])[-1]
            tap.check(f"{way}: refused: mtu {mtu} on {device}", done.returncode == 1 and last.startswith("martletd: ")
                      and all(w in last for w in words), done.stderr)
        a.close()
    memif = f'{{ name = "wide"; device = "net_memif0,role=server,socket=martlet-mtu"; addresses = [ "10.78.0.1/24" ]; mtu = 9000; }}'
    with Appliance([f'{{ name = "edge"; device = "{XDP}"; addresses = [ "{OURS}/24" ]; }}', memif], netns=far.pid,
                   memory='mbufs = "auto";') as a:
        done = subprocess.run(enter + [MARTLETD, "-c", a.conf, "--check"], capture_output=True, text=True)
        tap.check("--check: refused: AF_XDP beside a port that needs long buffers", done.returncode == 1
                  and "port edge: AF_XDP's frames are the packet buffers" in done.stderr and "port wide (mtu 9000" in done.stderr, done.stderr)


def body(n, ident):
    return request(bytes((ident + i * 7) & 0xff for i in range(n - 32)), type=PING, request_id=ident, model=0, rows=0, columns=0)


def whole(asked, answered):
    """Whether a PONG brought every byte of its PING back."""
    return answered is not None and len(answered) == len(asked) and answered[32:] == asked[32:] and Reply(answered).type == PING + 1


def ask(n, ident, wait=20.0):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(wait)
        data = body(n, ident)
        s.sendto(data, (OURS, PORT))
        try:
            return data, s.recv(65535)
        except socket.timeout:
            return data, None


def over_kernel(tap, device, mtu, more=""):
    """A client of the kernel's on a veth, or on the tap itself."""
    tapped = device.startswith("net_tap")
    far = FarEnd(mtu=9600 if "packet" in device else 3500)
    name = f"{device.split(',')[0]} at {mtu}"
    try:
        ports = [f'{{ name = "edge"; device = "{device}"; addresses = [ "{OURS}/24" ]; mtu = {mtu}; {more} }}']
        with Appliance(ports, netns=None if tapped else far.pid, memory='mbufs = "auto";') as a:
            a.start()
            near = "veth-c"
            if tapped:
                near = "martlet-t"
                sh(f"ip link set {near} down; ip link set {near} address 02:00:00:00:00:22; ip link set {near} up")
            sh(f"ip addr add {MINE}/24 dev {near}")
            end = time.time() + 20
            while subprocess.run(f"ping -c1 -W1 {OURS}", shell=True, stdout=subprocess.DEVNULL).returncode and time.time() < end:
                pass
            a.mark_at_rest(slack=64)
            for n in (mtu, mtu - 1, 576):
                asked, answered = ask(n - 28, n & 0xff)
                tap.check(f"{name}: {n} bytes of IP go there and back whole", whole(asked, answered),
                          f"{len(asked)} {answered and len(answered)} {a.drops()}")
            if "packet" in device:
                mac = bytes.fromhex(a.api("GET", "/v1/ports")[1]["ports"][0]["mac"].replace(":", ""))
                raw = frames.RawPort(near, mac)
                raw.drain()
                raw.send(ping_frame(mtu, 77, mac, source=raw.mac, vlan=7))
                frame = raw.reply_from(mac, 20)
                tap.check(f"{name}: {mtu} bytes of IP behind a tag, too", frame is not None and len(frame) == 18 + mtu
                          and whole(body(mtu - 28, 77), frame[46:]), f"{frame and len(frame)} {a.drops()}")
                raw.close()
            if not tapped:
                before = a.drops()
                for n in (mtu + 1, min(mtu + 100, 9600 if "packet" in device else 3500)):
                    ask(n - 28, 1, wait=0.3)
                end = time.time() + 20
                dropped = lambda: a.drops()["too_long"] - before["too_long"] + a.api("GET", "/v1/ports")[1]["ports"][0]["rx_missed"]
                while dropped() < 2 and time.time() < end:
                    time.sleep(0.05)
                tap.check(f"{name}: longer is dropped as too_long, or missed by the device", dropped() == 2, str(a.drops()))
            tap.check(f"{name}: received = replied + drops, mempool full", not a.balanced(), a.balanced())
            tap.check(f"{name}: SIGTERM, exit 0", a.stop() == 0, a.log_text())
    finally:
        far.close()
        subprocess.run("ip link del veth-c", shell=True, stderr=subprocess.DEVNULL)


def ping_frame(n, ident, mac, source=b"\x02\0\0\0\0\x02", vlan=None):
    return frames.ether(mac, source, frames.ipv4(MINE, OURS, frames.udp(MINE, OURS, body(n - 28, ident))), vlan=vlan)


def is_ipv4(frame):
    """And no announcement of an address."""
    return frame is not None and frame[12:14] == b"\x08\0"


def over_memif(tap, mtu, buffer):
    path = f"/tmp/martlet-mtu-{os.getpid()}.sock"
    name = f"memif at {mtu}, buffers of {buffer}"
    mac = bytes.fromhex("020000000001")
    device = f"net_memif0,role=server,socket={path},socket-abstract=no,mac=02:00:00:00:00:01"
    with Appliance([f'{{ name = "edge"; device = "{device}"; addresses = [ "{OURS}/24" ]; mtu = {mtu}; }}'], memory='mbufs = "auto";') as a:
        a.start()
        a.mark_at_rest()
        with Peer(path) as peer:
            peer.connect(buffer=buffer)
            taken = 0
            for n in (mtu, mtu - 1, mtu):
                peer.transmit(ping_frame(n, n & 0xff, mac))
                frame, end = None, time.time() + 20
                while not is_ipv4(frame) and time.time() < end:
                    frame, taken = peer.take(taken=taken)
                tap.check(f"{name}: {n} bytes go there and back whole", frame is not None and len(frame) == 14 + n
                          and whole(body(n - 28, n & 0xff), frame[42:]), str(a.drops()))
            peer.transmit(ping_frame(mtu + 1, 1, mac))
            end = time.time() + 20
            while not a.drops()["too_long"] and time.time() < end:
                time.sleep(0.05)
            tap.check(f"{name}: longer is dropped as too_long", a.drops()["too_long"] == 1, str(a.drops()))
        tap.check(f"{name}: received = replied + drops, mempool full", not a.balanced(), a.balanced())


def over_pcap(tap, mtu):
    name = f"pcap at {mtu}"
    with Appliance([]) as a:
        with open(a.conf) as f:
            text = f.read()
        with open(a.conf, "w") as f:
            f.write(text.replace("ports = (  )", f'ports = ( {{ name = "edge"; device = "net_pcap0,rx_pcap={a.dir}/in.pcap,'
                                 f'tx_pcap={a.dir}/out.pcap"; addresses = [ "{OURS}/24" ]; mtu = {mtu}; }} )'))
        mac = bytes.fromhex("027063617000")  # the driver's: 02:70:63:61:70:00 and the port's number
        with open(f"{a.dir}/in.pcap", "wb") as f:
            f.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
            f.write(pcap_records([ping_frame(n, n & 0xff, mac) for n in (mtu, mtu - 1, mtu + 1)]))
        a.start()
        end = time.time() + 20
        while a.counters()["received"] < 3 and time.time() < end:
            time.sleep(0.05)
        tap.check(f"{name}: longer is dropped as too_long", a.drops()["too_long"] == 1, str(a.drops()))
        a.stop()
        came = [f for f in read_pcap(f"{a.dir}/out.pcap") if is_ipv4(f)]
        tap.check(f"{name}: {mtu} bytes go there and back whole", [len(f) for f in came] == [14 + mtu, 13 + mtu]
                  and whole(body(mtu - 28, mtu & 0xff), came[0][42:]), str([len(f) for f in came]))


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    far = FarEnd(mtu=9000)
    try:
        refused(tap, far)
    finally:
        far.close()
        subprocess.run("ip link del veth-c", shell=True, stderr=subprocess.DEVNULL)
    for mtu, args in ((1500, ""), (1964, ""), (2048, ",framesz=3072,blocksz=12288"), (9000, ",framesz=9216,blocksz=36864")):
        over_kernel(tap, PACKET + args, mtu)
    for mtu in (1500, 3370):
        over_kernel(tap, XDP, mtu)
    over_kernel(tap, "net_tap0,iface=martlet-t", 1500)
    for mtu, buffer in ((1500, 2048), (2048, 2048), (9000, 2048), (9600, 256)):
        over_memif(tap, mtu, buffer)
    for mtu in (2048, 9000):
        over_pcap(tap, mtu)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
