// SPDX-License-Identifier: BSD-3-Clause
// SVMRegressor of ai.onnx.ml, and what SVMClassifier has of it, as ONNX Runtime computes them: a
// kernel's values of row and support vectors, weighed by a Dense; without support vectors the
// weights are the row's.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/ml/labels.h"
#include "infer/import/onnx/ml/post.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define LINEAR_SUMS_MAX  ((int64_t)1 << 30) // multiply-adds at import
#define PAIR_CLASSES_MAX 256

struct svm {
	struct onnx *onnx;
	const struct onnx_node *node;
	uint32_t x; // [M, columns]
	int64_t columns;
	int64_t n_vectors;
	const float *vectors, *coefficients, *rho, *prob_a, *prob_b;
	size_t n_values, n_coefficients, n_rho, n_prob_a, n_prob_b;
	const int64_t *per_class; // [n_classes] of n_vectors
	size_t n_per_class, n_classes, n_pairs;
	enum svm_kernel kernel;
	float params[3]; // gamma, coef0, degree
};

#define REFUSE(svm, ...) onnx_refuse((svm)->onnx, (svm)->node, -EINVAL, __VA_ARGS__)

static int read_kernel(struct svm *svm)
{
	static const char *const NAMES[] = { "LINEAR", "POLY", "RBF", "SIGMOID" };
	const float *params;
	const char *name;
	size_t count;

	if (onnx_string(svm->onnx, svm->node, "kernel_type", "LINEAR", &name) ||
		onnx_floats(svm->onnx, svm->node, "kernel_params", &count, &params))
		return onnx_refused(svm->onnx);
	while (svm->kernel < SVM_KERNEL_COUNT && strcmp(name, NAMES[svm->kernel]) != 0)
		svm->kernel++;
	if (svm->kernel == SVM_KERNEL_COUNT)
		return REFUSE(svm, "kernel_type is '%.20s', should be LINEAR, POLY, RBF or SIGMOID",
			name);
	if (count != 3 && (count != 0 || svm->kernel != SVM_LINEAR))
		return REFUSE(svm,
			"kernel_params has %zu values, should have 3: gamma, coef0, degree", count);
	if (count == 3)
		memcpy(svm->params, params, sizeof(svm->params));
	return 0;
}

static int svm_read(struct svm *svm)
{
	if (read_kernel(svm) ||
		onnx_floats(
			svm->onnx, svm->node, "support_vectors", &svm->n_values, &svm->vectors) ||
		onnx_floats(svm->onnx, svm->node, "coefficients", &svm->n_coefficients,
			&svm->coefficients) ||
		onnx_floats(svm->onnx, svm->node, "rho", &svm->n_rho, &svm->rho))
		return onnx_refused(svm->onnx);
	svm->x = onnx_as_row(svm->onnx, svm->node, &svm->columns);
	if (svm->x == GRAPH_NONE)
		return onnx_refused(svm->onnx);
	if (svm->n_coefficients == 0 || svm->n_rho == 0)
		return REFUSE(svm, "has no %s", svm->n_rho ? "coefficients" : "rho");
	return 0;
}

static int svm_check_vectors(const struct svm *svm)
{
	if (svm->n_values / (uint64_t)svm->n_vectors != (uint64_t)svm->columns ||
		svm->n_values % (uint64_t)svm->n_vectors != 0)
		return REFUSE(svm,
			"support_vectors has %zu values, should have %" PRId64 " of %" PRId64
			" columns",
			svm->n_values, svm->n_vectors, svm->columns);
	return 0;
}

static uint32_t svm_constant(const struct svm *svm, int64_t d0, int64_t d1, void **data)
{
	const int64_t dims[2] = { d0, d1 };

	return onnx_made(svm->onnx, svm->node, DTYPE_F32, d1 ? 2 : 1, dims, data);
}

// x * w[columns, n] + b[n], the constants to be filled. False: out of memory, sentence made.
static bool dense_inputs(
	const struct svm *svm, int64_t n, float **weights, float **bias, uint32_t inputs[3])
{
	void *w = NULL, *b = NULL;

	inputs[0] = svm->x;
	inputs[1] = svm_constant(svm, svm->columns, n, &w);
	inputs[2] = inputs[1] == GRAPH_NONE ? GRAPH_NONE : svm_constant(svm, n, 0, &b);
	*weights = w;
	*bias = b;
	return inputs[2] != GRAPH_NONE;
}

