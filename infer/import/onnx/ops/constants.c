// SPDX-License-Identifier: BSD-3-Clause
// Constant and Cast.
#include "infer/import/onnx/onnx.h"

#include <string.h>

#define ATTRIBUTE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name
#define ELEMENT(name)   ONNX__TENSOR_PROTO__DATA_TYPE__##name

// A list or one value as a constant. Integers when `ints` is given.
static int list_constant(struct onnx *onnx, const struct onnx_node *node, uint32_t rank,
	size_t count, const int64_t *ints, const float *floats)
{
	int64_t dim = (int64_t)count;
	const void *values = ints ? (const void *)ints : floats;
	uint32_t tensor;
	void *data;

	if (count > GRAPH_ELEMENTS_MAX)
		return onnx_refuse(onnx, node, -EINVAL, "too many values");
	tensor = onnx_constant(
		onnx, node->proto->output[0], ints ? DTYPE_I64 : DTYPE_F32, rank, &dim, &data);
	if (tensor == GRAPH_NONE)
		return -ENOMEM;
	if (count > 0 && values)
		memcpy(data, values, count * (ints ? 8 : 4));
	return onnx_output(onnx, node, 0, tensor);
}

int onnx_import_constant(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *attr;
	const char *name;
	uint32_t tensor;
	int rc;

	if (node->proto->n_attribute != 1 || !node->proto->attribute[0]->name)
		return onnx_refuse(onnx, node, -EINVAL, "has %zu attributes, should have one value",
			node->proto->n_attribute);
	name = node->proto->attribute[0]->name;
	if (strcmp(name, "value") == 0) {
		if (onnx_attr(onnx, node, name, ATTRIBUTE(TENSOR), &attr))
			return -EINVAL;
		rc = onnx_tensor(onnx, attr->t, node->name, "constant", &tensor);
		return rc ? rc : onnx_output(onnx, node, 0, tensor);
	}
	if (strcmp(name, "value_float") == 0) {
		rc = onnx_attr(onnx, node, name, ATTRIBUTE(FLOAT), &attr);
		return rc ? rc : list_constant(onnx, node, 0, 1, NULL, &attr->f);
	}
	if (strcmp(name, "value_floats") == 0) {
		rc = onnx_attr(onnx, node, name, ATTRIBUTE(FLOATS), &attr);
		return rc ? rc : list_constant(onnx, node, 1, attr->n_floats, NULL, attr->floats);
	}
	if (strcmp(name, "value_int") == 0) {
		rc = onnx_attr(onnx, node, name, ATTRIBUTE(INT), &attr);
		return rc ? rc : list_constant(onnx, node, 0, 1, &attr->i, NULL);
	}
	if (strcmp(name, "value_ints") == 0) {
		static const int64_t NONE = 0; // an empty list may come without memory

		rc = onnx_attr(onnx, node, name, ATTRIBUTE(INTS), &attr);
		return rc ? rc
			  : list_constant(onnx, node, 1, attr->n_ints,
				    attr->n_ints ? attr->ints : &NONE, NULL);
	}
	return onnx_refuse(
		onnx, node, -ENOTSUP, "'%.40s' is not a form of constant that is supported", name);
}

// A number; before opset 6 its name.
static int read_cast_type(struct onnx *onnx, const struct onnx_node *node, int64_t *to)
{
	const ProtobufCEnumValue *value;
	const char *name;

	if (onnx->opset >= 6)
		return onnx_int(onnx, node, "to", 0, to);
	if (onnx_string(onnx, node, "to", "", &name))
		return -EINVAL;
	value = protobuf_c_enum_descriptor_get_value_by_name(
		&onnx__tensor_proto__data_type__descriptor, name);
	*to = value ? value->value : 0;
	return 0;
}

// Doubles are computed as float32; a cast to half precision rounds, and what comes of it is
// float32.
int onnx_import_cast(struct onnx *onnx, const struct onnx_node *node)
{
	uint32_t made = node->inputs[0];
	enum dtype dtype;
	int64_t to;

	if (read_cast_type(onnx, node, &to))
		return -EINVAL;
	if (!onnx_dtype(to, &dtype))
		return onnx_refuse(onnx, node, -ENOTSUP,
			"casts to %s; casts to numbers and BOOL are supported", onnx_type_name(to));
	onnx->narrowed |= to == ELEMENT(DOUBLE);
	if (to == ELEMENT(FLOAT16) || to == ELEMENT(BFLOAT16))
		made = onnx_as(onnx, node, made, to == ELEMENT(FLOAT16) ? DTYPE_F16 : DTYPE_BF16);
	if (made != GRAPH_NONE)
		made = onnx_as(onnx, node, made, dtype);
	if (made == node->inputs[0])
		made = onnx_emit(onnx, node, OP_IDENTITY, 1, &made, 0, NULL);
	return onnx_output(onnx, node, 0, made);
}
