#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client over its rate is answered BUSY, and nobody else: by the wire, by martletctl clients, the API and the metrics; and
limits are taken over while the appliance runs."""
import os
import socket
import subprocess
import sys
import time

from appliance import PING, PONG, Appliance, Reply, Tap, enter_private_network, request, sh, skip_all
from wire import setup_network

FLOOD, PACED, SERVER = "10.77.0.2", "10.77.0.3", ("10.77.0.1", 7797)
BURST, SENT, ASKED = 50, 300, 10
LIMITS = 'clients = {{ rate = {rate}; burst = {burst}; list = ( {{ address = "{paced}/32"; rate = 0; }} ); }};\n'


class Client:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(5)

    def ask(self, n):
        """How many of `n` PINGs were answered by PONG, and by BUSY. One after the other: nothing is lost on the way."""
        pongs = busy = 0
        for i in range(n):
            self.socket.sendto(request(type=PING, request_id=i), SERVER)
            reply = Reply(self.socket.recv(2048))
            pongs += reply.type == PONG and reply.request_id == i
            busy += reply.status == "BUSY" and reply.request_id == i
        return pongs, busy


def table(appliance):
    return {c["client"]: c for c in appliance.api("GET", "/v1/clients")[1]["clients"]}


def limited(tap, appliance):
    flood, paced = Client(FLOOD), Client(PACED)
    began = time.monotonic()
    pongs, busy = flood.ask(SENT // 2)
    paced_pongs, paced_busy = paced.ask(ASKED)
    more = flood.ask(SENT // 2)
    pongs, busy = pongs + more[0], busy + more[1]
    allowed = BURST + 1 + int(time.monotonic() - began)  # one a second
    tap.check("the flood gets its burst and is answered BUSY beyond it", BURST <= pongs <= allowed and pongs + busy == SENT, f"{pongs} {busy}")
    tap.check("the other client loses nothing", (paced_pongs, paced_busy) == (ASKED, 0), f"{paced_pongs} {paced_busy}")
    seen = table(appliance)
    tap.check("the API tells whose they were", seen[FLOOD]["over_rate"] == busy and seen[FLOOD]["requests"] == SENT
              and seen[FLOOD]["rate"] == 1 and seen[FLOOD]["known"], seen)
    tap.check("... and of the other none", seen[PACED]["over_rate"] == seen[PACED]["over_share"] == 0
              and seen[PACED]["requests"] == ASKED and seen[PACED]["rate"] == 0, seen)
    counters = appliance.counters()
    tap.check("they are counted", counters["over_rate"] == busy == counters["status"]["BUSY"], counters)
    told = appliance.ctl("clients").stdout
    tap.check("martletctl clients has both", FLOOD in told and PACED in told and "2 clients counted" in told, told)
    return flood


def another(appliance, limits):
    with open(appliance.conf) as f:
        text = f.read()
    path = os.path.join(appliance.dir, "other.conf")
    with open(path, "w") as f:
        f.write(text[:text.index("clients = ")] + limits)
    return path


def live(tap, appliance, flood):
    appliance.ctl("config", "apply", another(appliance, LIMITS.format(rate=1, burst=BURST * 2, paced=PACED)))
    pongs, busy = flood.ask(BURST * 3)
    tap.check("another burst is taken over live", pongs >= BURST * 2 and busy > 0, f"{pongs} {busy}")
    tap.check("whoever was known still is", table(appliance)[FLOOD]["requests"] == SENT + BURST * 3)
    appliance.ctl("config", "apply", another(appliance, ""))
    tap.check("without limits nobody is refused", flood.ask(SENT) == (SENT, 0))
    tap.check("... and it says so", "neither limited nor counted" in appliance.ctl("clients").stdout)
    tap.check("received = replied + drops, mempool full", not appliance.balanced(), appliance.balanced())


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    far = setup_network(1500)
    try:
        sh(f"ip addr add {PACED}/24 dev veth-c")
        with Appliance(['{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.77.0.1/24" ]; }'], netns=far.pid) as a:
            with open(a.conf, "a") as f:
                f.write(LIMITS.format(rate=1, burst=BURST, paced=PACED))
            a.start()
            a.mark_at_rest()
            live(tap, a, limited(tap, a))
    except RuntimeError as e:
        tap.check("martletd starts", False, str(e).replace("\n", "\n# "))
    finally:
        far.close()
        subprocess.run("ip link del veth-c", shell=True, stderr=subprocess.DEVNULL)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
