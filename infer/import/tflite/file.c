// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/tflite/file.h"

#include "infer/graph/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct file_reader {
	struct tflite_file *file;
	struct flatbuffer_vector buffers, codes;
	struct arena *arena;
	struct error *err;
	// Of all tensors so far: several may share a buffer or a table, of which each costs four bytes.
	uint64_t *scales, *constants;
};

#define SHARED_MAX   16
#define SHARED_BYTES ((uint64_t)1 << 20)

static const struct {
	const char *name;
	unsigned bytes; // of an element; 0: not supported
} TYPES[TFLITE_TYPE_COUNT] = {
	{ "FLOAT32", 4 },
	{ "FLOAT16", 2 },
	{ "INT32", 4 },
	{ "UINT8", 1 },
	{ "INT64", 8 },
	{ "STRING", 0 },
	{ "BOOL", 1 },
	{ "INT16", 2 },
	{ "COMPLEX64", 0 },
	{ "INT8", 1 },
	{ "FLOAT64", 8 },
	{ "COMPLEX128", 0 },
	{ "UINT64", 8 },
	{ "RESOURCE", 0 },
	{ "VARIANT", 0 },
	{ "UINT32", 4 },
	{ "UINT16", 2 },
	{ "INT4", 0 },
	{ "BFLOAT16", 2 },
};

const char *tflite_type_name(int64_t type)
{
	return type >= 0 && type < TFLITE_TYPE_COUNT ? TYPES[type].name : "of an unknown type";
}

static int file_no_memory(const struct file_reader *r)
{
	return error_set(r->err, -ENOMEM, "out of memory");
}

static int file_damaged(const struct file_reader *r)
{
	return error_set(r->err, -EINVAL,
		"not a sound TensorFlow Lite file: what byte %zu says leads out of the file",
		r->file->buffer.damaged_at);
}

// A text of the file in the arena, clean; "" where there is none. NULL: out of memory.
static const char *file_text(
	const struct file_reader *r, const struct flatbuffer_table *table, unsigned id)
{
	const struct flatbuffer_vector list = flatbuffer_list(table, id, 1);
	const char *from = list.there ? (const char *)list.buffer->bytes + list.at : "";
	char *text = arena_strndup(r->arena, from, strnlen(from, list.n < 400 ? list.n : 400));

	if (text)
		text_clean(text);
	return text;
}

// --- Tensors --------------------------------------------------------------------------------------

static int file_read_shape(const struct file_reader *r, const struct flatbuffer_table *table,
	uint32_t index, struct tflite_tensor *tensor)
{
	const struct flatbuffer_vector shape = flatbuffer_list(table, 0, 4);
	const struct flatbuffer_vector signature = flatbuffer_list(table, 7, 4);
	int64_t elements = 1;

	if (shape.n > GRAPH_RANK_MAX)
		return error_set(r->err, -ENOTSUP,
			"tensor %" PRIu32 " ('%.80s') has %" PRIu32
			" dimensions, at most %d are supported",
			index, tensor->name, shape.n, GRAPH_RANK_MAX);
	tensor->rank = shape.n;
	for (uint32_t d = 0; d < shape.n; d++) {
		const int64_t dim = flatbuffer_list_int(&shape, d, 4);

		if (dim < -1 || (dim > 0 && elements > GRAPH_ELEMENTS_MAX / dim))
			return error_set(r->err, -EINVAL,
				"tensor %" PRIu32 " ('%.80s') has a dimension of %" PRId64
				"; a tensor has at most %" PRId64 " values",
				index, tensor->name, dim, GRAPH_ELEMENTS_MAX);
		tensor->open[d] = dim < 0 ||
			(signature.n == shape.n && flatbuffer_list_int(&signature, d, 4) < 0);
		tensor->dims[d] = dim < 0 ? 1 : dim;
		elements *= tensor->dims[d];
	}
	return 0;
}

