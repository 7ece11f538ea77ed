# SPDX-License-Identifier: BSD-3-Clause
"""Trees, forests and boosting: each becomes one ensemble, whose leaves hold what is summed."""
import numpy as np

from .export import ML

F32 = np.float32


def floor32(values):
    """The largest float32 not above: for a float32 x, x <= t holds just where x <= floor32(t)."""
    values = np.asarray(values, np.float64)
    with np.errstate(over="ignore"):
        near = values.astype(F32)
    return np.where(near.astype(np.float64) > values, np.nextafter(near, F32(-np.inf)), near)


def nearest32(values):
    """The nearest float32, the lower of two: a threshold in the middle of two neighbouring float32 parts them, and one that is
    a decimal value of the data takes that value along, which a row holds rounded."""
    values = np.asarray(values, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        near = values.astype(F32)
        below = np.nextafter(near, F32(-np.inf))
        tie = near.astype(np.float64) - values == values - below.astype(np.float64)
    return np.where(tie, below, near)


def preimage(rises, limits, narrow):
    """The largest float32 x with rises(x) <= limit, for each limit. `narrow`: what rises() gives is rounded to float32
    first, as scikit-learn's trees do. -inf where there is none."""
    def number(code):  # float32 in their order, by whole numbers
        bits = np.where(code >= 0, code, np.int64(-2**31) - code).astype(np.int32)
        return bits.view(F32)

    low = np.full(len(limits), -0x7f800000, np.int64)   # -inf, which is not above any limit
    high = np.full(len(limits), 0x7f800000, np.int64)   # inf, taken to be above all
    while (high - low > 1).any():
        middle = (low + high) // 2
        with np.errstate(over="ignore", invalid="ignore"):
            value = rises(number(middle).astype(np.float64))
            value = value.astype(F32) if narrow else value
        below = value <= limits
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return number(low)


class Tree:
    """Arrays over nodes; left < 0: a leaf. weights [nodes][targets]; missing_left: None, or where a missing value goes."""

    def __init__(self, feature, threshold, left, right, weights, missing_left=None, first_target=0, sets=None):
        self.feature, self.threshold, self.left, self.right = feature, threshold, left, right
        self.weights, self.missing_left, self.first_target = weights, missing_left, first_target
        self.sets = sets or {}  # node -> (members, they go left)
        self.narrow = True      # are columns rounded to float32 before they are compared with the thresholds?


def tree_of(tree, weights, columns=None):
    """Of a sklearn.tree._tree.Tree. `columns`: of which columns those that it was fitted to are."""
    feature = np.maximum(tree.feature, 0)
    return Tree(feature if columns is None else np.asarray(columns)[feature], tree.threshold, tree.children_left,
                tree.children_right, weights, getattr(tree, "missing_go_to_left", None))


def shares(tree):
    """[nodes][classes] of a classification tree's node, summing to 1."""
    counts = tree.value[:, 0, :]
    total = counts.sum(axis=1, keepdims=True)
    return counts / np.where(total == 0, 1, total)


def thresholds(trees, rows):
    """Of all trees in one array: float32 in the columns that compare() gives."""
    features = np.concatenate([tree.feature for tree in trees])
    limits = np.concatenate([np.asarray(tree.threshold, np.float64) for tree in trees])
    narrow = trees[0].narrow
    values = floor32(limits) if narrow else nearest32(limits)
    for c in set(features):
        if rows[c].raised:
            at = features == c
            values[at] = preimage(rows[c].raised[1], limits[at], narrow)
    return values


def compared(rows):
    return [column.raised[0] if column.raised else column for column in rows]


def ensemble(x, rows, trees, targets, base=None, average=False):
    """[N, targets]: the trees' leaves summed (or averaged over trees), and base."""
    if any(tree.sets for tree in trees):
        return ensemble_of_sets(x, rows, trees, targets, base)
    sizes = [len(tree.left) for tree in trees]
    left = np.concatenate([tree.left for tree in trees])
    leaf = left < 0
    number = np.concatenate([np.arange(size) for size in sizes])
    tree_id = np.repeat(np.arange(len(trees)), sizes)
    attributes = {
        "nodes_treeids": tree_id, "nodes_nodeids": number,
        "nodes_featureids": np.where(leaf, 0, np.concatenate([tree.feature for tree in trees])),
        "nodes_truenodeids": np.where(leaf, 0, left),
        "nodes_falsenodeids": np.where(leaf, 0, np.concatenate([tree.right for tree in trees])),
        "nodes_values": np.where(leaf, 0, thresholds(trees, rows)),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ"),
    }
    if trees[0].missing_left is not None:
        attributes["nodes_missing_value_tracks_true"] = np.where(leaf, 0, np.concatenate([tree.missing_left for tree in trees]))
    begin, nodes, ids, weights = np.cumsum([0] + sizes), [], [], []
    for tree, first in zip(trees, begin):
        at, target = np.nonzero((tree.left < 0)[:, None] & ((tree.weights != 0) | (np.arange(tree.weights.shape[1]) == 0)))
        nodes.append(first + at)
        ids.append(tree.first_target + target)
        weights.append(tree.weights[at, target])
    nodes = np.concatenate(nodes)
    attributes.update(target_treeids=tree_id[nodes], target_nodeids=number[nodes], target_ids=np.concatenate(ids),
                      target_weights=np.concatenate(weights).astype(F32), n_targets=targets,
                      aggregate_function="AVERAGE" if average else "SUM")
    if base is not None:
        attributes["base_values"] = np.asarray(base, F32)
    attributes = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in attributes.items()}
    return x.op("TreeEnsembleRegressor", x.matrix(compared(rows)), domain=ML, **attributes)


