#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Foreign models are read by a child process that is confined: images, reports and refusals are those that this process would make
(--no-sandbox), files beside a model are found as before and no others, and a model that takes more than it may is refused by name."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

ROWS = f"{ROOT}/data/lab-train.csv"


def ctl(*args, stdin=None):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True, stdin=stdin)


def both(tap, folder, name, *args, code=0, stdin=None):
    """The same with and without: what is said, and what is written. Both end with `code`, and 0 writes an image."""
    said, images = [], []
    for way in ([], ["--no-sandbox"]):
        out = f"{folder}/out.mlt"
        if os.path.exists(out):
            os.remove(out)
        with open(stdin or os.devnull) as f:
            done = ctl("model", *args, "-o", out, *way, stdin=f)
        said.append((done.returncode, done.stdout, done.stderr))
        images.append(open(out, "rb").read() if os.path.exists(out) else None)
    tap.check(f"{name}: the same image", images[0] == images[1] and (images[0] is not None) == (code == 0), str([i and len(i) for i in images]))
    tap.check(f"{name}: ends with {code}", said[0][0] == code, str(said[0]))
    # Times that were measured are another each time, and the kernels that are chosen by them keep weights of another size in memory.
    said = [(code, *(re.sub(r"[0-9.]+ ([nu]s|B|KiB)", "", text).split() for text in texts)) for code, *texts in said]
    return tap.check(f"{name}: the same words", said[0] == said[1], f"{said[0]}\n# {said[1]}")


def models(tap, folder):
    both(tap, folder, "ONNX with rows", "compile", f"{ROOT}/data/lab.onnx", "--rows", ROWS, "--classes", "benign,attack")
    both(tap, folder, "rows by standard input", "compile", f"{ROOT}/data/lab.onnx", "--rows", "-", stdin=ROWS)
    both(tap, folder, "rows that are not there", "compile", f"{ROOT}/data/lab.onnx", "--rows", f"{folder}/none.csv", code=1)
    both(tap, folder, "a reference", "compile", f"{ROOT}/data/lab.onnx", "--reference", ROWS)
    both(tap, folder, "no model", "compile", ROWS, code=1)
    both(tap, folder, "an option that is wrong", "compile", f"{ROOT}/data/lab.onnx", "--outputs", "none-such", code=1)
    both(tap, folder, "prune", "prune", f"{ROOT}/data/lab.onnx", "--rows", ROWS, "--label", "label", "--epochs", "1")
    # One of each format.
    for path in ("fixtures/parity/mlp_double.onnx", "fixtures/tflite/LOGISTIC.tflite", "fuzz/corpus/xgboost/classes.json",
                 "fuzz/corpus/xgboost/classes.ubj", "fuzz/corpus/xgboost/dart.bin", "fuzz/corpus/lightgbm/forest.txt",
                 "fuzz/corpus/catboost/rmse.json"):
        both(tap, folder, path, "compile", f"{ROOT}/tests/{path}")


def eaters(tap, folder):
    """Not hostile, but beyond limits that are set low."""
    out = f"{folder}/eater.mlt"
    big = f"{folder}/big.json"
    tree = '{"a":' * 10 + "1" + "}" * 10
    with open(big, "w") as f:  # as XGBoost's, but for all that it should have
        f.write('{"learner":{"x":[' + ",".join([tree] * 400000) + ']},"version":[2,0,0]}')
    done = ctl("model", "compile", big, "-o", out, "--parse-memory", "16")
    tap.check("a file that takes more memory than it may is refused by name", done.returncode == 1 and
              f"refused: reading {big} took more than 16 MiB of memory" in done.stderr and not os.path.exists(out), done.stderr)
    for words in (["--parse-memory", "1"], ["--parse-seconds", "0"]):
        done = ctl("model", "compile", big, "-o", out, *words)
        tap.check(f"{' '.join(words)} is none", done.returncode == 2 and words[0] in done.stderr, done.stderr)


def beside(tap, folder):
    """Weights in a file of their own: in the model's folder, and not out of it."""
    try:
        import numpy
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as why:
        tap.skip("files beside a model", str(why))
        return
    weights = numpy_helper.from_array(numpy.arange(400 * 300, dtype=numpy.float32).reshape(400, 300) / 1e5, "w")
    model = helper.make_model(helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 400])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 300])], [weights]),
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    path = f"{folder}/net.onnx"
    onnx.save_model(model, path, save_as_external_data=True, all_tensors_to_one_file=True, location="net.weights", size_threshold=0)
    both(tap, folder, "weights beside the model", "compile", path)
    tap.check("they were read", os.path.getsize(f"{folder}/out.mlt") > 400 * 300 * 4)
    for location in ("../passwd", "/etc/passwd", "none.weights", "net.onnx"):
        proto = onnx.load(path, load_external_data=False)
        for entry in proto.graph.initializer[0].external_data:
            if entry.key == "location":
                entry.value = location
        with open(path + "2", "wb") as f:
            f.write(proto.SerializeToString())
        os.replace(path, path + ".kept")
        os.replace(path + "2", path)
        both(tap, folder, f"weights said to be {location}", "compile", path, code=1)
        os.replace(path + ".kept", path)
        tap.check(f"weights said to be {location}: refused", not os.path.exists(f"{folder}/out.mlt"))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        models(tap, folder)
        eaters(tap, folder)
        beside(tap, folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
