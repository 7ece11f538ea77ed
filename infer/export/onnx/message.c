// SPDX-License-Identifier: BSD-3-Clause
#include "infer/export/onnx/message.h"

#include "base/version.h"
#include "infer/graph/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONNX_IR        8 // of ONNX 1.12
#define ONNX_OPSET     17
#define ONNX_ML        3
#define ONNX_BYTES_MAX ((size_t)INT32_MAX) // of a protobuf

static void *message_take(struct message *message, size_t bytes)
{
	void *taken = arena_calloc(message->arena, 1, bytes);

	message->out_of_memory = message->out_of_memory || !taken;
	return taken;
}

static char *message_copy(struct message *message, const char *text)
{
	char *copy = arena_strdup(message->arena, text);

	message->out_of_memory = message->out_of_memory || !copy;
	return copy;
}

// Appends to an array of pointers that doubles whenever its count is a power of two.
static void message_append(struct message *message, void *array, size_t *n, void *item)
{
	void **from = *(void ***)array, **to = from;

	if ((*n & (*n - 1)) == 0) {
		to = message_take(message, (*n ? 2 * *n : 1) * sizeof(*to));
		if (to && *n)
			memcpy(to, from, *n * sizeof(*to));
	}
	if (!to || !item)
		return;
	to[(*n)++] = item;
	*(void ***)array = to;
}

bool message_begin(struct message *message, const struct graph *graph)
{
	*message = (struct message){ .graph = graph, .arena = arena_create(GRAPH_ARENA_BYTES_MAX) };
	if (!message->arena)
		return false;
	message->onnx = message_take(message, sizeof(*message->onnx));
	if (message->onnx)
		onnx__graph_proto__init(message->onnx);
	return message->onnx;
}

void message_fini(struct message *message)
{
	arena_destroy(message->arena);
	*message = (struct message){ 0 };
}

const char *message_tensor(const struct message *message, uint32_t tensor)
{
	return tensor == GRAPH_NONE ? "" : message->graph->tensors[tensor].name;
}

const char *message_name(struct message *message)
{
	char name[40];
	bool taken = true;

	// A graph's names may be anything, these, too.
	while (taken) {
		snprintf(name, sizeof(name), "made_%u", ++message->n_made);
		taken = false;
		for (uint32_t i = 0; i < message->graph->n_tensors && !taken; i++)
			taken = strcmp(message->graph->tensors[i].name, name) == 0;
	}
	return message_copy(message, name);
}

const char *message_constant(struct message *message, const char *name, enum dtype dtype,
	uint32_t rank, const int64_t *dims, const void *data)
{
	static const int32_t TYPE[DTYPE_COUNT] = {
		[DTYPE_F32] = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
		[DTYPE_I32] = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
		[DTYPE_I64] = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
	};
	Onnx__TensorProto *tensor = message_take(message, sizeof(*tensor));
	size_t bytes = dtype_bytes(dtype);

	if (!tensor || !name)
		return name;
	onnx__tensor_proto__init(tensor);
	tensor->name = (char *)name;
	tensor->has_data_type = true;
	tensor->data_type = TYPE[dtype];
	tensor->n_dims = rank;
	tensor->dims = (int64_t *)dims;
	for (uint32_t i = 0; i < rank; i++)
		bytes *= (size_t)dims[i];
	tensor->has_raw_data = true;
	tensor->raw_data = (ProtobufCBinaryData){ bytes, (uint8_t *)data };
	message_append(message, &message->onnx->initializer, &message->onnx->n_initializer, tensor);
	return name;
}

const char *message_scalar(struct message *message, float value)
{
	float *kept = message_take(message, sizeof(*kept));

	if (kept)
		*kept = value;
	return message_constant(message, message_name(message), DTYPE_F32, 0, NULL, kept);
}

static Onnx__NodeProto *message_last(struct message *message)
{
	return message->onnx->node[message->onnx->n_node - 1];
}

void message_output(struct message *message, const char *name)
{
	if (message->onnx->n_node > 0)
		message_append(message, &message_last(message)->output,
			&message_last(message)->n_output, (void *)name);
}

const char *message_node(struct message *message, const char *type, uint32_t n_inputs,
	const char *const *inputs, const char *output)
{
	Onnx__NodeProto *node = message_take(message, sizeof(*node));

	if (!output)
		output = message_name(message);
	if (!node || !output)
		return output;
	onnx__node_proto__init(node);
	node->op_type = (char *)type;
	node->name = (char *)output;
	for (uint32_t i = 0; i < n_inputs; i++)
		message_append(message, &node->input, &node->n_input, (void *)inputs[i]);
	message_append(message, &message->onnx->node, &message->onnx->n_node, node);
	message_output(message, output);
	return output;
}

static Onnx__AttributeProto *message_attr(
	struct message *message, const char *name, Onnx__AttributeProto__AttributeType type)
{
	Onnx__AttributeProto *attr = message_take(message, sizeof(*attr));

	if (!attr || message->onnx->n_node == 0)
		return NULL;
	onnx__attribute_proto__init(attr);
	attr->name = (char *)name;
	attr->has_type = true;
	attr->type = type;
	message_append(message, &message_last(message)->attribute,
		&message_last(message)->n_attribute, attr);
	return attr;
}

