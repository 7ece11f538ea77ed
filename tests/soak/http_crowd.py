#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Crowds against control.http: slowhttptest's four modes, thousands of idle connections, bombs of JSON, half requests. Beside each a
good client is answered within its deadline, and martletd lives on."""
import http.client
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "smoke"))
import frames
from appliance import Appliance, Tap, enter_private_network, sh, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
CONTROL = 'http = ( { listen = "127.0.0.1:7798"; serves = [ "infer" ]; } ); connections = 512; address_connections = 300;'
PORT, DEADLINE, IDLE, SECONDS = 7798, 5.0, 10000, 8
BODY = json.dumps({"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 41], "data": [0.5] * 41}]}).encode()


class Good(threading.Thread):
    """From an address of its own, a new connection each time."""

    def __init__(self):
        super().__init__()
        self.times, self.wrong, self.is_over = [], [], False

    def run(self):
        while not self.is_over:
            begin = time.monotonic()
            try:
                c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30, source_address=("127.0.0.9", 0))
                c.request("POST", "/v2/models/lab/infer", BODY)
                reply = c.getresponse()
                text = reply.read()
                if reply.status != 200:
                    self.wrong.append((reply.status, text[:100]))
                c.close()
            except (OSError, http.client.HTTPException) as e:
                self.wrong.append(repr(e))
            self.times.append(time.monotonic() - begin)
            time.sleep(0.01)


def slow(*mode):
    subprocess.run(["slowhttptest", *mode, "-c", "1000", "-r", "500", "-i", "1", "-l", str(SECONDS), "-u",
                    f"http://127.0.0.1:{PORT}/v2/models/lab/infer"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=120)


def sockets(n, data, seconds, each=200):
    """Each sends `data` and reads nothing. `each`: from one address."""
    crowd = []
    for i in range(n):
        s = socket.socket()
        s.settimeout(2)
        try:
            s.bind((f"127.1.1.{i // each + 1}", 0))
            s.connect(("127.0.0.1", PORT))
            s.setblocking(False)
            if data:
                s.send(data)
        except OSError:
            pass
        crowd.append(s)
    time.sleep(seconds)
    for s in crowd:
        s.close()


def post(body, said=None):
    return (b"POST /v2/models/lab/infer HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (said or len(body))) + body


CROWDS = {
    "slow headers": lambda: slow("-H"), "slow bodies": lambda: slow("-B"), "ranges": lambda: slow("-R"),
    "slow readers": lambda: slow("-X", "-w", "1", "-y", "2", "-n", "5", "-z", "1"),
    f"{IDLE} idle connections": lambda: sockets(IDLE, b"", 2, IDLE),
    f"{IDLE} idle connections of 50 addresses": lambda: sockets(IDLE, b"", 2),
    "half requests": lambda: sockets(400, post(b"{", 999999), 4),
    "bombs of JSON": lambda: sockets(400, post(b"[" * 60000), 3),
    "answers that nobody reads": lambda: sockets(400, b"GET /v2/models/lab HTTP/1.1\r\nHost: a\r\n\r\n" * 1000, 4),
}


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    if not shutil.which("slowhttptest"):
        skip_all("slowhttptest is not installed: scripts/setup.sh soak")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, IDLE + 500), hard))
    sh("ip link set lo up")
    tap = Tap()
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{frames.compile_lab_image()}"; }}'], control=CONTROL) as a:
        a.start()
        for name, crowd in CROWDS.items():
            good = Good()
            good.start()
            crowd()
            good.is_over = True
            good.join()
            times = sorted(good.times)
            print(f"# {name}: {len(times)} requests of a good client, median {times[len(times) // 2] * 1e3:.1f} ms, "
                  f"longest {times[-1] * 1e3:.0f} ms", flush=True)
            tap.check(f"beside {name} a good client is answered, within {DEADLINE} s", not good.wrong and times[-1] < DEADLINE,
                      f"{good.wrong[:3]} {times[-1]:.2f} s")
            tap.check("... and so is the operator", a.api("GET", "/v1/status")[0] == 200)
        print(f"# refused: {json.dumps({k: n for k, n in a.api('GET', '/v1/status')[1]['api']['refused'].items() if n})}")
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
