// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/bodies.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/inputs.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/values.h"

#include <string.h>

#define BODIES_DEEP 8 // a body in a body: each is a few calls on the stack

// What the import works on while it is within the body.
struct around {
	const Onnx__GraphProto *proto;
	const struct onnx_opsets *node_opsets;
	struct onnx_opsets opsets;
	int64_t opset;
};

static void bodies_go_in(struct onnx *onnx, const Onnx__GraphProto *proto, struct around *around)
{
	*around = (struct around){ onnx->proto, onnx->node_opsets, onnx->opsets, onnx->opset };
	onnx->opsets = onnx->at;
	onnx->proto = proto;
	onnx->node_opsets = NULL;
	onnx->depth++;
}

static void bodies_go_out(struct onnx *onnx, const struct around *around)
{
	onnx->at = onnx->opsets;
	onnx->proto = around->proto;
	onnx->node_opsets = around->node_opsets;
	onnx->opsets = around->opsets;
	onnx->opset = around->opset;
	onnx->depth--;
}

// Sets a name aside: within the body it is not defined yet.
static int bodies_set_aside(struct onnx *onnx, struct onnx_body *body, const char *name)
{
	struct onnx_value *value;

	if (!*onnx_text(name))
		return 0;
	value = onnx_value(onnx, name);
	if (!value)
		return onnx_refused(onnx);
	body->names[body->n_names] = value->name;
	body->outside[body->n_names++] = *value;
	*value = (struct onnx_value){
		.name = value->name, .tensor = GRAPH_NONE, .producer = GRAPH_NONE, .is_read = true
	};
	return 0;
}

static int bodies_set_all_aside(struct onnx *onnx, struct onnx_body *body)
{
	const Onnx__GraphProto *proto = body->proto;
	size_t n = proto->n_input + proto->n_initializer;
	int rc = 0;

	for (size_t i = 0; i < proto->n_node; i++)
		n += proto->node[i]->n_output;
	body->names = arena_calloc(onnx->scratch, n + 1, sizeof(*body->names));
	body->outside = arena_calloc(onnx->scratch, n + 1, sizeof(*body->outside));
	if (!body->names || !body->outside)
		return onnx_refuse_memory(onnx, body->node);
	for (size_t i = 0; i < proto->n_input && rc == 0; i++)
		rc = bodies_set_aside(onnx, body, proto->input[i]->name);
	for (size_t i = 0; i < proto->n_initializer && rc == 0; i++)
		rc = bodies_set_aside(onnx, body, proto->initializer[i]->name);
	for (size_t i = 0; i < proto->n_node; i++) {
		for (size_t o = 0; o < proto->node[i]->n_output && rc == 0; o++)
			rc = bodies_set_aside(onnx, body, proto->node[i]->output[o]);
	}
	return rc;
}

int onnx_body_enter(
	struct onnx *onnx, const struct onnx_node *node, const char *name, struct onnx_body *body)
{
	const Onnx__AttributeProto *attr;
	struct around around;
	int rc;

	*body = (struct onnx_body){ .node = node };
	if (onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(GRAPH), &attr))
		return onnx_refused(onnx);
	if (!attr || !attr->g)
		return onnx_refuse(
			onnx, node, -EINVAL, "attribute '%s', a graph, is missing", name);
	if (onnx->depth == BODIES_DEEP)
		return onnx_refuse(
			onnx, node, -ENOTSUP, "graphs in graphs, more than %d deep", BODIES_DEEP);
	body->proto = attr->g;
	rc = bodies_set_all_aside(onnx, body);
	if (rc != 0)
		return rc;
	bodies_go_in(onnx, body->proto, &around);
	rc = onnx_read_initializers(onnx);
	for (size_t i = 0; i < body->proto->n_input && rc == 0; i++) {
		if (!onnx_define(onnx, body->proto->input[i]->name, "an input of a body"))
			rc = onnx_refused(onnx);
	}
	if (rc == 0)
		rc = onnx_define_outputs(onnx);
	bodies_go_out(onnx, &around);
	return rc == 0 ? 0 : onnx_refuse_as(onnx, node);
}

// Constants keep what the first round made of them.
static bool bodies_is_made(struct onnx *onnx, const Onnx__NodeProto *node)
{
	return strcmp(onnx_text(node->op_type), "Constant") == 0 && node->n_output == 1 &&
		onnx_value_exists(onnx, node->output[0]) &&
		onnx_value(onnx, node->output[0])->tensor != GRAPH_NONE;
}

static int bodies_run_nodes(struct onnx *onnx, const struct onnx_body *body)
{
	int rc = 0;

	for (uint32_t n = 0; n < body->proto->n_node && rc == 0; n++) {
		if (onnx->n_in_bodies++ == GRAPH_NODES_MAX)
			return onnx_refuse(onnx, body->node, -ENOTSUP,
				"the rounds of all loops have more than %u nodes", GRAPH_NODES_MAX);
		if (body->rounds == 0 || !bodies_is_made(onnx, body->proto->node[n]))
			rc = onnx->import_node(onnx, n);
	}
	return rc;
}

int onnx_body_run(
	struct onnx *onnx, struct onnx_body *body, const uint32_t *inputs, uint32_t *outputs)
{
	const Onnx__GraphProto *proto = body->proto;
	struct around around;
	int rc;

	for (size_t i = 0; i < proto->n_input; i++)
		onnx_value(onnx, proto->input[i]->name)->tensor = inputs[i];
	bodies_go_in(onnx, proto, &around);
	rc = bodies_run_nodes(onnx, body);
	bodies_go_out(onnx, &around);
	body->rounds++;
	for (size_t o = 0; o < proto->n_output && rc == 0; o++) {
		const char *name = onnx_text(proto->output[o]->name);

		outputs[o] =
			onnx_value_exists(onnx, name) ? onnx_value(onnx, name)->tensor : GRAPH_NONE;
		if (outputs[o] == GRAPH_NONE)
			rc = onnx_refuse(onnx, body->node, -ENOTSUP,
				"output '%.80s' of its body is computed by no node", name);
	}
	return rc;
}

int onnx_body_leave(struct onnx *onnx, const struct onnx_body *body)
{
	for (size_t n = body->n_names; n-- > 0;) {
		struct onnx_value *value = onnx_value(onnx, body->names[n]);

		if (!value)
			return onnx_refused(onnx);
		*value = body->outside[n];
	}
	return 0;
}
