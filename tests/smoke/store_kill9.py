#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 during push and promote, at many moments: after a restart the store holds the version before or the
one after, never a torn one; what was deployed is live again; nothing half-written is left."""
import glob
import hashlib
import http.client
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import Appliance, Tap, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
ROUNDS = int(os.environ.get("KILLS", "24"))


def push_and_promote(a, version, data, replies):
    """In the background: what was answered before the kill goes into `replies`."""
    try:
        replies["push"] = a.api("PUT", f"/v1/models/lab/versions/{version}", data)[0]
        replies["promote"] = a.api("PUT", "/v1/models/lab/deployment", {"live": version, "force": True})[0]
    except (OSError, http.client.HTTPException):
        pass


def lab(a):
    return next(m for m in a.api("GET", "/v1/models")[1]["models"] if m["name"] == "lab")


def judge(a, before, version, data, replies):
    """'' if the restarted appliance holds either the state before or the one after, else what is wrong."""
    model = lab(a)
    stored = {v["version"]: v["sha256"] for v in model["versions"]}
    if model["state"] != "READY" or model["live"] not in (before["live"], version):
        return f"live {model['live']} ({model['state']}: {model['reason']}), {before['live']} or {version} expected"
    for v in before["versions"]:
        if stored.get(v["version"]) != v["sha256"]:
            return f"version {v['version']} was stored and is gone or other"
    if version in stored and stored[version] != hashlib.sha256(data).hexdigest():
        return f"version {version} is torn"
    if replies.get("push") == 201 and version not in stored:
        return f"version {version} was acknowledged and is gone"
    if replies.get("promote") == 200 and model["live"] != version:
        return f"promotion to {version} was acknowledged, {model['live']} is live"
    left = glob.glob(os.path.join(a.dir, "store", "models", "*", ".tmp-*"))
    return f"left behind: {left}" if left else ""


def main():
    if os.geteuid():
        skip_all("needs root")
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    rng = random.Random(seed)
    print(f"# SEED={seed} KILLS={ROUNDS}")
    tap = Tap()
    images = [open(frames.compile_lab_image(name), "rb").read() for name in ("lab", "lab-activity")]
    first = frames.compile_lab_image("lab")
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{first}"; }}']) as a:
        a.start()
        begin = time.time()
        replies = {}
        push_and_promote(a, 2, images[1], replies)
        whole = time.time() - begin
        tap.check("push and promote, undisturbed", replies == {"push": 201, "promote": 200}, str(replies))
        wrong, moments = [], {"before push": 0, "before promote": 0, "after": 0}
        for i in range(ROUNDS):
            version, data, replies, before = i + 3, images[i % 2], {}, lab(a)
            thread = threading.Thread(target=push_and_promote, args=(a, version, data, replies))
            thread.start()
            time.sleep(rng.uniform(0, whole * 1.1))
            a.stop(signal.SIGKILL)
            thread.join()
            moments["after" if "promote" in replies else "before promote" if "push" in replies else "before push"] += 1
            a.start()
            why = judge(a, before, version, data, replies)
            if why:
                wrong.append(f"round {i}: {why}")
        print(f"# killed: {moments}")
        tap.check(f"{ROUNDS} kills: the old version or the new one, whole", not wrong, "; ".join(wrong[:5]))
        tap.check("what is live can be rolled back", a.api("POST", "/v1/models/lab/rollback")[0] == 200)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-500:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
