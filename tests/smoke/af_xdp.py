#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""AF_XDP: an interface is one program's at a time, and who is refused takes nothing away; what is there before or
instead of our XDP program stays, and ours is put back when it is lost; queues are heard all, or refused. martletd sits on a veth pair, and on a tap of which
this test writes into the queue that it wants."""
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

import frames
from appliance import (LOAD, MARTLETD, PING, PONG, Appliance, FarEnd, Reply, Tap, enter_private_network, request, sh,
                       skip_all, wait_for)

EDGE, PEER = "edge0", "peer0"
OURS, MINE = frames.OURS4, frames.MINE4
PASS = 2  # what an XDP program returns for a packet that goes on to the kernel


# --- XDP programs, without libbpf --------------------------------------------------------------------

libc = ctypes.CDLL(None, use_errno=True)


def load_program(name):
    """A descriptor of an XDP program that lets everything pass."""
    instructions = ctypes.create_string_buffer(struct.pack("<BBhi", 0xb7, 0, 0, PASS) + struct.pack("<BBhi", 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"BSD")
    attributes = struct.pack("<IIQQIIQII16s", 6, 2, ctypes.addressof(instructions), ctypes.addressof(licence), 0, 0, 0, 0, 0,
                             name.encode()).ljust(128, b"\0")
    fd = libc.syscall(321, 5, attributes, len(attributes))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "bpf(BPF_PROG_LOAD)")
    return fd


def put_program(interface, fd):
    """As `ip -force link set dev INTERFACE xdp` does."""
    inner = struct.pack("<HHi", 8, 1, fd) + struct.pack("<HHI", 8, 3, 0)
    body = struct.pack("<BxHiII", 0, 0, socket.if_nametoindex(interface), 0, 0) + \
        struct.pack("<HH", 4 + len(inner), 43 | 0x8000) + inner
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.send(struct.pack("<IHHII", 16 + len(body), 19, 1 | 4, 1, 0) + body)
        code = struct.unpack_from("<i", s.recv(4096), 16)[0]
        if code:
            raise OSError(-code, f"an XDP program on {interface}")


def program_of(interface):
    """(name, id) of the interface's XDP program, None where it has none."""
    words = subprocess.run(["ip", "-d", "link", "show", interface], capture_output=True, text=True).stdout.split()
    if "prog/xdp" not in words:
        return None
    words = words[words.index("prog/xdp"):]
    return words[words.index("name") + 1], int(words[words.index("id") + 1])


# --- A client in the other namespace -----------------------------------------------------------------

class Client:
    """Sockets that live in the far end's network."""

    def __init__(self, far, n=1):
        mine = os.open("/proc/self/ns/net", os.O_RDONLY)
        theirs = os.open(f"/proc/{far.pid}/ns/net", os.O_RDONLY)
        libc.setns(theirs, 0)
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n)]
        libc.setns(mine, 0)
        os.close(mine)
        os.close(theirs)

    def answered(self, wait=5, enough=None):
        """How many of the sockets heard a PONG: each asks until it hears one, or the time is over."""
        left, end = set(self.sockets), time.time() + wait
        while left and time.time() < end:
            for s in left:
                s.sendto(request(type=PING, model=0, rows=0, columns=0), (OURS, frames.PORT))
            while True:
                ready = select.select(list(left), [], [], 0.2)[0]
                for s in ready:
                    if Reply(s.recv(2048)).type == PONG:
                        left.discard(s)
                if not ready or not left:
                    break
        return len(self.sockets) - len(left)


def port(interface=EDGE, address=OURS, more="", device=""):
    return f'{{ name = "edge"; device = "net_af_xdp0,iface={interface}{device}"; addresses = [ "{address}/24" ]; {more} }}'


def far_end(queues=1):
    far = FarEnd(near=EDGE, far=PEER, queues=queues)
    sh(f"nsenter -t {far.pid} -n ip addr add {MINE}/24 dev {PEER}")
    return far


def refusal(appliance):
    """The sentence that martletd is refused with; '' where it starts."""
    try:
        appliance.start()
        return ""
    except RuntimeError:
        return (appliance.log_text().strip().splitlines() or [""])[-1]
    finally:
        appliance.stop()


