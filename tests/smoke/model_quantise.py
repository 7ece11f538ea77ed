#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model quantise: the lab's network in 8 bits and bfloat16, its scores calibrated, and what is refused."""
import json
import math
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

ROWS = os.path.join(ROOT, "data", "lab-test.csv")
LAB = os.path.join(ROOT, "data", "lab.onnx")


def tool(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def quantise(source, rows, image, *args):
    return tool("--json", "model", "quantise", source, "--rows", rows, "-o", image, *args)


def options(tap, folder):
    for args in ((), ("--symmetric", "--per-tensor"), ("--power-of-two", "--calibration", "percentile"),
                 ("--bits", "bf16"), ("--full-range", "--no-equalise", "--no-bias-correction", "--calibration", "minmax")):
        image = os.path.join(folder, "q.mlt")
        done = quantise(LAB, ROWS, image, *args)
        name = " ".join(args) or "as it is"
        tap.check(f"quantise: {name}", done.returncode == 0, done.stderr)
        if done.returncode != 0:
            continue
        said = json.loads(done.stdout)
        tap.check(f"quantise: {name}: all layers, within half a point of F1",
                  len(said["layers"]) == 3 and all(layer["quantised"] and layer["snr_db"] > 25 for layer in said["layers"])
                  and said["f1_before"] - said["f1_after"] <= 0.005 and said["f1_after"] > 0.99, done.stdout)
        tap.check(f"quantise: {name}: the size that is told is the file's", said["image_bytes"] == os.path.getsize(image), done.stdout)
        held = json.loads(tool("--json", "model", "inspect", image).stdout)
        tap.check(f"quantise: {name}: the image says how it was made",
                  held["lineage"][-1].startswith("quantise of lab.onnx (SHA-256 ") and "F1 0.99" in held["lineage"][-1],
                  str(held.get("lineage")))
        ops = [step["op"] for step in held["plan"]]
        if "bf16" not in args:
            tap.check(f"quantise: {name}: bytes from layer to layer", ops.count("QDense") == 3
                      and ops.count("QuantizeLinear") == 1 and "DequantizeLinear" not in ops, str(ops))


def scores(tap, folder):
    """What is scored by all instruction sets is the same decision, and the calibrated image's own."""
    for how in ("temperature", "platt"):
        image = os.path.join(folder, how + ".mlt")
        done = quantise(LAB, ROWS, image, "--calibrate-scores", how)
        said = json.loads(done.stdout) if done.returncode == 0 else {}
        tap.check(f"quantise: scores by {how}", said and 0 < said["log_loss_after"] <= 1.1 * said["log_loss_before"]
                  and said["scale"] > 0, done.stderr or done.stdout)
    image = os.path.join(folder, "temperature.mlt")
    out = [os.path.join(folder, isa + ".csv") for isa in ("scalar", "native")]
    for path, isa in zip(out, ("scalar", "native")):
        tool("model", "run", image, ROWS, "-o", path, "--isa", isa)
    rows = [[line.rstrip("\n").split(",") for line in open(path)][1:] for path in out]
    same = sum(max(range(2), key=lambda i: float(a[i])) == max(range(2), key=lambda i: float(b[i])) for a, b in zip(*rows))
    tap.check("quantise: scalar and vectors decide alike", len(rows[0]) == 3010 and same >= 0.999 * 3010,
              f"{same} of {len(rows[0])}")


def refusals(tap, folder):
    image = os.path.join(folder, "refused.mlt")
    other = os.path.join(folder, "other.csv")
    with open(ROWS) as rows, open(other, "w") as to:
        to.write(rows.readline().replace("tcp,", "tpc,", 1) + rows.readline())
    done = quantise(LAB, other, image)
    tap.check("quantise: rows of another model are refused by their names", done.returncode == 1
              and "the header lacks 1 of the model's 41 features: 'tcp'" in done.stderr, done.stderr)
    huge = os.path.join(folder, "huge.csv")
    with open(ROWS) as rows, open(huge, "w") as to:
        to.write(rows.readline() + "".join(",".join(["3e38"] * 41) + f",web,{label}\n" for label in ("benign", "attack") * 20))
    done = quantise(LAB, huge, image)
    tap.check("quantise: scores that are not finite judge nothing", done.returncode == 1 and done.stderr ==
              f"martletctl: {huge}: the model in floats has scores of these rows that are not finite, by which nothing can be judged\n",
              done.stderr)
    done = quantise(LAB, ROWS, image, "--keep", "Gemm_2,Gemm_9")
    tap.check("quantise: layers that are none", done.returncode == 1 and done.stderr ==
              f"martletctl: --keep Gemm_2,Gemm_9: not all of these are layers of {LAB}, which are Gemm_2, Gemm_4, Gemm_6\n",
              done.stderr)
    done = quantise(LAB, ROWS, image, "--keep", "Gemm_2,Gemm_4,Gemm_6")
    tap.check("quantise: nothing is left to do", done.returncode == 1 and "is left to be in 8 bits" in done.stderr, done.stderr)
    done = quantise(os.path.join(folder, "temperature.mlt"), ROWS, image)
    tap.check("quantise: twice", done.returncode == 1 and "computes in few bits already" in done.stderr, done.stderr)
    done = quantise(LAB, ROWS, image, "--bits", "bf16", "--calibration", "minmax")
    tap.check("quantise: an option of 8 bits", done.returncode == 2 and "--calibration is an option of int8: bf16 has no use of it" in done.stderr,
              done.stderr)
    done = quantise(LAB, ROWS, image, "--symmetric", "--asymmetric")
    tap.check("quantise: one of two", done.returncode == 2 and "only one of --symmetric and --asymmetric" in done.stderr,
              done.stderr)
    tap.check("quantise: what is refused writes nothing", not os.path.exists(image), "")


def unlabelled(tap, folder):
    rows = os.path.join(folder, "unlabelled.csv")
    with open(ROWS) as labelled, open(rows, "w") as to:
        for line in labelled:
            to.write(",".join(line.rstrip("\n").split(",")[:41]) + "\n")
    done = quantise(LAB, rows, os.path.join(folder, "u.mlt"), "--keep", "Gemm_2")
    said = json.loads(done.stdout) if done.returncode == 0 else {}
    tap.check("quantise: without labels, by what is decided otherwise", said and said["f1_after"] is None
              and said["disagree"] <= 0.005 and said["layers"][0]["why"] == "as asked", done.stderr or done.stdout)


def tables(tap, folder):
    """Activations between layers are tables of bytes, unless the bound on the loss is kept without them alone."""
    net, image, rows = [os.path.join(folder, name) for name in ("tanh.mlt", "tanh8.mlt", "curve.csv")]
    drawn = random.Random(5)
    with open(rows, "w") as to:
        to.write("a,b,c,d,y\n")
        for _ in range(600):
            a, b, c, d = (drawn.uniform(-1, 1) for _ in range(4))
            to.write(f"{a:.5f},{b:.5f},{c:.5f},{d:.5f},{math.sin(3 * a) + b * c - d:.5f}\n")
    done = tool("model", "train", rows, "--label", "y", "--regression", "--layers", "32,32", "--activation", "tanh",
                "--epochs", "30", "-o", net)
    tap.check("quantise: a network with tanh", done.returncode == 0, done.stderr)
    done = quantise(net, rows, image, "--drop", "y", "--max-f1-loss", "1")
    loss = json.loads(done.stdout)["loss"] if done.returncode == 0 else 0
    ops = [step["op"] for step in json.loads(tool("--json", "model", "inspect", image).stdout)["plan"]]
    tap.check("quantise: tanh is a table between layers", 0 < loss < 0.1 and ops.count("QLookup") == 2
              and ops.count("QuantizeLinear") == 1, done.stderr or str(ops))
    done = quantise(net, rows, image, "--drop", "y", "--max-f1-loss", f"{loss * 0.999:.9f}")
    ops = [step["op"] for step in json.loads(tool("--json", "model", "inspect", image).stdout)["plan"]]
    tap.check("quantise: over the bound it stays in floats, and is said", done.returncode == 0 and "QLookup" not in ops
              and ops.count("QDense") == 3 and json.loads(done.stdout)["loss"] < loss
              and "activations stay in floats: the loss was" in done.stdout, done.stderr or str(ops))


def recurrent(tap, folder):
    """A recurrent layer is of bytes, unless it was measured to be slower so: then the table says it."""
    net, image, rows = [os.path.join(folder, name) for name in ("gru.mlt", "gru8.mlt", "windows.csv")]
    drawn = random.Random(3)
    with open(rows, "w") as to:
        to.write(",".join(f"f{i}_{s}" for s in range(4) for i in range(3)) + ",label\n")
        for _ in range(300):
            way = drawn.randrange(2)
            values = [math.sin(s * (1 + way) + i) + drawn.gauss(0, 0.2) for s in range(4) for i in range(3)]
            to.write(",".join(f"{v:.4f}" for v in values) + f",{'ab'[way]}\n")
    done = tool("model", "train", rows, "--label", "label", "--kind", "gru", "--window", "4", "--units", "8", "--epochs", "3",
                "-o", net)
    tap.check("quantise: a GRU", done.returncode == 0, done.stderr)
    for args in ((), ("--any-speed",)):
        done = quantise(net, rows, image, "--label", "label", "--max-f1-loss", "1", *args)
        layers = json.loads(done.stdout)["layers"] if done.returncode == 0 else []
        ops = [step["op"] for step in json.loads(tool("--json", "model", "inspect", image).stdout)["plan"]]
        gru = [layer for layer in layers if layer["op"] == "GRU"]
        slower = len(gru) == 1 and (gru[0]["why"] or "").startswith("slower in 8 bits: a row takes ")
        tap.check(f"quantise: a GRU of bytes, or of floats that are faster {' '.join(args)}", len(gru) == 1
                  and gru[0]["quantised"] != slower and ops.count("QRecurrent") == gru[0]["quantised"]
                  and not (args and slower), done.stderr or str(layers))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        options(tap, folder)
        scores(tap, folder)
        refusals(tap, folder)
        unlabelled(tap, folder)
        tables(tap, folder)
        recurrent(tap, folder)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
