# SPDX-License-Identifier: BSD-3-Clause
"""The appliance over memif: against a bare echo (testpmd's 5tswap) on the same link, in turns; and a
model swap under 90 % load against steady state."""
import http.client
import json
import os
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
        self.huge = os.environ.get("MARTLET_HUGEPAGES") == "1"
        cpus = sorted(os.sched_getaffinity(0))
        self.cpu, self.load_cpu = cpus[0], cpus[-1]
        make_models.main(folder, "1", MODEL)
        os.replace(f"{folder}/{MODEL}.onnx", f"{folder}/a.onnx")
        make_models.main(folder, "2", MODEL)
        os.replace(f"{folder}/{MODEL}.onnx", f"{folder}/b.onnx")
        for v in "ab":
            self.ctl("model", "compile", f"{folder}/{v}.onnx", "-o", f"{folder}/{v}.mlt", "--name", "bench")
            self.ctl("model", "run", f"{folder}/{v}.mlt", f"{folder}/{MODEL}.csv", "-o", f"{folder}/{v}.npy")

    def ctl(self, *args):
        subprocess.run([f"{self.build}/martletctl", "-s", self.sock, *args], check=True,
                       stdout=subprocess.DEVNULL)

    def vdev(self, role):
        return f"net_memif0,role={role},socket={self.memif},socket-abstract=no"

    def echo(self):
        pages = ["--in-memory", "-m", "256"] if self.huge else ["--no-huge", "-m", "256"]
        log = open(f"{self.folder}/echo.log", "w")
        return subprocess.Popen(
            ["dpdk-testpmd", "--lcores", f"0@{self.load_cpu},1@{self.cpu}", "--main-lcore", "0", *pages,
             "--no-pci", "--no-telemetry", "--file-prefix", f"echo{os.getpid()}", "--vdev",
             self.vdev("server"), "--", "--forward-mode=5tswap", "--auto-start", "--nb-cores=1",
             "--total-num-mbufs=16384", "--disable-link-check",
             "--stats-period=100000"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def appliance(self):
        conf = f"{self.folder}/martletd.conf"
        with open(conf, "w") as f:
            f.write(f"""
lcores  = {{ control = {self.load_cpu}; io = [ {self.cpu} ]; workers = [ ]; idle = "poll"; }};
memory  = {{ hugepages = {str(self.huge).lower()}; mbufs = 16384; megabytes = 256; }};
ports   = ( {{ name = "edge"; device = "{self.vdev('server')}"; addresses = [ "10.77.0.1/24" ]; }} );
control = {{ socket = "{self.sock}"; }};
store   = {{ path = "{self.folder}/store"; }};
""")
        log = open(f"{self.folder}/martletd.log", "w")
        proc = subprocess.Popen([f"{self.build}/martletd", "-c", conf], stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log)
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
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def loaded(self, *args, seconds=SECONDS):
        proc = self.load("--seconds", str(seconds), *args)
        text = proc.communicate()[0]
        if proc.returncode:
            logs = "".join(f"\n{name}: {open(f'{self.folder}/{name}').read()[-1500:]}"
                           for name in ("echo.log", "martletd.log") if os.path.exists(f"{self.folder}/{name}"))
            raise SystemExit(f"martlet-load {' '.join(args)} failed: {text}{logs}")
        return json.loads(text)


def ended(proc):
    proc.terminate()
    try:
        proc.wait(20)
    except subprocess.TimeoutExpired:
        proc.kill()
        proc.wait()


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": values}


def figures(link, *what):
    one, many = link.loaded(*what, "--window", "1"), link.loaded(*what, "--window", "128")
    return {"p50_ns": one["rtt_ns"]["p50"], "p99_ns": one["rtt_ns"]["p99"],
            "replies_per_second": many["replies_per_second"], "frame_bytes": one["frame_bytes"],
            "lost": one["lost"] + many["lost"]}


def run_echo(link, rounds):
    runs = {"echo": [], "score": [], "ping": []}
    score = ["--rows", f"{link.folder}/{MODEL}.csv", "--model", "1"]
    for i in range(rounds):
        print(f"memif, round {i + 1} of {rounds}", flush=True)
        peer = link.echo()
        runs["echo"].append(figures(link, "--echo", *score))
        ended(peer)
        appliance = link.appliance()
        runs["score"].append(figures(link, *score))
        pad = str(runs["echo"][-1]["frame_bytes"] - FRAME_HEADERS)
        runs["ping"].append(figures(link, "--ping", "--pad", pad))
        ended(appliance)
    return {who: {key: spread([r[key] for r in of]) for key in of[0]} for who, of in runs.items()}


def echo_rows(result):
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


def swap_often(link, proc):
    """Promotes version 2, 1, 2, … every 200 ms until the load ends; how often."""
    swaps, at = 0, time.time() + 0.5  # past start and warm-up
    while proc.poll() is None:
        if time.time() > at:
            link.api("PUT", "/v1/models/bench/deployment", {"live": 2 - swaps % 2})
            swaps, at = swaps + 1, time.time() + 0.2
        time.sleep(0.01)
    return swaps


def swap_at(link, rate, what, rounds):
    """Steady state and a swap every 200 ms in turns, in an open loop of `rate` requests a second."""
    open_loop = [*what, "--rate", f"{rate:.0f}"]
    runs = {"steady": [], "swapping": []}
    for i in range(rounds):
        print(f"swap at {rate / 1e6:.2f} M/s, round {i + 1} of {rounds}", flush=True)
        runs["steady"].append({**link.loaded(*open_loop, seconds=3), "swaps": 0})
        proc = link.load("--seconds", "3", *open_loop)
        swaps = swap_often(link, proc)
        text = proc.stdout.read()
        if proc.wait():
            raise SystemExit(f"a reply during a swap was wrong: {text}")
        runs["swapping"].append({**json.loads(text), "swaps": swaps})
    return {"rate": rate, **{who: {
        **{key: sum(r[key] for r in of) for key in ("sent", "lost", "unsent", "tx_full", "mismatches", "swaps")},
        "not_ok": sum(r["answered"] - r["status"].get("OK", 0) for r in of),
        # What the client was kept from polling is the machine's: with two CPUs the control thread has the client's.
        "client_stalled_ms": spread([r["stalls"]["total_ns"] / 1e6 for r in of]),
        **{f"{key}_p999_ns": spread([r[f"{key}_ns"]["p999"] for r in of]) for key in ("rtt", "server", "send_delay")}}
        for who, of in runs.items()}}


def run_swap(link, rounds):
    f = link.folder
    what = ["--rows", f"{f}/{MODEL}.csv", "--model", "1", "--expect", f"1={f}/a.npy", "--expect", f"2={f}/b.npy"]
    appliance = link.appliance()
    peak = statistics.median(
        [link.loaded(*what, "--window", "128", seconds=1)["replies_per_second"] for _ in range(3)])
    result = {f"{share}": swap_at(link, share * peak, what, rounds) for share in (0.5, 0.9)}
    drops = {d["name"]: d["count"] for d in link.api("GET", "/v1/drops")["drops"] if d["count"]}
    ended(appliance)
    return {"peak": peak, "loads": result, "drops": drops}


def swap_rows(result):
    for share, at in result["loads"].items():
        steady, swapping = at["steady"], at["swapping"]
        lost = swapping["lost"] + swapping["not_ok"]
        yield (f"{swapping['swaps']} swaps at {float(share):.0%} load: lost or not OK", lost, "",
               steady["lost"] + steady["not_ok"], f"0 of {swapping['sent']:,}", lost == 0)
        for key, name in (("server_p999_ns", "in the appliance"), ("rtt_p999_ns", "round trip")):
            mine, peer = swapping[key]["median"], steady[key]["median"]
            yield (f"  p99.9 {name} while swapping", mine, "ns", peer,
                   f"<= 1.1 x steady ({mine / max(peer, 1):.2f})", mine <= 1.1 * peer)
        yield ("  client kept from its CPU, of 3 s", swapping["client_stalled_ms"]["median"], "ms",
               steady["client_stalled_ms"]["median"], "", None)
