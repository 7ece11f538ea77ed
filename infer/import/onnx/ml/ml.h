// SPDX-License-Identifier: BSD-3-Clause
// What the importers of ai.onnx.ml share; nobody else includes this.
#pragma once

#include "infer/import/onnx/onnx.h"

enum post_transform {
	POST_NONE,
	POST_SOFTMAX,
	POST_LOGISTIC,
	POST_SOFTMAX_ZERO,
	POST_PROBIT,
	POST_COUNT,
};

// The numbers of an attribute; *count 0 and *values NULL: not there.
int onnx_floats(struct onnx *onnx, const struct onnx_node *node, const char *name, size_t *count,
	const float **values);
int onnx_read_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform *post);
// What the transform makes of scores [1, n]; GRAPH_NONE: refused.
uint32_t onnx_emit_post_transform(
	struct onnx *onnx, const struct onnx_node *node, enum post_transform post, uint32_t scores);
// A batch of rows [1, C] as float32, whatever the input's rank and dtype. GRAPH_NONE: refused.
uint32_t onnx_as_row(struct onnx *onnx, const struct onnx_node *node, int64_t *columns);
// Class labels of the file become the image's, unless a node before gave some.
int onnx_keep_labels(struct onnx *onnx, const struct onnx_node *node, const char *strings_name,
	const char *ints_name, size_t *count);
// The node's output 0 is the class of the highest score [1, n], the first of equal ones: where
// labels are wanted its whole number in `ints_name`, or where classes are text its index; or else
// dropped.
int onnx_output_label(
	struct onnx *onnx, const struct onnx_node *node, const char *ints_name, uint32_t scores);

// onnx_ml_features.c, onnx_ml_encoders.c
int onnx_import_binarizer(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_imputer(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_one_hot_encoder(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_label_encoder(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_array_feature_extractor(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_feature_vectorizer(struct onnx *onnx, const struct onnx_node *node);
// onnx_svm.c, onnx_svm_classifier.c
int onnx_import_svm_classifier(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_svm_regressor(struct onnx *onnx, const struct onnx_node *node);

// onnx_trees.c, onnx_tree_classifier.c
int onnx_import_tree_regressor(struct onnx *onnx, const struct onnx_node *node);
int onnx_import_tree_classifier(struct onnx *onnx, const struct onnx_node *node);
// onnx_tree_ensemble.c: ai.onnx.ml 5
int onnx_import_tree_ensemble(struct onnx *onnx, const struct onnx_node *node);

// onnx_tree_tests.c: what both forms of ensembles share.
enum tree_mode {
	MODE_LEQ,
	MODE_LT,
	MODE_GTE,
	MODE_GT,
	MODE_EQ,
	MODE_NEQ,
	MODE_MEMBER,
	MODE_COUNT,
};
struct forest_node;
// The test "x MODE threshold", exactly for a float32 x, where `missing_true` says that NaN takes
// the true branch; node->yes and node->no are the true and false branch when it is called.
void onnx_tree_test(
	struct forest_node *node, enum tree_mode mode, double threshold, bool missing_true);
// Scores [1, targets] of a forest: aggregated, with base values ([targets], or NULL for none).
struct forest;
uint32_t onnx_emit_forest(struct onnx *onnx, const struct onnx_node *node, struct forest *forest,
	uint32_t n_targets, const char *aggregate, const double *base, uint32_t x);
// Numbers of an attribute: FLOATS, or a TENSOR of floats or doubles. *values NULL: not there.
int onnx_attr_doubles(struct onnx *onnx, const struct onnx_node *node, const char *name,
	const char *tensor_name, size_t *count, const double **values);
