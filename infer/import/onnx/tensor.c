// SPDX-License-Identifier: BSD-3-Clause
// TensorProto to constants of the graph: floats of any width are F32, the others what they are.
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/external.h"
#include "infer/import/onnx/values.h"
#include "infer/ops/values.h"

#include <stdlib.h>
#include <string.h>

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name
// That onnx.proto has got since Debian's.
#define TYPE_UINT4 21
#define TYPE_INT4  22

const char *onnx_type_name(int64_t type)
{
	const ProtobufCEnumValue *value = type >= 0 && type <= INT32_MAX
		? protobuf_c_enum_descriptor_get_value(
			  &onnx__tensor_proto__data_type__descriptor, (int)type)
		: NULL;

	return value ? value->name : "an unknown type";
}

bool onnx_is_nibbles(const Onnx__TensorProto *proto)
{
	return proto->has_data_type &&
		(proto->data_type == TYPE_INT4 || proto->data_type == TYPE_UINT4);
}

static size_t raw_width(int type)
{
	switch (type) {
	case TYPE(INT8):
	case TYPE(UINT8):
	case TYPE(BOOL):
		return 1;
	case TYPE(INT16):
	case TYPE(UINT16):
	case TYPE(FLOAT16):
	case TYPE(BFLOAT16):
		return 2;
	case TYPE(FLOAT):
	case TYPE(INT32):
	case TYPE(UINT32):
		return 4;
	case TYPE(DOUBLE):
	case TYPE(INT64):
	case TYPE(UINT64):
		return 8;
	default:
		return 0;
	}
}

bool onnx_dtype(int64_t type, enum dtype *dtype)
{
	static const struct {
		int type;
		enum dtype dtype;
	} DTYPES[] = {
		{ TYPE(FLOAT), DTYPE_F32 },
		{ TYPE(DOUBLE), DTYPE_F32 },
		{ TYPE(FLOAT16), DTYPE_F32 },
		{ TYPE(BFLOAT16), DTYPE_F32 },
		{ TYPE(INT8), DTYPE_I8 },
		{ TYPE(UINT8), DTYPE_U8 },
		{ TYPE(INT16), DTYPE_I16 },
		{ TYPE(UINT16), DTYPE_U16 },
		{ TYPE(INT32), DTYPE_I32 },
		{ TYPE(UINT32), DTYPE_U32 },
		{ TYPE(INT64), DTYPE_I64 },
		{ TYPE(UINT64), DTYPE_U64 },
		{ TYPE(BOOL), DTYPE_BOOL },
	};

	for (size_t i = 0; i < sizeof(DTYPES) / sizeof(*DTYPES); i++) {
		if (DTYPES[i].type == type) {
			*dtype = DTYPES[i].dtype;
			return true;
		}
	}
	return false;
}

// The i-th value's bits, sign-extended as the type has it, from raw_data or the typed list.
static uint64_t bits_at(const Onnx__TensorProto *proto, int type, size_t i)
{
	size_t width = raw_width(type);
	uint64_t bits = 0;

	if (proto->has_raw_data) {
		memcpy(&bits, proto->raw_data.data + i * width, width);
	} else if (type == TYPE(FLOAT)) {
		memcpy(&bits, &proto->float_data[i], sizeof(float));
	} else if (type == TYPE(DOUBLE)) {
		memcpy(&bits, &proto->double_data[i], sizeof(double));
	} else if (type == TYPE(INT64)) {
		bits = (uint64_t)proto->int64_data[i];
	} else if (type == TYPE(UINT64) || type == TYPE(UINT32)) {
		bits = proto->uint64_data[i];
	} else {
		bits = (uint64_t)(int64_t)proto->int32_data[i];
	}
	if (type == TYPE(INT8) || type == TYPE(INT16) || type == TYPE(INT32)) {
		unsigned shift = (unsigned)(64 - 8 * width);

		bits = (uint64_t)((int64_t)(bits << shift) >> shift);
	}
	return bits;
}

static float float_at(const Onnx__TensorProto *proto, int type, size_t i)
{
	const uint64_t bits = bits_at(proto, type, i);
	const enum dtype dtype = type == TYPE(DOUBLE) ? DTYPE_F64
		: type == TYPE(FLOAT16)               ? DTYPE_F16
		: type == TYPE(BFLOAT16)              ? DTYPE_BF16
						      : DTYPE_F32;

	return (float)value_number(dtype, &bits, 0); // little-endian: the low bytes come first
}