def check(text):
    """(exit status, what is said) of --check on a port."""
    with Appliance([text]) as a:
        done = subprocess.run([MARTLETD, "-c", a.conf, "--check"], capture_output=True, text=True)
        return done.returncode, done.stderr.strip()


def at_rest(tap, name, appliance):
    why = appliance.balanced()
    tap.check(f"{name}: received = replied + drops, mempool full", not why, why)


# --- One program at a time ----------------------------------------------------------------------------

def in_a_container(folder):
    """martletd with a /run, a /tmp and a mount of bpffs of its own, as a container in the host's network has it."""
    path = os.path.join(folder, "martletd-elsewhere")
    with open(path, "w") as f:
        f.write(f'#!/bin/sh\nexec unshare -m sh -c \'mount -t tmpfs none /run && exec "$@"\' sh {MARTLETD} "$@"\n')
    os.chmod(path, 0o755)
    return path


def held_by(line, appliance):
    return f"interface {EDGE} " in line and f"pid {appliance.proc.pid}," in line


def second_ones(tap, first, folder):
    before = program_of(EDGE)
    for name, program in (("a second martletd", MARTLETD), ("one with another /run", in_a_container(folder))):
        with Appliance([port(address="10.77.0.9")], program=program) as second:
            line = refusal(second)
        tap.check(f"{name} is refused, and told by whom", held_by(line, first), line)
        tap.check(f"{name} leaves the XDP program alone", before and program_of(EDGE) == before, (before, program_of(EDGE)))
    done = subprocess.run([LOAD, "--device", f"net_af_xdp0,iface={EDGE}", "--from", "10.77.0.9", "--to", MINE, "--no-huge",
                           "--ping", "--requests", "1", "--link-timeout-ms", "500"], capture_output=True, text=True)
    tap.check("martlet-load is refused, and told by whom", done.returncode == 1 and held_by(done.stderr, first), done.stderr)
    tap.check("martlet-load leaves the XDP program alone", program_of(EDGE) == before, (before, program_of(EDGE)))


def one_at_a_time(tap, folder):
    far = far_end()
    client = Client(far)
    try:
        with Appliance([port()]) as a:
            a.start()
            a.mark_at_rest(slack=64)
            tap.check("the first martletd answers", client.answered() == 1)
            second_ones(tap, a, folder)
            done = subprocess.run(["nsenter", "-t", str(far.pid), "-n", LOAD, "--device", f"net_af_xdp0,iface={PEER}", "--from",
                                   MINE, "--to", OURS, "--no-huge", "--ping", "--requests", "100"], capture_output=True, text=True)
            tap.check("martlet-load by AF_XDP, at the other end: all is answered", done.returncode == 0 and
                      "answered 100  lost 0" in done.stdout, done.stdout + done.stderr)
            tap.check("the first martletd answers still", client.answered() == 1)
            at_rest(tap, "beside refused ones", a)
            a.proc.kill()
            a.proc.wait()
            tap.check("a killed one leaves its program behind", program_of(EDGE) is not None)
            a.start()
            tap.check("a new one takes over from a killed one", client.answered() == 1)
            tap.check("SIGTERM, exit 0", a.stop() == 0, a.log_text())
            tap.check("and takes its program away when it ends", program_of(EDGE) is None, program_of(EDGE))
        with_another_program(tap, client)
    finally:
        far.close()
        sh(f"ip link del {EDGE} 2>/dev/null || true")


def with_another_program(tap, client):
    """A program that is there before us is neither shared nor taken away."""
    firewall = load_program("firewall")
    put_program(EDGE, firewall)
    before = program_of(EDGE)
    with Appliance([port()]) as a:
        line = refusal(a)
    tap.check("an interface with another XDP program is refused", f"interface {EDGE} " in line and "firewall" in line and
              f"ip link set dev {EDGE} xdp off" in line, line)
    tap.check("that program stays", before and program_of(EDGE) == before, (before, program_of(EDGE)))
    sh(f"ip link set dev {EDGE} xdp off")
    os.close(firewall)


# --- A program that is lost --------------------------------------------------------------------------

def trouble(appliance):
    return appliance.api("GET", "/v1/ports")[1]["ports"][0].get("trouble", "")


def ready(appliance):
    return appliance.api("GET", "/v2/health/ready")[0] == 200


def told(appliance, words):
    return sum(words in line for line in appliance.log_text().splitlines())


