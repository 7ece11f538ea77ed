#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/fixtures/make_operators.py makes what is committed. A numpy for another CPU may round scores otherwise."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import ROOT, Tap, skip_all

try:
    import numpy as np
    import onnx  # noqa: F401: what the script needs
except ImportError as e:
    skip_all(f"no {e.name} for python3")

FIXTURES = os.path.join(ROOT, "tests", "fixtures")


def same(made, kept):
    if made.endswith(".npy"):
        a, b = np.load(made), np.load(kept)
        return a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-6, equal_nan=True)
    with open(made, "rb") as a, open(kept, "rb") as b:
        return a.read() == b.read()


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, os.path.join(FIXTURES, "make_operators.py"), folder], check=True,
                       stdout=subprocess.DEVNULL)
        for kind in ("models", "expected"):
            kept = os.path.join(FIXTURES, "operators", kind)
            names, had = sorted(os.listdir(os.path.join(folder, kind))), sorted(os.listdir(kept))
            tap.check(f"{kind}: {len(had)} files, each of which is made", names == had, sorted(set(names) ^ set(had)))
            other = [n for n in names if n in had and not same(os.path.join(folder, kind, n), os.path.join(kept, n))]
            tap.check(f"{kind}: as they are made", not other, other)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
