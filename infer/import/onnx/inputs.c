// SPDX-License-Identifier: BSD-3-Clause
// What a file gives before its nodes: initialisers and inputs, for one row.
#include "infer/import/onnx/inputs.h"
#include "infer/import/onnx/dims.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/given.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/text_columns.h"
#include "infer/import/onnx/texts.h"
#include "infer/import/onnx/values.h"

#include <string.h>

static int read_sparse_initializers(struct onnx *onnx)
{
	if (onnx->proto->n_sparse_initializer != 0 && onnx->depth > 0)
		return error_set(
			onnx->err, -ENOTSUP, "sparse initialisers of a body are not supported");
	for (size_t i = 0; i < onnx->proto->n_sparse_initializer; i++) {
		const Onnx__SparseTensorProto *proto = onnx->proto->sparse_initializer[i];
		const char *name = proto->values ? onnx_text(proto->values->name) : "";
		uint32_t tensor;
		int rc;

		if (!onnx_define(onnx, name, "a sparse initialiser"))
			return onnx_refused(onnx);
		rc = onnx_sparse_tensor(onnx, proto, name, &tensor);
		if (rc != 0)
			return rc;
		onnx_value(onnx, name)->tensor = tensor;
	}
	return 0;
}

int onnx_read_initializers(struct onnx *onnx)
{
	for (size_t i = 0; i < onnx->proto->n_initializer; i++) {
		Onnx__TensorProto *proto = onnx->proto->initializer[i];
		struct onnx_value *value = onnx_define(onnx, proto->name, "an initialiser");
		uint32_t tensor;
		int rc;

		if (!value)
			return onnx_refused(onnx);
		// A body is read once for each time that it is entered.
		rc = onnx->depth == 0 && !onnx->borrowed &&
				proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
			? onnx_tensor_taken(onnx, proto, proto->name, "initialiser", &tensor)
			: onnx_tensor_or_text(onnx, proto, proto->name, "initialiser", &tensor);
		if (rc != 0)
			return rc;
		onnx_value(onnx, proto->name)->tensor = tensor;
		onnx_value(onnx, proto->name)->is_nibbles = onnx_is_nibbles(proto);
	}
	return read_sparse_initializers(onnx);
}

// What reads an input of whole numbers reads the cast; what wants floats, the row itself.
static int cast_input(
	struct onnx *onnx, const char *name, enum dtype dtype, struct onnx_value *value)
{
	const struct onnx_node node = { .name = name, .type = "input" };
	struct onnx_port *port = &onnx->ports[onnx->n_ports];

	port->plain = value->tensor;
	port->cast = onnx_as(onnx, &node, value->tensor, dtype);
	if (port->cast == GRAPH_NONE)
		return onnx_refused(onnx);
	onnx->n_ports++;
	value->tensor = port->cast;
	report_add(onnx->report, "input '%.80s' of whole numbers is taken as float32", name);
	return 0;
}

// The numbers that stand for its texts in the row are only seen where they are compared.
static int text_input(struct onnx *onnx, const char *name, struct onnx_value *value)
{
	value->tensor = onnx_text_input(onnx, name, value->tensor, onnx->graph->n_features);
	return value->tensor == GRAPH_NONE ? onnx_refused(onnx) : 0;
}

static int read_input(struct onnx *onnx, const Onnx__ValueInfoProto *info)
{
	const Onnx__TypeProto *type = info->type;
	struct graph *graph = onnx->graph;
	int64_t dims[GRAPH_RANK_MAX] = { 0 };
	struct onnx_value *value;
	uint32_t rank = 0, tensor;
	enum dtype dtype = DTYPE_F32;
	int elem, rc;
	bool text;

	// Before IR version 4 initialisers are listed among the inputs.
	if (onnx_is_initializer(onnx, info))
		return 0;
	value = onnx_define(onnx, info->name, "an input");
	if (!value)
		return onnx_refused(onnx);
	if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type)
		return error_set(onnx->err, -ENOTSUP,
			"input '%.80s' is no tensor; only tensors are scored", info->name);
	elem = type->tensor_type->elem_type;
	text = elem == ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
	if (!text && !onnx_dtype(elem, &dtype))
		return error_set(onnx->err, -ENOTSUP,
			"input '%.80s' has values of type %s; floats, integers and text can be "
			"scored",
			info->name, onnx_type_name(elem));
	rc = onnx_input_dims(onnx, info, &rank, dims);
	if (rc != 0)
		return rc;
	tensor = graph_add_tensor(graph, info->name, DTYPE_F32, rank, dims, NULL, onnx->err);
	if (tensor == GRAPH_NONE)
		return onnx_refused(onnx);
	value->tensor = tensor;
	onnx->narrowed |= elem == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
	if (text)
		rc = text_input(onnx, info->name, value);
	else
		rc = dtype == DTYPE_F32 ? 0 : cast_input(onnx, info->name, dtype, value);
	if (rc != 0)
		return rc;
	graph->inputs[graph->n_inputs].tensor = tensor;
	graph->inputs[graph->n_inputs++].first_column = graph->n_features;
	graph->n_features += (uint32_t)tensor_elements(&graph->tensors[tensor]);
	if (graph->n_features > MODEL_FEATURES_MAX * onnx_rows(onnx))
		return error_set(onnx->err, -ENOTSUP, "more than %d features in all inputs",
			MODEL_FEATURES_MAX);
	return 0;
}

int onnx_read_inputs(struct onnx *onnx)
{
	size_t n = onnx->proto->n_input;
	int rc = onnx_dims_begin(onnx);

	if (rc != 0)
		return rc;
	onnx->graph->inputs = arena_calloc(onnx->graph->arena, n + 1, sizeof(struct graph_port));
	onnx->ports = arena_calloc(onnx->scratch, n + 1, sizeof(*onnx->ports));
	if (!onnx->graph->inputs || !onnx->ports)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		rc = read_input(onnx, onnx->proto->input[i]);
		if (rc != 0)
			return rc;
	}
	if (onnx->graph->n_inputs == 0)
		return error_set(onnx->err, -ENOTSUP, "the model has no inputs");
	return 0;
}