def lost_program(tap):
    far = far_end()
    client = Client(far)
    try:
        with Appliance([port()]) as a:
            a.start()
            a.mark_at_rest(slack=64)
            ours = program_of(EDGE)
            sh(f"ip link set dev {EDGE} xdp off")
            tap.check("a program that is taken off is put back", wait_for(lambda: program_of(EDGE) == ours), program_of(EDGE))
            tap.check("and the log says so, once", wait_for(lambda: told(a, "right again after") == 1) and
                      told(a, f"warning: port edge: interface {EDGE} had lost its XDP program") == 1, a.log_text())
            tap.check("then it answers again", client.answered() == 1)
            replaced_program(tap, a, ours)
            tap.check("ours is put back then, and it answers", wait_for(lambda: program_of(EDGE) == ours) and
                      client.answered() == 1, (ours, program_of(EDGE)))
            tap.check("all is well again", wait_for(lambda: not trouble(a) and ready(a)), trouble(a))
            down_and_up(tap, a, client)
            at_rest(tap, "lost programs", a)
            other = load_program("firewall")
            put_program(EDGE, other)
            theirs = program_of(EDGE)
            tap.check("SIGTERM beside another's program, exit 0", a.stop() == 0, a.log_text())
            tap.check("another's program stays when martletd ends", theirs and program_of(EDGE) == theirs, program_of(EDGE))
            os.close(other)
    finally:
        far.close()
        sh(f"ip link del {EDGE} 2>/dev/null || true")


def replaced_program(tap, a, ours):
    other = load_program("firewall")
    put_program(EDGE, other)
    theirs = program_of(EDGE)
    tap.check("another program in place of ours shows in status, and what to do",
              wait_for(lambda: f"another XDP program (id {theirs[1]})" in trouble(a)) and f"ip link set dev {EDGE} xdp off" in trouble(a), trouble(a))
    metrics = a.api("GET", "/metrics")[1]
    tap.check("in metrics and readiness, too", 'martlet_port_trouble{port="edge"} 1' in metrics and not ready(a))
    time.sleep(1.5)  # longer than from one look to the next: nothing may be put in its place, nor said again
    tap.check("it is left alone, and said once", program_of(EDGE) == theirs and told(a, "carries another XDP program") == 1,
              a.log_text())
    sh(f"ip link set dev {EDGE} xdp off")
    os.close(other)


def down_and_up(tap, a, client):
    sh(f"ip link set {EDGE} down")
    tap.check("an interface that is down shows", wait_for(lambda: "is down" in trouble(a)), trouble(a))
    sh(f"ip link set {EDGE} up")
    tap.check("up again, it answers", wait_for(lambda: not trouble(a)) and client.answered() == 1, trouble(a))


# --- Queues -----------------------------------------------------------------------------------------

class Squatter:
    """A process of a user that may have no AF_XDP socket, which listens on the name of whoever holds the interface, or
    has just taken it."""

    def __init__(self, interface, listens=True):
        code = (f"import socket, sys; s = socket.socket(socket.AF_UNIX); "
                f"s.bind('\\0martlet/af_xdp/{socket.if_nametoindex(interface)}'); {'s.listen(); ' if listens else ''}print('there', flush=True); "
                f"sys.stdin.read()")
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", code], user=65534, group=65534, extra_groups=[],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
        if self.process.stdout.readline() != b"there\n":
            raise RuntimeError("no process of another user on the interface's name")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()


