#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains every objective and booster of Debian's XGBoost, with missing values and categories, and scores with both."""
import os
import subprocess
import sys
import tempfile
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, Tap, skip_all

warnings.filterwarnings("ignore")
try:
    import numpy as np
    import xgboost as xgb
except ImportError as e:
    skip_all(f"no {e.name} for python3")

TYPES = ["q", "q", "q", "c", "q", "c"]
ROWS = 3000
EXPONENTIAL = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox")


def data():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS, 6)).astype("f4")
    x[:, 3], x[:, 5] = rng.integers(0, 40, ROWS), rng.integers(0, 4, ROWS)
    x[rng.random(x.shape) < 0.1] = np.nan
    y = ((np.nan_to_num(x[:, 3]) % 7 > 3) ^ (np.nan_to_num(x[:, 0]) > 0)).astype(int) + (np.nan_to_num(x[:, 5]) > 2)
    asked = x.copy()
    asked[:300, 3] = rng.integers(0, 60, 300)  # categories never seen
    asked[300:400, 3] += 0.5
    asked[400:1000, 3] = rng.choice([-0.5, -1e-30, -0.999, -1, -7.5, -0.0, 0.0, 0.5, 1e-30, 39.9, 63.5, 16777215, 16777216, 3e9, -3e9], 600)
    return x, y, asked


def matrix(x, y=None):
    return xgb.DMatrix(x, y, feature_types=TYPES, enable_categorical=True)


def error(folder, path, rows, want, exponential):
    """Sums of float32 in another order differ in the last digits, which exp() makes relative: its logarithm is compared."""
    r = subprocess.run([MARTLETCTL, "model", "compile", path, "-o", f"{folder}/m.mlt"], capture_output=True, text=True)
    if r.returncode:
        return r.stderr
    np.save(f"{folder}/rows.npy", rows)
    subprocess.run([MARTLETCTL, "model", "run", f"{folder}/m.mlt", f"{folder}/rows.npy", "-o", f"{folder}/y.npy"], check=True, capture_output=True)
    got = np.load(f"{folder}/y.npy").reshape(want.shape)
    if exponential:
        got, want = np.log(got), np.log(want)
    worst = np.max(np.abs(got - want) / np.maximum(1, np.abs(want)))
    return "" if worst <= 1e-6 else f"largest difference {worst:.3g}"


def main():
    tap, (x, y, asked) = Tap(), data()
    binary, classes = (y > 0).astype(int), {"num_class": 3}
    objectives = [(o, binary, {}) for o in ("binary:logistic", "binary:hinge", "binary:logitraw", "reg:logistic")]
    objectives += [(o, y, {}) for o in ("reg:squarederror", "reg:pseudohubererror", "reg:absoluteerror", "reg:squaredlogerror", "reg:tweedie",
                                        "count:poisson", "rank:pairwise")]
    objectives += [(o, y + 1, {}) for o in ("reg:gamma", "survival:cox")]
    objectives += [(o, y, classes) for o in ("multi:softprob", "multi:softmax")]
    with tempfile.TemporaryDirectory() as folder:
        for objective, labels, more in objectives:
            for name, how in (("gbtree", {"max_cat_to_onehot": 1}), ("gbtree, one category a split", {"max_cat_to_onehot": 100}),
                              ("dart, two trees a round", {"booster": "dart", "rate_drop": 0.3, "num_parallel_tree": 2})):
                booster = xgb.train({**more, **how, "objective": objective, "tree_method": "hist", "max_depth": 5, "seed": 1, "nthread": 1},
                                    matrix(x, labels), 12)
                want = booster.predict(matrix(asked))
                for ending in ("json", "ubj"):
                    booster.save_model(f"{folder}/m.{ending}")
                    why = error(folder, f"{folder}/m.{ending}", asked, want, objective in EXPONENTIAL)
                    tap.check(f"{objective}, {name}, {ending}", not why, why)
        # The old binary form keeps no categories.
        for objective, labels, more in (("binary:logistic", binary, {}), ("reg:squarederror", y, {}), ("multi:softprob", y, classes)):
            for how in ({"booster": "gbtree", "num_parallel_tree": 2}, {"booster": "dart", "rate_drop": 0.3}, {"booster": "gblinear"}):
                booster = xgb.train({**more, **how, "objective": objective, "base_score": 0.4, "seed": 1, "nthread": 1}, xgb.DMatrix(x, labels), 6)
                booster.save_model(f"{folder}/m.bin")
                why = error(folder, f"{folder}/m.bin", x, booster.predict(xgb.DMatrix(x)), False)
                tap.check(f"{objective}, {how['booster']}, binary", not why, why)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
