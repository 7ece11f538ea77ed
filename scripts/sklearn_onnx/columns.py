# SPDX-License-Identifier: BSD-3-Clause
"""Transformers: what makes columns of columns."""
import numbers

import numpy as np

from .export import ML, dense
from .linear import one_zero, product
from .trees import F32, Tree, ensemble


def raised(rows, made, rises):
    """`made` of `rows`, column by column, by functions that rise."""
    def of(before, after, i):
        if before.text or before.raised is None:
            return after._replace(raised=(before, lambda v: rises(v, i)))
        first, inner = before.raised
        return after._replace(raised=(first, lambda v: rises(inner(v), i)))
    return [of(before, after, i) for i, (before, after) in enumerate(zip(rows, made))]


def shifted(x, rows, offset, scale, shift=None):
    """(x - offset) / scale + shift, by column; each may be None."""
    n = len(rows)
    offset, scale, shift = (None if v is None else np.broadcast_to(np.asarray(v, np.float64), (n,)) for v in (offset, scale, shift))
    tensor = x.matrix(rows)
    if offset is not None:
        tensor = x.op("Sub", tensor, offset)
    if scale is not None:
        tensor = x.op("Div", tensor, scale)
    if shift is not None:
        tensor = x.op("Add", tensor, shift)

    def rises(v, i):
        v = v if offset is None else v - offset[i]
        v = v if scale is None else v / scale[i]
        return v if shift is None else v + shift[i]

    made = x.columns(tensor, n)
    return raised(rows, made, rises) if scale is None or (scale > 0).all() else made


def standard(x, model, rows):
    return shifted(x, rows, model.mean_ if model.with_mean else None, model.scale_ if model.with_std else None)


def min_max(x, model, rows):
    made = shifted(x, rows, None, 1 / model.scale_, model.min_)
    if not model.clip:
        return made
    low, high = model.feature_range
    clipped = x.columns(x.op("Clip", x.matrix(made), F32(low), F32(high)), len(rows))
    return raised(made, clipped, lambda v, i: np.clip(v, low, high)) if made[0].raised else clipped


def max_abs(x, model, rows):
    return shifted(x, rows, None, model.scale_)


def robust(x, model, rows):
    return shifted(x, rows, model.center_ if model.with_centering else None, model.scale_ if model.with_scaling else None)


def normalizer(x, model, rows):
    tensor = x.matrix(rows)
    if model.norm == "max":
        size = x.op("ReduceMax", x.op("Abs", tensor), axes=[1], keepdims=1)
    else:
        size = x.op({"l1": "ReduceL1", "l2": "ReduceL2"}[model.norm], tensor, axes=[1], keepdims=1)
    size = x.op("Where", x.op("Equal", size, F32(0)), F32(1), size)
    return x.columns(x.op("Div", tensor, size), len(rows))


def binarizer(x, model, rows):
    return x.columns(one_zero(x, x.op("Greater", x.matrix(rows), F32(model.threshold))), len(rows))


def power(x, model, rows):
    """Yeo-Johnson or Box-Cox: (b^l - 1) / l of a base b above 0, and log b for l = 0."""
    tensor, lambdas = x.matrix(rows), np.asarray(model.lambdas_, np.float64)

    def bent(base, exponents):
        log = np.abs(exponents) < 1e-6
        safe = np.where(log, 1.0, exponents)
        made = x.op("Div", x.op("Sub", x.op("Pow", base, safe), F32(1)), safe)
        return x.op("Where", log, x.op("Log", base), made) if log.any() else made

    if model.method == "box-cox":
        made = bent(tensor, lambdas)
    else:
        above = bent(x.op("Add", x.op("Relu", tensor), F32(1)), lambdas)
        below = x.op("Neg", bent(x.op("Add", x.op("Relu", x.op("Neg", tensor)), F32(1)), 2 - lambdas))
        made = x.op("Where", x.op("Less", tensor, F32(0)), below, above)
    made = x.columns(made, len(rows))
    return standard(x, model._scaler, made) if model.standardize else made


