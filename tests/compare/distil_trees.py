#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Students of 1000 trees on NSL-KDD, over five seeds: how often teacher and student decide the same on rows held back from the training
file and on KDDTest+ and KDDTest-21, which come from other days; F1 of the attacks of both; how much less time the student takes.

usage: distil_trees.py [SEEDS]       with $MARTLET_SHARED and $MARTLET_BUILD

Needs python3-xgboost and the data set, of which no copy is here.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import xgboost

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARTLETCTL = os.path.join(os.environ.get("MARTLET_BUILD", os.path.join(ROOT, "build")), "martletctl")
NSL_KDD = os.path.join(os.environ.get("MARTLET_SHARED", "/nowhere"), "data", "datasets", "nsl-kdd")
SYMBOLIC, FEATURES, ATTACK = (1, 2, 3), 41, 41
TREES, DEPTH = 1000, 6


def read(name, numbers):
    """(rows, 1 for an attack) of a file; texts are numbered in the order of their first appearance."""
    rows, attacks = [], []
    with open(os.path.join(NSL_KDD, name)) as f:
        for line in f:
            cells = line.strip().split(",")
            if len(cells) <= ATTACK:
                continue
            rows.append([numbers[i].setdefault(c, len(numbers[i])) if i in SYMBOLIC else float(c) for i, c in enumerate(cells[:FEATURES])])
            attacks.append(cells[ATTACK] != "normal")
    return np.array(rows, "f4"), np.array(attacks, bool)


def tool(*args):
    done = subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def decisions(image, rows, folder):
    path, out = os.path.join(folder, "rows.npy"), os.path.join(folder, "scores.npy")
    np.save(path, rows)
    tool("model", "run", image, path, "-o", out)
    return np.load(out).reshape(len(rows)) >= 0.5


def f1(truth, said):
    return 2 * (truth & said).sum() / (truth.sum() + said.sum())


def main():
    if not os.path.isdir(NSL_KDD):
        print("skipped: $MARTLET_SHARED has no NSL-KDD")
        return
    numbers = {i: {} for i in SYMBOLIC}
    train, attacks = read("KDDTrain+_20Percent.txt", numbers)
    tests = {name: read(name + ".txt", numbers) for name in ("KDDTest+", "KDDTest-21")}
    with tempfile.TemporaryDirectory() as folder:
        model, teacher, rows = (os.path.join(folder, name) for name in ("teacher.json", "teacher.mlt", "train.npy"))
        parameters = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": DEPTH, "eta": 0.1, "nthread": 1}
        xgboost.train(parameters, xgboost.DMatrix(train, attacks), TREES).save_model(model)
        tool("model", "compile", model, "-o", teacher)
        np.save(rows, train)
        print(f"teacher: {TREES} trees of depth {DEPTH}; student: seed, agreement on rows held back, times less time by 1, 16, 64, 256 rows;")
        print("then of each test file: agreement, F1 of the teacher, F1 of the student")
        for student in ("trees", "dense"):
            for seed in range(1, int(sys.argv[1]) + 1 if len(sys.argv) > 1 else 6):
                image = os.path.join(folder, "student.mlt")
                said = json.loads(tool("--json", "model", "distil", teacher, "--rows", rows, "--threshold", "0.5", "-o", image, "--student",
                                       student, "--seed", str(seed)))
                times = [a["ns_per_row"] / b["ns_per_row"] for a, b in zip(said["teacher"]["times"], said["student"]["times"])]
                line = f"{student} {seed}: {said['agreement']:.4f}  " + " ".join(f"{t:.1f}" for t in times)
                for name, (x, truth) in tests.items():
                    a, b = decisions(teacher, x, folder), decisions(image, x, folder)
                    line += f"  {name} {np.mean(a == b):.4f} {f1(truth, a):.4f} {f1(truth, b):.4f}"
                print(line, flush=True)


if __name__ == "__main__":
    main()
