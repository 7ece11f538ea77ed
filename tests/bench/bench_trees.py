# SPDX-License-Identifier: BSD-3-Clause
"""Tree ensembles: `martletctl model bench` against XGBoost's C API and the same trees as nested ifs, in turns."""
import os
import subprocess

from bench_models import BATCHES, output, spread

COLUMNS = "41"
# ns a row at batch 1 and at 64 and more
TARGETS = {"gbdt_100x31": (300, 80), "gbdt_500_d6": (1500, 350), "gbdt_1000_d8": (8000, 1300)}


def prepare(folder, build):
    # A process of its own: XGBoost starts threads.
    subprocess.run(["/usr/bin/python3", os.path.join(os.path.dirname(os.path.abspath(__file__)), "make_trees.py"), folder], check=True)
    for name in TARGETS:
        subprocess.run(["gcc", "-O3" if name == "gbdt_100x31" else "-O1", "-march=native", "-shared", "-fPIC", f"{folder}/{name}.c", "-o",
                        f"{folder}/{name}.so", "-lm"], check=True)
        subprocess.run([f"{build}/martletctl", "model", "compile", f"{folder}/{name}.json", "-o", f"{folder}/{name}.mlt"], check=True,
                       stdout=subprocess.DEVNULL)


def run(folder, build, rounds):
    folder = os.path.join(folder, "trees")
    prepare(folder, build)
    with open(f"{folder}/trees.txt") as f:
        result = {"rows": f.read()}
    peers, mine = [], []
    for i in range(rounds):
        print(f"trees, round {i + 1} of {rounds}", flush=True)
        peers.append(output(f"{build}/tests/bench/bench_trees", f"{folder}/trees.f32", COLUMNS, folder, *TARGETS))
        figures = {}
        for name in TARGETS:
            f = output(f"{build}/martletctl", "--json", "model", "bench", f"{folder}/{name}.mlt", "--rows", f"{folder}/trees.f32")
            figures[name] = {str(b["batch"]): b["ns_per_row"] for b in f["batches"]}
        mine.append(figures)
    for name in TARGETS:
        result[name] = {"ifs_ns_per_row": spread([p[name]["ifs"] for p in peers])}
        for b in BATCHES:
            result[name][b] = {"ns_per_row": spread([m[name][b] for m in mine]),
                               "xgboost_ns_per_row": spread([p[name]["xgboost"][b] for p in peers])}
    return result


def rows(result):
    for name in TARGETS:
        ifs = result[name]["ifs_ns_per_row"]["median"]
        for b in BATCHES:
            f = result[name][b]
            mine, peer = f["ns_per_row"]["median"], f["xgboost_ns_per_row"]["median"]
            goal = TARGETS[name][0] if b == "1" else TARGETS[name][1] if b in ("64", "256") else None
            text = f"<= {goal} (nested ifs {ifs:.0f})" if goal else f"(nested ifs {ifs:.0f})"
            yield f"{name} batch {b}", mine, "ns/row", peer, text, None if goal is None else mine <= goal
