#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ready means that everything the store had deployed has been tried: also where the first of them fails at once."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import Appliance, Tap, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
MODELS = [f"m{i}" for i in range(8)]


def deploy_all(a):
    with open(frames.compile_lab_image("lab"), "rb") as f:
        image = f.read()
    for i, name in enumerate(MODELS):
        for method, path, body in (("PUT", f"/v1/models/{name}/versions/1", image),
                                   ("PUT", f"/v1/models/{name}/deployment", {"id": i + 1, "live": 1})):
            status, reply = a.api(method, path, body)
            if status >= 300:
                raise RuntimeError(f"{path}: {status} {reply}")


def restart_without(a, gone):
    """Restarts with the images of `gone` removed: what the log says of models and readiness, and the models' states."""
    a.stop()
    for name in gone:
        os.remove(os.path.join(a.dir, "store", "models", name, "1.mlt"))
    open(a.log, "w").close()
    a.start()
    text = a.log_text()
    told = [line for line in text.splitlines() if re.search(r"bring back: (?!.* kernels )|ready: serving", line)]
    return told, {m["name"]: m["state"] for m in a.api("GET", "/v1/models")[1]["models"]}


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    with Appliance([RING]) as a:
        a.start()
        deploy_all(a)
        for what, gone in (("none is missing", ()), ("the first image is missing", MODELS[:1]), ("the last one is, too", MODELS[-1:])):
            told, states = restart_without(a, gone)
            tap.check(f"{what}: ready is said once, after all {len(MODELS)} models",
                      len(told) == len(MODELS) + 1 and "ready: serving" in told[-1], "\n# ".join(told))
            missing = {"m0", "m7"} if "last" in what else set(gone)
            tap.check(f"{what}: and then the others are in service",
                      states == {m: "UNAVAILABLE" if m in missing else "READY" for m in MODELS}, str(states))
        a.stop()
        for name in MODELS[1:-1]:
            os.remove(os.path.join(a.dir, "store", "models", name, "1.mlt"))
        a.start()
        tap.check("all images are missing: ready all the same", a.api("GET", "/v2/health/ready")[0] == 200, a.log_text())
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text())
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
