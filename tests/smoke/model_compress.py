#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""martletctl model compress: the lab's model under bounds that can and cannot be met, its report, and an interruption."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

ROWS = os.path.join(ROOT, "data", "lab-train.csv")
LAB = os.path.join(ROOT, "data", "lab.onnx")


def compress(folder, image, *args):
    rows = [] if "--rows" in args else ["--rows", ROWS]
    return subprocess.run([MARTLETCTL, "model", "compress", LAB, *rows, "-o", image, *args], capture_output=True, text=True,
                          env={**os.environ, "TMPDIR": folder})


def beats(a, b):
    better = [a["figure"] - b["figure"], b["ns_per_row"] - a["ns_per_row"], b["image_bytes"] - a["image_bytes"]]
    return min(better) >= 0 and max(better) > 0


def met(tap, folder):
    image, report = os.path.join(folder, "small.mlt"), os.path.join(folder, "small.svg")
    done = compress(folder, image, "--seconds", "100", "--max-bytes", "30000", "--max-f1-loss", "0.05", "--report", report,
                    "--json")
    tap.check("compress: a bound that can be met is", done.returncode == 0, done.stderr)
    if done.returncode != 0:
        return
    said = json.loads(done.stdout)
    trials = said["trials"]
    chosen = [trial for trial in trials if trial["chosen"]]
    tap.check("compress: the first trial is the model as it is, and others were tried",
              trials[0]["steps"] == "as it is" and len(trials) > 2, done.stdout)
    tap.check("compress: what is chosen keeps to the bounds, and is the fastest that does",
              len(chosen) == 1 and chosen[0]["meets"] and chosen[0]["image_bytes"] <= 30000
              and chosen[0]["figure"] >= trials[0]["figure"] - 0.05
              and chosen[0]["ns_per_row"] == min(trial["ns_per_row"] for trial in trials if trial["meets"]), str(chosen))
    tap.check("compress: the front is what no other trial beats",
              all(trial["front"] == (not any(beats(other, trial) for other in trials)) for trial in trials), str(trials))
    held = json.loads(subprocess.run([MARTLETCTL, "model", "inspect", image, "--json"], capture_output=True, text=True).stdout)
    tap.check("compress: the image says what it came from, how, and on which rows",
              held["lineage"][-1].startswith("compress of lab.onnx (SHA-256 ") and "--max-bytes 30000" in held["lineage"][-1]
              and "of lab-train.csv (SHA-256 " in held["lineage"][-1] and chosen[0]["steps"] in held["lineage"][-1]
              and held["model"] == "lab", str(held["lineage"]))
    with open(report) as file:
        drawn = file.read()
    tap.check("compress: the report draws all trials", drawn.startswith("<?xml") or drawn.startswith("<svg"), drawn[:100])
    tap.check("compress: and names each", all(trial["steps"] in drawn for trial in trials))
    tap.check("compress: nothing is left of what was in between",
              sorted(os.listdir(folder)) == ["small.mlt", "small.svg"], str(os.listdir(folder)))


def lineage_counts(tap, folder):
    """The image's lineage is part of its bytes: what is bounded, told and shown is the file's size."""
    image, rows = os.path.join(folder, "tight.mlt"), some_rows(folder, 600)
    sizes = []
    for bound in ("1000000", None):
        done = compress(folder, image, "--rows", rows, "--seconds", "100", "--max-bytes", bound or str(sizes[0] - 1), "--max-f1-loss", "1", "--json")
        tap.check("compress: a model is found within a bound of bytes", done.returncode == 0 or "within the time" in done.stderr, done.stderr)
        if done.returncode != 0:
            break
        chosen = [trial for trial in json.loads(done.stdout)["trials"] if trial["chosen"]]
        sizes.append(os.path.getsize(image))
        held = json.loads(subprocess.run([MARTLETCTL, "model", "inspect", image, "--json"], capture_output=True, text=True).stdout)
        tap.check("compress: the size that it tells is the file's, also in the lineage", chosen[0]["image_bytes"] == sizes[-1]
                  and f" to {sizes[-1]} bytes" in held["lineage"][-1], f"{sizes} {chosen} {held['lineage'][-1]}")
    tap.check("compress: a byte less than the file that was the fastest is another file", len(sizes) < 2 or sizes[1] < sizes[0], str(sizes))
    os.unlink(image)
    os.unlink(rows)


