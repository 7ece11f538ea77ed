#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""CatBoost's JSON: models made by seed, of each loss and kind of tree, score what numpy makes of CatBoost's documented formula,
on rows with missing values, with values that are borders, with texts in a CSV."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import BUILD, Tap, skip_all

try:
    import numpy as np
except ImportError as e:
    skip_all(f"no {e.name} for python3")

TEXTS = ["tcp", "udp", "icmp", "7"]
CATEGORY = 2  # its column


def make(random, loss, dimensions, oblivious, categories, scale):
    """A model as save_model(format="json") writes it."""
    floats = [{"feature_index": i, "flat_feature_index": i + (categories and i >= CATEGORY), "feature_id": f"f{i}",
               "has_nans": i == 1, "nan_value_treatment": ["AsIs", "AsFalse", "AsTrue"][i % 3],
               "borders": sorted(float(np.float32(v)) for v in random.normal(size=6))} for i in range(5)]
    info = {"float_features": floats}
    hashes = [int(v) for v in random.integers(-2**31, 2**31 - 1, size=len(TEXTS))]
    if categories:
        info["categorical_features"] = [{"feature_index": 0, "flat_feature_index": CATEGORY, "feature_id": "proto",
                                         "values": hashes}]
        info["cat_features_hash"] = [{"hash": h % 2**32, "value": t} for h, t in zip(hashes, TEXTS)]

    def split():
        if categories and random.random() < 0.4:
            return {"cat_feature_index": 0, "value": hashes[random.integers(len(TEXTS))], "split_type": "OneHotFeature"}
        i = int(random.integers(len(floats)))
        return {"float_feature_index": i, "border": floats[i]["borders"][random.integers(6)], "split_type": "FloatFeature"}

    def node(depth):
        if depth == 0 or random.random() < 0.2:
            values = [float(v) for v in random.normal(size=dimensions)]
            return {"value": values[0] if dimensions == 1 else values, "weight": 1}
        return {"split": split(), "left": node(depth - 1), "right": node(depth - 1)}

    model = {"features_info": info, "model_info": {"params": {"loss_function": {"type": loss, "params": {}}}},
             "scale_and_bias": [scale, [float(v) for v in random.normal(size=dimensions)]]}
    if oblivious:
        model["oblivious_trees"] = [{"splits": [split() for _ in range(depth)],
                                     "leaf_values": [float(v) for v in random.normal(size=dimensions * 2**depth)]}
                                    for depth in random.integers(0, 7, size=20)]
    else:
        model["trees"] = [node(6) for _ in range(20)]
    if dimensions > 2 or loss == "Logloss":
        names = [f"class{i}" for i in range(max(dimensions, 2))]
        model["model_info"]["class_params"] = json.dumps({"class_names": names})
    return model


def is_true(model, split, row):
    info = model["features_info"]
    if split["split_type"] == "OneHotFeature":
        return row[CATEGORY] == info["categorical_features"][0]["values"].index(split["value"])
    feature = info["float_features"][split["float_feature_index"]]
    x = row[feature["flat_feature_index"]]
    if np.isnan(x):
        return feature["nan_value_treatment"] == "AsTrue"
    return x > np.float32(split["border"])


def predict(model, loss, row):
    scale, bias = model["scale_and_bias"]
    n, total = len(bias), np.zeros(len(bias))
    for tree in model.get("oblivious_trees", []):
        leaf = sum(int(is_true(model, split, row)) << k for k, split in enumerate(tree["splits"]))
        total += tree["leaf_values"][leaf * n:(leaf + 1) * n]
    for node in model.get("trees", []):
        while "value" not in node:
            node = node["right" if is_true(model, node["split"], row) else "left"]
        total += node["value"]
    raw = total * scale + bias
    if loss == "Logloss":
        p = 1 / (1 + np.exp(-raw))
        return np.concatenate([1 - p, p])
    if loss == "MultiClass":
        e = np.exp(raw - raw.max())
        return e / e.sum()
    if loss == "MultiClassOneVsAll":
        return 1 / (1 + np.exp(-raw))
    if loss == "Poisson":
        return np.exp(raw)
    if loss == "RMSEWithUncertainty":
        return np.array([raw[0], np.exp(2 * raw[1])])
    return raw


def tool(*arguments):
    return subprocess.run([os.path.join(BUILD, "martletctl"), "model", *arguments], capture_output=True, text=True)


def check(tap, folder, seed, loss, dimensions, oblivious, categories):
    random = np.random.default_rng(seed)
    model = make(random, loss, dimensions, oblivious, categories, 1.0 if seed % 2 else 0.3)
    rows = random.normal(size=(200, 5 + categories)).astype(np.float32)
    rows[random.random(rows.shape) < 0.1] = np.nan
    for r in range(100):
        feature = model["features_info"]["float_features"][r % 5]
        rows[r, feature["flat_feature_index"]] = feature["borders"][r % 6]
    if categories:
        rows[:, CATEGORY] = random.integers(0, len(TEXTS) + 1, size=len(rows))
    paths = [os.path.join(folder, name) for name in ("m.json", "m.mlt", "x.csv", "y.npy")]
    with open(paths[0], "w") as f:
        json.dump(model, f)
    with open(paths[2], "w") as f:
        f.write(",".join(f"x{i}" for i in range(rows.shape[1])) + "\n")
        for row in rows:
            cells = ["" if np.isnan(x) else repr(float(x)) for x in row]
            if categories:
                cells[CATEGORY] = (TEXTS + ["gre"])[int(row[CATEGORY])]
            f.write(",".join(cells) + "\n")
    made = tool("compile", paths[0], "-o", paths[1], "--features", ",".join(f"x{i}" for i in range(rows.shape[1])))
    name = f"{loss}, {'oblivious' if oblivious else 'other'} trees{', categories' if categories else ''}"
    if not tap.check(f"compiled: {name}", made.returncode == 0, made.stderr):
        return
    run = tool("run", paths[1], paths[2], "-o", paths[3])
    if not tap.check(f"scored: {name}", run.returncode == 0, run.stderr):
        return
    expected = np.array([predict(model, loss, row) for row in rows])
    scores = np.load(paths[3])
    off = np.abs(scores - expected) / np.maximum(1, np.abs(expected)) if scores.shape == expected.shape else np.array([np.inf])
    tap.check(f"right: {name}", off.max() < 1e-5, f"off by {off.max()}")


def main():
    tap = Tap()
    cases = [("Logloss", 1, True, True), ("Logloss", 1, False, False), ("RMSE", 1, True, False), ("MultiClass", 3, True, True),
             ("MultiClassOneVsAll", 4, False, True), ("Poisson", 1, True, False), ("RMSEWithUncertainty", 2, False, False)]
    with tempfile.TemporaryDirectory(prefix="martlet-catboost-") as folder:
        for seed, case in enumerate(cases):
            check(tap, folder, seed, *case)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
