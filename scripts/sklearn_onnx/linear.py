# SPDX-License-Identifier: BSD-3-Clause
"""Linear models, networks, naive Bayes, discriminants, support vectors, clusters and neighbours."""
import numpy as np

from .export import ML, dense
from .trees import two_columns

F32 = np.float32


def one_zero(x, condition):
    return x.cast(condition)


def sum_of(x, tensor, axis=1, keep=1):
    return x.op("ReduceSum", tensor, np.array([axis], np.int64), keepdims=keep)


def product(x, tensor, weights, bias=None):
    """tensor [N, k] * weights [k, n] + bias [n]"""
    return x.op("Gemm", tensor, weights, *([] if bias is None else [np.broadcast_to(bias, (weights.shape[1],))]))


def shared(x, scores, n):
    """Scores divided by their sum; where that is 0, the same for all."""
    total = sum_of(x, scores)
    none = x.op("Equal", total, F32(0))
    return x.op("Where", none, F32(1 / n), x.op("Div", scores, x.op("Where", none, F32(1), total)))


# Linear models.

def linear(x, model, rows):
    coefficients = np.atleast_2d(dense(model.coef_))
    intercepts = np.broadcast_to(np.ravel(model.intercept_).astype(F32), (len(coefficients),))
    return x.op("LinearRegressor", x.matrix(rows), domain=ML, targets=len(coefficients),
                coefficients=coefficients.astype(F32).ravel().tolist(), intercepts=intercepts.tolist())


def one_against_rest(x, model, rows):
    """Logistic for each class, which are made to sum to 1: by their logarithms, as float32 has no number below 1e-45."""
    decision = linear(x, model, rows)
    if len(model.classes_) == 2:
        return two_columns(x, x.op("Sigmoid", decision))
    return x.op("Softmax", x.op("Neg", x.op("Softplus", x.op("Neg", decision))), axis=1)


def logistic(x, model, rows):
    how, two = getattr(model, "multi_class", "auto"), len(model.classes_) == 2
    if how in ("ovr", "warn") or (how != "multinomial" and (two or model.solver == "liblinear")):
        return one_against_rest(x, model, rows)
    decision = linear(x, model, rows)
    if two:
        return two_columns(x, x.op("Sigmoid", x.op("Mul", decision, F32(2))))
    return x.op("Softmax", decision, axis=1)


def descent_probabilities(x, model, rows):
    if model.loss in ("log_loss", "log"):
        return one_against_rest(x, model, rows)
    clipped = x.op("Clip", linear(x, model, rows), F32(-1), F32(1))
    p = x.op("Div", x.op("Add", clipped, F32(1)), F32(2))
    return two_columns(x, p) if len(model.classes_) == 2 else shared(x, p, len(model.classes_))


def exponential_linear(x, model, rows):
    raw = linear(x, model, rows)
    return x.op("Exp", raw) if type(model._base_loss.link).__name__ == "LogLink" else raw


def one_class_descent(x, model, rows):
    return x.op("Sub", product(x, x.matrix(rows), dense(model.coef_).reshape(-1, 1)), np.ravel(model.offset_))


# Networks.

ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def network(x, model, rows):
    last = x.matrix(rows)
    for i, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_)):
        last = product(x, last, weights, bias)
        if i + 2 < model.n_layers_ and model.activation != "identity":
            last = x.op(ACTIVATIONS[model.activation], last)
    return last


def network_probabilities(x, model, rows):
    raw = network(x, model, rows)
    if model.out_activation_ == "softmax":
        return x.op("Softmax", raw, axis=1)
    p = x.op("Sigmoid", raw)
    return two_columns(x, p) if model.n_outputs_ == 1 else p


# Naive Bayes and discriminants: log probabilities of the classes, up to what they share.

def gaussian(x, model, rows):
    variance = model.var_ if hasattr(model, "var_") else model.sigma_
    distance = x.op("Sub", x.op("Unsqueeze", x.matrix(rows), np.array([1], np.int64)), model.theta_[None])
    scaled = x.op("Mul", distance, np.sqrt(0.5 / variance)[None])
    return x.op("Sub", np.log(model.class_prior_) - 0.5 * np.log(2 * np.pi * variance).sum(axis=1),
                x.op("ReduceSumSquare", scaled, axes=[2], keepdims=0))


def bernoulli(x, model, rows):
    values = x.matrix(rows)
    if model.binarize is not None:
        values = one_zero(x, x.op("Greater", values, F32(model.binarize)))
    absent = np.log1p(-np.exp(model.feature_log_prob_))
    return product(x, values, (model.feature_log_prob_ - absent).T, model.class_log_prior_ + absent.sum(axis=1))


