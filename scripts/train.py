#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains the two bundled models on data/lab-train.csv and judges them on data/lab-test.csv.

usage: train.py [--data DIR] [--out DIR]

Needs Debian's python3-sklearn and python3-onnx. Writes lab.onnx (benign or attack),
lab-activity.onnx (one class per activity) and, for the parity test, lab-expected.csv and
lab-activity-expected.csv: sklearn's float64 probabilities for some test rows.
"""
import argparse
import csv
import os
import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

SEED = 20240607
HIDDEN = (64, 32)
EXPECTED_ROWS = 400


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    names, body = rows[0], rows[1:]
    assert names[-2:] == ["activity", "label"], f"{path}: last columns are not activity,label"
    # f32 first: that is what the wire carries and what any engine will see.
    features = np.array([row[:-2] for row in body], dtype=np.float32)
    assert np.isfinite(features).all(), f"{path}: a feature is not finite"
    return names[:-2], features, [row[-2] for row in body], [row[-1] for row in body]


def fit(features, classes, order):
    """StandardScaler and MLP, in float64, each class drawn as often as the commonest."""
    scaler = StandardScaler().fit(features.astype(np.float64))
    # What hardly varies in training must not be blown up in use.
    scaler.scale_ = np.maximum(scaler.scale_, 1e-2)
    target = np.array([order.index(name) for name in classes])
    counts = np.bincount(target, minlength=len(order))
    random = np.random.RandomState(SEED)
    drawn = [np.arange(len(target))]
    for klass, count in enumerate(counts):
        assert count, f"no training row of class {order[klass]}"
        drawn.append(random.choice(np.flatnonzero(target == klass), counts.max() - count))
    drawn = np.concatenate(drawn)
    network = MLPClassifier(HIDDEN, alpha=1e-2, max_iter=120, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(scaler.transform(features.astype(np.float64))[drawn], target[drawn])
    return scaler, network


def probabilities(scaler, network, features):
    return network.predict_proba(scaler.transform(features.astype(np.float64)))


def layers_of(network):
    """Weights and biases; sklearn's one sigmoid output becomes two softmax ones: (-z/2, z/2)."""
    weights, biases = list(network.coefs_), list(network.intercepts_)
    if weights[-1].shape[1] == 1:
        weights[-1] = weights[-1] @ np.array([[-0.5, 0.5]])
        biases[-1] = biases[-1] * np.array([-0.5, 0.5])
    return weights, biases


def export(path, name, scaler, network, feature_names, class_labels):
    """Sub and Div by the scaler, then Gemm and Relu, then Softmax: opset 13, f32."""
    def constant(label, values):
        tensors.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), label))
        return label

    tensors, nodes = [], []
    nodes.append(helper.make_node("Sub", ["features", constant("mean", scaler.mean_)], ["centred"]))
    nodes.append(helper.make_node("Div", ["centred", constant("scale", scaler.scale_)], ["scaled"]))
    weights, biases = layers_of(network)
    last = "scaled"
    for i, (weight, bias) in enumerate(zip(weights, biases)):
        inputs = [last, constant(f"weight_{i}", weight), constant(f"bias_{i}", bias)]
        nodes.append(helper.make_node("Gemm", inputs, [f"dense_{i}"]))
        last = f"dense_{i}"
        if i + 1 < len(weights):
            nodes.append(helper.make_node("Relu", [last], [f"relu_{i}"]))
            last = f"relu_{i}"
    nodes.append(helper.make_node("Softmax", [last], ["probabilities"], axis=1))
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", len(feature_names)])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(class_labels)])],
        tensors)
    model = helper.make_model(graph, producer_name="martlet-lab",
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    helper.set_model_props(model, {"feature_names": ",".join(feature_names),
                                   "class_labels": ",".join(class_labels)})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def f32_folded(scaler, network, features):
    """What an engine computes that folds the scaler into the first layer and works in f32."""
    weights, biases = layers_of(network)
    biases = [np.array(b) for b in biases]
    f32 = np.float32
    mean, scale = scaler.mean_.astype(f32), scaler.scale_.astype(f32)
    first = weights[0].astype(f32) / scale[:, None]
    biases[0] = biases[0].astype(f32) - mean @ first
    values = features
    for i, bias in enumerate(biases):
        values = values @ (first if i == 0 else weights[i].astype(f32)) + bias.astype(f32)
        if i + 1 < len(biases):
            values = np.maximum(values, 0)
    values = np.exp(values - values.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def write_expected(path, scaler, network, features, class_labels):
    rows = np.unique(np.linspace(0, len(features) - 1, EXPECTED_ROWS).astype(int))
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["row", *class_labels])
        for row, values in zip(rows, probabilities(scaler, network, features[rows])):
            out.writerow([row, *(f"{value:.9g}" for value in values)])


def judge(name, truth, guess, order):
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, guess, labels=order, zero_division=0)
    print(f"{name}: accuracy {accuracy_score(truth, guess):.4f} on {len(truth)} test rows")
    for row in zip(order, precision, recall, f1, (truth.count(label) for label in order)):
        print("  %-12s precision %.4f  recall %.4f  F1 %.4f  (%d rows)" % row)
    print("  confusion, rows are the truth:")
    for label, counts in zip(order, confusion_matrix(truth, guess, labels=order)):
        print("  %-12s" % label, " ".join("%5d" % count for count in counts))


def one_model(name, out, names, train, test, order):
    scaler, network = fit(train[0], train[1], order)
    export(os.path.join(out, name + ".onnx"), name, scaler, network, names, order)
    write_expected(os.path.join(out, name + "-expected.csv"), scaler, network, test[0], order)
    scores = probabilities(scaler, network, test[0])
    judge(name, test[1], [order[i] for i in scores.argmax(axis=1)], order)
    worst = np.abs(f32_folded(scaler, network, test[0]) - scores).max()
    print(f"  f32 with the scaler folded in differs from sklearn's float64 by at most {worst:.2e}")
    assert worst < 1e-5, "f32 is too coarse for these features"


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=root)
    parser.add_argument("--out", default=root)
    args = parser.parse_args()
    names, train_x, train_activity, train_label = read(os.path.join(args.data, "lab-train.csv"))
    test_names, test_x, test_activity, test_label = read(os.path.join(args.data, "lab-test.csv"))
    assert names == test_names, "train and test have different columns"
    one_model("lab", args.out, names, (train_x, train_label), (test_x, test_label),
              ["benign", "attack"])
    one_model("lab-activity", args.out, names, (train_x, train_activity), (test_x, test_activity),
              list(dict.fromkeys(train_activity)))


if __name__ == "__main__":
    main()
