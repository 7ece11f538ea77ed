# SPDX-License-Identifier: BSD-3-Clause
"""Models made of models: pipelines, columns apart, votes, stacks, bags, calibration."""
import numpy as np

from .columns import applied, interpolated
from .export import offers
from .linear import one_zero, shared, votes_of_pairs
from .trees import F32, ensemble, forest_probabilities, forest_trees, forest_values, shares, tree_of, two_columns


def is_none(step):
    return step is None or isinstance(step, str) or type(step).__name__ == "DropColumns"


# Chains and columns.

def last_of(model):
    """The model that answers for a pipeline or a search; itself for all others."""
    name = type(model).__name__
    if name == "Pipeline":
        return last_of(model.steps[-1][1])
    if hasattr(model, "best_estimator_"):
        return last_of(model.best_estimator_)
    return model


def pipeline(method):
    def convert(x, model, rows):
        for name, step in model.steps[:-1]:
            if is_none(step) or hasattr(step, "fit_resample"):  # samplers work while fitting only
                continue
            with x.step(name):
                rows = x.run(step, "transform", rows)
        name, step = model.steps[-1]
        with x.step(name):
            return rows if is_none(step) else x.run(step, method, rows)
    return convert


def search(method):
    return lambda x, model, rows: x.run(model.best_estimator_, method, rows)


def union(x, model, rows):
    made = []
    weights = model.transformer_weights or {}
    for name, step in model.transformer_list:
        if step == "drop":
            continue
        with x.step(name):
            found = rows if is_none(step) else x.run(step, "transform", rows)
            made += weighed(x, found, weights.get(name))
    return made


def weighed(x, rows, weight):
    return rows if weight is None else x.columns(x.op("Mul", x.matrix(rows), F32(weight)), len(rows))


def columns_apart(x, model, rows):
    made = []
    weights = model.transformer_weights or {}
    for name, step, _ in model.transformers_:
        found = [rows[i] for i in model._transformer_to_input_indices[name]]
        if step == "drop" or not found:
            continue
        with x.step(name):
            found = found if is_none(step) else x.run(step, "transform", found)
            made += weighed(x, found, weights.get(name))
    return made


# What several classifiers say.

def scores(x, model, rows, methods=("decision_function", "predict_proba")):
    """(method, its tensor): the first of the methods that the model has."""
    offered = offers(model)
    for method in methods:
        if method in offered or hasattr(model, method):
            return method, x.run(model, method, rows)
    return None, x.run(model, methods[-1], rows)


def winners(x, model, rows):
    """[N, classes]: 1 for the class that the model predicts."""
    method, found = scores(x, model, rows)
    n = len(model.classes_)
    if n == 2 and method == "decision_function":
        return two_columns(x, one_zero(x, x.op("Greater", found, F32(0))))
    best = x.cast(x.op("ArgMax", found, axis=1, keepdims=1))
    return one_zero(x, x.op("Equal", best, np.arange(n, dtype=np.float64)[None]))


def second_column(x, tensor):
    return x.op("Gather", tensor, np.array([1], np.int64), axis=1)


def mean(x, tensors, weights=None):
    weights = np.ones(len(tensors)) if weights is None else np.asarray(weights, np.float64)
    weights = weights / weights.sum()
    parts = [x.op("Mul", tensor, F32(weight)) for tensor, weight in zip(tensors, weights)]
    return parts[0] if len(parts) == 1 else x.op("Sum", *parts)


def each(x, model, rows, how):
    """how() for each of the model's estimators, and the weights that are not 'drop'ped."""
    names = [name for name, one in model.estimators if one != "drop"]
    made = []
    for name, one in zip(names, model.estimators_):
        with x.step(name):
            made.append(how(one))
    return made


def vote_weights(model):
    return None if model.weights is None else [w for (_, one), w in zip(model.estimators, model.weights) if one != "drop"]


