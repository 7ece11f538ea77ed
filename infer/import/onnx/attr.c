// SPDX-License-Identifier: BSD-3-Clause
// Attributes and constant inputs, by name and number, refused where their type lies.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/refuse.h"

#include <string.h>

// What the attribute holds, whatever its type field says. Files before IR version 2 have none.
static bool holds(const Onnx__AttributeProto *attr, int type)
{
	switch (type) {
	case ONNX_ATTRIBUTE(FLOAT):
		return attr->has_f;
	case ONNX_ATTRIBUTE(INT):
		return attr->has_i;
	case ONNX_ATTRIBUTE(STRING):
		return attr->has_s;
	case ONNX_ATTRIBUTE(TENSOR):
		return attr->t != NULL;
	default: // lists may be empty
		return true;
	}
}

int onnx_attr(struct onnx *onnx, const struct onnx_node *node, const char *name, int type,
	const Onnx__AttributeProto **found)
{
	*found = NULL;
	for (size_t i = 0; i < node->proto->n_attribute; i++) {
		const Onnx__AttributeProto *attr = node->proto->attribute[i];
		bool typed = attr->has_type && attr->type != ONNX_ATTRIBUTE(UNDEFINED);

		if (!attr->name || strcmp(attr->name, name) != 0)
			continue;
		if (*found)
			return onnx_refuse(
				onnx, node, -EINVAL, "attribute '%s' is there twice", name);
		if ((typed && (int)attr->type != type) || !holds(attr, type))
			return onnx_refuse(onnx, node, -EINVAL,
				"attribute '%s' is not of the type it must have", name);
		*found = attr;
	}
	return 0;
}

int onnx_int(struct onnx *onnx, const struct onnx_node *node, const char *name, int64_t otherwise,
	int64_t *value)
{
	const Onnx__AttributeProto *attr;
	int rc = onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(INT), &attr);

	*value = attr ? attr->i : otherwise;
	return rc;
}

int onnx_float(struct onnx *onnx, const struct onnx_node *node, const char *name, float otherwise,
	float *value)
{
	const Onnx__AttributeProto *attr;
	int rc = onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(FLOAT), &attr);

	*value = attr ? attr->f : otherwise;
	return rc;
}

int onnx_string(struct onnx *onnx, const struct onnx_node *node, const char *name,
	const char *otherwise, const char **value)
{
	const Onnx__AttributeProto *attr;
	int rc = onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(STRING), &attr);

	*value = otherwise;
	if (rc == 0 && attr)
		*value = arena_strndup(onnx->scratch, (const char *)attr->s.data, attr->s.len);
	return *value ? rc : onnx_refuse_memory(onnx, node);
}

int onnx_input_ints(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	uint32_t *count, const int64_t **values)
{
	return onnx_input_list(onnx, node, input, GRAPH_RANK_MAX, count, values);
}

int onnx_input_list(struct onnx *onnx, const struct onnx_node *node, uint32_t input, uint32_t most,
	uint32_t *count, const int64_t **values)
{
	const struct tensor *tensor = &onnx->graph->tensors[node->inputs[input]];

	if (tensor->data && tensor->dtype == DTYPE_I32) {
		uint32_t wide = onnx_as(onnx, node, node->inputs[input], DTYPE_I64);

		if (wide == GRAPH_NONE)
			return onnx_refused(onnx);
		tensor = &onnx->graph->tensors[wide];
	}
	if (!tensor->data || tensor->dtype != DTYPE_I64 || tensor->rank > 1)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input %u ('%.80s') must be a constant list of whole numbers", input,
			tensor->name);
	if (tensor_elements(tensor) > most)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input %u has %lld values, at most %u dimensions are supported", input,
			(long long)tensor_elements(tensor), most);
	*count = (uint32_t)tensor_elements(tensor);
	*values = tensor->data;
	return 0;
}

int onnx_input_float(struct onnx *onnx, const struct onnx_node *node, uint32_t input,
	float otherwise, float *value)
{
	const struct tensor *tensor;
	uint32_t index;

	*value = otherwise;
	if (input >= node->n_inputs || node->inputs[input] == GRAPH_NONE)
		return 0;
	index = onnx_as(onnx, node, node->inputs[input], DTYPE_F32);
	if (index == GRAPH_NONE)
		return onnx_refused(onnx);
	tensor = &onnx->graph->tensors[index];
	if (!tensor->data || tensor_elements(tensor) != 1)
		return onnx_refuse(onnx, node, -ENOTSUP, "input %u ('%.80s') must be one constant",
			input, tensor->name);
	*value = *(const float *)tensor->data;
	return 0;
}

int onnx_floats(struct onnx *onnx, const struct onnx_node *node, const char *name, size_t *count,
	const float **values)
{
	const Onnx__AttributeProto *attr;
	int rc = onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(FLOATS), &attr);

	*count = attr ? attr->n_floats : 0;
	*values = attr ? attr->floats : NULL;
	return rc;
}
