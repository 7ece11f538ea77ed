#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Kills clients over memif in the middle of their traffic, again and again, while other programs take the lcores' CPU
from them. The memory that a client shared is gone at once, and no lcore may be reading it then. Then kills
servers: what they leave is taken over, and their clients say why they end."""
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time

from appliance import Appliance, Tap
from devices import memif_port, serve
from memif_loops import LOOPS, Client, make_models

KILLS = 20
DISTURBERS = 3


def until_served(appliance):
    """Waits until more rows have been scored than now; False if the appliance is gone."""
    try:
        before, end = appliance.counters()["rows_scored"], time.time() + 20
        while time.time() < end and appliance.counters()["rows_scored"] <= before + 100:
            time.sleep(0.02)
        return True
    except (OSError, http.client.HTTPException):
        appliance.proc.wait(20)
        return False


def disturb(cpu):
    return [subprocess.Popen(["taskset", "-c", str(cpu), "sh", "-c", "while :; do :; done"]) for _ in range(DISTURBERS)]


def leave_alone(busy):
    for b in busy:
        b.kill()
        b.wait()


def clients(tap, folder):
    """A client whose server dies in mid-flight ends with a sentence, and soon."""
    for signal_, how in ((signal.SIGKILL, ("--window", "64")), (signal.SIGTERM, ("--window", "64")),
                         (signal.SIGKILL, ("--rate", "5000"))):
        with Appliance([], io=(0,)) as appliance:
            memif_port(appliance)
            serve(appliance, folder)
            proc = Client(appliance, folder, 1).start("--seconds", "60", *how)
            until_served(appliance)
            appliance.proc.send_signal(signal_)
            rc, r = Client.result(proc)
            tap.check(f"martlet-load outlives its server's {signal_.name} ({how[0]}): exit 1 and why", rc == 1 and
                      r.get("text", "").startswith("martlet-load: the link went down"), (rc, r))


def servers(tap, folder):
    """A server killed leaves its socket behind; the next one takes its place."""
    with Appliance([], io=(0,)) as appliance:
        memif_port(appliance)
        serve(appliance, folder)
        appliance.stop(signal.SIGKILL)
        left = os.path.exists(f"{appliance.dir}/edge.sock")
        appliance.start()
        rc, r = Client(appliance, folder, 1).run("--once", "--window", "16", "--expect", f"{folder}/a.npy")
        tap.check("killed and started again on the socket it left: what was deployed serves", left and rc == 0
                  and r["rows_scored"] == 1024, r)
        other = Appliance([], io=(0,))
        memif_port(other)
        with open(other.conf) as f:
            text = f.read()
        with open(other.conf, "w") as f:
            f.write(text.replace(f"{other.dir}/edge.sock", f"{appliance.dir}/edge.sock"))
        with other:
            try:
                other.start()
                tap.check("a socket that is served is not taken", False, other.log_text())
            except RuntimeError:
                rc, r = Client(appliance, folder, 1).run("--once", "--window", "16", "--expect", f"{folder}/a.npy")
                tap.check("a socket that is served is not taken", rc == 0 and r["rows_scored"] == 1024, r)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-die-") as folder:
        make_models(folder)
        for loop, cpus in LOOPS.items():
            if max(cpus["io"] + cpus["workers"]) >= os.cpu_count():
                tap.skip(loop, "needs two CPUs")
                continue
            appliance = Appliance([], **cpus)
            memif_port(appliance)
            if not cpus["workers"]:  # an lcore that polls is always in the middle of it
                with open(appliance.conf) as f:
                    text = f.read()
                with open(appliance.conf, "w") as f:
                    f.write(text.replace("control = 0", "control = 1").replace('idle = "sleep"', 'idle = "poll"'))
            busy = disturb(0)
            with appliance:
                try:
                    serve(appliance, folder)
                    client, survived = Client(appliance, folder, len(cpus["io"]) + len(cpus["workers"])), 0
                    alive = True
                    while survived < KILLS and alive:
                        proc = client.start("--seconds", "60", "--window", "64")
                        alive = until_served(appliance)
                        proc.kill()
                        proc.communicate()
                        survived += 1
                finally:
                    leave_alone(busy)
                tap.check(f"{loop}: martletd outlives {KILLS} clients killed in mid-flight", appliance.proc.poll() is None,
                          f"exit {appliance.proc.poll()} after {survived}")
                if appliance.proc.poll() is None:
                    rc, r = client.run("--once", "--window", "16", "--expect", f"{folder}/a.npy")
                    tap.check(f"{loop}: and serves the next one", rc == 0 and r["rows_scored"] == 1024, r)
                    tap.check(f"{loop}: received = replied + drops, mempool full", not appliance.balanced(),
                              appliance.balanced())
                    tap.check(f"{loop}: SIGTERM, exit 0", appliance.stop() == 0, appliance.log_text())
        servers(tap, folder)
        clients(tap, folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
