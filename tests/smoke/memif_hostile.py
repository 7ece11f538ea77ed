#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Peers that break every rule of memif, one after the other and at random, beside a good client on the same socket all
of whose replies arrive. martletd outlives them, says why it turns them away, keeps no descriptor and no memory of
theirs, and counts each frame.
usage: memif_hostile.py [SECONDS]      (8; SEED=N for other dice; MARTLET_ASAN=1 for the build with sanitisers)"""
import errno
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

import frames
from appliance import BUILD, MARTLETD, Appliance, Tap, request
from memif_loops import Client, make_models
from memif_peer import HELLO, INIT, NEXT, RING_HEAD, RING_TAIL, Gone, Peer, eventfd, ring_bytes

GOOD, WILD = 0, 1  # interfaces on one socket
SECRET = b"martinet"


class Wild:
    """The path of the socket, and the frames that a peer may send."""

    def __init__(self, path, mac, rng):
        self.path, self.rng = path, rng
        body = request(bytes(4 * 41), model=7, columns=41, pad=64)
        self.frame = frames.ether(mac, b"\2\0\0\0\0\7", frames.ipv4("10.77.1.2", "10.77.1.1", frames.udp(
            "10.77.1.2", "10.77.1.1", body)))

    def peer(self):
        return Peer(self.path, WILD, SECRET)


# --- Handshakes: what must be said to the peer ------------------------------------------------------------

def said(words):
    """A handshake that ends in a sentence which holds these words."""
    def mark(attack):
        attack.words = words
        return attack
    return mark


def begun(w, p, **how):
    p.lay_out(**how)
    p.expect(HELLO)
    p.init()
    return p


@said("bytes; each has 128")
def short_message(w, p):
    p.expect(HELLO)
    p.send(INIT, size=60)
    p.receive()


@said("bytes; each has 128")
def long_message(w, p):
    p.expect(HELLO)
    p.send(INIT, size=5000)
    p.receive()


@said("of type 5 before an interface")
def ring_before_init(w, p):
    p.expect(HELLO)
    p.add_ring(True)


@said("of type 999, which no client sends")
def unknown_type(w, p):
    begun(w, p).send(999)
    p.receive()


@said("of type 2, which no client sends")
def hello_to_server(w, p):
    begun(w, p).send(HELLO)
    p.receive()


@said("version 3.9 of memif")
def wrong_version(w, p):
    p.expect(HELLO)
    p.init(version=0x309)


@said("only Ethernet")
def wrong_mode(w, p):
    p.expect(HELLO)
    p.init(mode=2)


@said("no interface with id 77")
def wrong_id(w, p):
    p.expect(HELLO)
    p.init(interface=77)


@said("secret is missing or wrong")
def no_secret(w, p):
    p.expect(HELLO)
    p.init(secret=b"")


@said("secret is missing or wrong")
def longer_secret(w, p):
    p.expect(HELLO)
    p.init(secret=SECRET + b"x")


@said("asked for already")
def init_twice(w, p):
    begun(w, p).init()


@said("region 0 without a descriptor")
def region_without_descriptor(w, p):
    begun(w, p).add_region(0, p.size, fds=())


@said("its descriptors do not come through")
def many_descriptors(w, p):
    begun(w, p).add_region(0, p.size, fds=[p.fd] * 200)


@said("2 descriptors with a message")
def two_descriptors(w, p):
    begun(w, p).add_region(0, p.size, fds=[p.fd] * 2)


@said("region 3 where 0 was due")
def region_out_of_order(w, p):
    begun(w, p).add_region(p.fd, p.size, index=3)


@said("longer than its file")
def region_longer_than_file(w, p):
    begun(w, p).add_region(p.fd, p.size + (1 << 20))


@said("a region of 0 bytes")
def empty_region(w, p):
    begun(w, p).add_region(p.fd, 0)


@said("a region of 18446744073709551615 bytes")
def endless_region(w, p):
    begun(w, p).add_region(p.fd, (1 << 64) - 1)


@said("longer than its file")
def empty_file(w, p):
    begun(w, p).add_region(p.keep(os.memfd_create("empty")), 4096)


@said("that is not memory")
def region_of_a_pipe(w, p):
    a, b = os.pipe()
    p.keep(a), p.keep(b)
    begun(w, p).add_region(a, p.size)


@said("that is not memory")
def region_of_a_device(w, p):
    begun(w, p).add_region(p.keep(os.open("/dev/zero", os.O_RDWR)), p.size)


@said("that is not memory")
def region_on_a_disk(w, p):
    begun(w, p).add_region(p.keep(os.open(os.path.realpath(__file__), os.O_RDONLY)), 100)


@said("cannot be mapped")
def region_to_read_only(w, p):
    begun(w, p)
    p.add_region(p.keep(os.open(f"/proc/self/fd/{p.fd}", os.O_RDONLY)), p.size)


@said("of at most 64")
def too_many_regions(w, p):
    begun(w, p)
    for i in range(65):
        p.add_region(p.fd, 4096, index=i)


@said("in all that are no hugepages")
def too_much_memory(w, p):
    begun(w, p)
    fd = p.keep(os.memfd_create("large"))
    os.ftruncate(fd, 3 << 30)
    p.add_region(fd, 3 << 30)


def with_region(w, p, **how):
    begun(w, p, **how).add_region(p.fd, p.size)
    return p


@said("in region 9; there are 1")
def ring_in_unknown_region(w, p):
    with_region(w, p).add_ring(True, region=9)


@said("at 4294967280 beyond region 0")
def ring_far_beyond(w, p):
    with_region(w, p).add_ring(True, offset=0xfffffff0)


@said("beyond region 0")
def ring_over_the_end(w, p):
    with_region(w, p).add_ring(False, offset=p.size - 160)


@said("no multiple of 16")
def ring_at_odd_offset(w, p):
    with_region(w, p).add_ring(True, offset=1)


@said("2^15 descriptors")
def ring_too_large(w, p):
    with_region(w, p).add_ring(True, log2=15)


@said("2^255 descriptors")
def ring_far_too_large(w, p):
    with_region(w, p).add_ring(True, log2=255)


@said("ring 64 to the server; there may be 64")
def ring_index(w, p):
    with_region(w, p).add_ring(True, index=64)


@said("was added already")
def ring_twice(w, p):
    with_region(w, p).add_ring(False)
    p.add_ring(False)


@said("ring 0 to the server is missing")
def ring_left_out(w, p):
    with_region(w, p).add_ring(True, index=1)
    p.add_ring(False, offset=ring_bytes(8))
    p.finish()


@said("no ring to the client")
def ring_of_one_way(w, p):
    with_region(w, p).add_ring(True)
    p.finish()


@said("no ring to the server")
def connect_without_rings(w, p):
    with_region(w, p).finish()


@said("has no cookie")
def ring_without_cookie(w, p):
    with_region(w, p)
    p.mem[0:4] = b"cake"
    p.add_ring(True)
    p.add_ring(False, offset=ring_bytes(8))
    p.finish()


@said("of a peer that is connected")
def region_when_connected(w, p):
    p.connect()
    p.add_region(p.fd, p.size, index=1)


@said("more than")
def endless_acks(w, p):
    p.connect()
    for _ in range(400):
        p.send(1)
    p.receive()


@said("another peer is connected")
def second_peer(w, p):
    p.connect()
    with w.peer() as q:
        q.connect()


HANDSHAKES = [f for f in list(globals().values()) if hasattr(f, "words")]


def check_handshakes(tap, w):
    for attack in HANDSHAKES:
        with w.peer() as p:
            try:
                attack(w, p)
                told = "nothing"
            except Gone as gone:
                told = str(gone)
        tap.check(f"handshake: {attack.__name__.replace('_', ' ')}: turned away, and told why", attack.words in told, told)


# --- Connected: memory and descriptors bent under the server -------------------------------------------------

def gone_within(p, seconds=10):
    """What the server says when it turns us away; '' if it only hangs up, None if it does neither."""
    p.sock.settimeout(seconds)
    try:
        while True:
            p.receive()
    except Gone as gone:
        return str(gone)
    except socket.timeout:
        return None


def bent(words):
    def mark(attack):
        attack.fault = words
        return attack
    return mark


@bent("a descriptor points beyond its region")
def offset_beyond(w, p):
    p.connect()
    p.put(0, 0, 0, 0, 64, 0xffffffff)
    p.store(RING_HEAD, 1)


@bent("a descriptor points beyond its region")
def length_beyond(w, p):
    p.connect()
    p.put(0, 0, 0, 0, 0xffffffff, 64)
    p.store(RING_HEAD, 1)


@bent("a descriptor points beyond its region")
def one_byte_beyond(w, p):
    p.connect()
    p.put(0, 0, 0, 0, 64, p.size - 63)
    p.store(RING_HEAD, 1)


@bent("a descriptor points beyond its region")
def unknown_region(w, p):
    p.connect()
    p.put(0, 0, 0, 65535, 64, 0)
    p.store(RING_HEAD, 1)


@bent("a frame in too many buffers")
def endless_chain(w, p):
    p.connect(log2=10)
    for i in range(1 << 10):
        p.put(0, i, NEXT, 0, 1, 0)
    p.store(RING_HEAD, 1 << 10)


def asked(w, p, **how):
    """Connected, with a request under way whose reply needs the buffer at slot 0."""
    p.connect(**how)
    return sum(p.rings[:1]) * ring_bytes(p.log2)


@bent("a descriptor points beyond its region")
def buffer_beyond(w, p):
    at = asked(w, p)
    for i in range(256):
        p.put(at, i, 0, 0, 2048, p.size - 1)
    p.transmit(w.frame)


@bent("a descriptor points beyond its region")
def buffer_in_unknown_region(w, p):
    at = asked(w, p)
    for i in range(256):
        p.put(at, i, 0, 64, 2048, 0)
    p.transmit(w.frame)


@bent("an empty buffer has no bytes")
def buffer_of_nothing(w, p):
    at = asked(w, p)
    for i in range(256):
        p.put(at, i, 0, 0, 0, 0)
    p.transmit(w.frame)


@bent("cut off")
def cut_off_when_idle(w, p):
    p.connect(sealed=False)
    time.sleep(0.05)
    os.ftruncate(p.fd, 0)


@bent("cut off")
def cut_off_under_traffic(w, p):
    p.connect(sealed=False)
    for _ in range(20):
        p.transmit(w.frame)
    os.ftruncate(p.fd, 4096)


@bent("is no eventfd")
def interrupt_of_a_full_pipe(w, p):
    a, b = os.pipe()
    p.keep(a), p.keep(b)
    os.set_blocking(b, False)
    try:
        while True:
            os.write(b, bytes(4096))
    except BlockingIOError:
        os.set_blocking(b, True)
    p.connect(interrupts=b)
    p.mem[ring_bytes(8) + 4:ring_bytes(8) + 6] = b"\0\0"
    p.transmit(w.frame)


FAULTS = [f for f in list(globals().values()) if hasattr(f, "fault")]


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


# --- At random -----------------------------------------------------------------------------------------------

def connect_and_close(w, rng):
    for _ in range(50):
        socket_ = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        socket_.connect(w.path)
        socket_.close()


def many_at_once(w, rng):
    held = [w.peer() for _ in range(rng.randrange(60))]
    for p in held:
        p.close()


def leave_in_the_middle(w, rng):
    with w.peer() as p:
        begun(w, p)
        for step in range(rng.randrange(4)):
            if step == 0:
                p.add_region(p.fd, p.size)
            else:
                p.add_ring(step == 1)


def any_handshake(w, rng):
    with w.peer() as p:
        rng.choice(HANDSHAKES)(w, p)


def any_fault(w, rng):
    with w.peer() as p:
        rng.choice(FAULTS)(w, p)
        if rng.random() < 0.5:
            gone_within(p, 1)


def noise(w, rng):
    """Connected, and then any bytes anywhere in the shared memory, while requests go on."""
    with w.peer() as p:
        p.connect(log2=rng.choice((0, 1, 4, 8)), sealed=rng.random() < 0.5, buffer=rng.choice((64, 2048)),
                  rings=(rng.randrange(1, 5), rng.randrange(1, 5)))
        for _ in range(rng.randrange(400)):
            what = rng.random()
            if what < 0.4:
                p.transmit(w.frame[:rng.randrange(1, len(w.frame) + 1)], rng.randrange(p.rings[0]))
            elif what < 0.5:
                p.transmit(bytes(rng.randrange(9000)))
            elif what < 0.7:
                at = rng.randrange(sum(p.rings)) * ring_bytes(p.log2)
                p.store(at + rng.choice((4, RING_HEAD, RING_TAIL)), rng.randrange(65536))
            elif what < 0.97:
                at = rng.randrange(p.first_buffer)
                p.mem[at] = rng.randrange(256)
            elif p.fd and rng.random() < 0.3:
                try:
                    os.ftruncate(p.fd, rng.randrange(p.size))
                except OSError:
                    break  # sealed
                break      # our own mapping has lost its end, too


RANDOM = (connect_and_close, many_at_once, leave_in_the_middle, any_handshake, any_fault, any_fault, noise, noise, noise)


def play(path, mac, seconds, seed):
    """In a process of its own, for it may die of its own deeds."""
    rng, end, n = random.Random(seed), time.time() + seconds, 0
    w = Wild(path, mac, rng)
    while time.time() < end:
        try:
            rng.choice(RANDOM)(w, rng)
        except (Gone, socket.timeout, BlockingIOError, ConnectionError):
            pass
        except OSError as e:
            if e.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        n += 1
    return n


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
        procs = [subprocess.Popen([sys.executable, __file__, "--play", f"{a.dir}/edge.sock", mac.hex(), str(left),
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
    if sys.argv[1:2] == ["--play"]:
        play(sys.argv[2], bytes.fromhex(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
        sys.exit(0)
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 8))
