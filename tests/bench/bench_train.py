# SPDX-License-Identifier: BSD-3-Clause
"""Training of dense networks: rows a second of `martletctl model train` and of scikit-learn's MLPClassifier, the same layers, batches,
epochs, rates and ways to draw the first weights, and the losses that both end with: the mean over the rows of the last epoch, as each
minibatch was met. That depends on the seed more than on who trains, so each round has another and the means are compared. Reading, scaling
and compiling are left out: a long training less a short one. Both sides take the CPUs that they take by themselves, in turns."""
import json
import os
import statistics
import subprocess
import time

from bench_models import spread

# name: (rows, classes, layers, batch, epochs of the long training)
NETS = {"train 41-64-32-5": (4000, 5, (64, 32), 200, 60), "train 41-128-256-128-10": (8000, 10, (128, 256, 128), 256, 12)}
SHORT, FEATURES, GOAL, SEEDS = 2, 41, 3, 5


# What OpenBLAS chooses for this CPU by itself, on both sides.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}

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


def ours(build, path, image, layers, batch, epochs, seed):
    start = time.perf_counter()
    done = subprocess.run([f"{build}/martletctl", "--json", "model", "train", path, "-o", image, "--label", str(FEATURES + 1), "--validation", "0",
                           "--layers", ",".join(map(str, layers)), "--batch", str(batch), "--epochs", str(epochs), "--patience", str(epochs), "--seed", str(seed)],
                          check=True, capture_output=True, text=True, env=ENVIRONMENT)
    seconds = time.perf_counter() - start
    return seconds, float(next(line for line in json.loads(done.stdout)["report"] if line.startswith("loss of")).split()[-1])


# In a process of its own, so that it may start threads as it does by itself.
PEER = """
import json, sys, time, warnings
import numpy as np
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_info
warnings.simplefilter("ignore")
path, layers, batch, epochs, seed = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]), int(sys.argv[5])
data = np.load(path)
x, y = data[:, :-1], data[:, -1].astype(int)
x = ((x - x.mean(0)) / x.std(0)).astype("f4")
said = []
for n in epochs:
    net = MLPClassifier(layers, batch_size=batch, max_iter=n, n_iter_no_change=n, tol=0, alpha=0, random_state=seed)
    start = time.perf_counter()
    net.fit(x, y)
    said.append((time.perf_counter() - start, net.loss_))
blas = [f"{i['internal_api']} {i['version']}, {i['architecture']}, {i['num_threads']} threads" for i in threadpool_info() if i["user_api"] == "blas"]
print(json.dumps(said + blas[:1]))
"""


def theirs(path, layers, batch, epochs, seed):
    done = subprocess.run([PYTHON, "-c", PEER, path, json.dumps(layers), str(batch), json.dumps(epochs), str(seed)], check=True,
                          capture_output=True, text=True, env=ENVIRONMENT)
    return json.loads(done.stdout)


def run(folder, build, rounds):
    result = {}
    for name, (n, classes, layers, batch, epochs) in NETS.items():
        path, image = os.path.join(folder, "train.npy"), os.path.join(folder, "train.mlt")
        subprocess.run([PYTHON, "-c", DRAW, path, *map(str, (n, FEATURES, classes))], check=True)
        mine, peer, loss, peer_loss, blas = [], [], [], [], "an unknown BLAS"
        for seed in range(1, SEEDS + 1):
            short, long = (ours(build, path, image, layers, batch, e, seed) for e in (SHORT, epochs))
            brief, whole, *named = theirs(path, layers, batch, (SHORT, epochs), seed)
            mine.append(n * (epochs - SHORT) / (long[0] - short[0]))
            peer.append(n * (epochs - SHORT) / (whole[0] - brief[0]))
            loss.append(long[1])
            peer_loss.append(whole[1])
            blas = named[0] if named else blas
        result[name] = {"rows_per_s": spread(mine), "sklearn_rows_per_s": spread(peer), "loss": loss, "sklearn_loss": peer_loss,
                        "sklearn_blas": blas}
    return result


def is_equal(mine, peer):
    """No higher by more than twice the standard error of the difference."""
    error = ((statistics.variance(mine) + statistics.variance(peer)) / len(mine)) ** 0.5
    return statistics.mean(mine) <= statistics.mean(peer) + 2 * error


def rows(result):
    for name, f in result.items():
        mine, peer = f["rows_per_s"]["median"], f["sklearn_rows_per_s"]["median"]
        yield (name, mine, "rows/s", peer, f">= {GOAL} x scikit-learn by {f['sklearn_blas']} (mean loss of {SEEDS} seeds "
               f"{statistics.mean(f['loss']):.3f}, {statistics.mean(f['sklearn_loss']):.3f})",
               mine >= GOAL * peer and is_equal(f["loss"], f["sklearn_loss"]))