def multinomial(x, model, rows):
    return product(x, x.matrix(rows), model.feature_log_prob_.T, model.class_log_prior_)


def complement(x, model, rows):
    return product(x, x.matrix(rows), model.feature_log_prob_.T, model.class_log_prior_ if len(model.classes_) == 1 else None)


def softmax_of(scores):
    return lambda x, model, rows: x.op("Softmax", scores(x, model, rows), axis=1)


def discriminant(x, model, rows):
    return two_columns(x, x.op("Sigmoid", linear(x, model, rows))) if len(model.classes_) == 2 else \
        x.op("Softmax", linear(x, model, rows), axis=1)


def discriminant_transform(x, model, rows):
    kept = model.scalings_[:, :model._max_components]
    centred = x.matrix(rows)
    if model.solver == "svd":
        centred = x.op("Sub", centred, model.xbar_)
    return x.columns(product(x, centred, kept), kept.shape[1])


def quadratic(x, model, rows):
    parts = []
    for mean, rotation, scaling, prior in zip(model.means_, model.rotations_, model.scalings_, model.priors_):
        turned = product(x, x.op("Sub", x.matrix(rows), mean), rotation / np.sqrt(scaling))
        norm = x.op("ReduceSumSquare", turned, axes=[1], keepdims=1)
        parts.append(x.op("Sub", F32(np.log(prior) - 0.5 * np.log(scaling).sum()), x.op("Mul", norm, F32(0.5))))
    return x.op("Concat", *parts, axis=1)


def quadratic_decision(x, model, rows):
    scores = quadratic(x, model, rows)
    return product(x, scores, np.array([[-1.0], [1.0]])) if len(model.classes_) == 2 else scores


def mixture(x, model, rows):
    """The log of each component's share of the density [N, components]."""
    n, values = model.means_.shape[1], x.matrix(rows)
    parts = []
    for k, mean in enumerate(model.means_):
        whole = model.precisions_cholesky_
        factor = {"full": lambda: whole[k], "tied": lambda: whole, "diag": lambda: np.diag(whole[k]),
                  "spherical": lambda: np.eye(n) * whole[k]}[model.covariance_type]()
        turned = product(x, x.op("Sub", values, mean), factor)
        shift = np.log(model.weights_[k]) - 0.5 * n * np.log(2 * np.pi) + np.log(np.diag(factor)).sum()
        parts.append(x.op("Sub", F32(shift), x.op("Mul", x.op("ReduceSumSquare", turned, axes=[1], keepdims=1), F32(0.5))))
    return x.op("Concat", *parts, axis=1)


def mixture_density(x, model, rows):
    return x.op("ReduceLogSumExp", mixture(x, model, rows), axes=[1], keepdims=1)


# Support vectors.

def kernel(x, model):
    kinds = {"linear": "LINEAR", "poly": "POLY", "rbf": "RBF", "sigmoid": "SIGMOID"}
    if model.kernel not in kinds:
        x.refuse(f"kernel={model.kernel!r}: {', '.join(kinds)} can be exported")
    return {"kernel_type": kinds[model.kernel],
            "kernel_params": [float(model._gamma), float(model.coef0), float(model.degree)],
            "support_vectors": dense(model.support_vectors_).astype(F32).ravel().tolist()}


def support_regression(x, model, rows):
    """The sum of weighed kernels and the intercept: of SVR, of OneClassSVM, and of SVC with two classes."""
    if model.kernel == "linear":
        return linear(x, model, rows)
    weights = dense(model.dual_coef_).ravel()
    return x.op("SVMRegressor", x.matrix(rows), domain=ML, n_supports=len(weights), coefficients=weights.astype(F32).tolist(),
                rho=np.ravel(model.intercept_).astype(F32).tolist(), **kernel(x, model))


def support_pairs(x, model, rows, **more):
    return x.op("SVMClassifier", x.matrix(rows), domain=ML, outputs=2, classlabels_ints=list(range(len(model.classes_))),
                vectors_per_class=[int(n) for n in model.n_support_], rho=np.ravel(model._intercept_).astype(F32).tolist(),
                coefficients=dense(model._dual_coef_).astype(F32).ravel().tolist(), **kernel(x, model), **more)[1]


def support_probabilities(x, model, rows):
    return support_pairs(x, model, rows, prob_a=np.ravel(model.probA_).astype(F32).tolist(),
                         prob_b=np.ravel(model.probB_).astype(F32).tolist())


