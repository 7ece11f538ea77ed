# SPDX-License-Identifier: BSD-3-Clause
"""Convolutional (float32, and int8 as exporters write it) and recurrent reference models: `martletctl model bench` against this CPU's multiply-add limit."""
import math
import random
from array import array

import bench_models
from make_models import FLOAT, INT8, UINT8, data, gauss, node, number, quantised_weights, tensor

# name: samples, [(channels, kernel), ...], classes: Conv + Relu + MaxPool of 2 for each, then Gemm
CNNS = {"cnn_32_16x5_32x3_8": (32, [(16, 5), (32, 3)], 8), "int8_cnn_32_16x5_32x3_8": (32, [(16, 5), (32, 3)], 8)}
# name: operator, steps, inputs, hidden
RECURRENT = {"gru_16x16_32": ("GRU", 16, 16, 32), "lstm_16x16_32": ("LSTM", 16, 16, 32)}
GATES = {"GRU": 3, "LSTM": 4}
TARGETS = {"cnn_32_16x5_32x3_8": {"1": 1000, "64": 500, "256": 500}}  # ns a row


def shapes_of(samples, convs):
    """Of each convolution: (channels in, channels out, kernel, positions); then the values that are left."""
    shapes, channels = [], 1
    for out, kernel in convs:
        shapes.append((channels, out, kernel, samples - kernel + 1))
        channels, samples = out, (samples - kernel + 1) // 2
    return shapes, channels * samples


def macs_of(name):
    if name in CNNS:
        samples, convs, classes = CNNS[name]
        shapes, left = shapes_of(samples, convs)
        return sum(a * b * kernel * positions for a, b, kernel, positions in shapes) + left * classes
    op, steps, inputs, hidden = RECURRENT[name]
    return steps * GATES[op] * hidden * (inputs + hidden)


def attribute(key, values):  # of whole numbers
    return data(5, data(1, key) + b"".join(number(8, v) for v in values) + number(20, 7))


def with_attributes(made, *attributes):
    """A node of make_models.node() with more fields: its length stands in front of them."""
    one_byte = made[1] < 128
    body = made[2:] if one_byte else made[3:]
    return data(1, body + b"".join(attributes))


def values(name, *dims):
    dims = b"".join(data(1, number(1, d)) if d else data(1, data(2, "N")) for d in dims)
    return data(1, name) + data(2, data(1, number(1, 1) + data(2, dims)))


def weights(rng, name, dims, fan):
    return data(5, tensor(name, dims, gauss(rng, math.prod(dims), 1 / math.sqrt(fan))))


def model(graph, name, x, y):
    graph += data(2, name) + data(11, x) + data(12, y)
    return number(1, 7) + data(2, "bench_networks.py") + data(7, graph) + data(8, data(1, "") + number(2, 13))


def cnn(name, rng):
    samples, convs, classes = CNNS[name]
    shapes, left = shapes_of(samples, convs)
    graph, at = b"", "x"
    for i, (a, b, kernel, _) in enumerate(shapes):
        graph += weights(rng, f"w{i}", [b, a, kernel], a * kernel) + weights(rng, f"b{i}", [b], 100)
        graph += node("Conv", [at, f"w{i}", f"b{i}"], f"c{i}") + node("Relu", [f"c{i}"], f"a{i}")
        graph += with_attributes(node("MaxPool", [f"a{i}"], f"p{i}"), attribute("kernel_shape", [2]),
                                 attribute("strides", [2]))
        at = f"p{i}"
    graph += weights(rng, "w", [left, classes], left) + weights(rng, "b", [classes], 100)
    graph += node("Flatten", [at], "f") + node("Gemm", ["f", "w", "b"], "y")
    return model(graph, name, values("x", 0, 1, samples), values("y", 0, classes))


