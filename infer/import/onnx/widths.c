// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/widths.h"
#include "infer/import/onnx/values.h"

#include <string.h>

#define STEPS_MAX      64                  // values that are followed from an input
#define WIDTH_WORK_MAX ((uint64_t)1 << 24) // nodes that are looked at for all inputs

// A value made of the input in which the dimension stands as it was.
struct width_value {
	const char *name;
	uint32_t rank, axis;
};

struct width_search {
	struct onnx *onnx;
	struct width_value values[STEPS_MAX];
	size_t n_values;
	int64_t exact, least; // 0: not found
};

static const Onnx__AttributeProto *width_attr(const Onnx__NodeProto *node, const char *name)
{
	for (size_t a = 0; a < node->n_attribute; a++) {
		if (strcmp(onnx_text(node->attribute[a]->name), name) == 0)
			return node->attribute[a];
	}
	return NULL;
}

static int64_t width_int(const Onnx__NodeProto *node, const char *name, int64_t otherwise)
{
	const Onnx__AttributeProto *attr = width_attr(node, name);

	return attr ? attr->i : otherwise;
}

static int64_t width_n_floats(const Onnx__NodeProto *node, const char *name)
{
	const Onnx__AttributeProto *attr = width_attr(node, name);

	return attr ? (int64_t)attr->n_floats : 0;
}

// The node's k-th input as an initialiser; NULL: it is none.
static const struct tensor *width_weights(struct onnx *onnx, const Onnx__NodeProto *node, size_t k)
{
	uint32_t t;

	if (k >= node->n_input || !onnx_value_exists(onnx, node->input[k]))
		return NULL;
	t = onnx_value(onnx, node->input[k])->tensor;
	return t != GRAPH_NONE && onnx->graph->tensors[t].data ? &onnx->graph->tensors[t] : NULL;
}

static int64_t width_dim(const struct tensor *w, int64_t d)
{
	return w && d >= 0 && d < w->rank ? w->dims[d] : 0;
}

// Attributes of a list whose values are columns: the last one's number and 1.
static int64_t width_past(const Onnx__AttributeProto *list)
{
	int64_t most = 0;

	for (size_t i = 0; list && i < list->n_ints; i++)
		most = list->ints[i] >= most && list->ints[i] < MODEL_FEATURES_MAX
			? list->ints[i] + 1
			: most;
	return most;
}

static int64_t width_past_constant(const struct tensor *list)
{
	int64_t most = 0;

	for (int64_t i = 0; list && list->dtype == DTYPE_I64 && i < tensor_elements(list); i++) {
		const int64_t at = ((const int64_t *)list->data)[i];

		most = at >= most && at < MODEL_FEATURES_MAX ? at + 1 : most;
	}
	return most;
}

// Coefficients in rows, one for each of `rows`.
static int64_t width_per_row(int64_t values, int64_t rows)
{
	return rows > 0 && values % rows == 0 ? values / rows : 0;
}

static int64_t width_n_labels(const Onnx__NodeProto *node)
{
	const Onnx__AttributeProto *ints = width_attr(node, "classlabels_ints");
	const Onnx__AttributeProto *texts = width_attr(node, "classlabels_strings");

	return ints && ints->n_ints ? (int64_t)ints->n_ints : texts ? (int64_t)texts->n_strings : 1;
}

static int64_t width_of_svm(const Onnx__NodeProto *node)
{
	const Onnx__AttributeProto *per_class = width_attr(node, "vectors_per_class");
	int64_t n = width_int(node, "n_supports", 0);

	for (size_t i = 0; per_class && i < per_class->n_ints; i++)
		n += per_class->ints[i] >= 0 && per_class->ints[i] < GRAPH_ELEMENTS_MAX
			? per_class->ints[i]
			: 0;
	if (n > 0)
		return width_per_row(width_n_floats(node, "support_vectors"), n);
	return width_per_row(width_n_floats(node, "coefficients"), width_n_labels(node));
}

// A row of ai.onnx.ml: its last dimension.
static void width_of_ml(struct width_search *s, const Onnx__NodeProto *node)
{
	const char *type = onnx_text(node->op_type);
	const int64_t values = width_n_floats(node, "coefficients");
	int64_t rows = width_n_floats(node, "intercepts");

	if (strcmp(type, "LinearClassifier") == 0) {
		s->exact = width_per_row(values, rows ? rows : width_n_labels(node));
	} else if (strcmp(type, "LinearRegressor") == 0) {
		s->exact = width_per_row(values, width_int(node, "targets", 1));
	} else if (strncmp(type, "SVM", 3) == 0) {
		s->exact = width_of_svm(node);
	} else if (strncmp(type, "TreeEnsemble", 12) == 0) {
		s->least = width_past(width_attr(node, "nodes_featureids"));
	} else if (strcmp(type, "Scaler") == 0) {
		rows = width_n_floats(node, "scale");
		rows = rows > 1 ? rows : width_n_floats(node, "offset");
		s->exact = rows > 1 ? rows : 0;
	} else if (strcmp(type, "Imputer") == 0) {
		rows = width_n_floats(node, "imputed_value_floats");
		s->exact = rows > 1 ? rows : 0;
	} else if (strcmp(type, "ArrayFeatureExtractor") == 0) {
		s->least = width_past_constant(width_weights(s->onnx, node, 1));
	}
}