static size_t values_held(const Onnx__TensorProto *proto, int type)
{
	if (proto->has_raw_data) {
		size_t width = raw_width(type);

		return proto->raw_data.len % width ? SIZE_MAX : proto->raw_data.len / width;
	}
	switch (type) {
	case TYPE(FLOAT):
		return proto->n_float_data;
	case TYPE(DOUBLE):
		return proto->n_double_data;
	case TYPE(INT64):
		return proto->n_int64_data;
	case TYPE(UINT64):
	case TYPE(UINT32):
		return proto->n_uint64_data;
	default:
		return proto->n_int32_data;
	}
}

int onnx_tensor_shape(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, int64_t *elements)
{
	struct error *err = onnx->err;

	*elements = 1;
	if (proto->segment)
		return error_set(err, -ENOTSUP,
			"%s '%.80s' is a segment of a tensor; tensors must be whole", where, name);
	if (proto->n_dims > GRAPH_RANK_MAX)
		return error_set(err, -ENOTSUP,
			"%s '%.80s' has %zu dimensions, at most %d are supported", where, name,
			proto->n_dims, GRAPH_RANK_MAX);
	for (size_t d = 0; d < proto->n_dims; d++) {
		int64_t dim = proto->dims[d];

		if (dim < 0 || dim > GRAPH_ELEMENTS_MAX ||
			(dim != 0 && *elements > GRAPH_ELEMENTS_MAX / dim))
			return error_set(err, -EINVAL,
				"%s '%.80s' has a dimension of %lld; a tensor has at most %lld "
				"values",
				where, name, (long long)dim, (long long)GRAPH_ELEMENTS_MAX);
		*elements *= dim;
	}
	return 0;
}

uint32_t onnx_constant(struct onnx *onnx, const char *name, enum dtype dtype, uint32_t rank,
	const int64_t *dims, void **data)
{
	size_t elements = 1;

	for (uint32_t d = 0; d < rank; d++)
		elements *= (size_t)dims[d];
	*data = arena_calloc(onnx->graph->arena, elements ? elements : 1, dtype_bytes(dtype));
	if (!*data) {
		error_set(onnx->err, -ENOMEM, "out of memory for constant '%.80s'", name);
		return GRAPH_NONE;
	}
	return graph_add_tensor(onnx->graph, name, dtype, rank, dims, *data, onnx->err);
}

// The proto's values as a constant; `elements` of them are there.
static int copy_values(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	int64_t elements, uint32_t *tensor)
{
	int type = proto->data_type;
	enum dtype dtype;
	void *data;

	if (!onnx_dtype(type, &dtype))
		return onnx_refused(onnx);
	*tensor = onnx_constant(onnx, name, dtype, (uint32_t)proto->n_dims, proto->dims, &data);
	if (*tensor == GRAPH_NONE)
		return onnx_refused(onnx);
	if (type == TYPE(FLOAT) && elements > 0) {
		memcpy(data,
			proto->has_raw_data ? (const void *)proto->raw_data.data
					    : proto->float_data,
			(size_t)elements * sizeof(float));
		return 0;
	}
	for (int64_t i = 0; i < elements; i++) {
		if (dtype == DTYPE_F32)
			((float *)data)[i] = float_at(proto, type, (size_t)i);
		else
			value_set_integer(dtype, data, (size_t)i, bits_at(proto, type, (size_t)i));
	}
	onnx->narrowed |= type == TYPE(DOUBLE);
	return 0;
}

// From so many bytes on, values that lie in memory as the graph wants them are not copied.
#define TAKE_BYTES ((size_t)64 << 10)

// copy_values() of a proto whose values nobody reads again: the graph takes over their memory where it can.
static int take_values(struct onnx *onnx, Onnx__TensorProto *proto, const char *name,
	int64_t elements, uint32_t *tensor)
{
	const size_t bytes = (size_t)elements * sizeof(float);
	const void *data = proto->raw_data.data;

	if (proto->data_type != TYPE(FLOAT) || !proto->has_raw_data || bytes < TAKE_BYTES ||
		!arena_adopt(onnx->graph->arena, proto->raw_data.data, bytes))
		return copy_values(onnx, proto, name, elements, tensor);
	proto->has_raw_data = 0;
	proto->raw_data = (ProtobufCBinaryData){ 0 };
	*tensor = graph_add_tensor(onnx->graph, name, DTYPE_F32, (uint32_t)proto->n_dims,
		proto->dims, data, onnx->err);
	return *tensor == GRAPH_NONE ? onnx_refused(onnx) : 0;
}

// The dense tensor that a sparse one stands for is made of a few bytes of the file.
#define SPARSE_ELEMENTS_MAX ((int64_t)1 << 24)

// The place of the i-th value, by its place in all of the tensor or by its index in each dimension. -1:
// it lies outside.
static int64_t sparse_place(const struct tensor *indices, const struct tensor *dense, int64_t i)
{
	const int64_t *given = indices->data;
	int64_t place = 0;

	if (indices->rank == 1)
		return given[i] >= 0 && given[i] < tensor_elements(dense) ? given[i] : -1;
	for (uint32_t d = 0; d < dense->rank; d++) {
		const int64_t at = given[i * dense->rank + d];

		if (at < 0 || at >= dense->dims[d])
			return -1;
		place = place * dense->dims[d] + at;
	}
	return place;
}