def ensemble_of_sets(x, rows, trees, targets, base):
    """As TreeEnsemble of ai.onnx.ml 5, which can ask whether a category is one of many."""
    leq, member = 0, 6
    roots, branches, members, leaf_weights, leaf_targets = [], [], [], [], []

    def add_leaf(tree, node):
        leaf_weights.append(tree.weights[node, 0])
        leaf_targets.append(tree.first_target)
        return len(leaf_weights) - 1, 1

    for tree, limits in zip(trees, np.split(thresholds(trees, rows), np.cumsum([len(tree.left) for tree in trees])[:-1])):
        roots.append(len(branches))
        if tree.left[0] < 0:  # a leaf alone: both ways lead to it
            at, _ = add_leaf(tree, 0)
            branches.append([0, leq, 0.0, at, 1, at, 1, 0])
            continue
        inner = np.cumsum(tree.left >= 0) - 1 + len(branches)
        for node in np.flatnonzero(tree.left >= 0):
            ways = [(inner[child], 0) if tree.left[child] >= 0 else add_leaf(tree, child)
                    for child in (tree.left[node], tree.right[node])]
            mode, missing = leq, int(tree.missing_left[node])
            if node in tree.sets:
                found, go_left = tree.sets[node]
                mode, missing = member, 0
                members.extend([*found, np.nan])
                ways = ways if go_left else ways[::-1]
            branches.append([tree.feature[node], mode, 0.0 if mode == member else limits[node], *ways[0], *ways[1], missing])
    feature, mode, split, yes, yes_leaf, no, no_leaf, missing = zip(*branches)
    total = x.op(
        "TreeEnsemble", x.matrix(compared(rows)), domain=ML, n_targets=targets, aggregate_function=1, post_transform=0,
        tree_roots=roots, nodes_featureids=ints(feature), nodes_modes=tensor(np.array(mode, np.uint8)),
        nodes_splits=tensor(np.array(split, F32)), nodes_truenodeids=ints(yes), nodes_trueleafs=ints(yes_leaf),
        nodes_falsenodeids=ints(no), nodes_falseleafs=ints(no_leaf), nodes_missing_value_tracks_true=ints(missing),
        membership_values=tensor(np.array(members, F32)), leaf_targetids=ints(leaf_targets),
        leaf_weights=tensor(np.array(leaf_weights, F32)))
    return total if base is None else x.op("Add", total, np.asarray(base, F32).reshape(1, -1))


def ints(values):
    return [int(value) for value in values]


def tensor(array):
    from onnx import numpy_helper
    return numpy_helper.from_array(array)


def two_columns(x, second):
    """[1 - p, p]"""
    return x.op("Concat", x.op("Sub", F32(1), second), second, axis=1)


# Trees and forests, and bags of them.

def forest_trees(model, columns=None):
    """The trees whose mean is the model's answer; None: it is no such model."""
    name = type(model).__name__
    if name in ("DecisionTreeClassifier", "ExtraTreeClassifier"):
        return [tree_of(model.tree_, shares(model.tree_), columns)]
    if name in ("DecisionTreeRegressor", "ExtraTreeRegressor"):
        return [tree_of(model.tree_, model.tree_.value[:, :, 0], columns)]
    if name in ("RandomForestClassifier", "ExtraTreesClassifier", "RandomForestRegressor", "ExtraTreesRegressor"):
        return [tree for one in model.estimators_ for tree in forest_trees(one, columns)]
    return None


def forest_probabilities(x, model, rows, trees=None):
    if getattr(model, "n_outputs_", 1) != 1:
        x.refuse("a classifier of several targets at once; fit one for each")
    trees = trees or forest_trees(model)
    if len(model.classes_) == 2:
        for tree in trees:
            tree.weights = tree.weights[:, 1:]
        return two_columns(x, ensemble(x, rows, trees, 1, average=True))
    return ensemble(x, rows, trees, len(model.classes_), average=True)


def forest_values(x, model, rows, trees=None):
    trees = trees or forest_trees(model)
    return ensemble(x, rows, trees, trees[0].weights.shape[1], average=True)


# Boosting.