def not_met(tap, folder):
    image = os.path.join(folder, "none.mlt")
    done = compress(folder, image, "--seconds", "1", "--max-bytes", "100")
    tap.check("compress: of a bound that cannot be met it says the nearest", done.returncode == 1
              and "meets the bounds" in done.stderr and "the nearest is \"" in done.stderr and "an image of" in done.stderr,
              done.stderr)
    tap.check("compress: and writes nothing", not os.path.exists(image) and not [
        name for name in os.listdir(folder) if name.startswith("martlet-compress")], str(os.listdir(folder)))


def some_rows(folder, n):
    """Rows of the lab, evenly spread, so that a whole search is short."""
    path = os.path.join(folder, "rows.csv")
    with open(ROWS) as file:
        header, *rows = file.readlines()
    with open(path, "w") as file:
        file.writelines([header, *rows[::len(rows) // n]])
    return path


def whole(tap, folder):
    """A search that has the time for all: pruning goes on from what was pruned and trained."""
    rows, image = some_rows(folder, 500), os.path.join(folder, "whole.mlt")
    done = compress(folder, image, "--rows", rows, "--seconds", "1000", "--max-f1-loss", "0.3", "--json")
    tap.check("compress: a whole search ends by itself", done.returncode == 0
              and not json.loads(done.stdout)["out_of_time"], done.stderr)
    if done.returncode != 0:
        return
    trials = {trial["steps"]: trial for trial in json.loads(done.stdout)["trials"]}
    tap.check("compress: units go in several trials, each from the one before", "units -25 %" in trials
              and "units -25 % -50 %" in trials, str(list(trials)))
    tap.check("compress: and each is smaller", "units -25 % -50 %" in trials and trials["units -25 % -50 %"]["weights_bytes"]
              < trials["units -25 %"]["weights_bytes"] < trials["as it is"]["weights_bytes"], str(trials))
    tap.check("compress: and may be quantised behind", "units -25 % -50 %, int8" in trials, str(list(trials)))


def tuned(tap, folder):
    """F1 that would have to rise by more than it can: int8's loss is over the bound."""
    rows, image = some_rows(folder, 300), os.path.join(folder, "tuned.mlt")
    done = compress(folder, image, "--rows", rows, "--seconds", "500", "--max-f1-loss=-0.9")
    tap.check("compress: int8 whose loss is over the bound is fine-tuned, or it is said what that gained",
              done.returncode == 1 and "int8 fine-tuned" in done.stdout, done.stdout + done.stderr)
    tap.check("compress: units whose loss is over it are tried again halfway", "units -25 %" in done.stdout
              and "units -12.5 %" in done.stdout, done.stdout + done.stderr)


def interrupted(tap, folder):
    image = os.path.join(folder, "cut.mlt")
    work = subprocess.Popen([MARTLETCTL, "model", "compress", LAB, "--rows", ROWS, "-o", image, "--max-bytes", "100"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": folder})
    time.sleep(1)
    work.send_signal(signal.SIGINT)
    said = work.communicate(timeout=120)[1]
    tap.check("compress: SIGINT ends it, and without a trial that is good enough nothing is written",
              work.returncode == 130 and not [name for name in os.listdir(folder) if "cut" in name or "martlet" in name],
              f"{work.returncode} {said} {os.listdir(folder)}")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        met(tap, folder)
        lineage_counts(tap, folder)
        not_met(tap, folder)
        whole(tap, folder)
        tuned(tap, folder)
        interrupted(tap, folder)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