static uint32_t svm_emit_dense(const struct svm *svm, const uint32_t inputs[3])
{
	return onnx_emit(svm->onnx, svm->node, OP_DENSE, 3, inputs, 0, NULL);
}

// For a linear kernel the support vectors are summed here once, as the sum of weighed products is
// the product of the weighed sum.
static uint32_t emit_summed(const struct svm *svm, const float *weight, int64_t n)
{
	uint32_t inputs[3];
	float *w, *b;

	if (!dense_inputs(svm, n, &w, &b, inputs))
		return GRAPH_NONE;
	for (int64_t c = 0; c < svm->columns; c++) {
		for (int64_t o = 0; o < n; o++) {
			double sum = 0;

			for (int64_t v = 0; v < svm->n_vectors; v++)
				sum += (double)weight[v * n + o] *
					(double)svm->vectors[v * svm->columns + c];
			w[c * n + o] = (float)sum;
		}
	}
	memcpy(b, svm->rho, (size_t)n * sizeof(float));
	return svm_emit_dense(svm, inputs);
}

// Decisions [M, n] of weights [n_vectors][n].
static uint32_t svm_emit_decisions(const struct svm *svm, const float *weight, int64_t n)
{
	const struct attr attrs[] = { ONNX_INT(ATTR_MODE, svm->kernel),
		ONNX_FLOAT(ATTR_GAMMA, svm->params[0]), ONNX_FLOAT(ATTR_BETA, svm->params[1]),
		ONNX_FLOAT(ATTR_ALPHA, svm->params[2]) };
	uint32_t inputs[4] = { svm->x };
	void *vectors, *weights, *rho;

	assert(n >= 1);
	if (svm->kernel == SVM_LINEAR && svm->n_vectors * svm->columns <= LINEAR_SUMS_MAX / n)
		return emit_summed(svm, weight, n);
	inputs[1] = svm_constant(svm, svm->n_vectors, svm->columns, &vectors);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[2] = svm_constant(svm, svm->n_vectors, n, &weights);
	if (inputs[2] == GRAPH_NONE)
		return GRAPH_NONE;
	inputs[3] = svm_constant(svm, n, 0, &rho);
	if (inputs[3] == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(vectors, svm->vectors, svm->n_values * sizeof(float));
	memcpy(weights, weight, (size_t)(svm->n_vectors * n) * sizeof(float));
	memcpy(rho, svm->rho, (size_t)n * sizeof(float));
	return onnx_emit(svm->onnx, svm->node, OP_SVM, 4, inputs, 4, attrs);
}

// Without support vectors: x times coefficients [n][columns], one rho for all.
static uint32_t svm_emit_linear(const struct svm *svm, int64_t n)
{
	uint32_t inputs[3];
	float *w, *b;

	if (svm->n_coefficients != (uint64_t)n * (uint64_t)svm->columns) {
		REFUSE(svm, "%zu coefficients for %" PRId64 " outputs of %" PRId64 " columns",
			svm->n_coefficients, n, svm->columns);
		return GRAPH_NONE;
	}
	if (!dense_inputs(svm, n, &w, &b, inputs))
		return GRAPH_NONE;
	for (int64_t o = 0; o < n; o++) {
		for (int64_t c = 0; c < svm->columns; c++)
			w[c * n + o] = svm->coefficients[o * svm->columns + c];
		b[o] = svm->rho[0];
	}
	return svm_emit_dense(svm, inputs);
}

static int import_svm_regressor(struct onnx *onnx, const struct onnx_node *node)
{
	struct svm svm = { .onnx = onnx, .node = node };
	enum post_transform post;
	int64_t one_class;
	uint32_t made;

	if (onnx_int(onnx, node, "n_supports", 0, &svm.n_vectors) ||
		onnx_int(onnx, node, "one_class", 0, &one_class) ||
		onnx_read_post_transform(onnx, node, &post) || svm_read(&svm))
		return onnx_refused(onnx);
	if (svm.n_vectors < 0)
		return REFUSE(
			&svm, "n_supports is %" PRId64 ", should be at least 0", svm.n_vectors);
	if (svm.n_vectors > 0 && svm_check_vectors(&svm) != 0)
		return onnx_refused(onnx);
	if (svm.n_vectors > 0 && svm.n_coefficients != (uint64_t)svm.n_vectors)
		return REFUSE(&svm, "%zu coefficients for %" PRId64 " support vectors",
			svm.n_coefficients, svm.n_vectors);
	made = svm.n_vectors ? svm_emit_decisions(&svm, svm.coefficients, 1)
			     : svm_emit_linear(&svm, 1);
	if (made != GRAPH_NONE && one_class)
		made = onnx_emit_where(onnx, node,
			onnx_emit_pair(onnx, node, OP_GREATER, made, onnx_scalar(onnx, node, 0)),
			onnx_scalar(onnx, node, 1), onnx_scalar(onnx, node, -1));
	if (post != POST_NONE)
		report_add(onnx->report,
			"SVMRegressor '%.80s': post_transform has no effect, as in ONNX Runtime",
			node->name);
	return onnx_output(onnx, node, 0, made);
}

// Vectors stand by class, coefficients [n_classes - 1][n_vectors]: of class i against j (i < j),
// the vectors of i have row j - 1, those of j row i.
static float *pair_weights(const struct svm *svm)
{
	const size_t n_vectors = (size_t)svm->n_vectors;
	float *weights =
		arena_calloc(svm->onnx->scratch, n_vectors * svm->n_pairs, sizeof(*weights));
	size_t first_i = 0, pair = 0;

	for (size_t i = 0; weights && i < svm->n_classes; i++) {
		size_t first_j = first_i + (size_t)svm->per_class[i];

		for (size_t j = i + 1; j < svm->n_classes; j++, pair++) {
			for (size_t v = first_i; v < first_i + (size_t)svm->per_class[i]; v++)
				weights[v * svm->n_pairs + pair] =
					svm->coefficients[(j - 1) * n_vectors + v];
			for (size_t v = first_j; v < first_j + (size_t)svm->per_class[j]; v++)
				weights[v * svm->n_pairs + pair] =
					svm->coefficients[i * n_vectors + v];
			first_j += (size_t)svm->per_class[j];
		}
		first_i += (size_t)svm->per_class[i];
	}
	if (!weights)
		onnx_refuse_memory(svm->onnx, svm->node);
	return weights;
}

static int check_classes(struct svm *svm)
{
	svm->n_vectors = 0;
	for (size_t i = 0; i < svm->n_per_class; i++) {
		if (svm->per_class[i] < 0 || svm->per_class[i] > (int64_t)svm->n_values)
			return REFUSE(svm, "vectors_per_class has %" PRId64 ", should be 0 to %zu",
				svm->per_class[i], svm->n_values);
		svm->n_vectors += svm->per_class[i];
	}
	if (svm->n_classes < 1 || svm->n_classes > PAIR_CLASSES_MAX)
		return REFUSE(svm, "%zu class labels, should be 1 to %d", svm->n_classes,
			PAIR_CLASSES_MAX);
	svm->n_pairs = svm->n_classes * (svm->n_classes - 1) / 2;
	if (svm->n_vectors == 0)
		return 0;
	if (svm->n_classes < 2 || svm->n_per_class != svm->n_classes)
		return REFUSE(svm,
			"%zu vectors_per_class for %zu class labels, should be 2 of each at least",
			svm->n_per_class, svm->n_classes);
	if (svm->n_vectors > (int64_t)svm->n_values)
		return REFUSE(svm,
			"vectors_per_class has %" PRId64 " vectors, support_vectors %zu values",
			svm->n_vectors, svm->n_values);
	if (svm_check_vectors(svm) != 0)
		return onnx_refused(svm->onnx);
	if (svm->n_coefficients != (svm->n_classes - 1) * (uint64_t)svm->n_vectors ||
		svm->n_rho != svm->n_pairs || svm->n_prob_a != svm->n_prob_b ||
		(svm->n_prob_a != 0 && svm->n_prob_a != svm->n_pairs))
		return REFUSE(svm,
			"%zu coefficients, %zu rho, %zu prob_a, %zu prob_b for %zu classes and "
			"%" PRId64 " vectors",
			svm->n_coefficients, svm->n_rho, svm->n_prob_a, svm->n_prob_b,
			svm->n_classes, svm->n_vectors);
	return 0;
}

// Platt's: the probability of i against j is 1 - logistic(a * decision + b), kept off 0 and 1.
static uint32_t emit_probabilities(const struct svm *svm, uint32_t decisions)
{
	const int64_t n = (int64_t)svm->n_pairs;
	const struct attr limits[2] = { ONNX_FLOAT(ATTR_MIN, 1e-7f),
		ONNX_FLOAT(ATTR_MAX, 1 - 1e-7f) };
	uint32_t inputs[2], made;
	void *a, *b;

	inputs[0] = onnx_made(svm->onnx, svm->node, DTYPE_F32, 1, &n, &a);
	inputs[1] = inputs[0] == GRAPH_NONE ? GRAPH_NONE
					    : onnx_made(svm->onnx, svm->node, DTYPE_F32, 1, &n, &b);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t i = 0; i < n; i++) { // 1 - logistic(v) = logistic(-v)
		((float *)a)[i] = -svm->prob_a[i];
		((float *)b)[i] = -svm->prob_b[i];
	}
	made = onnx_emit_pair(svm->onnx, svm->node, OP_MUL, decisions, inputs[0]);
	made = onnx_emit_pair(svm->onnx, svm->node, OP_ADD, made, inputs[1]);
	made = onnx_emit(svm->onnx, svm->node, OP_SIGMOID, 1, &made, 0, NULL);
	made = onnx_emit(svm->onnx, svm->node, OP_CLIP, 1, &made, 2, limits);
	return made == GRAPH_NONE
		? made
		: onnx_emit(svm->onnx, svm->node, OP_PAIRWISE_COUPLING, 1, &made, 0, NULL);
}

