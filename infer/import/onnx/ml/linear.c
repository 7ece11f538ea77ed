// SPDX-License-Identifier: BSD-3-Clause
// The operators of ai.onnx.ml, opsets 1 to 5, as ONNX Runtime computes them: linear models become
// Dense and what follows it, scalers Sub and Mul.
#include "infer/graph/text.h"
#include "infer/import/onnx/ml/ml.h"

#include <math.h>
#include <string.h>

#define ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

int onnx_floats(struct onnx *onnx, const struct onnx_node *node, const char *name, size_t *count,
	const float **values)
{
	const Onnx__AttributeProto *attr;
	int rc = onnx_attr(onnx, node, name, ATTRIBUTE(FLOATS), &attr);

	*count = attr ? attr->n_floats : 0;
	*values = attr ? attr->floats : NULL;
	return rc;
}

static uint32_t constant(struct onnx *onnx, const struct onnx_node *node, const char *what,
	uint32_t rank, int64_t d0, int64_t d1, void **data)
{
	const int64_t dims[2] = { d0, d1 };
	char name[200];

	snprintf(name, sizeof(name), "%.*s.%s", text_cut(node->name, 120), node->name, what);
	return onnx_constant(onnx, name, DTYPE_F32, rank, dims, data);
}

// (x - offset) * scale, offset and scale one for all columns or one for each.
static int import_scaler(struct onnx *onnx, const struct onnx_node *node)
{
	static const char *const NAMES[2] = { "offset", "scale" };
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t columns = x->rank ? x->dims[x->rank - 1] : 1;
	uint32_t made = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);

	if (made == GRAPH_NONE)
		return -ENOMEM;
	for (int i = 0; i < 2; i++) {
		uint32_t pair[2] = { made };
		const float *values;
		size_t count;
		void *data;

		if (onnx_floats(onnx, node, NAMES[i], &count, &values))
			return -EINVAL;
		if (count == 0)
			continue;
		if (count != 1 && count != (size_t)columns)
			return onnx_refuse(onnx, node, -EINVAL,
				"%s has %zu values, the input %lld columns", NAMES[i], count,
				(long long)columns);
		pair[1] = constant(onnx, node, NAMES[i], 1, (int64_t)count, 0, &data);
		if (pair[1] == GRAPH_NONE)
			return -ENOMEM;
		memcpy(data, values, count * sizeof(float));
		made = onnx_emit(onnx, node, i ? OP_MUL : OP_SUB, 2, pair, 0, NULL);
		if (made == GRAPH_NONE)
			return -EINVAL;
	}
	if (onnx->graph->tensors[made].data || made == node->inputs[0])
		made = onnx_emit(onnx, node, OP_IDENTITY, 1, &made, 0, NULL);
	return onnx_output(onnx, node, 0, made);
}

static int import_normalizer(struct onnx *onnx, const struct onnx_node *node)
{
	static const char *const NORMS[NORM_COUNT] = { "MAX", "L1", "L2" };
	const char *norm;

	node->inputs[0] = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	if (node->inputs[0] == GRAPH_NONE || onnx_string(onnx, node, "norm", "MAX", &norm))
		return -EINVAL;
	if (onnx_input(onnx, node, 0)->rank > 2)
		return onnx_refuse(onnx, node, -EINVAL,
			"the input has %u dimensions, should be [N, C] or [C]",
			onnx_input(onnx, node, 0)->rank);
	for (int64_t n = 0; n < NORM_COUNT; n++) {
		const struct attr attr = {
			.key = ATTR_NORM, .kind = ATTR_KIND_INT, .count = 1, .i = n
		};

		if (strcmp(norm, NORMS[n]) == 0)
			return onnx_output(onnx, node, 0,
				onnx_emit(onnx, node, OP_NORMALIZER, 1, node->inputs, 1, &attr));
	}
	return onnx_refuse(onnx, node, -EINVAL, "norm is '%.20s', should be MAX, L1 or L2", norm);
}

uint32_t onnx_as_row(struct onnx *onnx, const struct onnx_node *node, int64_t *columns)
{
	const uint32_t made = onnx_as(onnx, node, node->inputs[0], DTYPE_F32);
	const struct tensor *x = made == GRAPH_NONE ? NULL : &onnx->graph->tensors[made];
	int64_t dims[2] = { 1, x && x->rank ? x->dims[0] : 1 };

	if (!x)
		return GRAPH_NONE;
	if (x->rank > 2) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"the input has %u dimensions, at most 2 are possible", x->rank);
		return GRAPH_NONE;
	}
	*columns = x->rank == 2 ? x->dims[1] : dims[1];
	return x->rank == 2 ? made : onnx_emit_reshape(onnx, node, made, 2, dims);
}

