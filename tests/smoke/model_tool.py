#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl's offline commands on a model, inspect, bench and run, with every file format and instruction set."""
import csv
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETCTL, ROOT, Tap

TEST_ROWS = os.path.join(ROOT, "data", "lab-test.csv")
LAB = os.path.join(ROOT, "data", "lab.onnx")
EXPECTED = os.path.join(ROOT, "data", "lab-expected.csv")
ISAS = ("scalar", "avx2", "avx512", "native")
FEATURES, OUTPUTS = 41, 2


def tool(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def read_f32(path):
    with open(path, "rb") as f:
        data = f.read()
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def read_npy(path):
    """(shape, values) of a little-endian float32 .npy, format 1."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:8] != b"\x93NUMPY\x01\x00":
        return None, []
    header = 10 + struct.unpack("<H", data[8:10])[0]
    described = eval(data[10:header].decode(), {"__builtins__": {}})  # a literal of our own tool's
    if described["descr"] != "<f4" or described["fortran_order"] or header % 64:
        return None, []
    return described["shape"], list(struct.unpack(f"<{(len(data) - header) // 4}f", data[header:]))


def read_csv(path):
    with open(path) as f:
        lines = list(csv.reader(f))
    return lines[0], [float(x) for line in lines[1:] for x in line]


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def run_formats(tap, image, folder):
    outs = {kind: os.path.join(folder, f"scores.{kind}") for kind in ("csv", "npy", "f32")}
    for kind, out in outs.items():
        done = tool("model", "run", image, TEST_ROWS, "-o", out)
        tap.check(f"run: rows of a CSV to .{kind}", done.returncode == 0 and done.stdout.count("\n") == 1, done.stderr)
    names, from_csv = read_csv(outs["csv"])
    shape, from_npy = read_npy(outs["npy"])
    raw = read_f32(outs["f32"])
    tap.check("run: the CSV's header names the outputs", len(names) == OUTPUTS and "attack" in names[1], str(names))
    tap.check("run: all three hold the same floats", shape == (len(raw) // OUTPUTS, OUTPUTS)
              and from_npy == raw and [single(x) for x in from_csv] == raw)
    with open(EXPECTED) as f:
        expected = [[float(x) for x in line] for line in list(csv.reader(f))[1:]]
    worst = max(abs(raw[OUTPUTS * int(row) + o] - want) for row, *wants in expected for o, want in enumerate(wants))
    tap.check("run: as sklearn scores them, to 1e-5", len(expected) > 100 and worst <= 1e-5, f"{worst}")
    done = tool("model", "run", image, TEST_ROWS, "-o", "-")
    with open(outs["csv"]) as f:
        tap.check("run: - is CSV on standard output", done.returncode == 0 and done.stdout == f.read(), done.stderr)
    return raw


def rows_formats(tap, image, folder, scores):
    """The same rows as .f32 and .npy score the same."""
    with open(TEST_ROWS) as f:
        lines = list(csv.reader(f))[1:]
    values = struct.pack(f"<{len(lines) * FEATURES}f", *(float(x) for line in lines for x in line[:FEATURES]))
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(lines)}, {FEATURES}), }}".ljust(117) + "\n"
    files = {"f32": values, "npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values}
    for kind, data in files.items():
        path, out = os.path.join(folder, f"rows.{kind}"), os.path.join(folder, "again.f32")
        with open(path, "wb") as f:
            f.write(data)
        done = tool("model", "run", image, path, "-o", out, "--json")
        said = json.loads(done.stdout or "{}")
        tap.check(f"run: rows of a .{kind} score the same", done.returncode == 0 and read_f32(out) == scores
                  and said.get("rows") == len(lines) and said.get("outputs") == OUTPUTS, done.stderr)


def rows_by_name(tap, image, folder, scores):
    """Columns in another order, with more beside them, score the same by their names; so do rows from a pipe."""
    with open(TEST_ROWS) as f:
        names, *lines = list(csv.reader(f))
    order = [*range(FEATURES - 1, -1, -1)]
    out, mixed, more = (os.path.join(folder, name) for name in ("mixed.f32", "mixed.csv", "more.csv"))
    with open(mixed, "w") as f:
        csv.writer(f, delimiter=";").writerows([[line[c] for c in order] for line in [names, *lines]])
    with open(more, "w") as f:
        csv.writer(f).writerows([["", "id", *names], *[[i, f"flow {i}", *line] for i, line in enumerate(lines)]])
    done = tool("model", "run", image, mixed, "-o", out)
    tap.check("run: columns in another order are taken by name, which is said", done.returncode == 0
              and read_f32(out) == scores and "taken by their names" in done.stderr, done.stderr)
    done = tool("model", "run", image, more, "-o", out)
    tap.check("run: another column is refused by name", done.returncode == 1 and "'id'; --drop" in done.stderr, done.stderr)
    for option in (["--drop", "id"], ["--columns", f"3-{FEATURES + 2}"]):
        done = tool("model", "run", image, more, "-o", out, *option)
        tap.check(f"run: {option[0]} leaves it out", done.returncode == 0 and read_f32(out) == scores, done.stderr)
    with open(TEST_ROWS, "rb") as f:
        done = subprocess.run([MARTLETCTL, "model", "run", image, "-", "-o", out], stdin=f, capture_output=True, text=True)
    tap.check("run: rows from standard input", done.returncode == 0 and read_f32(out) == scores, done.stderr)
    with open(os.path.join(folder, "rows.npy"), "rb") as f:
        done = subprocess.run([MARTLETCTL, "model", "bench", image, "--rows", "-", "--rows-format", "npy", "--json"],
                              stdin=f, capture_output=True, text=True)
    tap.check("bench: rows of another format from standard input", done.returncode == 0
              and json.loads(done.stdout)["rows"] == len(lines), done.stderr)
    with open(more, "w") as f:
        f.write(",".join([*names[1:FEATURES], "tpc"]) + "\n")
    for args in (["model", "run", image, more, "-o", out], ["model", "bench", image, "--rows", more],
                 ["model", "compile", LAB, "-o", out, "--rows", more]):
        done = tool(*args)
        tap.check(f"{args[1]}: a header of other names is refused by name", done.returncode == 1
                  and f"lacks 1 of the model's {FEATURES} features: '{names[0]}'" in done.stderr, done.stderr)


def rows_of_text(tap, folder):
    """Features that are text stand in a CSV as their texts."""
    image, rows, out = (os.path.join(folder, name) for name in ("text.mlt", "text.csv", "text.f32"))
    model = os.path.join(ROOT, "tests", "fixtures", "operators", "models", "text_columns.onnx")
    header, lines = "flag,protocol,duration\n", "S0,udp,0.5\nSF,tcp,-2\nREJ,other,1\n"
    right = [0, 1, 1, 0.5, 1, 0, 0, -2, 0, 0, 2, 1]
    with open(rows, "w") as f:
        f.write(header + lines)
    made = tool("model", "compile", model, "-o", image, "--rows", rows)
    done = tool("model", "run", image, rows, "-o", out)
    tap.check("run: texts of a CSV by the model's own table", made.returncode == done.returncode == 0 and read_f32(out) == right,
              made.stderr + done.stderr)
    with open(rows, "w") as f:
        f.write("udp,0.5,S0\ntcp,-2,SF\nother,1,REJ\n")
    done = tool("model", "run", image, rows, "-o", out)
    tap.check("run: text without a header is a row", done.returncode == 0 and read_f32(out) == right, done.stderr)
    with open(rows, "w") as f:
        f.write(header + "S1,udp,0.5\n")
    done = tool("model", "run", image, rows, "-o", out)
    tap.check("run: a text that the model does not know is refused", done.returncode == 1
              and done.stderr.startswith(f"martletctl: {rows}:2: column 1: 'S1' is none of the 3 texts"), done.stderr)


def run_isas(tap, image, folder, scores):
    for isa in ISAS:
        out = os.path.join(folder, "isa.f32")
        done = tool("model", "run", image, TEST_ROWS, "-o", out, "--isa", isa)
        close = done.returncode == 0 and max(abs(a - b) for a, b in zip(read_f32(out), scores)) <= 1e-6
        tap.check(f"run: --isa {isa} scores within 1e-6", close, done.stderr)


def inspect(tap, image):
    for isa in ISAS:
        text, done = tool("model", "inspect", image, "--isa", isa), tool("model", "inspect", image, "--isa", isa, "--json")
        said = json.loads(done.stdout or "{}")
        steps = said.get("plan", [])
        kernels = [k["kernel"] for s in steps for k in s.get("kernels", s.get("batches", []))]
        right = all("avx512" not in k for k in kernels) if isa == "avx2" else \
            all(k.endswith("scalar") for k in kernels) if isa == "scalar" else True
        tap.check(f"inspect --isa {isa}: a plan of such kernels", text.returncode == done.returncode == 0 and right
                  and len(kernels) == 4 * len(steps) > 0 and all(s["op"] in text.stdout for s in steps),
                  text.stderr + done.stderr + str(kernels))
    said = json.loads(tool("model", "inspect", image, "--json").stdout)
    tap.check("inspect: who it is", said["model"] == "lab" and len(said["source_sha256"]) == 64
              and said["class_labels"] == ["benign", "attack"] and len(said["features"]) == FEATURES, str(said)[:400])


def bench(tap, image):
    done, text = tool("model", "bench", image, "--json"), tool("model", "bench", image, "--isa", "avx2")
    said = json.loads(done.stdout or "{}")
    batches = said.get("batches", [])
    tap.check("bench: ns a row at 1, 16, 64 and 256", said.get("model") == "lab"
              and [b["batch"] for b in batches] == [1, 16, 64, 256]
              and all(b["ns_per_row"] > 0 and b["kernels"] for b in batches), done.stderr)
    tap.check("bench: a table for people", text.returncode == 0 and len(text.stdout.splitlines()) == 6
              and "avx512" not in text.stdout, text.stdout + text.stderr)


def compile_report(tap, folder):
    """What was imported, its names and its memory, for people and for programs."""
    image = os.path.join(folder, "told.mlt")
    text, done = tool("model", "compile", LAB, "-o", image), tool("model", "compile", LAB, "-o", image, "--json")
    said = json.loads(done.stdout or "{}")
    tap.check("compile: tells source, names and memory", text.returncode == 0
              and all(word in text.stdout for word in ("ONNX of opset 13", "features   41: tcp, udp", "scratch for one row",
                                                       "outputs    2: probabilities[benign]", "classes    2: benign, attack")),
              text.stdout + text.stderr)
    tap.check("compile --json: the same", done.returncode == 0 and len(said["features"]) == FEATURES
              and said["class_labels"] == ["benign", "attack"] and len(said["outputs"]) == OUTPUTS
              and said["report"][0].startswith("ONNX of opset 13") and said["weights_bytes"] > 0, done.stdout + done.stderr)


def short_weights(tap, folder, scores):
    """The model with bfloat16 weights: near the same scores, and by each instruction set alike; AMX adds otherwise."""
    image, out = os.path.join(folder, "short.mlt"), os.path.join(folder, "short.f32")
    made = tool("model", "compile", LAB, "-o", image, "--weights", "bf16")
    tap.check("compile --weights bf16: says how far scores move", made.returncode == 0
              and "dense layers in bfloat16" in made.stdout and "in bfloat16 within" in made.stdout, made.stdout + made.stderr)
    runs = []
    for isa in ("scalar", "avx2", "avx512", "avx512vnni", "native"):
        done = tool("model", "run", image, TEST_ROWS, "-o", out, "--isa", isa)
        runs.append(read_f32(out) if done.returncode == 0 else [])
    worst = max((abs(a - b) for a, b in zip(runs[-1], scores)), default=1)
    tap.check("run: bfloat16 scores are near", len(runs[-1]) == len(scores) and 0 < worst < 0.1, f"{worst}")
    differ = [sum(abs(a - b) > 1e-5 for a, b in zip(run, runs[0])) if len(run) == len(scores) else len(scores)
              for run in runs]
    tap.check("run: bfloat16 scores agree on all instruction sets",
              not any(differ[:-1]) and differ[-1] < len(scores) // 10, f"{differ} of {len(scores)} differ")
    steps = json.loads(tool("model", "inspect", image, "--json").stdout or "{}").get("plan", [])
    dense = [k["kernel"] for s in steps if s["op"] == "Dense" for k in s.get("kernels", s.get("batches", []))]
    tap.check("inspect: bfloat16 kernels", dense and all(k.startswith("bf16_dense_") for k in dense), str(dense))


def refusals(tap, image, folder):
    def refused(name, status, words, *args):
        done = tool(*args)
        tap.check(f"refused: {name}", done.returncode == status and done.stderr.strip()
                  and (status == 2 or done.stderr.count("\n") == done.stderr.count(": note: ") + 1) and all(w in done.stderr for w in words), done.stderr)

    def file(name, text):
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            f.write(text)
        return path

    out = os.path.join(folder, "out.csv")
    row = ",".join(["1"] * FEATURES)
    short, nan = file("short.csv", f"{row}\n1,2,3\n".encode()), file("nan.csv", f"{row}\nnan{row[1:]}\n".encode())
    refused("a short line", 1, [short + ":2", "41"], "model", "run", image, short, "-o", out)
    refused("NaN where the model takes none", 1, ["row 2", "tcp", "NaN"], "model", "run", image, nan, "-o", out)
    refused("a torn .f32", 1, ["torn.f32"], "model", "run", image, file("torn.f32", bytes(4 * FEATURES + 1)), "-o", out)
    refused("rows that are not there", 1, ["nowhere.csv"], "model", "run", image, "nowhere.csv", "-o", out)
    refused("rows of an unknown kind", 1, ["rows.txt"], "model", "run", image, file("rows.txt", b"1\n"), "-o", out)
    refused("an output of an unknown kind", 2, [".csv"], "model", "run", image, TEST_ROWS, "-o", out + ".txt")
    refused("an output nowhere", 1, ["/nowhere/"], "model", "run", image, TEST_ROWS, "-o", "/nowhere/out.csv")
    refused("no output", 2, ["-o"], "model", "run", image, TEST_ROWS)
    refused("weights of an unknown kind", 2, ["f32 or bf16"], "model", "compile", LAB, "-o", out, "--weights", "f8")
    refused("an unknown instruction set", 2, ["avx2"], "model", "bench", image, "--isa", "mmx")
    for command in ("inspect", "bench"):
        refused(f"{command}: no image", 1, ["README.md"], "model", command, os.path.join(ROOT, "README.md"))
        refused(f"{command}: nothing there", 1, ["nothing.mlt"], "model", command, "nothing.mlt")
    tap.check("nothing was written for what was refused", not os.path.exists(out))


def main():
    tap = Tap()
    image = frames.compile_lab_image("lab")
    with tempfile.TemporaryDirectory(prefix="martlet-tool-") as folder:
        scores = run_formats(tap, image, folder)
        rows_formats(tap, image, folder, scores)
        rows_by_name(tap, image, folder, scores)
        rows_of_text(tap, folder)
        run_isas(tap, image, folder, scores)
        inspect(tap, image)
        bench(tap, image)
        compile_report(tap, folder)
        short_weights(tap, folder, scores)
        refusals(tap, image, folder)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
