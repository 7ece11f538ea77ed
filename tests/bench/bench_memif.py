# SPDX-License-Identifier: BSD-3-Clause
"""The appliance over memif against a bare echo (testpmd's 5tswap) on the same link, in turns; and its memif server alone
against DPDK's driver in that role (tests/bench/bench_memif_server.c)."""
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import time

import make_models

MODEL = "mlp_41_64_32_5"
SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))
FRAME_HEADERS = 74  # Ethernet, IPv4, UDP, wire header


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("martlet", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Link:
    """One memif socket, and whoever serves it: the appliance or the echo. The client is always the same."""

    def __init__(self, folder, build):
        self.folder, self.build = folder, build
        self.memif, self.sock = f"{folder}/edge.sock", f"{folder}/ctl.sock"
        self.running = []
        self.huge = os.environ.get("MARTLET_HUGEPAGES") == "1"
        cpus = self.cpus = sorted(os.sched_getaffinity(0))
        self.cpu, self.load_cpu = cpus[0], cpus[-1]
        os.sched_setaffinity(0, cpus[1:] or cpus)  # this program, too, keeps off the appliance's CPU
        make_models.main(folder, "1", MODEL)
        os.replace(f"{folder}/{MODEL}.onnx", f"{folder}/a.onnx")
        make_models.main(folder, "2", MODEL)
        os.replace(f"{folder}/{MODEL}.onnx", f"{folder}/b.onnx")
        for v in "ab":
            self.ctl("model", "compile", f"{folder}/{v}.onnx", "-o", f"{folder}/{v}.mlt", "--name", "bench")
            self.ctl("model", "run", f"{folder}/{v}.mlt", f"{folder}/{MODEL}.csv", "-o", f"{folder}/{v}.npy")

    def anywhere(self):
        os.sched_setaffinity(0, self.cpus)

    def start(self, command, **more):
        proc = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=self.anywhere, **more)
        self.running.append(proc)
        return proc

    def end(self, proc):
        proc.terminate()
        try:
            proc.wait(20)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()
        self.running.remove(proc)

    def close(self):
        for proc in self.running[::-1]:
            self.end(proc)
        # testpmd leaves EAL's folder behind
        shutil.rmtree(f"{os.environ.get('RUNTIME_DIRECTORY', '/var/run')}/dpdk/echo{os.getpid()}", ignore_errors=True)

    def ctl(self, *args):
        subprocess.run([f"{self.build}/martletctl", "-s", self.sock, *args], check=True,
                       stdout=subprocess.DEVNULL)

    def vdev(self, role):
        return f"net_memif0,role={role},socket={self.memif},socket-abstract=no"

    def echo(self):
        pages = ["--in-memory", "-m", "256"] if self.huge else ["--no-huge", "-m", "256"]
        log = open(f"{self.folder}/echo.log", "w")
        return self.start(
            ["dpdk-testpmd", "--lcores", f"0@{self.load_cpu},1@{self.cpu}", "--main-lcore", "0", *pages,
             "--no-pci", "--no-telemetry", "--file-prefix", f"echo{os.getpid()}", "--vdev",
             self.vdev("server"), "--", "--forward-mode=5tswap", "--auto-start", "--nb-cores=1",
             "--total-num-mbufs=16384", "--disable-link-check",
             "--stats-period=100000"], stdout=log, stderr=log)

    def appliance(self, lcores=None, control="", more="", ports=None):
        """`lcores`: other than one that does it all, polling. `control`: more of that group; `more`: other groups; `ports`: other than the
        one that load() asks."""
        ports = ports or f'{{ name = "edge"; device = "{self.vdev("server")}"; addresses = [ "10.77.0.1/24" ]; }}'
        lcores = lcores or f'io = [ {self.cpu} ]; workers = [ ]; idle = "poll";'
        conf = f"{self.folder}/martletd.conf"
        with open(conf, "w") as f:
            f.write(f"""
lcores  = {{ control = {self.load_cpu}; {lcores} }};
memory  = {{ hugepages = {str(self.huge).lower()}; mbufs = 16384; megabytes = 256; }};
ports   = ( {ports} );
control = {{ socket = "{self.sock}"; drain_grace = 0; {control} }};
store   = {{ path = "{self.folder}/store"; }};
{more}
""")
        log = open(f"{self.folder}/martletd.log", "w")
        proc = self.start([f"{self.build}/martletd", "-c", conf], stdout=log, stderr=log)
        for _ in range(200):
            if proc.poll() is not None:
                raise SystemExit("martletd ended: " + open(f"{self.folder}/martletd.log").read())
            try:
                if self.api("GET", "/v1/status").get("state") == "ready":
                    break
            except OSError:
                pass
            time.sleep(0.1)
        if not self.api("GET", "/v1/models")["models"]:
            self.ctl("model", "push", f"{self.folder}/a.mlt", "--version", "1")
            self.ctl("model", "push", f"{self.folder}/b.mlt", "--version", "2")
            self.ctl("model", "promote", "bench", "1", "--id", "1")
        return proc

    def api(self, method, path, body=None):
        connection = UnixHTTP(self.sock)
        connection.request(method, path, body and json.dumps(body))
        reply = json.loads(connection.getresponse().read())
        connection.close()
        return reply

    def load(self, *args):
        command = [f"{self.build}/martlet-load", "--device", self.vdev("client"), "--from", "10.77.0.2",
                   "--to", "10.77.0.1", "--cpu", str(self.load_cpu), "--json", "--warmup", "0.2", *args]
        command += [] if self.huge else ["--no-huge"]
        return self.start(command, stdout=subprocess.PIPE, text=True)

    def report(self, proc, wrong_is_fatal=True):
        """What a load that load() started says in the end."""
        text = proc.communicate()[0]
        self.running.remove(proc)
        if proc.returncode and (wrong_is_fatal or not text.startswith("{")):
            logs = "".join(f"\n{name}: {open(f'{self.folder}/{name}').read()[-1500:]}"
                           for name in ("echo.log", "martletd.log") if os.path.exists(f"{self.folder}/{name}"))
            raise SystemExit(f"{' '.join(proc.args)} failed: {text}{logs}")
        return json.loads(text)

    def loaded(self, *args, seconds=SECONDS):
        return self.report(self.load("--seconds", str(seconds), *args))


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": values}


