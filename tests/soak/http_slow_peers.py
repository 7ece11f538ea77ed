#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""More slow peers than control.connections allows keep nobody out of control.http: dripping headers, half bodies, answers that
nobody reads."""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "smoke"))
import frames
from appliance import Appliance, Tap, enter_private_network, skip_all
from http_listeners import BOTH, CONTROL, INFER, METRICS, RING, ask


def slow_peers(tap, a):
    """Dripping headers, half bodies, answers that nobody reads: more of each than there are connections."""
    crowd = []
    for i in range(120):
        s = socket.create_connection(INFER, timeout=10)
        begin = (b"GET /v2 HTTP/1.1\r\nHost: a\r\nX: ", b"POST /v2/models/lab/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n{",
                 b"GET /v2/models/lab HTTP/1.1\r\nHost: a\r\n\r\n" * 3000, b"")[i % 4]
        s.setblocking(False)
        try:
            s.send(begin)
        except OSError:
            pass
        crowd.append(s)
    times = []
    for n in range(15):
        begin = time.monotonic()
        statuses = [ask(address, "GET", path)[0] for address, path in ((INFER, "/v2/health/live"), (METRICS, "/metrics"), (BOTH, "/v2"))]
        times.append(time.monotonic() - begin)
        if statuses != [200] * 3:
            break
        for s in crowd:
            try:
                s.send(b"a")
            except OSError:
                pass
    tap.check("beside 120 slow peers others are answered", len(times) == 15 and statuses == [200] * 3, f"{statuses} {len(times)} {max(times):.2f} s")
    tap.check("and so is the operator", a.api("GET", "/v1/status")[0] == 200)
    for s in crowd:
        s.close()


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{frames.compile_lab_image()}"; }}'], control=CONTROL) as a:
        a.start()
        slow_peers(tap, a)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
