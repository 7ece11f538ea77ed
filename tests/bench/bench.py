#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the benches, compares with the targets, writes build/bench.json. See run.sh; standard library only."""
import json
import os
import sys

import bench_memif
import bench_models
import bench_swap

BUILD = os.environ.get("MARTLET_BUILD", "build")
ROUNDS = int(os.environ.get("ROUNDS", "5"))


def row(name, value, unit, peer, target, met):
    return {"name": name, "value": value, "unit": unit, "peer": peer, "target": target, "met": met}


def print_table(rows):
    print(f"\n{'':44s} {'ours':>12s} {'':6s} {'peer':>12s}  target")
    for r in rows:
        peer = "" if r["peer"] is None else f"{r['peer']:12,.2f}"
        verdict = "" if r["met"] is None else "pass" if r["met"] else "MISS"
        print(f"{r['name']:44s} {r['value']:12,.2f} {r['unit']:6s} {peer:>12s}  {r['target']:22s} {verdict}")


def main(folder, *parts):
    parts = parts or ("models", "memif", "swap")
    result, rows = {"rounds": ROUNDS, "hugepages": os.environ.get("MARTLET_HUGEPAGES") == "1"}, []
    if "models" in parts:
        result["models"] = bench_models.run(folder, BUILD, ROUNDS)
        rows += [row(*r) for r in bench_models.rows(result["models"])]
    if "memif" in parts or "swap" in parts:
        link = bench_memif.Link(folder, BUILD)
        if "memif" in parts:
            result["memif"] = bench_memif.run_echo(link, ROUNDS)
            rows += [row(*r) for r in bench_memif.echo_rows(result["memif"])]
        if "swap" in parts:
            result["swap"] = bench_swap.run(link, ROUNDS)
            rows += [row(*r) for r in bench_swap.rows(result["swap"])]
    result["table"] = rows
    with open(os.path.join(BUILD, "bench.json"), "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    print_table(rows)
    print(f"\nThe same, with every run's figure and spread, is in {BUILD}/bench.json.")


if __name__ == "__main__":
    main(*sys.argv[1:])