def figures(link, *what):
    one, many = link.loaded(*what, "--window", "1"), link.loaded(*what, "--window", "128")
    return {"p50_ns": one["rtt_ns"]["p50"], "p99_ns": one["rtt_ns"]["p99"],
            "replies_per_second": many["replies_per_second"], "frame_bytes": one["frame_bytes"],
            "lost": one["lost"] + many["lost"]}


def run(link, rounds):
    runs = {"echo": [], "score": [], "ping": []}
    score = ["--rows", f"{link.folder}/{MODEL}.csv", "--model", "1"]
    for i in range(rounds):
        print(f"memif, round {i + 1} of {rounds}", flush=True)
        peer = link.echo()
        runs["echo"].append(figures(link, "--echo", *score))
        link.end(peer)
        appliance = link.appliance()
        runs["score"].append(figures(link, *score))
        pad = str(runs["echo"][-1]["frame_bytes"] - FRAME_HEADERS)
        runs["ping"].append(figures(link, "--ping", "--pad", pad))
        link.end(appliance)
    print("memif server", flush=True)
    done = subprocess.run([f"{link.build}/tests/bench/bench_memif_server"], check=True, capture_output=True, text=True)
    result = {who: {key: spread([r[key] for r in of]) for key in of[0]} for who, of in runs.items()}
    return {**result, "server": json.loads(done.stdout)}


def rows(result):
    echo = {k: v["median"] for k, v in result["echo"].items()}
    for who in ("score", "ping"):
        mine = {k: v["median"] for k, v in result[who].items()}
        goal = who == "score"
        for key, limit in (("p50_ns", 1.5), ("p99_ns", 2.0)):
            yield (f"memif {who} {key[:3]}, 1 outstanding", mine[key], "ns", echo[key],
                   f"<= {limit} x echo ({mine[key] / echo[key]:.2f})" if goal else "",
                   mine[key] <= limit * echo[key] if goal else None)
        rate = mine["replies_per_second"] / echo["replies_per_second"]
        yield (f"memif {who} replies/s, 128 outstanding", mine["replies_per_second"] / 1e6, "M/s",
               echo["replies_per_second"] / 1e6, f">= 70 % of echo ({rate:.0%})" if goal else "",
               rate >= 0.7 if goal else None)
    for of in result["server"]:
        name = f"memif server, {of['frame_bytes']} bytes, bursts of {of['burst']}"
        yield name, of["ns"], "ns", of["peer_ns"], f"<= 1.1 x driver ({of['ns'] / of['peer_ns']:.2f})", of["ns"] <= 1.1 * of["peer_ns"]
