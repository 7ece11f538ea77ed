#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""model eval's figures beside scikit-learn's, to 1e-9, on random and degenerate scores: ties, absent classes, one class
alone, weights, probabilities of 0 and 1. The models are Identity, so that the rows' features are the scores.

Where scikit-learn warns or raises, this is decided:
 - precision, recall, F1 of a class that nothing was decided to be, or that has no rows: 0, as zero_division="warn" gives;
   macro means are over the classes that occur, in truth or decisions (labels=None);
 - ROC AUC, EER, recall at an FPR of one class alone: null (roc_auc_score raises);
 - average precision without positives: null (average_precision_score warns and gives 0 or 1);
 - ROC AUC and PR AUC of several classes, of which some have no rows: means over those that have (roc_auc_score raises), also of
   scores that do not add up to 1;
 - log loss where the rows hold one class alone: with labels= all of the model's; R2 of one row: null (r2_score: NaN);
 - R2 where all truth is the same: 1 or 0 (r2_score's force_finite), never what rounding of the mean leaves;
 - a score that is NaN or infinite: refused, by row.
"""
import json
import os
import subprocess
import sys
import tempfile
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, Tap, skip_all

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper
    from sklearn import metrics
    from sklearn.calibration import calibration_curve
except ImportError as e:
    skip_all(f"{e}; scripts/setup.sh test installs it")

SEED = int(os.environ.get("SEED", "14"))
TOLERANCE = 1e-9
KEYS = ("precision", "recall", "f1")
MASK = (1 << 64) - 1


def identity(folder, columns, output, labels=None):
    """The image of a model whose outputs are its features."""
    path = os.path.join(folder, f"{output}{columns}{'n' if labels else ''}")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], [output])], "identity",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, columns])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if labels:
        helper.set_model_props(model, {"class_labels": ",".join(labels)})
    onnx.save(model, path + ".onnx")
    subprocess.run([MARTLETCTL, "model", "compile", path + ".onnx", "-o", path + ".mlt"], check=True, capture_output=True)
    return path + ".mlt"


def evaluate(folder, image, scores, labels, weights, *more):
    rows = os.path.join(folder, "rows.csv")
    with open(rows, "w") as f:
        f.write(",".join([f"x{i}" for i in range(scores.shape[1])] + ["label"] + (["w"] if weights is not None else [])) + "\n")
        for i, row in enumerate(scores):
            cells = [f"{x:.9g}" for x in row] + [str(labels[i])] + ([f"{weights[i]:.9g}"] if weights is not None else [])
            f.write(",".join(cells) + "\n")
    args = [MARTLETCTL, "--json", "model", "eval", image, "--rows", rows, "--label", "label", "--no-timing", *more]
    if weights is not None:
        args += ["--weight", "w"]
    done = subprocess.run(args, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    return json.loads(done.stdout)["models"][0]


class Comparison:
    def __init__(self):
        self.wrong, self.n = [], 0

    def same(self, what, ours, theirs):
        self.n += 1
        if theirs is None or ours is None:
            if ours is not theirs:
                self.wrong.append(f"{what}: {ours}, not {theirs}")
        elif not abs(ours - theirs) <= TOLERANCE * max(1, abs(theirs)):
            self.wrong.append(f"{what}: {ours!r}, not {theirs!r}")


def auc(y, s, w):
    return metrics.roc_auc_score(y, s, sample_weight=w) if 0 < y.sum() < len(y) else None


def average_precision(y, s, w):
    return metrics.average_precision_score(y, s, sample_weight=w) if y.sum() else None


def decisions(c, result, truth, predicted, k, w):
    f = result["figures"]
    c.same("accuracy", f["accuracy"], metrics.accuracy_score(truth, predicted, sample_weight=w))
    for average in ("macro", "weighted"):
        theirs = metrics.precision_recall_fscore_support(truth, predicted, average=average, sample_weight=w)
        for key, value in zip(KEYS, theirs):
            c.same(f"{average} {key}", f[f"{average}_{key}"], value)
    theirs = metrics.precision_recall_fscore_support(truth, predicted, labels=list(range(k)), sample_weight=w)
    for i in range(k):
        for key, column in zip(KEYS, theirs):
            c.same(f"class {i} {key}", result["classes"][i][key], column[i])
        c.same(f"class {i} rows", result["classes"][i]["rows"], theirs[3][i])
    matrix = metrics.confusion_matrix(truth, predicted, labels=list(range(k)), sample_weight=w)
    for i in range(k):
        for j in range(k):
            c.same(f"confusion {i} {j}", result["confusion"][i][j], matrix[i][j])


def equal_error(y, s, w):
    """Where the two shares meet on the lines between roc_curve()'s points."""
    fpr, tpr, _ = metrics.roc_curve(y, s, sample_weight=w, drop_intermediate=False)
    gap = 1 - tpr - fpr
    i = int(np.argmax(gap <= 0))
    return fpr[i - 1] + (fpr[i] - fpr[i - 1]) * gap[i - 1] / (gap[i - 1] - gap[i])


def one_against_rest(c, result, y, s, says, w):
    f = result["figures"]
    theirs = metrics.precision_recall_fscore_support(y, says, labels=[1], sample_weight=w)
    for key, column in zip(KEYS, theirs):
        c.same(key, f[key], column[0])
    both = 0 < y.sum() < len(y)
    c.same("roc_auc", f["roc_auc"], auc(y, s, w))
    c.same("pr_auc", f["pr_auc"], average_precision(y, s, w))
    fpr, tpr, _ = metrics.roc_curve(y, s, sample_weight=w, drop_intermediate=False)
    c.same("eer", f["eer"], equal_error(y, s, w) if both else None)
    c.same("recall_at_fpr", f["recall_at_fpr_0.001"], tpr[fpr <= 0.001].max() if both else None)
    best = [t for t in result["thresholds"] if t["why"] == "best F1"][0]
    weight = np.ones(len(y)) if w is None else w
    f1 = [0.0] + [metrics.f1_score(y, s >= t, zero_division=0, sample_weight=w) for t in np.unique(s)]
    c.same("best F1", best["f1"], max(f1))
    c.same("best F1 as decided", best["f1"], metrics.f1_score(y, s >= best["threshold"], zero_division=0, sample_weight=w))
    cost = [t for t in result["thresholds"] if t["why"] == "least cost"]
    if cost:
        costs = [(3 * weight * ((s >= t) & (y == 0))).sum() + (weight * ((s < t) & (y == 1))).sum()
                 for t in [*np.unique(s), np.inf]]
        c.same("least cost", 3 * cost[0]["false_alarms"] + (weight * y).sum() - cost[0]["hits"], min(costs))


def calibration(c, result, right, confidence, w):
    weight = np.ones(len(right)) if w is None else w
    for n in (10, 15):
        edges = np.linspace(0, 1, n + 1)
        place = np.searchsorted(edges[1:-1], confidence)
        error = 0.0
        for b in range(n):
            inside = place == b
            if inside.any():
                share, mean = (np.average(v[inside], weights=weight[inside]) for v in (right, confidence))
                error += weight[inside].sum() * abs(share - mean)
                ours = result[f"calibration_{n}"][b]
                c.same(f"bin {b} right", ours["right"], share)
                c.same(f"bin {b} confidence", ours["confidence"], mean)
        c.same(f"ece_{n}", result["figures"][f"ece_{n}"], error / weight.sum())
        if w is None:
            theirs = calibration_curve(right, confidence, n_bins=n, pos_label=1)
            ours = [(b["right"], b["confidence"]) for b in result[f"calibration_{n}"] if b["rows"]]
            for (r, m), share, mean in zip(ours, *theirs):
                c.same("calibration_curve", r, share)
                c.same("calibration_curve", m, mean)


def draw_probabilities(rng, n, k):
    s = rng.dirichlet(np.full(k, rng.choice([0.2, 1, 5])), n)
    kind = rng.integers(4)
    if kind == 1:  # ties
        s = np.round(s * 8) / 8
        s[:, -1] = 1 - s[:, :-1].sum(axis=1)
        s = np.clip(s, 0, 1)
        s /= s.sum(axis=1, keepdims=True)
    elif kind == 2:  # certain
        s = np.eye(k)[rng.integers(k, size=n)]
    elif kind == 3:
        s[:] = 1 / k
    return s.astype(np.float32)


def draw_labels(rng, n, k):
    kind = rng.integers(4)
    if kind == 0:
        return np.full(n, rng.integers(k))
    if kind == 1:  # some class has none
        return rng.choice(rng.permutation(k)[:max(1, k - 1)], n)
    return rng.integers(k, size=n)


def draw_weights(rng, n):
    return None if rng.integers(2) else rng.choice([0.25, 0.5, 1, 3, 1.7], n).astype(np.float32).astype(np.float64)


def draw_size(rng):
    return int(rng.choice([1, 2, 3, 7, 40, 150]))


def two_columns(c, folder, images, rng):
    n = draw_size(rng)
    s, y, w = draw_probabilities(rng, n, 2), draw_labels(rng, n, 2), draw_weights(rng, n)
    result = evaluate(folder, images["p2"], s, ["ab"[i] for i in y], w)
    s = s.astype(np.float64)
    predicted = s.argmax(axis=1)
    decisions(c, result, y, predicted, 2, w)
    one_against_rest(c, result, y, s[:, 1], predicted, w)
    f = result["figures"]
    c.same("log_loss", f["log_loss"], metrics.log_loss(y, s, labels=[0, 1], sample_weight=w))
    c.same("brier", f["brier"], np.average((y - s[:, 1]) ** 2, weights=w) if y.min() == y.max()
           else metrics.brier_score_loss(y, s[:, 1], sample_weight=w))
    calibration(c, result, (y == 1).astype(float), s[:, 1], w)


def one_column(c, folder, images, rng):
    n, margin = draw_size(rng), bool(rng.integers(2))
    s = (rng.normal(size=n) * 3).astype(np.float32) if margin else draw_probabilities(rng, n, 2)[:, 1]
    s = np.round(s, 1).astype(np.float32) if rng.integers(2) else s
    margin = s.min() < 0 or s.max() > 1
    y, w = draw_labels(rng, n, 2), draw_weights(rng, n)
    result = evaluate(folder, images["s1"], s[:, None], y, w, "--as", "score", "--classes", "0,1", "--cost-fp", "3")
    s = s.astype(np.float64)
    cheapest = [t for t in result["thresholds"] if t["why"] == "least cost"][0]["threshold"]
    decisions(c, result, y, (s >= cheapest).astype(int), 2, w)
    one_against_rest(c, result, y, s, (s >= cheapest).astype(int), w)
    c.same("log_loss", result["figures"]["log_loss"],
           None if margin else metrics.log_loss(y, s, labels=[0, 1], sample_weight=w))


def several_columns(c, folder, images, rng):
    n, k = draw_size(rng), int(rng.choice([3, 6]))
    probabilities = bool(rng.integers(3))
    s = draw_probabilities(rng, n, k) if probabilities else rng.integers(-4, 5, size=(n, k)).astype(np.float32)
    y, w = draw_labels(rng, n, k), draw_weights(rng, n)
    result = evaluate(folder, images[f"p{k}"], s, y, w)
    s = s.astype(np.float64)
    probabilities = probabilities or ((s >= 0).all() and (s <= 1).all() and (s.sum(axis=1) == 1).all())
    predicted = s.argmax(axis=1)
    decisions(c, result, y, predicted, k, w)
    for name, figure, key in (("roc_auc", auc, "ROC"), ("pr_auc", average_precision, "PR")):
        each = [figure((y == i).astype(int), s[:, i], w) for i in range(k)]
        for i in range(k):
            c.same(f"class {i} {name}", result["classes"][i][name], each[i])
        there = [i for i in range(k) if each[i] is not None]
        support = [np.sum((y == i) * (1 if w is None else w)) for i in there]
        values = [each[i] for i in there]
        c.same(f"macro {key}", result["figures"][f"macro_{name}"], np.mean(values) if there else None)
        c.same(f"weighted {key}", result["figures"][f"weighted_{name}"],
               np.average(values, weights=support) if there and sum(support) else None)
        if len(there) == k and key == "ROC" and np.allclose(1, s.sum(axis=1)):
            for average in ("macro", "weighted"):
                c.same(f"roc_auc_score {average}", result["figures"][f"{average}_roc_auc"],
                       metrics.roc_auc_score(y, s, multi_class="ovr", average=average, sample_weight=w, labels=list(range(k))))
    f = result["figures"]
    if not probabilities:
        c.same("log_loss", f["log_loss"], None)
        return
    c.same("log_loss", f["log_loss"], metrics.log_loss(y, s, labels=list(range(k)), sample_weight=w))
    c.same("brier", f["brier"], np.average(((np.eye(k)[y] - s) ** 2).sum(axis=1), weights=w))
    calibration(c, result, (y == predicted).astype(float), s.max(axis=1), w)


def anomaly(c, folder, images, rng):
    n = draw_size(rng)
    s = np.round(rng.gamma(2, 0.5, n), int(rng.choice([1, 6]))).astype(np.float32)
    y, w = draw_labels(rng, n, 3), draw_weights(rng, n)
    names = ["flood", "normal", "scan"]
    result = evaluate(folder, images["a1"], s[:, None], [names[i] for i in y], w, "--normal", "normal") if (y == 1).any() else None
    if result is None:
        return
    is_anomaly = (y != 1).astype(int)
    s = s.astype(np.float64)
    decisions(c, result, is_anomaly, (s >= 1).astype(int), 2, w)
    one_against_rest(c, result, is_anomaly, s, (s >= 1).astype(int), w)
    c.same("log_loss", result["figures"]["log_loss"], None)


def label(c, folder, images, rng):
    n, k = draw_size(rng), 5
    predicted, y, w = draw_labels(rng, n, k), draw_labels(rng, n, k), draw_weights(rng, n)
    result = evaluate(folder, images["l1"], predicted[:, None].astype(np.float32), y, w, "--classes", "0,1,2,3,4")
    decisions(c, result, y, predicted, k, w)


def number(c, folder, images, rng):
    n = draw_size(rng)
    y = rng.choice([2.5, 3, 7.25, -1], n) if rng.integers(2) else rng.normal(size=n) * 10
    if rng.integers(4) == 0:
        y[:] = y[0]
    y = y.astype(np.float32)
    s = y.copy() if rng.integers(4) == 0 else (y + rng.normal(size=n)).astype(np.float32)
    w = draw_weights(rng, n)
    result = evaluate(folder, images["s1"], s[:, None], [f"{v:.9g}" for v in y], w, "--as", "number")
    y, s, f = y.astype(np.float64), s.astype(np.float64), result["figures"]
    c.same("mae", f["mae"], metrics.mean_absolute_error(y, s, sample_weight=w))
    c.same("rmse", f["rmse"], metrics.mean_squared_error(y, s, sample_weight=w, squared=False))
    if n < 2:
        c.same("r2", f["r2"], None)
    elif y.min() == y.max():
        c.same("r2", f["r2"], 1.0 if (y == s).all() else 0.0)
    else:
        c.same("r2", f["r2"], metrics.r2_score(y, s, sample_weight=w))


def samples(n, count, seed):
    """The rows that each sample draws: infer/learn/judge/judge.c."""
    for sample in range(count):
        z = (seed + (sample + 1) * 0x9e3779b97f4a7c15) & MASK
        z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & MASK
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & MASK
        state, rows = (z ^ (z >> 31)) or 1, []
        for _ in range(n):
            state ^= state >> 12
            state ^= (state << 25) & MASK
            state ^= state >> 27
            rows.append(((state * 0x2545f4914f6cdd1d & MASK) >> 32) * n >> 32)
        yield np.array(rows)


def intervals(c, folder, images, rng):
    """Bootstrap: the percentiles of what scikit-learn says of the same samples."""
    n, count = 60, 40
    s = draw_probabilities(rng, n, 2)
    y = rng.integers(2, size=n)
    result = evaluate(folder, images["p2"], s, ["ab"[i] for i in y], None, "--bootstrap", str(count), "--seed", "9", "--confidence", "0.9")
    s = s.astype(np.float64)
    draws = list(samples(n, count, 9))
    for key, figure in (("accuracy", lambda r: metrics.accuracy_score(y[r], s[r].argmax(axis=1))),
                        ("macro_f1", lambda r: metrics.f1_score(y[r], s[r].argmax(axis=1), average="macro")),
                        ("roc_auc", lambda r: auc(y[r], s[r, 1], None)),
                        ("log_loss", lambda r: metrics.log_loss(y[r], s[r], labels=[0, 1]))):
        low, high = np.percentile([v for v in map(figure, draws) if v is not None], [5, 95])
        c.same(f"{key} from", result["intervals"][key][0], low)
        c.same(f"{key} to", result["intervals"][key][1], high)


def not_finite(tap, folder, images):
    rows = np.array([[3e38], [1.0]], dtype=np.float32)
    said = evaluate(folder, images["d1"], rows, [0, 1], None, "--as", "score")
    tap.check("a score that is infinite is refused, by row", isinstance(said, str) and "row 1" in said and "inf" in said, said)


def doubled(folder):
    """A model that overflows: 10 x."""
    path = os.path.join(folder, "doubled")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "ten"], ["y"])], "doubled",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor("ten", TensorProto.FLOAT, [1], [10.0])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path + ".onnx")
    return path + ".onnx"


def main():
    tap = Tap()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        images = {"p2": identity(folder, 2, "p", ["a", "b"]), "p3": identity(folder, 3, "p"), "p6": identity(folder, 6, "p"),
                  "s1": identity(folder, 1, "s"), "a1": identity(folder, 1, "anomaly_score"), "l1": identity(folder, 1, "label"),
                  "d1": doubled(folder)}
        for kind, cases in ((two_columns, 30), (one_column, 30), (several_columns, 40), (anomaly, 25), (label, 10), (number, 25),
                            (intervals, 2)):
            comparison = Comparison()
            for case in range(cases):
                seed = SEED * 1000 + case
                before = len(comparison.wrong)
                try:
                    kind(comparison, folder, images, np.random.default_rng(seed))
                except (TypeError, KeyError) as e:
                    comparison.wrong.append(f"{type(e).__name__}: {e}")
                if len(comparison.wrong) > before:
                    comparison.wrong[before] += f" (case {case})"
            tap.check(f"{kind.__name__}: {comparison.n} figures of {cases} cases are scikit-learn's (SEED={SEED})",
                      not comparison.wrong and comparison.n > cases, "; ".join(comparison.wrong[:6]))
        not_finite(tap, folder, images)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
