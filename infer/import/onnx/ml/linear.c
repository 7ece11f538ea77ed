// SPDX-License-Identifier: BSD-3-Clause
// The operators of ai.onnx.ml, opsets 1 to 5, as ONNX Runtime computes them: linear models become
// Dense and what follows it, scalers Sub and Mul.
#include "infer/graph/text.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/ml/labels.h"
#include "infer/import/onnx/ml/post.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <math.h>
#include <string.h>

static uint32_t linear_constant(struct onnx *onnx, const struct onnx_node *node, const char *what,
	uint32_t rank, int64_t d0, int64_t d1, void **data)
{
	const int64_t dims[2] = { d0, d1 };
	char name[200];

	snprintf(name, sizeof(name), "%.*s.%s", text_cut(node->name, 120), node->name, what);
	return onnx_constant(onnx, name, DTYPE_F32, rank, dims, data);
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

	inputs[1] = linear_constant(onnx, node, "vectors", 2, targets, columns, &vectors);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = linear_constant(onnx, node, "weights", 2, targets, outputs, &weights);
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
	inputs[1] = linear_constant(onnx, node, "coefficients", 2, columns, outputs, &data);
	w = data;
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = linear_constant(onnx, node, "intercepts", 1, outputs, 0, &data);
	b = data;
	if (inputs[2] == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t n = 0; n < outputs; n++) {
		int64_t from = second ? 0 : n;
		bool complement = second && n == 0;

		for (int64_t k = 0; k < columns; k++) {
			float c = coefficients[from * columns + k];

			w[k * outputs + n] = complement ? -c : c;
		}
		b[n] = n_intercepts ? intercepts[from] : 0;
		if (complement)
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
		return onnx_refused(onnx);
	scores = onnx_as_row(onnx, node, &columns);
	if (scores == GRAPH_NONE)
		return onnx_refused(onnx);
	if (n_targets == 0 && columns > 0)
		n_targets = n_coefficients / (size_t)columns;
	if (n_targets == 0 || n_targets > MODEL_OUTPUTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL, "has no coefficients, or too many classes");
	second = n_targets == 1 && n_labels == 2;
	if (n_targets == 1 && post != POST_PROBIT)
		post = POST_NONE;
	scores = emit_linear(onnx, node, (int64_t)n_targets, second);
	if (scores == GRAPH_NONE)
		return onnx_refused(onnx);
	if (onnx_output_label(onnx, node, "classlabels_ints",
		    second && onnx_wants_label(onnx, node) ? emit_margins(onnx, node, scores)
							   : scores))
		return onnx_refused(onnx);
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
		return onnx_refused(onnx);
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

const struct onnx_operator ONNX_ML_LINEAR[] = {
	{ "LinearClassifier", 1, 1, .import = import_linear_classifier },
	{ "LinearRegressor", 1, 1, .import = import_linear_regressor },
	{ .type = NULL },
};
