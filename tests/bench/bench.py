#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the benches, compares with the targets, writes build/bench.json. See run.sh; standard library only."""
import contextlib
import json
import os
import signal
import sys

import bench_auth
import bench_bits
import bench_fair
import bench_memif
import bench_models
import bench_networks
import bench_rest
import bench_river
import bench_spelled
import bench_stages
import bench_swap
import bench_train
import bench_trees

BUILD = os.environ.get("MARTLET_BUILD", "build")
ROUNDS = int(os.environ.get("ROUNDS", "5"))


def row(name, value, unit, peer, target, met):
    return {"name": name, "value": value, "unit": unit, "peer": peer, "target": target, "met": met}


def print_table(rows):
    print(f"\n{'':44s} {'ours':>12s} {'':6s} {'peer':>12s}  target")
    for r in rows:
        peer = "" if r["peer"] is None else f"{r['peer']:12,.2f}"
        verdict = "" if r["met"] is None else "pass" if r["met"] else "MISS"
        print(f"{r['name']:44s} {r['value']:12,.2f} {r['unit']:6s} {peer:>12s}  {r['target']:36s} {verdict}")


def main(folder, *parts):
    parts = parts or ("models", "networks", "spelled", "trees", "train", "bits", "stages", "auth", "fair", "memif", "rest", "river", "swap")
    result, rows = {"rounds": ROUNDS, "hugepages": os.environ.get("MARTLET_HUGEPAGES") == "1"}, []
    if "models" in parts:
        result["models"] = bench_models.run(folder, BUILD, ROUNDS)
        rows += [row(*r) for r in bench_models.rows(result["models"])]
    if "networks" in parts:
        result["networks"] = bench_networks.run(folder, BUILD, ROUNDS)
        rows += [row(*r) for r in bench_networks.rows(result["networks"])]
    if "spelled" in parts:
        result["spelled"] = bench_spelled.run(folder, BUILD, ROUNDS)
        rows += [row(*r) for r in bench_spelled.rows(result["spelled"])]
    if "trees" in parts:
        result["trees"] = bench_trees.run(folder, BUILD, ROUNDS)
        rows += [row(*r) for r in bench_trees.rows(result["trees"])]
    if "train" in parts:
        result["train"] = bench_train.run(folder, BUILD, ROUNDS)
        rows += [row(*r) for r in bench_train.rows(result["train"])]
    if "bits" in parts:
        result["bits"] = bench_bits.run(folder, BUILD, ROUNDS)
        rows += [row(*r) for r in bench_bits.rows(result["bits"])]
    with contextlib.closing(bench_memif.Link(folder, BUILD)) as link:
        for part, bench in (("stages", bench_stages), ("auth", bench_auth), ("fair", bench_fair), ("memif", bench_memif), ("rest", bench_rest), ("river", bench_river), ("swap", bench_swap)):
            if part in parts:
                result[part] = bench.run(link, ROUNDS)
                rows += [row(*r) for r in bench.rows(result[part])]
    result["table"] = rows
    with open(os.path.join(BUILD, "bench.json"), "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    print_table(rows)
    print(f"\nThe same, with every run's figure and spread, is in {BUILD}/bench.json.")


def stop(number, _frame):
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)  # what was started is ended in peace
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    main(*sys.argv[1:])
