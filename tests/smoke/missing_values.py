#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Missing values of networks, from training to the wire: filled by the training column's mean or median, which the image keeps, so that
empty cells, NaN in packets and null in JSON score as rows that were filled by hand; refused with a sentence where nothing fills them."""
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, Appliance, FarEnd, Tap, UnixHTTP, enter_private_network, sh, skip_all

NAMES = ["size", "proto", "rate", "gap"]
NUMBERS = [0, 2, 3]


def tool(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, timeout=300, text=True)


def write(path, rows, names=NAMES):
    with open(path, "w") as f:
        f.write("\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in [names, *rows]) + "\n")
    return path


def made():
    """Rows of which every seventh or so lacks a value, and their labels."""
    draw = random.Random(7)
    rows, labels = [], []
    for _ in range(800):
        row = [draw.randrange(1000), draw.choice(["tcp", "udp", "icmp"]), round(draw.uniform(0, 9), 2), round(draw.expovariate(1), 3)]
        labels.append("attack" if (row[0] > 500) != (row[1] == "udp") else "benign")
        rows.append([None if draw.random() < 0.15 else cell for cell in row])
    return rows, labels


def filled(rows, of, how):
    by = {f: how([row[f] for row in of if row[f] is not None]) for f in NUMBERS}
    return [[by[f] if f in by and cell is None else cell for f, cell in enumerate(row)] for row in rows]


def scores(text):
    return [[float(cell) for cell in line.split(",")] for line in text.splitlines()[1:]]


def near(a, b, by):
    return len(a) == len(b) > 0 and all(abs(x - y) <= by for r, s in zip(a, b) for x, y in zip(r, s))


def trained(tap, folder, rows, labels):
    path = write(os.path.join(folder, "train.csv"), [[*row, label] for row, label in zip(rows, labels)], [*NAMES, "label"])
    image = os.path.join(folder, "gaps.mlt")
    done = tool("model", "train", path, "-o", image + ".not")
    tap.check("nothing fills them: refused by line, with what does", done.returncode == 1 and "the value is missing ('')" in done.stderr
              and "--missing mean fills it in" in done.stderr and not os.path.exists(image + ".not"), done.stderr)
    for kind in ("boosted", "isolation-forest"):
        done = tool("model", "train", path, "-o", image + ".not", "--kind", kind, "--missing", "mean")
        tap.check(f"{kind} has branches for them: there is no such option", done.returncode == 2 and "--missing is an option of" in done.stderr, done.stderr)
    numbers = [row for row in rows]
    # All rows are learnt from (--validation 0), so that the mean here is the one there.
    few = ("--epochs", "5", "--validation", "0", "--name", "gaps")
    head = ["size", "rate", "gap"]
    plain = [[row[f] for f in NUMBERS] for row in numbers]
    table = write(os.path.join(folder, "numbers.csv"), [[*row, label] for row, label in zip(plain, labels)], [*head, "label"])
    query = write(os.path.join(folder, "query.csv"), plain[:60], head)
    for name, how in (("mean", statistics.fmean), ("median", statistics.median)):
        by = [how([row[f] for row in plain if row[f] is not None]) for f in range(3)]
        whole = write(os.path.join(folder, f"{name}.csv"), [[by[f] if c is None else c for f, c in enumerate(row)] for row in plain[:60]], head)
        for kind in ("dense", "autoencoder", "kitsune"):
            other = os.path.join(folder, f"{kind}-{name}.mlt")
            done = tool("model", "train", table, "-o", other, "--kind", kind, "--missing", name, *few)
            a, b = (scores(tool("model", "run", other, rows, "-o", "-").stdout) for rows in (query, whole))
            tap.check(f"{kind}: scores as of rows filled by the {name}", done.returncode == 0 and near(a, b, 1e-4), done.stderr + str((a[:2], b[:2])))
    steps = [f"{name}_{t}" for t in range(2) for name in head]
    windows = write(os.path.join(folder, "windows.csv"), [[*plain[i], *plain[i + 1], labels[i]] for i in range(400)], [*steps, "label"])
    done = tool("model", "train", windows, "-o", os.path.join(folder, "gru.mlt"), "--kind", "gru", "--window", "2", "--missing", "mean", *few)
    tap.check("gru: trained on windows that lack values", done.returncode == 0 and "missing values of 6 features were filled" in done.stdout, done.stderr)
    done = tool("model", "train", path, "-o", image, "--missing", "median", "--refuse-unknown", *few)
    tap.check("with a column of text, too", done.returncode == 0 and "missing values of 4 features were filled by the median" in done.stdout, done.stderr)
    said = tool("model", "inspect", image).stdout
    tap.check("inspect says how", "--missing median" in said and "missing values of 4 features filled by the median" in said, said)
    return path, image


def made_smaller(tap, folder, path, image):
    for words in (["quantise"], ["distil", "--student", "dense", "--epochs", "3"], ["distil"]):
        out = os.path.join(folder, "smaller.mlt")
        done = tool("model", words[0], image, "--rows", path, "-o", out, *words[1:], *(["--max-f1-loss", "1"] if words[0] == "quantise" else []))
        judged = tool("model", "eval", out, "--rows", path)
        tap.check(f"{' '.join(words)}: what comes of it takes them as before", done.returncode == 0 and judged.returncode == 0, done.stderr + judged.stderr)
    numbers = os.path.join(folder, "dense-mean.mlt")
    out, rows = os.path.join(folder, "pruned.mlt"), os.path.join(folder, "numbers.csv")
    done = tool("model", "prune", numbers, "--rows", rows, "-o", out, "--max-f1-loss", "1", "--sparsity", "0.5", "--steps", "2", "--epochs", "1")
    judged = tool("model", "eval", out, "--rows", rows)
    tap.check("prune: trained between, and takes them as before", done.returncode == 0 and "not trained between" not in done.stdout and judged.returncode == 0,
              done.stdout + done.stderr + judged.stderr)


def served(tap, a, folder, image, rows):
    a.ctl("model", "push", image, "--name", "gaps")
    a.ctl("model", "promote", "gaps:1", "--id", "8")
    query = write(os.path.join(folder, "some.csv"), rows[:50])
    right = tool("model", "run", image, query, "-o", "-").stdout
    for name, args in (("over REST", ["-s", a.sock, "score", "gaps", query]),
                       ("over UDP", ["-s", a.sock, "score", "gaps", query, "--udp", "10.66.0.1:7797"])):
        done = tool(*args)
        tap.check(f"the same scores {name}", done.returncode == 0 and len(right) > 100 and near(scores(done.stdout), scores(right), 1e-6),
                  done.stdout[:300] + done.stderr)
    cells = [row[0] for row in rows[:50]]
    body = {"inputs": [{"name": name, "shape": [50, 1], "datatype": "BYTES" if f == 1 else "FP32",
                        "data": [("" if row[f] is None else row[f]) if f == 1 else row[f] for row in rows[:50]]} for f, name in enumerate(NAMES)]}
    c = UnixHTTP(a.sock)
    c.request("POST", "/v2/models/gaps/infer", json.dumps(body), {"Content-Type": "application/json"})
    reply = c.getresponse()
    text = reply.read().decode()
    data = json.loads(text)["outputs"][0]["data"] if reply.status == 200 else []
    flat = [x for row in scores(right) for x in row]
    off = max((abs(x - y) for x, y in zip(data, flat)), default=None)
    tap.check("the same scores of null in JSON", None in cells and len(data) == len(flat) and all(abs(x - y) < 1e-6 for x, y in zip(data, flat)), f"{off} {len(data)} {len(flat)} {text[:300]}")


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root")
    tap, far = Tap(), FarEnd()
    sh("ip address add 10.66.0.2/24 dev veth-c")
    with tempfile.TemporaryDirectory(prefix="missing ") as folder:
        rows, labels = made()
        path, image = trained(tap, folder, rows, labels)
        made_smaller(tap, folder, path, image)
        port = '{ name = "edge"; device = "net_af_packet0,iface=veth-m"; addresses = [ "10.66.0.1/24" ]; }'
        with Appliance([port], netns=far.pid) as a:
            a.start()
            served(tap, a, folder, image, rows)
            tap.check("the appliance ends well", a.stop() == 0, a.log_text())
    far.close()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
