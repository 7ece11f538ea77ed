#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the dense reference models as ONNX with random weights, and rows to score. Those of QUANTISED
are their int8 form as exporters write it: QuantizeLinear and DequantizeLinear around float products; those of
DYNAMIC are what ONNX Runtime's quantize_dynamic() makes: each row finds its own scale while the model runs.

usage: make_models.py OUT [SEED [NAME...]]    OUT/NAME.onnx, OUT/NAME.f32 (rows), OUT/NAME.csv (the same)

Standard library only: ONNX is protobuf, and these few messages of onnx.proto are written by hand.
"""
import math
import os
import random
import struct
import sys
from array import array

ROWS = 1024
# name: (widths, activation between layers, activation at the end)
MODELS = {
    "dense_64_64": ([64, 64], "Relu", None),
    "mlp_41_64_32_5": ([41, 64, 32, 5], "Relu", "Softmax"),
    "ae_41_32_16_32_41": ([41, 32, 16, 32, 41], "Relu", None),
    "mlp_128_256_128_10": ([128, 256, 128, 10], "Relu", "Softmax"),
    "mlp_256_1024_1024_16": ([256, 1024, 1024, 16], "Relu", "Softmax"),
}
QUANTISED = {"int8_41_64_32_5": [41, 64, 32, 5], "int8_128_256_128_10": [128, 256, 128, 10]}
DYNAMIC = {"dynamic_41_64_32_5": [41, 64, 32, 5], "dynamic_128_256_128_10": [128, 256, 128, 10]}
# Of MODELS, compiled with --weights bf16.
SHORTENED = {"bf16_128_256_128_10": "mlp_128_256_128_10", "bf16_256_1024_1024_16": "mlp_256_1024_1024_16"}
FLOAT, UINT8, INT8, INT32 = 1, 2, 3, 6  # TensorProto.DataType
CALIBRATION_ROWS = 64


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def tensor(name, dims, values, kind=FLOAT):
    return b"".join(number(1, d) for d in dims) + number(2, kind) + data(8, name) + data(9, values.tobytes())


def value_info(name, columns):
    dims = data(1, data(2, "N")) + data(1, number(1, columns))
    return data(1, name) + data(2, data(1, number(1, 1) + data(2, dims)))


def node(op, inputs, output, axis=None):
    out = b"".join(data(1, i) for i in inputs) + data(2, output) + data(3, output) + data(4, op)
    if axis is not None:
        out += data(5, data(1, "axis") + number(3, axis) + number(20, 2))
    return data(1, out)


def gauss(rng, count, scale):
    return array("f", (rng.gauss(0, scale) for _ in range(count)))


def model(name, widths, inner, last, rng):
    nodes, initializers, at = b"", b"", "x"
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        activation = last if i == len(widths) - 2 else inner
        initializers += data(5, tensor(f"w{i}", [a, b], gauss(rng, a * b, 1 / math.sqrt(a))))
        initializers += data(5, tensor(f"b{i}", [b], gauss(rng, b, 0.1)))
        out = "y" if i == len(widths) - 2 and not activation else f"g{i}"
        nodes += node("Gemm", [at, f"w{i}", f"b{i}"], out)
        at = out
        if activation:
            at = "y" if i == len(widths) - 2 else f"a{i}"
            nodes += node(activation, [out], at, 1 if activation == "Softmax" else None)
    graph = nodes + data(2, name) + initializers
    graph += data(11, value_info("x", widths[0])) + data(12, value_info("y", widths[-1]))
    return number(1, 7) + data(2, "make_models.py") + data(7, graph) + data(8, data(1, "") + number(2, 13))


def quantised_weights(a, b, rng):
    """int8 weights [a][b] with a scale for each column, and what they stand for."""
    w = gauss(rng, a * b, 1 / math.sqrt(a))
    scales = array("f", (max(abs(v) for v in w[c::b]) / 127 for c in range(b)))
    return array("b", (round(v / scales[i % b]) for i, v in enumerate(w))), scales


def quantised_model(name, widths, rng, rows):
    """`rows` are lists of floats: their largest values give the scales."""
    nodes, made, at, low = b"", b"", "x", min(map(min, rows))
    layers = len(widths) - 1
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        scale = array("f", [(max(map(max, rows)) - low) / 255])
        zero = array("B", [round(-low / scale[0])])
        w, scales = quantised_weights(a, b, rng)
        bias = array("i", (round(v / (scale[0] * s)) for v, s in zip(gauss(rng, b, 0.1), scales)))
        units = array("f", (scale[0] * s for s in scales))
        for key, dims, values, kind in (("s", [], scale, FLOAT), ("z", [], zero, UINT8), ("w", [a, b], w, INT8),
                                        ("ws", [b], scales, FLOAT), ("b", [b], bias, INT32), ("bs", [b], units, FLOAT)):
            made += data(5, tensor(f"{key}{i}", dims, values, kind))
        out = f"g{i}"
        nodes += node("QuantizeLinear", [at, f"s{i}", f"z{i}"], f"q{i}")
        nodes += node("DequantizeLinear", [f"q{i}", f"s{i}", f"z{i}"], f"d{i}")
        nodes += node("DequantizeLinear", [f"w{i}", f"ws{i}"], f"dw{i}", 1)
        nodes += node("DequantizeLinear", [f"b{i}", f"bs{i}"], f"db{i}", 0)
        nodes += node("Gemm", [f"d{i}", f"dw{i}", f"db{i}"], out)
        at = f"a{i}" if i < layers - 1 else "y"
        nodes += node("Relu" if i < layers - 1 else "Softmax", [out], at, None if i < layers - 1 else 1)
        columns = [[w[r * b + c] * scales[c] for r in range(a)] for c in range(b)]
        rows = [[max(0, sum(p * q for p, q in zip(x, w)) + u * v) for w, u, v in zip(columns, units, bias)]
                for x in rows]
        low = 0
    graph = nodes + data(2, name) + made
    graph += data(11, value_info("x", widths[0])) + data(12, value_info("y", widths[-1]))
    return number(1, 7) + data(2, "make_models.py") + data(7, graph) + data(8, data(1, "") + number(2, 13))


def dynamic_model(name, widths, rng):
    nodes, made, at = b"", b"", "x"
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        w, scales = quantised_weights(a, b, rng)
        last = i == len(widths) - 2
        for key, dims, values, kind in (("w", [a, b], w, INT8), ("ws", [b], scales, FLOAT), ("b", [b], gauss(rng, b, 0.1), FLOAT)):
            made += data(5, tensor(f"{key}{i}", dims, values, kind))
        nodes += data(1, data(1, at) + b"".join(data(2, f"{key}{i}") for key in ("q", "s", "z"))
                      + data(3, f"quantise{i}") + data(4, "DynamicQuantizeLinear"))
        nodes += node("MatMulInteger", [f"q{i}", f"w{i}", f"z{i}"], f"m{i}")
        nodes += data(1, data(1, f"m{i}") + data(2, f"c{i}") + data(3, f"c{i}") + data(4, "Cast")
                      + data(5, data(1, "to") + number(3, FLOAT) + number(20, 2)))
        nodes += node("Mul", [f"s{i}", f"ws{i}"], f"u{i}") + node("Mul", [f"c{i}", f"u{i}"], f"v{i}")
        nodes += node("Add", [f"v{i}", f"b{i}"], f"g{i}")
        at = "y" if last else f"a{i}"
        nodes += node("Softmax" if last else "Relu", [f"g{i}"], at, 1 if last else None)
    graph = nodes + data(2, name) + made
    graph += data(11, value_info("x", widths[0])) + data(12, value_info("y", widths[-1]))
    return number(1, 7) + data(2, "make_models.py") + data(7, graph) + data(8, data(1, "") + number(2, 13))


def made(name, rng, rows):
    if name in QUANTISED:
        return quantised_model(name, QUANTISED[name], rng, rows)
    return dynamic_model(name, DYNAMIC[name], rng) if name in DYNAMIC else model(name, *MODELS[name], rng)


def main(out, seed="7", *names):
    os.makedirs(out, exist_ok=True)
    for name in names or [*MODELS, *QUANTISED, *DYNAMIC]:
        rng = random.Random(f"{name} {seed}")
        widths = QUANTISED.get(name) or DYNAMIC.get(name) or MODELS[name][0]
        rows = gauss(random.Random(name), ROWS * widths[0], 1)  # the same whatever the seed
        first = [list(rows[i * widths[0]:(i + 1) * widths[0]]) for i in range(CALIBRATION_ROWS)]
        with open(f"{out}/{name}.onnx", "wb") as f:
            f.write(made(name, rng, first))
        with open(f"{out}/{name}.f32", "wb") as f:
            f.write(struct.pack(f"<{len(rows)}f", *rows))
        with open(f"{out}/{name}.csv", "w") as f:
            f.write(",".join(f"x{i}" for i in range(widths[0])) + "\n")
            for i in range(0, len(rows), widths[0]):
                f.write(",".join("%.9g" % x for x in rows[i:i + widths[0]]) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
