#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains a random forest with scikit-learn on drawn rows and writes it as skl2onnx does, and the same trees as C source, nested ifs.

usage: make_forest.py OUT     OUT/NAME.onnx, OUT/NAME.c, OUT/forest.f32 (rows of COLUMNS)

Needs python3-sklearn.
"""
import struct
import sys

import numpy as np
from make_models import data, number, value_info
from sklearn.ensemble import RandomForestClassifier

COLUMNS, CLASSES, TREES = 41, 5, 100
NAME = "forest_100_d8_c5"
FLOATS, INTS, STRINGS = 6, 7, 8  # AttributeProto.AttributeType


def drawn():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((20000, COLUMNS)).astype("f4")
    score = x[:, :10] @ rng.standard_normal((10, CLASSES)) + 2 * np.sin(3 * x[:, 10:10 + CLASSES])
    return x, (score + rng.standard_normal(score.shape)).argmax(1)


def shares(tree, node):
    v = tree.value[node][0]
    return (v / v.sum() / TREES).astype("f4")


def attribute(name, value):
    first = value[0]
    if isinstance(first, str):
        return data(1, name) + b"".join(data(9, v) for v in value) + number(20, STRINGS)
    if isinstance(first, float):
        return data(1, name) + b"".join(b"\x3d" + struct.pack("<f", v) for v in value) + number(20, FLOATS)
    return data(1, name) + b"".join(number(8, v) for v in value) + number(20, INTS)


def lists(trees):
    a = {k: [] for k in ("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_truenodeids",
                         "nodes_falsenodeids", "class_treeids", "class_nodeids", "class_ids", "class_weights")}
    for number_of_tree, t in enumerate(trees):
        for i in range(t.node_count):
            leaf = t.children_left[i] == -1
            for key, value in (("treeids", number_of_tree), ("nodeids", i), ("featureids", 0 if leaf else int(t.feature[i])),
                               ("modes", "LEAF" if leaf else "BRANCH_LEQ"), ("values", 0.0 if leaf else float(np.float32(t.threshold[i]))),
                               ("truenodeids", 0 if leaf else int(t.children_left[i])),
                               ("falsenodeids", 0 if leaf else int(t.children_right[i]))):
                a["nodes_" + key].append(value)
            for c, share in enumerate(shares(t, i) if leaf else ()):
                for key, value in (("treeids", number_of_tree), ("nodeids", i), ("ids", c), ("weights", float(share))):
                    a["class_" + key].append(value)
    a["classlabels_int64s"] = list(range(CLASSES))
    return a


def write_onnx(path, trees):
    node = data(1, "X") + data(2, "label") + data(2, "probabilities") + data(3, "forest") + data(4, "TreeEnsembleClassifier")
    node += b"".join(data(5, attribute(k, v)) for k, v in lists(trees).items()) + data(7, "ai.onnx.ml")
    labels = data(1, "label") + data(2, data(1, number(1, 7) + data(2, data(1, data(2, "N")))))
    graph = data(1, node) + data(2, "forest") + data(11, value_info("X", COLUMNS)) + data(12, labels)
    graph += data(12, value_info("probabilities", CLASSES))
    opsets = data(8, data(1, "") + number(2, 15)) + data(8, data(1, "ai.onnx.ml") + number(2, 1))
    with open(path, "wb") as f:
        f.write(number(1, 8) + data(7, graph) + opsets)


def ifs(t, node):
    if t.children_left[node] == -1:
        return "".join(f"scores[{c}]+={float(s)!r}f;" for c, s in enumerate(shares(t, node)) if s)
    test = f"x[{t.feature[node]}] <= {float(np.float32(t.threshold[node]))!r}f"
    return f"if({test}){{{ifs(t, t.children_left[node])}}}else{{{ifs(t, t.children_right[node])}}}"


def write_ifs(path, trees):
    with open(path, "w") as f:
        f.write(f"float scores[{CLASSES}];\n")
        for i, t in enumerate(trees):
            f.write(f"static void t{i}(const float *x){{{ifs(t, 0)}}}\n")
        calls = "".join(f"t{i}(x);" for i in range(len(trees)))
        f.write(f"float score(const float *x){{for(int c=0;c<{CLASSES};c++)scores[c]=0;{calls}return scores[0];}}\n")


def main(out):
    x, y = drawn()
    x[:4096].tofile(f"{out}/forest.f32")
    trees = [e.tree_ for e in RandomForestClassifier(TREES, max_depth=8, random_state=3, n_jobs=2).fit(x, y).estimators_]
    write_onnx(f"{out}/{NAME}.onnx", trees)
    write_ifs(f"{out}/{NAME}.c", trees)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
