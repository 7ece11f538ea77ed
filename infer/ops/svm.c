// SPDX-License-Identifier: BSD-3-Clause
// Support vector machines: kernels as ONNX's Operators-ml.md, SVMRegressor, names them.
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"

#include <inttypes.h>
#include <math.h>

// --- Shapes --------------------------------------------------------------------------------------

int shape_svm(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *vectors = shape_input(in, 1),
			    *weights = shape_input(in, 2);

	if (shape_need_f32(in) != 0 ||
		shape_need_int(in, ATTR_MODE, SVM_LINEAR, 0, SVM_KERNEL_COUNT - 1) != 0)
		return -EINVAL;
	for (uint32_t i = 1; i < 4; i++) {
		if (shape_need_constant(in, i) != 0)
			return -EINVAL;
	}
	if (x->rank != 2 || vectors->rank != 2 || x->dims[1] != vectors->dims[1])
		return shape_refuse_pair(in, 0, 1, "should be [M, C] and [V, C]");
	if (weights->rank != 2 || weights->dims[0] != vectors->dims[0])
		return shape_refuse_pair(in, 1, 2, "should be [V, C] and [V, N]");
	shape_copy(out, x);
	out->dims[1] = weights->dims[1];
	return shape_need_vector(in, 3, weights->dims[1]);
}

// --- Values --------------------------------------------------------------------------------------

static double svm_kernel_of(enum svm_kernel kind, const struct node *node, double sum)
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
static double svm_sum(enum svm_kernel kind, const float *row, const float *vector, int64_t columns)
{
	double sum = 0;

	for (int64_t c = 0; c < columns; c++) {
		const double apart = (double)row[c] - (double)vector[c];

		sum += kind == SVM_RBF ? apart * apart : (double)row[c] * (double)vector[c];
	}
	return sum;
}

// In double, since weights of several hundred cancel each other out.
static void svm_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const enum svm_kernel kind = (enum svm_kernel)node_int(plain->node, ATTR_MODE, SVM_LINEAR);
	const int64_t columns = plain->in[0].dims[1], vectors = plain->in[1].dims[0];
	const int64_t n = plain->out[0].dims[1];
	const float *row = x[0], *bias = x[3];
	double *sums = scratch;
	float *made = y[0];

	for (int64_t m = 0; m < plain->in[0].dims[0]; m++, row += columns, made += n) {
		const float *vector = x[1], *weights = x[2];

		for (int64_t o = 0; o < n; o++)
			sums[o] = (double)bias[o];
		for (int64_t v = 0; v < vectors; v++, vector += columns, weights += n) {
			const double value = svm_kernel_of(
				kind, plain->node, svm_sum(kind, row, vector, columns));

			for (int64_t o = 0; o < n; o++)
				sums[o] += value * (double)weights[o];
		}
		for (int64_t o = 0; o < n; o++)
			made[o] = (float)sums[o];
	}
}

static size_t svm_scratch(const struct plain *plain)
{
	return (size_t)plain->out[0].dims[1] * sizeof(double);
}

static uint64_t svm_work(const struct plain *plain)
{
	const uint64_t each = (uint64_t)(plain->in[1].dims[1] + plain->out[0].dims[1]);

	// 16: exp or pow beside the sums
	return (uint64_t)plain->in[0].dims[0] * (uint64_t)plain->in[1].dims[0] * (each + 16);
}

// --- Pairwise coupling ----------------------------------------------------------------------------
//
// PairwiseCoupling: probabilities p of k classes from r[i][j], that of i where it is i or j. Wu,
// Lin and Weng, "Probability estimates for multi-class classification by pairwise coupling", 2004,
// algorithm 2, with libsvm's stop: at most max(100, k) rounds, until p is within 0.005 / k.

#define COUPLED_MAX 256 // classes: the work grows with their cube

int shape_pairwise_coupling(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0);
	int64_t k = 2;

	if (shape_need_f32(in) != 0)
		return -EINVAL;
	if (x->rank != 2 || x->dims[0] != 1)
		return shape_refuse(
			in, "the input is %s, should be one row", tensor_shape_text(x).text);
	while (k < COUPLED_MAX && k * (k - 1) / 2 < x->dims[1])
		k++;
	if (k * (k - 1) / 2 != x->dims[1])
		return shape_refuse(in, "%" PRId64 " values are not the pairs of 2 to %d classes",
			x->dims[1], COUPLED_MAX);
	shape_copy(out, x);
	out->dims[1] = k;
	return 0;
}

static uint32_t coupling_classes(const struct plain *plain)
{
	return (uint32_t)plain->out[0].dims[1];
}

static size_t coupling_scratch(const struct plain *plain)
{
	const size_t k = coupling_classes(plain);

	return (k * k + 2 * k) * sizeof(double);
}

static uint64_t coupling_work(const struct plain *plain)
{
	const uint64_t k = coupling_classes(plain);

	return (k > 100 ? k : 100) * 4 * k * k;
}

// q [k][k]: the quadratic form that p minimises.
static void coupling_form(const float *r, uint32_t k, double *q)
{
	uint32_t pair = 0;

	for (uint32_t t = 0; t < k; t++)
		q[(size_t)t * k + t] = 0;
	for (uint32_t i = 0; i < k; i++) {
		for (uint32_t j = i + 1; j < k; j++, pair++) {
			const double ij = (double)r[pair], ji = 1 - ij;

			q[(size_t)i * k + i] += ji * ji;
			q[(size_t)j * k + j] += ij * ij;
			q[(size_t)i * k + j] = q[(size_t)j * k + i] = -ij * ji;
		}
	}
}

// Computes Qp and pQp; returns how far p is from the solution.
static double coupling_residual(
	const double *q, uint32_t k, const double *p, double *qp, double *pqp)
{
	double most = 0;

	*pqp = 0;
	for (uint32_t t = 0; t < k; t++) {
		qp[t] = 0;
		for (uint32_t j = 0; j < k; j++)
			qp[t] += q[(size_t)t * k + j] * p[j];
		*pqp += p[t] * qp[t];
	}
	for (uint32_t t = 0; t < k; t++)
		most = fmax(most, fabs(qp[t] - *pqp));
	return most;
}

static void coupling_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	const uint32_t k = coupling_classes(plain), rounds = k > 100 ? k : 100;
	double *q = scratch, *qp = q + (size_t)k * k, *p = qp + k, pqp;
	float *out = y[0];

	coupling_form(x[0], k, q);
	for (uint32_t t = 0; t < k; t++)
		p[t] = 1.0 / k;
	for (uint32_t round = 0;
		round < rounds && !(coupling_residual(q, k, p, qp, &pqp) < 0.005 / k); round++) {
		for (uint32_t t = 0; t < k; t++) {
			const double at = q[(size_t)t * k + t], step = (pqp - qp[t]) / at;

			p[t] += step;
			pqp = (pqp + step * (step * at + 2 * qp[t])) / (1 + step) / (1 + step);
			for (uint32_t j = 0; j < k; j++) {
				qp[j] = (qp[j] + step * q[(size_t)t * k + j]) / (1 + step);
				p[j] /= 1 + step;
			}
		}
	}
	for (uint32_t t = 0; t < k; t++)
		out[t] = (float)p[t];
}

const struct plain_op plain_svm = {
	.run = svm_plain, .scratch_bytes = svm_scratch, .work = svm_work
};
const struct plain_op plain_coupling = {
	.run = coupling_plain, .scratch_bytes = coupling_scratch, .work = coupling_work
};
