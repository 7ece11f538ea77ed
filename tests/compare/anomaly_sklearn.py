#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Isolation forests beside scikit-learn's, and Kitsune's ensemble, on NSL-KDD: trained on the normal rows of KDDTrain+_20Percent, ROC
AUC of KDDTest+ and KDDTest-21, five seeds. Prints a table; exits with 1 where the mean AUC of forests is further apart than two
of their standard deviations.

Needs scikit-learn, and MARTLET_SHARED's data sets: skips and says so without them."""
import csv
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARTLETCTL = os.path.join(os.environ.get("MARTLET_BUILD", os.path.join(ROOT, "build")), "martletctl")
DATA = os.path.join(os.environ.get("MARTLET_SHARED", os.path.join(ROOT, "..", "shared")), "data", "datasets", "nsl-kdd")
SEEDS = range(1, 6)


def rows_of(name, codes):
    """Values, texts by order of appearance in all files, and whether the row is an attack."""
    values, attack = [], []
    with open(os.path.join(DATA, name)) as f:
        for line in csv.reader(f):
            row = line[:41]
            for c in (1, 2, 3):
                row[c] = codes[c].setdefault(row[c], len(codes[c]))
            values.append([float(x) for x in row])
            attack.append(line[41] != "normal")
    return np.array(values, dtype=np.float32), np.array(attack)


def ours(folder, kind, seed, tests):
    image = os.path.join(folder, "model.mlt")
    subprocess.run([MARTLETCTL, "model", "train", os.path.join(folder, "train.npy"), "-o", image, "--kind", kind, "--seed", str(seed),
                    "--validation", "0"], check=True, capture_output=True)
    found = []
    for name in tests:
        out = os.path.join(folder, "scores.npy")
        subprocess.run([MARTLETCTL, "model", "run", image, os.path.join(folder, name + ".npy"), "-o", out], check=True, capture_output=True)
        found.append(np.load(out).ravel())
    return found


def main():
    if not os.path.isdir(DATA):
        print(f"skipped: {DATA} is not there")
        return 0
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score

    codes = {c: {} for c in (1, 2, 3)}
    train, attack = rows_of("KDDTrain+_20Percent.txt", codes)
    train = train[~attack]
    tests = {name: rows_of(name + ".txt", codes) for name in ("KDDTest+", "KDDTest-21")}
    aucs = {}
    with tempfile.TemporaryDirectory(prefix="martlet-compare-") as folder:
        np.save(os.path.join(folder, "train.npy"), train)
        for name, (values, _) in tests.items():
            np.save(os.path.join(folder, name + ".npy"), values)
        for seed in SEEDS:
            theirs = IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(train)
            found = {"scikit-learn": [-theirs.score_samples(values) for values, _ in tests.values()],
                     "isolation-forest": ours(folder, "isolation-forest", seed, tests),
                     "kitsune": ours(folder, "kitsune", seed, tests)}
            for who, scores in found.items():
                for (name, (_, odd)), s in zip(tests.items(), scores):
                    aucs.setdefault((name, who), []).append(roc_auc_score(odd, s))
    failed = False
    for (name, who), values in aucs.items():
        print(f"{name:12} {who:18} " + " ".join(f"{v:.4f}" for v in values) + f"  mean {np.mean(values):.4f} deviation {np.std(values, ddof=1):.4f}")
    for name in tests:
        a, b = aucs[name, "scikit-learn"], aucs[name, "isolation-forest"]
        failed |= abs(np.mean(a) - np.mean(b)) > 2 * np.hypot(np.std(a, ddof=1), np.std(b, ddof=1))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