def quantised_cnn(name, rng):
    samples, convs, classes = CNNS[name]
    shapes, left = shapes_of(samples, convs)
    graph, at = b"", "x"

    def constant(key, dims, values, kind=FLOAT):
        return data(5, tensor(key, dims, values, kind))

    def there(x, out, scale, zero):  # and back
        made = constant(f"{out}s", [], array("f", [scale])) + constant(f"{out}z", [], array("B", [zero]), UINT8)
        made += node("QuantizeLinear", [x, f"{out}s", f"{out}z"], f"{out}q")
        return made + node("DequantizeLinear", [f"{out}q", f"{out}s", f"{out}z"], out)

    graph += there("x", "d", 0.03, 128)
    for i, (a, b, kernel, _) in enumerate(shapes):
        w, scales = quantised_weights(a * kernel, b, rng)  # [a * kernel][b], of random values any order will do
        graph += constant(f"w{i}", [b, a, kernel], w, INT8) + constant(f"ws{i}", [b], scales)
        graph += constant(f"b{i}", [b], gauss(rng, b, 0.1)) + node("DequantizeLinear", [f"w{i}", f"ws{i}"], f"dw{i}", 0)
        graph += node("Conv", [f"d{i - 1}" if i else "d", f"dw{i}", f"b{i}"], f"c{i}") + node("Relu", [f"c{i}"], f"a{i}")
        graph += there(f"a{i}", f"e{i}", 0.02, 0)
        graph += with_attributes(node("MaxPool", [f"e{i}"], f"p{i}"), attribute("kernel_shape", [2]), attribute("strides", [2]))
        graph += there(f"p{i}", f"d{i}", 0.02, 0)
        at = f"d{i}"
    w, scales = quantised_weights(left, classes, rng)
    graph += constant("w", [left, classes], w, INT8) + constant("ws", [classes], scales)
    graph += constant("b", [classes], gauss(rng, classes, 0.1)) + node("DequantizeLinear", ["w", "ws"], "dw", 1)
    graph += node("Flatten", [at], "f") + node("Gemm", ["f", "dw", "b"], "y")
    return model(graph, name, values("x", 0, 1, samples), values("y", 0, classes))


def recurrent(name, rng):
    op, steps, inputs, hidden = RECURRENT[name]
    rows = GATES[op] * hidden
    graph = weights(rng, "w", [1, rows, inputs], inputs) + weights(rng, "r", [1, rows, hidden], hidden)
    graph += weights(rng, "b", [1, 2 * rows], 100)
    graph += with_attributes(node(op, ["x", "w", "r", "b"], "y"),
                             data(5, data(1, "hidden_size") + number(3, hidden) + number(20, 2)))
    return model(graph, name, values("x", steps, 1, inputs), values("y", steps, 1, 1, hidden))


def run(folder, build, rounds):
    names = [*CNNS, *RECURRENT]
    for name in names:
        with open(f"{folder}/{name}.onnx", "wb") as f:
            write = recurrent if name in RECURRENT else quantised_cnn if name.startswith("int8") else cnn
            f.write(write(name, random.Random(name)))
        bench_models.compile_model(build, folder, name)
    mine, fma = [], []  # a round's figures each
    for i in range(rounds):
        print(f"networks, round {i + 1} of {rounds}", flush=True)
        fma.append(bench_models.output(f"{build}/tests/bench/bench_openblas")["fma_per_ns"])
        mine.append({name: bench_models.ours(build, folder, name) for name in names})
    result = {"fma_per_ns": bench_models.spread(fma)}
    for name in names:
        limit = macs_of(name) / max(fma)
        result[name] = {"macs": macs_of(name), "fma_limit_ns": limit}
        for b in bench_models.BATCHES:
            figures = bench_models.spread([r[name][b] for r in mine])
            result[name][b] = {"ns_per_row": figures, "share_of_fma_limit": limit / figures["median"]}
    return result


def rows(result):
    for name in [*CNNS, *RECURRENT]:
        for b in bench_models.BATCHES:
            f = result[name][b]
            mine, goal = f["ns_per_row"]["median"], TARGETS.get(name, {}).get(b)
            share = f"({f['share_of_fma_limit']:.0%} of FMA)"
            yield (f"{name} batch {b}", mine, "ns/row", None, f"<= {goal} {share}" if goal else share,
                   mine <= goal if goal else None)
