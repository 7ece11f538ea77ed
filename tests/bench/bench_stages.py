# SPDX-License-Identifier: BSD-3-Clause
"""What each stage of the river costs a packet, alone on a CPU: tests/bench/bench_stages.c, several times; with one version in service, with a
canary for half of the requests, with a shadow that takes a quarter of the rows, and with a rate for each client, in turns."""
import json
import subprocess

from bench_memif import MODEL, spread

ROLES = {"live alone": (), "with a canary": ("canary",), "with a shadow": ("shadow",), "with a rate": ("limits",)}


def run(link, rounds):
    runs = {role: [] for role in ROLES}
    for i in range(rounds):
        print(f"stages, round {i + 1} of {rounds}", flush=True)
        for role, args in ROLES.items():
            done = subprocess.run([f"{link.build}/tests/bench/bench_stages", f"{link.folder}/a.mlt", f"{link.folder}/{MODEL}.csv", *args],
                                  check=True, capture_output=True, text=True)
            runs[role].append(json.loads(done.stdout))
    return {role: {burst: {stage: spread([r[burst][stage] for r in of]) for stage in stages} for burst, stages in of[0].items()}
            for role, of in runs.items()}


def rows(result):
    for role, bursts in result.items():
        for burst, stages in bursts.items():
            costs = {stage: f["median"] for stage, f in stages.items()}
            text = " + ".join(f"{stage} {ns:.0f}" for stage, ns in costs.items())
            alone = sum(f["median"] for f in result["live alone"][burst].values())
            yield (f"stages, bursts of {burst}, {role}", sum(costs.values()), "ns", None if role == "live alone" else alone, text, None)