def votes_of_pairs(x, second, confidences, n):
    """Votes and, within them, confidences of classifiers of each pair of classes: scikit-learn's way of one against one.
    second [N, pairs]: 1 where the pair's second class wins, else 0."""
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    signs = np.zeros((len(pairs), n))
    for k, (i, j) in enumerate(pairs):
        signs[k, i], signs[k, j] = -1, 1
    votes = product(x, second, signs, np.array([n - 1.0 - i for i in range(n)]))
    sums = product(x, confidences, signs)
    return x.op("Add", votes, x.op("Div", sums, x.op("Mul", x.op("Add", x.op("Abs", sums), F32(1)), F32(3))))


def support_decision(x, model, rows):
    if len(model.classes_) == 2:
        return support_regression(x, model, rows)
    pairs = linear(x, model, rows) if model.kernel == "linear" else support_pairs(x, model, rows)
    if model.decision_function_shape == "ovo":
        return pairs
    second = one_zero(x, x.op("Less", pairs, F32(0)))
    return votes_of_pairs(x, second, x.op("Neg", pairs), len(model.classes_))


def envelope(x, model, rows):
    """EllipticEnvelope: the squared distance from the middle, measured by the covariance, below 0."""
    apart = x.op("Sub", x.matrix(rows), model.location_)
    factor = np.linalg.cholesky(model.precision_)
    return x.op("Neg", x.op("ReduceSumSquare", product(x, apart, factor), axes=[1], keepdims=1))


def envelope_decision(x, model, rows):
    return x.op("Sub", envelope(x, model, rows), F32(model.offset_))


# Distances.

def distances(x, rows, points, manhattan=False):
    """[N, points], by differences: what is close stays exact."""
    apart = x.op("Sub", x.op("Unsqueeze", x.matrix(rows), np.array([1], np.int64)), points[None])
    return x.op("ReduceL1" if manhattan else "ReduceL2", apart, axes=[2], keepdims=0)


def cluster_distances(x, model, rows):
    return x.columns(distances(x, rows, model.cluster_centers_), len(model.cluster_centers_))


def candidates(x, rows, points, n):
    """The numbers [N, n] of points that are near, among them those that are nearest: by products, which cost less than
    differences but lose digits."""
    centre = points.mean(axis=0)
    points = points - centre
    near = product(x, x.op("Sub", x.matrix(rows), centre), 2 * points.T, -(points ** 2).sum(axis=1))  # |x|^2 - distance^2
    return x.op("TopK", near, np.array([n], np.int64), axis=1, largest=1, sorted=0, outputs=2)[1]


def neighbours(x, model, rows):
    """Distances to the nearest points, and which those are: both [N, k]."""
    metric, points = model.effective_metric_, dense(model._fit_X)
    k = getattr(model, "n_neighbors_", model.n_neighbors)  # of LocalOutlierFactor: at most as many as there are
    if metric not in ("euclidean", "manhattan"):
        x.refuse(f"metric={metric!r}: euclidean and manhattan can be exported")
    if getattr(model, "weights", "uniform") not in ("uniform", "distance"):
        x.refuse("weights by a function of your own: uniform and distance can be exported")
    best = {"axis": 1, "largest": 0, "sorted": 1, "outputs": 2}
    if metric == "manhattan" or len(points) <= 8 * k + 32:
        return x.op("TopK", distances(x, rows, points, metric == "manhattan"), np.array([k], np.int64), **best)
    chosen = candidates(x, rows, points, 4 * k + 16)
    apart = x.op("Sub", x.op("Unsqueeze", x.matrix(rows), np.array([1], np.int64)), x.op("Gather", points, chosen, axis=0))
    far, which = x.op("TopK", x.op("ReduceL2", apart, axes=[2], keepdims=0), np.array([k], np.int64), **best)
    return far, x.op("GatherElements", chosen, which, axis=1)


def neighbour_weights(x, model, far):
    """[N, k], or None: all alike. A point that is the row itself outweighs all others."""
    if model.weights == "uniform":
        return None
    same = x.op("Equal", far, F32(0))
    hit = x.op("Cast", x.op("ReduceMax", one_zero(x, same), axes=[1], keepdims=1), to=9)
    return x.op("Where", hit, one_zero(x, same), x.op("Reciprocal", x.op("Where", same, F32(1), far)))


def neighbour_classes(x, model, rows):
    if getattr(model, "outputs_2d_", False):
        x.refuse("a classifier of several targets at once; fit one for each")
    far, which = neighbours(x, model, rows)
    weights, n = neighbour_weights(x, model, far), len(model.classes_)
    each = x.op("Gather", np.eye(n, dtype=F32)[np.ravel(model._y)], which, axis=0)  # [N, k, classes]
    if weights is None:
        return x.op("ReduceMean", each, axes=[1], keepdims=0)
    return shared(x, sum_of(x, x.op("Mul", each, x.op("Unsqueeze", weights, np.array([2], np.int64))), keep=0), n)


