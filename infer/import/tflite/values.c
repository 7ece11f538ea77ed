// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/tflite/values.h"

#include "infer/graph/text.h"
#include "infer/import/tflite/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ELEMENT(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

static const int64_t TO_NCHW[4] = { 0, 3, 1, 2 }, TO_NHWC[4] = { 0, 2, 3, 1 };

// --- Tensors --------------------------------------------------------------------------------------

static const struct tflite_tensor *values_tensor(
	const struct tflite *t, const struct flatbuffer_vector *ports, uint32_t i)
{
	const int64_t number = i < ports->n ? flatbuffer_list_int(ports, i, 4) : TFLITE_NONE;

	return number < 0 ? NULL : &t->file.tensors[number];
}

const struct tflite_tensor *tflite_input(
	const struct tflite *t, const struct tflite_node *node, uint32_t i)
{
	return values_tensor(t, &node->op->inputs, i);
}

const struct tflite_tensor *tflite_output(
	const struct tflite *t, const struct tflite_node *node, uint32_t i)
{
	return values_tensor(t, &node->op->outputs, i);
}

uint32_t tflite_inputs_given(const struct tflite_node *node)
{
	uint32_t n = node->op->inputs.n;

	while (n > 0 && flatbuffer_list_int(&node->op->inputs, n - 1, 4) < 0)
		n--;
	return n;
}

bool tflite_is_rounded(const struct tflite_tensor *tensor)
{
	return tensor->n_scales == 1 &&
		(tensor->type == TFLITE_INT8 || tensor->type == TFLITE_UINT8);
}

bool tflite_is_alike(const struct tflite_tensor *a, const struct tflite_tensor *b)
{
	return tflite_is_rounded(a) && tflite_is_rounded(b) && a->type == b->type &&
		a->scales[0] == b->scales[0] && a->zeros[0] == b->zeros[0];
}

bool tflite_element(const struct tflite_tensor *tensor, Onnx__TensorProto__DataType *type)
{
	static const struct {
		int64_t from;
		Onnx__TensorProto__DataType to;
	} ELEMENTS[] = {
		{ TFLITE_FLOAT32, ELEMENT(FLOAT) },
		{ TFLITE_FLOAT16, ELEMENT(FLOAT16) },
		{ TFLITE_FLOAT64, ELEMENT(DOUBLE) },
		{ TFLITE_INT8, ELEMENT(INT8) },
		{ TFLITE_UINT8, ELEMENT(UINT8) },
		{ TFLITE_INT16, ELEMENT(INT16) },
		{ TFLITE_INT32, ELEMENT(INT32) },
		{ TFLITE_INT64, ELEMENT(INT64) },
		{ TFLITE_BOOL, ELEMENT(BOOL) },
	};

	for (size_t i = 0; i < sizeof(ELEMENTS) / sizeof(*ELEMENTS); i++) {
		if (ELEMENTS[i].from == tensor->type) {
			*type = ELEMENTS[i].to;
			return true;
		}
	}
	return false;
}

static struct tflite_value *values_of(const struct tflite *t, const struct tflite_tensor *tensor)
{
	return &t->values[tensor - t->file.tensors];
}

// --- Quantisation ---------------------------------------------------------------------------------

static const char *values_no_memory(struct tflite *t)
{
	error_set(t->err, -ENOMEM, "out of memory");
	return NULL;
}

// Scales, and zero points in the type that is kept. A scalar, or a list.
static bool values_parameters(struct tflite *t, const struct tflite_tensor *tensor,
	Onnx__TensorProto__DataType type, const char *names[2])
{
	const int64_t n = tensor->n_scales;
	const size_t rank = n > 1;
	uint8_t *bytes;

	names[0] = tflite_constant(
		t, ELEMENT(FLOAT), rank, &n, tensor->scales, (size_t)n * sizeof(float));
	if (type == ELEMENT(INT32)) {
		int32_t *wide = arena_calloc(t->arena, (size_t)n, sizeof(*wide));

		for (int64_t i = 0; wide && i < n; i++)
			wide[i] = (int32_t)tensor->zeros[i];
		names[1] = wide
			? tflite_constant(t, type, rank, &n, wide, (size_t)n * sizeof(*wide))
			: values_no_memory(t);
		return names[0] && names[1];
	}
	bytes = arena_calloc(t->arena, (size_t)n, 1);
	for (int64_t i = 0; bytes && i < n; i++)
		bytes[i] = (uint8_t)tensor->zeros[i];
	names[1] =
		bytes ? tflite_constant(t, type, rank, &n, bytes, (size_t)n) : values_no_memory(t);
	return names[0] && names[1];
}

