# SPDX-License-Identifier: BSD-3-Clause
"""What the smoke tests share: a martletd of one's own, its API, TAP, private network namespaces."""
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MARTLET_BUILD", os.path.join(ROOT, "build"))
MARTLETD = os.path.join(BUILD, "martletd")
MARTLETCTL = os.path.join(BUILD, "martletctl")
LOAD = os.path.join(BUILD, "martlet-load")
# What becomes of a system call that martletd should not need: a test run goes on, and the kernel's log has it.
# MARTLET_SECCOMP=kill ends martletd there, as in service; confined.py does that always.
SECCOMP = os.environ.get("MARTLET_SECCOMP", "log")


class Tap:
    """ok / not ok lines, counted; finish() is the exit status."""

    def __init__(self):
        self.n = self.bad = 0

    def check(self, name, ok, why=""):
        self.n += 1
        self.bad += not ok
        print(f"{'ok' if ok else 'not ok'} {self.n} - {name}", flush=True)
        if not ok and why:
            print(f"# {why}", flush=True)
        return ok

    def skip(self, name, why):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}", flush=True)

    def finish(self):
        print(f"1..{self.n}")
        return 1 if self.bad else 0


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(77)


def wait_for(condition, seconds=20):
    """What the condition says once it is true, or at last: what the appliance tells comes a little after what it does."""
    end = time.time() + seconds
    while not (found := condition()) and time.time() < end:
        time.sleep(0.02)
    return found


def self_signed(folder):
    """(certificate, key), files of localhost's, which nobody else signs."""
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                    "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True,
                   capture_output=True)
    return cert, key


