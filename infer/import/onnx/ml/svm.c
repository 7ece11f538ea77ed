// SPDX-License-Identifier: BSD-3-Clause
// SVMRegressor of ai.onnx.ml, and what SVMClassifier has of it, as ONNX Runtime computes them: a
// kernel's values of row and support vectors, weighed by a Dense; without support vectors the
// weights are the row's.
#include "infer/import/onnx/ml/svm.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define LINEAR_SUMS_MAX ((int64_t)1 << 30) // multiply-adds at import

static int read_kernel(struct svm *svm)
{
	static const char *const NAMES[] = { "LINEAR", "POLY", "RBF", "SIGMOID" };
	const float *params;
	const char *name;
	size_t count;

	if (onnx_string(svm->onnx, svm->node, "kernel_type", "LINEAR", &name) ||
		onnx_floats(svm->onnx, svm->node, "kernel_params", &count, &params))
		return -EINVAL;
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

int svm_read(struct svm *svm)
{
	if (read_kernel(svm) ||
		onnx_floats(
			svm->onnx, svm->node, "support_vectors", &svm->n_values, &svm->vectors) ||
		onnx_floats(svm->onnx, svm->node, "coefficients", &svm->n_coefficients,
			&svm->coefficients) ||
		onnx_floats(svm->onnx, svm->node, "rho", &svm->n_rho, &svm->rho))
		return -EINVAL;
	svm->x = onnx_as_row(svm->onnx, svm->node, &svm->columns);
	if (svm->x == GRAPH_NONE)
		return -EINVAL;
	if (svm->n_coefficients == 0 || svm->n_rho == 0)
		return REFUSE(svm, "has no %s", svm->n_rho ? "coefficients" : "rho");
	return 0;
}

int svm_check_vectors(const struct svm *svm)
{
	if (svm->n_values / (uint64_t)svm->n_vectors != (uint64_t)svm->columns ||
		svm->n_values % (uint64_t)svm->n_vectors != 0)
		return REFUSE(svm,
			"support_vectors has %zu values, should have %" PRId64 " of %" PRId64
			" columns",
			svm->n_values, svm->n_vectors, svm->columns);
	return 0;
}

uint32_t svm_constant(const struct svm *svm, int64_t d0, int64_t d1, void **data)
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

uint32_t svm_emit_dense(const struct svm *svm, const uint32_t inputs[3])
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
uint32_t svm_emit_decisions(const struct svm *svm, const float *weight, int64_t n)
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
uint32_t svm_emit_linear(const struct svm *svm, int64_t n)
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

uint32_t svm_emit_where(struct onnx *onnx, const struct onnx_node *node, uint32_t condition,
	uint32_t yes, uint32_t no)
{
	const uint32_t inputs[3] = { condition, yes, no };

	if (condition == GRAPH_NONE || yes == GRAPH_NONE || no == GRAPH_NONE)
		return GRAPH_NONE;
	return onnx_emit(onnx, node, OP_WHERE, 3, inputs, 0, NULL);
}

int onnx_import_svm_regressor(struct onnx *onnx, const struct onnx_node *node)
{
	struct svm svm = { .onnx = onnx, .node = node };
	enum post_transform post;
	int64_t one_class;
	uint32_t made;

	if (onnx_int(onnx, node, "n_supports", 0, &svm.n_vectors) ||
		onnx_int(onnx, node, "one_class", 0, &one_class) ||
		onnx_read_post_transform(onnx, node, &post) || svm_read(&svm))
		return -EINVAL;
	if (svm.n_vectors < 0 || (svm.n_vectors > 0 && svm_check_vectors(&svm) != 0))
		return svm.n_vectors < 0
			? REFUSE(&svm, "n_supports is %" PRId64 ", should be at least 0",
				  svm.n_vectors)
			: -EINVAL;
	if (svm.n_vectors > 0 && svm.n_coefficients != (uint64_t)svm.n_vectors)
		return REFUSE(&svm, "%zu coefficients for %" PRId64 " support vectors",
			svm.n_coefficients, svm.n_vectors);
	made = svm.n_vectors ? svm_emit_decisions(&svm, svm.coefficients, 1)
			     : svm_emit_linear(&svm, 1);
	if (made != GRAPH_NONE && one_class)
		made = svm_emit_where(onnx, node,
			onnx_emit_pair(onnx, node, OP_GREATER, made, onnx_scalar(onnx, node, 0)),
			onnx_scalar(onnx, node, 1), onnx_scalar(onnx, node, -1));
	if (post != POST_NONE)
		report_add(onnx->report,
			"SVMRegressor '%.80s': post_transform has no effect, as in ONNX Runtime",
			node->name);
	return onnx_output(onnx, node, 0, made);
}