static int64_t values_axis(const struct tflite_tensor *tensor, enum tflite_layout layout)
{
	static const int64_t AXES[4] = { 0, 2, 3, 1 };

	return layout == TFLITE_NCHW ? AXES[tensor->axis] : tensor->axis;
}

// Of whole numbers that ONNX has no DequantizeLinear of; where there are several scales, a list.
static const char *values_scaled(
	struct tflite *t, const struct tflite_tensor *tensor, const char *bytes)
{
	const struct tflite_attr to = TFLITE_INT("to", ELEMENT(FLOAT));
	const int64_t n = tensor->n_scales;
	const char *made = tflite_write(t, "Cast", 1, &bytes, 1, &to);

	made = tflite_pair(t, "Sub", made, tflite_scalar(t, (float)tensor->zeros[0]));
	return tflite_pair(t, "Mul", made,
		tflite_constant(t, ELEMENT(FLOAT), n > 1, &n, tensor->scales,
			(size_t)n * sizeof(*tensor->scales)));
}

const char *tflite_dequantised(
	struct tflite *t, const struct tflite_tensor *tensor, const char *bytes, int64_t along)
{
	const char *inputs[3] = { bytes };
	const struct tflite_attr axis = TFLITE_INT("axis", along);
	Onnx__TensorProto__DataType type = ELEMENT(FLOAT);

	tflite_element(tensor, &type);
	if (type == ELEMENT(INT16) || type == ELEMENT(INT64))
		return values_scaled(t, tensor, bytes);
	if (!bytes || !values_parameters(t, tensor, type, inputs + 1))
		return NULL;
	return tflite_write(t, "DequantizeLinear", 3, inputs, 1, &axis);
}

static const char *values_quantised(
	struct tflite *t, const struct tflite_tensor *tensor, const char *real)
{
	const char *inputs[3] = { real };

	if (!real ||
		!values_parameters(t, tensor,
			tensor->type == TFLITE_INT8 ? ELEMENT(INT8) : ELEMENT(UINT8), inputs + 1))
		return NULL;
	return tflite_write(t, "QuantizeLinear", 3, inputs, 0, NULL);
}

// Whole numbers of a scale, however they are kept.
bool tflite_has_scale(const struct tflite_tensor *tensor)
{
	return tensor->n_scales > 0 &&
		(tensor->type == TFLITE_INT8 || tensor->type == TFLITE_UINT8 ||
			tensor->type == TFLITE_INT32 || tensor->type == TFLITE_INT16 ||
			tensor->type == TFLITE_INT64);
}

// --- Layouts --------------------------------------------------------------------------------------

// An image of one place, or of one channel, is the same values in either order.
static const char *values_moved(
	struct tflite *t, const struct tflite_tensor *tensor, const char *x, enum tflite_layout to)
{
	const int64_t *perm = to == TFLITE_NCHW ? TO_NCHW : TO_NHWC;
	const int64_t *dims = tensor->dims;
	const bool open = tensor->open[1] || tensor->open[2] || tensor->open[3];
	int64_t shape[4] = { 0, dims[1], dims[2], dims[3] };

	if (open || (dims[1] * dims[2] != 1 && dims[3] != 1))
		return tflite_transposed(t, x, 4, perm);
	for (size_t d = 1; to == TFLITE_NCHW && d < 4; d++)
		shape[d] = dims[TO_NCHW[d]];
	return tflite_pair(t, "Reshape", x, tflite_ints(t, 4, shape));
}

static const char *values_constant(
	struct tflite *t, const struct tflite_node *node, const struct tflite_tensor *tensor)
{
	Onnx__TensorProto__DataType type;

	if (!tflite_element(tensor, &type)) {
		tflite_refuse(t, node, -ENOTSUP, "constant '%.80s' is %s, which is not supported",
			tensor->name, tflite_type_name(tensor->type));
		return NULL;
	}
	if (tensor->n_scales > 1 && tensor->rank > 1 &&
		(tensor->type == TFLITE_INT16 || tensor->type == TFLITE_INT64)) {
		tflite_refuse(t, node, -ENOTSUP,
			"constant '%.80s' is %s with a scale for each channel, which is not "
			"supported",
			tensor->name, tflite_type_name(tensor->type));
		return NULL;
	}
	return tflite_constant(t, type, tensor->rank, tensor->dims, tensor->data, tensor->bytes);
}