#define DOUBLE_TARGETS_MAX 64
#define DOUBLE_WEIGHTS_MIN 100.0

// Do coefficients so large meet that float32 cannot hold 1e-5? With values about 1 a sum of
// products is off by 6e-8 of the sum of the coefficients' sizes.
static bool wants_double(const float *coefficients, int64_t targets, int64_t columns)
{
	for (int64_t t = 0; t < targets && targets <= DOUBLE_TARGETS_MAX; t++) {
		double sum = 0;

		for (int64_t c = 0; c < columns; c++)
			sum += fabs((double)coefficients[t * columns + c]);
		if (sum > DOUBLE_WEIGHTS_MIN)
			return true;
	}
	return false;
}

// The same sums in double: a linear kernel's, each weighed by 1, or for [1 - s, s] by -1 and 1.
static uint32_t emit_double(struct onnx *onnx, const struct onnx_node *node, uint32_t x,
	uint32_t bias, const float *coefficients, int64_t targets)
{
	const struct attr mode = ONNX_INT(ATTR_MODE, SVM_LINEAR);
	const int64_t columns = onnx->graph->tensors[x].dims[1];
	const int64_t outputs = onnx->graph->tensors[bias].dims[0];
	uint32_t inputs[4] = { x, GRAPH_NONE, GRAPH_NONE, bias };
	void *vectors, *weights;

	inputs[1] = constant(onnx, node, "vectors", 2, targets, columns, &vectors);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = constant(onnx, node, "weights", 2, targets, outputs, &weights);
	if (inputs[2] == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(vectors, coefficients, (size_t)(targets * columns) * sizeof(float));
	for (int64_t o = 0; o < outputs; o++) {
		if (outputs == targets)
			((float *)weights)[o * outputs + o] = 1;
		else
			((float *)weights)[o] = o ? 1 : -1;
	}
	return onnx_emit(onnx, node, OP_SVM, 4, inputs, 1, &mode);
}

// x * W^T + b with the file's coefficients [targets][columns]. `second` adds the complement in
// front, as ONNX Runtime does for two classes and one row of coefficients: [1 - s, s].
static uint32_t emit_linear(
	struct onnx *onnx, const struct onnx_node *node, int64_t targets, bool second)
{
	uint32_t inputs[3];
	int64_t columns, outputs = second ? 2 : targets;
	const float *coefficients, *intercepts;
	size_t n_coefficients, n_intercepts;
	void *data;
	float *w, *b;

	inputs[0] = onnx_as_row(onnx, node, &columns);
	if (inputs[0] == GRAPH_NONE ||
		onnx_floats(onnx, node, "coefficients", &n_coefficients, &coefficients) ||
		onnx_floats(onnx, node, "intercepts", &n_intercepts, &intercepts))
		return GRAPH_NONE;
	if (!coefficients || n_coefficients != (uint64_t)targets * (uint64_t)columns ||
		(n_intercepts != 0 && n_intercepts != (uint64_t)targets)) {
		onnx_refuse(onnx, node, -EINVAL,
			"%zu coefficients and %zu intercepts for %lld targets of %lld columns",
			n_coefficients, n_intercepts, (long long)targets, (long long)columns);
		return GRAPH_NONE;
	}
	inputs[1] = constant(onnx, node, "coefficients", 2, columns, outputs, &data);
	w = data;
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = constant(onnx, node, "intercepts", 1, outputs, 0, &data);
	b = data;
	if (inputs[2] == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t n = 0; n < outputs; n++) {
		int64_t from = second ? 0 : n;
		bool turned = second && n == 0;

		for (int64_t k = 0; k < columns; k++) {
			float c = coefficients[from * columns + k];

			w[k * outputs + n] = turned ? -c : c;
		}
		b[n] = n_intercepts ? intercepts[from] : 0;
		if (turned)
			b[n] = 1.0f - b[n];
	}
	if (wants_double(coefficients, targets, columns))
		return emit_double(onnx, node, inputs[0], inputs[2], coefficients, targets);
	return onnx_emit(onnx, node, OP_DENSE, 3, inputs, 0, NULL);
}

// [1 - s, s] as [-s, s]: ONNX Runtime takes the second class where s is above 0.
static uint32_t emit_margins(struct onnx *onnx, const struct onnx_node *node, uint32_t scores)
{
	const int64_t dims[2] = { 1, 2 };
	void *data;
	uint32_t offset = onnx_made(onnx, node, DTYPE_F32, 2, dims, &data);

	if (offset != GRAPH_NONE)
		((float *)data)[0] = 1;
	return onnx_emit_pair(onnx, node, OP_SUB, scores, offset);
}

// As ONNX Runtime: one intercept is one row of coefficients; with two class labels that row gives
// [1 - s, s] whatever the post_transform; without, one score that only PROBIT would change.
static int import_linear_classifier(struct onnx *onnx, const struct onnx_node *node)
{
	size_t n_labels, n_targets, n_coefficients;
	const float *values;
	enum post_transform post;
	int64_t columns;
	uint32_t scores;
	bool second;

	if (onnx_keep_labels(onnx, node, "classlabels_strings", "classlabels_ints", &n_labels) ||
		onnx_read_post_transform(onnx, node, &post) ||
		onnx_floats(onnx, node, "intercepts", &n_targets, &values) ||
		onnx_floats(onnx, node, "coefficients", &n_coefficients, &values))
		return -EINVAL;
	scores = onnx_as_row(onnx, node, &columns);
	if (scores == GRAPH_NONE)
		return -ENOTSUP;
	if (n_targets == 0 && columns > 0)
		n_targets = n_coefficients / (size_t)columns;
	if (n_targets == 0 || n_targets > MODEL_OUTPUTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL, "has no coefficients, or too many classes");
	second = n_targets == 1 && n_labels == 2;
	if (n_targets == 1 && post != POST_PROBIT)
		post = POST_NONE;
	scores = emit_linear(onnx, node, (int64_t)n_targets, second);
	if (scores == GRAPH_NONE)
		return -EINVAL;
	if (onnx_output_label(onnx, node, "classlabels_ints",
		    second && onnx->labels ? emit_margins(onnx, node, scores) : scores))
		return -EINVAL;
	scores = onnx_emit_post_transform(onnx, node, post, scores);
	return onnx_output(onnx, node, 1, scores);
}

static int import_linear_regressor(struct onnx *onnx, const struct onnx_node *node)
{
	enum post_transform post;
	int64_t targets;
	uint32_t scores;

	if (onnx_int(onnx, node, "targets", 1, &targets) ||
		onnx_read_post_transform(onnx, node, &post))
		return -EINVAL;
	if (targets < 1 || targets > MODEL_OUTPUTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL, "%lld targets, 1 to %d are possible",
			(long long)targets, MODEL_OUTPUTS_MAX);
	scores = emit_linear(onnx, node, targets, false);
	if (targets == 1 && post != POST_PROBIT)
		post = POST_NONE; // one score has nothing to be weighed against
	if (scores != GRAPH_NONE)
		scores = onnx_emit_post_transform(onnx, node, post, scores);
	return onnx_output(onnx, node, 0, scores);
}

static int import_zipmap(struct onnx *onnx, const struct onnx_node *node)
{
	size_t n_labels;
	int rc = onnx_keep_labels(
		onnx, node, "classlabels_strings", "classlabels_int64s", &n_labels);

	if (rc != 0)
		return rc;
	report_add(onnx->report,
		"dropped ZipMap '%.80s': scores stay columns, in the order of the labels",
		node->name);
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_IDENTITY, 1, node->inputs, 0, NULL));
}

