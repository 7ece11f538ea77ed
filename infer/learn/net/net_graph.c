// SPDX-License-Identifier: BSD-3-Clause
// A network from and to a graph.
#include "infer/graph/arena.h"
#include "infer/graph/graph.h"
#include "infer/import/build.h"
#include "infer/infer.h"
#include "infer/learn/data/fill.h"
#include "infer/learn/describe.h"
#include "infer/learn/net/net.h"
#include "infer/ops/check.h"

#include <string.h>

// --- From a graph --------------------------------------------------------------------------------

// The chain of a graph so far.
struct net_chain {
	const struct graph *graph;
	uint32_t at; // tensor that the next node must read
	uint32_t n_in, n_layers;
	struct net_shape shapes[NET_LAYERS_MAX];
	uint32_t nodes[NET_LAYERS_MAX];
	enum net_head head;
};

#define chain_refuse(node, err, ...)                                                               \
	(error_set(err, -ENOTSUP, __VA_ARGS__),                                                    \
		error_prefix(err, "node %s (%s)", (node)->name, op_name((node)->op)))

// Inputs of a layer are constant float32, but for the first.
static int chain_check_constants(
	const struct net_chain *chain, const struct node *node, struct error *err)
{
	for (uint32_t i = 1; i < node->n_inputs; i++) {
		const struct tensor *tensor;

		if (node->inputs[i] == GRAPH_NONE)
			continue;
		tensor = &chain->graph->tensors[node->inputs[i]];
		if (!tensor->data)
			return chain_refuse(node, err,
				"its %s is computed, only constants are trained", tensor->name);
		if (tensor->dtype != DTYPE_F32)
			return chain_refuse(node, err,
				"its %s is %s, only a model whose weights are float32 is trained",
				tensor->name, dtype_name(tensor->dtype));
	}
	return 0;
}

static int chain_add_layer(
	struct net_chain *chain, uint32_t n, const struct node *node, struct error *err)
{
	const struct tensor *y = &chain->graph->tensors[node->outputs[0]];
	int rc = chain_check_constants(chain, node, err);

	if (rc != 0)
		return rc;
	if (chain->n_layers == NET_LAYERS_MAX)
		return chain_refuse(node, err, "a network of more than %u layers is not trained",
			NET_LAYERS_MAX);
	chain->nodes[chain->n_layers] = n;
	chain->shapes[chain->n_layers++] = (struct net_shape){
		.n_out = (uint32_t)y->dims[y->rank - 1],
		.affine = node->op == OP_AFFINE,
		.bias = node->op == OP_AFFINE ||
			(node->n_inputs > 2 && node->inputs[2] != GRAPH_NONE),
		.act = act_of_attributes(node),
	};
	return 0;
}

// An activation by itself: the one of the layer before, which has none of its own, or of an affine that changes
// nothing else, which a graph that has been through the passes does not need.
static int chain_add_activation(
	struct net_chain *chain, const struct node *node, const struct act *act, struct error *err)
{
	struct act *last = chain->n_layers > 0 ? &chain->shapes[chain->n_layers - 1].act : NULL;

	if (!last || last->kind != ACTIVATION_NONE)
		return chain_refuse(node, err, "it follows no layer that could carry it");
	*last = *act;
	return 0;
}

static int chain_add(
	struct net_chain *chain, uint32_t n, const struct node *node, struct error *err)
{
	const struct act act = act_of_operator(node);

	if (chain->head != NET_PLAIN)
		return chain_refuse(node, err, "it follows the softmax, which must be the last");
	if (node->op == OP_DENSE || node->op == OP_AFFINE)
		return chain_add_layer(chain, n, node, err);
	if (node->op == OP_SOFTMAX || node->op == OP_LOG_SOFTMAX) {
		chain->head = node->op == OP_SOFTMAX ? NET_SOFTMAX : NET_LOG_SOFTMAX;
		return 0;
	}
	if (node->op == OP_IDENTITY)
		return 0;
	if (act.kind != ACTIVATION_NONE)
		return chain_add_activation(chain, node, &act, err);
	return chain_refuse(node, err,
		"it is no part of a network of dense layers, affines, activations and a softmax "
		"at the end");
}

static int chain_walk(struct net_chain *chain, struct error *err)
{
	const struct graph *graph = chain->graph;

	if (graph->n_inputs != 1 || graph->n_outputs != 1)
		return error_set(err, -ENOTSUP,
			"the model has %u inputs and %u outputs, a network of dense layers one of "
			"each",
			graph->n_inputs, graph->n_outputs);
	chain->at = graph->inputs[0].tensor;
	chain->n_in = graph->n_features;
	// Rows that are trained with are filled by who reads them.
	for (uint32_t n = fill_front(graph, &chain->at); n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];
		const struct tensor *y = &graph->tensors[node->outputs[0]];
		int rc;

		if (node->inputs[0] != chain->at)
			return chain_refuse(
				node, err, "it does not read what the node before it gives");
		if (tensor_elements(y) != y->dims[y->rank ? y->rank - 1 : 0])
			return chain_refuse(node, err, "its output is %s, not one row",
				tensor_shape_text(y).text);
		rc = chain_add(chain, n, node, err);
		if (rc != 0)
			return rc;
		chain->at = node->outputs[0];
	}
	if (chain->at != graph->outputs[0].tensor || chain->n_layers == 0)
		return error_set(
			err, -ENOTSUP, "the model has no dense layer, or its output is none's");
	return 0;
}

