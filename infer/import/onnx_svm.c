// SPDX-License-Identifier: BSD-3-Clause
// SVMClassifier and SVMRegressor, as ONNX Runtime computes them: kernels of the row with all
// support vectors, then products with the coefficients; probabilities by Platt's sigmoid and
// libsvm's pairwise coupling. Distances are summed as differences: |x|^2 + |v|^2 - 2xv would
// cancel.
#include "infer/import/onnx_ml.h"

#include <string.h>

enum svm_kernel { SVM_LINEAR, SVM_POLY, SVM_RBF, SVM_SIGMOID, SVM_KERNELS };

struct svm {
	struct onnx *onnx;
	const struct onnx_node *node;
	enum svm_kernel kernel;
	float gamma, coef0, degree;
	size_t n_vectors, n_coefficients, n_rho;
	const float *vectors, *coefficients, *rho;
	int64_t columns;
	uint32_t x; // [1, columns]
};

static uint32_t emit(struct svm *s, enum op op, uint32_t a)
{
	return a == GRAPH_NONE ? a : onnx_emit(s->onnx, s->node, op, 1, &a, 0, NULL);
}

static uint32_t emit_two(struct svm *s, enum op op, uint32_t a, uint32_t b)
{
	return onnx_emit_pair(s->onnx, s->node, op, a, b);
}

static uint32_t scalar(struct svm *s, float value)
{
	return onnx_scalar(s->onnx, s->node, value);
}

// [d0, d1], or its transpose, of the file's floats.
static uint32_t matrix(struct svm *s, const float *values, int64_t d0, int64_t d1, bool turned)
{
	const int64_t dims[2] = { turned ? d1 : d0, turned ? d0 : d1 };
	void *data;
	uint32_t made = onnx_made(s->onnx, s->node, DTYPE_F32, 2, dims, &data);

	for (int64_t i = 0; made != GRAPH_NONE && i < d0 * d1; i++)
		((float *)data)[turned ? i % d1 * d0 + i / d1 : i] = values[i];
	return made;
}

// Kernels [1, n] of the row with the n vectors [n][columns].
static uint32_t emit_kernels(struct svm *s, const float *vectors, int64_t n)
{
	const struct attr sum[] = { { .key = ATTR_AXES,
					    .kind = ATTR_KIND_INTS,
					    .count = 1,
					    .ints = (const int64_t[]){ 1 } },
		ONNX_INT(ATTR_KEEPDIMS, 0) };
	const int64_t row[2] = { 1, n };
	uint32_t made;

	if (s->kernel == SVM_RBF) {
		made = emit_two(s, OP_SUB, s->x, matrix(s, vectors, n, s->columns, false));
		made = emit_two(s, OP_MUL, made, made);
		if (made == GRAPH_NONE)
			return made;
		made = onnx_emit(s->onnx, s->node, OP_REDUCE_SUM, 1, &made, 2, sum);
		if (made != GRAPH_NONE)
			made = onnx_emit_reshape(s->onnx, s->node, made, 2, row);
		return emit(s, OP_EXP, emit_two(s, OP_MUL, made, scalar(s, -s->gamma)));
	}
	made = emit_two(s, OP_MATMUL, s->x, matrix(s, vectors, n, s->columns, true));
	made = emit_two(
		s, OP_ADD, emit_two(s, OP_MUL, made, scalar(s, s->gamma)), scalar(s, s->coef0));
	if (s->kernel == SVM_SIGMOID)
		return emit(s, OP_TANH, made);
	return emit_two(s, OP_POW, made, scalar(s, s->degree));
}

static int read_floats(struct svm *s, const char *name, size_t *count, const float **values)
{
	const Onnx__AttributeProto *attr;
	int rc = onnx_attr(
		s->onnx, s->node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS, &attr);

	*count = attr ? attr->n_floats : 0;
	*values = attr ? attr->floats : NULL;
	return rc;
}