// Two classes have one decision d and two columns: [-d, d], or where a transform follows, which
// then has no effect, [1 - d, d]; PROBIT alone is computed and leaves one.
static uint32_t emit_two(const struct svm *svm, uint32_t decision, enum post_transform post)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 1);
	uint32_t pair[2] = { GRAPH_NONE, decision };

	if (post == POST_PROBIT)
		return onnx_emit_post_transform(svm->onnx, svm->node, post, decision);
	if (post == POST_NONE)
		pair[0] = onnx_emit(svm->onnx, svm->node, OP_NEG, 1, &decision, 0, NULL);
	else
		pair[0] = onnx_emit_pair(svm->onnx, svm->node, OP_SUB,
			onnx_scalar(svm->onnx, svm->node, 1), decision);
	return pair[0] == GRAPH_NONE
		? GRAPH_NONE
		: onnx_emit(svm->onnx, svm->node, OP_CONCAT, 2, pair, 1, &axis);
}

static uint32_t emit_scores(const struct svm *svm, enum post_transform post, uint32_t *decisions)
{
	const float *weights;
	uint32_t made;

	if (svm->n_vectors == 0) {
		*decisions = made = svm_emit_linear(svm, (int64_t)svm->n_classes);
		if (svm->n_classes == 1 && post != POST_PROBIT)
			post = POST_NONE; // one score has nothing to be weighed against
	} else {
		weights = pair_weights(svm);
		if (!weights)
			return GRAPH_NONE;
		*decisions = made = svm_emit_decisions(svm, weights, (int64_t)svm->n_pairs);
		if (made != GRAPH_NONE && svm->n_prob_a != 0)
			made = emit_probabilities(svm, made);
		else if (made != GRAPH_NONE && svm->n_classes == 2)
			return emit_two(svm, made, post);
	}
	return made == GRAPH_NONE ? made
				  : onnx_emit_post_transform(svm->onnx, svm->node, post, made);
}

