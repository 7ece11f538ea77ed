#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rows in service beside those that a model was made with: model compile --reference and model reference, model inspect, and
model drift with its route and metrics, with rows that have moved and rows that have not."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Appliance, Tap, UnixHTTP

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
LAB = os.path.join(ROOT, "data", "lab.onnx")
TRAIN = os.path.join(ROOT, "data", "lab-train.csv")
TEST = os.path.join(ROOT, "data", "lab-test.csv")


def tool(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def images(tap, folder):
    """The image with a reference, and the same model without one."""
    a, b, c = (os.path.join(folder, name) for name in ("a.mlt", "b.mlt", "c.mlt"))
    done = tool("model", "compile", LAB, "--name", "lab", "--reference", TRAIN, "-o", a)
    tap.check("compile: --reference is said", "2974 rows of " in done.stdout and "are the reference" in done.stdout, done.stderr)
    tap.check("compile: none without rows", tool("model", "compile", LAB, "--name", "bare", "-o", b).returncode == 0)
    tap.check("inspect: no reference", "reference  none" in tool("model", "inspect", b).stdout)
    done = tool("model", "reference", b, TEST, "-o", c, "--bins", "5")
    tap.check("reference: gives an image one", done.returncode == 0 and "3,010 rows" in done.stdout, done.stderr)
    reference = json.loads(tool("--json", "model", "inspect", c).stdout)["reference"]
    sums = {sum(column["counts"]) for column in reference["columns"]}
    tap.check("inspect: every column counts every row", sums == {3010} and len(reference["columns"]) == 43, sums)
    tap.check("inspect: bins as many as asked for", len(reference["columns"][14]["counts"]) == 6, reference["columns"][14])
    done = tool("model", "reference", b, os.path.join(folder, "none.csv"), "-o", c)
    tap.check("reference: rows that are not there", done.returncode == 1 and "none.csv" in done.stderr, done.stderr)
    return a, b


def score(appliance, text):
    connection = UnixHTTP(appliance.sock)
    connection.request("POST", "/v2/models/lab/infer", text, {"Content-Type": "text/csv"})
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body


def drift(appliance):
    status, reply = appliance.api("GET", "/v1/models/lab/drift")
    return status, reply, {column["name"]: column for column in reply.get("columns", [])} if isinstance(reply, dict) else {}


def in_service(tap, a, b):
    models = [f'{{ name = "lab"; id = 7; image = "{a}"; }}', f'{{ name = "bare"; id = 8; image = "{b}"; }}']
    with Appliance([RING], models=models) as appliance:
        with open(appliance.conf, "a") as f:
            f.write("drift = { sample = 2; metrics = 3; };\n")
        appliance.start()
        status, reply, columns = drift(appliance)
        tap.check("drift: no rows yet", status == 200 and reply["rows"] == 0 and
                  {c["reading"] for c in columns.values()} == {"no rows"}, reply)
        status, reply = appliance.api("GET", "/v1/models/bare/drift")
        tap.check("drift: without a reference", status == 404 and "has no reference" in reply["error"], reply)
        status, reply = appliance.api("GET", "/v1/models/other/drift")
        tap.check("drift: no such model", status == 404, reply)
        with open(TEST) as f:
            header, *rows = f.read().splitlines()
        few = "\n".join([header, *rows[::76][:40]])  # they are sorted by kind
        tap.check("few rows are scored", score(appliance, few)[0] == 200)
        _, reply, columns = drift(appliance)
        tap.check("drift: few rows give no alarm", reply["rows"] == 20 and
                  not {c["reading"] for c in columns.values()} & {"moderate", "large"}, columns)
        tap.check("all rows are scored", score(appliance, "\n".join([header, *rows]))[0] == 200)
        _, reply, columns = drift(appliance)
        tap.check("drift: 1 of 2 rows is counted", reply["rows"] == (40 + len(rows)) // 2, reply["rows"])
        tap.check("drift: rows alike have not moved", columns["tcp"]["reading"] == "stable" and columns["tcp"]["psi"] < 0.05,
                  columns["tcp"])
        names = header.split(",")
        at = names.index("fwd_size_mean_bytes")
        moved = []
        for row in rows:
            cells = row.split(",")
            cells[at] = str(float(cells[at]) + 1400)
            moved.append(",".join(cells))
        for _ in range(3):
            tap.check("moved rows are scored", score(appliance, "\n".join([header, *moved]))[0] == 200)
        _, reply, columns = drift(appliance)
        tap.check("drift: the feature that moved", columns[names[at]]["reading"] == "large", columns[names[at]])
        tap.check("drift: and no other feature", columns["tcp"]["reading"] == "stable", columns["tcp"])
        shown = appliance.ctl("model", "drift", "lab").stdout
        tap.check("model drift: sorted", shown.splitlines()[2].split()[0] in (names[at], *list(columns)[41:]) and
                  "BY CHANCE" in shown, shown)
        text = appliance.api("GET", "/metrics")[1]
        lines = [line for line in text.splitlines() if line.startswith("martlet_model_drift_psi{")]
        tap.check("metrics: as many features as configured", len(lines) == 3 and f'feature="{names[at]}"' in lines[0], lines)
        tap.check("metrics: scores and rows", text.count('martlet_model_drift_score_psi{model="lab",role="live"') == 2 and
                  'martlet_model_drift_rows{model="lab",role="live"}' in text)
        tap.check("the appliance ends well", appliance.stop() == 0, appliance.log_text())


def replay(tap, a, folder):
    done = tool("--json", "model", "replay", TEST, "--with", a, "--against", a)
    reply = json.loads(done.stdout or "{}")
    tap.check("replay: an image beside itself", reply.get("differ") == 0 and reply.get("largest_difference", 1) < 1e-6 and
              reply["interval"][0] == 0 and 0 < reply["interval"][1] < 0.01, done.stderr)
    scores = os.path.join(folder, "scores.csv")
    tool("model", "run", a, TEST, "-o", scores)
    bf16 = os.path.join(folder, "bf16.mlt")
    tool("model", "compile", LAB, "--name", "lab", "--weights", "bf16", "-o", bf16)
    tool("model", "run", bf16, TEST, "-o", scores + ".csv")

    def read(path):
        with open(path) as f:
            return [[float(x) for x in line.split(",")] for line in f.read().splitlines()[1:]]
    one, other = read(scores), read(scores + ".csv")
    apart = [max(abs(x - y) for x, y in zip(a, b)) for a, b in zip(one, other)]
    differ = sum((a[0] >= a[1]) != (b[0] >= b[1]) for a, b in zip(one, other))
    done = tool("--json", "model", "replay", TEST, "--with", a, "--against", bf16)
    reply = json.loads(done.stdout or "{}")
    tap.check("replay: decisions and differences as counted by hand", reply.get("rows") == len(one) and
              reply["differ"] == differ and abs(reply["largest_difference"] - max(apart)) < 1e-6 and
              abs(reply["mean_difference"] - sum(apart) / len(apart)) < 1e-6, (done.stdout, done.stderr))
    done = tool("model", "replay", TEST, "--with", a, "--against", TEST)
    tap.check("replay: what is no image", done.returncode == 1 and "not a model image" in done.stderr, done.stderr)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        a, b = images(tap, folder)
        replay(tap, a, folder)
        in_service(tap, a, b)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
