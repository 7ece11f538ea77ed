#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 in the middle of any change (promote, canary, share, shadow, pin, rollback, unload, load, delete, push,
retention): after each restart the model is as before that change or as after it, what was answered is there, and what
is scored by UDP and by REST is what those versions score."""
import http.client
import os
import random
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import Appliance, FarEnd, Reply, Tap, enter_private_network, request, sh, skip_all, wait_for
from versions import ADDRESS, VERSIONS, push_all

ROUNDS = int(os.environ.get("KILLS", "14"))
SHOWN = ("live", "canary", "shadow", "pinned", "loaded", "revision", "change")


def state(a):
    """What must come back: the deployment, the policy, the stored versions."""
    deployment, kept = a.api("GET", "/v1/models/m/deployment")[1], a.api("GET", "/v1/models/m/versions")[1]
    return {**{k: deployment[k] for k in SHOWN}, "kept": (kept["retention"], kept["from"]),
            "stored": {v["version"]: v["sha256"] for v in kept["versions"]}}


def next_change(rng, now, images):
    """(method, path, body) of a change that fits the state."""
    live, pinned = now["live"], now["pinned"]
    canary = (now["canary"] or {}).get("version")
    put = lambda body: ("PUT", "/v1/models/m/deployment", body)
    if not now["loaded"]:
        return "POST", "/v2/repository/models/m/load", b""
    free = [v for v in range(1, VERSIONS + 1) if v not in {live, canary, now["shadow"], *pinned}]
    stored = [v for v in free if v in now["stored"]]
    gone = [v for v in free if v not in now["stored"]]
    some = [put({"canary": None, "shadow": None}), ("PUT", "/v1/models/m/retention", {"retention": rng.choice(["latest 9", "all", None])})]
    if stored:
        v = rng.choice(stored)
        some += [put({"live": v}), put({"canary": {"version": v, "permille": rng.randrange(1001)}}), put({"shadow": v}),
                 put({"pinned": [v]}), ("DELETE", f"/v1/models/m/versions/{v}", None)]
    if gone:
        some.append(("PUT", f"/v1/models/m/versions/{gone[0]}", images[gone[0]]))
    if canary:
        some.append(put({"canary": {"permille": rng.randrange(1001), "key": rng.choice(["b", "request_id"])}}))
    if pinned:
        some.append(put({"pinned": None}))
    if rng.random() < 0.15:
        return "POST", "/v2/repository/models/m/unload", b""
    if rng.random() < 0.15:
        return "POST", "/v1/models/m/rollback", b""
    return rng.choice(some)


def scores_wrong(a, now):
    """'' if both ways answer by the versions that may answer, and with their scores."""
    if not now["loaded"]:
        return ""
    may = {now["live"], (now["canary"] or {}).get("version")} - {None}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(ADDRESS)
        s.settimeout(10)
        for n in range(20):
            s.send(request(struct.pack("<2f", 0, n), model=7, request_id=n, columns=2))
            r = Reply(s.recv(2048))
            if r.status != "OK" or r.model_version not in may or r.scores()[0] != r.model_version:
                return f"udp {n}: {r.status} by {r.model_version} of {may}"
    for v in now["pinned"]:
        row = {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 2], "data": [9, 0]}]}
        status, reply = a.api("POST", f"/v2/models/m/versions/{v}/infer", row)
        if status != 200 or reply["outputs"][0]["data"] != [v + 0.5]:
            return f"rest, pinned {v}: {status} {reply}"
    return ""


def one_round(a, rng, images):
    """Changes until it is killed. '' or what is wrong after the restart."""
    done, under_way, odd = [state(a)], [None], []

    def go():
        while True:
            under_way[0] = next_change(rng, done[-1], images)
            try:
                status, reply = a.api(*under_way[0])
                if status not in (200, 201, 409):
                    odd.append(f"{under_way[0][:2]}: {status} {reply}")
                now = state(a)
            except (OSError, http.client.HTTPException, KeyError, TypeError):
                return
            done.append(now)
            under_way[0] = None
    before = len(done)
    thread = threading.Thread(target=go)
    thread.start()
    wanted = before + rng.randrange(4)  # by count, as a busy machine answers few in a time
    wait_for(lambda: len(done) >= wanted or not thread.is_alive())
    time.sleep(rng.uniform(0, 0.05))
    a.stop(signal.SIGKILL)
    thread.join()
    a.start()
    after, last = state(a), done[-1]
    if odd:
        return odd[0]
    if after != last:
        if under_way[0] is None:
            return f"{last} was told, {after} came back"
        changed = {k for k in after if k not in ("revision", "change") and after[k] != last[k]}
        if after["revision"] - last["revision"] not in (0, 1) or (after["revision"] == last["revision"] and changed - {"kept", "stored"}):
            return f"in {under_way[0][:2]}: {last} became {after}"
        for v in set(after["stored"]) & set(last["stored"]):
            if after["stored"][v] != last["stored"][v]:
                return f"version {v} is torn"
    one_round.changes += len(done) - before
    return scores_wrong(a, after)


one_round.changes = 0


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap, far = Tap(), FarEnd()
    sh("ip address add 10.66.0.2/24 dev veth-c")
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    rng = random.Random(seed)
    print(f"# SEED={seed} KILLS={ROUNDS}")
    port = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.66.0.1/24" ]; }'
    with tempfile.TemporaryDirectory() as folder, Appliance([port], netns=far.pid) as a:
        try:
            a.start()
            push_all(a, folder)
            images = {v: open(os.path.join(folder, f"{v}.mlt"), "rb").read() for v in range(1, VERSIONS + 1)}
            a.ctl("model", "promote", "m:1", "--id", "7", "--no-cost")
            wrong = [f"round {i}: {why}" for i in range(ROUNDS) if (why := one_round(a, rng, images))]
            print(f"# {one_round.changes} changes answered")
            tap.check(f"{ROUNDS} kills: as before the change or as after it", not wrong, "; ".join(wrong[:3]))
            tap.check("changes were made between the kills", one_round.changes > ROUNDS, str(one_round.changes))
            tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-500:])
        finally:
            a.stop()
            far.close()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
