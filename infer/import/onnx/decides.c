// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/decides.h"
#include "infer/import/deciding.h"
#include "infer/import/onnx/marks.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/values.h"
#include "infer/ops/values.h"

#include <string.h>

#define DECIDES_VALUES_MAX (1 << 20) // of one operand: masks have many

static_assert(GRAPH_RANK_MAX == 8, "struct deciding_operand has as many dimensions");

// By name, of whatever domain.
static const struct decides {
	const char *type;
	enum deciding_kind kind;
} DECIDES[] = {
	{ "Less", DECIDING_LESS },
	{ "GreaterOrEqual", DECIDING_LESS },
	{ "Greater", DECIDING_GREATER },
	{ "LessOrEqual", DECIDING_GREATER },
	{ "Equal", DECIDING_EQUAL },
	{ "Min", DECIDING_ORDER },
	{ "Max", DECIDING_ORDER },
	{ "Clip", DECIDING_ORDER },
	{ "Sign", DECIDING_SIGN },
	{ "Abs", DECIDING_SIGN },
	{ "Relu", DECIDING_SIGN },
	{ "LeakyRelu", DECIDING_SIGN },
	{ "PRelu", DECIDING_SIGN },
	{ "Elu", DECIDING_SIGN },
	{ "Selu", DECIDING_SIGN },
	{ "Celu", DECIDING_SIGN },
	{ "NonZero", DECIDING_SIGN },
	{ "ReduceL1", DECIDING_SIGN },
	{ "Div", DECIDING_QUOTIENT },
	{ "Mod", DECIDING_QUOTIENT },
	{ "Floor", DECIDING_WHOLE },
	{ "Ceil", DECIDING_WHOLE },
	{ "Round", DECIDING_WHOLE },
	{ "Cast", DECIDING_WHOLE },
	{ "CastLike", DECIDING_WHOLE },
	{ "Reshape", DECIDING_SHAPE },
	{ "Slice", DECIDING_BOUNDS },
	{ "Range", DECIDING_COUNT },
	{ "Gather", DECIDING_PLACE },
	{ "GatherElements", DECIDING_PLACE },
	{ "GatherND", DECIDING_PLACE },
	{ "Mul", DECIDING_PRODUCT },
	{ "ReduceProd", DECIDING_FACTORS },
	{ "Pow", DECIDING_ANY },
	{ "IsInf", DECIDING_ANY },
	{ "IsNaN", DECIDING_ANY },
	{ "Trilu", DECIDING_ANY },
	{ "ReduceMax", DECIDING_ANY },
	{ "ReduceMin", DECIDING_ANY },
	{ "ArgMax", DECIDING_ANY },
	{ "ArgMin", DECIDING_ANY },
	{ "TopK", DECIDING_ANY },
	{ "Unique", DECIDING_ANY },
	{ "OneHot", DECIDING_ANY },
	{ "BitShift", DECIDING_ANY },
	{ "BitwiseAnd", DECIDING_ANY },
	{ "BitwiseOr", DECIDING_ANY },
	{ "BitwiseXor", DECIDING_ANY },
	{ "BitwiseNot", DECIDING_ANY },
	{ "HardSigmoid", DECIDING_ANY },
	{ "HardSwish", DECIDING_ANY },
	{ "Hardmax", DECIDING_ANY },
	{ "Shrink", DECIDING_ANY },
	{ "ThresholdedRelu", DECIDING_ANY },
	{ "Binarizer", DECIDING_ANY },
	{ "LabelEncoder", DECIDING_ANY },
	{ "QuantizeLinear", DECIDING_ANY },
	{ "TreeEnsemble", DECIDING_ANY },
	{ "TreeEnsembleClassifier", DECIDING_ANY },
	{ "TreeEnsembleRegressor", DECIDING_ANY },
};

static const struct decides *decides_find(const char *type)
{
	for (size_t i = 0; i < sizeof(DECIDES) / sizeof(*DECIDES); i++) {
		if (strcmp(type, DECIDES[i].type) == 0)
			return &DECIDES[i];
	}
	return NULL;
}

bool onnx_is_size(const struct onnx *onnx, uint32_t tensor)
{
	return onnx_marks_have(&onnx->sizes, tensor);
}

// Is one of its inputs from number `first` on?
static bool decides_on_sizes(const struct onnx *onnx, const struct onnx_node *node, uint32_t first)
{
	for (uint32_t i = first; i < node->n_inputs; i++) {
		if (node->inputs[i] != GRAPH_NONE && onnx_is_size(onnx, node->inputs[i]))
			return true;
	}
	return false;
}

// What a Cast makes of a number: true or false by its sign, a whole one by rounding, or the same.
static bool decides_as_cast(
	struct onnx *onnx, const struct onnx_node *node, enum deciding_kind *kind)
{
	const bool floats = dtype_is_float(onnx_input(onnx, node, 0)->dtype);
	int64_t to = 0;

	if (onnx_is_given(node, 1)) { // CastLike
		const enum dtype like = onnx_input(onnx, node, 1)->dtype;

		*kind = like == DTYPE_BOOL ? DECIDING_SIGN : DECIDING_WHOLE;
		return like == DTYPE_BOOL || (floats && !dtype_is_float(like));
	}
	for (size_t a = 0; a < node->proto->n_attribute; a++) {
		if (strcmp(onnx_text(node->proto->attribute[a]->name), "to") == 0)
			to = node->proto->attribute[a]->i;
	}
	if (to == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL) {
		*kind = DECIDING_SIGN;
		return true;
	}
	return floats && to != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
		to != ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE &&
		to != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 &&
		to != ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
}