static void net_take_layer(struct net_layer *layer, const struct graph *graph, uint32_t n)
{
	const struct node *node = &graph->nodes[n];
	const float *first = graph->tensors[node->inputs[1]].data;

	layer->node = n;
	memcpy(layer->weights ? layer->weights : layer->scale, first,
		(size_t)(layer->weights ? layer->n_in : 1) * layer->n_out * sizeof(float));
	if (layer->bias)
		memcpy(layer->bias, graph->tensors[node->inputs[2]].data,
			layer->n_out * sizeof(float));
}

int net_from_graph(const struct graph *graph, struct net **net, struct error *err)
{
	struct net_chain chain = { .graph = graph };
	struct act *last;
	int rc = chain_walk(&chain, err);

	*net = NULL;
	if (rc != 0)
		return rc;
	last = &chain.shapes[chain.n_layers - 1].act;
	if (chain.head == NET_PLAIN && last->kind == ACTIVATION_SIGMOID) {
		chain.head = NET_SIGMOID;
		*last = (struct act){ .kind = ACTIVATION_NONE };
	}
	rc = net_create(chain.n_in, chain.n_layers, chain.shapes, chain.head, net, err);
	for (uint32_t i = 0; rc == 0 && i < chain.n_layers; i++)
		net_take_layer(&(*net)->layers[i], graph, chain.nodes[i]);
	return rc;
}

// --- Back into it --------------------------------------------------------------------------------

// The node's constant gets new values and dims; where another node reads it, too, that is refused.
static int net_put_constant(struct graph *graph, const struct node *node, uint32_t input,
	uint32_t rank, const int64_t *dims, const float *values, struct error *err)
{
	struct tensor *tensor = &graph->tensors[node->inputs[input]];
	uint32_t uses = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		for (uint32_t i = 0; i < graph->nodes[n].n_inputs; i++)
			uses += graph->nodes[n].inputs[i] == node->inputs[input];
	}
	if (uses != 1)
		return error_set(err, -EINVAL, "node %s: %s is the weights of %u nodes", node->name,
			tensor->name, uses);
	tensor->rank = rank;
	memcpy(tensor->dims, dims, rank * sizeof(*dims));
	tensor->folded = NULL;
	tensor->data = arena_memdup(graph->arena, values, tensor_bytes(tensor));
	return tensor->data ? 0 : error_set(err, -ENOMEM, "out of memory for %s", tensor->name);
}

static int net_put_layer(struct graph *graph, const struct net_layer *layer, struct error *err)
{
	const struct node *node = &graph->nodes[layer->node];
	const int64_t dims[2] = { layer->n_in, layer->n_out };
	struct tensor *y = &graph->tensors[node->outputs[0]];
	int rc = layer->weights ? net_put_constant(graph, node, 1, 2, dims, layer->weights, err)
				: net_put_constant(graph, node, 1, 1, dims + 1, layer->scale, err);

	if (rc == 0 && layer->bias)
		rc = net_put_constant(graph, node, 2, 1, dims + 1, layer->bias, err);
	y->dims[y->rank - 1] = layer->n_out;
	return rc;
}

int net_put_back(const struct net *net, struct graph *graph, struct error *err)
{
	for (uint32_t i = 0; i < net->n_layers; i++) {
		int rc = net_put_layer(graph, &net->layers[i], err);

		if (rc != 0)
			return rc;
	}
	// What stands between the layers has their widths.
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];
		const struct tensor *x = &graph->tensors[node->inputs[0]];
		struct tensor *y = &graph->tensors[node->outputs[0]];

		if (node->op != OP_DENSE)
			y->dims[y->rank - 1] = x->dims[x->rank - 1];
	}
	return graph_check(graph, err);
}

// --- A new one -----------------------------------------------------------------------------------

static int net_set_act(struct graph *graph, const struct act *act, struct error *err)
{
	struct node *node = &graph->nodes[graph->n_nodes - 1];

	if (act->kind == ACTIVATION_NONE)
		return 0;
	if (node_set_int(graph, node, ATTR_ACTIVATION, act->kind) ||
		node_set_float(graph, node, ATTR_ALPHA, act->alpha) ||
		node_set_float(graph, node, ATTR_BETA, act->beta))
		return error_set(err, -ENOMEM, "out of memory for an activation");
	return 0;
}

