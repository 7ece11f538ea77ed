# SPDX-License-Identifier: BSD-3-Clause
"""What exporters spell out of primitive operators: a block of a transformer (LayerNormalization, Dense, Gelu, Dense, residual,
LayerNormalization) beside the same of the operators themselves, and a chain of elementwise operators."""
import math
import random
from array import array

import bench_models
from bench_networks import attribute, values, weights, with_attributes
from make_models import data, gauss, node, number, tensor

PLACES, WIDTH, INNER = 8, 32, 64
CHAINS = {"chain_41_x_1000": (41, 1000)}  # values, operators
SPELLED, OWN = "block_8x32_spelled_out", "block_8x32_own_operators"


def model(graph, name, x, y, opset):
    graph += data(2, name) + data(11, x) + data(12, y)
    return number(1, 8) + data(2, "bench_spelled.py") + data(7, graph) + data(8, data(1, "") + number(2, opset))


def constant(name, dims, floats):
    return data(5, tensor(name, dims, array("f", floats)))


def layer_norm(x, y, own, rng):
    graph = constant(f"{y}g", [WIDTH], gauss(rng, WIDTH, 1)) + constant(f"{y}b", [WIDTH], gauss(rng, WIDTH, 1))
    if own:
        return graph + node("LayerNormalization", [x, f"{y}g", f"{y}b"], y)
    last = attribute("axes", [2**64 - 1])  # -1
    graph += constant(f"{y}two", [], [2]) + constant(f"{y}e", [], [1e-5])
    graph += with_attributes(node("ReduceMean", [x], f"{y}m"), last) + node("Sub", [x, f"{y}m"], f"{y}c")
    graph += node("Pow", [f"{y}c", f"{y}two"], f"{y}q") + with_attributes(node("ReduceMean", [f"{y}q"], f"{y}v"), last)
    graph += node("Add", [f"{y}v", f"{y}e"], f"{y}a") + node("Sqrt", [f"{y}a"], f"{y}s")
    graph += node("Div", [f"{y}c", f"{y}s"], f"{y}d") + node("Mul", [f"{y}d", f"{y}g"], f"{y}h")
    return graph + node("Add", [f"{y}h", f"{y}b"], y)


def gelu(x, y, own):
    if own:
        return node("Gelu", [x], y)
    graph = constant(f"{y}r", [], [math.sqrt(2)]) + constant(f"{y}o", [], [1]) + constant(f"{y}f", [], [0.5])
    graph += node("Div", [x, f"{y}r"], f"{y}d") + node("Erf", [f"{y}d"], f"{y}e") + node("Add", [f"{y}e", f"{y}o"], f"{y}p")
    return graph + node("Mul", [x, f"{y}p"], f"{y}m") + node("Mul", [f"{y}m", f"{y}f"], y)


def dense(x, y, inputs, outputs, rng):
    graph = weights(rng, f"{y}w", [inputs, outputs], inputs) + weights(rng, f"{y}b", [outputs], 100)
    return graph + node("MatMul", [x, f"{y}w"], f"{y}p") + node("Add", [f"{y}p", f"{y}b"], y)


def block(name):
    own, rng = name == OWN, random.Random("block")
    graph = layer_norm("x", "n", own, rng) + dense("n", "u", WIDTH, INNER, rng) + gelu("u", "g", own)
    graph += dense("g", "d", INNER, WIDTH, rng) + node("Add", ["x", "d"], "r") + layer_norm("r", "y", own, rng)
    return model(graph, name, values("x", 0, PLACES, WIDTH), values("y", 0, PLACES, WIDTH), 20 if own else 13)


def chain(name):
    (columns, operators), rng, graph, at = CHAINS[name], random.Random(name), b"", "x"
    for i in range(operators):
        out = "y" if i + 1 == operators else f"t{i}"
        if i % 2 == 0:
            graph += weights(rng, f"c{i}", [columns], 1) + node("Add" if i % 4 else "Mul", [at, f"c{i}"], out)
        else:
            graph += node(("Abs", "Relu", "Neg", "Tanh")[i // 2 % 4], [at], out)
        at = out
    return model(graph, name, values("x", 0, columns), values("y", 0, columns), 13)


def run(folder, build, rounds):
    names = [SPELLED, OWN, *CHAINS]
    for name in names:
        with open(f"{folder}/{name}.onnx", "wb") as f:
            f.write(chain(name) if name in CHAINS else block(name))
        bench_models.compile_model(build, folder, name)
    mine = []  # a round's figures each
    for i in range(rounds):
        print(f"spelled, round {i + 1} of {rounds}", flush=True)
        mine.append({name: bench_models.ours(build, folder, name) for name in names})
    return {name: {b: {"ns_per_row": bench_models.spread([r[name][b] for r in mine])} for b in bench_models.BATCHES}
            for name in names}


def rows(result):
    for b in bench_models.BATCHES:
        mine, own = (result[name][b]["ns_per_row"]["median"] for name in (SPELLED, OWN))
        yield f"{SPELLED} batch {b}", mine, "ns/row", own, "<= our own operators", mine <= own * 1.1
    for name, (_, operators) in CHAINS.items():
        for b in bench_models.BATCHES:
            mine = result[name][b]["ns_per_row"]["median"]
            yield f"{name} batch {b}", mine, "ns/row", None, f"({mine / operators:.1f} an operator)", None
