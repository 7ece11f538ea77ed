#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl stats: rates over the last second and minute, in total, by port and by model; and stats reset, a mark from
which on they count, while the counters and the metrics go on."""
import json
import os
import re
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import PING, SCORE, Appliance, Tap, request
from frames import MINE4, OURS4
from vlan import PEER, MemifLink, our_mac, port_text


def sum_metric(appliance, name):
    text = appliance.api("GET", "/metrics")[1]
    return sum(float(v) for v in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))


def exchange(link, payload, replies=1):
    link.send(frames.ether(link.ours, PEER, frames.ipv4(MINE4, OURS4, frames.udp(MINE4, OURS4, payload))))
    for _ in range(replies):
        assert link.receive(10), "no reply"


def counted(appliance, tap, link, row):
    """The sums of a known exchange, before a reset and after it."""
    score = request(struct.pack(f"<{len(row)}f", *row) * 3, type=SCORE, model=7, columns=len(row), rows=3)
    none = request(struct.pack(f"<{len(row)}f", *row), type=SCORE, model=7, columns=len(row) - 1)
    for _ in range(5):
        exchange(link, request(type=PING))
        exchange(link, score)
    exchange(link, none)
    exchange(link, b"not ours, but of 32 bytes at least", replies=0)
    end = time.time() + 10
    while appliance.drops()["bad_magic"] == 0 and time.time() < end:
        time.sleep(0.01)
    s = appliance.api("GET", "/v1/stats")[1]
    tap.check("before a reset: since the start", s["since"] is None and s["counters"]["pongs"] == 5
              and s["counters"]["rows_scored"] == 15 and s["counters"]["drops"]["bad_magic"] == 1
              and s["totals"]["received"] == s["counters"]["received"] == 12, s["counters"])


def reset(appliance, tap, link):
    received = sum_metric(appliance, "martlet_received_packets_total")
    done = appliance.ctl("stats", "reset")
    tap.check("stats reset says since when", re.search(r"count from \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ on", done.stdout), done.stdout)
    tap.check("the log says who it was", f"stats: counted from here on, by uid {os.getuid()}" in appliance.log_text(),
              appliance.log_text()[-300:])
    s = json.loads(appliance.ctl("stats", "--json").stdout)
    tap.check("after it every counter is 0", all(s["counters"][k] == 0 for k in ("received", "replied", "pongs", "rows_scored"))
              and not any(s["counters"]["drops"].values()) and not any(s["counters"]["status"].values()), s["counters"])
    tap.check("and so they are of each lcore", all(lcore["counters"]["received"] == 0 for lcore in s["lcores"]), s["lcores"])
    tap.check("it says when and by whom", s["since"]["uid"] == os.getuid() and abs(s["since"]["unix_seconds"] - time.time()) < 60
              and s["since"]["time"] in done.stdout, s["since"])
    tap.check("the totals go on", s["totals"]["received"] == 12, s["totals"]["received"])
    tap.check("so do the metrics", sum_metric(appliance, "martlet_received_packets_total") == received > 0, received)
    tap.check("so do drops", appliance.drops()["bad_magic"] == 1)
    for _ in range(3):
        exchange(link, request(type=PING))
    s = appliance.api("GET", "/v1/stats")[1]
    tap.check("what comes is counted from there", (s["counters"]["pongs"], s["totals"]["pongs"]) == (3, 8), s["counters"])
    text = appliance.ctl("stats").stdout
    tap.check("the table says since when", f"counted since {s['since']['time']}, when uid {os.getuid()} reset them" in text, text)
    status, body = appliance.api("POST", "/v1/stats/reset", {"what": 1})
    tap.check("a reset takes no body", status == 400, body)
    appliance.ctl("stats", "reset")
    tap.check("a second reset is another mark", appliance.counters()["pongs"] == 0)


def near(rate, seconds, count):
    return abs(rate * seconds - count) < 1e-6 * max(count, 1)


def rates(appliance, tap):
    """All of what was exchanged lies within the last minute by now, and in the last second nothing."""
    end = time.time() + 20
    while time.time() < end:
        r = appliance.api("GET", "/v1/stats")[1]["rates"]
        minute, second = r["minute"], r["second"]
        if near(minute["total"]["received"], minute["seconds"], 15) and not second["total"]["received"] and second["seconds"]:
            break
        time.sleep(0.1)
    t, span = minute["total"], minute["seconds"]
    tap.check("rates in total", all(near(t[k], span, n) for k, n in (
        ("received", 15), ("replied", 14), ("requests", 14), ("rows", 15), ("drops", 1))), minute)
    port = minute["ports"][0]
    tap.check("rates by port", port["name"] == "edge" and all(near(port[k], span, n) for k, n in (
        ("received", 15), ("drops", 1))) and port["received_bytes"] == t["received_bytes"] > 0
        and port["replied"] >= t["replied"] and port["replied_bytes"] >= t["replied_bytes"] > 0, minute)
    model = minute["models"][0]
    tap.check("rates by model", (model["id"], model["name"]) == (7, "lab") and all(near(model[k], span, n) for k, n in (
        ("requests", 5), ("rows", 15), ("refused", 1))), minute)
    tap.check("the last second is a second", 0.9 < second["seconds"] and second["total"]["received"] == 0
              and second["ports"][0]["received"] == 0 and second["models"][0]["requests"] == 0, second)
    tap.check("drops by port are in the metrics", sum_metric(appliance, "martlet_port_drops_total") == 1)
    text = appliance.ctl("stats").stdout
    tap.check("the table has them", all(w in text for w in ("port edge", "model lab", "over the last", "BYTES IN")), text)


def main():
    tap = Tap()
    image = frames.compile_lab_image()
    with tempfile.TemporaryDirectory(prefix="martlet-stats-") as folder:
        with Appliance([port_text(f"net_memif0,role=server,socket={folder}/e.sock,socket-abstract=no", "")],
                       models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}']) as a:
            a.start()
            columns = a.api("GET", "/v2/models/lab")[1]["inputs"][0]["shape"][-1]
            end = time.time() + 10
            while not a.api("GET", "/v1/stats")[1]["rates"]["second"]["seconds"] and time.time() < end:
                time.sleep(0.05)
            link = MemifLink(f"{folder}/e.sock", our_mac(a))
            counted(a, tap, link, [0.5] * columns)
            reset(a, tap, link)
            rates(a, tap)
            link.close()
            tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-300:])
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