const struct onnx_operator ONNX_ML_OPERATORS[] = {
	{ "Scaler", 1, 1, import_scaler },
	{ "Normalizer", 1, 1, import_normalizer },
	{ "LinearClassifier", 1, 1, import_linear_classifier },
	{ "LinearRegressor", 1, 1, import_linear_regressor },
	{ "ZipMap", 1, 1, import_zipmap },
	{ "Binarizer", 1, 1, onnx_import_binarizer },
	{ "Imputer", 1, 1, onnx_import_imputer },
	{ "OneHotEncoder", 1, 1, onnx_import_one_hot_encoder },
	{ "LabelEncoder", 1, 1, onnx_import_label_encoder },
	{ "ArrayFeatureExtractor", 2, 2, onnx_import_array_feature_extractor },
	{ "FeatureVectorizer", 1, ONNX_NODE_INPUTS, onnx_import_feature_vectorizer },
	{ "SVMClassifier", 1, 1, onnx_import_svm_classifier },
	{ "SVMRegressor", 1, 1, onnx_import_svm_regressor },
	{ "TreeEnsembleRegressor", 1, 1, onnx_import_tree_regressor },
	{ "TreeEnsembleClassifier", 1, 1, onnx_import_tree_classifier },
	{ "TreeEnsemble", 1, 1, onnx_import_tree_ensemble },
	{ .type = NULL },
};