static int read_svm(struct svm *s)
{
	static const char *const KERNELS[SVM_KERNELS] = { "LINEAR", "POLY", "RBF", "SIGMOID" };
	const float *params;
	const char *kernel;
	size_t n_params;

	if (onnx_string(s->onnx, s->node, "kernel_type", "LINEAR", &kernel) ||
		read_floats(s, "kernel_params", &n_params, &params) ||
		read_floats(s, "support_vectors", &s->n_vectors, &s->vectors) ||
		read_floats(s, "coefficients", &s->n_coefficients, &s->coefficients) ||
		read_floats(s, "rho", &s->n_rho, &s->rho))
		return -EINVAL;
	while (s->kernel < SVM_KERNELS && strcmp(kernel, KERNELS[s->kernel]) != 0)
		s->kernel++;
	if (s->kernel == SVM_KERNELS)
		return onnx_refuse(s->onnx, s->node, -EINVAL,
			"kernel_type is '%.20s', should be LINEAR, POLY, RBF or SIGMOID", kernel);
	if (n_params != 0 && n_params != 3)
		return onnx_refuse(s->onnx, s->node, -EINVAL,
			"kernel_params has %zu values, should have gamma, coef0 and degree",
			n_params);
	if (n_params == 3) {
		s->gamma = params[0];
		s->coef0 = params[1];
		s->degree = params[2];
	}
	s->x = onnx_as_row(s->onnx, s->node, &s->columns);
	if (s->x == GRAPH_NONE)
		return -EINVAL;
	s->columns = s->onnx->graph->tensors[s->x].dims[1];
	if (s->n_rho == 0 || s->n_coefficients == 0)
		return onnx_refuse(s->onnx, s->node, -EINVAL, "has no coefficients or no rho");
	return 0;
}

// A linear kernel's vectors [n][columns] and the weights w [n, m] of their products are one matrix,
// summed here in double: the products themselves would cancel. [columns, m].
static uint32_t collapse(struct svm *s, int64_t n, uint32_t w, int64_t m)
{
	const int64_t dims[2] = { s->columns, m };
	const float *weights;
	void *data;
	uint32_t made = onnx_made(s->onnx, s->node, DTYPE_F32, 2, dims, &data);

	if (made == GRAPH_NONE || w == GRAPH_NONE)
		return GRAPH_NONE;
	weights = s->onnx->graph->tensors[w].data;
	for (int64_t i = 0; i < s->columns * m; i++) {
		double sum = 0;

		for (int64_t v = 0; v < n; v++)
			sum += (double)s->vectors[v * s->columns + i / m] *
				(double)weights[v * m + i % m];
		((float *)data)[i] = (float)sum;
	}
	return made;
}

// Kernels with the n vectors, or the row itself where there are none, times w [n or columns, m],
// and rho.
static uint32_t emit_sums(struct svm *s, int64_t n, uint32_t w, int64_t m, bool same_rho)
{
	const int64_t dims[1] = { m };
	uint32_t x = s->x, rho;
	void *data;

	rho = onnx_made(s->onnx, s->node, DTYPE_F32, 1, dims, &data);
	for (int64_t i = 0; rho != GRAPH_NONE && i < m; i++)
		((float *)data)[i] = s->rho[same_rho ? 0 : i];
	if (n > 0 && s->kernel == SVM_LINEAR)
		w = collapse(s, n, w, m);
	else if (n > 0)
		x = emit_kernels(s, s->vectors, n);
	return emit_two(s, OP_ADD, emit_two(s, OP_MATMUL, x, w), rho);
}

int onnx_import_svm_regressor(struct onnx *onnx, const struct onnx_node *node)
{
	struct svm s = { .onnx = onnx, .node = node };
	enum post_transform post;
	int64_t n, one_class;
	uint32_t made;

	if (read_svm(&s) || onnx_int(onnx, node, "n_supports", 0, &n) ||
		onnx_int(onnx, node, "one_class", 0, &one_class) ||
		onnx_read_post_transform(onnx, node, &post))
		return -EINVAL;
	if (n < 0 || n > GRAPH_ELEMENTS_MAX || s.n_vectors != (uint64_t)n * (uint64_t)s.columns ||
		s.n_coefficients != (uint64_t)(n ? n : s.columns))
		return onnx_refuse(onnx, node, -EINVAL,
			"%zu numbers of support vectors and %zu coefficients for %lld vectors of "
			"%lld "
			"columns",
			s.n_vectors, s.n_coefficients, (long long)n, (long long)s.columns);
	made = emit_sums(&s, n, matrix(&s, s.coefficients, n ? n : s.columns, 1, false), 1, true);
	if (one_class) { // 1 inside, -1 outside
		const uint32_t inside = emit_two(&s, OP_GREATER, made, scalar(&s, 0));
		const uint32_t pick[3] = { inside, scalar(&s, 1), scalar(&s, -1) };

		made = inside == GRAPH_NONE ? GRAPH_NONE
					    : onnx_emit(onnx, node, OP_WHERE, 3, pick, 0, NULL);
	}
	return onnx_output(onnx, node, 0, made);
}

