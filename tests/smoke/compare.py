#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A canary and a shadow against live on the same rows: equal ones do not differ, one that differs in every row is rolled back by
itself, with the reason and the rows, which a restart keeps; a shadow that differs is only said."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, Appliance, FarEnd, Reply, Tap, UnixHTTP, enter_private_network, request, sh, skip_all
from versions import TREE, change


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def by_rest(tap, a):
    """Rows of REST are compared like those of UDP, by the scoring thread: every one that the canary has answered, 1 of 1 of live's."""
    before = {role: a.api("GET", "/v1/models/m/compare")[1][role] for role in ("canary", "shadow")}
    answered = {1: 0, 2: 0}
    for i in range(200):
        connection = UnixHTTP(a.sock)
        connection.request("POST", "/v2/models/m/infer", json.dumps({"id": str(i), "inputs": [
            {"name": "rows", "datatype": "FP32", "shape": [1, 2], "data": [i % 10, i]}]}), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        connection.close()
        if reply.status != 200:
            tap.check("scored by REST", False, str(answer))
            return
        answered[int(answer["model_version"])] += 1

    def grown(role, key):
        return a.api("GET", "/v1/models/m/compare")[1][role][key] - before[role][key]
    tap.check("rows of REST are compared, too", until(lambda: grown("canary", "compared") + grown("canary", "shed") == 200), str(answered))
    tap.check("by live and by the canary", grown("canary", "rows") == 200 and grown("canary", "differ") == 0 and min(answered.values()) > 20,
              str(answered))
    tap.check("and live's by the shadow", until(lambda: grown("shadow", "compared") + grown("shadow", "shed") == answered[1]) and
              grown("shadow", "compared") == grown("shadow", "differ") > 0)


def drift(tap, a):
    """Every row by UDP is seen by live's or the canary's counters, and 1 of 2 is counted or shed."""
    def look():
        return a.api("GET", "/v1/models/m/drift")[1]

    def udp(d):
        return [d["udp"], d["canary"]["udp"]]
    tap.check("drift counts what comes by UDP", until(lambda: all(u["sampled"] == u["counted"] for u in udp(look()))), str(look()))
    d = look()
    live, canary = udp(d)
    tap.check("of live and of the canary", d["version"] == 1 and d["canary"]["version"] == 2 and live["rows"] + canary["rows"] >= 600 and
              all(abs(u["rows"] - 2 * (u["sampled"] + u["shed"])) <= 1 for u in (live, canary)), str((live, canary)))
    tap.check("and compares them", d["rows"] == live["counted"] > 50 and d["canary"]["rows"] == canary["counted"] > 50 and
              d["columns"][0]["reading"] == "stable", str(d))
    text = a.api("GET", "/metrics")[1]
    tap.check("drift in the metrics", 'martlet_model_drift_rows{model="m",role="canary"}' in text and
              'martlet_model_drift_psi{model="m",role="live",feature="a"}' in text)


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root")
    tap, far = Tap(), FarEnd()
    sh("ip address add 10.66.0.2/24 dev veth-c")
    port = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.66.0.1/24" ]; }'
    with tempfile.TemporaryDirectory() as folder, Appliance([port], netns=far.pid) as a:
        with open(a.conf, "a") as f:
            f.write("drift = { sample = 2; };\ncanary = { every = 1; rows_min = 300; };\n")
        try:
            a.start()
            with open(os.path.join(folder, "rows.csv"), "w") as rows:
                rows.write("a,b\n" + "".join(f"{i % 10},{i}\n" for i in range(200)))
            for v, score in ((1, 1), (2, 1), (3, 9)):
                source, image = os.path.join(folder, "m.txt"), os.path.join(folder, "m.mlt")
                with open(source, "w") as f:
                    f.write(TREE.format(score))
                subprocess.run([MARTLETCTL, "model", "compile", source, "-o", image, "--name", "m", "--reference",
                                os.path.join(folder, "rows.csv")], check=True, stdout=subprocess.DEVNULL)
                a.ctl("model", "push", image, "--name", "m", "--version", str(v))
            a.ctl("model", "promote", "m:1", "--id", "7")
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.connect(("10.66.0.1", 7797))
            s.settimeout(10)

            def ask(n):
                got = []
                for i in range(n):
                    s.send(request(struct.pack("<2f", i % 10, i), model=7, request_id=i, columns=2))
                    got.append(Reply(s.recv(2048)))
                return got

            def compare():
                return a.api("GET", "/v1/models/m/compare")[1]

            tap.check("nothing is compared at first", compare() == {"model": "m", "canary": None, "shadow": None, "rolled_back": None})
            change(a, {"canary": {"version": 2, "permille": 500}, "shadow": 3})
            tap.check("both are compared", until(lambda: compare()["canary"] and compare()["shadow"]))
            a.api("GET", "/v1/models/m/drift")  # the lcores count from here on
            ask(600)
            tap.check("each row by the canary, too", until(lambda: compare()["canary"]["compared"] == compare()["canary"]["sampled"]), str(compare()))
            c, h = compare()["canary"], compare()["shadow"]
            tap.check("an equal canary differs in nothing", c["compared"] + c["shed"] == 600 and c["differ"] == 0, str(c))
            tap.check("and may be promoted", c["advice"] == "promote", c["why"])
            tap.check("a shadow that differs is only said", h["differ"] == h["compared"] > 0 and h["advice"] == "roll back", str(h))
            tap.check("and never answers", all(r.model_version in (1, 2) for r in ask(50)))
            text = a.api("GET", "/metrics")[1]
            tap.check("comparisons in the metrics", 'martlet_model_compare_differ_rows_total{model="m",role="canary"} 0\n' in text and
                      'martlet_model_compare_differ_ratio{model="m",role="shadow",bound="low"} 0.9' in text)
            text = a.ctl("model", "compare", "m").stdout
            tap.check("the tool says it", "canary version 2 against live version 1" in text and "promote" in text, text)
            drift(tap, a)
            by_rest(tap, a)
            for permille in (0, 1000):
                change(a, {"canary": {"permille": permille}})
                before = compare()["canary"]
                versions = {r.model_version for r in ask(30)}
                tap.check(f"a canary for {permille} of 1000 is compared", versions == {2 if permille else 1} and until(
                    lambda: sum(compare()["canary"][k] - before[k] for k in ("compared", "shed")) == 30), str(versions))
            status, reply = a.api("DELETE", "/v1/models/m/versions/2")
            tap.check("a version that is compared is not deleted", status == 409, str(reply))
            change(a, {"canary": {"version": 3, "permille": 200, "bounds": {"rows_min": 10}}, "shadow": None})
            until(lambda: (compare()["canary"] or {}).get("version") == 3)
            tap.check("without a bound nothing is rolled back", until(lambda: ask(20) and compare()["canary"]["advice"] == "roll back") and
                      not until(lambda: a.api("GET", "/v1/models/m/deployment")[1]["canary"] is None, 2.5) and
                      compare()["canary"]["bounds"] == {"differ": None, "mean": None, "latency": None, "alpha": 0.05, "rows_min": 10})
            tap.check("a bound of 1e9 is refused", a.api("PUT", "/v1/models/m/deployment",
                      {"canary": {"bounds": {"latency": 1e9}}})[1] == {"error": '"latency" must be a number from 0 to 1000000'})
            a.ctl("model", "canary", "m", "--differ", "0.02", "--no-cost")
            tap.check("one that differs is rolled back by itself",
                      until(lambda: ask(20) and a.api("GET", "/v1/models/m/deployment")[1]["canary"] is None))
            kept = compare()["rolled_back"]
            tap.check("with the reason and the rows", kept and kept["version"] == 3 and "decided differently" in kept["why"]
                      and kept["last"][0]["scores"][0] - kept["last"][0]["live"][0] == 8, str(kept))
            tap.check("counted by its reason", 'martlet_model_rollbacks_total{model="m",reason="differ"} 1' in a.api("GET", "/metrics")[1])
            cost = a.api("GET", "/v1/models/m/change")[1]
            tap.check("what that cost is told, too", cost["what"] == "end the canary" and cost["lost"] == 0 and cost["blocked_ns"] > 0, str(cost))
            tap.check("live stays", all(r.model_version == 1 for r in ask(50)))
            a.stop()
            a.start()
            tap.check("a restart keeps it", compare()["rolled_back"] == kept and compare()["canary"] is None, str(compare()))
        finally:
            a.stop()
            far.close()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
