#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the demo measured: quality of the scores, times. Standard library only; see demo.sh.

usage: demo_report.py scores|times|json DIR [ROWS.csv [HUGEPAGES]]
"""
import csv
import json
import os
import sys


def load(folder, name):
    with open(os.path.join(folder, name)) as f:
        return json.load(f)


def quality(folder, rows_path):
    """Accuracy over all classes; precision, recall and F1 of the class that is to be found."""
    classes = load(folder, "inspect.json")["class_labels"]
    positive = "attack" if "attack" in classes else classes[-1]
    with open(rows_path) as f:
        truth = [row["label"] for row in csv.DictReader(f)]
    with open(os.path.join(folder, "scores.csv")) as f:
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


def main(what, folder, rows_path=None, hugepages="false"):
    if what == "scores":
        print_scores(quality(folder, rows_path))
    elif what == "times":
        print_times(times(folder))
    else:
        json.dump({"scores": quality(folder, rows_path), **times(folder),
                   "hugepages": hugepages == "true", "status": load(folder, "status.json")},
                  sys.stdout, indent=2)
        print()


if __name__ == "__main__":
    main(*sys.argv[1:])