def receive_all(s):
    """All that comes on a socket until its other end closes."""
    got = b""
    while piece := s.recv(65536):
        got += piece
    return got


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("martlet", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Appliance:
    """A martletd in a folder of its own. `netns` is the pid of a process whose network it shall live in."""

    def __init__(self, ports, io=(0,), workers=(), models=(), netns=None, extra="", mbufs=8192,
                 program=MARTLETD, control="", memory=None, process=f'user = ""; seccomp = "{SECCOMP}";'):
        self.dir = tempfile.mkdtemp(prefix="martlet-test-")
        self.sock = os.path.join(self.dir, "ctl.sock")
        self.conf = os.path.join(self.dir, "martletd.conf")
        self.log = os.path.join(self.dir, "martletd.log")
        self.netns, self.program, self.proc = netns, program, None
        with open(self.conf, "w") as f:
            f.write(f"""
lcores = {{ control = 0; io = [ {', '.join(map(str, io))} ]; workers = [ {', '.join(map(str, workers))} ];
           idle = "sleep"; {extra} }};
memory = {{ hugepages = false; {memory or f"mbufs = {mbufs}; megabytes = 192;"} }};
ports = ( {', '.join(ports)} );
control = {{ socket = "{self.sock}"; {"" if "drain_grace" in control else "drain_grace = 0;"} {control} }};
store = {{ path = "{self.dir}/store"; }};
models = ( {', '.join(models)} );
process = {{ {process} }};
""")

    def start(self, wait=60):
        command = [self.program, "-c", self.conf]
        if self.netns:
            command = ["nsenter", "-t", str(self.netns), "-n"] + command
        self.proc = subprocess.Popen(command, stdout=open(self.log, "a"), stderr=subprocess.STDOUT,
                                     stdin=subprocess.DEVNULL)
        end = time.time() + wait
        while time.time() < end:
            if self.proc.poll() is not None:
                raise RuntimeError(f"martletd ended with {self.proc.returncode}:\n{self.log_text()}")
            try:
                if self.api("GET", "/v1/status")[1].get("state") == "ready":
                    return self
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        raise RuntimeError(f"martletd was not ready after {wait} s:\n{self.log_text()}")

    def check(self):
        """What `martletd --check` says of the configuration."""
        command = [self.program, "-c", self.conf, "--check"]
        if self.netns:
            command = ["nsenter", "-t", str(self.netns), "-n"] + command
        return subprocess.run(command, capture_output=True, text=True)

    def log_text(self):
        with open(self.log) as f:
            return f.read()

    def api(self, method, path, body=None):
        """(status, JSON or text)"""
        connection = UnixHTTP(self.sock)
        connection.request(method, path, body if isinstance(body, (bytes, type(None))) else json.dumps(body))
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        try:
            return reply.status, json.loads(text)
        except ValueError:
            return reply.status, text.decode(errors="replace")

    def ctl(self, *args, check=True):
        done = subprocess.run([MARTLETCTL, "-s", self.sock, *args], capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(f"martletctl {' '.join(args)}: {done.stderr}{done.stdout}")
        return done

    def drops(self):
        return {d["name"]: d["count"] for d in self.api("GET", "/v1/drops")[1]["drops"]}

    def counters(self):
        return self.api("GET", "/v1/stats")[1]["counters"]

    def balanced(self):
        """'' if received = replied + named drops and the mempool is as full as it began, else why not."""
        end = time.time() + 5
        while True:
            c = self.counters()
            drops = sum(c["drops"].values()) if isinstance(c["drops"], dict) else sum(c["drops"])
            pool = self.api("GET", "/v1/status")[1]["mempool"]
            why = ""
            if c["received"] != c["replied"] + drops:
                why = f"received {c['received']} != replied {c['replied']} + drops {drops}"
            elif pool["in_use"] > self.pool_at_rest:
                why = f"mempool: {pool['in_use']} in use, {self.pool_at_rest} at rest"
            if not why or time.time() > end:
                return why
            time.sleep(0.1)

    def mark_at_rest(self, slack=0):
        self.pool_at_rest = self.api("GET", "/v1/status")[1]["mempool"]["in_use"] + slack

    def stop(self, sig=signal.SIGTERM, wait=30):
        """Its exit status."""
        if self.proc and self.proc.poll() is None:
            # nsenter without --fork execs: the pid is martletd's own.
            self.proc.send_signal(sig)
            try:
                self.proc.wait(wait)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        return self.proc.returncode if self.proc else None

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def enter_private_network():
    """Moves this process into a fresh network namespace; True if that worked."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000):  # CLONE_NEWNET
        return False
    return subprocess.run(["ip", "link", "set", "lo", "up"]).returncode == 0


def sh(command):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)


class FarEnd:
    """A second network namespace, held open by a sleeping process, with a veth pair into it of so many queues."""

    def __init__(self, near="veth-c", far="veth-m", mtu=1500, queues=1):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "3600"])
        end = time.time() + 5
        mine = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == mine:
            if time.time() > end:
                raise RuntimeError("no second network namespace")
            time.sleep(0.01)
        pid = self.holder.pid
        many = f"mtu {mtu}" + (f" numtxqueues {queues} numrxqueues {queues}" if queues > 1 else "")
        sh(f"ip link add {near} {many} type veth peer name {far} {many}")
        sh(f"ip link set {far} netns {pid}")
        sh(f"ip link set {near} up")
        for name, enter in ((near, ""), (far, f"nsenter -t {pid} -n ")):
            # Checksums must be in the packets: what reads them there is no kernel.
            sh(f"{enter}ethtool -K {name} tx off rx off gro off gso off tso off 2>/dev/null || true")
            sh(f"{enter}sysctl -qw net.ipv6.conf.{name}.accept_dad=0")
        sh(f"nsenter -t {pid} -n sysctl -qw net.ipv6.conf.{far}.disable_ipv6=1")
        sh(f"nsenter -t {pid} -n ip link set {far} up")
        self.pid, self.near, self.far = pid, near, far

    def close(self):
        self.holder.terminate()
        self.holder.wait()


HEADER = struct.Struct("<2sBBHHQHHBBBBIHH")
STATUS = ["OK", "BAD_REQUEST", "NO_MODEL", "BAD_SHAPE", "BUSY", "EXPIRED", "NOT_READY",
          "REPLY_TOO_LARGE", "FORBIDDEN", "NOT_FINITE"]
SCORE, RESULT, PING, PONG = 1, 2, 3, 4


def request(payload=b"", *, magic=b"ML", version=1, type=SCORE, model=1, model_version=0, request_id=1,
            rows=1, columns=1, dtype=0, status=0, flags=0, reserved8=0, budget_us=0, key_id=0,
            reserved16=0, pad=0):
    return HEADER.pack(magic, version, type, model, model_version, request_id, rows, columns, dtype, status,
                       flags, reserved8, budget_us, key_id, reserved16) + payload + bytes(pad)


class Reply:
    def __init__(self, data):
        (self.magic, self.version, self.type, self.model, self.model_version, self.request_id, self.rows,
         self.columns, self.dtype, self.status_code, self.flags, self.reserved8, self.server_ns, self.key_id,
         self.reserved16) = HEADER.unpack(data[:32])
        self.payload = data[32:]
        self.bytes = len(data)
        self.status = STATUS[self.status_code] if self.status_code < len(STATUS) else self.status_code

    def scores(self):
        n = self.rows * self.columns
        return list(struct.unpack(f"<{n}f", self.payload[:4 * n]))