// Weights that are as wide as the dimension; where the operator takes input `k` of the node.
static void width_of_weights(
	struct width_search *s, const Onnx__NodeProto *node, size_t k, const struct width_value *at)
{
	const char *type = onnx_text(node->op_type);
	const bool last = at->axis + 1 == at->rank;
	const struct tensor *w = width_weights(s->onnx, node, k == 0 ? 1 : 0);

	if (strcmp(type, "Gemm") == 0 && k == 0 && last)
		s->exact = width_dim(w, width_int(node, "transB", 0) ? 1 : 0);
	else if (strncmp(type, "MatMul", 6) == 0 && k == 0 && last && w)
		s->exact = width_dim(w, w->rank == 1 ? 0 : (int64_t)w->rank - 2);
	else if (strcmp(type, "QLinearMatMul") == 0 && k == 0 && last)
		s->exact = width_dim(width_weights(s->onnx, node, 3), 0);
	else if ((strcmp(type, "LSTM") == 0 || strcmp(type, "GRU") == 0 ||
			 strcmp(type, "RNN") == 0) &&
		k == 0 && last)
		s->exact = width_dim(w, 2);
	else if (strcmp(type, "Conv") == 0 && k == 0 && at->axis == 1)
		s->exact = width_dim(w, 1) * width_int(node, "group", 1);
	else if (strcmp(type, "BatchNormalization") == 0 && at->axis == 1)
		s->exact = width_dim(w, 0);
	else if (strcmp(type, "LayerNormalization") == 0 && last && w)
		s->exact = width_dim(w, (int64_t)w->rank - 1);
	else if (strcmp(type, "Gather") == 0 && k == 0 &&
		width_int(node, "axis", 0) == (int64_t)at->axis)
		s->least = width_past_constant(w);
	else if ((strcmp(type, "Add") == 0 || strcmp(type, "Sub") == 0 ||
			 strcmp(type, "Mul") == 0 || strcmp(type, "Div") == 0) &&
		w && last && width_dim(w, (int64_t)w->rank - 1) > 1)
		s->exact = width_dim(w, (int64_t)w->rank - 1);
}

// Does the dimension stand in the node's output as in its input? Where it stands is told anew.
static bool width_passes(
	const Onnx__NodeProto *node, const struct width_value *at, struct width_value *on)
{
	static const char *const SAME[] = { "Cast", "Identity", "Relu", "Sigmoid", "Tanh", "Abs",
		"Log", "Exp", "Sqrt", "Clip", "Neg", "Dropout", "Softmax", "Add", "Sub", "Mul",
		"Div", "Pow", "Scaler", "Imputer", "Normalizer", "Binarizer", "IsNaN", "Where",
		"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "BatchNormalization",
		"LayerNormalization" };
	const char *type = onnx_text(node->op_type);
	const Onnx__AttributeProto *perm = width_attr(node, "perm");

	*on = *at;
	on->name = node->n_output > 0 ? onnx_text(node->output[0]) : "";
	for (size_t i = 0; i < sizeof(SAME) / sizeof(*SAME); i++) {
		if (strcmp(type, SAME[i]) == 0)
			return true;
	}
	if (strcmp(type, "Flatten") == 0)
		return at->rank == 2 && at->axis == 1 && width_int(node, "axis", 1) == 1;
	if (strcmp(type, "Transpose") != 0 || !perm || perm->n_ints != at->rank)
		return false;
	for (on->axis = 0; on->axis < at->rank; on->axis++) {
		if (perm->ints[on->axis] == (int64_t)at->axis)
			return true;
	}
	return false;
}

static void width_read_node(struct width_search *s, const Onnx__NodeProto *node, size_t at)
{
	const bool ml = strcmp(onnx_text(node->domain), "ai.onnx.ml") == 0;

	for (size_t k = 0; k < node->n_input && s->exact == 0; k++) {
		const struct width_value value = s->values[at];
		const int64_t least = s->least;

		if (strcmp(node->input[k], value.name) != 0)
			continue;
		if (ml && value.axis + 1 == value.rank)
			width_of_ml(s, node);
		else if (!ml)
			width_of_weights(s, node, k, &value);
		s->least = s->least > least ? s->least : least;
		if (s->n_values < STEPS_MAX &&
			width_passes(node, &value, &s->values[s->n_values]) &&
			*s->values[s->n_values].name)
			s->n_values++;
	}
}

int64_t onnx_width(struct onnx *onnx, const char *input, uint32_t rank, uint32_t axis)
{
	struct width_search s = {
		.onnx = onnx, .values = { { input, rank, axis } }, .n_values = 1
	};

	if ((uint64_t)onnx->n_inputs * onnx->proto->n_node > WIDTH_WORK_MAX)
		return 0;
	for (size_t v = 0; v < s.n_values && s.exact == 0; v++) {
		for (size_t n = 0; n < onnx->proto->n_node && s.exact == 0; n++)
			width_read_node(&s, onnx->proto->node[n], v);
	}
	if (s.exact == 0 && s.least > 0)
		report_add(onnx->report,
			"input '%.80s': the file leaves its width open; %lld columns are used, so "
			"that many are taken (--features says otherwise)",
			input, (long long)s.least);
	else if (s.exact > 0)
		report_add(onnx->report, "input '%.80s': its open dimension %u is %lld, by weights",
			input, axis, (long long)s.exact);
	return s.exact > 0 ? s.exact : s.least;
}
