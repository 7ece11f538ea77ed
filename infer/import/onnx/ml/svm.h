// SPDX-License-Identifier: BSD-3-Clause
// What SVMClassifier and SVMRegressor share; nobody else includes this.
#pragma once

#include "infer/import/onnx/ml/ml.h"

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

// 0 or a negative errno, or GRAPH_NONE, with the sentence made.
int svm_read(struct svm *svm);
int svm_check_vectors(const struct svm *svm);
uint32_t svm_constant(const struct svm *svm, int64_t d0, int64_t d1, void **data);
uint32_t svm_emit_decisions(const struct svm *svm, const float *weight, int64_t n);
uint32_t svm_emit_linear(const struct svm *svm, int64_t n);
uint32_t svm_emit_where(struct onnx *onnx, const struct onnx_node *node, uint32_t condition,
	uint32_t yes, uint32_t no);
uint32_t svm_emit_dense(const struct svm *svm, const uint32_t inputs[3]);
