#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the demo measured: quality of the scores, times. Standard library only; see demo.sh.

usage: demo_report.py scores|times|judged|small|json DIR [ROWS.csv [HUGEPAGES]]
"""
import csv
import json
import os
import sys


def load(folder, name):
    with open(os.path.join(folder, name)) as f:
        return json.load(f)


def quality(folder, rows_path, facts="inspect.json", scored="scores.csv"):
    """Accuracy over all classes; precision, recall and F1 of the class that is to be found."""
    classes = load(folder, facts)["class_labels"]
    positive = "attack" if "attack" in classes else classes[-1]
    with open(rows_path) as f:
        truth = [row["label"] for row in csv.DictReader(f)]
    with open(os.path.join(folder, scored)) as f:
        scores = [[float(x) for x in row] for row in csv.reader(f)]
    if len(truth) != len(scores):
        sys.exit(f"{len(scores)} scores for {len(truth)} rows")
    if len(scores[0]) == 1:  # one output: the probability of the positive class
        guess = [classes[-1] if row[0] > 0.5 else classes[0] for row in scores]
    else:
        guess = [classes[row.index(max(row))] for row in scores]
    pairs = list(zip(truth, guess))
    hit = sum(t == g == positive for t, g in pairs)
    said, there = guess.count(positive), truth.count(positive)
    precision, recall = hit / said if said else 0.0, hit / there if there else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"rows_scored": len(scores), "positive_class": positive,
            "accuracy": sum(t == g for t, g in pairs) / len(pairs),
            "precision": precision, "recall": recall, "f1": f1}


def judged(folder):
    """What model eval says of each image, the one that was there and those that were learnt."""
    return [{"image": os.path.basename(m["file"]), "f1": m["figures"]["f1"], "roc_auc": m["figures"]["roc_auc"],
             "ns_per_row_64": m["ns_per_row"]["64"], "weights_bytes": m["weights_bytes"]} for m in load(folder, "eval.json")["models"]]


def small(folder, rows_path):
    """The compressed model over the wire, beside what model eval said of it. With AVX-512 a row by itself is added up in
    another order than in a batch, so that one on the very edge may be decided otherwise."""
    wire = quality(folder, rows_path, "small.json", "small.csv")
    said = load(folder, "eval.json")["models"][-1]["figures"]
    if any(abs(wire[k] - said[k]) > 1e-3 for k in ("accuracy", "precision", "recall", "f1")):
        sys.exit(f"over the wire it is {wire}, model eval said {said}")
    return wire


def times(folder):
    out = {}
    for kind in ("score", "ping"):
        one, many = load(folder, f"load-{kind}-1.json"), load(folder, f"load-{kind}-128.json")
        out[kind] = {"frame_bytes": one["frame_bytes"],
                     "round_trip_us": {k: one["rtt_ns"][k] / 1e3 for k in ("p50", "p90", "p99", "p999")},
                     "replies_per_second": many["replies_per_second"],
                     "lost": one["lost"] + many["lost"]}
    return out


def print_scores(q):
    print(f"{q['rows_scored']} rows scored  accuracy {q['accuracy']:.4f}  (for {q['positive_class']}:) "
          f"precision {q['precision']:.4f}  recall {q['recall']:.4f}  F1 {q['f1']:.4f}")


def print_times(t):
    print("\n        round trip, 1 outstanding [us]          128 outstanding")
    print("            p50     p90     p99   p99.9         replies/s")
    for kind, row in t.items():
        r = row["round_trip_us"]
        print(f"  {kind:5s} {r['p50']:7.2f} {r['p90']:7.2f} {r['p99']:7.2f} {r['p999']:7.2f}"
              f"      {row['replies_per_second']:12,.0f}")


def print_judged(models):
    print(f"  {'':12s} {'F1':>7s} {'ROC AUC':>8s} {'ns a row, batch 64':>19s} {'weights':>10s}")
    for m in models:
        print(f"  {m['image']:12s} {m['f1']:7.4f} {m['roc_auc']:8.4f} {m['ns_per_row_64']:19.1f} {m['weights_bytes'] / 1024:6.1f} KiB")


def main(what, folder, rows_path=None, hugepages="false"):
    if what == "scores":
        print_scores(quality(folder, rows_path))
    elif what == "times":
        print_times(times(folder))
    elif what == "judged":
        print_judged(judged(folder))
    elif what == "small":
        print_scores(small(folder, rows_path))
    else:
        json.dump({"scores": quality(folder, rows_path), **times(folder),
                   "judged": judged(folder), "small": small(folder, rows_path),
                   "hugepages": hugepages == "true", "status": load(folder, "status.json")},
                  sys.stdout, indent=2)
        print()


if __name__ == "__main__":
    main(*sys.argv[1:])
