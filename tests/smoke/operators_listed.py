#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl(1) lists the operators of ONNX that the importer has, no more and no fewer."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import ROOT, Tap


def read(*path):
    with open(os.path.join(ROOT, *path)) as f:
        return f.read()


def main():
    tap = Tap()
    listed = re.search(r"\.SH OPERATORS\n(.*?)\.SH", read("docs", "martletctl.1"), re.S).group(1).split(".PP\n")
    for number, (domain, source) in enumerate((("ai.onnx", "onnx_ops.c"), ("ai.onnx.ml", "onnx_ml.c"))):
        has = sorted(set(re.findall(r'^\t\{ "(\w+)",', read("infer", "import", source), re.M)))
        says = sorted(re.findall(r"^(\w+)[,.]$", listed[number], re.M))
        tap.check(f"{domain}: {len(has)} operators", has == says and len(has) > 5, set(has) ^ set(says))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
