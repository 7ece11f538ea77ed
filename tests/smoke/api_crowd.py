#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A crowd at the API's door: more silent connections than descriptors, none left to accept with, uploads that hold
all memory there is for them. The API answers, the store is written, the log stays short."""
import os
import resource
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import Appliance, Tap, UnixHTTP, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
CROWD = 1063


def join(a, wait=60):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(wait)
    s.connect(a.sock)
    return s


def silent_crowd(tap, a, image):
    before = len(a.log_text().splitlines())
    crowd = [join(a) for _ in range(CROWD)]
    status, reply = a.api("GET", "/v1/status")
    tap.check(f"status, beside {CROWD} silent connections", status == 200, str(reply))
    api = reply["api"]
    tap.check("no more are open than control.connections allows", api["connections"] <= api["connections_max"] == 256, str(api))
    tap.check("those silent longest were closed", api["closed_silent"] >= CROWD - 256, str(api))
    tap.check("push, beside them", a.api("PUT", "/v1/models/crowd/versions/1", image)[0] == 201)
    lines = a.log_text().splitlines()[before:]
    tap.check("it is said in a line", len([l for l in lines if "silent longest" in l]) == 1 and len(lines) < 6, "\n# ".join(lines[:9]))
    for s in crowd:
        s.close()


def descriptors(a):
    return [int(n) for n in os.listdir(f"/proc/{a.proc.pid}/fd")]


def no_descriptors(tap, a, image):
    """As many as are open now: nobody else comes in, who is in is served, and the store is written."""
    end = time.time() + 20
    while a.api("GET", "/v1/status")[1]["api"]["connections"] > 1 and time.time() < end:
        time.sleep(0.05)  # the crowd goes
    c = UnixHTTP(a.sock)
    c.connect()
    c.request("GET", "/v2")
    c.getresponse().read()
    before = len(a.log_text().splitlines())
    limit = resource.prlimit(a.proc.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(a.proc.pid, resource.RLIMIT_NOFILE, (max(descriptors(a)) + 1, limit[1]))
    waiting = [join(a) for _ in range(8)]
    time.sleep(1)
    c.request("PUT", "/v1/models/crowd/versions/2", image)
    reply = c.getresponse()
    body = reply.read()
    tap.check("push, when there are no descriptors", reply.status == 201, f"{reply.status} {body}")
    c.request("GET", "/metrics")
    metrics = c.getresponse().read().decode()
    pauses = next(l for l in metrics.splitlines() if l.startswith("martlet_api_accept_pauses_total"))
    tap.check("the pause is counted", int(pauses.split()[1]) >= 1, pauses)
    lines = a.log_text().splitlines()[before:]
    tap.check("and said once", len([l for l in lines if "accepting pauses" in l and "LimitNOFILE" in l]) == 1 and len(lines) < 6,
              "\n# ".join(lines[:9]))
    resource.prlimit(a.proc.pid, resource.RLIMIT_NOFILE, limit)
    tap.check("afterwards who waited is let in", a.api("GET", "/v2/health/ready")[0] == 200)
    for s in waiting:
        s.close()
    c.close()


def uploads(tap, a):
    """One upload holds 10 of 16 MiB and does not go on."""
    size = 10 << 20
    held = join(a)
    held.sendall(b"PUT /v1/models/big/versions/1 HTTP/1.1\r\nHost: m\r\nContent-Length: %d\r\n\r\n" % (size + 1))
    held.sendall(bytes(size))
    image = os.path.join(a.dir, "10MiB")
    with open(image, "wb") as f:
        f.write(bytes(size))
    for n in range(6):  # it waits for "100 Continue" before it sends a body of this size
        done = subprocess.run(["curl", "-s", "--unix-socket", a.sock, "-T", image, f"http://m/v1/models/big/versions/{n + 2}"],
                              capture_output=True, text=True)
        tap.check(f"upload {n + 1} beyond control.upload_megabytes hears why",
                  "control.upload_megabytes allows them together: try again later" in done.stdout, done.stdout + done.stderr)
    tap.check("they are counted", a.api("GET", "/v1/status")[1]["api"]["bodies_refused"] == 6)
    held.close()
    end = time.time() + 20
    while a.api("GET", "/v1/status")[1]["api"]["body_bytes"] and time.time() < end:
        time.sleep(0.05)
    tap.check("and one is read again, when the other has gone", a.api("PUT", "/v1/models/big/versions/1", bytes(size))[0] == 422)


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    with open(frames.compile_lab_image("lab"), "rb") as f:
        image = f.read()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    with Appliance([RING], control="upload_megabytes = 16;") as a:
        a.start()
        silent_crowd(tap, a, image)
        no_descriptors(tap, a, image)
        uploads(tap, a)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
