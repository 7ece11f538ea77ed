#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/export_sklearn.py: each estimator fitted, exported, compiled and run; the scores must be scikit-learn's own.

scikit-learn computes in float64, an image in float32. A score may be off by TOLERANCE of its own size, at least of 1. More is
allowed where float32 is known to do worse, each by its own figure: steep curves, and kernels of powers."""
import csv
import os
import subprocess
import sys
import tempfile
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import MARTLETCTL, ROOT, Tap, skip_all

sys.path.insert(0, os.path.join(ROOT, "scripts"))
try:
    import joblib
    import numpy as np
    import onnx
    import sklearn
    from export_sklearn import METHODS, Refusal, choose_method, to_onnx
except ImportError as e:
    skip_all(f"no {e.name} for python3")

from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier, AdaBoostRegressor, BaggingClassifier, BaggingRegressor, ExtraTreesClassifier, ExtraTreesRegressor,
    GradientBoostingClassifier, GradientBoostingRegressor, HistGradientBoostingClassifier, HistGradientBoostingRegressor,
    IsolationForest, RandomForestClassifier, RandomForestRegressor, StackingClassifier, StackingRegressor, VotingClassifier,
    VotingRegressor)
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet, GammaRegressor, HuberRegressor, Lasso, LinearRegression, LogisticRegression, PassiveAggressiveClassifier,
    Perceptron, PoissonRegressor, Ridge, RidgeClassifier, SGDClassifier, SGDOneClassSVM, SGDRegressor, TweedieRegressor)
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer, FunctionTransformer, KBinsDiscretizer, LabelEncoder, MaxAbsScaler, MinMaxScaler, Normalizer, OneHotEncoder,
    OrdinalEncoder, PolynomialFeatures, PowerTransformer, QuantileTransformer, RobustScaler, StandardScaler)
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

warnings.filterwarnings("ignore")
TOLERANCE = 1e-5
ROWS, ASKED = 500, 300
CLASSES = np.array(["benign", "flood", "scan"])


def draw(rng, n):
    """Six columns: three normal, one skewed, two of few whole numbers; all of them float32, as rows on the wire are."""
    x = rng.normal(size=(n, 6)) * 1.2
    x[:, 3] = np.exp(x[:, 3])
    x[:, 4], x[:, 5] = np.round(2 * x[:, 4]), rng.integers(0, 6, n)
    return x.astype("f4").astype("f8")


class Data:
    def __init__(self):
        rng = np.random.default_rng(1)
        self.x, self.asked = draw(rng, ROWS), draw(rng, ASKED)
        self.x[self.x[:, 5] == 5, 5] = 4    # a category that the rows asked have and those fitted to do not
        self.missing, self.asked_missing = self.x.copy(), self.asked.copy()
        self.missing[rng.random(self.x.shape) < 0.1] = np.nan
        self.asked_missing[rng.random(self.asked.shape) < 0.1] = np.nan
        self.two = (self.x[:, 0] + self.x[:, 1] ** 2 + 0.3 * rng.normal(size=ROWS) > 0.6).astype(int)
        self.three = CLASSES[self.two + (self.x[:, 2] > 0.3)]
        self.value = 2 * self.x[:, 0] + np.sin(self.x[:, 1]) + 0.2 * self.x[:, 5]


def tool(*words):
    return subprocess.run([MARTLETCTL, *words], capture_output=True, text=True)


class Check:
    def __init__(self, tap, folder):
        self.tap, self.folder = tap, folder

    def compiled(self, proto):
        onnx.save(proto, f"{self.folder}/m.onnx")
        done = tool("model", "compile", f"{self.folder}/m.onnx", "-o", f"{self.folder}/m.mlt")
        return "" if done.returncode == 0 else done.stderr.strip()

    def run(self, rows):
        """Scores; else why not. Texts go by way of a CSV, and so do the numbers beside them."""
        path, *options = [f"{self.folder}/rows.csv", "--no-header"] if rows.dtype == object else [f"{self.folder}/rows.npy"]
        if rows.dtype == object:
            with open(path, "w", newline="") as f:
                csv.writer(f).writerows([[v if isinstance(v, str) else repr(float(v)) for v in row] for row in rows])
        else:
            np.save(path, rows.astype("f4"))
        done = tool("model", "run", f"{self.folder}/m.mlt", path, "-o", f"{self.folder}/y.npy", *options)
        return np.load(f"{self.folder}/y.npy").reshape(len(rows), -1) if done.returncode == 0 else done.stderr.strip()

    def same(self, name, model, rows, method=None, tolerance=TOLERANCE, **how):
        """Scores of the exported model are those that `method` of the model gives, and the best class is the same."""
        try:
            proto = to_onnx(model, method=method, **how)
        except Refusal as refusal:
            return self.tap.check(name, False, str(refusal))
        why = self.compiled(proto)
        got = why or self.run(rows)
        if isinstance(got, str):
            return self.tap.check(name, False, got)
        method = method or choose_method(model, None)
        want = getattr(model, method)(rows)
        if method == "predict" and hasattr(model, "classes_"):
            return self.tap.check(name, np.mean(model.classes_[got.argmax(axis=1)] == want) == 1, "other classes")
        want = np.asarray(want.toarray() if hasattr(want, "toarray") else want, "f8").reshape(len(rows), -1)
        if got.shape != want.shape:
            return self.tap.check(name, False, f"{got.shape} scores, {want.shape} are scikit-learn's")
        error = np.abs(got - want) / np.maximum(1, np.abs(want))
        error[np.isnan(got) & np.isnan(want)] = 0
        if want.shape[1] > 1 and method != "transform":  # where the two best are apart
            ordered = np.sort(want, axis=1)
            apart = ordered[:, -1] - ordered[:, -2] > 2 * tolerance
            if (got.argmax(axis=1) != want.argmax(axis=1))[apart].any():
                return self.tap.check(name, False, "another class is best")
        worst = error.max()
        return self.tap.check(name, worst <= tolerance, f"largest difference {worst:.3g}, at row {error.max(axis=1).argmax()}")

    def fitted(self, model, x, y, rows, method=None, tolerance=TOLERANCE, label=""):
        model.fit(x, y)
        name = " ".join(str(model).split())[:100]
        return self.same(f"{label}{name}{', ' + method if method else ''}", model, rows, method, tolerance)


def classifiers(check, data):
    forest, bayes = lambda: RandomForestClassifier(5, random_state=1), GaussianNB
    models = [
        DecisionTreeClassifier(max_depth=6), ExtraTreeClassifier(), RandomForestClassifier(30), ExtraTreesClassifier(10, max_depth=5),
        GradientBoostingClassifier(n_estimators=10), HistGradientBoostingClassifier(max_iter=10), AdaBoostClassifier(n_estimators=10),
        AdaBoostClassifier(n_estimators=10, algorithm="SAMME"), AdaBoostClassifier(LogisticRegression(), n_estimators=4),
        AdaBoostClassifier(LogisticRegression(), n_estimators=4, algorithm="SAMME"), BaggingClassifier(n_estimators=5, max_features=0.6),
        BaggingClassifier(LogisticRegression(), n_estimators=4), BaggingClassifier(LinearSVC(), n_estimators=4),
        LogisticRegression(), LogisticRegression(multi_class="ovr"), LogisticRegression(multi_class="multinomial"),
        SGDClassifier(), SGDClassifier(loss="log_loss"), SGDClassifier(loss="modified_huber"), LinearSVC(), Perceptron(),
        PassiveAggressiveClassifier(), RidgeClassifier(), MLPClassifier((16, 8), max_iter=30),
        MLPClassifier((8,), activation="tanh", max_iter=30), MLPClassifier((8,), activation="logistic", max_iter=30),
        SVC(), SVC(kernel="linear"), SVC(decision_function_shape="ovo"), SVC(probability=True), SVC(kernel="sigmoid"),
        NuSVC(nu=0.2, probability=True), bayes(), BernoulliNB(), LinearDiscriminantAnalysis(), QuadraticDiscriminantAnalysis(),
        KNeighborsClassifier(), KNeighborsClassifier(weights="distance", metric="manhattan"),
        VotingClassifier([("forest", forest()), ("linear", LogisticRegression())], voting="soft", weights=[1, 2]),
        VotingClassifier([("forest", forest()), ("linear", LogisticRegression()), ("kernel", SVC())]),
        StackingClassifier([("forest", forest()), ("kernel", SVC())], cv=2),
        StackingClassifier([("forest", forest()), ("bayes", bayes())], cv=2, passthrough=True),
        OneVsRestClassifier(LogisticRegression()), OneVsRestClassifier(LinearSVC()), OneVsOneClassifier(LogisticRegression()),
        OneVsOneClassifier(forest()), CalibratedClassifierCV(LinearSVC(), cv=2), CalibratedClassifierCV(forest(), method="isotonic", cv=2),
        GridSearchCV(DecisionTreeClassifier(), {"max_depth": [2, 3]}, cv=2), make_pipeline(MinMaxScaler(), MultinomialNB()),
        make_pipeline(MinMaxScaler(), ComplementNB())]
    scaled = StandardScaler().fit(data.x)
    x, rows = scaled.transform(data.x).astype("f4").astype("f8"), scaled.transform(data.asked).astype("f4").astype("f8")
    for y, label in ((data.two, "two classes: "), (data.three, "three: ")):
        for model in models:
            check.fitted(sklearn.base.clone(model), x, y, rows, label=label)
        check.fitted(SVC(kernel="poly", probability=True), x, y, rows, tolerance=1e-4, label=label)
        for model in (GradientBoostingClassifier(n_estimators=5), HistGradientBoostingClassifier(max_iter=5), LogisticRegression(),
                      AdaBoostClassifier(n_estimators=5), SVC(probability=True), LinearDiscriminantAnalysis(),
                      QuadraticDiscriminantAnalysis(), StackingClassifier([("bayes", bayes())], cv=2)):
            check.fitted(model, x, y, rows, "decision_function", label=label)
    check.fitted(GradientBoostingClassifier(n_estimators=10, loss="exponential"), x, data.two, rows)


def regressors(check, data):
    tree = lambda: DecisionTreeRegressor(max_depth=5, random_state=1)
    for model in (
            tree(), RandomForestRegressor(10), ExtraTreesRegressor(10), GradientBoostingRegressor(n_estimators=10),
            GradientBoostingRegressor(n_estimators=10, loss="quantile"), HistGradientBoostingRegressor(max_iter=10),
            AdaBoostRegressor(n_estimators=10), AdaBoostRegressor(Ridge(), n_estimators=4), BaggingRegressor(n_estimators=5),
            BaggingRegressor(Ridge(), n_estimators=4), VotingRegressor([("linear", Ridge()), ("tree", tree())]),
            StackingRegressor([("linear", Ridge()), ("tree", tree())], cv=2), LinearRegression(), Ridge(), Lasso(0.01),
            ElasticNet(0.01), HuberRegressor(), LinearSVR(), SVR(), NuSVR(), SVR(kernel="linear"), MLPRegressor((8,), max_iter=30),
            KNeighborsRegressor(), KNeighborsRegressor(weights="distance"), make_pipeline(StandardScaler(), SGDRegressor()),
            make_pipeline(StandardScaler(), GradientBoostingRegressor(n_estimators=8)),
            TransformedTargetRegressor(Ridge(), transformer=StandardScaler())):
        check.fitted(model, data.x, data.value, data.asked)
    positive = np.abs(data.value) + 0.1
    for model in (PoissonRegressor(), GammaRegressor(), TweedieRegressor(power=1.5), TweedieRegressor(power=0),
                  HistGradientBoostingRegressor(loss="poisson", max_iter=5),
                  TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1)):
        check.fitted(make_pipeline(StandardScaler(), model), data.x, positive, data.asked)
    several = np.stack([data.value, positive], axis=1)
    for model in (RandomForestRegressor(5), Ridge(), MultiOutputRegressor(tree()), MLPRegressor((8,), max_iter=30),
                  KNeighborsRegressor()):
        check.fitted(model, data.x, several, data.asked, label="two targets: ")


def without_classes(check, data):
    for model in (IsolationForest(n_estimators=40), IsolationForest(n_estimators=20, max_features=0.5), OneClassSVM(),
                  SGDOneClassSVM(), EllipticEnvelope(random_state=1), LocalOutlierFactor(novelty=True), KMeans(4, n_init=1), MiniBatchKMeans(3, n_init=1), BisectingKMeans(3)):
        check.fitted(model, data.x, None, data.asked)
    check.fitted(IsolationForest(n_estimators=20), data.x, None, data.asked, "score_samples")
    for covariance in ("full", "tied", "diag", "spherical"):
        for method in (None, "score_samples"):
            check.fitted(GaussianMixture(3, covariance_type=covariance), data.x, None, data.asked, method)


def transformers(check, data):
    for model in (
            StandardScaler(), StandardScaler(with_mean=False), MinMaxScaler(), MinMaxScaler((-1, 1), clip=True), MaxAbsScaler(),
            RobustScaler(), Normalizer(), Normalizer("l1"), Normalizer("max"), PowerTransformer(), QuantileTransformer(n_quantiles=100),
            KBinsDiscretizer(4), KBinsDiscretizer(4, encode="ordinal"), KBinsDiscretizer(encode="onehot-dense", strategy="uniform"),
            PolynomialFeatures(2), PolynomialFeatures(3, interaction_only=True, include_bias=False), Binarizer(threshold=0.3), PCA(3),
            PCA(3, whiten=True), TruncatedSVD(2), FastICA(3), IncrementalPCA(2), VarianceThreshold(0.5),
            FeatureUnion([("parts", PCA(2)), ("all", StandardScaler())], transformer_weights={"parts": 2})):
        check.fitted(model, data.x, None, data.asked)
    check.fitted(QuantileTransformer(n_quantiles=200, output_distribution="normal"), data.x, None, data.asked, tolerance=1e-4)
    above = np.abs(data.x) + 0.1, np.abs(data.asked) + 0.1
    check.fitted(PowerTransformer("box-cox"), above[0], None, above[1])
    for function in (np.log1p, np.sqrt, np.log2, np.square, None):
        check.fitted(make_pipeline(MaxAbsScaler(), FunctionTransformer(function)), above[0], None, above[1])
    check.fitted(make_pipeline(SelectKBest(k=3), LinearDiscriminantAnalysis(n_components=1)), data.x, data.two, data.asked, "transform")


def missing_values(check, data):
    x, rows = data.missing, data.asked_missing
    for model in (SimpleImputer(), SimpleImputer(strategy="median", add_indicator=True),
                  SimpleImputer(strategy="constant", fill_value=-1), make_pipeline(SimpleImputer(), StandardScaler())):
        check.fitted(model, x, None, rows, label="missing: ")
    for model in (HistGradientBoostingClassifier(max_iter=10), HistGradientBoostingClassifier(max_iter=10, categorical_features=[5]),
                  make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), RandomForestClassifier(5))):
        check.fitted(model, np.abs(x), data.three, np.abs(rows), label="missing: ")


def categories(check, data):
    x, rows = data.x[:, 4:], data.asked[:, 4:]
    for model in (
            OneHotEncoder(handle_unknown="ignore"), OneHotEncoder(handle_unknown="ignore", drop="first"),
            OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=60), OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
            OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3, drop="first"),
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)):
        check.fitted(model, x, None, rows)
    one_hot, ordinal = lambda: OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    for columns, model in (
            (ColumnTransformer([("kinds", one_hot(), [5, 4]), ("scaled", StandardScaler(), [0, 1]), ("as is", "passthrough", [2])]),
             LogisticRegression()),
            (ColumnTransformer([("kinds", ordinal, [5])], remainder=StandardScaler()), GradientBoostingClassifier(n_estimators=5)),
            (ColumnTransformer([("kinds", make_pipeline(SimpleImputer(), one_hot()), [5]), ("none", "drop", [0])], remainder="passthrough",
                               transformer_weights={"kinds": 2}), RandomForestClassifier(5))):
        check.fitted(make_pipeline(columns, model), data.x, data.three, data.asked)
    check.fitted(HistGradientBoostingClassifier(max_iter=10, categorical_features=[4, 5]), np.abs(data.x), data.three, np.abs(data.asked))
    check.fitted(HistGradientBoostingRegressor(max_iter=10, categorical_features=[5]), data.x, data.value, data.asked)


def numbers_and_texts(rows, texts):
    """Columns `texts` as they are, all others float32."""
    return np.array([[v if c in texts else float(np.float32(v)) for c, v in enumerate(row)] for row in rows], dtype=object)


def texts(check, data):
    """Columns 1 and 4 of five are texts; the rows asked have texts that no row fitted to had, and empty ones."""
    def made(x, more):
        kinds, places = ["web", "dns", "ssh", *more], ["lab", "home, office", 'a "quoted" one', *more]
        return numbers_and_texts([[row[0], kinds[int(row[5]) % len(kinds)], row[1], row[2], places[int(abs(row[4])) % len(places)]]
                                  for row in x], (1, 4))

    x, rows = made(data.x, []), made(data.asked, ["new"])
    one_hot = lambda **more: OneHotEncoder(**{"handle_unknown": "ignore", **more})
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    check.fitted(OneHotEncoder(handle_unknown="ignore"), x[:, [1, 4]], None, rows[:, [1, 4]], label="texts: ")
    for encoder in (one_hot(), one_hot(drop="first"), one_hot(handle_unknown="infrequent_if_exist", max_categories=2), ordinal):
        columns = ColumnTransformer([("texts", encoder, [4, 1])], remainder=StandardScaler())
        check.fitted(make_pipeline(columns, LogisticRegression()), x, data.three, rows, label="texts: ")
    columns = ColumnTransformer([("texts", ordinal, [1, 4])], remainder="passthrough")
    check.fitted(make_pipeline(columns, HistGradientBoostingClassifier(max_iter=10, categorical_features=[0])), x, data.three, rows,
                 label="texts: ")
    x, rows = x[:, :4], rows[:, :4]
    x[::7, 1], rows[::5, 1] = np.nan, np.nan
    columns = ColumnTransformer([("texts", make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot()), [1])], remainder="passthrough")
    model = make_pipeline(columns, RandomForestClassifier(5)).fit(x, data.three)
    want = model.predict_proba(rows)
    rows[::5, 1] = ""
    why = check.compiled(to_onnx(model))
    got = why or check.run(rows)
    check.tap.check("texts: a missing one is filled", not isinstance(got, str) and np.abs(got - want).max() <= TOLERANCE, str(got)[:300])


def nsl_kdd(tap, check):
    """Raw rows of NSL-KDD: protocol, service and flag are texts."""
    folder = os.path.join(os.environ.get("MARTLET_SHARED", ""), "data", "datasets", "nsl-kdd")
    if not os.path.isdir(folder):
        return tap.skip("rows of NSL-KDD", "no ../shared/data/datasets/nsl-kdd")
    tables = []
    for name, step in (("KDDTrain+_20Percent.txt", 5), ("KDDTest+.txt", 10)):
        with open(os.path.join(folder, name), newline="") as f:
            rows = list(csv.reader(f))[::step]
        tables += [numbers_and_texts([row[:41] for row in rows], (1, 2, 3)), np.array([row[41] for row in rows])]
    x, attack, asked, _ = tables
    binary = np.where(attack == "normal", "normal", "attack")
    several = np.where(np.isin(attack, ("normal", "neptune", "satan", "ipsweep")), attack, "other")
    one_hot = OneHotEncoder(handle_unknown="ignore")
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    for encoder, rest, model, y in (
            (one_hot, StandardScaler(), RandomForestClassifier(30, random_state=1), binary),
            (one_hot, StandardScaler(), LogisticRegression(max_iter=200), several),
            (one_hot, MinMaxScaler(), MLPClassifier((16,), max_iter=10, random_state=1), several),
            (one_hot, "passthrough", DecisionTreeClassifier(random_state=1), several),
            (ordinal, "passthrough", HistGradientBoostingClassifier(max_iter=15, random_state=1), binary),
            (ordinal, "passthrough", GradientBoostingClassifier(n_estimators=10, random_state=1), several)):
        model = make_pipeline(ColumnTransformer([("texts", encoder, [1, 2, 3])], remainder=rest), model)
        # Values that are thousands of deviations off reach logits of thousands.
        check.fitted(model, x, y, asked, label=f"NSL-KDD, {len(asked)} rows: ", tolerance=1e-4)
    return None


def scaled_trees(tap, check, data):
    """What is scaled before a tree decides as scikit-learn does, to the last bit: thresholds are taken back to the rows."""
    x = data.x * 1e6 + 1e7
    rows = np.repeat(x[:100], 5, axis=0).astype("f4")
    for i, step in enumerate((-2, -1, 1, 2)):  # neighbours of what was fitted to
        rows[i::5] = np.nextafter(rows[i::5], np.float32(step * np.inf)) if abs(step) == 1 else rows[i::5] * np.float32(1 + step * 1e-7)
    model = make_pipeline(StandardScaler(), MinMaxScaler(), DecisionTreeClassifier()).fit(x, data.two)
    exact = check.compiled(to_onnx(model)) or check.run(rows)
    want = model.predict_proba(rows.astype("f8"))
    tap.check("scalers before a tree: every decision is scikit-learn's", not isinstance(exact, str) and (exact == want).all(),
              exact if isinstance(exact, str) else f"{(exact != want).any(axis=1).sum()} rows differ")


def names_and_refusals(tap, check, data):
    model = LogisticRegression().fit(data.x, data.three)
    made = {p.key: p.value for p in to_onnx(model, columns=list("abcdef")).metadata_props}
    tap.check("columns and classes are named in the file",
              made == {"feature_names": "a,b,c,d,e,f", "class_labels": ",".join(CLASSES)}, str(made))
    encoder = LabelEncoder().fit(data.three)
    numbered = LogisticRegression().fit(data.x, encoder.transform(data.three))
    made = {p.key: p.value for p in to_onnx(numbered, classes=encoder).metadata_props}
    tap.check("a LabelEncoder names the classes that it numbered", made == {"class_labels": ",".join(CLASSES)}, str(made))

    class Mine(LogisticRegression):
        pass

    for name, one, words in (
            ("another estimator", make_pipeline(StandardScaler(), GaussianProcessRegressor()),
             "gaussianprocessregressor: sklearn.gaussian_process._gpr.GaussianProcessRegressor cannot be exported. What can: ARDRegression, Ada"),
            ("a class of one's own", Mine(), "is a class of its own above LogisticRegression, which may compute otherwise; fit LogisticRegression itself"),
            ("a function of one's own", make_pipeline(StandardScaler(), FunctionTransformer(lambda v: v + 1), Ridge()),
             "functiontransformer: the function '<lambda>': of numpy's, these can be exported: log1p, "),
            ("a kernel of one's own", SVC(kernel=lambda a, b: a @ b.T), "kernel=<function"),
            ("another metric", KNeighborsClassifier(metric="cosine"), "metric='cosine': euclidean and manhattan can be exported")):
        try:
            to_onnx(one.fit(data.x, data.two), columns=list("abcdef"))
            tap.check(f"refused: {name}", False, "exported")
        except Refusal as refusal:
            tap.check(f"refused: {name}", words in str(refusal), str(refusal))
    for name, how, words in (("columns of another number", {"columns": ["a"]}, "1 columns are named, the model was fitted to 6"),
                             ("classes of another number", {"classes": ["a"]}, "1 class labels for 3 classes"),
                             ("a method it has not", {"method": "transform"},
                              "LogisticRegression has no transform that can be exported, but predict_proba, decision_function")):
        try:
            to_onnx(model, **how)
            tap.check(f"refused: {name}", False, "exported")
        except Refusal as refusal:
            tap.check(f"refused: {name}", str(refusal) == words, str(refusal))
    tap.check("methods that can be asked for", METHODS[0] == "predict_proba" and "transform" in METHODS)


def lab(tap, check, folder):
    """The command line, on the bundled traffic."""
    tables = []
    for name in ("lab-train.csv", "lab-test.csv"):
        with open(os.path.join(ROOT, "data", name), newline="") as f:
            names, *rows = csv.reader(f)
        tables.append((np.array([row[:-2] for row in rows], "f4"), np.array([row[-2] for row in rows])))
    (x, y), (rows, _) = tables
    script = os.path.join(ROOT, "scripts", "export_sklearn.py")
    for model in (RandomForestClassifier(20, random_state=1), make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=20, random_state=1)),
                  HistGradientBoostingClassifier(max_iter=10, random_state=1)):
        model.fit(x.astype("f8"), y)
        label = " ".join(str(model).split())[:60]
        joblib.dump(model, f"{folder}/lab.joblib")
        done = subprocess.run([script, f"{folder}/lab.joblib", "-o", f"{folder}/m.onnx", "--columns", ",".join(names[:-2])],
                              capture_output=True, text=True)
        said = done.returncode == 0 and "executes the code it holds" in done.stderr and "martletctl model compile" in done.stdout
        if not tap.check(f"the lab's rows: the command exports {label}", said, done.stderr):
            continue
        why = check.compiled(onnx.load(f"{folder}/m.onnx"))
        got = why or check.run(rows)
        error = np.abs(got - model.predict_proba(rows.astype("f8"))).max() if not isinstance(got, str) else np.inf
        tap.check(f"the lab's rows: {len(rows)} scores of {label}", error <= TOLERANCE, got if isinstance(got, str) else f"{error:.3g}")
    with open(f"{folder}/none.joblib", "wb") as f:
        f.write(b"no pickle")
    done = subprocess.run([script, f"{folder}/none.joblib", "-o", f"{folder}/none.onnx"], capture_output=True, text=True)
    tap.check("a file that is no model is refused", done.returncode == 1 and "cannot be loaded" in done.stderr
              and not os.path.exists(f"{folder}/none.onnx"), done.stderr)


def main():
    tap, data = Tap(), Data()
    with tempfile.TemporaryDirectory(prefix="martlet-sklearn-") as folder:
        check = Check(tap, folder)
        np.random.seed(1)  # what the models without a seed of their own draw from
        classifiers(check, data)
        regressors(check, data)
        without_classes(check, data)
        transformers(check, data)
        missing_values(check, data)
        categories(check, data)
        texts(check, data)
        nsl_kdd(tap, check)
        scaled_trees(tap, check, data)
        names_and_refusals(tap, check, data)
        lab(tap, check, folder)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
