// SPDX-License-Identifier: BSD-3-Clause
// Distances of each row from constant rows: CDist of com.microsoft, and the form of Scan by
// which skl2onnx spells the same (algebra/complex_functions.py, onnx_cdist): a state that
// does not change, and of it and each row of the other input a sum over the columns of
// |state - row|^p.
#include "infer/import/onnx/ops/distance.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/values.h"

#include <string.h>

#define BODY_NODES_MAX 16

struct distance_body {
	struct onnx *onnx;
	const struct onnx_node *node;
	const Onnx__GraphProto *graph;
	enum distance mode;
	float power;
	bool refused; // a constant cannot be read, or memory is out
};

static const Onnx__NodeProto *body_producer(const struct distance_body *body, const char *name)
{
	for (size_t n = 0; n < body->graph->n_node; n++) {
		const Onnx__NodeProto *node = body->graph->node[n];

		if (node->n_output == 1 && strcmp(node->output[0], name) == 0)
			return node;
	}
	return NULL;
}

// The name of which `name` is another one.
static const char *body_origin(const struct distance_body *body, const char *name)
{
	for (size_t steps = 0; steps < body->graph->n_node; steps++) {
		const Onnx__NodeProto *node = body_producer(body, name);

		if (!node || strcmp(onnx_text(node->op_type), "Identity") != 0 ||
			node->n_input != 1)
			break;
		name = node->input[0];
	}
	return name;
}

// A constant of the body, of the file around it, or none.
static const struct tensor *body_constant(struct distance_body *body, const char *name)
{
	const Onnx__NodeProto *made = body_producer(body, name);
	const Onnx__TensorProto *proto = NULL;
	struct onnx *onnx = body->onnx;
	uint32_t tensor = GRAPH_NONE;

	for (size_t i = 0; i < body->graph->n_initializer; i++) {
		if (strcmp(onnx_text(body->graph->initializer[i]->name), name) == 0)
			proto = body->graph->initializer[i];
	}
	if (made && strcmp(onnx_text(made->op_type), "Constant") == 0 && made->n_attribute == 1)
		proto = made->attribute[0]->t;
	if (proto) {
		const char *fresh = onnx_fresh_name(onnx, body->node->name, '#');

		body->refused = !fresh || onnx_tensor(onnx, proto, fresh, "constant", &tensor) != 0;
		if (body->refused)
			return NULL;
	} else if (onnx_value_exists(onnx, name)) {
		tensor = onnx_value(onnx, name)->tensor;
	}
	return tensor == GRAPH_NONE || !onnx->graph->tensors[tensor].data
		? NULL
		: &onnx->graph->tensors[tensor];
}

// One number in float32 or int64.
static bool body_number(struct distance_body *body, const char *name, float *number)
{
	const struct tensor *tensor = body_constant(body, name);

	if (!tensor || tensor_elements(tensor) != 1 ||
		(tensor->dtype != DTYPE_F32 && tensor->dtype != DTYPE_I64))
		return false;
	*number = tensor->dtype == DTYPE_F32 ? *(const float *)tensor->data
					     : (float)*(const int64_t *)tensor->data;
	return true;
}

// Does the reduction run over axis 1 alone, which does not stay?
static bool body_reduces_columns(struct distance_body *body, const Onnx__NodeProto *reduce)
{
	bool columns = false, stays = true;

	for (size_t a = 0; a < reduce->n_attribute; a++) {
		const Onnx__AttributeProto *attr = reduce->attribute[a];
		const char *name = onnx_text(attr->name);

		if (strcmp(name, "keepdims") == 0)
			stays = !attr->has_i || attr->i != 0;
		else if (strcmp(name, "axes") == 0)
			columns = attr->n_ints == 1 && (attr->ints[0] == 1 || attr->ints[0] == -1);
	}
	if (reduce->n_input == 2) {
		float axis;

		columns = body_number(body, reduce->input[1], &axis) && (axis == 1 || axis == -1);
	}
	return columns && !stays;
}

