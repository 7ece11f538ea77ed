# SPDX-License-Identifier: BSD-3-Clause
"""Dense reference models: `martletctl model bench` against OpenBLAS doing the same nets, in turns."""
import json
import statistics
import subprocess

import make_models

BATCHES = ("1", "16", "64", "256")
# ns a row, batch 1 and batch >= 64; None: no figure set. The largest net: not slower than OpenBLAS.
TARGETS = {
    "dense_64_64": {"1": 50},
    "mlp_41_64_32_5": {"1": 110, "64": 60, "256": 60},
    "ae_41_32_16_32_41": {"1": 90, "64": 50, "256": 50},
    "mlp_128_256_128_10": {"1": 1300, "64": 700, "256": 700},
}


def output(*command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ours(build, folder, name):
    figures = output(f"{build}/martletctl", "--json", "model", "bench", f"{folder}/{name}.mlt")
    return {str(b["batch"]): b["ns_per_row"] for b in figures["batches"]}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": values}


def run(folder, build, rounds):
    names = list(make_models.MODELS)
    make_models.main(folder)
    nets = []
    for name, (widths, _, last) in make_models.MODELS.items():
        subprocess.run([f"{build}/martletctl", "model", "compile", f"{folder}/{name}.onnx", "-o",
                        f"{folder}/{name}.mlt"], check=True, stdout=subprocess.DEVNULL)
        nets.append(f"{name}:{','.join(map(str, widths))}:{int(last == 'Softmax')}")
    mine, peer, fma = [], [], []  # a round's figures each
    for i in range(rounds):
        print(f"models, round {i + 1} of {rounds}", flush=True)
        blas = output(f"{build}/tests/bench/bench_openblas", *nets)
        peer.append(blas["models"])
        fma.append(blas["fma_per_ns"])
        mine.append({name: ours(build, folder, name) for name in names})
    result = {"fma_per_ns": spread(fma)}
    for name in names:
        widths = make_models.MODELS[name][0]
        macs = sum(a * b for a, b in zip(widths, widths[1:]))
        limit = macs / max(fma)
        weights = min(r[name]["weights_ns"] for r in peer)
        result[name] = {"macs": macs, "fma_limit_ns": limit, "weights_limit_ns": weights}
        for b in BATCHES:
            m = spread([r[name][b] for r in mine])
            result[name][b] = {"ns_per_row": m, "openblas_ns_per_row": spread([r[name][b] for r in peer]),
                               "share_of_fma_limit": limit / m["median"]}
            if b == "1":  # each weight is read for one product only
                result[name][b]["share_of_weights_limit"] = weights / m["median"]
    return result


def rows(result):
    for name in make_models.MODELS:
        for b in BATCHES:
            f = result[name][b]
            mine, peer = f["ns_per_row"]["median"], f["openblas_ns_per_row"]["median"]
            goal = TARGETS.get(name, {}).get(b)
            share = f"{f['share_of_fma_limit']:.0%} of FMA"
            if b == "1":
                share = f"{f['share_of_weights_limit']:.0%} of loads"
            if name == "mlp_256_1024_1024_16":
                text, met = f"<= OpenBLAS ({share})", mine <= peer * 1.03
            else:
                text, met = (f"<= {goal} ({share})", mine <= goal) if goal else (f"({share})", None)
            yield f"{name} batch {b}", mine, "ns/row", peer, text, met
