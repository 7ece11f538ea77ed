// SPDX-License-Identifier: BSD-3-Clause
// OneHotEncoder, LabelEncoder and CategoryMapper of ai.onnx.ml: a value is looked for in a list of
// numbers or of texts.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ml/columns.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/text_columns.h"
#include "infer/import/onnx/texts.h"
#include "infer/infer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct encoder_key {
	double real;
	int64_t whole;
	int64_t number;
};

// Ascending, NaN behind all numbers; of equal ones the first of the file is first.
static int compare_keys(const void *a, const void *b)
{
	const struct encoder_key *x = a, *y = b;

	if (isnan(x->real) != isnan(y->real))
		return isnan(x->real) ? 1 : -1;
	if (x->real != y->real && !isnan(x->real))
		return x->real > y->real ? 1 : -1;
	if (x->whole != y->whole)
		return x->whole > y->whole ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

// One list of n keys, whose numbers are their places in the file: those of equal keys the first's.
static void sort_keys(struct encoder_key *keys, enum dtype dtype, int64_t n, const void *from,
	void *to, int64_t *numbers)
{
	for (int64_t k = 0; k < n; k++)
		keys[k] = dtype == DTYPE_F32
			? (struct encoder_key){ .real = ((const float *)from)[k], .number = k }
			: (struct encoder_key){ .whole = ((const int64_t *)from)[k], .number = k };
	qsort(keys, (size_t)n, sizeof(*keys), compare_keys);
	for (int64_t k = 0; k < n; k++) {
		const struct encoder_key *before = &keys[k > 0 ? k - 1 : 0];
		const bool same = keys[k].whole == before->whole &&
			(keys[k].real == before->real ||
				(isnan(keys[k].real) && isnan(before->real)));

		if (dtype == DTYPE_F32)
			((float *)to)[k] = (float)keys[k].real;
		else
			((int64_t *)to)[k] = keys[k].whole;
		numbers[k] = k > 0 && same ? numbers[k - 1] : keys[k].number;
	}
}

// The number of the first of keys [n], or of keys [x's dims, n], that x is, and n where there is none:
// int64 of x's dims. NaN among keys finds NaN.
static uint32_t emit_find(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, uint32_t keys)
{
	const enum dtype dtype =
		dtype_is_float(onnx->graph->tensors[keys].dtype) ? DTYPE_F32 : DTYPE_I64;
	uint32_t inputs[3] = { onnx_as(onnx, node, x, dtype), onnx_as(onnx, node, keys, dtype) };
	struct encoder_key *sorted;
	struct tensor list;
	int64_t n, lists;
	void *data[2];

	if (inputs[0] == GRAPH_NONE || inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	list = onnx->graph->tensors[inputs[1]];
	n = list.dims[list.rank - 1];
	lists = n > 0 ? tensor_elements(&list) / n : 0;
	sorted = arena_calloc(onnx->scratch, (size_t)n + 1, sizeof(*sorted));
	if (!sorted) {
		onnx_refuse_memory(onnx, node);
		return GRAPH_NONE;
	}
	inputs[1] = onnx_made(onnx, node, dtype, list.rank, list.dims, &data[0]);
	inputs[2] = onnx_made(onnx, node, DTYPE_I64, list.rank, list.dims, &data[1]);
	if (inputs[1] == GRAPH_NONE || inputs[2] == GRAPH_NONE)
		return GRAPH_NONE;
	for (int64_t l = 0; l < lists; l++) {
		const size_t at = (size_t)(l * n), bytes = dtype_bytes(dtype);

		sort_keys(sorted, dtype, n, (const char *)list.data + at * bytes,
			(char *)data[0] + at * bytes, (int64_t *)data[1] + at);
	}
	return onnx_emit(onnx, node, OP_FIND, 3, inputs, 0, NULL);
}

// The input and the texts it is compared with as numbers: those of the row for columns of it, else
// those that the import gives texts.
static int text_sides(struct onnx *onnx, const struct onnx_node *node, bool takes_unknown,
	uint32_t *x, uint32_t *keys)
{
	*x = node->inputs[0];
	if (*keys == GRAPH_NONE)
		return onnx_refused(onnx);
	if (!onnx_has_text_columns(onnx, *x))
		return 0;
	*keys = onnx_text_keys(onnx, node, *x, *keys, takes_unknown);
	*x = *keys == GRAPH_NONE ? GRAPH_NONE : onnx_text_codes(onnx, node, *x);
	return *x == GRAPH_NONE ? onnx_refused(onnx) : 0;
}

static int compare_ints(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int refuse_twins(
	struct onnx *onnx, const struct onnx_node *node, const int64_t *values, size_t n)
{
	int64_t *sorted = arena_memdup(onnx->scratch, values, n * sizeof(*sorted));

	if (!sorted)
		return onnx_refuse_memory(onnx, node);
	qsort(sorted, n, sizeof(*sorted), compare_ints);
	for (size_t i = 1; i < n; i++) {
		if (sorted[i] != sorted[i - 1])
			continue;
		return onnx_is_text(onnx, node->inputs[0])
			? onnx_refuse(onnx, node, -EINVAL,
				  "attribute 'cats_strings' has '%.40s' twice",
				  onnx_text_at(onnx, sorted[i]))
			: onnx_refuse(onnx, node, -EINVAL,
				  "attribute 'cats_int64s' has %" PRId64 " twice", sorted[i]);
	}
	return 0;
}

// 1 at the number of the value's category, among `n` zeros: all of them where it has none.
static int output_one_hot(
	struct onnx *onnx, const struct onnx_node *node, uint32_t numbers, int64_t n)
{
	const struct attr attrs[2] = { ONNX_INT(ATTR_DEPTH, n), ONNX_INT(ATTR_AXIS, -1) };
	static const float OFF_AND_ON[2] = { 0, 1 };
	const uint32_t pair[2] = { numbers, onnx_float_columns(onnx, node, 2, OFF_AND_ON) };

	if (pair[0] == GRAPH_NONE || pair[1] == GRAPH_NONE)
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 0, onnx_emit(onnx, node, OP_ONE_HOT, 2, pair, 2, attrs));
}

static int import_one_hot_encoder(struct onnx *onnx, const struct onnx_node *node)
{
	const bool text = onnx_is_text(onnx, node->inputs[0]);
	const Onnx__AttributeProto *ints, *strings;
	uint32_t x = node->inputs[0], keys;
	int64_t zeros;
	size_t n;

	if (onnx_attr(onnx, node, "cats_int64s", ONNX_ATTRIBUTE(INTS), &ints) ||
		onnx_attr(onnx, node, "cats_strings", ONNX_ATTRIBUTE(STRINGS), &strings) ||
		onnx_int(onnx, node, "zeros", 1, &zeros))
		return onnx_refused(onnx);
	if (!text && strings && strings->n_strings != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"the input is numbers, and attribute 'cats_strings' is there");
	n = text ? (strings ? strings->n_strings : 0) : ints ? ints->n_ints : 0;
	if (n == 0 || n > MODEL_OUTPUTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL,
			"attribute '%s' has %zu values, should have 1 to %d",
			text ? "cats_strings" : "cats_int64s", n, MODEL_OUTPUTS_MAX);
	if (!zeros && !text)
		report_add(onnx->report,
			"OneHotEncoder '%.80s' wants unknown categories refused: they are all "
			"zeros",
			node->name);
	keys = text ? onnx_text_list(onnx, node, strings->strings, n)
		    : onnx_int_columns(onnx, node, ints, DTYPE_I64);
	if (keys == GRAPH_NONE || refuse_twins(onnx, node, onnx->graph->tensors[keys].data, n) != 0)
		return onnx_refused(onnx);
	if (text && text_sides(onnx, node, zeros != 0, &x, &keys) != 0)
		return onnx_refused(onnx);
	if (!text)
		x = onnx_as(onnx, node, x, DTYPE_I64);
	if (x == GRAPH_NONE)
		return onnx_refused(onnx);
	return output_one_hot(onnx, node, emit_find(onnx, node, x, keys), (int64_t)n);
}

// keys or values: whichever of the attributes <what>_int64s, _floats, _tensor, _strings is there, as
// [n].
static int label_list(
	struct onnx *onnx, const struct onnx_node *node, const char *what, uint32_t *made)
{
	static const char *const KINDS[] = { "int64s", "floats", "tensor", "strings" };
	static const int TYPES[] = { ONNX_ATTRIBUTE(INTS), ONNX_ATTRIBUTE(FLOATS),
		ONNX_ATTRIBUTE(TENSOR), ONNX_ATTRIBUTE(STRINGS) };
	const Onnx__AttributeProto *attr, *found = NULL;
	uint32_t kind = 0;
	char name[24];

	for (uint32_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s_%s", what, KINDS[i]);
		if (onnx_attr(onnx, node, name, TYPES[i], &attr))
			return onnx_refused(onnx);
		if (!attr ||
			(attr->n_ints == 0 && attr->n_floats == 0 && attr->n_strings == 0 &&
				!attr->t))
			continue;
		if (found)
			return onnx_refuse(onnx, node, -EINVAL, "%s are given as %s and as %s",
				what, KINDS[kind], KINDS[i]);
		found = attr;
		kind = i;
	}
	snprintf(name, sizeof(name), "%s_%s", what, KINDS[kind]);
	if (!found)
		return onnx_refuse(onnx, node, -EINVAL, "has no %s", what);
	if (kind == 2 && onnx_tensor_or_text(onnx, found->t, name, "attribute", made) != 0)
		return error_prefix(onnx->err, "node '%.80s'", node->name);
	if (kind == 0)
		*made = onnx_int_columns(onnx, node, found, DTYPE_I64);
	else if (kind == 1)
		*made = onnx_float_columns(onnx, node, found->n_floats, found->floats);
	else if (kind == 3)
		*made = onnx_text_list(onnx, node, found->strings, found->n_strings);
	if (*made == GRAPH_NONE)
		return onnx_refused(onnx);
	if (onnx->graph->tensors[*made].rank != 1)
		return onnx_refuse(onnx, node, -EINVAL, "attribute '%s' is %s, should be a list",
			name, tensor_shape_text(&onnx->graph->tensors[*made]).text);
	return 0;
}

// One text, as a constant of no dimensions.
static uint32_t text_scalar(
	struct onnx *onnx, const struct onnx_node *node, const ProtobufCBinaryData *text)
{
	uint32_t made = onnx_text_list(onnx, node, text, 1);

	if (made != GRAPH_NONE)
		made = onnx_reshaped(onnx, made, node->name, 0, NULL);
	return made == GRAPH_NONE || onnx_mark_text(onnx, made) != 0 ? GRAPH_NONE : made;
}

// What is given for a value that is no key: -1, -0.0, or "_Unused", where the file does not say.
// *said: does it?
static uint32_t label_default(
	struct onnx *onnx, const struct onnx_node *node, uint32_t values, bool *said)
{
	static const ProtobufCBinaryData UNUSED = { 7, (uint8_t *)(uintptr_t) "_Unused" };
	const enum dtype dtype = onnx->graph->tensors[values].dtype;
	const Onnx__AttributeProto *tensor, *whole, *real, *text;
	const bool texts = onnx_is_text(onnx, values);
	uint32_t made;

	if (onnx_attr(onnx, node, "default_int64", ONNX_ATTRIBUTE(INT), &whole) ||
		onnx_attr(onnx, node, "default_float", ONNX_ATTRIBUTE(FLOAT), &real) ||
		onnx_attr(onnx, node, "default_string", ONNX_ATTRIBUTE(STRING), &text) ||
		onnx_attr(onnx, node, "default_tensor", ONNX_ATTRIBUTE(TENSOR), &tensor))
		return GRAPH_NONE;
	*said = tensor || (texts ? !!text : dtype_is_float(dtype) ? !!real : !!whole);
	if (!tensor || !tensor->t) {
		if (texts)
			return text_scalar(onnx, node, text ? &text->s : &UNUSED);
		return dtype_is_float(dtype)
			? onnx_scalar(onnx, node, real ? real->f : -0.0f)
			: onnx_int_scalar(onnx, node, whole ? whole->i : -1, dtype);
	}
	if (onnx_tensor_or_text(onnx, tensor->t, "default_tensor", "attribute", &made) != 0) {
		error_prefix(onnx->err, "node '%.80s'", node->name);
		return GRAPH_NONE;
	}
	if (onnx_is_text(onnx, made) != texts) {
		onnx_refuse(onnx, node, -EINVAL, "default_tensor is %s, the values are not",
			texts ? "no text" : "text");
		return GRAPH_NONE;
	}
	if (tensor_elements(&onnx->graph->tensors[made]) != 1) {
		onnx_refuse(onnx, node, -EINVAL,
			"attribute 'default_tensor' is %s, should be one value",
			tensor_shape_text(&onnx->graph->tensors[made]).text);
		return GRAPH_NONE;
	}
	made = onnx_reshaped(onnx, made, node->name, 0, NULL);
	return made == GRAPH_NONE ? made : onnx_as(onnx, node, made, dtype);
}

// values[numbers], and `otherwise` where there is none of that number.
static uint32_t emit_lookup(struct onnx *onnx, const struct onnx_node *node, uint32_t numbers,
	uint32_t values, uint32_t otherwise)
{
	const struct attr axis = ONNX_INT(ATTR_AXIS, 0);
	const int64_t n = tensor_elements(&onnx->graph->tensors[values]);
	const uint32_t from[2] = { values, numbers };
	uint32_t value, found;

	if (numbers == GRAPH_NONE)
		return GRAPH_NONE;
	value = onnx_emit(onnx, node, OP_GATHER, 2, from, 1, &axis);
	found = onnx_emit_pair(
		onnx, node, OP_LESS, numbers, onnx_int_scalar(onnx, node, n, DTYPE_I64));
	return onnx_emit_where(onnx, node, found, value, otherwise);
}

// The value of the input's key, and `otherwise` where it is none of keys.
static int output_lookup(struct onnx *onnx, const struct onnx_node *node, uint32_t keys,
	uint32_t values, uint32_t otherwise, bool takes_unknown)
{
	const bool text = onnx_is_text(onnx, keys);
	const int64_t n = tensor_elements(&onnx->graph->tensors[keys]);
	uint32_t x = node->inputs[0], made;

	if (n == 0 || n != tensor_elements(&onnx->graph->tensors[values]))
		return onnx_refuse(onnx, node, -EINVAL,
			"%" PRId64 " keys and %" PRId64
			" values, should be one of each at least, and as many",
			n, tensor_elements(&onnx->graph->tensors[values]));
	if (text != onnx_is_text(onnx, x))
		return onnx_refuse(onnx, node, -EINVAL, "the input is %s, the keys are %s",
			text ? "numbers" : "text", text ? "text" : "numbers");
	if (!text &&
		dtype_is_float(onnx->graph->tensors[keys].dtype) !=
			dtype_is_float(onnx->graph->tensors[x].dtype))
		return onnx_refuse(onnx, node, -EINVAL, "the input is %s, the keys are %s",
			dtype_name(onnx->graph->tensors[x].dtype),
			dtype_name(onnx->graph->tensors[keys].dtype));
	if (text && text_sides(onnx, node, takes_unknown, &x, &keys) != 0)
		return onnx_refused(onnx);
	x = onnx_as(onnx, node, x, onnx->graph->tensors[keys].dtype);
	if (x == GRAPH_NONE)
		return onnx_refused(onnx);
	made = emit_lookup(onnx, node, emit_find(onnx, node, x, keys), values, otherwise);
	if (made != GRAPH_NONE && onnx_is_text(onnx, values) && onnx_mark_text(onnx, made) != 0)
		return onnx_refused(onnx);
	return onnx_output(onnx, node, 0, made);
}

// 0, 1, ... n - 1: the numbers of classes.
static uint32_t numbers_from_0(struct onnx *onnx, const struct onnx_node *node, size_t n)
{
	const int64_t dims[1] = { (int64_t)n };
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_I64, 1, dims, &data);

	for (int64_t i = 0; made != GRAPH_NONE && i < dims[0]; i++)
		((int64_t *)data)[i] = i;
	return made;
}

// Before opset 2 of ai.onnx.ml, and CategoryMapper: texts to numbers, or numbers to texts, whichever
// the input is.
static int output_either_way(
	struct onnx *onnx, const struct onnx_node *node, uint32_t texts, uint32_t numbers)
{
	const bool text = onnx_is_text(onnx, node->inputs[0]);
	const uint32_t values = text ? numbers : texts;
	uint32_t otherwise;
	bool said;

	if (texts == GRAPH_NONE || numbers == GRAPH_NONE)
		return onnx_refused(onnx);
	otherwise = label_default(onnx, node, values, &said);
	if (otherwise == GRAPH_NONE)
		return onnx_refused(onnx);
	return output_lookup(onnx, node, text ? texts : numbers, values, otherwise, said);
}

static int import_label_encoder(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *classes;
	uint32_t keys = 0, values = 0, otherwise;
	bool said;
	int rc;

	if (onnx_attr(onnx, node, "classes_strings", ONNX_ATTRIBUTE(STRINGS), &classes))
		return onnx_refused(onnx);
	if (classes)
		return output_either_way(onnx, node,
			onnx_text_list(onnx, node, classes->strings, classes->n_strings),
			numbers_from_0(onnx, node, classes->n_strings));
	rc = label_list(onnx, node, "keys", &keys);
	if (rc == 0)
		rc = label_list(onnx, node, "values", &values);
	if (rc != 0)
		return rc;
	otherwise = label_default(onnx, node, values, &said);
	if (otherwise == GRAPH_NONE)
		return onnx_refused(onnx);
	return output_lookup(onnx, node, keys, values, otherwise, said);
}

static int import_category_mapper(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *strings, *ints;

	if (onnx_attr(onnx, node, "cats_strings", ONNX_ATTRIBUTE(STRINGS), &strings) ||
		onnx_attr(onnx, node, "cats_int64s", ONNX_ATTRIBUTE(INTS), &ints))
		return onnx_refused(onnx);
	if (!strings || !ints)
		return onnx_refuse(
			onnx, node, -EINVAL, "has no %s", strings ? "cats_int64s" : "cats_strings");
	return output_either_way(onnx, node,
		onnx_text_list(onnx, node, strings->strings, strings->n_strings),
		onnx_int_columns(onnx, node, ints, DTYPE_I64));
}

const struct onnx_operator ONNX_ML_ENCODERS[] = {
	{ "OneHotEncoder", 1, 1, .import = import_one_hot_encoder },
	{ "LabelEncoder", 1, 1, .import = import_label_encoder },
	{ "CategoryMapper", 1, 1, .import = import_category_mapper },
	{ .type = NULL },
};
