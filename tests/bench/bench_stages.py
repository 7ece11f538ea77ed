# SPDX-License-Identifier: BSD-3-Clause
"""What each stage of the river costs a packet, alone on a CPU: tests/bench/bench_stages.c, several times."""
import json
import subprocess

from bench_memif import MODEL, spread


def run(link, rounds):
    runs = []
    for i in range(rounds):
        print(f"stages, round {i + 1} of {rounds}", flush=True)
        done = subprocess.run([f"{link.build}/tests/bench/bench_stages", f"{link.folder}/a.mlt",
                               f"{link.folder}/{MODEL}.csv"], check=True, capture_output=True, text=True)
        runs.append(json.loads(done.stdout))
    return {burst: {stage: spread([r[burst][stage] for r in runs]) for stage in stages}
            for burst, stages in runs[0].items()}


def rows(result):
    for burst, stages in result.items():
        costs = {stage: f["median"] for stage, f in stages.items()}
        text = " + ".join(f"{stage} {ns:.0f}" for stage, ns in costs.items())
        yield f"stages, bursts of {burst}", sum(costs.values()), "ns", None, text, None