def soft_vote(x, model, rows):
    return mean(x, each(x, model, rows, lambda one: x.run(one, "predict_proba", rows)), vote_weights(model))


def hard_vote(x, model, rows):
    """Each class's share of the votes."""
    return mean(x, each(x, model, rows, lambda one: winners(x, one, rows)), vote_weights(model))


def value_vote(x, model, rows):
    return mean(x, each(x, model, rows, lambda one: x.run(one, "predict", rows)), vote_weights(model))


def stack(method):
    def convert(x, model, rows):
        parts = []
        names = [name for name, one in model.estimators if one != "drop"]
        for name, one, how in zip(names, model.estimators_, model.stack_method_):
            with x.step(name):
                if how == "predict" and hasattr(one, "classes_"):
                    x.refuse("a stack of predicted classes: predict_proba and decision_function can be exported")
                found = x.run(one, how, rows)
                binary = hasattr(one, "classes_") and len(one.classes_) == 2
                width = 1 if not hasattr(one, "classes_") or binary else len(one.classes_)
                if how == "predict_proba" and binary:
                    found = second_column(x, found)
                parts += x.columns(found, width)
        with x.step("final_estimator"):
            return x.run(model.final_estimator_, method, parts + (rows if model.passthrough else []))
    return convert


# Bags and AdaBoost.

def bag_trees(model):
    found = [forest_trees(one, columns) for one, columns in zip(model.estimators_, model.estimators_features_)]
    if any(trees is None for trees in found) or len({len(trees) for trees in found}) != 1:
        return None
    return [tree for trees in found for tree in trees]


def bag_rows(model, rows):
    for i, (one, columns) in enumerate(zip(model.estimators_, model.estimators_features_)):
        yield i, one, [rows[c] for c in columns]


def bag_probabilities(x, model, rows):
    if any(len(one.classes_) != len(model.classes_) for one in model.estimators_):
        x.refuse("a part of the bag has seen some of the classes only")
    trees = bag_trees(model)
    if trees:
        return forest_probabilities(x, model, rows, trees)
    made = []
    for i, one, part in bag_rows(model, rows):
        with x.step(i):
            made.append(x.run(one, "predict_proba", part) if hasattr(one, "predict_proba") else winners(x, one, part))
    return mean(x, made)


def bag_values(x, model, rows):
    trees = bag_trees(model)
    if trees:
        return forest_values(x, model, rows, trees)
    return mean(x, [x.run(one, "predict", part) for _, one, part in bag_rows(model, rows)])


def symmetric_samme():
    """Is what a tree votes against counted, too? From scikit-learn 1.4 on."""
    import sklearn
    return tuple(int(part) for part in sklearn.__version__.split(".")[:2]) >= (1, 4)


def adaboost_weights(model, p, weight):
    """What one estimator adds for probabilities p [..][classes]: plain numbers, for leaves."""
    n = p.shape[1]
    if getattr(model, "algorithm", "SAMME") == "SAMME.R":
        log = np.log(np.maximum(p, np.finfo(np.float64).eps))
        return (n - 1) * (log - log.mean(axis=1, keepdims=True))
    return samme_weight(weight, np.eye(n)[p.argmax(axis=1)])


def samme_weight(weight, hits):
    n = hits.shape[1]
    return weight * (hits - (1 - hits) / (n - 1) if symmetric_samme() else hits)