// --- Classifier ---------------------------------------------------------------------------------

struct classes {
	size_t count;
	const int64_t *vectors; // [count] of each class; NULL: linear
	int64_t n;              // vectors of all
	size_t n_a, n_b;
	const float *prob_a, *prob_b; // [pairs] or NULL
};

static int read_classes(struct svm *s, struct classes *c)
{
	const Onnx__AttributeProto *per_class;

	if (onnx_keep_labels(
		    s->onnx, s->node, "classlabels_strings", "classlabels_ints", &c->count) ||
		onnx_attr(s->onnx, s->node, "vectors_per_class",
			ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, &per_class) ||
		read_floats(s, "prob_a", &c->n_a, &c->prob_a) ||
		read_floats(s, "prob_b", &c->n_b, &c->prob_b))
		return -EINVAL;
	if (c->count < 1 || c->count > MODEL_OUTPUTS_MAX)
		return onnx_refuse(s->onnx, s->node, -EINVAL, "%zu class labels, should be 1 to %d",
			c->count, MODEL_OUTPUTS_MAX);
	if (!per_class || per_class->n_ints == 0)
		return 0;
	c->vectors = per_class->ints;
	if (per_class->n_ints != c->count || c->count < 2 || c->count > 256)
		return onnx_refuse(s->onnx, s->node, -EINVAL,
			"vectors_per_class has %zu values for %zu classes, should have one for "
			"each "
			"of 2 to 256",
			per_class->n_ints, c->count);
	for (size_t i = 0; i < c->count; i++) {
		if (c->vectors[i] < 0 || c->vectors[i] > GRAPH_ELEMENTS_MAX)
			return onnx_refuse(s->onnx, s->node, -EINVAL, "vectors_per_class has %lld",
				(long long)c->vectors[i]);
		c->n += c->vectors[i];
	}
	return 0;
}

static int check_vectors(const struct svm *s, const struct classes *c)
{
	const uint64_t pairs = c->count * (c->count - 1) / 2;

	if (c->n < 1 || c->n > GRAPH_ELEMENTS_MAX ||
		s->n_vectors != (uint64_t)c->n * (uint64_t)s->columns ||
		s->n_coefficients != (uint64_t)c->n * (c->count - 1))
		return onnx_refuse(s->onnx, s->node, -EINVAL,
			"%zu numbers of support vectors and %zu coefficients for %lld vectors of "
			"%lld "
			"columns in %zu classes",
			s->n_vectors, s->n_coefficients, (long long)c->n, (long long)s->columns,
			c->count);
	if (s->n_rho != pairs || c->n_a != c->n_b || (c->n_a != 0 && c->n_a != pairs))
		return onnx_refuse(s->onnx, s->node, -EINVAL,
			"%zu rho, %zu prob_a and %zu prob_b for %llu pairs of classes", s->n_rho,
			c->n_a, c->n_b, (unsigned long long)pairs);
	return 0;
}

// One against one: each pair of classes weighs its own vectors. [n, pairs].
static uint32_t pair_weights(struct svm *s, const struct classes *c)
{
	const int64_t pairs = (int64_t)(c->count * (c->count - 1) / 2), dims[2] = { c->n, pairs };
	int64_t pair = 0, start_i = 0;
	void *data;
	uint32_t made = onnx_made(s->onnx, s->node, DTYPE_F32, 2, dims, &data);

	for (size_t i = 0; made != GRAPH_NONE && i < c->count; start_i += c->vectors[i], i++) {
		int64_t start_j = start_i + c->vectors[i];

		for (size_t j = i + 1; j < c->count; start_j += c->vectors[j], j++, pair++) {
			const float *of_i = s->coefficients + (int64_t)(j - 1) * c->n;
			const float *of_j = s->coefficients + (int64_t)i * c->n;

			for (int64_t v = start_i; v < start_i + c->vectors[i]; v++)
				((float *)data)[v * pairs + pair] = of_i[v];
			for (int64_t v = start_j; v < start_j + c->vectors[j]; v++)
				((float *)data)[v * pairs + pair] = of_j[v];
		}
	}
	return made;
}

static uint32_t vector(struct svm *s, const float *values, size_t count)
{
	return matrix(s, values, 1, (int64_t)count, false);
}

