#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Both loops over memif with martlet-load: every row is scored right in several dtypes, and while models are swapped
under load every request is answered, each by one version alone."""
import json
import os
import subprocess
import sys
import tempfile
import time

from appliance import LOAD, MARTLETCTL, ROOT, Appliance, Tap

NAME = "mlp_41_64_32_5"
LOOPS = {"run to completion": dict(io=(0,), workers=()), "pipeline": dict(io=(0,), workers=(1,))}
FORMS = {  # what is sent, in frames of at most 1500 bytes
    "one row": [],
    "eight rows a request": ["--rows-per-request", "8"],
    "f16": ["--dtype", "f16", "--tolerance", "0.01", "--pad", "64"],
    "bf16": ["--dtype", "bf16", "--tolerance", "0.05", "--pad", "64"],
    "padded": ["--pad", "100"],
}


def make_models(folder):
    """Two versions of one net, the scores that each must give, and the rows."""
    for seed, version in (("1", "a"), ("2", "b")):
        subprocess.run([sys.executable, f"{ROOT}/tests/bench/make_models.py", folder, seed, NAME], check=True)
        os.replace(f"{folder}/{NAME}.onnx", f"{folder}/{version}.onnx")
        for args in (["compile", f"{folder}/{version}.onnx", "-o", f"{folder}/{version}.mlt", "--name", "m"],
                     ["run", f"{folder}/{version}.mlt", f"{folder}/{NAME}.csv", "-o", f"{folder}/{version}.npy"]):
            subprocess.run([MARTLETCTL, "model", *args], check=True, stdout=subprocess.DEVNULL)


class Client:
    def __init__(self, appliance, folder, senders):
        self.senders = senders  # lcores of the appliance that send, each on a queue of its own
        self.device = f"net_memif0,role=client,socket={appliance.dir}/edge.sock,socket-abstract=no"
        self.folder = folder

    def start(self, *args, ipv6=False):
        ends = ["fd00:77::2", "fd00:77::1"] if ipv6 else ["10.77.0.2", "10.77.0.1"]
        rows = [] if "--ping" in args else ["--model", "7", "--rows", f"{self.folder}/{NAME}.csv"]
        return subprocess.Popen(
            [LOAD, "--device", self.device, "--from", ends[0], "--to", ends[1], "--no-huge", "--json",
             "--timeout-ms", "10000", "--link-timeout-ms", "20000", "--rx-queues", str(self.senders), *rows, *args],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *args, ipv6=False):
        return self.result(self.start(*args, ipv6=ipv6))

    @staticmethod
    def result(proc):
        text = proc.communicate()[0]
        return proc.returncode, json.loads(text) if text.startswith("{") else {"text": text}


def check_forms(tap, loop, client):
    expect = ["--expect", f"{client.folder}/a.npy"]
    for name, args in FORMS.items():
        for ipv6 in (False, True) if name == "one row" else (False,):
            rc, r = client.run("--once", "--window", "16", *expect, *args, ipv6=ipv6)
            tap.check(f"{loop}: {name}{' over IPv6' if ipv6 else ''}: every row, the right scores",
                      rc == 0 and r["rows_scored"] == 1024 and r["lost"] == 0 and r["mismatches"] == 0, r)
    rc, r = client.run("--ping", "--pad", "128", "--requests", "1000", "--window", "8")
    tap.check(f"{loop}: PING comes back as PONG", rc == 0 and r["answered"] == 1000, r)
    rc, r = client.run("--once", "--window", "16", "--expect", f"{client.folder}/b.npy")
    tap.check(f"{loop}: wrong expectations are noticed", rc == 1 and r["mismatches"] > 1000, r)
    rc, r = client.run("--requests", "10", "--model-version", "9")
    tap.check(f"{loop}: a version that is not live is NO_MODEL", r["status"] == {"NO_MODEL": 10}, r)


def check_swap(tap, loop, appliance, client):
    proc = client.start("--seconds", "4", "--window", "64", "--expect", f"1={client.folder}/a.npy",
                        "--expect", f"2={client.folder}/b.npy")
    swaps, refused = 0, []
    while proc.poll() is None:
        status, reply = appliance.api("PUT", "/v1/models/m/deployment", {"live": 2 - swaps % 2})
        if status != 200:
            refused.append(reply)
        swaps += 1
        time.sleep(0.1)
    rc, r = client.result(proc)
    tap.check(f"{loop}: swaps under load are accepted", swaps > 3 and not refused, refused or swaps)
    tap.check(f"{loop}: no reply is lost, none is late", rc == 0 and r["lost"] == r["late"] == 0
              and r["sent"] == r["answered"], r)
    tap.check(f"{loop}: every reply is OK", r.get("status") == {"OK": r.get("answered")}, r)
    tap.check(f"{loop}: both versions scored, none a mixture", set(r.get("versions", {})) == {"1", "2"}
              and r["mismatches"] == r["wrong_fields"] == r["unexpected_version"] == 0, r)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-memif-") as folder:
        make_models(folder)
        for loop, cpus in LOOPS.items():
            if max(cpus["io"] + cpus["workers"]) >= os.cpu_count():
                tap.skip(loop, "needs two CPUs")
                continue
            appliance = Appliance([], **cpus)
            port = (f'{{ name = "edge"; device = "net_memif0,role=server,socket={appliance.dir}/edge.sock,'
                    'socket-abstract=no"; addresses = [ "10.77.0.1/24", "fd00:77::1/64" ]; }')
            with open(appliance.conf) as f:
                text = f.read()
            with open(appliance.conf, "w") as f:
                f.write(text.replace("ports = (  )", f"ports = ( {port} )"))
            with appliance:
                appliance.start()
                appliance.mark_at_rest()
                for version, image in ((1, "a"), (2, "b")):
                    appliance.ctl("model", "push", f"{folder}/{image}.mlt", "--version", str(version))
                appliance.ctl("model", "promote", "m", "1", "--id", "7")
                client = Client(appliance, folder, len(cpus["io"]) + len(cpus["workers"]))
                check_forms(tap, loop, client)
                check_swap(tap, loop, appliance, client)
                tap.check(f"{loop}: received = replied + drops, mempool full", not appliance.balanced(),
                          appliance.balanced())
                port, all_of_it = appliance.api("GET", "/v1/ports")[1]["ports"][0], appliance.counters()
                tap.check(f"{loop}: the port's counters outlive its clients",
                          port["rx_packets"] == all_of_it["received"] and port["tx_packets"] ==
                          all_of_it["replied"] + all_of_it["announced"]
                          and port["rx_bytes"] == all_of_it["received_bytes"], (port, all_of_it))
                tap.check(f"{loop}: SIGTERM drains, exit 0", appliance.stop() == 0, appliance.log_text())
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
