#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What was deployed comes back, or is UNAVAILABLE with a reason: never another in its place. Until it is back its
requests are answered NOT_READY, from the first packet on."""
import json
import os
import shutil
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import (Appliance, FarEnd, Reply, Tap, enter_private_network, request, sh, skip_all)

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
FEATURES = 41


def lab(a):
    return next(m for m in a.api("GET", "/v1/models")[1]["models"] if m["name"] == "lab")


def replace(path, data):
    if os.path.isdir(path):
        os.rmdir(path)
    elif os.path.lexists(path):
        os.remove(path)
    if callable(data):
        data(path)
    else:
        with open(path, "wb") as f:
            f.write(data)


def damaged(tap, a, good):
    """Each way to damage the record of a model that the configuration also has, with another image."""
    path = os.path.join(a.dir, "store", "models", "lab", "deployment.json")
    at = good.index(b'"live":{"version":2') + 18
    cases = [("a flipped bit", good[:at] + b"3" + good[at + 1:], "checksum"), ("cut in half", good[:len(good) // 2], "not JSON"),
             ("empty", b"", "not JSON"), ("another's", b'{"name":"lab"}', "no record of martletd"),
             ("of a later martletd", b'{"format":4}', "later martletd"), ("a pipe", os.mkfifo, "not a file"),
             ("a folder", os.mkdir, "not a file")]
    for name, data, word in cases:
        a.stop()
        replace(path, data)
        a.start()
        m = lab(a)
        tap.check(f"the record {name}: UNAVAILABLE, and why", m["state"] == "UNAVAILABLE" and m["live"] is None and word in m["reason"], str(m))
        tap.check(f"the record {name}: the configuration's image does not take its place",
                  [v["version"] for v in m["versions"]] == [1, 2] and "does not take its place" in a.log_text(), str(m))
        index = a.api("POST", "/v2/repository/index", b"")[1]
        tap.check(f"the record {name}: the index tells, too", all(word in i["reason"] for i in index), str(index))
    status, reply = a.api("DELETE", "/v1/models/lab/versions/1")
    tap.check("a version is not deleted meanwhile", status == 409, str(reply))
    replace(path, b"{")  # a folder cannot be replaced by a file
    status, reply = a.api("PUT", "/v1/models/lab/deployment", {"live": 2})
    tap.check("a promotion must say the id", status == 409 and "say which id" in reply["error"], str(reply))
    tap.check("with it, it mends the record", a.api("PUT", "/v1/models/lab/deployment", {"live": 2, "id": 7})[0] == 200)
    a.stop()
    a.start()
    tap.check("which comes back", (lab(a)["state"], lab(a)["live"]) == ("READY", 2), str(lab(a)))


def of_before(tap, a):
    """A record of a martletd before has no checksum: it is read, and written anew by the next change."""
    folder = os.path.join(a.dir, "store", "models", "lab")
    path = os.path.join(folder, "deployment.json")
    a.stop()
    replace(path, b'{"id":7,"live":1,"previous":[2],"loaded":true}')
    a.start()
    tap.check("a record of format 1 is brought back", (lab(a)["state"], lab(a)["live"], lab(a)["previous"]) == ("READY", 1, 2), str(lab(a)))
    tap.check("a promotion", a.api("PUT", "/v1/models/lab/deployment", {"live": 2, "force": True})[0] == 200)
    with open(path) as f:
        record = json.load(f)
    tap.check("writes it in format 3, with the image's sum", record["format"] == 3 and len(record["checksum"]) == 64
              and record["live"]["sha256"] == next(v["sha256"] for v in lab(a)["versions"] if v["version"] == 2), str(record))
    a.stop()
    shutil.copy(os.path.join(folder, "1.mlt"), os.path.join(folder, "2.mlt"))
    a.start()
    tap.check("another sound image in place of the live one: UNAVAILABLE", lab(a)["state"] == "UNAVAILABLE"
              and "not the one that was in service" in lab(a)["reason"], str(lab(a)))


def first_packets(tap, image, far):
    """Asked all the time while it starts: the id is in the store only, not in the configuration."""
    sh(f"ip addr add {frames.MINE4}/24 dev {far.near}")
    port = f'{{ name = "edge"; device = "net_af_packet0,iface={far.far}"; addresses = [ "{frames.OURS4}/24" ]; }}'
    with Appliance([port], netns=far.pid) as a:
        a.start()
        with open(image, "rb") as f:
            a.api("PUT", "/v1/models/lab/versions/1", f.read())
        tap.check("deployed", a.api("PUT", "/v1/models/lab/deployment", {"id": 9, "live": 1})[0] == 200)
        a.stop()
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((frames.MINE4, 0))
        client.settimeout(0.02)
        seen, done = [], threading.Event()
        row = struct.pack(f"<{FEATURES}f", *[0.0] * FEATURES)

        def ask():
            while not done.is_set():
                try:
                    client.sendto(request(row, model=9, columns=FEATURES, pad=64), (frames.OURS4, frames.PORT))
                    seen.append(Reply(client.recv(65535)).status)
                except OSError:
                    time.sleep(0.001)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        a.start()
        end = time.time() + 20
        while "OK" not in seen[-1:] and time.time() < end:
            time.sleep(0.01)
        done.set()
        asking.join()
        first = seen.index("OK") if "OK" in seen else len(seen)
        tap.check("NOT_READY until it is back, then OK", "OK" in seen and set(seen[:first]) <= {"NOT_READY"} and set(seen[first:]) == {"OK"},
                  f"{len(seen)} answers: {sorted(set(seen))}")
        client.settimeout(5)
        client.sendto(request(row, model=10, columns=FEATURES, pad=64, request_id=77), (frames.OURS4, frames.PORT))
        while (reply := Reply(client.recv(65535))).request_id != 77:
            pass  # late ones
        tap.check("an id that is none is NO_MODEL, once it is ready", reply.status == "NO_MODEL", str(reply.status))


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    image, other = frames.compile_lab_image("lab"), frames.compile_lab_image("lab-activity")
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
        a.start()
        with open(other, "rb") as f:
            a.api("PUT", "/v1/models/lab/versions/2", f.read())
        tap.check("the second version is live", a.api("PUT", "/v1/models/lab/deployment", {"live": 2, "force": True})[0] == 200)
        with open(os.path.join(a.dir, "store", "models", "lab", "deployment.json"), "rb") as f:
            good = f.read()
        damaged(tap, a, good)
        of_before(tap, a)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    if enter_private_network():
        far = FarEnd()
        try:
            first_packets(tap, image, far)
        finally:
            far.close()
    else:
        tap.skip("the first packets", "no network namespace")
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