// The first input that decides anything: shapes, bounds and places stand behind what they are of.
static uint32_t decides_from(enum deciding_kind kind)
{
	return kind == DECIDING_SHAPE || kind == DECIDING_BOUNDS || kind == DECIDING_PLACE ? 1 : 0;
}

static bool decides_so(struct onnx *onnx, const struct onnx_node *node, enum deciding_kind *kind)
{
	if (strcmp(node->type, "Cast") == 0 || strcmp(node->type, "CastLike") == 0)
		return decides_as_cast(onnx, node, kind);
	if (*kind == DECIDING_PRODUCT)
		return decides_on_sizes(onnx, node, 1) && onnx_is_given(node, 0) &&
			onnx_is_size(onnx, node->inputs[0]);
	if (strcmp(node->type, "Div") == 0)
		return !dtype_is_float(onnx_input(onnx, node, 0)->dtype);
	if (*kind == DECIDING_PLACE) // of computed values the proof by rows tells
		return onnx_is_given(node, 1) && onnx_input(onnx, node, 0)->data != NULL;
	return true;
}

static bool decides_copy(
	const struct tensor *tensor, struct arena *arena, struct deciding_operand *operand)
{
	double *values;

	operand->given = true;
	operand->known = tensor->data != NULL;
	operand->rank = tensor->rank;
	memcpy(operand->dims, tensor->dims, tensor->rank * sizeof(*tensor->dims));
	if (!operand->known)
		return true;
	operand->count = (size_t)tensor_elements(tensor);
	if (operand->count > DECIDES_VALUES_MAX)
		return false;
	operand->values = values = arena_calloc(arena, operand->count + 1, sizeof(*values));
	for (size_t i = 0; values && i < operand->count; i++)
		values[i] = value_number(tensor->dtype, tensor->data, i);
	return values != NULL;
}

// The dimensions that a Slice's bounds cut, in place of the values of its input.
static bool decides_cut(struct onnx *onnx, const struct onnx_node *node, struct arena *arena,
	struct deciding_operand *operand)
{
	const struct tensor *x = onnx_is_given(node, 0) ? onnx_input(onnx, node, 0) : NULL;
	const struct tensor *axes = onnx_is_given(node, 3) ? onnx_input(onnx, node, 3) : NULL;
	double *values;
	size_t n;

	if (!x)
		return true; // its importer refuses it
	n = axes ? (size_t)tensor_elements(axes) : x->rank;
	values = n <= GRAPH_RANK_MAX ? arena_calloc(arena, n + 1, sizeof(*values)) : NULL;
	*operand = (struct deciding_operand){
		.given = true, .known = true, .rank = 1, .dims = { (int64_t)n }, .count = n
	};
	operand->values = values;
	for (size_t i = 0; values && i < n; i++) {
		int64_t axis = (int64_t)i;

		if (axes)
			axis = axes->data ? (int64_t)value_integer(axes->dtype, axes->data, i) : -9;
		axis += axis < 0 ? (int64_t)x->rank : 0;
		if (axis < 0 || axis >= (int64_t)x->rank)
			return true; // its importer refuses it
		values[i] = (double)x->dims[axis];
	}
	return values != NULL;
}

void onnx_decides_before(struct onnx *onnx, const struct onnx_node *node)
{
	const struct decides *decides = decides_find(node->type);
	struct deciding_list *list = onnx->options->deciding;
	struct deciding *kept;
	enum deciding_kind kind;
	bool room;

	if (!list || !decides || list->full ||
		!decides_on_sizes(onnx, node, decides_from(decides->kind)))
		return;
	kind = decides->kind;
	if (!decides_so(onnx, node, &kind))
		return;
	kept = arena_calloc(list->arena, 1, sizeof(*kept));
	room = kept != NULL;
	if (kept) {
		kept->kind = kind;
		kept->name = arena_strdup(list->arena, node->name);
		kept->type = arena_strdup(list->arena, node->type);
		kept->output = arena_strdup(list->arena, onnx_text(node->proto->output[0]));
		room = kept->name && kept->type && kept->output;
		kept->n_operands =
			node->n_inputs < DECIDING_OPERANDS ? node->n_inputs : DECIDING_OPERANDS;
	}
	for (uint32_t i = 0; room && i < kept->n_operands; i++) {
		if (i == 0 && kind == DECIDING_BOUNDS)
			room = decides_cut(onnx, node, list->arena, &kept->operands[0]);
		else if (onnx_is_given(node, i))
			room = decides_copy(
				onnx_input(onnx, node, i), list->arena, &kept->operands[i]);
	}
	list->full = !room;
	if (!room)
		return;
	*(list->last ? &list->last->next : &list->first) = kept;
	list->last = kept;
	list->n++;
}

int onnx_mark_size(struct onnx *onnx, uint32_t tensor)
{
	return onnx_marks_add(onnx, &onnx->sizes, tensor, "sizes");
}

// Those that read sizes, and those whose bodies may.
static bool decides_gives_sizes(const char *type)
{
	static const char *const TYPES[] = { "Shape", "Size", "If", "Loop", "Scan" };

	for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++) {
		if (strcmp(type, TYPES[i]) == 0)
			return true;
	}
	return false;
}

int onnx_decides_after(struct onnx *onnx, const struct onnx_node *node)
{
	const bool sizes = decides_gives_sizes(node->type) || decides_on_sizes(onnx, node, 0);
	int rc = 0;

	for (size_t o = 0; sizes && o < node->proto->n_output && rc == 0; o++) {
		const struct onnx_value *value;

		if (!*node->proto->output[o])
			continue;
		value = onnx_value(onnx, node->proto->output[o]);
		if (!value)
			return onnx_refused(onnx);
		if (value->tensor != GRAPH_NONE && onnx->graph->tensors[value->tensor].data)
			rc = onnx_mark_size(onnx, value->tensor);
	}
	return rc;
}