// The values of a constant lie in a buffer, or behind the flatbuffer where that gives a place in the file.
static int file_read_values(const struct file_reader *r, const struct flatbuffer_table *table,
	uint32_t index, struct tflite_tensor *tensor)
{
	const int64_t number = flatbuffer_int(table, 2, 4, 0);
	struct flatbuffer *buffer = &r->file->buffer;
	struct flatbuffer_table holder;
	struct flatbuffer_vector data;
	uint64_t offset, size, elements = 1;

	if ((uint32_t)number >= r->buffers.n && number != 0)
		return error_set(r->err, -EINVAL,
			"tensor %" PRIu32 " ('%.80s') lies in buffer %" PRIu32
			", there are %" PRIu32,
			index, tensor->name, (uint32_t)number, r->buffers.n);
	if (number == 0)
		return 0; // which is empty by rule
	holder = flatbuffer_list_table(&r->buffers, (uint32_t)number);
	data = flatbuffer_list(&holder, 0, 1);
	offset = (uint64_t)flatbuffer_int(&holder, 1, 8, 0);
	size = (uint64_t)flatbuffer_int(&holder, 2, 8, 0);
	if (offset > 1 && (offset > buffer->size || size > buffer->size - offset))
		return error_set(r->err, -EINVAL,
			"tensor %" PRIu32 " ('%.80s') lies behind the end of the file", index,
			tensor->name);
	tensor->data = offset > 1 ? buffer->bytes + offset
		: data.n > 0      ? buffer->bytes + data.at
				  : NULL;
	tensor->bytes = offset > 1 ? size : data.n;
	if (!tensor->data)
		return 0;
	*r->constants += tensor->bytes;
	if (*r->constants > SHARED_MAX * buffer->size + SHARED_BYTES)
		return error_set(r->err, -EINVAL,
			"constants of the file share their bytes more than %d times", SHARED_MAX);
	for (uint32_t d = 0; d < tensor->rank; d++)
		elements *= (uint64_t)tensor->dims[d];
	if (tensor->type < 0 || tensor->type >= TFLITE_TYPE_COUNT || !TYPES[tensor->type].bytes)
		return 0; // refused by whoever reads it
	if (tensor->bytes != elements * TYPES[tensor->type].bytes)
		return error_set(r->err, -EINVAL,
			"tensor %" PRIu32 " ('%.80s') has %zu bytes, should have %" PRIu64, index,
			tensor->name, tensor->bytes, elements * TYPES[tensor->type].bytes);
	return 0;
}

static int file_read_quantisation(const struct file_reader *r, const struct flatbuffer_table *table,
	uint32_t index, struct tflite_tensor *tensor)
{
	const struct flatbuffer_table quantisation = flatbuffer_sub(table, 4);
	const struct flatbuffer_vector scales = flatbuffer_list(&quantisation, 2, 4);
	const struct flatbuffer_vector zeros = flatbuffer_list(&quantisation, 3, 8);
	float *to;
	int64_t *zero;

	// Of a list there is but one, whatever older converters wrote; where there is one scale, none matters.
	tensor->axis =
		tensor->rank == 1 || scales.n <= 1 ? 0 : flatbuffer_int(&quantisation, 6, 4, 0);
	if (scales.n == 0)
		return 0;
	if (zeros.n != 0 && zeros.n != scales.n && zeros.n != 1)
		return error_set(r->err, -EINVAL,
			"tensor %" PRIu32 " ('%.80s') has %" PRIu32 " scales and %" PRIu32
			" zero points",
			index, tensor->name, scales.n, zeros.n);
	if (scales.n > 1 &&
		(tensor->axis < 0 || tensor->axis >= tensor->rank ||
			tensor->dims[tensor->axis] != scales.n))
		return error_set(r->err, -EINVAL,
			"tensor %" PRIu32 " ('%.80s') has %" PRIu32
			" scales, not one for each place of its dimension %" PRId64,
			index, tensor->name, scales.n, tensor->axis);
	*r->scales += scales.n;
	if (*r->scales > r->file->buffer.size)
		return error_set(r->err, -EINVAL, "the file has more scales than bytes");
	to = arena_calloc(r->arena, scales.n, sizeof(*to));
	zero = arena_calloc(r->arena, scales.n, sizeof(*zero));
	if (!to || !zero)
		return file_no_memory(r);
	for (uint32_t i = 0; i < scales.n; i++) {
		to[i] = flatbuffer_list_float(&scales, i);
		zero[i] = zeros.n ? flatbuffer_list_int(&zeros, zeros.n == 1 ? 0 : i, 8) : 0;
		// A channel of zeros alone may have a scale of 0.
		if (!isfinite(to[i]) || to[i] < 0 || (scales.n == 1 && !(to[i] > 0)))
			return error_set(r->err, -EINVAL,
				"tensor %" PRIu32 " ('%.80s') has a scale of %g, should be above 0",
				index, tensor->name, (double)to[i]);
		if (zero[i] < INT16_MIN || zero[i] > UINT16_MAX)
			return error_set(r->err, -EINVAL,
				"tensor %" PRIu32 " ('%.80s') has a zero point of %" PRId64, index,
				tensor->name, zero[i]);
	}
	tensor->n_scales = scales.n;
	tensor->scales = to;
	tensor->zeros = zero;
	return 0;
}

