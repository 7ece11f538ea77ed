#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""docs/models.md: the commands in it run as they stand there, its table of rows a request is right, and each line that
compiling may report is explained; those of learning are in docs/learning.md, beside the commands that print them."""
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import BUILD, ROOT, Tap, skip_all

try:
    import numpy, onnx, sklearn, xgboost  # noqa: E401, F401: what the commands need
except ImportError as e:
    skip_all(f"no {e.name} for python3")

BLOCK = re.compile(r"^```(sh|python) run\n(.*?)^```$", re.M | re.S)


def commands(tap, text, folder):
    """Each block in the order of the document, all in one folder that looks like the repository's top."""
    for name in ("data", "scripts"):
        os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))
    environment = {**os.environ, "PATH": f"{os.path.abspath(BUILD)}:{os.environ['PATH']}"}
    blocks = BLOCK.findall(text)
    tap.check("there are commands to run", len(blocks) >= 8, f"{len(blocks)}")
    for kind, code in blocks:
        program = ["bash", "-euo", "pipefail", "-c", code] if kind == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True)
        tap.check(next(line for line in code.splitlines() if not line.startswith("import")).strip()[:90], done.returncode == 0,
                  done.stderr[-2000:])


def rows_a_request(tap, text):
    header, *lines = [[cell.strip() for cell in line.strip("|").split("|")]
                      for line in re.findall(r"^\|.*\|$", text[text.index("| features |"):].split("\n\n")[0], re.M)]
    sizes = {"f32": 4, "f16": 2, "i8": 1}
    for features, *counts in lines[1:]:
        wanted = []
        for column in header[1:]:
            dtype, mtu = column.split(", ")
            wanted.append((int(mtu) - 20 - 8 - 32) // (int(features) * sizes[dtype]))
        tap.check(f"rows a request of {features} features", [int(n) for n in counts] == wanted, str(wanted))


def reported():
    """(file, pieces of text between what is filled in) of each text in the report_add()s of the sources."""
    call = re.compile(r'\breport_add\(((?:"(?:[^"\\]|\\.)*"|[^;"])*)\);', re.S)
    # Texts that stand side by side are one; what is between them, or behind the last, is a macro with a format.
    side_by_side = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*(?:[A-Z]\w+\s*)?"(?:[^"\\]|\\.)*")*(?:\s*[A-Z]\w+)?')
    for path in sorted(glob.glob(os.path.join(ROOT, "infer", "**", "*.c"), recursive=True)):
        with open(path) as f:
            for arguments in call.findall(f.read()):
                for found in side_by_side.findall(arguments):
                    whole = re.sub(r'"\s*[A-Z]\w+\s*("|$)', "u", found)
                    whole = re.sub(r'"\s*"', "", whole).strip('"').replace('\\"', '"')
                    yield os.path.relpath(path, ROOT), re.split(r"%[-+ #0-9.*]*(?:ll|l|z)?[a-zA-Z]", whole)


def lines_explained(tap, models, learning):
    seen = 0
    for path, pieces in reported():
        longest = max(pieces, key=len).strip(" ,;:")
        if " " not in longest:  # a word that is filled in, or the letter of a plural
            continue
        seen += 1
        learnt = path.startswith(("infer/learn/", "infer/compile/passes/quantise_"))
        name, text = ("learning", learning) if learnt else ("models", models)
        tap.check(f"explained, of {path}: {longest[:60]}", longest in " ".join(text.split()),
                  f"docs/{name}.md does not explain '{longest}'")
    tap.check("the sources report something", seen > 100, f"{seen}")


def main():
    tap = Tap()
    with open(os.path.join(ROOT, "docs", "models.md")) as f:
        text = f.read()
    with open(os.path.join(ROOT, "docs", "learning.md")) as f:
        learning = f.read()
    with tempfile.TemporaryDirectory(prefix="martlet-models-") as folder:
        commands(tap, text, folder)
    rows_a_request(tap, text)
    lines_explained(tap, text, learning)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
