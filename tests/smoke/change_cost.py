#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a change costs: each ends with it, by the API and by martletctl; nothing waits for it where nobody asks for anything."""
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETCTL, Appliance, Tap, UnixHTTP, wait_for

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
BODY = json.dumps({"inputs": [{"name": "rows", "datatype": "FP32", "shape": [1, 41], "data": [0.5] * 41}]}).encode()
NONE = {"before": None, "during": None, "after": None}


class Asker(threading.Thread):
    """Asks one model again and again; what was not answered with 200."""

    def __init__(self, appliance, model):
        super().__init__()
        self.connection, self.path = UnixHTTP(appliance.sock), f"/v2/models/{model}/infer"
        self.asked, self.other, self.is_over = 0, [], False

    def run(self):
        while not self.is_over:
            self.connection.request("POST", self.path, BODY)
            reply = self.connection.getresponse()
            text = reply.read()
            self.asked += 1
            if reply.status != 200:
                self.other.append((reply.status, text))
            time.sleep(0.001)

    def end(self):
        self.is_over = True
        self.join()
        return self.other


def idle(tap, a):
    status, reply = a.api("GET", "/v1/models/lab/change")
    tap.check("never changed: 404", status == 404 and "lab" in reply["error"], f"{status} {reply}")
    out = a.ctl("model", "promote", "lab", "1", "--id", "7").stdout
    tap.check("nobody asks: said at once", "requests lost: 0" in out and "p99.9" not in out
              and "no requests of this model meanwhile" in out and "no requests of its neighbours meanwhile" in out, out)
    status, change = a.api("GET", "/v1/models/lab/change")
    tap.check("... settled, without figures", status == 200 and change["settled"] and change["latency"] == {"udp": NONE, "api": NONE}
              and change["neighbours"] == change["latency"] and 0 < change["blocked_ns"] < change["took_ns"], str(change))
    a.ctl("model", "promote", "near", "1", "--id", "8")
    tap.check("no model: 404", a.api("GET", "/v1/models/none/change")[0] == 404)


def busy(tap, a):
    askers = [Asker(a, "lab"), Asker(a, "near")]
    for asker in askers:
        asker.start()
    wait_for(lambda: a.api("GET", "/v1/models/lab/change")[0] == 200 and all(asker.asked > 200 for asker in askers))
    time.sleep(2)  # two looks a second
    status, reply = a.api("PUT", "/v1/models/lab/deployment", {"live": 2})
    first = a.api("GET", "/v1/models/lab/change")[1]
    tap.check("under load the change does not wait for it", status == 200 and not first["settled"], str(first))
    last = wait_for(lambda: (c := a.api("GET", "/v1/models/lab/change")[1])["settled"] and c)
    for whose in ("latency", "neighbours"):
        of = last and last[whose]["api"]
        tap.check(f"{whose}: before and after", of and all(of[t] and of[t]["requests"] > 0 and of[t]["p999_ns"] > 0 for t in ("before", "after"))
                  and last[whose]["udp"] == NONE, str(last))
    tap.check("nothing is lost", last["lost"] == 0 and last["what"] == "deploy" and last["version"] == 2, str(last))
    out = json.loads(a.ctl("model", "rollback", "lab", "--json").stdout)
    tap.check("martletctl --json has it, settled", out["live"] == 1 and out["cost"]["settled"] and out["cost"]["lost"] == 0, str(out))
    out = json.loads(a.ctl("model", "promote", "lab", "2", "--json", "--no-cost").stdout)
    tap.check("--no-cost", "cost" not in out and out["live"] == 2, str(out))
    out = a.ctl("model", "canary", "lab:1", "--permille", "100").stdout
    tap.check("in words", "requests lost: 0; blocked: " in out and "p99.9 of this model by the API: " in out
              and "p99.9 of its neighbours by the API: " in out, out)
    for body in ({"canary": {"permille": 200}}, {"canary": None}):
        status, reply = a.api("PUT", "/v1/models/lab/deployment", body)
    last = wait_for(lambda: (c := a.api("GET", "/v1/models/lab/change")[1])["settled"] and c)
    tap.check("two in quick succession: the last one is told", status == 200 and last["lost"] == 0 and last["blocked_ns"] > 0
              and last["latency"]["api"]["before"] and last["latency"]["api"]["after"], str(last))
    tool = subprocess.Popen([MARTLETCTL, "-s", a.sock, "model", "canary", "lab:1", "--permille", "10"], stdout=subprocess.PIPE, text=True)
    first = tool.stdout.readline()
    a.api("PUT", "/v1/models/lab/deployment", {"canary": {"permille": 20}})
    rest = tool.communicate()[0]
    tap.check("one that is overtaken does not tell the other's", "lab" in first and "the next change of the model came" in rest
              and "requests lost" not in rest, first + rest)
    tap.check("every request was answered", [asker.end() for asker in askers] == [[], []], str([asker.other[:2] for asker in askers]))


def main():
    tap, image = Tap(), frames.compile_lab_image()
    with Appliance([RING]) as a:
        a.start()
        with open(image, "rb") as f:
            data = f.read()
        for model, version in (("lab", 1), ("lab", 2), ("near", 1)):
            status, reply = a.api("PUT", f"/v1/models/{model}/versions/{version}", data)
            if status != 201:
                raise SystemExit(f"{model}:{version}: {status} {reply}")
        idle(tap, a)
        busy(tap, a)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