def veth_queues(tap):
    """Queues that only receive: DPDK's driver has one of them."""
    far = far_end(queues=4)
    client = Client(far, 60)
    try:
        for more in ("", "queues = 1;"):
            rc, line = check(port(more=more))
            tap.check(f"one queue of four ({more or 'unsaid'}) is refused, and how to mend it is said",
                      rc == 1 and f"ethtool -L {EDGE} rx 1" in line and "4 receive queues" in line, (rc, line))
        with Appliance([port()]) as a:
            line = refusal(a)
            tap.check("not by --check alone", f"ethtool -L {EDGE} rx 1" in line, line)
        rc, line = check(port(more="queues = 8;"))
        tap.check("more queues than there are: refused", rc == 1 and "queues = 1" in line and EDGE in line, (rc, line))
        rc, line = check(port(more="steered = true;"))
        tap.check("fewer queues: taken where the operator has steered", rc == 0, (rc, line))
        sh(f"nsenter -t {far.pid} -n ethtool -L {PEER} tx 1")
        sh(f"ethtool -L {EDGE} rx 1")
        with Squatter(EDGE, listens=False), Appliance([port()]) as a:
            a.start()
            tap.check("beside one who took the interface's name and does not listen: it starts, and ends", a.stop() == 0, a.log_text())
        with Squatter(EDGE), Appliance([port()]) as a:
            a.start()
            a.mark_at_rest(slack=64)
            n = client.answered()
            tap.check("done as it was said, beside one who took the interface's name without a right to it: each of 60 ports "
                      "is answered", n == 60, n)
            at_rest(tap, "one queue", a)
            sh(f"ip link del {EDGE}")
            tap.check("an interface that goes away shows, and what to do", wait_for(lambda: "is gone" in trouble(a)) and
                      "restart martletd" in trouble(a) and not ready(a), trouble(a))
            at_rest(tap, "an interface gone", a)
            tap.check("an interface gone: SIGTERM, exit 0", a.stop() == 0, a.log_text())
    finally:
        far.close()
        sh(f"ip link del {EDGE} 2>/dev/null || true")


class ManyQueues:
    """A tap with combined queues, as cards have them: a descriptor each."""

    def __init__(self, name, n):
        self.fds = []
        for _ in range(n):
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x0002 | 0x1000 | 0x0100))
            self.fds.append(fd)
        sh(f"sysctl -qw net.ipv6.conf.{name}.disable_ipv6=1; ip link set {name} up")

    def ask(self, queue, frame, wait=5):
        """The PONG's request id; None where none comes."""
        end = time.time() + wait
        while time.time() < end:
            os.write(self.fds[queue], frame)
            for fd in select.select(self.fds, [], [], 0.2)[0]:
                got = os.read(fd, 4096)
                if got[12:14] == b"\x08\0" and got[23] == frames.UDP:
                    reply = Reply(got[42:])
                    if reply.type == PONG:
                        return reply.request_id
        return None

    def close(self):
        for fd in self.fds:
            os.close(fd)


def card_queues(tap):
    tun = ManyQueues(EDGE, 2)
    try:
        rc, line = check(port(more="queues = 1;"))
        tap.check("one queue of two: refused, by its name", rc == 1 and f"ethtool -L {EDGE} combined 1" in line and
                  "queues = 2" in line, (rc, line))
        rc, line = check(port(device=",queue_count=1"))
        tap.check("so it is where the device says so", rc == 1 and f"ethtool -L {EDGE} combined 1" in line, (rc, line))
        rc, line = check(port(more="queues = 3;"))
        tap.check("three queues of two: refused, by their name", rc == 1 and f"ethtool -L {EDGE} combined 3" in line, (rc, line))
        rc, line = check(port(more="queues = 2;", device=",queue_count=3"))
        tap.check("two words on queues: refused", rc == 1 and "leave queue_count out" in line, (rc, line))
        with Appliance([port(interface="nowhere0")]) as a:
            line = refusal(a)
        tap.check("an interface that is not there", "there is no interface nowhere0" in line, line)
        rc, line = check(port(more="queues = 2;"))
        tap.check("all queues by their number: good", rc == 0, (rc, line))
        with Appliance([port()]) as a:
            a.start()
            a.mark_at_rest(slack=64)
            info = a.api("GET", "/v1/ports")[1]["ports"][0]
            tap.check("unsaid, all queues are taken", info["rx_queues"] == 2, info)
            mac = bytes.fromhex(info["mac"].replace(":", ""))
            for queue in range(2):
                body = request(type=PING, model=0, rows=0, columns=0, request_id=70 + queue)
                frame = frames.ether(mac, b"\x02\0\0\0\0\x02", frames.ipv4(MINE, OURS, frames.udp(MINE, OURS, body)))
                got = tun.ask(queue, frame)
                tap.check(f"what comes by queue {queue} is answered", got == 70 + queue, got)
            at_rest(tap, "two queues", a)
            tap.check("two queues: SIGTERM, exit 0", a.stop() == 0, a.log_text())
    finally:
        tun.close()


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-af-xdp-") as folder:
        one_at_a_time(tap, folder)
    lost_program(tap)
    veth_queues(tap)
    card_queues(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
