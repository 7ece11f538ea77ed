// SPDX-License-Identifier: BSD-3-Clause
// The operators of ai.onnx.ml, opsets 1 to 5, as ONNX Runtime computes them: linear models become
// Dense and what follows it, scalers Sub and Mul. Predicted labels are dropped, scores kept.
#include "infer/import/onnx_ml.h"
#include "infer/text.h"

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

int onnx_read_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform *post)
{
	static const char *const NAMES[POST_COUNT] = { "NONE", "SOFTMAX", "LOGISTIC",
		"SOFTMAX_ZERO", "PROBIT" };
	const char *name;

	if (onnx_string(onnx, node, "post_transform", "NONE", &name))
		return -EINVAL;
	for (*post = POST_NONE; *post < POST_COUNT; (*post)++) {
		if (strcmp(name, NAMES[*post]) == 0)
			return 0;
	}
	return onnx_refuse(onnx, node, -EINVAL,
		"post_transform is '%.20s', should be NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or "
		"PROBIT",
		name);
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

static uint32_t one(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t a)
{
	return a == GRAPH_NONE ? a : onnx_emit(onnx, node, op, 1, &a, 0, NULL);
}

// Softmax of those that are not 0; the others get no share of it.
static uint32_t emit_softmax_zero(struct onnx *onnx, const struct onnx_node *node, uint32_t x)
{
	const struct attr attrs[] = { { .key = ATTR_AXES,
					      .kind = ATTR_KIND_INTS,
					      .count = 1,
					      .ints = (const int64_t[]){ 1 } },
		ONNX_INT(ATTR_KEEPDIMS, 1) };
	uint32_t most = onnx_emit(onnx, node, OP_REDUCE_MAX, 1, &x, 2, attrs), sum;
	uint32_t mask = onnx_emit_pair(
		onnx, node, OP_GREATER, one(onnx, node, OP_ABS, x), onnx_scalar(onnx, node, 1e-7f));
	uint32_t shares = one(onnx, node, OP_EXP, onnx_emit_pair(onnx, node, OP_SUB, x, most));
	uint32_t pick[3] = { mask, shares, onnx_scalar(onnx, node, 0) };

	if (mask == GRAPH_NONE || shares == GRAPH_NONE || pick[2] == GRAPH_NONE)
		return GRAPH_NONE;
	sum = onnx_emit(onnx, node, OP_WHERE, 3, pick, 0, NULL);
	if (sum == GRAPH_NONE)
		return GRAPH_NONE;
	sum = onnx_emit(onnx, node, OP_REDUCE_SUM, 1, &sum, 2, attrs);
	// What is so small that it counts as 0 is scaled as ONNX Runtime does.
	pick[2] = onnx_emit_pair(
		onnx, node, OP_MUL, x, one(onnx, node, OP_EXP, one(onnx, node, OP_NEG, most)));
	if (pick[2] == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit_pair(
		onnx, node, OP_DIV, onnx_emit(onnx, node, OP_WHERE, 3, pick, 0, NULL), sum);
}

// sqrt(2) erfinv(2 p - 1), erfinv by Winitzki's approximation with a = 0.147, as ONNX Runtime has
// it.
static uint32_t emit_probit(struct onnx *onnx, const struct onnx_node *node, uint32_t p)
{
#define PAIR(op, a, b) onnx_emit_pair(onnx, node, op, a, b)
#define CONST(value)   onnx_scalar(onnx, node, value)
	const uint32_t t = PAIR(OP_SUB, PAIR(OP_MUL, p, CONST(2)), CONST(1));
	const uint32_t log = one(onnx, node, OP_LOG,
		PAIR(OP_MUL, PAIR(OP_SUB, CONST(1), t), PAIR(OP_ADD, CONST(1), t)));
	const uint32_t v =
		PAIR(OP_ADD, PAIR(OP_MUL, log, CONST(0.5f)), CONST(2 / (3.14159f * 0.147f)));
	const uint32_t v2 = PAIR(OP_MUL, log, CONST(1 / 0.147f));
	const uint32_t v3 =
		PAIR(OP_SUB, one(onnx, node, OP_SQRT, PAIR(OP_SUB, PAIR(OP_MUL, v, v), v2)), v);
	const uint32_t size = PAIR(OP_MUL, one(onnx, node, OP_SQRT, v3), CONST(1.41421356f));
	const uint32_t pick[3] = { PAIR(OP_LESS, t, CONST(0)), one(onnx, node, OP_NEG, size),
		size };
#undef PAIR
#undef CONST

	if (pick[0] == GRAPH_NONE || pick[1] == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(onnx, node, OP_WHERE, 3, pick, 0, NULL);
}

uint32_t onnx_emit_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform post, uint32_t scores)
{
	const struct attr axis = { .key = ATTR_AXIS, .kind = ATTR_KIND_INT, .count = 1, .i = -1 };

	switch (post) {
	case POST_NONE:
		return scores;
	case POST_SOFTMAX:
		return onnx_emit(onnx, node, OP_SOFTMAX, 1, &scores, 1, &axis);
	case POST_LOGISTIC:
		return onnx_emit(onnx, node, OP_SIGMOID, 1, &scores, 0, NULL);
	case POST_SOFTMAX_ZERO:
		return emit_softmax_zero(onnx, node, scores);
	default:
		return emit_probit(onnx, node, scores);
	}
}

int onnx_keep_labels(struct onnx *onnx, const struct onnx_node *node, const char *strings_name,
	const char *ints_name, size_t *count)
{
	const Onnx__AttributeProto *strings, *ints;
	struct graph *graph = onnx->graph;
	const char **labels;
	char text[24];

	if (onnx_attr(onnx, node, strings_name, ATTRIBUTE(STRINGS), &strings) ||
		onnx_attr(onnx, node, ints_name, ATTRIBUTE(INTS), &ints))
		return -EINVAL;
	if (strings && strings->n_strings == 0)
		strings = NULL;
	*count = strings ? strings->n_strings : ints ? ints->n_ints : 0;
	if (*count == 0 || *count > MODEL_OUTPUTS_MAX || graph->n_class_labels != 0)
		return 0;
	labels = arena_calloc(graph->arena, *count, sizeof(*labels));
	for (size_t i = 0; labels && i < *count; i++) {
		if (strings) {
			labels[i] = arena_strndup(graph->arena,
				(const char *)strings->strings[i].data, strings->strings[i].len);
		} else {
			snprintf(text, sizeof(text), "%lld", (long long)ints->ints[i]);
			labels[i] = arena_strdup(graph->arena, text);
		}
		if (!labels[i])
			labels = NULL;
	}
	if (!labels)
		return onnx_refuse(onnx, node, -ENOMEM, "out of memory");
	graph->class_labels = labels;
	graph->n_class_labels = (uint32_t)*count;
	return 0;
}

// Whole numbers of the classes, where the file gives as many as there are scores.
static uint32_t emit_classes(
	struct onnx *onnx, const struct onnx_node *node, const char *ints_name, int64_t count)
{
	const Onnx__AttributeProto *ints;
	void *data;
	uint32_t made;

	if (onnx_attr(onnx, node, ints_name, ATTRIBUTE(INTS), &ints) || !ints ||
		ints->n_ints != (uint64_t)count)
		return GRAPH_NONE;
	made = onnx_made(onnx, node, DTYPE_I64, 1, &count, &data);
	if (made != GRAPH_NONE)
		memcpy(data, ints->ints, ints->n_ints * sizeof(int64_t));
	return made;
}

int onnx_output_label(
	struct onnx *onnx, const struct onnx_node *node, const char *ints_name, uint32_t scores)
{
	const struct attr attrs[] = { ONNX_INT(ATTR_AXIS, -1), ONNX_INT(ATTR_KEEPDIMS, 0) };
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	struct onnx_value *value;
	uint32_t label, pair[2];

	if (node->proto->n_output == 0 || !*node->proto->output[0])
		return 0;
	value = onnx_value(onnx, node->proto->output[0]);
	if (!value)
		return -ENOMEM;
	if (!onnx->labels) {
		value->is_label = true;
		return 0;
	}
	if (scores == GRAPH_NONE)
		return -EINVAL; // the sentence is made already
	label = onnx_emit(onnx, node, OP_ARG_MAX, 1, &scores, 2, attrs);
	if (label == GRAPH_NONE)
		return -EINVAL;
	pair[0] = emit_classes(onnx, node, ints_name, onnx->graph->tensors[scores].dims[1]);
	pair[1] = label;
	if (pair[0] != GRAPH_NONE)
		label = onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &axis);
	else
		report_add(onnx->report, "label of '%.80s': the number of the class, from 0",
			node->name);
	return onnx_output(onnx, node, 0, label);
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
