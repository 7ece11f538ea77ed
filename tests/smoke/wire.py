#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The wire as docs/wire.md has it, one case a row. An ordinary kernel socket is the client, raw sockets send the
malformed. martletd sits on the far end of a veth pair, over AF_XDP, and once more over AF_PACKET."""
import math
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import (PING, PONG, RESULT, ROOT, SCORE, STATUS, Appliance, FarEnd, Reply, Tap, enter_private_network,
                       request, sh, skip_all)

PORT = 7797
OURS4, OURS6 = "10.77.0.1", "fd00:77::1"
MINE4, MINE6 = "10.77.0.2", "fd00:77::2"
VLAN, VLAN_OURS, VLAN_MINE = 77, "10.78.0.1", "10.78.0.2"


class Client:
    """A UDP socket that asks and waits; None when nothing came."""

    def __init__(self, family=socket.AF_INET, source=None):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        if source:
            self.socket.bind((source, 0))
        self.to = (OURS4 if family == socket.AF_INET else OURS6, PORT)
        self.next_id = 1000

    def ask(self, payload=b"", to=None, wait=3.0, tos=None, **fields):
        self.next_id += 1
        fields.setdefault("request_id", self.next_id)
        self.socket.sendto(request(payload, **fields), to or self.to)
        return self.wait_for(fields["request_id"], wait)

    def wait_for(self, request_id, wait):
        end = time.time() + wait
        while (left := end - time.time()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return None
            data = self.socket.recv(65535)
            reply = Reply(data)
            if reply.request_id == request_id:
                return reply
        return None


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def f16(values):
    return struct.pack(f"<{len(values)}e", *values)


def bf16(values):
    return b"".join(struct.pack("<f", v)[2:] for v in values)


class Model:
    def __init__(self, appliance, model_id):
        info = appliance.api("GET", "/v1/models")[1]["models"]
        entry = next(m for m in info if m["id"] == model_id)
        self.id, self.version, self.name = model_id, entry["live"], entry["name"]
        meta = appliance.api("GET", f"/v2/models/{self.name}")[1]
        self.columns = meta["inputs"][0]["shape"][-1]
        self.outputs = meta["outputs"][0]["shape"][-1]
        self.row = [round(math.sin(i + 1) * 4) / 4 for i in range(self.columns)]  # exact in f16 and bf16


def statuses(tap, c, m):
    """The table of statuses, and the fields of a reply."""
    ask = lambda payload=None, **f: c.ask(floats(m.row) if payload is None else payload,
                                          **{"model": m.id, "columns": m.columns, **f})
    good = ask(request_id=0x1122334455667788)
    tap.check("OK", good and good.status == "OK" and good.type == RESULT, str(vars(good) if good else None))
    if not good:
        return
    tap.check("a reply carries magic, version, id, model, rows, columns", (
        good.magic, good.version, good.request_id, good.model, good.rows, good.columns, good.dtype) ==
        (b"ML", 1, 0x1122334455667788, m.id, 1, m.outputs, 0), str(vars(good)))
    tap.check("a reply's reserved fields and key are zero", (good.reserved8, good.reserved16, good.key_id) == (0, 0, 0))
    tap.check("model_version of the reply is the one that scored", good.model_version == m.version)
    tap.check("server_ns is set", good.server_ns > 0)
    tap.check("a reply is as long as its rows x columns", good.bytes == 32 + 4 * m.outputs, str(good.bytes))
    expected = good.scores()
    tap.check("scores are finite", all(map(math.isfinite, expected)))

    def status(name, want, r):
        tap.check(f"{want}: {name}", r is not None and r.status == want and
                  (want == "OK" or (r.rows == 0 and r.columns == 0)), str(vars(r) if r else "no reply"))
        return r

    status("this very version asked for", "OK", ask(model_version=m.version))
    status("another version asked for", "NO_MODEL", ask(model_version=m.version + 9))
    status("no such id", "NO_MODEL", ask(model=54321))
    status("model 0", "NO_MODEL", ask(model=0))
    status("rows 0", "BAD_REQUEST", ask(rows=0))
    status("columns 0", "BAD_REQUEST", ask(columns=0))
    status("unknown dtype", "BAD_REQUEST", ask(dtype=5))
    status("unknown dtype 255", "BAD_REQUEST", ask(dtype=255))
    # A RESULT or a PONG, too: two appliances cannot answer each other, for the source port forbids it.
    for kind in (0, RESULT, PONG, 5, 255):
        status(f"type {kind}", "BAD_REQUEST", ask(type=kind))
    status("payload one byte short", "BAD_REQUEST", ask(floats(m.row)[:-1]))
    status("no payload", "BAD_REQUEST", ask(b""))
    status("65535 rows announced", "BAD_REQUEST", ask(rows=65535))
    status("a column too many", "BAD_SHAPE", ask(floats(m.row + [0.0]), columns=m.columns + 1))
    status("a column too few", "BAD_SHAPE", ask(floats(m.row[:-1]), columns=m.columns - 1))
    tap.check("flag bit 1 without a key of its id is dropped", ask(flags=2, wait=0.3) is None)
    for value in (math.nan, math.inf, -math.inf):
        row = list(m.row)
        row[-1] = value
        status(f"a feature is {value}", "NOT_FINITE", ask(floats(row)))
    status("a NaN among many rows", "NOT_FINITE", ask(floats(m.row * 3 + [math.nan] * m.columns), rows=4))
    # Large enough that a sum overflows: by default the score is sent as it is.
    r = status("a score that is not finite", "OK", ask(floats([3e38] * m.columns)))
    tap.check("the score is not finite", r and not all(map(math.isfinite, r.scores())), str(r and r.scores()))
    r = ask(floats(m.row * 4), rows=4)
    status("four rows", "OK", r)
    tap.check("four rows score alike", r.rows == 4 and all(
        abs(a - b) < 1e-5 for a, b in zip(r.scores(), expected * 4)))
    status("padding behind the rows", "OK", ask(pad=100))
    high = ask(flags=1)
    status("high priority", "OK", high)
    tap.check("flags of the reply are clear", high is not None and high.flags == 0)
    status("a generous budget", "OK", ask(budget_us=1000000))
    for name, code, pack in (("f16", 1, f16), ("bf16", 2, bf16)):
        r = ask(pack(m.row), dtype=code, pad=64)
        status(f"dtype {name}", "OK", r)
        tap.check(f"{name} scores as f32 does", r and all(abs(a - b) < 1e-5 for a, b in zip(r.scores(), expected)))
    for name, code in (("i8", 3), ("u8", 4)):
        status(f"dtype {name}", "OK", ask(bytes([1] * m.columns), dtype=code, pad=64))
    # A reply must not be longer than its request: i8 rows are shorter than f32 scores where outputs > columns/4.
    if m.outputs * 4 > m.columns:
        status("f32 scores longer than u8 rows", "REPLY_TOO_LARGE", ask(bytes(m.columns), dtype=4))
        status("the same, padded", "OK", ask(bytes(m.columns), dtype=4, pad=4 * m.outputs))
    pong = c.ask(b"any bytes at all", type=PING, model=0, rows=0, columns=0)
    tap.check("PONG: type, id and payload come back", pong and pong.type == PONG and pong.payload == b"any bytes at all")
    r = c.ask(type=PING)
    tap.check("PONG: empty payload", r and r.type == PONG and r.payload == b"")


def expired_and_busy(tap, c, m):
    """Many rows at once, so that the last in the queue wait longer than a microsecond."""
    rows = 1400 // (4 * m.columns)
    wire = [request(floats(m.row * rows), model=m.id, columns=m.columns, rows=rows, request_id=i, budget_us=1)
            for i in range(64)]
    seen = set()
    end = time.time() + 20
    while "EXPIRED" not in seen and time.time() < end:
        for w in wire:
            c.socket.sendto(w, c.to)
        while select.select([c.socket], [], [], 0.2)[0]:
            seen.add(Reply(c.socket.recv(65535)).status)
    tap.check("EXPIRED: a budget of 1 us in a burst", "EXPIRED" in seen and seen <= {"OK", "EXPIRED", "BUSY"}, str(seen))


def documented(tap, appliance):
    """docs/wire.md has a row for each status and for each drop, and for no other."""
    with open(os.path.join(ROOT, "docs", "wire.md")) as f:
        text = f.read()
    statuses = re.findall(r"^\| \d+ \| ([A-Z_]+) \|", text, re.M)
    tap.check("docs/wire.md has each status", statuses == STATUS, str(statuses))
    drops = re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.M)
    tap.check("docs/wire.md has each drop", sorted(drops) == sorted(appliance.drops()), str(drops))


def silent(tap, appliance, raw, m, device):
    """Every silent drop has its own counter, and no reply."""
    ok = request(floats(m.row), model=m.id, columns=m.columns)
    for name, counter, frame in frames.silent_drops(raw.mac, raw.peer_mac, ok):
        if counter == "fragment" and device.startswith("net_af_packet") and "IPv6" not in name:
            tap.skip(f"dropped, {counter}: {name}", "AF_PACKET's fanout reassembles IPv4 before we see it")
            continue
        before = appliance.drops()
        raw.drain()
        raw.send(frame)
        counted = False
        end = time.time() + 3
        while not counted and time.time() < end:
            after = appliance.drops()
            counted = after[counter] > before[counter]
            time.sleep(0.01)
        changed = {k: after[k] - before[k] for k in after if after[k] != before[k]}
        tap.check(f"dropped, {counter}: {name}", counted, f"changed: {changed}")
        reply = raw.reply_from(raw.peer_mac, 0.05)
        tap.check(f"no reply: {name}", reply is None, "it was answered")


def answered_raw(tap, raw, m):
    """What only a raw socket can see or send: DSCP, VLAN tag, checksums, odd but legal packets."""
    ok = request(floats(m.row), model=m.id, columns=m.columns)
    for name, frame, verify in frames.legal(raw.mac, raw.peer_mac, ok):
        raw.drain()
        raw.send(frame)
        reply = raw.reply_from(raw.peer_mac, 3)
        if not tap.check(f"answered: {name}", reply is not None):
            continue
        why = verify(reply)
        tap.check(f"reply is right: {name}", not why, why)


def neighbours(tap, has_vlan):
    def ping(address, size=56, family="-4"):
        return subprocess.run(["ping", family, "-c", "2", "-i", "0.2", "-W", "2", "-s", str(size), address],
                              capture_output=True).returncode == 0

    for family, address in (("-4", OURS4), ("-6", OURS6)):
        sh("ip neigh flush dev veth-c")
        tap.check(f"ARP or NDP, and echo: ping {address}", ping(address, family=family))
        tap.check(f"echo of 1400 bytes: ping {address}", ping(address, 1400, family))
    if has_vlan:
        tap.check("the VLAN's address answers", ping(VLAN_OURS))
    else:
        tap.skip("the VLAN's address answers", "this kernel has no VLAN interfaces")


def large(tap, c, m, mtu, family):
    room = mtu - (28 if family == socket.AF_INET else 48) - 32
    rows = room // (4 * m.columns)
    r = c.ask(floats(m.row * rows), model=m.id, columns=m.columns, rows=rows, pad=room - rows * 4 * m.columns)
    tap.check(f"a datagram that fills the MTU of {mtu}, {rows} rows", r is not None and r.status == "OK" and r.rows == rows)


def setup_network(mtu):
    far = FarEnd(mtu=mtu)
    sh(f"ip addr add {MINE4}/24 dev veth-c && ip -6 addr add {MINE6}/64 dev veth-c nodad")
    sh("ethtool -K veth-c txvlan off rxvlan off 2>/dev/null || true")
    return far


def setup_vlan():
    """False where the kernel has no VLAN interfaces; the raw cases send tagged frames all the same."""
    try:
        sh(f"ip link add link veth-c name veth-c.{VLAN} type vlan id {VLAN} 2>/dev/null")
        sh(f"ip addr add {VLAN_MINE}/24 dev veth-c.{VLAN} && ip link set veth-c.{VLAN} up")
    except subprocess.CalledProcessError:
        return False
    return True


def conform(tap, far, device, mtu, image):
    has_vlan = setup_vlan()
    port = (f'{{ name = "edge"; device = "{device}"; mtu = {mtu}; udp_port = {PORT}; '
            f'addresses = [ "{OURS4}/24", "{OURS6}/64", "{VLAN_OURS}/24" ]; announce = false; }}')
    with Appliance([port], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'], netns=far.pid) as a:
        a.start()
        time.sleep(0.5)
        client = Client()
        end = time.time() + 10
        while time.time() < end and not client.ask(type=PING, wait=0.3):
            pass  # the link may need a moment
        a.mark_at_rest(slack=64)
        m = Model(a, 7)
        neighbours(tap, has_vlan)
        statuses(tap, client, m)
        client6 = Client(socket.AF_INET6)
        r = client6.ask(floats(m.row), model=7, columns=m.columns)
        tap.check("IPv6: OK", r is not None and r.status == "OK")
        if has_vlan:
            vlan = Client(source=VLAN_MINE)
            r = vlan.ask(floats(m.row), to=(VLAN_OURS, PORT), model=7, columns=m.columns)
            tap.check("VLAN: OK", r is not None and r.status == "OK")
        expired_and_busy(tap, client, m)
        large(tap, client, m, mtu, socket.AF_INET)
        large(tap, client6, m, mtu, socket.AF_INET6)
        raw = frames.RawPort("veth-c", far_mac(far))
        answered_raw(tap, raw, m)
        documented(tap, a)
        silent(tap, a, raw, m, device)
        raw.close()
        why = a.balanced()
        tap.check("received = replied + named drops, mempool full again", not why, why)
        not_ready(tap, a, client, m)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-500:])


def not_ready(tap, a, client, m):
    """NOT_READY: what is asked while it drains."""
    a.proc.terminate()
    seen = set()
    while a.proc.poll() is None:
        r = client.ask(floats(m.row), model=m.id, columns=m.columns, wait=0.02)
        seen |= {r.status} if r else set()
    tap.check("NOT_READY: asked while draining", "NOT_READY" in seen and seen <= {"OK", "NOT_READY"}, str(seen))


def busy(tap, far, image):
    """BUSY: a small ring and more requests in a burst than it holds. And scores that are not finite, refused."""
    port = ('{ name = "edge"; device = "net_af_packet0,iface=veth-m,qpairs=2"; '
            f'udp_port = {PORT}; addresses = [ "{OURS4}/24" ]; }}')
    with Appliance([port], io=(0,), workers=(1,), netns=far.pid,
                   extra="ring_size = 16; }; infer = { refuse_not_finite = true;",
                   models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
        a.start()
        client = Client()
        while not client.ask(type=PING, wait=0.3):
            pass
        m = Model(a, 7)
        for rows in ([3e38] * m.columns, m.row + [3e38] * m.columns):
            r = client.ask(floats(rows), model=7, columns=m.columns, rows=len(rows) // m.columns)
            tap.check("NOT_FINITE: a score, where that is refused", r and (r.status, r.rows) == ("NOT_FINITE", 0))
        counted = a.api("GET", "/v1/models")[1]["models"][0]["not_finite"]
        tap.check("rows with such scores are counted by model", counted == 2, str(counted))
        rows = 1400 // (4 * m.columns)
        wire = [request(floats(m.row * rows), model=7, columns=m.columns, rows=rows, request_id=i) for i in range(256)]
        seen, end = set(), time.time() + 20
        while "BUSY" not in seen and time.time() < end:
            for w in wire:
                client.socket.sendto(w, client.to)
            while select.select([client.socket], [], [], 0.2)[0]:
                seen.add(Reply(client.socket.recv(65535)).status)
        tap.check("BUSY: a ring that is full", seen == {"OK", "BUSY"}, str(seen))
        a.mark_at_rest(slack=64)
        why = a.balanced()
        tap.check("pipeline: received = replied + named drops", not why, why)


def far_mac(far):
    out = subprocess.run(["nsenter", "-t", str(far.pid), "-n", "cat", f"/sys/class/net/{far.far}/address"],
                         capture_output=True, text=True).stdout.strip()
    if not out:
        out = subprocess.run(["nsenter", "-t", str(far.pid), "-n", "ip", "-o", "link", "show", far.far],
                             capture_output=True, text=True).stdout.split("link/ether ")[1].split()[0]
    return bytes.fromhex(out.replace(":", ""))


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    image = frames.compile_lab_image()
    for device, mtu in (("net_af_xdp0,iface=veth-m", 1500), ("net_af_packet0,iface=veth-m,framesz=4096,blocksz=4096", 3900)):
        print(f"# {device}, MTU {mtu}", flush=True)
        far = setup_network(mtu)
        try:
            conform(tap, far, device, mtu, image)
            if "af_packet" in device:
                busy(tap, far, image)
        except RuntimeError as e:
            tap.check(f"martletd on {device}", False, str(e).replace("\n", "\n# "))
        finally:
            far.close()
            subprocess.run("ip link del veth-c", shell=True, stderr=subprocess.DEVNULL)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
