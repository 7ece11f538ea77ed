#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Other devices and shapes of port, both loops each: requests from one pcap file and replies into another, byte for
byte; jumbo frames and several queues over memif; several queues over AF_PACKET; and ports that cannot be had."""
import os
import struct
import subprocess
import sys
import tempfile
import time

import frames
from appliance import (MARTLETCTL, PING, PONG, RESULT, ROOT, Appliance, FarEnd, Reply, Tap, enter_private_network,
                       request, sh)
from frames import MINE4, MINE6, OURS4, OURS6
from memif_loops import LOOPS, Client, make_models

ROWS = 40


# --- pcap -----------------------------------------------------------------------------------------

def lab_rows():
    """ROWS rows of the bundled test set, as floats, and the scores that the tool gives them offline."""
    with tempfile.TemporaryDirectory() as d:
        with open(f"{ROOT}/data/lab-test.csv") as f:
            lines = f.read().splitlines()[1:ROWS + 1]
        rows = [[float(v) for v in line.split(",")[:-2]] for line in lines]
        with open(f"{d}/rows.f32", "wb") as f:
            for row in rows:
                f.write(struct.pack(f"<{len(row)}f", *row))
        image = frames.compile_lab_image()
        subprocess.run([MARTLETCTL, "model", "run", image, f"{d}/rows.f32", "-o", f"{d}/out.f32"], check=True,
                       stdout=subprocess.DEVNULL)
        with open(f"{d}/out.f32", "rb") as f:
            data = f.read()
    scores = struct.unpack(f"<{len(data) // 4}f", data)
    outputs = len(scores) // ROWS
    return image, rows, [scores[i * outputs:(i + 1) * outputs] for i in range(ROWS)]


def pcap_records(frames_out):
    return b"".join(struct.pack("<IIII", 1, 0, len(f), len(f)) + f for f in frames_out)


def read_pcap(path):
    with open(path, "rb") as f:
        data = f.read()
    at, found = 24, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return found


def datagram(ours, mine, ours_mac, peer_mac, body, sport, tos, vlan, to_us):
    src, dst = (mine, ours) if to_us else (ours, mine)
    ports = dict(sport=sport, dport=frames.PORT) if to_us else dict(sport=frames.PORT, dport=sport)
    payload = frames.udp(src, dst, body, **ports)
    if ":" in ours:
        packet = frames.ipv6(src, dst, payload, tclass=tos)
    else:
        packet = frames.ipv4(src, dst, payload, tos=tos)
        if not to_us:  # never fragmented: identification 0, "don't fragment" set
            packet = packet[:4] + b"\0\0\x40\0" + packet[8:10] + b"\0\0" + packet[12:]
            packet = packet[:10] + struct.pack(">H", frames.checksum(packet[:20])) + packet[12:]
    ends = (ours_mac, peer_mac) if to_us else (peer_mac, ours_mac)
    return frames.ether(*ends, packet, vlan=vlan)


def exchanges(rows, ours_mac, peer_mac):
    """(request id, frame to send, function of the reply's server_ns and scores that gives the frame to come)."""
    for i, row in enumerate(rows):
        v6, vlan, tos, sport = i % 3 == 1, 5 if i % 4 == 2 else None, (i % 5) << 2, 40000 + i
        ours, mine = (OURS6, MINE6) if v6 else (OURS4, MINE4)
        path = (ours, mine, ours_mac, peer_mac)
        values = struct.pack(f"<{len(row)}f", *row)
        ident = 1000 + i
        if i % 8 == 7:
            body = request(b"any bytes" * i, type=PING, model=0, request_id=ident, rows=0, columns=0)
            head = dict(type=PONG, model=0, rows=0, columns=0, model_version=0)
            tail = body[32:]
        elif i % 8 == 6:
            body = request(values, model=99, request_id=ident, columns=len(row))
            head, tail = dict(type=RESULT, model=99, rows=0, columns=0, model_version=0, status=2), b""
        else:
            body = request(values, model=7, request_id=ident, columns=len(row))
            head, tail = dict(type=RESULT, model=7, rows=1, model_version=1), None
        def come(server_ns, scores, path=path, head=head, tail=tail, ident=ident, more=(sport, tos, vlan)):
            end = scores if tail is None else tail
            fields = dict(head, columns=len(scores) // 4) if tail is None else head
            return datagram(*path, request(end, request_id=ident, budget_us=server_ns, **fields), *more, to_us=False)
        yield ident, datagram(*path, body, sport, tos, vlan, to_us=True), come, tail is None


def near(got, want):
    got = struct.unpack(f"<{len(got) // 4}f", got)
    return len(got) == len(want) and all(abs(g - w) <= 1e-5 * max(1, abs(w)) for g, w in zip(got, want))


def wire_of(frame):
    at = 14 + (4 if frame[12:14] == b"\x81\0" else 0)
    at += 28 if frame[at] >> 4 == 4 else 48
    return Reply(frame[at:])


def exact_pcap(tap, loop, cpus, image, rows, scores):
    with tempfile.TemporaryDirectory(prefix="martlet-pcap-") as d:
        os.mkfifo(f"{d}/in.pcap")  # so that requests come when the model is there, and not before
        port = (f'{{ name = "edge"; device = "net_pcap0,rx_pcap={d}/in.pcap,tx_pcap={d}/out.pcap"; '
                f'addresses = [ "{OURS4}/24", "{OURS6}/64" ]; announce = false; }}')
        if cpus["workers"]:  # each lcore has a queue of its own to send by
            port = port.replace("out.pcap", f"out.pcap,tx_pcap={d}/out2.pcap")
        fifo = os.open(f"{d}/in.pcap", os.O_RDWR)
        os.write(fifo, struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        with Appliance([port], **cpus, models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
            a.start()
            mac = bytes.fromhex(a.api("GET", "/v1/ports")[1]["ports"][0]["mac"].replace(":", ""))
            peer = b"\x02\0\0\0\0\x02"
            known = list(exchanges(rows, mac, peer))
            good = request(struct.pack(f"<{len(rows[0])}f", *rows[0]), model=7, columns=len(rows[0]))
            bad = {counter: frame for _, counter, frame in frames.silent_drops(peer, mac, good)}
            bad.pop("bad_icmp", None)
            writer = os.open(f"{d}/in.pcap", os.O_WRONLY)
            os.close(fifo)
            os.write(writer, pcap_records([frame for _, frame, _, _ in known]))
            os.write(writer, pcap_records(bad.values()))
            end = time.time() + 20
            while a.counters()["received"] < len(known) + len(bad) and time.time() < end:
                time.sleep(0.05)
            os.close(writer)
            a.mark_at_rest()
            tap.check(f"{loop}: pcap: received = replied + drops", not a.balanced(), a.balanced())
            drops = {k: n for k, n in a.drops().items() if n}
            tap.check(f"{loop}: pcap: each bad frame under its own counter", drops == {k: 1 for k in bad}, drops)
            tap.check(f"{loop}: pcap: SIGTERM, exit 0", a.stop() == 0, a.log_text())
        came = [f for name in ("out.pcap", "out2.pcap") if os.path.exists(f"{d}/{name}") for f in read_pcap(f"{d}/{name}")]
        wrong = []
        by_id = {wire_of(f).request_id: f for f in came}
        for i, (ident, _, come, scored) in enumerate(known):
            frame = by_id.get(ident)
            reply = frame and wire_of(frame)
            end = reply and struct.pack(f"<{len(scores[i])}f", *reply.scores()) if scored else b""
            if not frame or frame != come(reply.server_ns, end) or (scored and not near(end, scores[i])):
                wrong.append((i, frame and frame.hex()))
        tap.check(f"{loop}: pcap: {len(known)} replies, each byte as it must be", not wrong and len(came) == len(known),
                  (len(came), wrong[:2]))


# --- memif ----------------------------------------------------------------------------------------

def memif_port(appliance, more=""):
    with open(appliance.conf) as f:
        text = f.read()
    port = (f'{{ name = "edge"; device = "net_memif0,role=server,socket={appliance.dir}/edge.sock,socket-abstract=no";'
            f' addresses = [ "10.77.0.1/24" ]; {more} }}')
    with open(appliance.conf, "w") as f:
        f.write(text.replace("ports = (  )", f"ports = ( {port} )"))


def serve(appliance, folder):
    appliance.start()
    appliance.mark_at_rest()
    appliance.ctl("model", "push", f"{folder}/a.mlt", "--version", "1")
    appliance.ctl("model", "promote", "m", "1", "--id", "7")


def jumbo(tap, loop, cpus, folder):
    appliance = Appliance([], **cpus)
    memif_port(appliance, "mtu = 9000;")
    with appliance:
        serve(appliance, folder)
        client = Client(appliance, folder, len(cpus["io"]) + len(cpus["workers"]))
        expect = ["--expect", f"{folder}/a.npy", "--megabytes", "192"]
        for bsize in (",bsize=2048", ""):  # chains of 2 KiB buffers, or one for each frame
            plain, client.device = client.device, client.device + bsize
            for rows in ("30", "54"):
                rc, r = client.run("--once", "--rows-per-request", rows, "--window", "8", *expect)
                tap.check(f"{loop}: jumbo frames{bsize}: {rows} rows a request, every row, the right scores",
                          rc == 0 and r["rows_scored"] == 1024 and r["lost"] == 0 and r["mismatches"] == 0, r)
            client.device = plain
        rc, r = client.run("--requests", "5", "--rows-per-request", "55", "--timeout-ms", "300", "--megabytes", "192")
        tap.check(f"{loop}: longer than the MTU: dropped, and counted so", rc == 1 and "nothing was answered" in r["text"]
                  and appliance.drops()["too_long"] == 5, (r, appliance.drops()))
        tap.check(f"{loop}: jumbo: received = replied + drops, mempool full", not appliance.balanced(), appliance.balanced())
        tap.check(f"{loop}: jumbo: SIGTERM, exit 0", appliance.stop() == 0, appliance.log_text())


def several_memif_queues(tap, folder):
    """Two lcores, each with a queue of its own to receive on and one to send by."""
    appliance = Appliance([], io=(0, 1))
    memif_port(appliance, "queues = 2;")
    with appliance:
        serve(appliance, folder)
        client = Client(appliance, folder, 2)
        rc, r = client.run("--once", "--queues", "2", "--window", "64", "--expect", f"{folder}/a.npy")
        tap.check("two queues over memif: every row, the right scores", rc == 0 and r["rows_scored"] == 1024
                  and r["lost"] == r["mismatches"] == 0, r)
        each = [lcore["received"] for lcore in appliance.api("GET", "/v1/lcores")[1]["lcores"]]
        tap.check("two queues over memif: each lcore had its share", len(each) == 2 and min(each) > 256, each)
        tap.check("two queues over memif: received = replied + drops, mempool full", not appliance.balanced(),
                  appliance.balanced())


# --- AF_PACKET -------------------------------------------------------------------------------------

def several_packet_queues(tap, loop, cpus, image, rows, scores):
    """The kernel spreads flows over the queues by hash, as a NIC does with RSS."""
    import select
    import socket
    far = FarEnd()
    try:
        sh(f"ip addr add {MINE4}/24 dev veth-c")
        port = f'{{ name = "edge"; device = "net_af_packet0,iface=veth-m,qpairs=2"; addresses = [ "{OURS4}/24" ]; }}'
        with Appliance([port], **cpus, netns=far.pid, models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
            a.start()
            sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(64)]
            right, end = set(), time.time() + 20
            while len(right) < len(sockets) and time.time() < end:
                for i, s in enumerate(sockets):
                    if i not in right:
                        row = rows[i % ROWS]
                        s.sendto(request(struct.pack(f"<{len(row)}f", *row), model=7, columns=len(row), request_id=i,
                                         pad=16), (OURS4, frames.PORT))
                for s in select.select(sockets, [], [], 0.5)[0]:
                    r = Reply(s.recv(65535))
                    if r.status == "OK" and near(struct.pack("<" + "f" * r.columns, *r.scores()),
                                                 scores[r.request_id % ROWS]) and sockets[r.request_id] is s:
                        right.add(r.request_id)
            tap.check(f"{loop}: 64 clients over two queues: each its own scores", len(right) == 64, len(right))
            lcores = a.api("GET", "/v1/lcores")[1]["lcores"]
            each = [lcore["received"] for lcore in lcores if lcore["role"] != "worker"]
            if len(each) > 1:
                tap.check(f"{loop}: both lcores received", min(each) > 0, each)
            a.mark_at_rest(slack=64)
            tap.check(f"{loop}: two queues: received = replied + drops", not a.balanced(), a.balanced())
    finally:
        far.close()
        subprocess.run("ip link del veth-c", shell=True, stderr=subprocess.DEVNULL)


# --- Ports that cannot be had ------------------------------------------------------------------------

REFUSED = (  # device, more of the port's settings, what the sentence must hold
    ("net_pcap0,rx_pcap=/nonexistent/in.pcap", "", ("port edge", "/nonexistent/in.pcap")),
    ("net_memif0,role=server,socket=/nonexistent/dir/a.sock,socket-abstract=no", "", ("port edge", "/nonexistent/dir")),
    ("net_memif0,role=server,nonsense=1", "", ("port edge", "nonsense")),
    ("", "", ("device",)),
    ("net_ring0", "name2 = 5;", ("martletd.conf:", "name2")),
    ("net_ring0", "queues = 60;", ("queues is 60", "receive queues")),
    ("net_ring0", "queues = 1000000;", ("martletd.conf:", "queues")),
    ("net_ring0", "mtu = 12;", ("martletd.conf:", "mtu")),
    ("net_ring0", "udp_port = 0;", ("martletd.conf:", "udp_port")),
    ("net_ring0", "mac = 1;", ("martletd.conf:", "mac")),
)


def refused(tap):
    for device, more, words in REFUSED:
        a = Appliance([f'{{ name = "edge"; device = "{device}"; addresses = [ "10.77.0.1/24" ]; {more} }}'])
        try:
            a.start(wait=20)
            tap.check(f"refused: a port on '{device}' {more}", False, "it started")
        except RuntimeError:
            last = (a.log_text().strip().splitlines() or [""])[-1]
            tap.check(f"refused: a port on '{device}' {more}", a.proc.returncode == 1 and last.startswith("martletd: ")
                      and all(w in last for w in words), a.log_text()[-600:])
        a.close()


def main():
    tap = Tap()
    image, rows, scores = lab_rows()
    with tempfile.TemporaryDirectory(prefix="martlet-devices-") as folder:
        make_models(folder)
        for loop, cpus in LOOPS.items():
            if max(cpus["io"] + cpus["workers"]) >= os.cpu_count():
                tap.skip(loop, "needs two CPUs")
                continue
            exact_pcap(tap, loop, cpus, image, rows, scores)
            jumbo(tap, loop, cpus, folder)
        if os.cpu_count() > 1:
            several_memif_queues(tap, folder)
    refused(tap)
    if os.geteuid() or not enter_private_network():
        tap.skip("several queues over AF_PACKET", "needs root and network namespaces")
    elif os.cpu_count() > 1:
        for loop, cpus in {"run to completion": dict(io=(0, 1)), "pipeline": dict(io=(0,), workers=(1,))}.items():
            several_packet_queues(tap, loop, cpus, image, rows, scores)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
