# SPDX-License-Identifier: BSD-3-Clause
"""Training of dense networks: rows a second of `martletctl model train` and of scikit-learn's MLPClassifier, the same layers, batches and
epochs, and the losses that both end with. Reading, scaling and compiling are left out: a long training less a short one."""
import json
import os
import subprocess
import time

from bench_models import spread

# name: (rows, classes, layers, batch, epochs of the long training)
NETS = {"train 41-64-32-5": (4000, 5, (64, 32), 200, 60), "train 41-128-256-128-10": (8000, 10, (128, 256, 128), 256, 12)}
SHORT, FEATURES, GOAL = 2, 41, 3


# Debian's Python has numpy and scikit-learn, whichever python3 runs this.
PYTHON = "/usr/bin/python3"

# Rows whose class is the likeliest by a network drawn by itself: something to learn. The class is the last column.
DRAW = """
import sys
import numpy as np
path, n, features, classes = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(1)
rows = rng.normal(size=(n, features)).astype("f4")
numbers = np.tanh(rows @ rng.normal(size=(features, 16)) / 4).dot(rng.normal(size=(16, classes))).argmax(1)
np.save(path, np.hstack([rows, numbers[:, None]]).astype("f4"))
"""


def ours(build, path, image, layers, batch, epochs):
    start = time.perf_counter()
    done = subprocess.run([f"{build}/martletctl", "--json", "model", "train", path, "-o", image, "--label", str(FEATURES + 1), "--validation", "0",
                           "--layers", ",".join(map(str, layers)), "--batch", str(batch), "--epochs", str(epochs), "--patience", str(epochs)],
                          check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    return seconds, float(next(line for line in json.loads(done.stdout)["report"] if line.startswith("loss of")).split()[-1])


# In a process of its own, so that it may start threads as it does by itself.
PEER = """
import json, sys, time, warnings
import numpy as np
from sklearn.neural_network import MLPClassifier
warnings.simplefilter("ignore")
path, layers, batch, epochs = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
data = np.load(path)
x, y = data[:, :-1], data[:, -1].astype(int)
x = ((x - x.mean(0)) / x.std(0)).astype("f4")
said = []
for n in epochs:
    net = MLPClassifier(layers, batch_size=batch, max_iter=n, n_iter_no_change=n, tol=0, alpha=0, random_state=1)
    start = time.perf_counter()
    net.fit(x, y)
    said.append((time.perf_counter() - start, net.loss_))
print(json.dumps(said))
"""


def theirs(path, layers, batch, epochs):
    done = subprocess.run([PYTHON, "-c", PEER, path, json.dumps(layers), str(batch), json.dumps(epochs)], check=True, capture_output=True,
                          text=True)
    return json.loads(done.stdout)


def run(folder, build, rounds):
    result = {}
    for name, (n, classes, layers, batch, epochs) in NETS.items():
        path, image = os.path.join(folder, "train.npy"), os.path.join(folder, "train.mlt")
        subprocess.run([PYTHON, "-c", DRAW, path, *map(str, (n, FEATURES, classes))], check=True)
        mine, peer = [], []
        for _ in range(min(rounds, 3)):
            short, long = (ours(build, path, image, layers, batch, e) for e in (SHORT, epochs))
            mine.append(n * (epochs - SHORT) / (long[0] - short[0]))
            brief, whole = theirs(path, layers, batch, (SHORT, epochs))
            peer.append(n * (epochs - SHORT) / (whole[0] - brief[0]))
        result[name] = {"rows_per_s": spread(mine), "sklearn_rows_per_s": spread(peer), "loss": long[1], "sklearn_loss": whole[1]}
    return result


def rows(result):
    for name, f in result.items():
        mine, peer = f["rows_per_s"]["median"], f["sklearn_rows_per_s"]["median"]
        yield (name, mine, "rows/s", peer, f">= {GOAL} x scikit-learn (loss {f['loss']:.3f}, {f['sklearn_loss']:.3f})",
               mine >= GOAL * peer and f["loss"] <= 1.1 * f["sklearn_loss"])
