#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Leads a model through its life with martletctl and a running martletd: push, promote, rollback, unload, delete, and
a restart."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import Appliance, Tap, skip_all

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'


def live(a, name="lab"):
    for m in json.loads(a.ctl("model", "list", "--json").stdout)["models"]:
        if m["name"] == name:
            return m["live"], m["previous"], m["id"], sorted(v["version"] for v in m["versions"])
    return None


def metrics(tap, a):
    status, text = a.api("GET", "/metrics")
    sample = re.compile(r'^[a-z_:][a-z0-9_:]*(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+-]+(\+Inf|NaN)?$', re.I)
    lines = text.splitlines()
    bad = [l for l in lines if l and not l.startswith("# ") and not sample.match(l)]
    tap.check("/metrics is Prometheus text", status == 200 and not bad and len(lines) > 30, str(bad[:3]))
    typed = {l.split()[2] for l in lines if l.startswith("# TYPE")}
    helped = {l.split()[2] for l in lines if l.startswith("# HELP")}
    names = {re.match(r"[a-z0-9_:]+", l, re.I).group() for l in lines if l and l[0] != "#"}
    base = {re.sub(r"_(bucket|sum|count)$", "", n) if n not in typed else n for n in names}
    tap.check("every metric has HELP and TYPE", typed == helped and base <= typed, str(base - typed))


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    one, two = frames.compile_lab_image("lab"), frames.compile_lab_image("lab-activity")
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{one}"; }}']) as a:
        a.start()
        tap.check("the configured model is live", live(a) == (1, None, 7, [1]), str(live(a)))
        a.ctl("model", "push", two, "--name", "lab")
        tap.check("push stores the next version, not live", live(a) == (1, None, 7, [1, 2]), str(live(a)))
        a.ctl("model", "promote", "lab", "2", "--force")
        tap.check("promote", live(a) == (2, 1, 7, [1, 2]), str(live(a)))
        a.ctl("model", "rollback", "lab")
        tap.check("rollback", live(a)[0] == 1, str(live(a)))
        a.ctl("model", "promote", "lab", "2", "--force")
        a.ctl("model", "push", one, "--name", "other")
        tap.check("a first deployment needs an id", a.ctl("model", "promote", "other", "1", check=False).returncode == 1)
        tap.check("an id in use is refused", a.ctl("model", "promote", "other", "1", "--id", "7", check=False).returncode == 1)
        a.ctl("model", "promote", "other", "1", "--id", "8")
        for args in (("status",), ("stats",), ("drops",), ("ports",), ("lcores",), ("latency",), ("model", "list"),
                     ("model", "show", "lab"), ("doctor",)):
            text, js = a.ctl(*args, check=False), a.ctl(*args, "--json", check=False)
            ok = text.stdout.strip() and js.stdout.strip() and (args == ("doctor",) or text.returncode == js.returncode == 0)
            try:
                json.loads(js.stdout)
            except ValueError:
                ok = False
            tap.check(f"martletctl {' '.join(args)}", bool(ok), text.stderr + js.stderr)
        metrics(tap, a)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-500:])
        a.start()
        tap.check("a restart brings back what was deployed", (live(a)[0], live(a, "other")[0]) == (2, 1), a.log_text()[-500:])
        a.ctl("model", "rollback", "lab")
        tap.check("and what it would roll back to", live(a)[0] == 1, str(live(a)))
        a.ctl("model", "unload", "other")
        tap.check("unload", live(a, "other")[0] is None or json.loads(a.ctl("model", "list", "--json").stdout)["models"]
                  [1]["state"] != "READY", str(live(a, "other")))
        a.ctl("model", "delete", "other", "1")
        tap.check("delete", live(a, "other") is None or live(a, "other")[3] == [], str(live(a, "other")))
        tap.check("an unknown model is refused", a.ctl("model", "show", "nobody", check=False).returncode == 1)
        tap.check("SIGTERM again: exit 0", a.stop() == 0, a.log_text()[-500:])
        gone = a.ctl("status", check=False)
        tap.check("nobody there: one sentence", gone.returncode == 1 and len(gone.stderr.strip().splitlines()) == 1, gone.stderr)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
