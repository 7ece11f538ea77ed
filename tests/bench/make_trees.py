#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains the reference tree ensembles with XGBoost and writes the same trees as C source, nested ifs.

usage: make_trees.py OUT     OUT/NAME.json, OUT/NAME.c, OUT/trees.f32 (rows of COLUMNS), OUT/trees.txt (where they are from)

Rows: NSL-KDD's (41 features), where ../shared or MARTLET_SHARED has them, else drawn by seed in its likeness.
Needs python3-xgboost and python3-numpy.
"""
import csv
import json
import os
import sys

import numpy as np
import xgboost

COLUMNS = 41
MODELS = {
    "gbdt_100x31": {"n_estimators": 100, "max_leaves": 31, "max_depth": 0, "grow_policy": "lossguide"},
    "gbdt_500_d6": {"n_estimators": 500, "max_depth": 6},
    "gbdt_1000_d8": {"n_estimators": 1000, "max_depth": 8, "learning_rate": 0.05},
}


def nsl(folder):
    """Ordinal codes for the three columns of text, normal against attack."""
    tables = []
    for name in ("KDDTrain+_20Percent.txt", "KDDTest+.txt"):
        with open(os.path.join(folder, name), newline="") as f:
            tables.append([r for r in csv.reader(f) if r])
    for column in (1, 2, 3):
        codes = {text: i for i, text in enumerate(sorted({r[column] for t in tables for r in t}))}
        for t in tables:
            for r in t:
                r[column] = codes[r[column]]
    return [(np.array([r[:COLUMNS] for r in t], "f4"), np.array([r[COLUMNS] != "normal" for r in t], "f4")) for t in tables]


def drawn():
    """Counts, shares, flags and codes like NSL-KDD's, and a label that depends on many of them."""
    rng = np.random.default_rng(7)

    def draw(n):
        x = np.empty((n, COLUMNS), "f4")
        for c in range(COLUMNS):
            kind = c % 4
            x[:, c] = (np.floor(rng.exponential(200, n)) if kind == 0 else np.round(rng.beta(0.4, 0.4, n), 2) if kind == 1
                       else rng.integers(0, 12, n) if kind == 2 else rng.random(n) < 0.2)
        score = sum(np.sin(x[:, c] * (0.01 if c % 4 == 0 else 2) + c) * np.cos(x[:, (c * 7 + 3) % COLUMNS] / 3) for c in range(COLUMNS))
        return x, (score + rng.normal(0, 1, n) > 0).astype("f4")
    return draw(25000), draw(22544)


def value(number):
    return f"{float(np.float32(number))!r}f"


def ifs(tree, node):
    left = tree["left_children"][node]
    if left == -1:
        return f"return {value(tree['split_conditions'][node])};"
    x, t = f"x[{tree['split_indices'][node]}]", value(tree["split_conditions"][node])
    test = f"!({x} >= {t})" if tree["default_left"][node] else f"{x} < {t}"
    return f"if({test}){{{ifs(tree, left)}}}else{{{ifs(tree, tree['right_children'][node])}}}"


def write_ifs(path, model):
    with open(model) as f:
        learner = json.load(f)["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    base = float(learner["learner_model_param"]["base_score"])
    with open(path, "w") as f:
        f.write("#include <math.h>\n")
        for i, tree in enumerate(trees):
            f.write(f"static float t{i}(const float *x){{{ifs(tree, 0)}}}\n")
        calls = "".join(f"s+=t{i}(x);" for i in range(len(trees)))
        f.write(f"float score(const float *x){{float s={value(np.log(base / (1 - base)))};{calls}return 1/(1+expf(-s));}}\n")


def main(out):
    os.makedirs(out, exist_ok=True)
    shared = os.environ.get("MARTLET_SHARED", os.path.join(os.path.dirname(__file__), "../../../shared"))
    folder = os.path.join(shared, "data/datasets/nsl-kdd")
    there = os.path.isdir(folder)
    (x, y), (rows, _) = nsl(folder) if there else drawn()
    rows = np.random.default_rng(7).permutation(rows)
    rows.tofile(f"{out}/trees.f32")
    with open(f"{out}/trees.txt", "w") as f:
        f.write("NSL-KDD" if there else "rows drawn by seed")
    for name, parameters in MODELS.items():
        model = xgboost.XGBClassifier(tree_method="hist", n_jobs=2, random_state=7, **parameters).fit(x, y)
        model.get_booster().save_model(f"{out}/{name}.json")
        write_ifs(f"{out}/{name}.c", f"{out}/{name}.json")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