// Votes [M, n_classes]: for each of its pairs a class has one, which is 1 where the decision is for
// the pair's first class.
static uint32_t emit_votes(const struct svm *svm, uint32_t decisions)
{
	const int64_t n = (int64_t)svm->n_classes, n_pairs = (int64_t)svm->n_pairs;
	const uint32_t first = onnx_emit_pair(
		svm->onnx, svm->node, OP_GREATER, decisions, onnx_scalar(svm->onnx, svm->node, 0));
	uint32_t inputs[3];
	void *votes, *second;
	size_t pair = 0;

	inputs[1] = svm_constant(svm, n_pairs, n, &votes);
	inputs[2] = inputs[1] == GRAPH_NONE ? GRAPH_NONE : svm_constant(svm, n, 0, &second);
	inputs[0] = first == GRAPH_NONE ? first : onnx_as(svm->onnx, svm->node, first, DTYPE_F32);
	if (inputs[0] == GRAPH_NONE || inputs[2] == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t i = 0; i < n; i++) {
		((float *)second)[i] = (float)i; // pairs in which it is the second class
		for (int64_t j = i + 1; j < n; j++, pair++) {
			((float *)votes)[(int64_t)pair * n + i] = 1;
			((float *)votes)[(int64_t)pair * n + j] = -1;
		}
	}
	return svm_emit_dense(svm, inputs);
}