// What is there of it, or is made of what is there: the bytes, then the real numbers, in the layout asked
// for.
static const char *values_make(struct tflite *t, const struct tflite_node *node,
	const struct tflite_tensor *tensor, enum tflite_form form, enum tflite_layout layout)
{
	struct tflite_value *value = values_of(t, tensor);
	const char **name = &value->names[form][layout];
	const enum tflite_layout other = layout == TFLITE_NHWC ? TFLITE_NCHW : TFLITE_NHWC;
	const char *made = *name;

	if (made)
		return made;
	if (form == TFLITE_BYTES && value->names[form][other])
		made = values_moved(t, tensor, value->names[form][other], layout);
	else if (form == TFLITE_REAL &&
		(value->names[TFLITE_BYTES][0] || value->names[TFLITE_BYTES][1]))
		made = tflite_dequantised(t, tensor,
			values_make(t, node, tensor, TFLITE_BYTES, layout),
			values_axis(tensor, layout));
	else if (form == TFLITE_REAL && value->names[form][other])
		made = values_moved(t, tensor, value->names[form][other], layout);
	else
		tflite_refuse(t, node, -EINVAL, "bytes of '%.80s' are asked for, which has none",
			tensor->name);
	*name = made;
	return made;
}

const char *tflite_get(struct tflite *t, const struct tflite_node *node, uint32_t i,
	enum tflite_form form, enum tflite_layout layout)
{
	const struct tflite_tensor *tensor = tflite_input(t, node, i);
	struct tflite_value *value;

	if (!tensor) {
		tflite_refuse(t, node, -EINVAL, "input %" PRIu32 " is missing", i);
		return NULL;
	}
	value = values_of(t, tensor);
	if (!value->defined && tensor->data) {
		const enum tflite_form kept = tflite_has_scale(tensor) ? TFLITE_BYTES : TFLITE_REAL;

		value->names[kept][TFLITE_NHWC] = values_constant(t, node, tensor);
		if (!value->names[kept][TFLITE_NHWC])
			return NULL;
		value->defined = true;
	}
	if (!value->defined) {
		tflite_refuse(t, node, -EINVAL,
			"input %" PRIu32
			" ('%.80s') is no constant, and no operator before "
			"computes it",
			i, tensor->name);
		return NULL;
	}
	if (layout == TFLITE_NCHW && tensor->rank != 4) {
		tflite_refuse(t, node, -EINVAL,
			"input %" PRIu32 " has %" PRIu32 " dimensions, should have 4", i,
			tensor->rank);
		return NULL;
	}
	return values_make(t, node, tensor, form, layout);
}

const char *tflite_real(struct tflite *t, const struct tflite_node *node, uint32_t i)
{
	return tflite_get(t, node, i, TFLITE_REAL, TFLITE_NHWC);
}

enum tflite_layout tflite_home(const struct tflite *t, const struct tflite_node *node, uint32_t i)
{
	const struct tflite_tensor *tensor = tflite_input(t, node, i);

	return tensor ? values_of(t, tensor)->home : TFLITE_NHWC;
}

int tflite_get_ints(struct tflite *t, const struct tflite_node *node, uint32_t i, size_t most,
	int64_t *values, size_t *n)
{
	const struct tflite_tensor *tensor = tflite_input(t, node, i);
	const unsigned bytes = tensor && tensor->type == TFLITE_INT64 ? 8 : 4;
	struct flatbuffer_vector list = { .buffer = &t->file.buffer };

	if (!tensor || !tensor->data)
		return tflite_refuse(t, node, tensor ? -ENOTSUP : -EINVAL,
			"input %" PRIu32 " should be a constant", i);
	if ((tensor->type != TFLITE_INT32 && tensor->type != TFLITE_INT64) ||
		tensor->bytes / bytes > most)
		return tflite_refuse(t, node, -EINVAL,
			"input %" PRIu32 " ('%.80s') should be at most %zu whole numbers", i,
			tensor->name, most);
	list.at = (size_t)(tensor->data - t->file.buffer.bytes);
	*n = tensor->bytes / bytes;
	for (size_t k = 0; k < *n; k++)
		values[k] = flatbuffer_list_int(&list, (uint32_t)k, bytes);
	return 0;
}

