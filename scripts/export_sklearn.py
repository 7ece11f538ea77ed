#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes a fitted scikit-learn model as ONNX that `martletctl model compile` reads.

usage: export_sklearn.py MODEL.joblib -o model.onnx [--columns A,B,...] [--classes A,B,...] [--method M]
or:    from export_sklearn import to_onnx; onnx.save(to_onnx(model), "model.onnx")

Needs Debian's python3-sklearn and python3-onnx, and the folder sklearn_onnx beside this file. MODEL is what
joblib.dump() or pickle.dump() wrote: LOADING IT EXECUTES WHATEVER CODE IT HOLDS. Load your own files only, with the
version of scikit-learn that wrote them.

A row of the model is float32, as on the wire. Trees then decide as scikit-learn does: it rounds rows to float32, too, and
the double thresholds are taken down to the float32 that decides alike. Columns that an OneHotEncoder, an OrdinalEncoder or a
SimpleImputer was fitted to as texts become inputs of texts. What cannot be exported is refused by the step's name.
"""
import argparse
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sklearn_onnx import METHODS, Export, Refusal, WantsText, last_of, offers  # noqa: E402

OUTPUTS = {"predict_proba": "probabilities", "decision_function": "decision", "score_samples": "scores", "predict": "value",
           "transform": "columns"}


def column_names(model, given):
    """Names of the columns, and whether anybody gave them."""
    n = getattr(model, "n_features_in_", None)
    names = given if given is not None else getattr(model, "feature_names_in_", None)
    if names is None:
        if n is None:
            raise Refusal("how many columns a row has the model does not say: name them (columns=, --columns)")
        return [f"x{i}" for i in range(n)], False
    names = [str(name).replace(",", ";") for name in names]
    if n is not None and len(names) != n:
        raise Refusal(f"{len(names)} columns are named, the model was fitted to {n}")
    if len(set(names)) != len(names) or not all(names):
        raise Refusal("names of columns must differ, and none may be empty")
    return names, True


def class_labels(model, given):
    """Texts for the classes, or None. `given`: a list, or the LabelEncoder that made the model's numbers of them."""
    known = getattr(last_of(model), "classes_", None)
    labels = getattr(given, "classes_", given) if given is not None else known
    if labels is None or (isinstance(labels, list) and labels and isinstance(labels[0], np.ndarray)):
        return None
    if known is not None and len(labels) != len(known):
        raise Refusal(f"{len(labels)} class labels for {len(known)} classes")
    return [str(label).replace(",", ";") for label in labels]


def choose_method(model, wanted):
    """The first of METHODS that the model has and that can be exported; where none can, one that is refused for its reason."""
    last = last_of(model)
    offered = offers(last)
    if wanted is not None:
        return wanted
    if isinstance(last, str):  # a pipeline that ends in 'passthrough'
        return "transform"
    return next(method for methods in (offered, dir(last), METHODS) for method in METHODS if method in methods)


def build(model, names, texts, method):
    x = Export(names, texts)
    made = x.run(model, method, x.rows)
    return x, x.matrix(made) if method == "transform" else made


def to_onnx(model, columns=None, classes=None, method=None, name="model", warn=None):
    """The ModelProto of a fitted estimator. columns: names of a row's columns (else the model's own, feature_names_in_);
    classes: labels of the classes, or the LabelEncoder that numbered them (else classes_); method: which of METHODS the
    output is (else the first that the model has); warn: called with each thing to know. Raises Refusal."""
    names, named = column_names(model, columns)
    method = choose_method(model, method)
    texts = set()
    while True:
        try:
            x, output = build(model, names, texts, method)
            break
        except WantsText as wanted:
            texts.add(wanted.column)
    for text in x.warnings if warn else ():
        warn(text)
    metadata = {"feature_names": ",".join(names)} if named else {}
    labels = class_labels(model, classes)
    if labels and len(labels) == 2 and method == "decision_function":
        if warn:
            warn(f"the score is one column: above 0 it is for '{labels[1]}', else for '{labels[0]}'")
    elif labels and method != "transform" and getattr(last_of(model), "decision_function_shape", None) != "ovo":
        metadata["class_labels"] = ",".join(labels)
    return x.model(name, output, OUTPUTS[method], metadata)


def load(path):
    try:
        import joblib
        return joblib.load(path)
    except (OSError, ImportError):
        raise
    except Exception as error:  # what a file of any kind makes pickle raise
        raise Refusal(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error


def main():
    parser = argparse.ArgumentParser(
        description="Writes a fitted scikit-learn model as ONNX for `martletctl model compile`.",
        epilog="Loading MODEL executes whatever code it holds: load your own files only.")
    parser.add_argument("model", metavar="MODEL", help="what joblib.dump() or pickle.dump() wrote")
    parser.add_argument("-o", "--output", required=True, metavar="FILE.onnx")
    parser.add_argument("--columns", metavar="A,B,...", help="names of a row's columns, where the model was fitted to an array")
    parser.add_argument("--classes", metavar="A,B,...", help="labels of the classes, in the order of classes_")
    parser.add_argument("--method", choices=METHODS, help="what the output is (the first of these that the model has)")
    asked = parser.parse_args()
    print(f"export_sklearn: loading {asked.model} executes the code it holds", file=sys.stderr)
    import onnx
    try:
        made = to_onnx(load(asked.model), asked.columns and asked.columns.split(","), asked.classes and asked.classes.split(","),
                       asked.method, os.path.splitext(os.path.basename(asked.output))[0],
                       lambda text: print(f"export_sklearn: note: {text}", file=sys.stderr))
        onnx.save(made, asked.output)
    except (Refusal, OSError) as error:
        print(f"export_sklearn: {error}", file=sys.stderr)
        return 1
    print(f"export_sklearn: next: martletctl model compile {asked.output} -o {os.path.splitext(asked.output)[0]}.mlt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