def interpolation_trees(column, points, low, high):
    """A tree that finds the interval of `points`, which rise, and a leaf for each point: its three targets from 3 * column on
    are value, slope and where the slope begins. At points[i] the value is between low[i] and high[i], where a curve
    jumps there."""
    points32 = points.astype(F32)
    points32, kept = np.unique(points32, return_index=True)
    last = np.append(kept[1:], len(points)) - 1
    low, high = low[kept], high[last]
    limits, leaves = [], [(low[0], 0.0, points[0])]
    for i, point in enumerate(points32):
        limits += [np.nextafter(point, F32(-np.inf)), point]
        leaves.append(((low[i] + high[i]) / 2, 0.0, point))
        if i + 1 < len(points32):
            slope = (low[i + 1] - high[i]) / (float(points32[i + 1]) - float(point))
            leaves.append((high[i], slope, point))
        else:
            leaves.append((high[i], 0.0, point))
    nodes = []

    def grow(first, end):  # of the leaves
        node = len(nodes)
        nodes.append(None)
        if end - first == 1:
            nodes[node] = (0.0, -1, -1, leaves[first])
        else:
            middle = (first + end) // 2
            nodes[node] = (limits[middle - 1], grow(first, middle), grow(middle, end), (0.0, 0.0, 0.0))
        return node

    grow(0, len(leaves))
    limit, left, right, weights = zip(*nodes)
    return Tree(np.full(len(nodes), column), np.array(limit, np.float64), np.array(left), np.array(right),
                np.array(weights, np.float64), first_target=3 * column)


def interpolated(x, rows, curves):
    """A tensor [N, len(rows)]: each column through its curve (points, low, high), flat outside."""
    rows = [column._replace(raised=None) for column in rows]
    trees = [interpolation_trees(i, *curve) for i, curve in enumerate(curves)]
    found = x.op("Reshape", ensemble(x, rows, trees, 3 * len(rows)), np.array([-1, len(rows), 3], np.int64))
    value, slope, begin = (x.op("Gather", found, np.array(part, np.int64), axis=2) for part in range(3))
    return x.op("Add", value, x.op("Mul", slope, x.op("Sub", x.matrix(rows), begin)))


def quantile(x, model, rows):
    curves = []
    for points in model.quantiles_.T:
        distinct, first, counts = np.unique(points, return_index=True, return_counts=True)
        low, high = model.references_[first], model.references_[first + counts - 1]
        low, high = low.copy(), high.copy()
        high[-1], low[-1] = 1.0, (low[-1] if len(low) == 1 else low[-1])
        curves.append((distinct, low, high))
    p = x.op("Clip", interpolated(x, rows, curves), F32(0), F32(1))
    ends_low = x.op("LessOrEqual", x.matrix(rows), model.quantiles_[0])
    ends_high = x.op("GreaterOrEqual", x.matrix(rows), model.quantiles_[-1])
    p = x.op("Where", ends_low, F32(0), x.op("Where", ends_high, F32(1), p))
    return x.columns(normal_quantile(x, p) if model.output_distribution == "normal" else p, len(rows))


def polynomial_of(x, variable, coefficients):
    """By Horner's rule, the highest power's coefficient first."""
    made = coefficients[0]
    for i, coefficient in enumerate(coefficients[1:]):
        made = x.op("Add", x.op("Mul", F32(made) if i == 0 else made, variable), F32(coefficient))
    return made


def normal_quantile(x, p):
    """Wichura's PPND7 (AS 241, 1988): good to 1e-7 of the result, cut at +-5.1993 as scikit-learn does."""
    q = x.op("Sub", p, F32(0.5))
    r = x.op("Sub", F32(0.180625), x.op("Mul", q, q))
    middle = x.op("Mul", q, x.op("Div", polynomial_of(x, r, [59.109374720, 159.29113202, 50.434271938, 3.3871327179]),
                                 polynomial_of(x, r, [67.187563600, 78.757757664, 17.895169469, 1.0])))
    tail = x.op("Max", x.op("Min", p, x.op("Sub", F32(1), p)), F32(1e-7))
    r = x.op("Sqrt", x.op("Neg", x.op("Log", tail)))
    near = x.op("Sub", r, F32(1.6))
    outer = x.op("Div", polynomial_of(x, near, [0.17023821103, 1.3067284816, 2.7568153900, 1.4234372777]),
                 polynomial_of(x, near, [0.12021132975, 0.73700164250, 1.0]))
    outer = x.op("Mul", x.op("Sign", q), outer)
    made = x.op("Where", x.op("LessOrEqual", x.op("Abs", q), F32(0.425)), middle, outer)
    return x.op("Clip", made, F32(-5.1993377), F32(5.1993377))