static int sparse_fill(struct onnx *onnx, const struct tensor *values, const struct tensor *indices,
	const struct tensor *dense, void *data)
{
	const size_t width = dtype_bytes(dense->dtype);
	int64_t last = -1;

	if (indices->dtype != DTYPE_I64 || values->rank != 1 || indices->rank < 1 ||
		indices->rank > 2 || indices->dims[0] != values->dims[0] ||
		(indices->rank == 2 && indices->dims[1] != dense->rank))
		return error_set(onnx->err, -EINVAL,
			"sparse '%.80s' has values %s and indices %s for %u dimensions",
			dense->name, tensor_shape_text(values).text,
			tensor_shape_text(indices).text, dense->rank);
	for (int64_t i = 0; i < values->dims[0]; i++) {
		const int64_t place = sparse_place(indices, dense, i);

		if (place <= last)
			return error_set(onnx->err, -EINVAL,
				"sparse '%.80s': index %lld is outside of its shape, or not in "
				"ascending order",
				dense->name, (long long)i);
		last = place;
		memcpy((char *)data + (size_t)place * width,
			(const char *)values->data + (size_t)i * width, width);
	}
	return 0;
}

int onnx_sparse_tensor(
	struct onnx *onnx, const Onnx__SparseTensorProto *proto, const char *name, uint32_t *tensor)
{
	const Onnx__TensorProto shape = { .dims = proto->dims, .n_dims = proto->n_dims };
	const char *parts[2] = { onnx_fresh_name(onnx, name, '#'),
		onnx_fresh_name(onnx, name, '#') };
	uint32_t values, indices;
	int64_t elements;
	void *data;
	int rc;

	if (!parts[0] || !parts[1])
		return onnx_refused(onnx);
	if (!proto->values || !proto->indices)
		return error_set(
			onnx->err, -EINVAL, "sparse '%.80s' has no values or no indices", name);
	rc = onnx_tensor_shape(onnx, &shape, name, "sparse", &elements);
	if (rc == 0 && elements > SPARSE_ELEMENTS_MAX)
		rc = error_set(onnx->err, -ENOTSUP,
			"sparse '%.80s' has %lld values, at most %lld are "
			"supported",
			name, (long long)elements, (long long)SPARSE_ELEMENTS_MAX);
	if (rc == 0)
		rc = onnx_tensor(onnx, proto->values, parts[0], "values of sparse", &values);
	if (rc == 0)
		rc = onnx_tensor(onnx, proto->indices, parts[1], "indices of sparse", &indices);
	if (rc != 0)
		return rc;
	*tensor = onnx_constant(onnx, name, onnx->graph->tensors[values].dtype,
		(uint32_t)proto->n_dims, proto->dims, &data);
	if (*tensor == GRAPH_NONE)
		return onnx_refused(onnx);
	return sparse_fill(onnx, &onnx->graph->tensors[values], &onnx->graph->tensors[indices],
		&onnx->graph->tensors[*tensor], data);
}

// --- Values of 4 bits ---------------------------------------------------------------------------

// Two in a byte, the first in its low half; in int32_data a byte is an element. Those of the tensor as
// bytes, which the caller frees; NULL: it holds too few, or memory is out, and the sentence is made.
static uint8_t *nibbles_unpack(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, size_t elements)
{
	const size_t n_bytes = (elements + 1) / 2;
	uint8_t *bytes;

	if ((proto->has_raw_data ? proto->raw_data.len : proto->n_int32_data) != n_bytes) {
		error_set(onnx->err, -EINVAL,
			"%s '%.80s' holds other than the %zu values its dimensions say", where,
			name, elements);
		return NULL;
	}
	bytes = malloc(n_bytes * 2 + 1);
	if (!bytes)
		error_set(onnx->err, -ENOMEM, "out of memory for %s '%.80s'", where, name);
	for (size_t i = 0; bytes && i < n_bytes; i++) {
		const uint8_t byte = proto->has_raw_data ? proto->raw_data.data[i]
							 : (uint8_t)proto->int32_data[i];

		bytes[2 * i] = byte & 0x0f;
		bytes[2 * i + 1] = byte >> 4;
		if (proto->data_type == TYPE_INT4) {
			bytes[2 * i] = (uint8_t)((bytes[2 * i] ^ 8) - 8);
			bytes[2 * i + 1] = (uint8_t)((bytes[2 * i + 1] ^ 8) - 8);
		}
	}
	return bytes;
}

