#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Students of 1000 trees on the lab's rows (two classes, and its activities) and on NSL-KDD where $MARTLET_SHARED has it, over five
seeds: how often teacher and student decide the same on rows held back from the training file and on other files (the lab's test rows;
KDDTest+ and KDDTest-21, which come from other days); F1 of both there; how much less time the student takes.

usage: distil_trees.py [SEEDS]       with $MARTLET_SHARED and $MARTLET_BUILD

Needs python3-xgboost and, for NSL-KDD, the data set, of which no copy is here.
"""
import csv
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
ROUNDS = 2  # of a student of trees of many classes, with a tree for each of them in every round; of two classes the tool's own number


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


def lab(name, target):
    """(rows, texts of the target) of one of the lab's files."""
    with open(os.path.join(ROOT, "data", f"lab-{name}.csv")) as f:
        lines = list(csv.reader(f))
    at = lines[0].index(target)
    kept = [i for i, n in enumerate(lines[0]) if n not in ("label", "activity")]
    return np.array([[float(line[i]) for i in kept] for line in lines[1:]], "f4"), np.array([line[at] for line in lines[1:]])


def tool(*args):
    done = subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def decisions(image, rows, folder):
    """The number of each row's class: of two by the score of the second, of more by the largest."""
    path, out = os.path.join(folder, "rows.npy"), os.path.join(folder, "scores.npy")
    np.save(path, rows)
    tool("model", "run", image, path, "-o", out)
    scores = np.load(out).reshape(len(rows), -1)
    return (scores[:, 0] >= 0.5).astype(int) if scores.shape[1] == 1 else scores.argmax(1)


def f1(truth, said, n_classes):
    """Of two classes that of the second, of more the mean over all."""
    one = [2 * ((truth == c) & (said == c)).sum() / max((truth == c).sum() + (said == c).sum(), 1) for c in range(n_classes)]
    return one[1] if n_classes == 2 else np.mean(one)


def teach(folder, rows, labels, n_classes):
    """The teacher's image."""
    model, teacher = (os.path.join(folder, name) for name in ("teacher.json", "teacher.mlt"))
    parameters = {"tree_method": "hist", "max_depth": DEPTH, "eta": 0.1, "nthread": 1}
    more = {"objective": "multi:softprob", "num_class": n_classes} if n_classes > 2 else {"objective": "binary:logistic"}
    rounds = TREES // n_classes if n_classes > 2 else TREES
    xgboost.train({**parameters, **more}, xgboost.DMatrix(rows, labels), rounds).save_model(model)
    tool("model", "compile", model, "-o", teacher)
    return teacher


def compare(folder, what, rows, labels, tests, seeds):
    """labels: numbers of classes. tests: (name, rows, labels)."""
    n_classes = int(labels.max()) + 1
    teacher, image, path = teach(folder, rows, labels, n_classes), os.path.join(folder, "student.mlt"), os.path.join(folder, "train.npy")
    np.save(path, rows)
    for student in ("trees", "dense"):
        options = ["--threshold", "0.5"] if n_classes == 2 else ["--rounds", str(ROUNDS)] if student == "trees" else []
        for seed in seeds:
            said = json.loads(tool("--json", "model", "distil", teacher, "--rows", path, *options, "-o", image, "--student", student,
                                   "--seed", str(seed)))
            times = [[t["ns_per_row"] for t in said[side]["times"]] for side in ("teacher", "student")]
            line = f"{what}, {student} {seed}: {said['agreement']:.4f}  " + " ".join(f"{a / b:.1f}" for a, b in zip(*times))
            line += "  (" + "; ".join(", ".join(f"{t:.0f}" for t in side) for side in times) + " ns)"
            for name, x, truth in tests:
                a, b = decisions(teacher, x, folder), decisions(image, x, folder)
                line += f"  {name} {np.mean(a == b):.4f} {f1(truth, a, n_classes):.4f} {f1(truth, b, n_classes):.4f}"
            print(line, flush=True)


def main():
    seeds = range(1, int(sys.argv[1]) + 1 if len(sys.argv) > 1 else 6)
    sets = []
    for target in ("label", "activity"):
        (rows, texts), (other, truth) = lab("train", target), lab("test", target)
        classes = np.unique(texts)
        if target == "label":
            classes = classes[::-1]  # the second is the attack
        number = {text: i for i, text in enumerate(classes)}
        sets.append((f"lab's {target}", rows, np.array([number[t] for t in texts]),
                     [("test rows", other, np.array([number[t] for t in truth]))]))
    if os.path.isdir(NSL_KDD):
        numbers = {i: {} for i in SYMBOLIC}
        (rows, attacks), *tests = [read(name + ".txt", numbers) for name in ("KDDTrain+_20Percent", "KDDTest+", "KDDTest-21")]
        sets.append(("NSL-KDD", rows, attacks.astype(int),
                     [(name, x, y.astype(int)) for name, (x, y) in zip(("KDDTest+", "KDDTest-21"), tests)]))
    else:
        print("NSL-KDD skipped: $MARTLET_SHARED has none")
    print(f"teacher: {TREES} trees of depth {DEPTH}; student: seed, agreement on rows held back, times less time by 1, 16, 64, 256 rows")
    print("(ns a row of the teacher; of the student); then of each other file: agreement, F1 of the teacher, F1 of the student")
    with tempfile.TemporaryDirectory() as folder:
        for one in sets:
            compare(folder, *one, seeds)


if __name__ == "__main__":
    main()