// --- Results --------------------------------------------------------------------------------------

int tflite_give_form(struct tflite *t, const struct tflite_node *node, uint32_t k, const char *name,
	enum tflite_form form, enum tflite_layout layout)
{
	const struct tflite_tensor *tensor = tflite_output(t, node, k);
	struct tflite_value *value;

	if (!name)
		return t->err->code;
	if (!tensor)
		return tflite_refuse(t, node, -EINVAL, "output %" PRIu32 " is missing", k);
	value = values_of(t, tensor);
	if (value->defined || tensor->data)
		return tflite_refuse(t, node, -EINVAL,
			"output %" PRIu32 " ('%.80s') is a constant, or is computed twice", k,
			tensor->name);
	if (layout == TFLITE_NCHW && tensor->rank != 4)
		return tflite_refuse(t, node, -EINVAL,
			"output %" PRIu32 " has %" PRIu32 " dimensions, should have 4", k,
			tensor->rank);
	value->defined = true;
	value->home = layout;
	value->names[form][layout] = name;
	return 0;
}

int tflite_give(struct tflite *t, const struct tflite_node *node, uint32_t k, const char *real,
	enum tflite_layout layout)
{
	const struct tflite_tensor *tensor = tflite_output(t, node, k);

	if (real && tensor && tflite_is_rounded(tensor))
		return tflite_give_form(
			t, node, k, values_quantised(t, tensor, real), TFLITE_BYTES, layout);
	if (tensor && tensor->type == TFLITE_INT16 && tensor->n_scales > 0)
		t->wide = true;
	return tflite_give_form(t, node, k, real, TFLITE_REAL, layout);
}

const char *tflite_activated(
	struct tflite *t, const struct tflite_node *node, int64_t activation, const char *x)
{
	const char *inputs[3] = { x };

	switch (activation) {
	case 0:
		return x;
	case 1:
		return tflite_one(t, "Relu", x);
	case 2: // to -1 and 1
	case 3: // to 0 and 6
		inputs[1] = tflite_scalar(t, activation == 2 ? -1 : 0);
		inputs[2] = tflite_scalar(t, activation == 2 ? 1 : 6);
		return tflite_write(t, "Clip", 3, inputs, 0, NULL);
	case 4:
		return tflite_one(t, "Tanh", x);
	default:
		tflite_refuse(t, node, -ENOTSUP,
			"fused activation %" PRId64
			" is not supported: RELU, RELU_N1_TO_1, RELU6 and TANH are",
			activation);
		return NULL;
	}
}

// --- The model's inputs and outputs ---------------------------------------------------------------

static int values_describe(struct tflite *t, const char *name, const struct tflite_tensor *tensor,
	Onnx__TensorProto__DataType type, Onnx__ValueInfoProto **made)
{
	Onnx__ValueInfoProto *info = arena_calloc(t->arena, 1, sizeof(*info));
	Onnx__TypeProto *holder = arena_calloc(t->arena, 1, sizeof(*holder));
	Onnx__TypeProto__Tensor *kind = arena_calloc(t->arena, 1, sizeof(*kind));
	Onnx__TensorShapeProto *shape = arena_calloc(t->arena, 1, sizeof(*shape));
	static char batch[] = "batch";

	if (!info || !holder || !kind || !shape)
		return error_set(t->err, -ENOMEM, "out of memory");
	onnx__value_info_proto__init(info);
	onnx__type_proto__init(holder);
	onnx__type_proto__tensor__init(kind);
	onnx__tensor_shape_proto__init(shape);
	info->name = (char *)(uintptr_t)name;
	info->type = holder;
	holder->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	holder->tensor_type = kind;
	kind->has_elem_type = 1;
	kind->elem_type = type;
	kind->shape = shape;
	shape->n_dim = tensor->rank;
	shape->dim = arena_calloc(t->arena, tensor->rank + 1, sizeof(*shape->dim));
	for (uint32_t d = 0; shape->dim && d < tensor->rank; d++) {
		Onnx__TensorShapeProto__Dimension *dim = arena_calloc(t->arena, 1, sizeof(*dim));

		if (!dim)
			return error_set(t->err, -ENOMEM, "out of memory");
		onnx__tensor_shape_proto__dimension__init(dim);
		if (!tensor->open[d]) {
			dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
			dim->dim_value = tensor->dims[d];
		} else if (d == 0) {
			dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
			dim->dim_param = batch;
		}
		shape->dim[d] = dim;
	}
	*made = info;
	return shape->dim ? 0 : error_set(t->err, -ENOMEM, "out of memory");
}

