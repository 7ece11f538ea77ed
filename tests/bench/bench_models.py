# SPDX-License-Identifier: BSD-3-Clause
"""Dense reference models, float32, bfloat16 and int8: `martletctl model bench` against OpenBLAS and oneDNN doing the same
nets, in turns."""
import json
import os
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
    "int8_41_64_32_5": {"64": 30, "256": 30},
    "int8_128_256_128_10": {"64": 250, "256": 250},
}


def output(*command):
    one = {**os.environ, "OMP_NUM_THREADS": "1"}  # oneDNN's threads
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=one).stdout)


def ours(build, folder, name):
    figures = output(f"{build}/martletctl", "--json", "model", "bench", f"{folder}/{name}.mlt")
    return {str(b["batch"]): b["ns_per_row"] for b in figures["batches"]}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": values}


def compile_model(build, folder, name):
    source = make_models.SHORTENED.get(name)
    subprocess.run([f"{build}/martletctl", "model", "compile", f"{folder}/{source or name}.onnx",
                    "-o", f"{folder}/{name}.mlt", "--weights", "bf16" if source else "f32"],
                   check=True, stdout=subprocess.DEVNULL)


def described(name):
    """(widths, softmax?, type) of a net."""
    for quantised in (make_models.QUANTISED, make_models.DYNAMIC):
        if name in quantised:
            return quantised[name], 1, "int8"
    widths, _, last = make_models.MODELS[make_models.SHORTENED.get(name, name)]
    return widths, int(last == "Softmax"), "bf16" if name in make_models.SHORTENED else "f32"


def every_name():
    return [*make_models.MODELS, *make_models.SHORTENED, *make_models.QUANTISED, *make_models.DYNAMIC]


def run(folder, build, rounds):
    floats, names = list(make_models.MODELS), every_name()
    nets = {name: "{}:{}:{}:{}".format(name, ",".join(map(str, widths)), softmax, kind)
            for name in names for widths, softmax, kind in [described(name)]}
    make_models.main(folder)
    for name in names:
        compile_model(build, folder, name)
    mine, peer, other, fma = [], [], [], []  # a round's figures each
    for i in range(rounds):
        print(f"models, round {i + 1} of {rounds}", flush=True)
        blas = output(f"{build}/tests/bench/bench_openblas", *(nets[name].rsplit(":", 1)[0] for name in floats))
        peer.append(blas["models"])
        fma.append(blas["fma_per_ns"])
        other.append(output(f"{build}/tests/bench/bench_onednn", *nets.values()))
        mine.append({name: ours(build, folder, name) for name in nets})
    result = {"fma_per_ns": spread(fma)}
    for name in nets:
        widths = described(name)[0]
        macs = sum(a * b for a, b in zip(widths, widths[1:]))
        result[name] = {"macs": macs}
        for b in BATCHES:
            result[name][b] = {"ns_per_row": spread([r[name][b] for r in mine]),
                               "onednn_ns_per_row": spread([r[name][b] for r in other])}
        if name in floats:
            limits(result[name], macs / max(fma), [p[name] for p in peer])
    return result


def limits(figures, limit, peer):
    weights = min(p["weights_ns"] for p in peer)
    figures.update({"fma_limit_ns": limit, "weights_limit_ns": weights})
    for b in BATCHES:
        median = figures[b]["ns_per_row"]["median"]
        figures[b]["openblas_ns_per_row"] = spread([p[b] for p in peer])
        figures[b]["share_of_fma_limit"] = limit / median
        if b == "1":  # each weight is read for one product only
            figures[b]["share_of_weights_limit"] = weights / median


def rows(result):
    for name in every_name():
        for b in BATCHES:
            f = result[name][b]
            mine, onednn = f["ns_per_row"]["median"], f["onednn_ns_per_row"]["median"]
            goal = TARGETS.get(name, {}).get(b)
            peer, note = onednn, f"oneDNN's {'static ' if name in make_models.DYNAMIC else ''}{described(name)[2]}"
            if name in make_models.MODELS:
                peer = f["openblas_ns_per_row"]["median"]
                share = f"{f['share_of_weights_limit']:.0%} of loads" if b == "1" else f"{f['share_of_fma_limit']:.0%} of FMA"
                note = f"{share}, oneDNN {onednn:,.0f}"
            if name == "mlp_256_1024_1024_16":
                text, met = f"<= OpenBLAS ({note})", mine <= peer * 1.03
            else:
                text, met = (f"<= {goal} ({note})", mine <= goal) if goal else (f"({note})", None)
            yield f"{name} batch {b}", mine, "ns/row", peer, text, met