def neighbour_values(x, model, rows):
    far, which = neighbours(x, model, rows)
    weights = neighbour_weights(x, model, far)
    each = x.op("Gather", model._y.reshape(len(model._y), -1).astype(np.float64), which, axis=0)
    if weights is None:
        return x.op("ReduceMean", each, axes=[1], keepdims=0)
    weighed = sum_of(x, x.op("Mul", each, x.op("Unsqueeze", weights, np.array([2], np.int64))), keep=0)
    return x.op("Div", weighed, sum_of(x, weights))


def outlier_scores(x, model, rows):
    """LocalOutlierFactor: how dense it is around the row, beside how dense it is around its neighbours; below 0."""
    far, which = neighbours(x, model, rows)
    reach = model._distances_fit_X_[:, model.n_neighbors_ - 1]
    mean = x.op("ReduceMean", x.op("Max", far, x.op("Gather", reach, which, axis=0)), axes=[1], keepdims=1)
    ratios = x.op("Mul", x.op("Gather", model._lrd, which, axis=0), x.op("Add", mean, F32(1e-10)))
    return x.op("Neg", x.op("ReduceMean", ratios, axes=[1], keepdims=1))


def outlier_decision(x, model, rows):
    return x.op("Sub", outlier_scores(x, model, rows), F32(model.offset_))


DECISION = {"decision_function": linear}
VALUE = {"predict": linear}
NEIGHBOURS = {"predict_proba": neighbour_classes}
SUPPORT = {"predict_proba": support_probabilities, "decision_function": support_decision}
CLUSTERS = {"transform": cluster_distances}
LOG_LINK = {"predict": exponential_linear}


def bayes(scores):
    return {"predict_proba": softmax_of(scores)}


CONVERTERS = {
    "LogisticRegression": {"predict_proba": logistic, "decision_function": linear},
    "LogisticRegressionCV": {"predict_proba": logistic, "decision_function": linear},
    "SGDClassifier": {"predict_proba": descent_probabilities, "decision_function": linear},
    "LinearSVC": DECISION, "Perceptron": DECISION, "PassiveAggressiveClassifier": DECISION,
    "RidgeClassifier": DECISION, "RidgeClassifierCV": DECISION,
    "LinearRegression": VALUE, "Ridge": VALUE, "RidgeCV": VALUE, "Lasso": VALUE, "LassoCV": VALUE, "ElasticNet": VALUE,
    "ElasticNetCV": VALUE, "Lars": VALUE, "LassoLars": VALUE, "BayesianRidge": VALUE, "ARDRegression": VALUE,
    "HuberRegressor": VALUE, "TheilSenRegressor": VALUE, "OrthogonalMatchingPursuit": VALUE, "QuantileRegressor": VALUE,
    "SGDRegressor": VALUE, "PassiveAggressiveRegressor": VALUE, "LinearSVR": VALUE, "MultiTaskLasso": VALUE,
    "MultiTaskElasticNet": VALUE,
    "PoissonRegressor": LOG_LINK, "GammaRegressor": LOG_LINK, "TweedieRegressor": LOG_LINK,
    "SGDOneClassSVM": {"decision_function": one_class_descent},
    "MLPClassifier": {"predict_proba": network_probabilities},
    "MLPRegressor": {"predict": network},
    "GaussianNB": bayes(gaussian), "BernoulliNB": bayes(bernoulli), "MultinomialNB": bayes(multinomial),
    "ComplementNB": bayes(complement),
    "LinearDiscriminantAnalysis": {"predict_proba": discriminant, "decision_function": linear,
                                   "transform": discriminant_transform},
    "QuadraticDiscriminantAnalysis": {"predict_proba": softmax_of(quadratic), "decision_function": quadratic_decision},
    "GaussianMixture": {"predict_proba": softmax_of(mixture), "score_samples": mixture_density},
    "EllipticEnvelope": {"decision_function": envelope_decision, "score_samples": envelope},
    "LocalOutlierFactor": {"decision_function": outlier_decision, "score_samples": outlier_scores},
    "SVC": SUPPORT, "NuSVC": SUPPORT,
    "SVR": {"predict": support_regression}, "NuSVR": {"predict": support_regression},
    "OneClassSVM": {"decision_function": support_regression},
    "KMeans": CLUSTERS, "MiniBatchKMeans": CLUSTERS, "BisectingKMeans": CLUSTERS,
    "KNeighborsClassifier": NEIGHBOURS, "KNeighborsRegressor": {"predict": neighbour_values},
}