def bins(x, model, rows):
    n = len(rows)
    most = max(len(edges) for edges in model.bin_edges_) - 2
    edges = np.full((n, max(most, 1)), np.inf)
    for i, found in enumerate(model.bin_edges_):
        edges[i, :len(found) - 2] = found[1:-1]
    above = x.op("GreaterOrEqual", x.op("Unsqueeze", x.matrix(rows), np.array([2], np.int64)), edges[None])
    number = x.op("ReduceSum", one_zero(x, above), np.array([2], np.int64), keepdims=0)
    if model.encode == "ordinal":
        return x.columns(number, n)
    sizes = [int(size) for size in model.n_bins_]
    repeated = x.op("Gather", number, np.repeat(np.arange(n), sizes), axis=1)
    which = np.concatenate([np.arange(size) for size in sizes]).astype(np.float64)
    return x.columns(one_zero(x, x.op("Equal", repeated, which[None])), len(which))


def polynomial(x, model, rows):
    """Each product of up to `degree` columns, of which one more is 1."""
    padded = x.op("Pad", x.matrix(rows), np.array([0, 0, 0, 1], np.int64), F32(1))
    factors = [np.repeat(np.arange(len(rows)), powers) for powers in model.powers_]
    made = None
    for place in range(max(max(len(one) for one in factors), 1)):
        which = np.array([one[place] if place < len(one) else len(rows) for one in factors], np.int64)
        factor = x.op("Gather", padded, which, axis=1)
        made = factor if made is None else x.op("Mul", made, factor)
    return x.columns(made, len(factors))


def projected(x, model, rows):
    """PCA and its kind: (x - mean) by components."""
    components = dense(getattr(model, "components_", None))
    if getattr(model, "whiten", False) and hasattr(model, "explained_variance_"):
        components = components / np.sqrt(model.explained_variance_)[:, None]
    centred = x.matrix(rows)
    if getattr(model, "mean_", None) is not None:
        centred = x.op("Sub", centred, model.mean_)
    return x.columns(product(x, centred, components.T), len(components))


def selected(x, model, rows):
    return [rows[i] for i in np.flatnonzero(model.get_support())]


FUNCTIONS = {
    "log1p": lambda x, v: x.op("Log", x.op("Add", v, F32(1))), "log": lambda x, v: x.op("Log", v),
    "log2": lambda x, v: x.op("Div", x.op("Log", v), F32(np.log(2))),
    "log10": lambda x, v: x.op("Div", x.op("Log", v), F32(np.log(10))),
    "exp": lambda x, v: x.op("Exp", v), "expm1": lambda x, v: x.op("Sub", x.op("Exp", v), F32(1)),
    "sqrt": lambda x, v: x.op("Sqrt", v), "square": lambda x, v: x.op("Mul", v, v),
    "absolute": lambda x, v: x.op("Abs", v), "negative": lambda x, v: x.op("Neg", v),
    "reciprocal": lambda x, v: x.op("Reciprocal", v), "sign": lambda x, v: x.op("Sign", v),
    "tanh": lambda x, v: x.op("Tanh", v), "sin": lambda x, v: x.op("Sin", v), "cos": lambda x, v: x.op("Cos", v),
    "floor": lambda x, v: x.op("Floor", v), "ceil": lambda x, v: x.op("Ceil", v), "rint": lambda x, v: x.op("Round", v),
}


