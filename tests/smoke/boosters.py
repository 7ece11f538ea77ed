#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compiles and scores models of XGBoost and LightGBM; the scores must be what the libraries themselves predicted."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, Tap, skip_all

SHARED = os.environ.get("MARTLET_SHARED", "")
MODELS = os.path.join(SHARED, "data", "models")
if not os.path.isdir(MODELS):
    skip_all("no ../shared/data/models")
try:
    import numpy as np
except ImportError:
    skip_all("no python3-numpy")

CONVERTED = os.path.join(MODELS, "xgboost-converted")
LEAVES = os.path.join(MODELS, "leaves", "testdata")
NIDS = os.path.join(MODELS, "xgboost-nids-trained-here")


def libsvm(path, columns, missing=np.nan):
    with open(path) as f:
        lines = [line.split()[1:] for line in f if line.strip()]
    rows = np.full((len(lines), columns), missing, "f4")
    for row, pairs in zip(rows, lines):
        for pair in pairs:
            column, value = pair.split(":")
            if int(column) < columns:
                row[int(column)] = float(value)
    return rows


def compiled(folder, model, *options):
    r = subprocess.run([MARTLETCTL, "model", "compile", model, "-o", f"{folder}/m.mlt", *options], capture_output=True, text=True)
    return r.stderr if r.returncode else ""


def features(folder):
    import json
    r = subprocess.run([MARTLETCTL, "--json", "model", "inspect", f"{folder}/m.mlt"], capture_output=True, text=True)
    return len(json.loads(r.stdout)["features"])


def scores(folder, rows, isa):
    np.save(f"{folder}/rows.npy", np.ascontiguousarray(rows, "f4"))
    subprocess.run([MARTLETCTL, "model", "run", f"{folder}/m.mlt", f"{folder}/rows.npy", "-o", f"{folder}/y.npy", "--isa", isa],
                   check=True, capture_output=True)
    return np.load(f"{folder}/y.npy").reshape(len(rows), -1)


def check(tap, folder, name, model, rows, expected, bound, after=lambda y: y):
    """`after` makes of our scores what the library wrote down."""
    why = compiled(folder, model)
    if why:
        return tap.check(name, False, why)
    if callable(rows):
        rows = rows(features(folder))
    for isa in ("scalar", "avx2", "native"):
        got = after(scores(folder, rows, isa))
        want = np.asarray(expected, "f8").reshape(got.shape)
        error = np.max(np.abs(got - want) / np.maximum(1, np.abs(want)))
        if not error <= bound:
            return tap.check(f"{name}, {isa}", False, f"largest difference {error:.3g}, at row {np.argmax(np.abs(got - want)) // got.shape[1]}")
    return tap.check(name, True)


def xgboost_models(tap, folder):
    for name in sorted(os.listdir(CONVERTED)):
        stem, ending = os.path.splitext(name)
        if ending not in (".json", ".ubj"):
            continue
        data = (f"{LEAVES}/agaricus_test.libsvm" if stem.startswith("agaricus")
                else f"{LEAVES}/dermatology_test.libsvm" if stem.startswith("dermatology") else f"{CONVERTED}/compat_input.libsvm")
        expected = np.loadtxt(f"{CONVERTED}/{stem}.pred.txt", ndmin=2)
        check(tap, folder, f"{name}: as XGBoost predicts", f"{CONVERTED}/{name}", lambda n, data=data: libsvm(data, n), expected, 1e-6)


def nids_models(tap, folder):
    for name, rows_file in (("nsl_binary", "nsl_test.csv"), ("unsw_softprob", "unsw_test.csv")):
        if not os.path.exists(f"{NIDS}/{name}.json"):
            tap.skip(name, "not among the material")
            continue
        rows = np.loadtxt(f"{NIDS}/{rows_file}", delimiter=",", dtype="f4", ndmin=2)[:, :-1] if os.path.exists(f"{NIDS}/{rows_file}") else None
        expected = np.fromfile(f"{NIDS}/{name}.pred.f32", "<f4").reshape(len(rows), -1)
        for ending in ("json", "ubj"):
            check(tap, folder, f"{name}.{ending}: {len(rows)} rows", f"{NIDS}/{name}.{ending}", rows, expected, 1e-6)


def lightgbm_models(tap, folder):
    cancer = np.loadtxt(f"{LEAVES}/breast_cancer_test.tsv", ndmin=2)
    check(tap, folder, "LightGBM dart", f"{LEAVES}/lg_dart_breast_cancer.model", cancer, np.loadtxt(f"{LEAVES}/lg_dart_breast_cancer_true_predictions.txt"), 1e-5)
    check(tap, folder, "LightGBM random forest", f"{LEAVES}/lg_rf_iris.model", lambda n: libsvm(f"{LEAVES}/iris_test.libsvm", n, 0),
          np.loadtxt(f"{LEAVES}/lg_rf_iris_true_predictions.txt"), 1e-5)


def parsers(tap, folder):
    """Without expected outputs: they compile, score, and all instruction sets agree."""
    rng = np.random.default_rng(7)
    for root in ("lightgbm/history", "lleaves/tests/models"):
        for where, _, names in sorted(os.walk(os.path.join(MODELS, root))):
            for name in sorted(n for n in names if n.endswith(".txt")):
                path = os.path.join(where, name)
                with open(path, errors="replace") as f:
                    old = f.readline().strip() == "gbdt"
                why = compiled(folder, path)
                label = os.path.relpath(path, MODELS)
                if old:
                    tap.check(f"{label}: version 1 is refused in a sentence", "v2, v3 and v4 are supported" in why, why)
                    continue
                if not tap.check(f"{label} compiles", not why, why):
                    continue
                rows = rng.normal(0, 10, (300, features(folder))).astype("f4")
                rows[rng.random(rows.shape) < 0.2] = np.nan
                rows[:100] = np.round(rows[:100])
                truth = scores(folder, rows, "scalar")
                same = [np.allclose(scores(folder, rows, isa), truth, rtol=1e-5, atol=1e-5, equal_nan=True) for isa in ("avx2", "native")]
                tap.check(f"{label}: every instruction set agrees", all(same))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        xgboost_models(tap, folder)
        nids_models(tap, folder)
        lightgbm_models(tap, folder)
        parsers(tap, folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
