#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model prune: by magnitude, by shrinking and by whole units, on the lab's rows; its lineage and refusals."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

ROWS = os.path.join(ROOT, "data", "lab-train.csv")
LAB = os.path.join(ROOT, "data", "lab.onnx")


def tool(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def prune(source, image, *args):
    return tool("model", "prune", source, "--rows", ROWS, "-o", image, "--steps", "3", "--epochs", "2",
                "--max-f1-loss", "0.03", *args)


def pruned(tap, folder, method):
    """What a method says of itself as JSON, and the image's own description."""
    image = os.path.join(folder, method + ".mlt")
    done = prune(LAB, image, "--method", method, "--sparsity", "0.5", "--json")
    tap.check(f"prune: {method}", done.returncode == 0, done.stderr)
    if done.returncode != 0:
        return None, None
    said = json.loads(done.stdout)
    tap.check(f"prune: {method} keeps to the loss",
              said["before"]["figure"] - said["after"]["figure"] <= 0.03 and said["after"]["figure"] > 0.95, done.stdout)
    return said, json.loads(tool("model", "inspect", image, "--json").stdout)


def methods(tap, folder):
    said, held = pruned(tap, folder, "magnitude")
    tap.check("prune: half of the weights are 0, and as many as before are there",
              said and 0.49 < said["sparsity"] < 0.51 and said["after"]["weights"] == said["before"]["weights"]
              and said["after"]["zero"] > said["before"]["zero"], str(said))
    said, held = pruned(tap, folder, "proximal")
    tap.check("prune: shrinking makes weights 0", said and said["after"]["zero"] > 0.2 * said["after"]["weights"], str(said))
    said, held = pruned(tap, folder, "structured")
    tap.check("prune: whole units make it smaller", said and said["after"]["weights"] <= 0.6 * said["before"]["weights"]
              and said["after"]["weights_bytes"] < said["before"]["weights_bytes"], str(said))
    tap.check("prune: every width is a multiple of 16 but the last",
              held and all(step["shape"].split(" -> ")[1].split()[0] in ("16", "32", "48", "64")
                           for step in held["plan"] if step["op"] == "Dense" and "-> 2" not in step["shape"]),
              str(held and held["plan"]))
    tap.check("prune: the image says what it came from, how and by which rows",
              held and len(held["lineage"]) == 1 and held["lineage"][0].startswith("prune of lab.onnx (SHA-256 ")
              and "--method structured" in held["lineage"][0] and "of lab-train.csv (SHA-256 " in held["lineage"][0]
              and "F1" in held["lineage"][0], str(held and held["lineage"]))


def again(tap, folder):
    first, second = os.path.join(folder, "structured.mlt"), os.path.join(folder, "again.mlt")
    done = prune(first, second, "--method", "magnitude", "--sparsity", "0.2", "--threads", "1")
    shown = tool("model", "inspect", second)
    tap.check("prune: an image is pruned again, and its lineage goes on",
              done.returncode == 0 and "weights of 0 stay where they are" in done.stdout and shown.stdout.count("prune of ") == 2
              and "prune of structured.mlt" in shown.stdout, done.stderr + shown.stdout[:600])
    other = os.path.join(folder, "other.mlt")
    done = prune(first, other, "--method", "magnitude", "--sparsity", "0.2", "--threads", "2")
    with open(second, "rb") as a, open(other, "rb") as b:
        tap.check("prune: any number of threads gives the same image", a.read() == b.read())


def refused(tap, folder):
    image = os.path.join(folder, "no.mlt")
    done = prune(LAB, image, "--tile", "4096")
    tap.check("prune: refuses where no layer has a tile to spare", done.returncode == 1 and
              "no layer has units to spare: each hidden one has at most a tile of 4096" in done.stderr, done.stderr)
    done = prune(LAB, image, "--sparsity", "0.99", "--method", "magnitude", "--steps", "1", "--epochs", "0",
                 "--max-f1-loss", "0")
    tap.check("prune: refuses where the first step costs too much, and says how much", done.returncode == 1 and
              "brings F1 from" in done.stderr and "may cost 0.0000" in done.stderr, done.stderr)
    done = prune(LAB, image, "--method", "trees", "--tile", "8")
    tap.check("prune: refuses options of another method", done.returncode == 2 and
              "--tile is an option of auto or structured: trees has no use of it" in done.stderr, done.stderr)
    forest = os.path.join(folder, "forest.mlt")
    subprocess.run([MARTLETCTL, "model", "train", ROWS, "-o", forest, "--label", "label", "--drop", "activity", "--kind", "isolation-forest", "--trees", "5"],
                   check=True, capture_output=True)
    for option, what in (("--tile", "whole units: the model has trees"), ("--epochs", "training between steps: leaves of trees"),
                         ("--threads", "training between steps")):
        done = tool("model", "prune", forest, "--rows", ROWS, "-o", image, "--drop", "activity", option, "8")
        tap.check(f"prune: {option} of a forest, which auto takes by its trees, is refused", done.returncode == 1
                  and f"{option} is for {what}" in done.stderr, done.stderr)
    one = os.path.join(folder, "one.csv")
    with open(ROWS) as rows, open(one, "w") as out:
        out.writelines(line for n, line in enumerate(rows) if n == 0 or line.rstrip().endswith("attack"))
    done = tool("model", "prune", LAB, "--rows", one, "-o", image)
    tap.check("prune: refuses rows that all bear one label", done.returncode == 1 and
              "rows bear the same label, by which nothing can be judged" in done.stderr, done.stderr)
    tap.check("prune: a refusal writes nothing", not os.path.exists(image))


def interrupted(tap, folder):
    image = os.path.join(folder, "interrupted.mlt")
    work = subprocess.Popen([MARTLETCTL, "model", "prune", LAB, "--rows", ROWS, "-o", image, "--epochs", "10000",
                             "--method", "magnitude", "--sparsity", "0.5"], stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    work.send_signal(signal.SIGINT)
    said = work.communicate(timeout=60)[1]
    tap.check("prune: SIGINT ends it, and leaves nothing", work.returncode == 130 and os.listdir(folder).count(
        "interrupted.mlt") == 0 and not [name for name in os.listdir(folder) if name.startswith("interrupted")], said)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        methods(tap, folder)
        again(tap, folder)
        refused(tap, folder)
        interrupted(tap, folder)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
