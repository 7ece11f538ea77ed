#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What int8 loses and gains: 128-256-128-10 trained by martletctl on drawn classes (scikit-learn's make_classification),
five seeds; macro F1 of rows that neither training nor calibration saw, in floats and in int8, and a row's time at batch 64.

usage: quantise_f1.py    with $MARTLET_BUILD; prints a table; ends with 1 where half a point of F1 is lost in the mean."""
import json
import os
import subprocess
import sys
import tempfile

from sklearn.datasets import make_classification

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MARTLETCTL = os.path.join(os.environ.get("MARTLET_BUILD", os.path.join(ROOT, "build")), "martletctl")
SEEDS, TRAIN, CALIBRATE, JUDGE = 5, 8000, 2000, 4000


def tool(*args):
    done = subprocess.run([MARTLETCTL, "--json", *args], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"martletctl {' '.join(args)}: {done.stderr}")
    return json.loads(done.stdout)


def write(path, rows, classes):
    with open(path, "w") as to:
        to.write(",".join(f"x{i}" for i in range(rows.shape[1])) + ",label\n")
        for row, label in zip(rows, classes):
            to.write(",".join(f"{value:.6g}" for value in row) + f",c{label}\n")


def judge(image, rows):
    """Macro F1, by model eval's first and only model."""
    said = tool("model", "eval", image, "--rows", rows, "--no-timing")
    return said["models"][0]["figures"]["macro_f1"]


def fastest(image):
    """The fastest pass of several runs: others work on the machine, too."""
    return min(batch["ns_per_row_min"] for _ in range(5) for batch in tool("model", "bench", image)["batches"]
               if batch["batch"] == 64)


def one(folder, seed):
    rows, classes = make_classification(TRAIN + CALIBRATE + JUDGE, 128, n_informative=24, n_redundant=40, n_classes=10,
                                        n_clusters_per_class=2, class_sep=1.6, random_state=seed)
    paths = [os.path.join(folder, name) for name in ("train.csv", "calibrate.csv", "judge.csv")]
    ends = (0, TRAIN, TRAIN + CALIBRATE, TRAIN + CALIBRATE + JUDGE)
    for path, first, end in zip(paths, ends, ends[1:]):
        write(path, rows[first:end], classes[first:end])
    floats, bytes8 = os.path.join(folder, "floats.mlt"), os.path.join(folder, "int8.mlt")
    tool("model", "train", paths[0], "-o", floats, "--layers", "256,128", "--epochs", "20", "--seed", str(seed))
    tool("model", "quantise", floats, "--rows", paths[1], "-o", bytes8)
    return judge(floats, paths[2]), judge(bytes8, paths[2]), fastest(floats), fastest(bytes8)


def main():
    losses = []
    print("seed  F1 f32  F1 int8  lost    ns/row f32  int8   faster")
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, SEEDS + 1):
            before, after, slow, fast = one(folder, seed)
            losses.append(before - after)
            print(f"{seed:4}  {before:.4f}  {after:.4f}  {before - after:+.4f}  {slow:8.1f}  {fast:7.1f}  {slow / fast:.2f}",
                  flush=True)
    mean = sum(losses) / len(losses)
    print(f"mean loss of F1: {100 * mean:+.2f} points")
    return mean > 0.005


if __name__ == "__main__":
    sys.exit(main())
