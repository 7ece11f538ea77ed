// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/tree_files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

struct tree_file tree_file;

void tree_file_sound(void)
{
	static const int64_t first[3] = { 0, 1, 2 };

	memset(tree_file.zeros, 0, sizeof(tree_file.zeros));
	memset(tree_file.yes, 0, sizeof(tree_file.yes));
	memset(tree_file.no, 0, sizeof(tree_file.no));
	memset(tree_file.features, 0, sizeof(tree_file.features));
	memset(tree_file.targets, 0, sizeof(tree_file.targets));
	memcpy(tree_file.ids, first, sizeof(first));
	tree_file.yes[0] = 1;
	tree_file.no[0] = 2;
	for (int i = 0; i < 3; i++)
		tree_file.modes[i] = (ProtobufCBinaryData){ 4, (uint8_t *)file_name("LEAF") };
	tree_file.modes[0] = (ProtobufCBinaryData){ 10, (uint8_t *)file_name("BRANCH_LEQ") };
	tree_file.thresholds[0] = 0.5f;
	tree_file.weights[0] = -1;
	tree_file.weights[1] = 2;
	tree_file.labels[0] = 7;
	tree_file.labels[1] = 9;
	tree_file.n_modes = 3;
	tree_file.n_base = 0;
	tree_file.post = "NONE";
}

void tree_file_text(Onnx__NodeProto *node, const char *name, const char *value)
{
	Onnx__AttributeProto *attr = file_attr(node, name, TYPE(STRING));

	attr->has_s = 1;
	attr->s.data = (uint8_t *)file_name(value);
	attr->s.len = strlen(value);
}

void tree_file_int(Onnx__NodeProto *node, const char *name, int64_t value)
{
	Onnx__AttributeProto *attr = file_attr(node, name, TYPE(INT));

	attr->has_i = 1;
	attr->i = value;
}

Onnx__NodeProto *tree_file_operator(const char *type, const char *first, const char *second)
{
	Onnx__NodeProto *node;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	node = file_node(type, "x", NULL, first, second);
	node->name = file_name("n");
	node->domain = file_name("ai.onnx.ml");
	if (second)
		file_output(first);
	file_output(second ? second : first);
	return node;
}

// x[0] <= 0.5: leaf 1, else leaf 2, with the weights -1 and 2.
static void nodes(Onnx__NodeProto *node, const char *prefix)
{
	static const char *const PARTS[] = { "treeids", "nodeids", "ids" };
	static char names[4][24];
	Onnx__AttributeProto *attr;
	int64_t *const lists[] = { tree_file.zeros, tree_file.ids + 1, tree_file.targets };

	file_ints(node, "nodes_treeids", tree_file.zeros, 3);
	file_ints(node, "nodes_nodeids", tree_file.ids, 3);
	file_ints(node, "nodes_featureids", tree_file.features, 3);
	file_ints(node, "nodes_truenodeids", tree_file.yes, 3);
	file_ints(node, "nodes_falsenodeids", tree_file.no, 3);
	file_floats(node, "nodes_values", tree_file.thresholds, 3);
	attr = file_attr(node, "nodes_modes", TYPE(STRINGS));
	attr->strings = tree_file.modes;
	attr->n_strings = tree_file.n_modes;
	for (int i = 0; i < 3; i++) {
		snprintf(names[i], sizeof(names[i]), "%s%s", prefix, PARTS[i]);
		file_ints(node, names[i], lists[i], 2);
	}
	snprintf(names[3], sizeof(names[3]), "%sweights", prefix);
	file_floats(node, names[3], tree_file.weights, 2);
	if (tree_file.n_base)
		file_floats(node, "base_values", tree_file.base, tree_file.n_base);
	tree_file_text(node, "post_transform", tree_file.post);
}

void tree_file_regressor(void)
{
	nodes(tree_file_operator("TreeEnsembleRegressor", "y", NULL), "target_");
}

void tree_file_classifier(size_t n_labels)
{
	Onnx__NodeProto *node = tree_file_operator("TreeEnsembleClassifier", "label", "y");

	nodes(node, "class_");
	file_ints(node, "classlabels_int64s", tree_file.labels, n_labels);
}

// --- TreeEnsemble of opset 5 --------------------------------------------------------------------

static Onnx__TensorProto tensors[4];
static int64_t tensor_dims[4];

static void tensor_attr(Onnx__NodeProto *node, const char *name, int at, int type, size_t n,
	void *data, size_t width)
{
	Onnx__TensorProto *t = &tensors[at];

	onnx__tensor_proto__init(t);
	tensor_dims[at] = (int64_t)n;
	t->dims = &tensor_dims[at];
	t->n_dims = 1;
	t->has_data_type = 1;
	t->data_type = type;
	t->has_raw_data = 1;
	t->raw_data = (ProtobufCBinaryData){ n * width, data };
	file_attr(node, name, TYPE(TENSOR))->t = t;
}

// One branch: x[0] is a member: leaf 1 (2), else leaf 0 (-1).
Onnx__NodeProto *tree_file_ensemble(size_t n_members)
{
	Onnx__NodeProto *node = tree_file_operator("TreeEnsemble", "y", NULL);

	file.opsets[1].version = 5;
	tree_file.leaf_flags[0] = 1;
	tree_file.splits[0] = 0;
	tree_file.leaf_weights[0] = -1;
	tree_file.leaf_weights[1] = 2;
	file_ints(node, "tree_roots", tree_file.roots, 1);
	file_ints(node, "nodes_featureids", tree_file.features, 1);
	file_ints(node, "nodes_truenodeids", tree_file.yes, 1);
	file_ints(node, "nodes_falsenodeids", tree_file.no, 1);
	file_ints(node, "nodes_trueleafs", tree_file.leaf_flags, 1);
	file_ints(node, "nodes_falseleafs", tree_file.leaf_flags, 1);
	file_ints(node, "leaf_targetids", tree_file.zeros, 2);
	tree_file_int(node, "n_targets", 1);
	tensor_attr(node, "nodes_modes", 0, ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, 1,
		tree_file.mode_bytes, 1);
	tensor_attr(node, "nodes_splits", 1, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, 1,
		tree_file.splits, 8);
	tensor_attr(node, "leaf_weights", 2, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, 2,
		tree_file.leaf_weights, 8);
	if (n_members)
		tensor_attr(node, "membership_values", 3, ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
			n_members, tree_file.members, 8);
	return node;
}

void tree_file_sound_ensemble(void)
{
	tree_file_sound();
	tree_file.mode_bytes[0] = 6; // BRANCH_MEMBER
	tree_file.roots[0] = 0;
	tree_file.yes[0] = 1;
	tree_file.no[0] = 0;
	tree_file.members[0] = 3;
	tree_file.members[1] = 1;
	tree_file.members[2] = (double)NAN;
}
