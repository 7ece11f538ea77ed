#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Boosted trees are XGBoost's own, also where rows and features are drawn: tests/compare/train_xgboost.py with one seed, on the lab's rows."""
import os
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(ROOT, "tests", "compare")]
from appliance import Tap, skip_all

try:
    from train_xgboost import compare, lab
except ImportError as e:
    skip_all(f"{e}; scripts/setup.sh test installs it")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        for target in ("label", "activity"):
            tap.check(f"{target}: the same predictions and F1", compare(folder, f"# {target}", *lab("train", target), [("test rows", *lab("test", target))], 1))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
