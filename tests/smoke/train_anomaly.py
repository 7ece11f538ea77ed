#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model train: isolation forests and Kitsune's ensemble of the lab's rows, GRU and LSTM of windows that model windows
makes; the same bits by any number of threads and after an interruption; and what is refused."""
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

TRAIN = os.path.join(ROOT, "data", "lab-train.csv")
TEST = os.path.join(ROOT, "data", "lab-test.csv")
LAB = ("--label", "label", "--drop", "activity", "--normal", "benign")


def tool(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def scores(image, rows, drop):
    done = tool("model", "run", image, rows, "-o", "-", "--drop", drop)
    lines = list(csv.reader(done.stdout.splitlines()))
    return lines[0] if lines else [done.stderr], [[float(x) for x in line] for line in lines[1:]]


def auc(scores, labels):
    ranked = sorted((s, label != "benign") for s, label in zip(scores, labels))
    above = sum(i + 1 for i, (_, odd) in enumerate(ranked) if odd)
    odd = sum(o for _, o in ranked)
    return (above - odd * (odd + 1) / 2) / (odd * (len(ranked) - odd))


def threads(kind, n):
    return () if kind == "isolation-forest" else ("--threads", n)


def anomalies(tap, folder, kind, least, *options):
    image, other = os.path.join(folder, kind + ".mlt"), os.path.join(folder, "other.mlt")
    done = tool("model", "train", TRAIN, "-o", image, "--kind", kind, *LAB, "--fpr", "0.05", *threads(kind, "1"), *options)
    tap.check(f"{kind}: trained on the benign rows", done.returncode == 0, done.stderr)
    names, rows = scores(image, TEST, "activity,label")
    with open(TEST) as f:
        labels = [line["label"] for line in csv.DictReader(f)]
    tap.check(f"{kind}: one score a row", names == ["anomaly_score"] and len(rows) == len(labels), str(names))
    values = [row[0] for row in rows]
    alarms = [v > 1 for v, label in zip(values, labels) if label == "benign"]
    tap.check(f"{kind}: benign rows of another file stay below 1 but for some", sum(alarms) < 0.15 * len(alarms),
              f"{sum(alarms)} of {len(alarms)}")
    tap.check(f"{kind}: attacks score higher", auc(values, labels) > least, str(auc(values, labels)))
    tool("model", "train", TRAIN, "-o", other, "--kind", kind, *LAB, "--fpr", "0.05", *threads(kind, "3"), "--name", kind, *options)
    tap.check(f"{kind}: the same bits again, with 3 threads where it takes any", read(other) == read(image))
    tool("model", "train", TRAIN, "-o", other, "--kind", kind, *LAB, "--fpr", "0.05", "--seed", "2", "--name", kind, *options)
    tap.check(f"{kind}: another model of another seed", read(other) != read(image))


def all_normal(tap, folder):
    """Rows that are all of the normal class, and say so."""
    rows, image = os.path.join(folder, "normal.csv"), os.path.join(folder, "normal.mlt")
    with open(TRAIN) as f, open(rows, "w") as to:
        to.writelines(line for line in f if ",attack" not in line)
    done = tool("model", "train", rows, "-o", image, "--kind", "isolation-forest", *LAB)
    tap.check("all rows may be normal", done.returncode == 0 and os.path.exists(image), done.stderr)


def make_steps(path, n, seed):
    """Two users' steps in turns: `late` where the user's load fell two steps ago and rose since."""
    drawn = random.Random(seed)
    before = {"a": [0.5, 0.5], "b": [0.5, 0.5]}
    with open(path, "w") as f:
        f.write("user,load,when,label\n")
        for i in range(n):
            user = "ab"[i % 2]
            load = round(drawn.random(), 3)
            two, one = before[user]
            f.write(f"{user},{load},t{i},{'late' if one < two and one < load else 'fine'}\n")
            before[user] = [one, load]


def windows(tap, folder):
    steps, made = os.path.join(folder, "steps.csv"), os.path.join(folder, "windows.csv")
    make_steps(steps, 1600, 1)
    done = tool("model", "windows", steps, "-o", made, "--window", "3", "--session", "user", "--drop", "when")
    tap.check("windows: made of steps", done.returncode == 0 and "1,596 windows of 3 steps of 1 columns, from 1,600 steps in 2 sessions"
              in done.stdout, done.stdout + done.stderr)
    with open(made) as f:
        tap.check("windows: a header of steps", f.readline() == "load[t-2],load[t-1],load[t],label\n")
    done = tool("model", "windows", steps, "-o", made + ".not", "--window", "3", "--session", "user")
    tap.check("windows: a column of text is refused", done.returncode == 1 and 'steps.csv:2: column 3 has "t0"' in done.stderr
              and not os.path.exists(made + ".not"), done.stderr)
    return made


def recurrent(tap, folder, rows):
    options = ("--window", "3", "--units", "16", "--epochs", "40", "--learning-rate", "0.02")
    for kind in ("gru", "lstm"):
        image, other = os.path.join(folder, kind + ".mlt"), os.path.join(folder, "other.mlt")
        done = tool("model", "train", rows, "-o", image, "--kind", kind, *options, "--threads", "1")
        tap.check(f"{kind}: trained on windows", done.returncode == 0, done.stderr)
        names, given = scores(image, rows, "label")
        with open(rows) as f:
            labels = [line["label"] for line in csv.DictReader(f)]
        right = sum((row[0] > row[1]) == (label in names[0]) for row, label in zip(given, labels))
        tap.check(f"{kind}: an order of steps is learnt", len(given) == 1596 and right > 0.93 * len(labels), f"{right} of {len(labels)}")
        tool("model", "train", rows, "-o", other, "--kind", kind, *options, "--threads", "3", "--name", kind)
        tap.check(f"{kind}: the same bits with 3 threads", read(other) == read(image))


def interrupted(tap, folder, rows):
    line = ["model", "train", rows, "--kind", "gru", "--window", "3", "--units", "24,16", "--epochs", "60", "--patience", "60",
            "--name", "net"]
    whole, image, kept = (os.path.join(folder, name) for name in ("whole.mlt", "cut.mlt", "cut.ckpt"))
    tool(*line, "-o", whole)
    started = subprocess.Popen([MARTLETCTL, *line, "-o", image, "--checkpoint", kept], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while not os.path.exists(kept) and started.poll() is None:
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    tap.check("an interruption leaves a checkpoint and no image", started.wait() == 130 and os.path.exists(kept)
              and not os.path.exists(image))
    done = tool(*line, "-o", image, "--checkpoint", kept, "--resume")
    tap.check("going on gives the same bits", done.returncode == 0 and read(image) == read(whole), done.stderr)


def refusals(tap, folder, rows):
    image = os.path.join(folder, "no.mlt")
    for what, sentence, args in (
            ("no --window", "gru takes windows: --window says how many steps of time a row has", (rows, "--kind", "gru")),
            ("a window that does not fit", "rows of 3 features are no windows of 2 steps", (rows, "--kind", "lstm", "--window", "2")),
            ("units of 0", "--units: layers '8,0'", (rows, "--kind", "lstm", "--window", "3", "--units", "8,0")),
            ("a step that is text", "\"user\" is text, gru takes numbers",
             (os.path.join(folder, "steps.csv"), "--kind", "gru", "--window", "2", "--drop", "when")),
            ("a class that is not there", "no row is of class 'benine': did you mean benign?",
             (TRAIN, "--kind", "kitsune", "--label", "label", "--drop", "activity", "--normal", "benine")),
            ("a diverging GRU", "diverges", (rows, "--kind", "gru", "--window", "3", "--learning-rate", "1000", "--clip", "1e9"))):
        done = tool("model", "train", args[0], "-o", image, *args[1:])
        tap.check(f"{what} is refused", done.returncode == 1 and sentence in done.stderr and not os.path.exists(image), done.stderr)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-anomaly-") as folder:
        anomalies(tap, folder, "isolation-forest", 0.5)
        anomalies(tap, folder, "kitsune", 0.9, "--epochs", "15")
        rows = windows(tap, folder)
        recurrent(tap, folder, rows)
        interrupted(tap, folder, rows)
        refusals(tap, folder, rows)
        all_normal(tap, folder)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
