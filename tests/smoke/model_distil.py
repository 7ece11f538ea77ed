#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model distil: students of the lab's network and of trees, with and without labels, and what is refused."""
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

TRAIN = os.path.join(ROOT, "data", "lab-train.csv")
TEST = os.path.join(ROOT, "data", "lab-test.csv")
LAB = os.path.join(ROOT, "data", "lab.onnx")


def tool(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def distil(teacher, rows, out, *more):
    return tool("--json", "model", "distil", teacher, "--rows", rows, "-o", out, *more)


def without_labels(folder):
    """The rows' features alone, by the names of the model's."""
    path = os.path.join(folder, "rows.csv")
    with open(TEST) as f, open(path, "w", newline="") as to:
        lines = list(csv.reader(f))
        kept = [i for i, name in enumerate(lines[0]) if name not in ("label", "activity")]
        csv.writer(to).writerows([line[i] for i in kept] for line in lines)
    return path


def students(tap, folder):
    network = os.path.join(folder, "dense.mlt")
    for student, more, least in (("dense", ("--batch", "64"), 0.98), ("trees", ("--rounds", "10", "--depth", "4"), 0.98)):
        out = os.path.join(folder, f"{student}.mlt")
        done = distil(LAB, TRAIN, out, "--student", student, "--threads", "2", *more)
        said = json.loads(done.stdout) if done.returncode == 0 else {}
        tap.check(f"{student}: agrees with the lab's network", said.get("agreement", 0) >= least, done.stderr + str(said.get("agreement")))
        tap.check(f"{student}: F1 and times of both are there", all(said.get(s, {}).get("macro_f1", 0) > 0.9 and len(said[s]["times"]) == 4 for s in
                  ("teacher", "student")), str(said))
        tap.check(f"{student}: the size that is told is the file's", said.get("student", {}).get("image_bytes") == os.path.getsize(out), str(said))
        shown = tool("--json", "model", "inspect", out)
        tap.check(f"{student}: its image has the teacher's classes and features", shown.returncode == 0
                  and json.loads(shown.stdout)["class_labels"] == ["benign", "attack"], shown.stdout[:300] + shown.stderr)
        tap.check(f"{student}: and says how it was made", shown.returncode == 0 and
                  json.loads(shown.stdout)["lineage"][-1].startswith("distil of lab.onnx (SHA-256 "), shown.stdout[:400])
        again = os.path.join(folder, "again.mlt")
        distil(LAB, TRAIN, again, "--student", student, "--threads", "1", *more)
        with open(out, "rb") as a, open(again, "rb") as b:
            tap.check(f"{student}: the same image on another number of threads", a.read() == b.read())
    unlabelled = without_labels(folder)
    done = distil(os.path.join(folder, "trees.mlt"), unlabelled, network, "--student", "dense", "--layers", "16", "--epochs", "30")
    said = json.loads(done.stdout) if done.returncode == 0 else {}
    tap.check("trees teach a network by rows without labels, half of them drawn", said.get("agreement", 0) >= 0.95
              and said["rows_drawn"] == said["rows_taught"] and said["student"]["macro_f1"] is None, done.stderr + str(said)[:300])


def refusals(tap, folder):
    out = os.path.join(folder, "none.mlt")
    short = os.path.join(folder, "short.csv")
    with open(TEST) as f, open(short, "w") as to:
        to.writelines(line for i, line in enumerate(f) if i < 2)
    for what, rows, more, sentence in (("one row", short, (), "row"),
                                       ("no layers", TRAIN, ("--layers", "0"), "--layers: should be 1 to 16 widths"),
                                       ("an option of trees", TRAIN, ("--student", "dense", "--depth", "3"),
                                        "--depth is an option of trees: dense has no use of it"),
                                       ("rows drawn between a network's thresholds", TRAIN, ("--drawn", "0.3"),
                                        "--drawn is for a teacher that is trees: this one has none"),
                                       ("a threshold of two scores", TRAIN, ("--threshold", "0.3"), "--threshold is for a teacher of one score: this one has 2"),
                                       ("a tolerance of decisions", TRAIN, ("--tolerance", "0.3"), "--tolerance is for a teacher of numbers"),
                                       ("labels that are not there", without_labels(folder), ("--alpha", "0.3"), "--alpha is for labels: the rows bear none"),
                                       ("no such file", "/nowhere.csv", (), "/nowhere.csv: cannot be opened")):
        done = distil(LAB, rows, out, *more)
        tap.check(f"{what} is refused, and nothing is written", done.returncode in (1, 2) and sentence in done.stderr and not os.path.exists(out),
                  done.stderr)
    done = subprocess.Popen([MARTLETCTL, "model", "distil", LAB, "--rows", TRAIN, "-o", out, "--student", "dense", "--epochs", "100000"],
                            stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    done.send_signal(signal.SIGINT)
    said = done.communicate(timeout=60)[1]
    tap.check("Ctrl-C leaves no image", done.returncode == 130 and not os.path.exists(out), f"{done.returncode} {said}")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        students(tap, folder)
        refusals(tap, folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
