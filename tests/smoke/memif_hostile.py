#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Peers that break every rule of memif, one after the other and at random (memif_attacks.py), beside a good client on
the same socket all of whose replies arrive. martletd outlives them, says why it turns them away, keeps no descriptor
and no memory of theirs, and counts each frame.
usage: memif_hostile.py [SECONDS]      (8; SEED=N for other dice; MARTLET_ASAN=1 for the build with sanitisers)"""
import os
import random
import select
import struct
import subprocess
import sys
import tempfile
import time

import memif_attacks
from appliance import BUILD, MARTLETD, Appliance, Tap
from memif_attacks import FAULTS, GOOD, HANDSHAKES, SECRET, WILD, Wild, gone_within
from memif_loops import Client, make_models
from memif_peer import NEXT, RING_HEAD, RING_TAIL, Gone, eventfd, ring_bytes


def check_handshakes(tap, w):
    for attack in HANDSHAKES:
        with w.peer() as p:
            try:
                attack(w, p)
                told = "nothing"
            except Gone as gone:
                told = str(gone)
        tap.check(f"handshake: {attack.__name__.replace('_', ' ')}: turned away, and told why", attack.words in told, told)


def check_faults(tap, w):
    for attack in FAULTS:
        with w.peer() as p:
            try:
                attack(w, p)
                told = gone_within(p)
            except Gone as gone:
                told = str(gone)
        tap.check(f"connected: {attack.__name__.replace('_', ' ')}: turned away, and told why",
                  told is not None and attack.fault in told, told)


def answers(w, p, n=1, seconds=10, ring=0):
    """How many replies come to `n` requests, by whichever ring."""
    got, taken = 0, [0] * p.rings[1]
    end = time.time() + seconds
    for _ in range(n):
        p.transmit(w.frame, ring)
    while got < n and time.time() < end:
        for r in range(p.rings[1]):
            frame, taken[r] = p.take(r, taken[r])
            got += frame is not None
    return got


def check_tolerated(tap, w, a):
    """What is unusual, or unwise, but no offence."""
    with w.peer() as p:
        p.connect(rings=(5, 3), log2=4)
        got = answers(w, p, 1, ring=4)
        tap.check("another number of queues: each ring is served", got == 1, got)
    with w.peer() as p:
        p.connect(rings=(64, 64), log2=2)
        tap.check("64 rings each way are served", answers(w, p, 1, ring=63) == 1)
    with w.peer() as p:
        p.connect(sealed=False)
        tap.check("memory that cannot be sealed serves", answers(w, p, 8) == 8)
    with w.peer() as p:
        full = p.keep(eventfd(0, 0))
        os.write(full, struct.pack("<Q", (1 << 64) - 2))
        p.connect(interrupts=full)
        p.mem[ring_bytes(8) + 4:ring_bytes(8) + 6] = b"\0\0"
        tap.check("an eventfd that would block to write to: replies come", answers(w, p, 8) == 8)
    with w.peer() as p:
        ring = p.keep(eventfd(0))
        p.connect(interrupts=ring)
        p.mem[ring_bytes(8) + 4:ring_bytes(8) + 6] = b"\0\0"
        tap.check("a peer that asks for interrupts: replies come", answers(w, p, 1) == 1)
        ready = select.select([ring], [], [], 10)[0]  # after the reply, by another thread
        count = struct.unpack("<Q", os.read(ring, 8))[0] if ready else 0
        tap.check("a peer that asks for interrupts is rung", count == 1, count)
    with w.peer() as p:
        ring = p.keep(eventfd(0))
        same, waiting = [p.keep(os.dup(ring)) for _ in range(400)], [select.epoll() for _ in range(250)]
        for epoll in waiting:
            for fd in same:
                epoll.register(fd, select.EPOLLIN)
        p.connect(interrupts=ring)
        p.mem[ring_bytes(8) + 4:ring_bytes(8) + 6] = b"\0\0"
        tap.check("an eventfd that 100,000 wait for: the reply comes", answers(w, p, 1) == 1)
        told = gone_within(p, 2)  # or not, where the machine is fast enough
        tap.check("... and it goes on, or is told why not", told is None or "too many wait" in told, told)
        for epoll in waiting:
            epoll.close()
    with w.peer() as p:
        p.connect(buffer=64)
        tap.check("buffers of 64 bytes: chains both ways", answers(w, p, 4) == 4)
    with w.peer() as p:
        p.connect()
        before = a.drops()["too_long"]
        for _ in range(3):
            p.transmit(bytes(60000))
        end = time.time() + 10
        while a.drops()["too_long"] < before + 3 and time.time() < end:
            time.sleep(0.01)
        tap.check("frames longer than any mbuf: dropped by name, each once", a.drops()["too_long"] == before + 3, a.drops())
        tap.check("frames longer than any mbuf: the next one is served", answers(w, p, 1) == 1)
    with w.peer() as p:
        p.connect()
        before = a.counters()["received"]
        p.store(RING_HEAD, 40000)
        end = time.time() + 10
        while p.load(RING_TAIL) != 40000 and time.time() < end:
            time.sleep(0.01)
        tap.check("a ring that was written over is begun anew, and nothing replayed",
                  p.load(RING_TAIL) == 40000 and a.counters()["received"] - before < 2000, a.counters()["received"] - before)
        tap.check("a ring that was written over: the next frame is served", answers(w, p, 1) == 1)
    with w.peer() as p:
        p.connect()
        for i in range(256):
            p.put(0, i, NEXT, 0, 2048, 0)
        p.store(RING_HEAD, 256)
        end = time.time() + 10
        while p.load(RING_TAIL) != 256 and time.time() < end:
            time.sleep(0.01)
        tap.check("a chain without an end is passed over", p.load(RING_TAIL) == 256)
        tap.check("a chain without an end: the next frame is served", answers(w, p, 1) == 1)


def count_fds(a):
    return len(os.listdir(f"/proc/{a.proc.pid}/fd"))


def count_maps(a):
    with open(f"/proc/{a.proc.pid}/maps") as f:
        return sum("memfd:by hand" in line for line in f)


def rage(a, mac, seconds, seed):
    """Hostile processes, each begun anew when it is dead, until the time is over. Returns how many were begun."""
    end, begun_ = time.time() + seconds, 0
    while time.time() < end and a.proc.poll() is None:
        left = min(end - time.time(), 20)
        procs = [subprocess.Popen([sys.executable, memif_attacks.__file__, f"{a.dir}/edge.sock", mac.hex(), str(left),
                                   str(seed + begun_ + i)], stderr=subprocess.PIPE, text=True) for i in range(2)]
        for p in procs:
            err = p.communicate()[1]
            if p.returncode > 0:
                raise RuntimeError(f"the hostile peer's own fault: {err}")
        begun_ += len(procs)
    return begun_


def main(seconds):
    asan = os.environ.get("MARTLET_ASAN") == "1"
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-hostile-") as folder:
        make_models(folder)
        a = Appliance([], io=(0,), workers=(0,), program=f"{BUILD}/asan/martletd" if asan else MARTLETD)
        ports = ", ".join(
            f'{{ name = "{name}"; device = "net_memif{i},id={i},role=server,socket={a.dir}/edge.sock,socket-abstract=no'
            f'{more}"; addresses = [ "10.77.{i}.1/24" ]; }}'
            for i, name, more in ((GOOD, "good", ""), (WILD, "wild", f",secret={SECRET.decode()}")))
        with open(a.conf) as f:
            text = f.read()
        with open(a.conf, "w") as f:
            f.write(text.replace("ports = (  )", f"ports = ( {ports} )"))
        with a:
            a.start()
            a.mark_at_rest()
            a.ctl("model", "push", f"{folder}/a.mlt", "--version", "1")
            a.ctl("model", "promote", "m", "1", "--id", "7")
            mac = bytes.fromhex(a.api("GET", "/v1/ports")[1]["ports"][WILD]["mac"].replace(":", ""))
            w, fds = Wild(f"{a.dir}/edge.sock", mac, random.Random(1)), count_fds(a)
            good = Client(a, folder, 2)
            good.device += f",id={GOOD}"
            if not asan:
                check_handshakes(tap, w)
                n = sum(p["peers_turned_away"] for p in a.api("GET", "/v1/ports")[1]["ports"])
                tap.check("each of them is counted", n == len(HANDSHAKES), (n, len(HANDSHAKES)))
                check_faults(tap, w)
                check_tolerated(tap, w, a)
            proc = good.start("--seconds", str(seconds + 2), "--window", "16", "--expect", f"{folder}/a.npy")
            time.sleep(1)
            n = rage(a, mac, seconds, int(os.environ.get("SEED", "1")))
            alive = a.proc.poll() is None
            tap.check(f"martletd outlives {n} hostile processes", alive, a.log_text()[-3000:])
            rc, r = good.result(proc)
            tap.check("the good client beside them: each reply arrives, and rightly", rc == 0 and r["lost"] == 0
                      and r["sent"] == r["answered"] > 1000 and r["mismatches"] == 0, r)
            if alive:
                after(tap, a, good, folder, fds, asan)
    return tap.finish()


def after(tap, a, good, folder, fds, asan):
    good.device = good.device.replace(f",id={GOOD}", f",id={WILD},secret={SECRET.decode()}")
    args = ["--from", "10.77.1.2", "--to", "10.77.1.1", "--once", "--window", "16", "--expect", f"{folder}/a.npy"]
    rc, r = good.run(*args)
    tap.check("the interface that they had serves the next client", rc == 0 and r["rows_scored"] == 1024, r)
    end = time.time() + 10
    while (count_fds(a) > fds or count_maps(a)) and time.time() < end:
        time.sleep(0.1)
    tap.check("no descriptor and no memory of theirs is kept", count_fds(a) <= fds and not count_maps(a),
              f"{fds} before, {count_fds(a)} now; {count_maps(a)} regions")
    tap.check("received = replied + drops, mempool full", not a.balanced(), a.balanced())
    lines = a.log_text().count("\n")
    tap.check("the log tells of them, and is not flooded", "turned away" in a.log_text() and lines < 4000, lines)
    tap.check("SIGTERM, exit 0, no complaint", a.stop(wait=60) == 0 and "ERROR" not in a.log_text()
              and "runtime error" not in a.log_text(), a.log_text()[-3000:])


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 8))
