#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two clients by two memif ports, one of which floods: while the appliance is busy the flood is answered BUSY beyond its share,
and what the other asks is scored, all of it; and a key's own rate holds by whichever port it comes."""
import os
import subprocess
import sys
import tempfile
import time

from appliance import LOAD, MARTLETCTL, ROOT, Appliance, Tap
from memif_loops import Client
from several_ports import port

MODEL = "mlp_256_1024_1024_16"  # a row takes tens of microseconds: a client alone can ask for more than a CPU scores
ROUNDS = 6                      # of which one must find the appliance busy: a crowded machine may keep the flood from its CPU
RATE, BURST, ASKED = 20, 40, 300
SHARES = "clients = { share = 1; };\n"
RATES = f"clients = {{ share = 0; list = ( {{ key = 1; rate = {RATE}; burst = {BURST}; }} ); }};\n"


def make_model(folder):
    subprocess.run([sys.executable, f"{ROOT}/tests/bench/make_models.py", folder, "1", MODEL], check=True)
    subprocess.run([MARTLETCTL, "model", "compile", f"{folder}/{MODEL}.onnx", "-o", f"{folder}/m.mlt", "--name", "m"], check=True,
                   stdout=subprocess.DEVNULL)
    for name in ("flood", "polite"):  # ids 1 and 2
        subprocess.run([MARTLETCTL, "key", "generate", name, "--keys", f"{folder}/keys"], check=True, stdout=subprocess.DEVNULL)


def start(appliance, folder, i, *args):
    """A client by port `i`."""
    name = ("north", "south")[i]
    return subprocess.Popen(
        [LOAD, "--device", f"net_memif0,id={i},role=client,socket={appliance.dir}/{name}.sock,socket-abstract=no", "--from", f"10.77.{i}.2",
         "--to", f"10.77.{i}.1", "--no-huge", "--json", "--timeout-ms", "20000", "--link-timeout-ms", "20000", "--model", "7", "--rows",
         f"{folder}/{MODEL}.csv", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def refused(appliance):
    """Requests of each client that were over its rate or share."""
    return {c["client"]: c["over_rate"] + c["over_share"] for c in appliance.api("GET", "/v1/clients")[1]["clients"]}


def shared(tap, appliance, folder):
    lost, busy, asked = [], 0, 0
    for _ in range(ROUNDS):
        flood = start(appliance, folder, 0, "--seconds", "4", "--window", "1024", "--dtype", "i8", "--rows-per-request", "5")
        time.sleep(1)
        _, polite = Client.result(start(appliance, folder, 1, "--seconds", "2", "--rate", "50", "--in-flight", "4"))
        rc, r = Client.result(flood)
        busy += r.get("status", {}).get("BUSY", 0)
        asked += polite.get("sent", 0)
        if polite.get("status") != {"OK": polite.get("sent")} or rc or r["lost"]:
            lost.append((polite, r))
        if busy:
            break
    tap.check("a flood is answered BUSY beyond its share, and loses nothing else", busy > 0, f"{ROUNDS} rounds, none was busy")
    tap.check("... and of what the other asks all is scored", asked > 0 and not lost, lost)
    told = refused(appliance)
    tap.check("... which the API tells, too", told.get("10.77.0.2") == busy and told.get("10.77.1.2") == 0, f"{told}, {busy} seen")
    counters = appliance.counters()
    tap.check("... and the counters", counters["over_share"] == busy == counters["status"]["BUSY"] and counters["over_rate"] == 0, counters)


def apply(appliance, limits):
    with open(appliance.conf) as f:
        text = f.read()
    path = os.path.join(appliance.dir, "other.conf")
    with open(path, "w") as f:
        f.write(text.replace(SHARES, limits))
    appliance.ctl("config", "apply", path)


def by_key(tap, appliance, folder):
    apply(appliance, RATES)
    flood_key, polite_key = (["--wire-key", f"{folder}/keys", "--key-id", str(i)] for i in (1, 2))
    began, scored = time.monotonic(), 0
    for i, where in enumerate(("its port", "another port")):
        flood = start(appliance, folder, i, "--requests", str(ASKED), "--window", "4", *flood_key)
        _, polite = Client.result(start(appliance, folder, 1 - i, "--requests", str(ASKED), "--window", "4", *polite_key))
        rc, r = Client.result(flood)
        scored += r.get("status", {}).get("OK", 0)
        allowed = BURST + 1 + int(RATE * (time.monotonic() - began))
        tap.check(f"a key has its own rate by {where}", rc == 0 and scored <= allowed and r["status"].get("BUSY", 0) > 0
                  and sum(r["status"].values()) == r["answered"] == ASKED, f"{r}, {scored} scored of {allowed}")
        tap.check("... and another key loses nothing", polite.get("status") == {"OK": ASKED}, polite)
    tap.check("it got its burst", scored >= BURST, scored)
    told = refused(appliance)
    tap.check("the API has both by their keys", told.get("key 1") == 2 * ASKED - scored and told.get("key 2") == 0, told)
    tap.check("received = replied + drops, mempool full", not appliance.balanced(), appliance.balanced())


def main():
    tap = Tap()
    if os.cpu_count() < 2:
        tap.skip("two clients", "needs two CPUs")
        return tap.finish()
    with tempfile.TemporaryDirectory(prefix="martlet-shares-") as folder:
        make_model(folder)
        with Appliance([], mbufs=16384) as a:
            with open(a.conf) as f:
                text = f.read()
            with open(a.conf, "w") as f:
                f.write(text.replace("ports = (  )", f"ports = ( {port(a, 0)}, {port(a, 1)} )") + f'trust = {{ keys = "{folder}/keys"; }};\n' + SHARES)
            a.start()
            a.mark_at_rest()
            a.ctl("model", "push", f"{folder}/m.mlt", "--version", "1")
            a.ctl("model", "promote", "m", "1", "--id", "7")
            shared(tap, a, folder)
            by_key(tap, a, folder)
            tap.check("SIGTERM drains, exit 0", a.stop() == 0, a.log_text())
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
