# SPDX-License-Identifier: BSD-3-Clause
"""Tree ensembles: `martletctl model bench` against XGBoost's C API and the same trees as nested ifs, in turns; and
splits by category against the same trees over columns of 0 and 1."""
import os
import subprocess

import make_categories
from bench_models import BATCHES, output, spread

COLUMNS = "41"
# ns a row at batch 1 and at 64 and more
TARGETS = {"gbdt_100x31": (300, 80), "gbdt_500_d6": (1500, 350), "gbdt_1000_d8": (8000, 1300)}
FOREST = "forest_100_d8_c5"  # leaves with a share for each of 5 classes


def compile_model(build, source, image):
    subprocess.run([f"{build}/martletctl", "model", "compile", source, "-o", image], check=True, stdout=subprocess.DEVNULL)


def prepare(folder, build):
    here = os.path.dirname(os.path.abspath(__file__))
    # A process of its own: XGBoost and scikit-learn start threads.
    for script in ("make_trees.py", "make_forest.py"):
        subprocess.run(["/usr/bin/python3", os.path.join(here, script), folder], check=True)
    make_categories.main(folder)
    for name in make_categories.NAMES:
        compile_model(build, f"{folder}/{name}.txt", f"{folder}/{name}.mlt")
    for name in (*TARGETS, FOREST):
        source = f"{folder}/{name}.onnx" if name == FOREST else f"{folder}/{name}.json"
        subprocess.run(["gcc", "-O3" if name == "gbdt_100x31" else "-O1", "-march=native", "-shared", "-fPIC", f"{folder}/{name}.c", "-o",
                        f"{folder}/{name}.so", "-lm"], check=True)
        compile_model(build, source, f"{folder}/{name}.mlt")


def measure(folder, build, rows, names):
    peers = output(f"{build}/tests/bench/bench_trees", f"{folder}/{rows}", COLUMNS, folder, *names)
    return peers, {name: ours(folder, build, rows, name) for name in names}


def ours(folder, build, rows, name):
    f = output(f"{build}/martletctl", "--json", "model", "bench", f"{folder}/{name}.mlt", "--rows", f"{folder}/{rows}")
    return {str(b["batch"]): b["ns_per_row"] for b in f["batches"]}


def run(folder, build, rounds):
    folder = os.path.join(folder, "trees")
    prepare(folder, build)
    with open(f"{folder}/trees.txt") as f:
        result = {"rows": f.read()}
    peers, mine, categories = [], [], []
    for i in range(rounds):
        print(f"trees, round {i + 1} of {rounds}", flush=True)
        of_peers, own = measure(folder, build, "trees.f32", [*TARGETS])
        of_forest, own_forest = measure(folder, build, "forest.f32", [FOREST])
        peers.append({**of_peers, **of_forest})
        mine.append({**own, **own_forest})
        categories.append({name: ours(folder, build, f"{name}.f32", name) for name in make_categories.NAMES})
    for name in (*TARGETS, FOREST):
        result[name] = {"ifs_ns_per_row": spread([p[name]["ifs"] for p in peers])}
        for b in BATCHES:
            result[name][b] = {"ns_per_row": spread([m[name][b] for m in mine])}
            if name in TARGETS:
                result[name][b]["xgboost_ns_per_row"] = spread([p[name]["xgboost"][b] for p in peers])
    for name in make_categories.NAMES:
        result[name] = {b: {"ns_per_row": spread([c[name][b] for c in categories])} for b in BATCHES}
    return result


def rows(result):
    for name in (*TARGETS, FOREST):
        ifs = result[name]["ifs_ns_per_row"]["median"]
        goals = TARGETS.get(name)
        for b in BATCHES:
            f = result[name][b]
            mine, peer = f["ns_per_row"]["median"], f["xgboost_ns_per_row"]["median"] if goals else ifs
            goal = None if not goals else goals[0] if b == "1" else goals[1] if b in ("64", "256") else None
            text = f"<= {goal} (nested ifs {ifs:.0f})" if goal else f"(nested ifs {ifs:.0f})"
            yield f"{name} batch {b}", mine, "ns/row", peer, text, None if goal is None else mine <= goal
    for ensemble in make_categories.ENSEMBLES:
        for b in BATCHES:
            category, indicator = (result[f"{kind}_{ensemble}"][b]["ns_per_row"]["median"] for kind in ("category", "indicator"))
            goal = "<= 2 x the peer, columns of 0 and 1" if b == "1" else f"(x {category / indicator:.2f} of columns of 0 and 1)"
            yield f"category_{ensemble} batch {b}", category, "ns/row", indicator, goal, category <= 2 * indicator if b == "1" else None
