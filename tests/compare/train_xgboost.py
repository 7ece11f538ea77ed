#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model train --kind boosted beside python3-xgboost on the same rows, parameters and seeds: the F1 of both and the largest difference
of their predictions, on the lab's rows (two classes, and its activities) and on NSL-KDD (KDDTest+ and KDDTest-21) where $MARTLET_SHARED
has it. Exits 1 where an F1 differs at all, or a prediction by more than 1e-6.

usage: train_xgboost.py [SEEDS]      with $MARTLET_SHARED and $MARTLET_BUILD

Needs python3-xgboost and python3-sklearn.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import xgboost
from distil_trees import MARTLETCTL, NSL_KDD, SYMBOLIC, lab, read
from sklearn.metrics import f1_score

ROUNDS, STOP, VALIDATION = 200, 10, 0.2
PARAMETERS = {"max_depth": 6, "eta": 0.3, "subsample": 0.8, "colsample_bytree": 0.8, "lambda": 1, "min_child_weight": 1}
OPTIONS = ["--rounds", ROUNDS, "--early-stopping", STOP, "--depth", 6, "--learning-rate", 0.3, "--subsample", 0.8, "--colsample", 0.8, "--lambda",
           1, "--min-child-weight", 1, "--threads", 1]


def save(path, rows, labels):
    with open(path, "w") as f:
        f.write(",".join(f"f{i}" for i in range(rows.shape[1])) + ",label\n")
        f.writelines(",".join(f"{v:.9g}" for v in row) + f",{label}\n" for row, label in zip(rows, labels))


def ours(folder, train, validation, seed, tests):
    paths = [os.path.join(folder, name) for name in ("train.csv", "validation.csv", "model.mlt", "rows.npy", "scores.npy")]
    save(paths[0], *train)
    save(paths[1], *validation)
    words = ["model", "train", paths[0], "-o", paths[2], "--kind", "boosted", "--validation", paths[1], "--seed", seed, *OPTIONS]
    runs = [words] + [["model", "run", paths[2], paths[3], "-o", paths[4]]] * len(tests)
    scores = []
    for i, run in enumerate(runs):
        if i > 0:
            np.save(paths[3], tests[i - 1])
        done = subprocess.run([MARTLETCTL, *map(str, run)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        if i > 0:
            scores.append(np.load(paths[4]).reshape(len(tests[i - 1]), -1))
    return scores


def theirs(train, validation, seed, tests, n):
    more = {"objective": "multi:softprob", "num_class": n} if n > 2 else {"objective": "binary:logistic"}
    rows = xgboost.DMatrix(train[0], train[1])
    booster = xgboost.train({**PARAMETERS, **more, "tree_method": "hist", "seed": seed, "nthread": 1}, rows, ROUNDS,
                            evals=[(rows, "train"), (xgboost.DMatrix(*validation), "validation")], early_stopping_rounds=STOP, verbose_eval=False)
    said = [booster.predict(xgboost.DMatrix(x), iteration_range=(0, booster.best_iteration + 1)) for x in tests]
    return booster.best_iteration + 1, [p if n > 2 else np.vstack((1 - p, p)).T for p in said]


def compare(folder, what, rows, labels, tests, seed):
    """tests: (name, rows, labels). True where both are the same."""
    classes, numbers = np.unique(labels, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(rows))
    held, taught = order[:int(VALIDATION * len(rows))], order[int(VALIDATION * len(rows)):]
    features = [x for _, x, _ in tests]
    a = ours(folder, (rows[taught], labels[taught]), (rows[held], labels[held]), seed, features)
    rounds, b = theirs((rows[taught], numbers[taught]), (rows[held], numbers[held]), seed, features, len(classes))
    same = True
    for (name, _, truth), p, q in zip(tests, a, b):
        average = "macro" if len(classes) > 2 else "binary"
        f1 = [f1_score(np.searchsorted(classes, truth), s.argmax(1), average=average, zero_division=0) for s in (p, q)]
        apart = np.abs(p.astype("f8") - q).max()
        same = same and f1[0] == f1[1] and apart <= 1e-6
        print(f"{what}, seed {seed}, {rounds} rounds, {name}: F1 {f1[0]:.6f} here, {f1[1]:.6f} XGBoost's; predictions {apart:.2g} apart", flush=True)
    return same


def main():
    seeds = range(1, int(sys.argv[1]) + 1 if len(sys.argv) > 1 else 6)
    sets = []
    for target in ("label", "activity"):
        sets.append((f"lab's {target}", *lab("train", target), [("test rows", *lab("test", target))]))
    if os.path.isdir(NSL_KDD):
        numbers = {i: {} for i in SYMBOLIC}
        names = np.array(["normal", "z-attack"])
        files = [read(name, numbers) for name in ("KDDTrain+_20Percent.txt", "KDDTest+.txt", "KDDTest-21.txt")]
        train, *tests = [(x, names[y.astype(int)]) for x, y in files]
        sets.append(("NSL-KDD", *train, [(name, *test) for name, test in zip(("KDDTest+", "KDDTest-21"), tests)]))
    else:
        print("NSL-KDD skipped: $MARTLET_SHARED has none")
    with tempfile.TemporaryDirectory() as folder:
        same = [compare(folder, *one, seed) for one in sets for seed in seeds]
    sys.exit(0 if all(same) else 1)


if __name__ == "__main__":
    main()
