#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many operators at once, each with random verbs and a fifth of them wrong, under UDP and REST traffic: every answer
is a sentence or what is in service now, no request is lost, no memory, and at the end the appliance, its store and a
restart agree. SECONDS and CLIENTS in the environment."""
import http.client
import os
import random
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "smoke"))
from appliance import Appliance, FarEnd, Tap, enter_private_network, sh, skip_all
from versions import VERSIONS, Traffic, push_all

SECONDS, CLIENTS = int(os.environ.get("SECONDS", "30")), int(os.environ.get("CLIENTS", "20"))
U = "/v1/models/m/deployment"


def verb(rng, images):
    """Version 5 never answers: Traffic would say so."""
    v, any_v = rng.randrange(1, VERSIONS), rng.choice([0, -1, VERSIONS + 1, 65536, 1e9, "1", None, True, [1], {}])
    good = [("PUT", U, {"live": v}), ("PUT", U, {"canary": {"version": v, "permille": rng.randrange(1001)}}),
            ("PUT", U, {"canary": {"permille": rng.randrange(1001), "key": rng.choice(["a", "b", 0, 1, "request_id", None])}}),
            ("PUT", U, {"shadow": rng.choice([v, VERSIONS, None])}), ("PUT", U, {"pinned": rng.sample(range(1, VERSIONS), rng.randrange(4))}),
            ("POST", "/v1/models/m/rollback", b""), ("POST", "/v1/models/m/rollback", {"to": v}),
            ("PUT", "/v1/models/m/retention", {"retention": rng.choice(["latest 9", "all", None])}),
            ("PUT", f"/v1/models/m/versions/{v}", images[v]), ("DELETE", f"/v1/models/m/versions/{v}", None),
            ("GET", U, None), ("GET", "/v1/models", None), ("GET", "/v1/models/m/compare", None)]
    bad = [("PUT", U, {"live": any_v}), ("PUT", U, {"canary": {"version": v, "permille": rng.choice([-1, 1001, 0.5, "50", None])}}),
           ("PUT", U, {"canary": {"permille": 5, "key": rng.choice(["zzz", 2, -1, "", "é\u0000", {}])}}), ("PUT", U, {"shadow": any_v}),
           ("PUT", U, {"pinned": [v, v]}), ("PUT", U, {"pinned": any_v}), ("POST", "/v1/models/m/rollback", {"to": 99}),
           ("PUT", "/v1/models/m/retention", {"retention": rng.choice(["latest 0", "latest 65536", "latest  3", "none", 5])}),
           ("PUT", f"/v1/models/m/versions/{v}", images[v][:-1]), ("DELETE", "/v1/models/m", None), ("DELETE", "/v1/models/m/versions/99", None),
           ("PUT", "/v1/models/%2e%2e/deployment", {"live": 1}), ("PUT", "/v1/models/%C3%A9/deployment", {"live": 1}),
           ("PUT", "/v1/models/a%00b/retention", {"retention": "all"}), ("PUT", U, {"live": v, "id": 8}), ("PUT", U, [])]
    return rng.choice(bad) if rng.random() < 0.2 else rng.choice(good)


def operator(a, seed, images, stop, said):
    rng = random.Random(seed)
    while not stop.is_set():
        method, path, body = verb(rng, images)
        try:
            status, reply = a.api(method, path, body)
        except (OSError, http.client.HTTPException) as e:
            said.setdefault("lost", []).append(f"{method} {path} {str(body)[:60]}: {e!r}")
            continue
        said[status] = said.get(status, 0) + 1
        if status not in (200, 201, 400, 404, 409, 422) or (status >= 400 and not (isinstance(reply, dict) and reply.get("error"))):
            said.setdefault("odd", []).append(f"{method} {path} {str(body)[:60]}: {status} {str(reply)[:200]}")


def summary(a):
    deployment = a.api("GET", U)[1]
    model = next(m for m in a.api("GET", "/v1/models")[1]["models"] if m["name"] == "m")
    want = {deployment["live"], (deployment["canary"] or {}).get("version"), deployment["shadow"], *deployment["pinned"]} - {None}
    return deployment, {v["version"] for v in model["in_service"]}, want, sorted(v["version"] for v in model["versions"])


def rss(a):
    with open(f"/proc/{a.proc.pid}/status") as f:
        return int(next(line.split()[1] for line in f if line.startswith("VmRSS")))


def crowd(a, rng, images, seconds):
    stop, said = threading.Event(), {}
    threads = [threading.Thread(target=operator, args=(a, rng.randrange(1 << 30), images, stop, said)) for _ in range(CLIENTS)]
    for t in threads:
        t.start()
    time.sleep(seconds)
    stop.set()
    for t in threads:
        t.join()
    return said


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap, far = Tap(), FarEnd()
    sh("ip address add 10.66.0.2/24 dev veth-c")
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    rng = random.Random(seed)
    print(f"# SEED={seed}")
    port = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.66.0.1/24" ]; }'
    with tempfile.TemporaryDirectory() as folder, Appliance([port], netns=far.pid) as a:
        try:
            a.start()
            push_all(a, folder)
            images = {v: open(os.path.join(folder, f"{v}.mlt"), "rb").read() for v in range(1, VERSIONS + 1)}
            a.ctl("model", "promote", "m:1", "--id", "7", "--no-cost")
            traffic = Traffic(a)
            crowd(a, rng, images, SECONDS / 3)
            at_rest = rss(a)
            said = crowd(a, rng, images, SECONDS * 2 / 3)
            grown = rss(a) - at_rest
            traffic.end()
            print(f"# answered: { {k: v for k, v in said.items() if isinstance(k, int)} }; {traffic.seen}; RSS grew by {grown} KiB")
            tap.check("each operator is answered, and refusals are sentences", not said.get("odd") and not said.get("lost"),
                      str((said.get("odd", []) + said.get("lost", []))[:3]))
            tap.check("no request is lost, and each is scored by the version that it says", not traffic.wrong, str(traffic.wrong[:3]))
            before = summary(a)
            tap.check("what is deployed is what serves", before[1] == before[2], str(before))
            tap.check("no memory is lost", grown < 8192, f"{grown} KiB")
            tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-500:])
            a.start()
            tap.check("a restart brings back the same", summary(a) == before, f"{before} {summary(a)}")
        finally:
            a.stop()
            far.close()
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
