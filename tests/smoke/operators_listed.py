#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl(1) lists the operators of ONNX and TensorFlow Lite that `martletctl model operators` does, no more and no fewer."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap


def operators(*options):
    done = subprocess.run([MARTLETCTL, *options, "model", "operators"], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def main():
    tap = Tap()
    with open(os.path.join(ROOT, "docs", "martletctl.1")) as f:
        listed = re.search(r"\.SH OPERATORS\n(.*?)\.SH", f.read(), re.S).group(1).split(".PP\n")
    has = json.loads(operators("--json"))["operators"]
    for number, domain in enumerate(("ai.onnx", "ai.onnx.ml", "com.microsoft", "tflite")):
        names = [op["operator"] for op in has if op["domain"] == domain]
        says = re.findall(r"^(\w+)[,.]$", listed[number], re.M)
        tap.check(f"{domain}: {len(names)} operators", names == says and len(names) > 5, set(names) ^ set(says))
    lines = operators().splitlines()
    tap.check("the table has a line for each", len(lines) == len(has) + 1 and lines[0].split()[:2] == ["DOMAIN", "OPERATOR"])
    gemm = [line.split() for line in lines if " Gemm " in line]
    tap.check("and says how many inputs", gemm == [["ai.onnx", "Gemm", "2", "to", "3"]], gemm)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
