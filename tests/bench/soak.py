#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Mixed traffic for a long time, against the build with sanitisers: clients that come and go, two models swapped every
second, versions pushed and deleted, models unloaded and loaded, and on a second port frames of every kind, right,
wrong and bit-flipped. In the end: every packet accounted for, the mempool full, memory steady, no leak, exit 0.
usage: soak.py [SECONDS]                   (600; `make asan` first; root, for network namespaces)
       soak.py --swaps N [SECONDS]         (one model promoted N times under load; `make` first)"""
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "smoke"))
import frames
import soak_swaps
from appliance import BUILD, ROOT, Appliance, FarEnd, Tap, enter_private_network, request, sh
from memif_loops import Client, make_models

EXPECTED = {"m": 7, "n": 8}
FORMS = (["--window", "1"], ["--window", "64"], ["--window", "256", "--rows-per-request", "8"], ["--rate", "3000"],
         ["--rate", "20000", "--arrivals", "poisson"], ["--dtype", "f16", "--tolerance", "0.05", "--pad", "64"],
         ["--pad", "700", "--window", "8"])


class Soak:
    def __init__(self, appliance, folder, seconds):
        self.a, self.folder, self.end = appliance, folder, time.time() + seconds
        self.rng = random.Random(int(os.environ.get("SEED", "1")))
        self.swaps = self.refused = self.frames = self.clients = self.requests = self.rows = 0
        self.wrong = []

    def running(self):
        return time.time() < self.end

    def swap(self):
        """Its own connection, as api() is the main thread's."""
        n = 0
        while self.running():
            for name in EXPECTED:
                status, reply = self.a.api("PUT", f"/v1/models/{name}/deployment", {"live": 1 + n % 2})
                self.swaps += status == 200
                if status != 200:
                    self.wrong.append(f"swap of {name}: {status} {reply}")
            if n % 7 == 3:
                with open(f"{self.folder}/b.mlt", "rb") as f:
                    image = f.read()
                for method, body, want in (("PUT", image, 201), ("DELETE", None, 200)):
                    status, reply = self.a.api(method, "/v1/models/spare/versions/5", body)
                    if status != want:
                        self.wrong.append(f"{method} of a spare version: {status} {reply}")
                status, _ = self.a.api("PUT", "/v1/models/spare/versions/6", image[:-9])
                self.refused += status == 422
            if n % 11 == 5:
                for what in ("unload", "load"):
                    status, reply = self.a.api("POST", f"/v2/repository/models/o/{what}", b"")
                    if status != 200:
                        self.wrong.append(f"{what}: {status} {reply}")
            n += 1
            time.sleep(1)

    def load(self):
        client = Client(self.a, self.folder, 2)
        f = self.folder
        while self.running():
            name = self.rng.choice(sorted(EXPECTED))
            args = ["--model", str(EXPECTED[name]), "--expect", f"1={f}/a.npy", "--expect", f"2={f}/b.npy"]
            args += self.rng.choice(FORMS) + ["--seconds", f"{self.rng.uniform(0.3, 4):.2f}"]
            if self.rng.random() < 0.15:
                args = ["--ping", "--window", "32", "--seconds", "1"]
            rc, r = client.run(*args, ipv6=self.rng.random() < 0.5)
            if rc or r["lost"] or r["mismatches"] or r["wrong_fields"] or set(r["status"]) - {"OK"}:
                self.wrong.append(f"load {' '.join(args)}: {rc} {json.dumps(r)[:600]}")
            else:
                self.clients, self.requests = self.clients + 1, self.requests + r["sent"]
                self.rows += r["rows_scored"]

    def malformed(self, raw, mac):
        good = request(bytes(4 * 41), model=7, columns=41, pad=64)
        known = [frame for _, _, frame in frames.silent_drops(raw.mac, mac, good)]
        known += [t[1] for t in frames.legal(raw.mac, mac, good)]
        known += [frames.ether(mac, raw.mac, frames.ipv4(frames.MINE4, frames.OURS4, frames.udp(
            frames.MINE4, frames.OURS4, request(bytes(4 * 41 * 3), model=i % 12, columns=41, rows=i % 5, dtype=i % 6))))
            for i in range(60)]
        while self.running():
            frame = bytearray(self.rng.choice(known))
            for _ in range(self.rng.choice((0, 0, 1, 2, 8))):
                frame[self.rng.randrange(len(frame))] ^= 1 << self.rng.randrange(8)
            try:
                raw.send(bytes(frame[:max(14, self.rng.choice((len(frame), len(frame), self.rng.randrange(1514))))]))
                self.frames += 1
            except OSError:
                pass
            if self.frames % 50 == 0:
                raw.drain()
                time.sleep(0.02)


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def watch(soak):
    """Resident memory now and then; the first minute is for warming up."""
    seen, begin = [], time.time()
    while soak.running() and soak.a.proc.poll() is None:
        seen.append((time.time() - begin, resident_kib(soak.a.proc.pid)))
        time.sleep(5)
    half = [kib for at, kib in seen if at > seen[-1][0] / 2]
    return seen[0][1], min(half), max(half)