def applied(x, function, tensor):
    """A function of numpy on a tensor; None is none."""
    if function is None:
        return tensor
    if not isinstance(function, np.ufunc) or function.__name__ not in FUNCTIONS:
        x.refuse(f"the function {getattr(function, '__name__', function)!r}: of numpy's, these can be exported: "
                 f"{', '.join(FUNCTIONS)}")
    return FUNCTIONS[function.__name__](x, tensor)


def function(x, model, rows):
    if model.func is None:
        return rows
    if model.kw_args:
        x.refuse("kw_args of a function")
    return x.columns(applied(x, model.func, x.matrix(rows)), len(rows))


# Missing values.

def is_missing(x, tensor, missing):
    if missing is None or (isinstance(missing, float) and np.isnan(missing)):
        return x.op("IsNaN", tensor)
    if not isinstance(missing, numbers.Real):
        x.refuse(f"missing_values={missing!r}")
    return x.op("Equal", tensor, F32(missing))


def indicator(x, model, rows):
    found = [rows[i] for i in model.features_]
    return x.columns(one_zero(x, is_missing(x, x.matrix(found), model.missing_values)), len(found))


def imputer(x, model, rows):
    marks = []
    if model.indicator_ is not None:
        marks = indicator(x, model.indicator_, rows)
    statistics = np.asarray(model.statistics_)
    if any(isinstance(value, str) for value in statistics):
        return [column._replace(tensor=x.text(column), fill=str(value), text=True)
                for column, value in zip(rows, statistics)] + marks
    statistics = statistics.astype(np.float64)
    kept = [i for i, value in enumerate(statistics) if not np.isnan(value)]
    if not kept:
        x.refuse("no column has a value")
    tensor = x.matrix([rows[i] for i in kept])
    filled = x.op("Where", is_missing(x, tensor, model.missing_values), statistics[kept][None], tensor)
    return x.columns(filled, len(kept)) + marks


# Categories, of numbers and of texts.

MISSING_TEXTS = ("", "nan")  # how CSV and pandas write what is missing


def is_nan(value):
    return value is None or (isinstance(value, (float, np.floating)) and np.isnan(value))


def looked_up(x, column, categories, codes, unknown):
    """[N, 1]: the code of the category that the column holds, else `unknown`."""
    texts = any(isinstance(value, str) for value in categories)
    table = {}
    for value, code in zip(categories, codes):
        for key in (MISSING_TEXTS if is_nan(value) else (str(value),)) if texts else (np.nan if is_nan(value) else float(value),):
            table.setdefault(key, float(code))
    if texts:
        tensor = x.text(column)
        if column.fill is not None:
            table.update({key: table.get(column.fill, float(unknown)) for key in MISSING_TEXTS})
        keys = {"keys_strings": list(table)}
    else:
        tensor = x.matrix([column])
        keys = {"keys_floats": list(table)}
    return x.op("LabelEncoder", tensor, domain=ML, values_floats=list(table.values()), default_float=float(unknown), **keys)


def ordinal(x, model, rows):
    parts = []
    known = getattr(model, "handle_unknown", "error") == "use_encoded_value"
    if not known:
        x.warn("categories never seen, which scikit-learn refuses, are encoded as -1")
    for i, (column, categories) in enumerate(zip(rows, model.categories_)):
        with x.step(f"column {i}"):
            if getattr(model, "infrequent_categories_", None) is not None and model.infrequent_categories_[i] is not None:
                x.refuse("infrequent categories of an OrdinalEncoder")
            missing = getattr(model, "encoded_missing_value", np.nan)
            codes = [missing if is_nan(value) else code for code, value in enumerate(categories)]
            parts.append(looked_up(x, column, categories, codes, model.unknown_value if known else -1))
    return x.columns(parts[0] if len(parts) == 1 else x.op("Concat", *parts, axis=1), len(parts))


