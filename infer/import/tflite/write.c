// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/tflite/write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tflite_refuse(
	struct tflite *t, const struct tflite_node *node, int code, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set(
		t->err, code, "operator %" PRIu32 " (%.40s): %s", node->index, node->type, text);
}

static void *write_no_memory(struct tflite *t)
{
	error_set(t->err, -ENOMEM, "out of memory");
	return NULL;
}

// Room for one more pointer in a list that grows by doubling; the old one stays in the arena.
static bool write_room(struct tflite *t, void ***list, size_t n, size_t *room)
{
	const size_t more = *room ? 2 * *room : 64;
	void **grown;

	if (n < *room)
		return true;
	grown = arena_calloc(t->arena, more, sizeof(*grown));
	if (!grown)
		return write_no_memory(t) != NULL;
	if (n > 0)
		memcpy(grown, *list, n * sizeof(*grown));
	*list = grown;
	*room = more;
	return true;
}

const char *tflite_fresh(struct tflite *t)
{
	char name[24];
	const char *own;

	snprintf(name, sizeof(name), "#%" PRIu32, t->n_names++);
	own = arena_strdup(t->arena, name);
	return own ? own : write_no_memory(t);
}

static char *write_as_is(const char *text)
{
	return (char *)(uintptr_t)text; // protobuf-c has no const
}

static Onnx__AttributeProto *write_attr(struct tflite *t, const struct tflite_attr *from)
{
	Onnx__AttributeProto *attr = arena_calloc(t->arena, 1, sizeof(*attr));

	if (!attr)
		return write_no_memory(t);
	onnx__attribute_proto__init(attr);
	attr->name = write_as_is(from->name);
	attr->has_type = 1;
	attr->type = from->kind;
	attr->has_i = from->kind == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	attr->i = from->i;
	attr->has_f = from->kind == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
	attr->f = from->f;
	if (from->kind == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS) { // of one
		attr->strings = arena_calloc(t->arena, 1, sizeof(*attr->strings));
		if (!attr->strings)
			return write_no_memory(t);
		attr->n_strings = 1;
		attr->strings->data = (uint8_t *)write_as_is(from->s);
		attr->strings->len = strlen(from->s);
	} else if (from->s) {
		attr->has_s = 1;
		attr->s.data = (uint8_t *)write_as_is(from->s);
		attr->s.len = strlen(from->s);
	}
	if (from->n > 0) {
		attr->ints = arena_memdup(t->arena, from->ints, from->n * sizeof(*from->ints));
		attr->n_ints = from->n;
		if (!attr->ints)
			return write_no_memory(t);
	}
	return attr;
}

static int write_names(struct tflite *t, size_t n, const char *const *names, char ***to)
{
	*to = arena_calloc(t->arena, n + 1, sizeof(**to));
	for (size_t i = 0; *to && i < n; i++)
		(*to)[i] = write_as_is(names[i]);
	if (!*to)
		write_no_memory(t);
	return *to ? 0 : t->err->code;
}

int tflite_write_outputs(struct tflite *t, const char *type, size_t n, const char *const *inputs,
	size_t n_attrs, const struct tflite_attr *attrs, size_t n_outputs,
	const char *const *outputs)
{
	Onnx__NodeProto *node;
	char name[64];

	for (size_t i = 0; i < n + n_outputs; i++) {
		if (i < n ? !inputs[i] : !outputs[i - n])
			return t->err->code;
	}
	node = arena_calloc(t->arena, 1, sizeof(*node));
	if (!node || !write_room(t, (void ***)&t->graph.node, t->graph.n_node, &t->nodes_room)) {
		write_no_memory(t);
		return t->err->code;
	}
	onnx__node_proto__init(node);
	snprintf(name, sizeof(name), "%.40s_%" PRIu32, t->at_name, t->at);
	node->name = arena_strdup(t->arena, name);
	node->op_type = write_as_is(type);
	node->n_input = n;
	node->n_output = n_outputs;
	node->n_attribute = n_attrs;
	node->attribute = arena_calloc(t->arena, n_attrs + 1, sizeof(*node->attribute));
	if (!node->name || !node->attribute) {
		write_no_memory(t);
		return t->err->code;
	}
	if (write_names(t, n, inputs, &node->input) ||
		write_names(t, n_outputs, outputs, &node->output))
		return t->err->code;
	for (size_t a = 0; a < n_attrs; a++) {
		node->attribute[a] = write_attr(t, &attrs[a]);
		if (!node->attribute[a])
			return t->err->code;
	}
	t->graph.node[t->graph.n_node++] = node;
	return 0;
}

const char *tflite_write(struct tflite *t, const char *type, size_t n, const char *const *inputs,
	size_t n_attrs, const struct tflite_attr *attrs)
{
	const char *output;

	for (size_t i = 0; i < n; i++) {
		if (!inputs[i])
			return NULL;
	}
	output = tflite_fresh(t);
	return output && tflite_write_outputs(t, type, n, inputs, n_attrs, attrs, 1, &output) == 0
		? output
		: NULL;
}

const char *tflite_one(struct tflite *t, const char *type, const char *x)
{
	return tflite_write(t, type, 1, &x, 0, NULL);
}

const char *tflite_pair(struct tflite *t, const char *type, const char *a, const char *b)
{
	const char *const pair[2] = { a, b };

	return tflite_write(t, type, 2, pair, 0, NULL);
}

const char *tflite_transposed(struct tflite *t, const char *x, size_t n, const int64_t *perm)
{
	return tflite_write(t, "Transpose", 1, &x, 1, &TFLITE_INTS("perm", n, perm));
}

const char *tflite_constant(struct tflite *t, Onnx__TensorProto__DataType type, size_t rank,
	const int64_t *dims, const void *data, size_t bytes)
{
	Onnx__TensorProto *tensor = arena_calloc(t->arena, 1, sizeof(*tensor));
	const char *name = tflite_fresh(t);

	if (!name)
		return NULL;
	if (!tensor ||
		!write_room(t, (void ***)&t->graph.initializer, t->graph.n_initializer,
			&t->constants_room))
		return write_no_memory(t);
	onnx__tensor_proto__init(tensor);
	tensor->name = write_as_is(name);
	tensor->has_data_type = 1;
	tensor->data_type = type;
	tensor->n_dims = rank;
	tensor->dims = arena_calloc(t->arena, rank + 1, sizeof(*tensor->dims));
	if (!tensor->dims)
		return write_no_memory(t);
	if (rank > 0)
		memcpy(tensor->dims, dims, rank * sizeof(*dims));
	tensor->has_raw_data = 1;
	tensor->raw_data.len = bytes;
	tensor->raw_data.data = (uint8_t *)(uintptr_t)data;
	t->graph.initializer[t->graph.n_initializer++] = tensor;
	return name;
}

const char *tflite_ints(struct tflite *t, size_t n, const int64_t *values)
{
	static const int64_t NONE;
	const int64_t count = (int64_t)n;
	const int64_t *own = n ? arena_memdup(t->arena, values, n * sizeof(*values)) : &NONE;

	return own ? tflite_constant(t, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, &count, own,
			     n * sizeof(*own))
		   : write_no_memory(t);
}

const char *tflite_scalar(struct tflite *t, float value)
{
	const float *own = arena_memdup(t->arena, &value, sizeof(value));

	return own ? tflite_constant(
			     t, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 0, NULL, own, sizeof(*own))
		   : write_no_memory(t);
}