def gradient_boosting(x, model, rows):
    if not isinstance(model.init_, str) and type(model.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
        x.refuse(f"init={type(model.init_).__name__}: only constants ('zero' or none) can be exported")
    base = model._raw_predict_init(np.zeros((1, model.n_features_in_), F32))[0]
    trees = []
    for stage in model.estimators_:
        for k, one in enumerate(stage):
            tree = tree_of(one.tree_, model.learning_rate * one.tree_.value[:, 0, :])
            tree.first_target = k
            trees.append(tree)
    return ensemble(x, rows, trees, len(base), base)


def gradient_probabilities(x, model, rows):
    raw = gradient_boosting(x, model, rows)
    if model.estimators_.shape[1] > 1:
        return x.op("Softmax", raw, axis=1)
    if model.loss == "exponential":
        raw = x.op("Mul", raw, F32(2))
    return two_columns(x, x.op("Sigmoid", raw))


def histogram_trees(x, model):
    known, feature_of = model._bin_mapper.make_known_categories_bitsets()
    trees = []
    for stage in model._predictors:
        for k, predictor in enumerate(stage):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            categories = nodes["is_categorical"].astype(bool) & ~leaf
            # Known categories go left or right, all others the way of missing values: the test is for those known ones
            # that go the other way.
            sets = {}
            for node in np.flatnonzero(categories):
                left = members(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
                others = sorted(set(members(known[feature_of[nodes["feature_idx"][node]]])) - set(left))
                sets[node] = (others, False) if nodes["missing_go_to_left"][node] else (left, True)
            tree = Tree(nodes["feature_idx"].astype(int), np.where(categories, 0, nodes["num_threshold"]),
                        np.where(leaf, -1, nodes["left"].astype(int)), np.where(leaf, -1, nodes["right"].astype(int)),
                        nodes["value"].reshape(-1, 1), nodes["missing_go_to_left"].astype(int), k, sets)
            tree.narrow = False  # histogram boosting compares doubles
            trees.append(tree)
    return trees


def members(bits):
    return [value for value in range(256) if bits[value // 32] >> (value % 32) & 1]


def histogram_boosting(x, model, rows):
    before = getattr(model, "_preprocessor", None)
    if before is not None:  # from scikit-learn 1.4 on: categories of any kind are numbered first
        with x.step("categories"):
            rows = x.run(before, "transform", rows)
    base = np.ravel(model._baseline_prediction)
    return ensemble(x, rows, histogram_trees(x, model), len(base), base)


def histogram_probabilities(x, model, rows):
    raw = histogram_boosting(x, model, rows)
    if model.n_trees_per_iteration_ > 1:
        return x.op("Softmax", raw, axis=1)
    return two_columns(x, x.op("Sigmoid", raw))


def histogram_values(x, model, rows):
    raw = histogram_boosting(x, model, rows)
    return x.op("Exp", raw) if type(model._loss.link).__name__ == "LogLink" else raw


# Isolation forests: the leaves hold the length of the way to them.

def average_path(n):
    n = np.maximum(np.asarray(n, np.float64), 1)
    far = np.maximum(n, 3)
    length = 2 * (np.log(far - 1) + np.euler_gamma) - 2 * (far - 1) / far
    return np.where(n <= 1, 0.0, np.where(n == 2, 1.0, length))


def isolation_trees(model):
    trees = []
    for one, columns in zip(model.estimators_, model.estimators_features_):
        tree = one.tree_
        depth = np.zeros(tree.node_count)
        for node in range(tree.node_count):  # parents come first
            for child in (tree.children_left[node], tree.children_right[node]):
                if child >= 0:
                    depth[child] = depth[node] + 1
        trees.append(tree_of(tree, (depth + average_path(tree.n_node_samples)).reshape(-1, 1), columns))
    return trees


def isolation_scores(x, model, rows):
    longest = float(average_path(model.max_samples_))
    if longest == 0:
        x.refuse("was fitted to trees of one row each")
    mean = ensemble(x, rows, isolation_trees(model), 1, average=True)
    return x.op("Neg", x.op("Exp", x.op("Mul", mean, F32(-np.log(2) / longest))))


def isolation_decision(x, model, rows):
    return x.op("Sub", isolation_scores(x, model, rows), F32(model.offset_))


FOREST = {"predict_proba": forest_probabilities}
VALUES = {"predict": forest_values}
CONVERTERS = {
    "DecisionTreeClassifier": FOREST, "ExtraTreeClassifier": FOREST,
    "RandomForestClassifier": FOREST, "ExtraTreesClassifier": FOREST,
    "DecisionTreeRegressor": VALUES, "ExtraTreeRegressor": VALUES,
    "RandomForestRegressor": VALUES, "ExtraTreesRegressor": VALUES,
    "GradientBoostingClassifier": {"predict_proba": gradient_probabilities, "decision_function": gradient_boosting},
    "GradientBoostingRegressor": {"predict": gradient_boosting},
    "HistGradientBoostingClassifier": {"predict_proba": histogram_probabilities, "decision_function": histogram_boosting},
    "HistGradientBoostingRegressor": {"predict": histogram_values},
    "IsolationForest": {"decision_function": isolation_decision, "score_samples": isolation_scores},
}