void message_int(struct message *message, const char *name, int64_t value)
{
	Onnx__AttributeProto *attr =
		message_attr(message, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

	if (attr) {
		attr->has_i = true;
		attr->i = value;
	}
}

void message_float(struct message *message, const char *name, float value)
{
	Onnx__AttributeProto *attr =
		message_attr(message, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

	if (attr) {
		attr->has_f = true;
		attr->f = value;
	}
}

void message_text(struct message *message, const char *name, const char *value)
{
	Onnx__AttributeProto *attr =
		message_attr(message, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

	if (attr) {
		attr->has_s = true;
		attr->s = (ProtobufCBinaryData){ strlen(value), (uint8_t *)value };
	}
}

void message_ints(struct message *message, const char *name, size_t n, const int64_t *values)
{
	Onnx__AttributeProto *attr =
		message_attr(message, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

	if (attr) {
		attr->n_ints = n;
		attr->ints = (int64_t *)values;
	}
}

void message_floats(struct message *message, const char *name, size_t n, const float *values)
{
	Onnx__AttributeProto *attr =
		message_attr(message, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);

	if (attr) {
		attr->n_floats = n;
		attr->floats = (float *)values;
	}
}

void message_texts(struct message *message, const char *name, size_t n, const char *const *values)
{
	Onnx__AttributeProto *attr =
		message_attr(message, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);

	if (!attr)
		return;
	attr->strings = message_take(message, (n + 1) * sizeof(*attr->strings));
	for (size_t i = 0; attr->strings && i < n; i++)
		attr->strings[attr->n_strings++] =
			(ProtobufCBinaryData){ strlen(values[i]), (uint8_t *)values[i] };
}

void message_is_ml(struct message *message)
{
	message->trees = true;
	if (message->onnx->n_node > 0)
		message_last(message)->domain = (char *)"ai.onnx.ml";
}

// --- The model -----------------------------------------------------------------------------------

static Onnx__ValueInfoProto *message_port(struct message *message, uint32_t number, bool batch)
{
	const struct tensor *tensor = &message->graph->tensors[number];
	Onnx__ValueInfoProto *port = message_take(message, sizeof(*port));
	Onnx__TypeProto *type = message_take(message, sizeof(*type));
	Onnx__TypeProto__Tensor *of = message_take(message, sizeof(*of));
	Onnx__TensorShapeProto *shape = message_take(message, sizeof(*shape));

	if (!port || !type || !of || !shape)
		return NULL;
	onnx__value_info_proto__init(port);
	onnx__type_proto__init(type);
	onnx__type_proto__tensor__init(of);
	onnx__tensor_shape_proto__init(shape);
	port->name = (char *)tensor->name;
	port->type = type;
	type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	type->tensor_type = of;
	of->has_elem_type = true;
	of->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	of->shape = shape;
	for (uint32_t i = 0; i < tensor->rank; i++) {
		Onnx__TensorShapeProto__Dimension *dim = message_take(message, sizeof(*dim));

		if (!dim)
			return NULL;
		onnx__tensor_shape_proto__dimension__init(dim);
		if (i == 0 && batch) {
			dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
			dim->dim_param = (char *)"N";
		} else {
			dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
			dim->dim_value = tensor->dims[i];
		}
		message_append(message, &shape->dim, &shape->n_dim, dim);
	}
	return port;
}

void message_ports(struct message *message, bool batch)
{
	const struct graph *graph = message->graph;

	for (uint32_t i = 0; i < graph->n_inputs; i++)
		message_append(message, &message->onnx->input, &message->onnx->n_input,
			message_port(message, graph->inputs[i].tensor, batch));
	for (uint32_t i = 0; i < graph->n_outputs; i++)
		message_append(message, &message->onnx->output, &message->onnx->n_output,
			message_port(message, graph->outputs[i].tensor, batch));
}

int message_pack(
	struct message *message, const char *name, void **bytes, size_t *size, struct error *err)
{
	Onnx__OperatorSetIdProto sets[2] = { ONNX__OPERATOR_SET_ID_PROTO__INIT,
		ONNX__OPERATOR_SET_ID_PROTO__INIT };
	Onnx__OperatorSetIdProto *imports[2] = { &sets[0], &sets[1] };
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;

	if (message->out_of_memory)
		return error_set(err, -ENOMEM, "out of memory");
	sets[0].has_version = sets[1].has_version = true;
	sets[0].domain = (char *)"";
	sets[0].version = ONNX_OPSET;
	sets[1].domain = (char *)"ai.onnx.ml";
	sets[1].version = ONNX_ML;
	model.has_ir_version = true;
	model.ir_version = ONNX_IR;
	model.opset_import = imports;
	model.n_opset_import = message->trees ? 2 : 1;
	model.producer_name = (char *)"martlet";
	model.producer_version = (char *)martlet_version;
	model.graph = message->onnx;
	message->onnx->name = (char *)name;
	*size = onnx__model_proto__get_packed_size(&model);
	if (*size > ONNX_BYTES_MAX)
		return error_set(err, -EFBIG, "it would take %zu bytes, a file of ONNX at most %zu",
			*size, ONNX_BYTES_MAX);
	*bytes = malloc(*size + 1);
	if (!*bytes)
		return error_set(err, -ENOMEM, "out of memory for %zu bytes", *size);
	onnx__model_proto__pack(&model, *bytes);
	return 0;
}
