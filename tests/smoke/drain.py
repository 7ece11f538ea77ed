#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SIGTERM: not ready first, then a grace in which everything is served, with a hook that is run once; a second one ends it."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import Appliance, Tap, skip_all, wait_for

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
INFER = {"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 41], "data": [0.5] * 41}]}
FOREVER = "drain_grace = 3600; drain_timeout = 3600;"


def infer(a):
    return a.api("POST", "/v2/models/lab/infer", INFER)


def grace(tap, image):
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{image}"; }}'],
                   control=FOREVER + ' drain_hook = "echo $MARTLET_EVENT $MARTLET_SOCKET $MARTLET_CONFIG >> $(dirname $MARTLET_CONFIG)/hook";') as a:
        a.start()
        tap.check("before: ready, and scores", a.api("GET", "/v2/health/ready")[0] == 200 and infer(a)[0] == 200, str(infer(a)))
        a.proc.send_signal(signal.SIGTERM)
        status, answer = wait_for(lambda: (lambda r: r if r[0] == 503 else None)(a.api("GET", "/v2/health/ready")))
        tap.check("SIGTERM: not ready at once, and says why", status == 503 and answer["error"] == "not ready: draining" and
                  answer["ready"] is False, str(answer))
        tap.check("in the grace models are scored and ready", infer(a)[0] == 200 and a.api("GET", "/v2/models/lab/ready")[0] == 200,
                  str(infer(a)))
        status, answer = a.api("POST", "/v2/repository/models/lab/unload", {})
        tap.check("but no model is taken out of service", status == 503 and "draining" in answer["error"], str(answer))
        wait_for(lambda: "drain_hook: done" in a.log_text())
        with open(f"{a.dir}/hook") as f:
            said = f.read()
        tap.check("the hook was run once and told of what", said == f"drain {a.sock} {a.conf}\n", said)
        tap.check("it goes on until a second SIGTERM, which ends it with 0", a.proc.poll() is None and a.stop() == 0, a.log_text()[-500:])
        tap.check("the log says so", "the grace ends at once" in a.log_text() and "drained" in a.log_text(), a.log_text()[-500:])


def hooks(tap):
    for name, hook, control, words in (
            ("a hook that fails", "exit 3", "drain_timeout = 60;", "control.drain_hook: failed, exit status 3; draining goes on"),
            ("one that kills itself", "kill -USR1 $$", "drain_timeout = 60;", "control.drain_hook: ended by SIGUSR1; draining goes on"),
            ("one that does not end", "sleep 1000 & sleep 1000", "drain_timeout = 1;",
             "control.drain_hook: not done after 1 s, ended; draining goes on")):
        with Appliance([RING], control=f'drain_grace = 0; {control} drain_hook = "{hook}";') as a:
            a.start()
            code = a.stop()
            tap.check(f"{name} is said and stops nothing", code == 0 and words in a.log_text() and "drained" in a.log_text(),
                      f"{code} {a.log_text()[-500:]}")


def main():
    if os.geteuid():
        skip_all("needs root")
    tap = Tap()
    grace(tap, frames.compile_lab_image())
    hooks(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