def one_hot(x, model, rows):
    if model.handle_unknown == "error":
        x.warn("categories never seen, which scikit-learn refuses, are zeros in all columns")
    places, sizes = one_hot_places(model)
    made = []
    simple = [i for i, categories in enumerate(model.categories_) if not any(isinstance(v, str) or is_nan(v) for v in categories)
              and places[i][0] == list(range(len(categories)))]
    for i, (column, categories) in enumerate(zip(rows, model.categories_)):
        with x.step(f"column {i}"):
            if sizes[i] == 0:
                continue
            if i in simple:  # one comparison for all such columns that stand together
                made.append(("numbers", column, np.asarray(categories, np.float64)))
                continue
            if column.fill is None and all(isinstance(v, str) for v in categories) and places[i] == (list(range(len(categories))), -1):
                found = x.op("OneHotEncoder", x.text(column), domain=ML, cats_strings=[str(v) for v in categories], zeros=1)
                made.append(("encoded", x.op("Reshape", found, np.array([-1, len(categories)], np.int64)), categories))
                continue
            code = looked_up(x, column, categories, *places[i])
            made.append(("code", code, np.arange(sizes[i], dtype=np.float64)))
    return x.columns(*encoded(x, made))


def encoded(x, made):
    """Zeros and ones, and how many columns of them."""
    parts, run = [], []
    for kind, what, values in [*made, (None, None, None)]:
        if run and kind != "numbers":
            tensor = x.op("Gather", x.matrix([column for column, _ in run]),
                          np.repeat(np.arange(len(run)), [len(found) for _, found in run]), axis=1)
            parts.append(one_zero(x, x.op("Equal", tensor, np.concatenate([found for _, found in run])[None])))
            run = []
        if kind == "numbers":
            run.append((what, values))
        elif kind == "code":
            parts.append(one_zero(x, x.op("Equal", what, values[None])))
        elif kind == "encoded":
            parts.append(what)
    return parts[0] if len(parts) == 1 else x.op("Concat", *parts, axis=1), sum(len(values) for _, _, values in made)


def one_hot_places(model):
    """For each column ([the place of each category, -1: none], the place of what is unknown), and how many there are:
    asked of the encoder itself."""
    places, sizes = [], []
    firsts = [categories[0] for categories in model.categories_]
    for i, categories in enumerate(model.categories_):
        probe = np.array([firsts[:i] + [value] + firsts[i + 1:] for value in categories], dtype=object)
        numbers_only = all(not isinstance(value, str) for value in probe.ravel())
        out = dense(model.transform(probe.astype(np.float64) if numbers_only else probe))
        size = int(model._n_features_outs[i])
        begin = int(sum(model._n_features_outs[:i]))
        block = out[:, begin:begin + size]
        place = [int(row.argmax()) if row.any() else -1 for row in block]
        infrequent = getattr(model, "infrequent_categories_", None)
        unknown = -1
        if model.handle_unknown in ("infrequent_if_exist", "warn") and infrequent is not None and infrequent[i] is not None:
            unknown = place[list(categories).index(infrequent[i][0])]
        places.append((place, unknown))
        sizes.append(size)
    return places, sizes


TRANSFORMS = {
    "StandardScaler": standard, "MinMaxScaler": min_max, "MaxAbsScaler": max_abs, "RobustScaler": robust,
    "Normalizer": normalizer, "Binarizer": binarizer, "PowerTransformer": power, "QuantileTransformer": quantile,
    "KBinsDiscretizer": bins, "PolynomialFeatures": polynomial, "FunctionTransformer": function,
    "PCA": projected, "IncrementalPCA": projected, "TruncatedSVD": projected, "FastICA": projected,
    "GaussianRandomProjection": projected, "SparseRandomProjection": projected,
    "SelectKBest": selected, "SelectPercentile": selected, "SelectFpr": selected, "SelectFdr": selected, "SelectFwe": selected,
    "GenericUnivariateSelect": selected, "VarianceThreshold": selected, "SelectFromModel": selected, "RFE": selected,
    "RFECV": selected, "SequentialFeatureSelector": selected,
    "SimpleImputer": imputer, "MissingIndicator": indicator, "OrdinalEncoder": ordinal, "OneHotEncoder": one_hot,
}
CONVERTERS = {name: {"transform": convert} for name, convert in TRANSFORMS.items()}