static uint32_t net_constant(struct graph *graph, uint32_t rank, const int64_t *dims,
	const float *values, struct error *err)
{
	float *data;
	uint32_t tensor = build_constant(graph, rank, dims, &data, err);

	if (tensor != GRAPH_NONE)
		memcpy(data, values, tensor_bytes(&graph->tensors[tensor]));
	return tensor;
}

static uint32_t net_build_layer(
	struct graph *graph, const struct net_layer *layer, uint32_t x, struct error *err)
{
	const int64_t dims[2] = { layer->n_in, layer->n_out };
	uint32_t inputs[3] = { x, GRAPH_NONE, GRAPH_NONE };

	if (layer->recurrent.steps > 0)
		return recurrent_emit(&layer->recurrent, layer->weights, graph, x, err);
	inputs[1] = layer->weights ? net_constant(graph, 2, dims, layer->weights, err)
				   : net_constant(graph, 1, dims + 1, layer->scale, err);
	if (inputs[1] == GRAPH_NONE)
		return GRAPH_NONE;
	if (layer->bias) {
		inputs[2] = net_constant(graph, 1, dims + 1, layer->bias, err);
		if (inputs[2] == GRAPH_NONE)
			return GRAPH_NONE;
	}
	return build_node(
		graph, layer->weights ? OP_DENSE : OP_AFFINE, layer->bias ? 3 : 2, inputs, err);
}

uint32_t net_emit(const struct net *net, uint32_t first, uint32_t end, struct graph *graph,
	uint32_t x, struct error *err)
{
	const struct act sigmoid = { .kind = ACTIVATION_SIGMOID };

	for (uint32_t i = first; i < end && x != GRAPH_NONE; i++) {
		const bool last = i + 1 == net->n_layers && net->head == NET_SIGMOID;

		x = net_build_layer(graph, &net->layers[i], x, err);
		if (x != GRAPH_NONE &&
			net_set_act(graph, last ? &sigmoid : &net->layers[i].act, err))
			return GRAPH_NONE;
	}
	if (x != GRAPH_NONE && end == net->n_layers &&
		(net->head == NET_SOFTMAX || net->head == NET_LOG_SOFTMAX))
		x = build_node(
			graph, net->head == NET_SOFTMAX ? OP_SOFTMAX : OP_LOG_SOFTMAX, 1, &x, err);
	return x;
}

static int net_build(const struct net *net, struct graph *graph, struct error *err)
{
	uint32_t x = build_input(graph, net->n_in, NULL, err);

	if (x != GRAPH_NONE)
		x = net_emit(net, 0, net->n_layers, graph, x, err);
	return x == GRAPH_NONE ? err->code : build_output(graph, x, err);
}

// What `like` says of its model, as far as the graph has the same columns.
static int net_describe(struct graph *graph, const struct graph *like, struct error *err)
{
	const struct dataset described = { .n_features = like->n_features,
		.feature_names = like->feature_names,
		.target = like->n_class_labels > 0 ? DATASET_CLASSES : DATASET_NONE,
		.class_labels = like->class_labels,
		.n_classes = like->n_class_labels,
		.texts = like->texts,
		.n_texts = like->n_texts };
	struct arena *arena = graph->arena;
	int rc = describe_graph(graph, &described, err);

	if (rc != 0)
		return rc;
	graph->name = like->name ? arena_strdup(arena, like->name) : NULL;
	graph->source_kind = like->source_kind ? arena_strdup(arena, like->source_kind) : NULL;
	memcpy(graph->source_sha256, like->source_sha256, sizeof(graph->source_sha256));
	graph->accepts_missing = like->accepts_missing;
	graph->exact = like->exact;
	for (uint32_t i = 0; like->output_names && like->n_columns_out == graph->n_columns_out &&
		i < graph->n_columns_out;
		i++) {
		graph->output_names[i] = arena_strdup(arena, like->output_names[i]);
		if (!graph->output_names[i])
			return error_set(err, -ENOMEM, "out of memory for the outputs' names");
	}
	if ((like->name && !graph->name) || (like->source_kind && !graph->source_kind))
		return error_set(err, -ENOMEM, "out of memory for the model's name");
	return 0;
}

int net_to_graph(
	const struct net *net, const struct graph *like, struct graph **graph, struct error *err)
{
	int rc;

	*graph = graph_create();
	if (!*graph)
		return error_set(err, -ENOMEM, "out of memory for a graph");
	rc = net_build(net, *graph, err);
	if (rc == 0 && like && like->n_features != net->n_in)
		rc = error_set(err, -EINVAL, "the network takes %u features, the model %u",
			net->n_in, like->n_features);
	if (rc == 0 && like)
		rc = net_describe(*graph, like, err);
	if (rc == 0)
		rc = graph_check(*graph, err);
	if (rc != 0) {
		graph_destroy(*graph);
		*graph = NULL;
	}
	return rc;
}