// Margins of pairs to probabilities of classes.
static uint32_t emit_probabilities(struct svm *s, const struct classes *c, uint32_t margins)
{
	const float edge = 1.0e-7f;
	const struct attr range[] = { ONNX_FLOAT(ATTR_MIN, edge),
		ONNX_FLOAT(ATTR_MAX, 1.0f - edge) };
	uint32_t made = emit_two(s, OP_MUL, margins, vector(s, c->prob_a, c->n_a));

	made = emit_two(s, OP_ADD, made, vector(s, c->prob_b, c->n_b));
	made = emit(s, OP_SIGMOID, emit(s, OP_NEG, made));
	if (made != GRAPH_NONE)
		made = onnx_emit(s->onnx, s->node, OP_CLIP, 1, &made, 2, range);
	return emit(s, OP_PAIRWISE_COUPLING, made);
}

// How many pairs each class wins [1, classes], by the margins of all pairs: above 0, the first.
static uint32_t emit_votes(struct svm *s, const struct classes *c, uint32_t margins)
{
	const int64_t count = (int64_t)c->count, pairs = count * (count - 1) / 2;
	const int64_t dims[2] = { pairs, count }, row[2] = { 1, count };
	const struct attr to = ONNX_INT(ATTR_TO, DTYPE_F32);
	void *of_won, *of_lost;
	uint32_t won = onnx_made(s->onnx, s->node, DTYPE_F32, 2, dims, &of_won);
	uint32_t lost = onnx_made(s->onnx, s->node, DTYPE_F32, 2, row, &of_lost);
	uint32_t first = emit_two(s, OP_GREATER, margins, scalar(s, 0));
	int64_t pair = 0;

	if (won == GRAPH_NONE || lost == GRAPH_NONE || first == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t i = 0; i < count; i++) {
		for (int64_t j = i + 1; j < count; j++, pair++) {
			((float *)of_won)[pair * count + i] = 1;
			((float *)of_won)[pair * count + j] = -1;
			((float *)of_lost)[j] += 1;
		}
	}
	first = onnx_emit(s->onnx, s->node, OP_CAST, 1, &first, 1, &to);
	return emit_two(s, OP_ADD, emit_two(s, OP_MATMUL, first, won), lost);
}

// One margin of two classes: what ONNX Runtime makes of it.
static uint32_t emit_both(struct svm *s, enum post_transform post, uint32_t margin)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	uint32_t pair[2] = { GRAPH_NONE, margin };

	if (post == POST_PROBIT)
		return onnx_emit_post_transform(s->onnx, s->node, post, margin);
	if (post == POST_NONE)
		pair[0] = emit(s, OP_NEG, margin);
	else
		pair[0] = emit_two(s, OP_SUB, scalar(s, 1), margin);
	if (pair[0] == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(s->onnx, s->node, OP_CONCAT, 2, pair, 1, &axis);
}

int onnx_import_svm_classifier(struct onnx *onnx, const struct onnx_node *node)
{
	struct svm s = { .onnx = onnx, .node = node };
	struct classes c = { 0 };
	enum post_transform post;
	uint32_t scores, votes = GRAPH_NONE;
	int64_t m = 1;

	if (read_svm(&s) || read_classes(&s, &c) || onnx_read_post_transform(onnx, node, &post))
		return -EINVAL;
	if (c.vectors) {
		if (check_vectors(&s, &c))
			return -EINVAL;
		m = (int64_t)(c.count * (c.count - 1) / 2);
		scores = emit_sums(&s, c.n, pair_weights(&s, &c), m, false);
		if (c.n_a)
			scores = emit_probabilities(&s, &c, scores);
		else if (c.count > 2 && onnx->labels)
			votes = emit_votes(&s, &c, scores);
		m = c.n_a ? (int64_t)c.count : m;
	} else {
		m = (int64_t)s.n_coefficients / s.columns;
		if (m < 1 || (uint64_t)m * (uint64_t)s.columns != s.n_coefficients)
			return onnx_refuse(onnx, node, -EINVAL,
				"%zu coefficients for rows of %lld columns", s.n_coefficients,
				(long long)s.columns);
		s.kernel = SVM_LINEAR;
		scores = emit_sums(&s, 0, matrix(&s, s.coefficients, m, s.columns, true), m, true);
	}
	if (scores != GRAPH_NONE && m == 1)
		scores = c.count == 2 ? emit_both(&s, post, scores) : scores;
	else if (scores != GRAPH_NONE)
		scores = onnx_emit_post_transform(onnx, node, post, scores);
	if (scores == GRAPH_NONE)
		return -EINVAL;
	if (onnx_output_label(onnx, node, "classlabels_ints", votes == GRAPH_NONE ? scores : votes))
		return -EINVAL;
	return onnx_output(onnx, node, 1, scores);
}