// Without support vectors, two classes and ONNX Runtime's rule: the second wherever the highest is
// above 0, or, where no coefficient is negative, at least 0.5; else the highest's. Where the
// second is: [-1, 0].
static uint32_t emit_second(const struct svm *svm, uint32_t decisions)
{
	const int64_t last = 1, pair[2] = { 1, 2 };
	const struct attr axes = ONNX_INTS(ATTR_AXES, 1, &last);
	bool positive = true;
	uint32_t most, second, prefer;
	void *data;

	for (size_t i = 0; i < svm->n_coefficients; i++)
		positive &= svm->coefficients[i] >= 0;
	most = onnx_emit(svm->onnx, svm->node, OP_REDUCE_MAX, 1, &decisions, 1, &axes);
	second = onnx_emit_pair(svm->onnx, svm->node, positive ? OP_GREATER_OR_EQUAL : OP_GREATER,
		most, onnx_scalar(svm->onnx, svm->node, positive ? 0.5f : 0));
	prefer = onnx_made(svm->onnx, svm->node, DTYPE_F32, 2, pair, &data);
	if (prefer == GRAPH_NONE)
		return GRAPH_NONE;
	((float *)data)[0] = -1;
	return onnx_emit_where(svm->onnx, svm->node, second, prefer, decisions);
}

// What the predicted class is the best of.
static uint32_t svm_emit_class(const struct svm *svm, uint32_t decisions)
{
	if (svm->n_vectors != 0)
		return emit_votes(svm, decisions);
	return svm->n_classes == 2 && svm->n_prob_a == 0 ? emit_second(svm, decisions) : decisions;
}

static int import_svm_classifier(struct onnx *onnx, const struct onnx_node *node)
{
	struct svm svm = { .onnx = onnx, .node = node };
	const Onnx__AttributeProto *per_class;
	enum post_transform post;
	uint32_t scores, decisions;

	if (onnx_keep_labels(
		    onnx, node, "classlabels_strings", "classlabels_ints", &svm.n_classes) ||
		onnx_read_post_transform(onnx, node, &post) ||
		onnx_attr(onnx, node, "vectors_per_class", ONNX_ATTRIBUTE(INTS), &per_class) ||
		onnx_floats(onnx, node, "prob_a", &svm.n_prob_a, &svm.prob_a) ||
		onnx_floats(onnx, node, "prob_b", &svm.n_prob_b, &svm.prob_b) || svm_read(&svm))
		return onnx_refused(onnx);
	svm.n_per_class = per_class ? per_class->n_ints : 0;
	svm.per_class = per_class ? per_class->ints : NULL;
	if (check_classes(&svm) != 0)
		return onnx_refused(onnx);
	scores = emit_scores(&svm, post, &decisions);
	if (scores == GRAPH_NONE)
		return onnx_refused(onnx);
	if (onnx_output_label(onnx, node, "classlabels_ints",
		    onnx_wants_label(onnx, node) ? svm_emit_class(&svm, decisions) : scores))
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 1, scores);
}

const struct onnx_operator ONNX_ML_SVM[] = {
	{ "SVMClassifier", 1, 1, .import = import_svm_classifier },
	{ "SVMRegressor", 1, 1, .import = import_svm_regressor },
	{ .type = NULL },
};