// The tensor's name in the file, where no other port has it and it is none of ours.
static const char *values_port_name(
	struct tflite *t, const char *name, Onnx__ValueInfoProto *const *others, size_t n)
{
	const char *own = *name && *name != '#' ? name : NULL;
	char made[460];

	for (size_t i = 0; i < t->graph.n_input && own; i++)
		own = strcmp(t->graph.input[i]->name, own) == 0 ? NULL : own;
	for (size_t i = 0; i < n && own; i++)
		own = strcmp(others[i]->name, own) == 0 ? NULL : own;
	if (own)
		return own;
	snprintf(made, sizeof(made), "port%" PRIu32 " %.400s", t->n_names++, name);
	own = arena_strdup(t->arena, made);
	return own ? own : values_no_memory(t);
}

// A quantised input takes real numbers, and is rounded to its bytes.
static int values_begin_input(struct tflite *t, const struct tflite_tensor *tensor)
{
	struct tflite_value *value = values_of(t, tensor);
	Onnx__TensorProto__DataType type;
	const char *name = values_port_name(t, tensor->name, NULL, 0);

	if (!name)
		return t->err->code;
	if (tensor->data || value->defined)
		return error_set(t->err, -EINVAL, "input '%.80s' is a constant, or there twice",
			tensor->name);
	if (!tflite_element(tensor, &type))
		return error_set(t->err, -ENOTSUP, "input '%.80s' is %s, which is not supported",
			tensor->name, tflite_type_name(tensor->type));
	if (tflite_has_scale(tensor))
		type = ELEMENT(FLOAT);
	if (values_describe(t, name, tensor, type, &t->graph.input[t->graph.n_input]))
		return t->err->code;
	t->graph.n_input++;
	value->defined = true;
	if (tflite_is_rounded(tensor))
		value->names[TFLITE_BYTES][TFLITE_NHWC] = values_quantised(t, tensor, name);
	else
		value->names[TFLITE_REAL][TFLITE_NHWC] = name;
	return tflite_is_rounded(tensor) && !value->names[TFLITE_BYTES][TFLITE_NHWC] ? t->err->code
										     : 0;
}

int tflite_begin(struct tflite *t)
{
	const struct flatbuffer_vector *inputs = &t->file.inputs;

	onnx__graph_proto__init(&t->graph);
	t->at_name = "input";
	t->values = arena_calloc(t->arena, (size_t)t->file.n_tensors + 1, sizeof(*t->values));
	t->graph.input = arena_calloc(t->arena, (size_t)inputs->n + 1, sizeof(*t->graph.input));
	if (!t->values || !t->graph.input)
		return error_set(t->err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < inputs->n; i++) {
		if (values_begin_input(t, values_tensor(t, inputs, i)))
			return t->err->code;
	}
	return 0;
}

// The output's values under its name, as real numbers.
int tflite_end(struct tflite *t)
{
	const struct flatbuffer_vector *outputs = &t->file.outputs;
	const struct tflite_operator copy = { .inputs = *outputs };
	const struct tflite_node node = {
		.index = t->file.n_operators, .type = "output", .op = &copy
	};

	t->at_name = "output";
	t->graph.output = arena_calloc(t->arena, (size_t)outputs->n + 1, sizeof(*t->graph.output));
	if (!t->graph.output)
		return error_set(t->err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < outputs->n; i++) {
		const struct tflite_tensor *tensor = values_tensor(t, outputs, i);
		const char *real = tflite_real(t, &node, i), *name;
		const size_t n = t->graph.n_output;

		name = real ? values_port_name(t, tensor->name, t->graph.output, n) : NULL;
		if (!name || tflite_write_outputs(t, "Identity", 1, &real, 0, NULL, 1, &name) ||
			values_describe(t, name, tensor, ELEMENT(FLOAT), &t->graph.output[n]))
			return t->err->code;
		t->graph.n_output++;
	}
	return 0;
}