static bool is_type(const Onnx__NodeProto *node, const char *type, size_t n_inputs)
{
	return node && strcmp(onnx_text(node->op_type), type) == 0 && node->n_input >= n_inputs;
}

// Is `name` the difference of the state and the row, either way round?
static bool body_is_difference(const struct distance_body *body, const char *name)
{
	const Onnx__NodeProto *node = body_producer(body, body_origin(body, name));
	const char *state = body->graph->input[0]->name, *row = body->graph->input[1]->name;
	const char *a, *b;

	if (!is_type(node, "Sub", 2))
		return false;
	a = body_origin(body, node->input[0]);
	b = body_origin(body, node->input[1]);
	return (strcmp(a, state) == 0 && strcmp(b, row) == 0) ||
		(strcmp(a, row) == 0 && strcmp(b, state) == 0);
}

static bool body_is_size(const struct distance_body *body, const char *name)
{
	const Onnx__NodeProto *node = body_producer(body, body_origin(body, name));

	return is_type(node, "Abs", 1) && body_is_difference(body, node->input[0]);
}

// What is summed up: the size of the difference, its square, or another power of it.
static bool body_read_term(struct distance_body *body, const char *name)
{
	const Onnx__NodeProto *node = body_producer(body, body_origin(body, name));

	body->power = 1;
	if (is_type(node, "Mul", 2)) {
		body->mode = DISTANCE_SQUARES;
		return body_is_difference(body, node->input[0]) &&
			body_is_difference(body, node->input[1]);
	}
	if (is_type(node, "Pow", 2)) {
		body->mode = DISTANCE_POWERS;
		if (!body_number(body, node->input[1], &body->power))
			return false;
		if (body->power == 2)
			body->mode = DISTANCE_SQUARES;
		return body_is_size(body, node->input[0]) ||
			(body->power == 2 && body_is_difference(body, node->input[0]));
	}
	body->mode = DISTANCE_ABSOLUTE;
	return body_is_size(body, name);
}

static bool body_read(struct distance_body *body)
{
	const Onnx__GraphProto *graph = body->graph;
	const Onnx__NodeProto *reduce;

	if (graph->n_input != 2 || graph->n_output != 2 || graph->n_node > BODY_NODES_MAX)
		return false;
	for (size_t i = 0; i < 2; i++) {
		if (!graph->input[i]->name || !graph->output[i]->name)
			return false;
	}
	if (strcmp(body_origin(body, graph->output[0]->name), graph->input[0]->name) != 0)
		return false;
	reduce = body_producer(body, body_origin(body, graph->output[1]->name));
	if (!reduce || reduce->n_input < 1 || !body_reduces_columns(body, reduce))
		return false;
	if (is_type(reduce, "ReduceSumSquare", 1)) {
		body->mode = DISTANCE_SQUARES;
		return body_is_difference(body, reduce->input[0]);
	}
	if (is_type(reduce, "ReduceMax", 1)) {
		body->mode = DISTANCE_LARGEST;
		return body_is_size(body, reduce->input[0]);
	}
	return is_type(reduce, "ReduceSum", 1) && body_read_term(body, reduce->input[0]);
}

// [M, K] of x [M, C] and constant y [K, C].
static uint32_t emit_distance(struct onnx *onnx, const struct onnx_node *node, enum distance mode,
	float power, uint32_t x, uint32_t y)
{
	const struct attr attrs[2] = { ONNX_INT(ATTR_MODE, mode), ONNX_FLOAT(ATTR_ALPHA, power) };
	const uint32_t inputs[2] = { onnx_as(onnx, node, x, DTYPE_F32),
		onnx_as(onnx, node, y, DTYPE_F32) };

	return inputs[1] == GRAPH_NONE ? GRAPH_NONE
				       : onnx_emit(onnx, node, OP_DISTANCE, 2, inputs, 2, attrs);
}