static int file_read_tensor(
	const struct file_reader *r, const struct flatbuffer_table *table, uint32_t index)
{
	struct tflite_tensor *tensor = &r->file->tensors[index];
	int rc;

	tensor->name = file_text(r, table, 3);
	if (!tensor->name)
		return file_no_memory(r);
	tensor->type = flatbuffer_int(table, 1, 1, TFLITE_FLOAT32);
	tensor->is_variable = flatbuffer_int(table, 5, 1, 0) != 0;
	rc = file_read_shape(r, table, index, tensor);
	if (rc == 0)
		rc = file_read_values(r, table, index, tensor);
	if (rc == 0)
		rc = file_read_quantisation(r, table, index, tensor);
	if (rc == 0 && flatbuffer_sub(table, 6).at != 0)
		rc = error_set(r->err, -ENOTSUP,
			"tensor %" PRIu32
			" ('%.80s') is sparse, which is not supported: convert "
			"without optimizations for sparsity",
			index, tensor->name);
	return rc;
}

static int file_read_tensors(const struct file_reader *r, const struct flatbuffer_table *subgraph)
{
	const struct flatbuffer_vector list = flatbuffer_list(subgraph, 0, 4);
	int rc = 0;

	if (list.n > GRAPH_TENSORS_MAX)
		return error_set(r->err, -EINVAL, "%" PRIu32 " tensors, at most %u are possible",
			list.n, GRAPH_TENSORS_MAX);
	r->file->tensors = arena_calloc(r->arena, (size_t)list.n + 1, sizeof(*r->file->tensors));
	if (!r->file->tensors)
		return file_no_memory(r);
	r->file->n_tensors = list.n;
	for (uint32_t i = 0; i < list.n && rc == 0; i++) {
		const struct flatbuffer_table table = flatbuffer_list_table(&list, i);

		rc = file_read_tensor(r, &table, i);
		if (rc == 0 && r->file->buffer.damaged)
			rc = file_damaged(r);
	}
	return rc;
}

// --- Operators ------------------------------------------------------------------------------------

static int file_check_ports(const struct file_reader *r, const struct flatbuffer_vector *ports,
	const char *what, uint32_t index, bool optional)
{
	for (uint32_t i = 0; i < ports->n; i++) {
		const int64_t tensor = flatbuffer_list_int(ports, i, 4);

		if (tensor >= r->file->n_tensors || tensor < (optional ? TFLITE_NONE : 0))
			return error_set(r->err, -EINVAL,
				"%s %" PRIu32 " names tensor %" PRId64 ", there are %" PRIu32, what,
				index, tensor, r->file->n_tensors);
	}
	return 0;
}

