#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""model eval: models side by side, what decides, thresholds, intervals, the report, and what is refused. That the figures
are scikit-learn's, metrics_sklearn.py shows."""
import csv
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap

ROWS = os.path.join(ROOT, "data", "lab-test.csv")
LAB = os.path.join(ROOT, "data", "lab.onnx")
ACTIVITY = os.path.join(ROOT, "data", "lab-activity.onnx")


def run(*args):
    return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True)


def evaluate(*args):
    done = run("--json", "model", "eval", "--no-timing", *args)
    if done.returncode:
        return {"models": [{}], "said": done.stderr}
    return json.loads(done.stdout)


def refused(tap, what, args, *words):
    done = run("model", "eval", "--no-timing", *args)
    tap.check(f"refused: {what}", done.returncode == 1 and not done.stdout and done.stderr.count("\n") == 1
              and all(w in done.stderr for w in words), f"{done.returncode}: {done.stdout}{done.stderr}")


def by_hand(tap, image):
    """Precision, recall and accuracy from the scores of model run."""
    scores = subprocess.run([MARTLETCTL, "model", "run", image, ROWS, "-o", "-"], capture_output=True, text=True).stdout
    with open(ROWS) as f:
        labels = [row["label"] for row in csv.DictReader(f)]
    pairs = [(l == "attack", float(s[1]) > float(s[0])) for l, s in zip(labels, list(csv.reader(scores.splitlines()))[1:])]
    hits = sum(is_ and said for is_, said in pairs)
    result = evaluate(image, "--rows", ROWS)
    model = result["models"][0]
    expected = {"accuracy": sum(i == s for i, s in pairs) / len(pairs), "precision": hits / sum(s for _, s in pairs),
                "recall": hits / sum(i for i, _ in pairs)}
    tap.check("figures are those of model run's scores", result["rows"] == len(pairs) and model["positive"] == "attack"
              and all(math.isclose(model["figures"][k], v) for k, v in expected.items()), f"{expected}: {model}")
    tap.check("the same input gives the same output", result == evaluate(image, "--rows", ROWS))


def side_by_side(tap, folder, image):
    """Images and a foreign file; the one that is no worse does not differ."""
    other = os.path.join(folder, "bf16.mlt")
    run("model", "compile", LAB, "-o", other, "--weights", "bf16")
    report = os.path.join(folder, "report.svg")
    done = run("model", "eval", image, other, LAB, "--rows", ROWS, "--batch", "64", "--report", report, "--bootstrap", "30")
    tap.check("three models beside each other", done.returncode == 0 and "ns a row, batch 64" in done.stdout
              and "weights" in done.stdout and "beyond chance" in done.stdout, done.stdout + done.stderr)
    with open(report) as f:
        text = f.read()
    root = ElementTree.fromstring(text)
    tap.check("the report is XML with a curve for each, and nothing from elsewhere",
              root.tag.endswith("svg") and text.count("<polyline") >= 3 * 3 and text.count("http") == 1
              and "<script" not in text and "bf16.mlt" in text and "Confusion" in text, text[:300])
    result = evaluate(image, other, "--rows", ROWS, "--bootstrap", "30")
    first, second = result["models"]
    low, high = first["intervals"]["accuracy"]
    tap.check("intervals hold the figure, and differences of nearly the same model hold 0",
              low <= first["figures"]["accuracy"] <= high and "differences" not in first
              and second["differences"]["accuracy"][0] <= 0 <= second["differences"]["accuracy"][1], str(result)[:500])


def thresholds(tap, image):
    at = evaluate(image, "--rows", ROWS, "--threshold", "0.99")["models"][0]
    fpr = evaluate(image, "--rows", ROWS, "--fpr", "0.0005")["models"][0]
    cost = evaluate(image, "--rows", ROWS, "--cost-fn", "1000")["models"][0]
    tap.check("--threshold is what decides", math.isclose(at["threshold"], 0.99, rel_tol=1e-7) and at["thresholds"][0]["threshold"] == at["threshold"]
              and at["figures"]["recall"] == at["thresholds"][0]["recall"], str(at)[:400])
    tap.check("--fpr is kept", fpr["figures"]["false_positive_rate"] <= 0.0005 and fpr["figures"]["recall"] > 0.9, str(fpr)[:400])
    tap.check("misses that cost much are rare", cost["figures"]["recall"] == 1.0, str(cost)[:400])
    best = next(t for t in at["thresholds"] if t["why"] == "best F1")
    again = evaluate(image, "--rows", ROWS, "--threshold", f"{best['threshold']:.9g}")["models"][0]
    tap.check("a threshold as it is printed decides the same", again["figures"]["f1"] == best["f1"]
              and again["thresholds"][0]["hits"] == best["hits"], f"{best}, {again['thresholds']}")
    other = evaluate(image, "--rows", ROWS, "--positive", "benign")["models"][0]
    tap.check("--positive turns it round", other["positive"] == "benign" and math.isclose(other["figures"]["roc_auc"], at["figures"]["roc_auc"],
              abs_tol=1e-6) and other["classes"] == evaluate(image, "--rows", ROWS)["models"][0]["classes"], str(other)[:400])