static int scan_read_attrs(struct onnx *onnx, const struct onnx_node *node, bool *plain)
{
	static const char *const LISTS[] = { "scan_input_axes", "scan_input_directions",
		"scan_output_axes", "scan_output_directions" };
	int64_t n;

	if (onnx_int(onnx, node, "num_scan_inputs", 0, &n))
		return onnx_refused(onnx);
	*plain = n == 1;
	for (size_t i = 0; i < sizeof(LISTS) / sizeof(*LISTS); i++) {
		const Onnx__AttributeProto *attr;

		if (onnx_attr(onnx, node, LISTS[i], ONNX_ATTRIBUTE(INTS), &attr))
			return onnx_refused(onnx);
		for (size_t v = 0; attr && v < attr->n_ints; v++)
			*plain &= attr->ints[v] == 0;
	}
	return 0;
}

// Of a constant state [K, C] and the batch's rows, one at a time, the scan gives the distances [M, K]; of
// the batch as the state and constant rows, [K, M].
int onnx_scan_of_distances(struct onnx *onnx, const struct onnx_node *node, bool *is_one)
{
	struct distance_body body = { .onnx = onnx, .node = node };
	const Onnx__AttributeProto *attr;
	const struct tensor *state, *rows;
	int64_t dims[2];
	bool plain, constant_rows;
	uint32_t made;

	*is_one = false;
	if (node->n_inputs != 2)
		return 0;
	if (onnx_attr(onnx, node, "body", ONNX_ATTRIBUTE(GRAPH), &attr) ||
		scan_read_attrs(onnx, node, &plain))
		return onnx_refused(onnx);
	body.graph = attr ? attr->g : NULL;
	state = onnx_input(onnx, node, 0);
	rows = onnx_input(onnx, node, 1);
	if (onnx->opset < 9 || !plain || !body.graph || state->rank != 2 || rows->rank != 2 ||
		!state->data == !rows->data)
		return 0;
	constant_rows = rows->data != NULL; // tensors may move from here on
	if (!body_read(&body))
		return body.refused ? onnx_refused(onnx) : 0;
	*is_one = true;
	made = constant_rows
		? emit_distance(onnx, node, body.mode, body.power, node->inputs[0], node->inputs[1])
		: emit_distance(
			  onnx, node, body.mode, body.power, node->inputs[1], node->inputs[0]);
	if (made == GRAPH_NONE)
		return onnx_refused(onnx);
	if (constant_rows) {
		const int64_t m = onnx->graph->tensors[made].dims[0];

		dims[0] = onnx->graph->tensors[made].dims[1];
		dims[1] = m;
		if (m != 1)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"the state has %lld rows; a batch of rows is possible",
				(long long)m);
		made = onnx_emit_reshape(onnx, node, made, 2, dims);
	}
	// The state is given back as it is.
	if (onnx_output(onnx, node, 1, made) ||
		(node->proto->n_output > 0 && *node->proto->output[0] &&
			onnx_output(onnx, node, 0,
				onnx_emit_one(onnx, node, OP_IDENTITY, node->inputs[0]))))
		return onnx_refused(onnx);
	return 0;
}

static int import_cdist(struct onnx *onnx, const struct onnx_node *node)
{
	const char *metric;
	bool squares;
	uint32_t made;

	if (onnx_string(onnx, node, "metric", "sqeuclidean", &metric))
		return onnx_refused(onnx);
	squares = strcmp(metric, "sqeuclidean") == 0;
	if (!squares && strcmp(metric, "euclidean") != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"metric is '%.20s', should be euclidean or sqeuclidean", metric);
	if (!onnx_input(onnx, node, 1)->data)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 1 is computed; distances from constant rows are supported");
	made = emit_distance(onnx, node, DISTANCE_SQUARES, 1, node->inputs[0], node->inputs[1]);
	if (made != GRAPH_NONE && !squares)
		made = onnx_emit_one(onnx, node, OP_SQRT, made);
	return onnx_output(onnx, node, 0, made);
}

const struct onnx_operator ONNX_MICROSOFT_DISTANCE[] = {
	{ "CDist", 2, 2, .import = import_cdist },
	{ .type = NULL },
};