// As int8 or uint8: whoever makes 4 bits of them again must know it, so they are noted.
static int nibbles_tensor(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, uint32_t *tensor)
{
	Onnx__TensorProto held = *proto, wide = *proto;
	int64_t elements;
	int rc = onnx_tensor_shape(onnx, proto, name, where, &elements);

	if (rc != 0)
		return rc;
	held.has_data_location = 0;
	if (proto->has_data_location &&
		proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
		held.has_raw_data = 1;
		held.raw_data.len = ((size_t)elements + 1) / 2;
		rc = onnx_external_read(
			onnx, proto, name, where, held.raw_data.len, &held.raw_data.data);
		if (rc != 0) {
			free(held.raw_data.data);
			return rc;
		}
	}
	wide.has_data_location = 0;
	wide.has_raw_data = 1;
	wide.raw_data.len = (size_t)elements;
	wide.raw_data.data = nibbles_unpack(onnx, &held, name, where, (size_t)elements);
	wide.data_type = proto->data_type == TYPE_INT4 ? TYPE(INT8) : TYPE(UINT8);
	rc = wide.raw_data.data ? onnx_tensor(onnx, &wide, name, where, tensor)
				: onnx_refused(onnx);
	onnx->has_nibbles = true;
	free(wide.raw_data.data);
	if (held.raw_data.data != proto->raw_data.data)
		free(held.raw_data.data);
	return rc;
}

// `taken`: the proto itself, where nobody reads its values again; or NULL.
static int tensor_of(struct onnx *onnx, const Onnx__TensorProto *proto, Onnx__TensorProto *taken,
	const char *name, const char *where, uint32_t *tensor)
{
	const int type = proto->has_data_type ? proto->data_type : 0;
	Onnx__TensorProto held = *proto;
	int64_t elements;
	int rc;

	if (type == TYPE(STRING))
		return error_set(onnx->err, -ENOTSUP,
			"%s '%.80s' is text; only numbers can be scored", where, name);
	if (onnx_is_nibbles(proto))
		return nibbles_tensor(onnx, proto, name, where, tensor);
	if (raw_width(type) == 0)
		return error_set(onnx->err, -ENOTSUP,
			"%s '%.80s' has values of type %s; floats, integers and booleans are "
			"supported",
			where, name, onnx_type_name(type));
	rc = onnx_tensor_shape(onnx, proto, name, where, &elements);
	if (rc != 0)
		return rc;
	if (proto->has_data_location &&
		proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
		held.has_raw_data = 1;
		held.raw_data.len = (size_t)elements * raw_width(proto->data_type);
		rc = onnx_external_read(
			onnx, proto, name, where, held.raw_data.len, &held.raw_data.data);
		if (rc == 0)
			rc = take_values(onnx, &held, name, elements, tensor);
		free(held.raw_data.data);
		return rc;
	}
	if (values_held(proto, proto->data_type) != (size_t)elements)
		return error_set(onnx->err, -EINVAL,
			"%s '%.80s' holds other than the %lld values its dimensions say", where,
			name, (long long)elements);
	return taken ? take_values(onnx, taken, name, elements, tensor)
		     : copy_values(onnx, proto, name, elements, tensor);
}

int onnx_tensor(struct onnx *onnx, const Onnx__TensorProto *proto, const char *name,
	const char *where, uint32_t *tensor)
{
	return tensor_of(onnx, proto, NULL, name, where, tensor);
}

int onnx_tensor_taken(struct onnx *onnx, Onnx__TensorProto *proto, const char *name,
	const char *where, uint32_t *tensor)
{
	return tensor_of(onnx, proto, proto, name, where, tensor);
}

uint32_t onnx_made(struct onnx *onnx, const struct onnx_node *node, enum dtype dtype, uint32_t rank,
	const int64_t *dims, void **data)
{
	const char *name = onnx_fresh_name(onnx, node->name, '#');

	return name ? onnx_constant(onnx, name, dtype, rank, dims, data) : GRAPH_NONE;
}

uint32_t onnx_scalar(struct onnx *onnx, const struct onnx_node *node, float value)
{
	void *data;
	const uint32_t made = onnx_made(onnx, node, DTYPE_F32, 0, NULL, &data);

	if (made != GRAPH_NONE)
		*(float *)data = value;
	return made;
}

uint32_t onnx_reshaped(
	struct onnx *onnx, uint32_t index, const char *stem, uint32_t rank, const int64_t *dims)
{
	const struct tensor *from = &onnx->graph->tensors[index];
	const char *name = onnx_fresh_name(onnx, stem, '#');

	return name ? graph_add_tensor(
			      onnx->graph, name, from->dtype, rank, dims, from->data, onnx->err)
		    : GRAPH_NONE;
}