def adaboost(x, model, rows):
    """The decision: [N, classes], or [N, 1] for two classes."""
    n, total = len(model.classes_), model.estimator_weights_.sum()
    real = getattr(model, "algorithm", "SAMME") == "SAMME.R"
    pair = np.array([[-1.0], [1.0]])
    trees = []
    for one, weight in zip(model.estimators_, model.estimator_weights_):
        if type(one).__name__ not in ("DecisionTreeClassifier", "ExtraTreeClassifier"):
            break
        found = adaboost_weights(model, shares(one.tree_), weight) / total
        trees.append(tree_of(one.tree_, found @ pair if n == 2 else found))
    else:
        return ensemble(x, rows, trees, 1 if n == 2 else n)
    parts = []
    for i, (one, weight) in enumerate(zip(model.estimators_, model.estimator_weights_)):
        with x.step(i):
            if real:
                log = x.op("Log", x.op("Max", x.run(one, "predict_proba", rows), F32(np.finfo(np.float64).eps)))
                apart = x.op("Sub", log, x.op("ReduceMean", log, axes=[1], keepdims=1))
                parts.append(x.op("Mul", apart, F32((n - 1) / total)))
            else:
                won = winners(x, one, rows)
                low = samme_weight(weight, np.eye(n))[0, 1] / total
                high = samme_weight(weight, np.eye(n))[0, 0] / total
                parts.append(x.op("Add", x.op("Mul", won, F32(high - low)), F32(low)))
    summed = parts[0] if len(parts) == 1 else x.op("Sum", *parts)
    return x.op("MatMul", summed, pair) if n == 2 else summed


def adaboost_probabilities(x, model, rows):
    decision = adaboost(x, model, rows)
    if len(model.classes_) == 2:
        return two_columns(x, x.op("Sigmoid", decision))
    return x.op("Softmax", x.op("Mul", decision, F32(1 / (len(model.classes_) - 1))), axis=1)


def adaboost_values(x, model, rows):
    """The median of the estimators' values by weight: sorted, and the first at which half of the weight is reached."""
    n, weights = len(model.estimators_), model.estimator_weights_[:len(model.estimators_)]
    trees = [forest_trees(one) for one in model.estimators_]
    if all(found is not None and len(found) == 1 for found in trees):
        for k, (tree,) in enumerate(trees):
            tree.first_target = k
        values = ensemble(x, rows, [tree for tree, in trees], n)
    else:
        values = x.op("Concat", *[x.run(one, "predict", rows) for one in model.estimators_], axis=1)
    if n == 1:
        return values
    ordered, which = x.op("TopK", values, np.array([n], np.int64), axis=1, largest=0, sorted=1, outputs=2)
    reached = x.op("CumSum", x.op("Gather", np.asarray(weights, np.float64) / weights.sum(), which, axis=0), np.array(1, np.int64))
    first = x.op("ArgMax", one_zero(x, x.op("GreaterOrEqual", reached, F32(0.5))), axis=1, keepdims=1)
    return x.op("GatherElements", ordered, first, axis=1)


# One against the rest, one against one, calibration, several targets.

def rest_scores(x, model, rows, method):
    parts = []
    for i, one in enumerate(model.estimators_):
        with x.step(i):
            found = x.run(one, method, rows)
            parts.append(second_column(x, found) if method == "predict_proba" else found)
    return parts[0] if len(parts) == 1 else x.op("Concat", *parts, axis=1)


def rest_probabilities(x, model, rows):
    p = rest_scores(x, model, rows, "predict_proba")
    if len(model.estimators_) == 1:
        return two_columns(x, p)
    return p if model.multilabel_ else shared(x, p, len(model.classes_))


def rest_decision(x, model, rows):
    return rest_scores(x, model, rows, "decision_function")


def pairs_decision(x, model, rows):
    seconds, confidences = [], []
    for i, one in enumerate(model.estimators_):
        with x.step(i):
            method, found = scores(x, one, rows)
            found = second_column(x, found) if method == "predict_proba" else found
            limit = F32(0.5 if method == "predict_proba" else 0)
            seconds.append(one_zero(x, x.op("Greater", found, limit)))
            confidences.append(found)
    join = lambda parts: parts[0] if len(parts) == 1 else x.op("Concat", *parts, axis=1)
    made = votes_of_pairs(x, join(seconds), join(confidences), len(model.classes_))
    return second_column(x, made) if len(model.classes_) == 2 else made


