# SPDX-License-Identifier: BSD-3-Clause
"""A memif client spoken by hand, byte for byte, so that a test can break each rule of the protocol by itself."""
import array
import ctypes
import fcntl
import mmap
import os
import socket
import struct

ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED, DISCONNECT = range(1, 9)
COOKIE, VERSION = 0x3E31F20, 0x200
RING_HEAD, RING_TAIL, RING_DESCRIPTORS = 6, 64, 128
NEXT = 1
F_ADD_SEALS, F_SEAL_SHRINK = 1033, 2

_libc = ctypes.CDLL(None, use_errno=True)


def eventfd(count=0, flags=os.O_NONBLOCK):
    return _libc.eventfd(count, flags)


def ring_bytes(log2):
    return RING_DESCRIPTORS + (16 << log2)


class Gone(Exception):
    """The server turned us away, and this is what it said."""


class Peer:
    """The pieces of a handshake; connect() is all of them, done right unless told otherwise."""

    def __init__(self, path, interface=0, secret=b""):
        self.interface, self.secret = interface, secret
        self.fds, self.maps = [], []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(10)
        self.sock.connect(path)

    def close(self):
        self.sock.close()
        for m in self.maps:
            m.close()
        for fd in self.fds:
            os.close(fd)
        self.maps, self.fds = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def keep(self, fd):
        self.fds.append(fd)
        return fd

    # --- Messages -----------------------------------------------------------------------------------

    def send(self, kind, body=b"", fds=(), size=128):
        data = (struct.pack("<H", kind) + body).ljust(size, b"\0")[:size]
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.sock.sendmsg([data], rights)
        except (BrokenPipeError, ConnectionResetError):
            pass  # why it hung up is read next

    def receive(self):
        try:
            data = self.sock.recv(256)
        except ConnectionResetError:
            raise Gone("") from None
        if not data:
            raise Gone("")
        kind = struct.unpack_from("<H", data)[0]
        if kind == DISCONNECT:
            raise Gone(data[6:102].split(b"\0")[0].decode(errors="replace"))
        return kind

    def expect(self, kind):
        got = self.receive()
        if got != kind:
            raise AssertionError(f"message {got} where {kind} was due")

    def init(self, version=VERSION, mode=0, interface=None, secret=None):
        self.send(INIT, struct.pack("<HIB24s32s", version, self.interface if interface is None else interface, mode,
                                    self.secret if secret is None else secret, b"by hand"))
        self.expect(ACK)

    def add_region(self, fd, size, index=0, fds=None):
        self.send(ADD_REGION, struct.pack("<HQ", index, size), (fd,) if fds is None else fds)
        self.expect(ACK)

    def add_ring(self, c2s, index=0, region=0, offset=0, log2=8, fd=None, fds=None):
        fd = self.keep(eventfd()) if fd is None else fd
        self.send(ADD_RING, struct.pack("<HHHIBH", 1 if c2s else 0, index, region, offset, log2, 0),
                  (fd,) if fds is None else fds)
        self.expect(ACK)

    # --- All of it ------------------------------------------------------------------------------------

    def memory(self, size, sealed=True):
        fd = self.keep(os.memfd_create("by hand", os.MFD_ALLOW_SEALING if sealed else 0))
        os.ftruncate(fd, size)
        if sealed:
            fcntl.fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)
        m = mmap.mmap(fd, size)
        self.maps.append(m)
        return fd, m

    def lay_out(self, log2=8, rings=(1, 1), buffer=2048, sealed=True):
        """Memory with rings and buffers in one region, as libmemif and DPDK lay it out."""
        self.log2, self.rings, self.buffer = log2, rings, buffer
        self.first_buffer = sum(rings) * ring_bytes(log2)
        size = self.first_buffer + (sum(rings) << log2) * buffer
        self.fd, self.mem = self.memory(size, sealed)
        self.size = size
        for r in range(sum(rings)):
            at = r * ring_bytes(log2)
            struct.pack_into("<IHH", self.mem, at, COOKIE, 1, 0)
            for i in range(1 << log2):
                self.put(at, i, 0, 0, buffer, self.first_buffer + ((r << log2) + i) * buffer)
        return size

    def connect(self, **how):
        fds = how.pop("interrupts", None)
        size = self.lay_out(**how)
        self.expect(HELLO)
        self.init()
        self.add_region(self.fd, size)
        for r in range(sum(self.rings)):
            c2s = r < self.rings[0]
            self.add_ring(c2s, r if c2s else r - self.rings[0], 0, r * ring_bytes(self.log2), self.log2, fd=fds)
        self.finish()

    def finish(self):
        self.send(CONNECT, b"by hand")
        self.expect(CONNECTED)
        for r in range(self.rings[0], sum(self.rings)):  # offer every buffer
            self.store(r * ring_bytes(self.log2) + RING_HEAD, 1 << self.log2)

    # --- Rings ----------------------------------------------------------------------------------------

    def put(self, ring, slot, flags, region, length, offset):
        struct.pack_into("<HHIII", self.mem, ring + RING_DESCRIPTORS + 16 * (slot % (1 << self.log2)), flags, region,
                         length & 0xffffffff, offset & 0xffffffff, 0)

    def store(self, at, value):
        """In one go: struct.pack_into() writes zeros first and then a byte at a time, and the other side would read
        what lies between."""
        with memoryview(self.mem) as whole, whole.cast("H") as words:
            words[at // 2] = value & 0xffff

    def load(self, at):
        return struct.unpack_from("<H", self.mem, at)[0]

    def offset(self, ring, slot):
        """Of the buffer that a slot had from the first."""
        return self.first_buffer + ((ring << self.log2) + slot % (1 << self.log2)) * self.buffer

    def transmit(self, frame, ring=0):
        """Puts a frame into as many buffers as it needs."""
        at, slot = ring * ring_bytes(self.log2), self.load(ring * ring_bytes(self.log2) + RING_HEAD)
        pieces = [frame[i:i + self.buffer] for i in range(0, len(frame), self.buffer)] or [b""]
        for i, piece in enumerate(pieces):
            offset = self.offset(ring, slot + i)
            self.mem[offset:offset + len(piece)] = piece
            self.put(at, slot + i, NEXT if i + 1 < len(pieces) else 0, 0, len(piece), offset)
        self.store(at + RING_HEAD, slot + len(pieces))

    def take(self, ring=0, taken=0):
        """The frame in slots from `taken` on of a ring to us, or None; and the slot after it."""
        index = self.rings[0] + ring
        at, frame = index * ring_bytes(self.log2), b""
        if self.load(at + RING_TAIL) == taken & 0xffff:
            return None, taken
        while True:
            flags, _, length, offset, _ = struct.unpack_from(
                "<HHIII", self.mem, at + RING_DESCRIPTORS + 16 * (taken % (1 << self.log2)))
            frame += self.mem[offset:offset + length]
            taken += 1
            if not flags & NEXT:
                return frame, taken