static int file_read_operator(
	const struct file_reader *r, const struct flatbuffer_table *table, uint32_t index)
{
	struct tflite_operator *op = &r->file->operators[index];
	const uint32_t number = (uint32_t)flatbuffer_int(table, 0, 4, 0);
	struct flatbuffer_table code;
	int64_t old;
	int rc;

	if (number >= r->codes.n)
		return error_set(r->err, -EINVAL,
			"operator %" PRIu32 " is of code %" PRIu32 ", there are %" PRIu32, index,
			number, r->codes.n);
	code = flatbuffer_list_table(&r->codes, number);
	// Codes above 127 stand in a field of their own, which files of before it lack.
	old = flatbuffer_int(&code, 0, 1, 0);
	op->code = flatbuffer_int(&code, 3, 4, 0);
	op->code = op->code > old ? op->code : old;
	op->custom = file_text(r, &code, 1);
	op->inputs = flatbuffer_list(table, 1, 4);
	op->outputs = flatbuffer_list(table, 2, 4);
	op->options = flatbuffer_sub(table, 4);
	if (!op->custom)
		return file_no_memory(r);
	rc = file_check_ports(r, &op->inputs, "operator", index, true);
	return rc != 0 ? rc : file_check_ports(r, &op->outputs, "operator", index, false);
}

static int file_read_operators(const struct file_reader *r, const struct flatbuffer_table *subgraph)
{
	const struct flatbuffer_vector list = flatbuffer_list(subgraph, 3, 4);
	int rc = 0;

	if (list.n > GRAPH_NODES_MAX)
		return error_set(r->err, -EINVAL, "%" PRIu32 " operators, at most %u are possible",
			list.n, GRAPH_NODES_MAX);
	r->file->operators =
		arena_calloc(r->arena, (size_t)list.n + 1, sizeof(*r->file->operators));
	if (!r->file->operators)
		return file_no_memory(r);
	r->file->n_operators = list.n;
	for (uint32_t i = 0; i < list.n && rc == 0; i++) {
		const struct flatbuffer_table table = flatbuffer_list_table(&list, i);

		rc = file_read_operator(r, &table, i);
		if (rc == 0 && r->file->buffer.damaged)
			rc = file_damaged(r);
	}
	return rc;
}

int tflite_file_read(struct tflite_file *file, const void *bytes, size_t size, struct arena *arena,
	struct error *err)
{
	uint64_t scales = 0, constants = 0;
	struct file_reader r = {
		.file = file, .arena = arena, .err = err, .scales = &scales, .constants = &constants
	};
	struct flatbuffer_table model, subgraph;
	struct flatbuffer_vector subgraphs;
	int64_t version;
	int rc;

	*file = (struct tflite_file){ .buffer = { .bytes = bytes, .size = size } };
	model = flatbuffer_root(&file->buffer);
	version = flatbuffer_int(&model, 0, 4, 0);
	r.codes = flatbuffer_list(&model, 1, 4);
	subgraphs = flatbuffer_list(&model, 2, 4);
	r.buffers = flatbuffer_list(&model, 4, 4);
	file->description = file_text(&r, &model, 3);
	file->n_subgraphs = subgraphs.n;
	if (!file->description)
		return file_no_memory(&r);
	if (file->buffer.damaged)
		return file_damaged(&r);
	if (version != 3)
		return error_set(err, -ENOTSUP,
			"TensorFlow Lite of schema version %" PRId64 ", supported is 3", version);
	if (subgraphs.n == 0)
		return error_set(err, -EINVAL, "the file has no subgraph");
	subgraph = flatbuffer_list_table(&subgraphs, 0);
	file->inputs = flatbuffer_list(&subgraph, 1, 4);
	file->outputs = flatbuffer_list(&subgraph, 2, 4);
	rc = file->buffer.damaged ? file_damaged(&r) : file_read_tensors(&r, &subgraph);
	if (rc == 0)
		rc = file_read_operators(&r, &subgraph);
	if (rc == 0)
		rc = file_check_ports(&r, &file->inputs, "the list of inputs", 0, false);
	if (rc == 0)
		rc = file_check_ports(&r, &file->outputs, "the list of outputs", 0, false);
	return rc;
}
