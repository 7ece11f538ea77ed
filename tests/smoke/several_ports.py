#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Serves two ports at once, in both loops: each reply leaves by the port that its request came by, and a client that
stops reading costs replies of its own port only, every one of them counted."""
import os
import signal
import sys
import tempfile
import time

from appliance import Appliance, Tap
from memif_loops import LOOPS, Client, make_models

NAMES = ("north", "south")
TIMEOUT_MS = 2000


def port(appliance, i):
    return (f'{{ name = "{NAMES[i]}"; device = "net_memif{i},id={i},role=server,socket={appliance.dir}/{NAMES[i]}.sock,'
            f'socket-abstract=no"; addresses = [ "10.77.{i}.1/24" ]; }}')


class PortClient(Client):
    def __init__(self, appliance, folder, senders, i):
        super().__init__(appliance, folder, senders)
        self.device = f"net_memif0,id={i},role=client,socket={appliance.dir}/{NAMES[i]}.sock,socket-abstract=no"
        self.ends = ["--from", f"10.77.{i}.2", "--to", f"10.77.{i}.1"]

    def start(self, *args, **_):
        return super().start(*self.ends, "--timeout-ms", str(TIMEOUT_MS), *args)


def both_at_once(tap, loop, appliance, clients):
    folder = clients[0].folder
    procs = [c.start("--seconds", "1", "--window", "32", "--expect", f"{folder}/a.npy") for c in clients]
    for name, (rc, r) in zip(NAMES, [Client.result(p) for p in procs]):
        tap.check(f"{loop}: {name}: every request answered, and rightly", rc == 0 and r["answered"] == r["sent"] > 0
                  and r["status"] == {"OK": r["answered"]} and not r["mismatches"], r)
    tap.check(f"{loop}: received = replied + drops, mempool full", not appliance.balanced(), appliance.balanced())


def one_stands_still(tap, loop, appliance, clients):
    """A client stopped in mid-flight, its rings full: the other must not notice."""
    stuck = clients[0].start("--seconds", "3", "--window", "4096")
    time.sleep(1.5)  # past its start
    os.kill(stuck.pid, signal.SIGSTOP)
    stopped = time.time()
    rc, r = clients[1].run("--seconds", "1", "--window", "32")
    os.kill(stuck.pid, signal.SIGCONT)
    tap.check(f"{loop}: a client that stands still does not stop the other", rc == 0 and r["answered"] == r["sent"] > 0, r)
    in_time = time.time() - stopped < TIMEOUT_MS / 1000
    _, r = Client.result(stuck)
    dropped = appliance.drops()["tx_full"]
    # Where the machine was so busy that it stood still for longer than it waits for a reply, those in its ring are lost, too.
    tap.check(f"{loop}: what the one that stood still lost is what was dropped for it",
              0 < dropped <= r["lost"] and (r["lost"] == dropped or not in_time), f"{r} {dropped}")
    tap.check(f"{loop}: still received = replied + drops, mempool full", not appliance.balanced(), appliance.balanced())


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-ports-") as folder:
        make_models(folder)
        for loop, cpus in LOOPS.items():
            if max(cpus["io"] + cpus["workers"]) >= os.cpu_count():
                tap.skip(loop, "needs two CPUs")
                continue
            appliance = Appliance([], **cpus, mbufs=16384)
            with open(appliance.conf) as f:
                text = f.read()
            with open(appliance.conf, "w") as f:
                f.write(text.replace("ports = (  )", f"ports = ( {port(appliance, 0)}, {port(appliance, 1)} )"))
            with appliance:
                appliance.start()
                appliance.mark_at_rest()
                appliance.ctl("model", "push", f"{folder}/a.mlt", "--version", "1")
                appliance.ctl("model", "promote", "m", "1", "--id", "7")
                senders = len(cpus["io"]) + len(cpus["workers"])
                clients = [PortClient(appliance, folder, senders, i) for i in range(2)]
                both_at_once(tap, loop, appliance, clients)
                one_stands_still(tap, loop, appliance, clients)
                tap.check(f"{loop}: SIGTERM drains, exit 0", appliance.stop() == 0, appliance.log_text())
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
