#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/smoke/rolling.py for long: 20 rounds in which both appliances are restarted, with the configured grace and at 90 % of what the clients
were measured to get. usage: rolling_restarts.py [ROUNDS]"""
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "smoke"))
import rolling
from appliance import Tap, enter_private_network, skip_all

GRACE, SHARE, MEASURED = 5, 0.9, 5.0


def pace(clients):
    """All ask as fast as they can for a while; from then on at a share of that."""
    before = [c.total() for c in clients]
    begin = time.monotonic()
    time.sleep(MEASURED)
    seconds = time.monotonic() - begin
    for c, b in zip(clients, before):
        rate = (c.total() - b) / seconds
        c.pause = 1 / (SHARE * rate) if rate else 0
        print(f"# {type(c).__name__}: {SHARE:.0%} of {rate:.0f} requests a second", flush=True)


def main(rounds):
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        nodes, clients = rolling.fleet(folder, GRACE, rolling.HOOK)
        for c in clients:
            c.start()
        pace(clients)
        for i in range(rounds):
            for node in nodes:
                rolling.restart(tap, f"round {i + 1}, appliance {node.n}", node, clients, i % 2 == 0)
        rolling.finish(tap, nodes, clients)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