def main(seconds):
    if os.geteuid() or not enter_private_network():
        sys.exit("soak.py needs root and network namespaces")
    os.environ.update(ASAN_OPTIONS="detect_leaks=1:quarantine_size_mb=16", UBSAN_OPTIONS="print_stacktrace=1",
                      LSAN_OPTIONS=f"suppressions={ROOT}/tests/lsan.supp:print_suppressions=0")
    tap, far = Tap(), FarEnd()
    sh("ip addr add 10.77.0.2/24 dev veth-c")
    with tempfile.TemporaryDirectory(prefix="martlet-soak-") as folder:
        make_models(folder)
        a = Appliance([], io=(0,), workers=(0,), netns=far.pid, mbufs=16384, program=f"{BUILD}/asan/martletd")
        ports = (f'{{ name = "edge"; device = "net_memif0,role=server,socket={a.dir}/edge.sock,socket-abstract=no"; '
                 'addresses = [ "10.77.0.1/24", "fd00:77::1/64" ]; }, '
                 '{ name = "wild"; device = "net_af_packet0,iface=veth-m,qpairs=2"; addresses = [ "10.78.0.1/24" ]; }')
        with open(a.conf) as f:
            text = f.read().replace("megabytes = 192", "megabytes = 256")
        with open(a.conf, "w") as f:
            f.write(text.replace("ports = (  )", f"ports = ( {ports} )"))
        frames.OURS4, frames.OURS6, frames.MINE4 = "10.78.0.1", "fd00:78::1", "10.78.0.2"
        with a:
            a.start()
            a.mark_at_rest(slack=64)  # AF_PACKET's rings
            for name, id in (*EXPECTED.items(), ("o", 9)):
                for version, image in ((1, "a"), (2, "b")):
                    with open(f"{folder}/{image}.mlt", "rb") as f:
                        status, reply = a.api("PUT", f"/v1/models/{name}/versions/{version}", f.read())
                    assert status == 201, reply
                a.ctl("model", "promote", name, "1", "--id", str(id))
            mac = bytes.fromhex(a.api("GET", "/v1/ports")[1]["ports"][1]["mac"].replace(":", ""))
            raw, soak = frames.RawPort("veth-c", mac), Soak(a, folder, seconds)
            threads = [threading.Thread(target=t, args=args) for t, args in (
                (soak.swap, ()), (soak.load, ()), (soak.malformed, (raw, mac)))]
            for t in threads:
                t.start()
            first, low, high = watch(soak)
            for t in threads:
                t.join()
            time.sleep(1)
            counters, drops = a.counters(), {k: n for k, n in a.drops().items() if n}
            print(f"# {soak.clients} clients, {soak.requests} requests, {soak.rows} rows, {soak.swaps} swaps, "
                  f"{soak.frames} wild frames; received {counters['received']}, replied {counters['replied']}, "
                  f"drops {json.dumps(drops)}", flush=True)
            print(f"# resident: {first} KiB at first, {low} to {high} KiB in the second half", flush=True)
            tap.check("every client: all answered, rightly, by one version", not soak.wrong, soak.wrong[:5])
            tap.check("received = replied + named drops, mempool full", not a.balanced(), a.balanced())
            tap.check("memory is steady", high - low < 32 << 10, (first, low, high))
            tap.check("SIGTERM: exit 0, no leak, no complaint", a.stop(wait=60) == 0 and "ERROR" not in a.log_text()
                      and "runtime error" not in a.log_text(), a.log_text()[-3000:])
    far.close()
    return tap.finish()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--swaps"]:
        sys.exit(soak_swaps.main(int(sys.argv[2]), *map(float, sys.argv[3:4])))
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600))