def several_classes(tap):
    plain = evaluate(ACTIVITY, "--rows", ROWS, "--label", "activity")["models"][0]
    tap.check("ten classes: macro figures, and none of one class", len(plain["confusion"]) == 10 and plain["figures"]["macro_roc_auc"] > 0.99
              and plain["figures"]["roc_auc"] is None and plain["positive"] is None, str(plain)[:400])
    web = evaluate(ACTIVITY, "--rows", ROWS, "--label", "activity", "--normal", "web")["models"][0]
    tap.check("ten classes, all told from one", web["positive"] == "not web" and len(web["groups"]) == 10 and web["figures"]["roc_auc"] > 0.99
              and web["figures"]["accuracy"] == plain["figures"]["accuracy"], str(web)[:400])


def rows_of(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    return path


def edges(tap, folder, image):
    with open(ROWS) as f:
        lines = f.read().splitlines()
    some = rows_of(folder, "some.csv", [lines[0], *lines[1:40], lines[40].rsplit(",", 1)[0] + ","])
    result = evaluate(image, "--rows", some)
    tap.check("a row without a label is left out, and counted", result.get("unlabelled") == 1 and result["rows"] == 39, str(result)[:300])
    tap.check("what one class alone leaves undefined is null", result["models"][0]["figures"]["roc_auc"] is None
              and result["models"][0]["figures"]["accuracy"] == 1.0, str(result["models"][0].get("figures")))
    bare = rows_of(folder, "bare.csv", [line.rsplit(",", 2)[0] for line in lines[:20]])
    other = rows_of(folder, "other.csv", [lines[0], lines[1].rsplit(",", 1)[0] + ",martian", *lines[2:20]])
    refused(tap, "rows without labels", [image, "--rows", bare], "label")
    refused(tap, "a label that the model does not know", [image, "--rows", other], "martian")
    refused(tap, "a positive class that is none", [image, "--rows", ROWS, "--positive", "martian"], "martian", "benign", "attack")
    refused(tap, "names for classes that have theirs", [image, "--rows", ROWS, "--classes", "a,b"], "--classes")
    refused(tap, "a threshold where no class is told from the rest", [ACTIVITY, "--rows", ROWS, "--label", "activity", "--fpr", "0.1"],
            "--positive")
    refused(tap, "two outputs as a number", [image, "--rows", ROWS, "--as", "number"], "2 outputs")
    refused(tap, "no such file", [os.path.join(folder, "no.mlt"), "--rows", ROWS], "no.mlt")
    refused(tap, "a report where no file can be", [image, "--rows", ROWS, "--report", os.path.join(folder, "no", "r.svg")], "r.svg")
    said = run("model", "eval", image, image, "--rows", "-")
    tap.check("several models on standard input are a wrong command line", said.returncode == 2 and "read once" in said.stderr, said.stderr)
    said = run("model", "eval", image, "--rows", ROWS, "--report", "-")
    tap.check("a report on standard output is a wrong command line", said.returncode == 2 and not said.stdout, said.stderr)
    said = run("model", "eval", image, "--rows", ROWS, "--threshold", "0.5", "--fpr", "0.1")
    tap.check("two ways to choose a threshold are a wrong command line", said.returncode == 2, said.stderr)


def interrupted(tap, folder, image):
    report = os.path.join(folder, "never.svg")
    proc = subprocess.Popen([MARTLETCTL, "model", "eval", image, "--rows", ROWS, "--no-timing", "--bootstrap", "100000", "--report", report],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    proc.send_signal(signal.SIGINT)
    out, err = proc.communicate(timeout=60)
    tap.check("Ctrl-C ends it, and writes nothing", proc.returncode in (130, -signal.SIGINT) and not out and not os.path.exists(report),
              f"{proc.returncode}: {out[:200]}{err}")


def hostile_names(tap, folder):
    """Names of a model and its classes go into the report as text."""
    hostile = os.path.join(folder, "a<b>&\"c'\x01\x1b]0;x.mlt")
    run("model", "compile", LAB, "-o", hostile, "--classes", "<script>alert(1)</script>,]]>&amp;", "--name", "x")
    with open(ROWS) as f:
        lines = f.read().replace(",benign\n", ",<script>alert(1)</script>\n").replace(",attack\n", ",]]>&amp;\n").splitlines()
    rows, report = rows_of(folder, "hostile.csv", lines), os.path.join(folder, "hostile.svg")
    done = run("model", "eval", hostile, "--rows", rows, "--no-timing", "--report", report)
    with open(report, encoding="utf-8") as f:
        text = f.read()
    root = ElementTree.fromstring(text)
    said = "".join(root.itertext())
    tap.check("hostile names are text in the report, and clean on a terminal",
              done.returncode == 0 and "<script" not in text and "<script>aler" in said and "\x1b" not in text + done.stdout
              and not root.findall(".//{*}script"), done.stderr + text[:300])


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "lab.mlt")
        run("model", "compile", LAB, "-o", image, "--classes", "benign,attack")
        by_hand(tap, image)
        side_by_side(tap, folder, image)
        thresholds(tap, image)
        several_classes(tap)
        edges(tap, folder, image)
        hostile_names(tap, folder)
        interrupted(tap, folder, image)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
