# SPDX-License-Identifier: BSD-3-Clause
"""What it costs that a row has the same bits in batches of any size: `martletctl model bench` with --exact and without, in
turns, over the bundled models. With AVX-512 the fastest kernels of a single row add in another order, which --exact leaves
aside. Where the CPU has no AVX-512, all kernels add in one order: both ways are the same ones, and nothing is given up."""
import os
import subprocess

from bench_models import BATCHES, output, spread

LAB = ("lab", "lab-activity")


def ways_of(isa):
    """The options of each way to be timed."""
    return {"any": [], "exact": ["--exact"]} if isa.startswith(("avx512", "amx")) else {"exact": ["--exact"]}


def run(folder, build, rounds):
    folder = os.path.join(folder, "bits")
    os.makedirs(folder)
    for name in LAB:
        subprocess.run([f"{build}/martletctl", "model", "compile", f"data/{name}.onnx", "-o", f"{folder}/{name}.mlt"], check=True,
                       stdout=subprocess.DEVNULL)
    isa = output(f"{build}/martletctl", "--json", "model", "inspect", f"{folder}/{LAB[0]}.mlt")["isa"]
    figures = {name: {way: [] for way in ways_of(isa)} for name in LAB}
    for i in range(rounds):
        print(f"bits, round {i + 1} of {rounds}", flush=True)
        for name in LAB:
            for way, options in ways_of(isa).items():
                f = output(f"{build}/martletctl", "--json", "model", "bench", f"{folder}/{name}.mlt", *options)
                figures[name][way].append({str(b["batch"]): b["ns_per_row"] for b in f["batches"]})
    return {"isa": isa, **{name: {b: {way: spread([r[b] for r in runs]) for way, runs in figures[name].items()}
                                  for b in BATCHES} for name in LAB}}


def rows(result):
    for name in LAB:
        for b in BATCHES:
            medians = {way: f["median"] for way, f in result[name][b].items()}
            text, free = f"(nothing given up: {result['isa']} has one order)", medians.get("any")
            if free:
                text = f"(x {medians['exact'] / free:.3f} of any order)"
            yield f"{name} same bits, batch {b}", medians["exact"], "ns/row", free, text, None
