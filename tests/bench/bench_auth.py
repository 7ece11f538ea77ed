# SPDX-License-Identifier: BSD-3-Clause
"""What authenticated datagrams cost: a request of 200 bytes alone and in bursts (tests/bench/bench_auth.c), and requests over memif with a
key and without one, in turns."""
import json
import os
import subprocess

from bench_memif import MODEL, figures, spread


def run(link, rounds):
    keys = f"{link.folder}/keys"
    if not os.path.exists(keys):
        subprocess.run([f"{link.build}/martletctl", "key", "generate", "bench", "--keys", keys], check=True, capture_output=True)
    alone, runs = [], {"without": [], "with": []}
    for i in range(rounds):
        print(f"auth, round {i + 1} of {rounds}", flush=True)
        done = subprocess.run([f"{link.build}/tests/bench/bench_auth"], check=True, capture_output=True, text=True)
        alone.append(json.loads(done.stdout))
        appliance = link.appliance(more=f'trust = {{ keys = "{keys}"; }};')
        score = ["--rows", f"{link.folder}/{MODEL}.csv", "--model", "1"]
        sides = [("without", []), ("with", ["--wire-key", keys])]
        for who, key in sides if i % 2 == 0 else sides[::-1]:
            runs[who].append(figures(link, *score, *key))
        link.end(appliance)
    return {"alone": {burst: {what: spread([r[burst][what] for r in alone]) for what in of} for burst, of in alone[0].items()},
            **{who: {key: spread([r[key] for r in of]) for key in of[0]} for who, of in runs.items()}}


def rows(result):
    for burst, costs in result["alone"].items():
        if burst == "wrong":
            continue
        check, seal = costs["check"]["median"], costs["seal"]["median"]
        goal = {"1": 130, "64": 40}.get(burst)
        yield (f"auth, a request of 200 bytes, bursts of {burst}", check, "ns", None, f"<= {goal}" if goal else "",
               check <= goal if goal else None)
        yield f"auth, its reply's trailer, bursts of {burst}", seal, "ns", None, "", None
    wrong = {k: v["median"] for k, v in result["alone"]["wrong"].items()}
    yield ("auth, a tag wrong in its last byte", wrong["last_byte_ns"], "ns", wrong["first_byte_ns"],
           f"first byte alike, |t| < 4 ({wrong['t']:.1f})", abs(wrong["t"]) < 4)
    ours, plain = ({k: v["median"] for k, v in result[who].items()} for who in ("with", "without"))
    ratio = ours["p50_ns"] / plain["p50_ns"]
    yield "memif p50 with a key, 1 outstanding", ours["p50_ns"], "ns", plain["p50_ns"], f"<= 1.15 x without ({ratio:.2f})", ratio <= 1.15
    rate = ours["replies_per_second"] / plain["replies_per_second"]
    yield ("memif replies/s with a key, 128 outstanding", ours["replies_per_second"] / 1e6, "M/s", plain["replies_per_second"] / 1e6,
           f"({rate:.0%})", None)
