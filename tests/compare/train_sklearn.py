#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model train beside scikit-learn's MLPClassifier on the same rows, layers, batches, epochs at most and share of rows to judge by:
macro F1 of both on the lab's test rows (two classes, and its activities) and on NSL-KDD's KDDTest+ and KDDTest-21, where $MARTLET_SHARED has
it. Exits 1 where the mean over the seeds is below scikit-learn's by more than half a point and twice the standard error of both: NSL-KDD's test
rows come from other days, and their F1 moves by points from seed to seed with either.

usage: train_sklearn.py [SEEDS]      with $MARTLET_SHARED and $MARTLET_BUILD

Needs python3-sklearn.
"""
import os
import sys
import tempfile
import time
import warnings

import numpy as np
from distil_trees import NSL_KDD, SYMBOLIC, read, tool
from sklearn.metrics import f1_score
from sklearn.neural_network import MLPClassifier
from train_xgboost import lab, save

LAYERS, BATCH, EPOCHS, PATIENCE, SHARE = (64, 32), 200, 100, 10, 0.1


def ours(folder, rows, labels, classes, tests, seed):
    train, image, npy, out = (os.path.join(folder, name) for name in ("train.csv", "net.mlt", "rows.npy", "scores.npy"))
    save(train, rows, labels)
    start = time.time()
    tool("model", "train", train, "-o", image, "--layers", ",".join(map(str, LAYERS)), "--batch", str(BATCH), "--epochs", str(EPOCHS),
         "--patience", str(PATIENCE), "--validation", str(SHARE), "--seed", str(seed))
    seconds, said = time.time() - start, []
    for x in tests:
        np.save(npy, x)
        tool("model", "run", image, npy, "-o", out)
        said.append(classes[np.load(out).argmax(1)])
    return seconds, said


def theirs(rows, labels, tests, seed):
    mean, deviation = rows.mean(0, dtype="f8"), rows.std(0, dtype="f8")
    deviation[deviation == 0] = 1
    scaled = [((x - mean) / deviation).astype("f4") for x in (rows, *tests)]
    start = time.time()
    net = MLPClassifier(LAYERS, batch_size=BATCH, max_iter=EPOCHS, n_iter_no_change=PATIENCE, early_stopping=True, validation_fraction=SHARE,
                        random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that all epochs were not enough
        net.fit(scaled[0], labels)
    return time.time() - start, [net.predict(x) for x in scaled[1:]]


def one_hot(rows, counts):
    kept = [i for i in range(rows.shape[1]) if i not in SYMBOLIC]
    return np.hstack([rows[:, kept], *(np.eye(counts[i] + 1, dtype="f4")[np.minimum(rows[:, i].astype(int), counts[i])] for i in SYMBOLIC)])


def compare(folder, what, rows, labels, tests, seeds):
    classes, f1 = np.unique(labels), []
    for seed in seeds:
        seconds, a = ours(folder, rows, labels, classes, [x for _, x, _ in tests], seed)
        longer, b = theirs(rows, labels, [x for _, x, _ in tests], seed)
        f1.append([[f1_score(truth, said, average="macro") for said in pair] for (_, _, truth), pair in zip(tests, zip(a, b))])
        for (name, _, _), (mine, peer) in zip(tests, f1[-1]):
            print(f"{what}, seed {seed}, {name}: macro F1 {mine:.4f} here in {seconds:.1f} s, {peer:.4f} scikit-learn's in {longer:.1f} s", flush=True)
    good = True
    for (name, _, _), (mine, peer), spread in zip(tests, np.mean(f1, 0), np.std(f1, 0)):
        noise = 2 * np.hypot(*spread) / len(f1) ** 0.5
        good = good and mine >= peer - max(0.005, noise)
        print(f"{what}, {name}: mean {mine:.4f} here, {peer:.4f} scikit-learn's, twice the standard error of the difference {noise:.4f}")
    return good


def main():
    seeds = range(1, int(sys.argv[1]) + 1 if len(sys.argv) > 1 else 6)
    sets = [(f"lab's {target}", *lab("train", target), [("test rows", *lab("test", target))]) for target in ("label", "activity")]
    if os.path.isdir(NSL_KDD):
        numbers = {i: {} for i in SYMBOLIC}
        names = np.array(["normal", "z-attack"])
        train = read("KDDTrain+_20Percent.txt", numbers)
        counts = {i: len(numbers[i]) for i in SYMBOLIC}  # texts that the training rows lack share a column
        files = [train] + [read(name, numbers) for name in ("KDDTest+.txt", "KDDTest-21.txt")]
        train, *tests = [(one_hot(x, counts), names[y.astype(int)]) for x, y in files]
        sets.append(("NSL-KDD", *train, [(name, *test) for name, test in zip(("KDDTest+", "KDDTest-21"), tests)]))
    else:
        print("NSL-KDD skipped: $MARTLET_SHARED has none")
    with tempfile.TemporaryDirectory() as folder:
        good = [compare(folder, *one, seeds) for one in sets]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