def calibrate(x, calibrator, scores_of):
    name = type(calibrator).__name__
    if name == "_SigmoidCalibration":
        return x.op("Sigmoid", x.op("Sub", x.op("Mul", scores_of, F32(-calibrator.a_)), F32(calibrator.b_)))
    if name != "IsotonicRegression":
        x.refuse(f"calibration by {name}: sigmoid and isotonic can be exported")
    curve = (calibrator.X_thresholds_, calibrator.y_thresholds_, calibrator.y_thresholds_)
    return interpolated(x, x.columns(scores_of, 1), [curve])


def calibrated(x, model, rows):
    n, folds = len(model.classes_), []
    for i, fold in enumerate(model.calibrated_classifiers_):
        one = fold.estimator if hasattr(fold, "estimator") else fold.base_estimator
        if len(one.classes_) != n:
            x.refuse("one fold has seen some of the classes only")
        with x.step(i):
            method, found = scores(x, one, rows)
            if n == 2:
                found = second_column(x, found) if method == "predict_proba" else found
                folds.append(two_columns(x, calibrate(x, fold.calibrators[0], found)))
                continue
            parts = [calibrate(x, calibrator, x.op("Gather", found, np.array([k], np.int64), axis=1))
                     for k, calibrator in enumerate(fold.calibrators)]
            folds.append(shared(x, x.op("Concat", *parts, axis=1), n))
    return mean(x, folds)


def several_values(x, model, rows):
    parts = []
    for i, one in enumerate(model.estimators_):
        with x.step(i):
            parts.append(x.run(one, "predict", rows))
    return parts[0] if len(parts) == 1 else x.op("Concat", *parts, axis=1)


def untransformed(x, model, rows):
    """TransformedTargetRegressor: the regressor's values through the inverse of what its targets went through."""
    with x.step("regressor"):
        values = x.run(model.regressor_, "predict", rows)
    back, name = model.transformer_, type(model.transformer_).__name__
    if name == "FunctionTransformer":
        return applied(x, back.inverse_func, values)
    if name == "StandardScaler":
        values = x.op("Mul", values, np.atleast_1d(back.scale_)) if back.with_std else values
        return x.op("Add", values, np.atleast_1d(back.mean_)) if back.with_mean else values
    if name == "MinMaxScaler":
        return x.op("Div", x.op("Sub", values, back.min_), back.scale_)
    x.refuse(f"the targets' transformer {name}: functions of numpy, StandardScaler and MinMaxScaler can be exported")


METHODS = ("predict_proba", "decision_function", "score_samples", "predict", "transform")
SEARCH = {method: search(method) for method in METHODS}
CONVERTERS = {
    "Pipeline": {method: pipeline(method) for method in METHODS},
    "FeatureUnion": {"transform": union}, "ColumnTransformer": {"transform": columns_apart},
    "GridSearchCV": SEARCH, "RandomizedSearchCV": SEARCH, "HalvingGridSearchCV": SEARCH, "HalvingRandomSearchCV": SEARCH,
    "VotingClassifier": {"predict_proba": soft_vote, "predict": hard_vote}, "VotingRegressor": {"predict": value_vote},
    "StackingClassifier": {method: stack(method) for method in ("predict_proba", "decision_function")},
    "StackingRegressor": {"predict": stack("predict")},
    "BaggingClassifier": {"predict_proba": bag_probabilities}, "BaggingRegressor": {"predict": bag_values},
    "AdaBoostClassifier": {"predict_proba": adaboost_probabilities, "decision_function": adaboost},
    "AdaBoostRegressor": {"predict": adaboost_values},
    "OneVsRestClassifier": {"predict_proba": rest_probabilities, "decision_function": rest_decision},
    "OneVsOneClassifier": {"decision_function": pairs_decision},
    "CalibratedClassifierCV": {"predict_proba": calibrated},
    "MultiOutputRegressor": {"predict": several_values},
    "TransformedTargetRegressor": {"predict": untransformed},
}
