# SPDX-License-Identifier: BSD-3-Clause
"""How a memif peer can break the rules, for memif_hostile.py: each attack is a function of the other side (Wild) and
a peer. HANDSHAKES end before they are connected, FAULTS after, RANDOM are the dice.
usage: memif_attacks.py SOCKET MAC SECONDS SEED      (attacks at random, in a process that may die of its own deeds)"""
import errno
import os
import random
import socket
import sys
import time

import frames
from appliance import request
from memif_peer import HELLO, INIT, NEXT, RING_HEAD, RING_TAIL, Gone, Peer, ring_bytes

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


if __name__ == "__main__":
    play(sys.argv[1], bytes.fromhex(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
