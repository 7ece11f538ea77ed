// SPDX-License-Identifier: BSD-3-Clause
// Support vector machines: kernels as ONNX's Operators-ml.md, SVMRegressor, names them.
#include "infer/ops/plain.h"

#include <math.h>

static double kernel_of(enum svm_kernel kind, const struct node *node, double sum)
{
	const double gamma = node_float(node, ATTR_GAMMA, 0),
		     coef0 = node_float(node, ATTR_BETA, 0);

	switch (kind) {
	case SVM_POLY:
		return pow(gamma * sum + coef0, node_float(node, ATTR_ALPHA, 0));
	case SVM_RBF:
		return exp(-gamma * sum);
	case SVM_SIGMOID:
		return tanh(gamma * sum + coef0);
	default:
		return sum;
	}
}

// `sum` is the product of row and vector, or for RBF the square of their distance.
static double sum_of(enum svm_kernel kind, const float *row, const float *vector, int64_t columns)
{
	double sum = 0;

	for (int64_t c = 0; c < columns; c++) {
		const double apart = (double)row[c] - (double)vector[c];

		sum += kind == SVM_RBF ? apart * apart : (double)row[c] * (double)vector[c];
	}
	return sum;
}

// Weights of some hundreds cancel each other, hence doubles.
void general_svm(const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const enum svm_kernel kind =
		(enum svm_kernel)node_int(general->node, ATTR_MODE, SVM_LINEAR);
	const int64_t columns = general->in[0].dims[1], vectors = general->in[1].dims[0];
	const int64_t n = general->out[0].dims[1];
	const float *row = x[0], *bias = x[3];
	double *sums = scratch;
	float *made = y[0];

	for (int64_t m = 0; m < general->in[0].dims[0]; m++, row += columns, made += n) {
		const float *vector = x[1], *weights = x[2];

		for (int64_t o = 0; o < n; o++)
			sums[o] = (double)bias[o];
		for (int64_t v = 0; v < vectors; v++, vector += columns, weights += n) {
			const double value =
				kernel_of(kind, general->node, sum_of(kind, row, vector, columns));

			for (int64_t o = 0; o < n; o++)
				sums[o] += value * (double)weights[o];
		}
		for (int64_t o = 0; o < n; o++)
			made[o] = (float)sums[o];
	}
}

size_t general_svm_scratch(const struct general *general)
{
	return (size_t)general->out[0].dims[1] * sizeof(double);
}

uint64_t general_svm_work(const struct general *general)
{
	const uint64_t each = (uint64_t)(general->in[1].dims[1] + general->out[0].dims[1]);

	// 16: exp or pow beside the sums
	return (uint64_t)general->in[0].dims[0] * (uint64_t)general->in[1].dims[0] * (each + 16);
}
