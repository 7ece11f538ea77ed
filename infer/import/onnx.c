// SPDX-License-Identifier: BSD-3-Clause
// An ONNX file to a graph: names, inputs, initialisers, nodes in topological order, outputs.
#include "infer/import/onnx.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_BYTES_MAX ((size_t)1 << 30)

static const char *text(const char *s)
{
	return s ? s : "";
}

static struct onnx_value *define(struct onnx *onnx, const char *name, const char *what)
{
	struct onnx_value *value;

	if (!*text(name)) {
		error_set(onnx->err, -EINVAL, "%s has no name", what);
		return NULL;
	}
	value = onnx_value(onnx, name);
	if (value && value->defined) {
		error_set(onnx->err, -EINVAL,
			"'%.80s' is defined twice; names of values must differ", name);
		return NULL;
	}
	if (value)
		value->defined = true;
	return value;
}

static int read_opsets(struct onnx *onnx)
{
	for (size_t i = 0; i < onnx->model->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *set = onnx->model->opset_import[i];
		const char *domain = text(set->domain);

		if (!*domain || strcmp(domain, "ai.onnx") == 0)
			onnx->opset = set->version;
		else if (strcmp(domain, "ai.onnx.ml") == 0)
			onnx->opset_ml = set->version;
	}
	return 0;
}

static int read_initializers(struct onnx *onnx)
{
	if (onnx->proto->n_sparse_initializer != 0)
		return error_set(onnx->err, -ENOTSUP, "sparse initialisers are not supported");
	for (size_t i = 0; i < onnx->proto->n_initializer; i++) {
		const Onnx__TensorProto *proto = onnx->proto->initializer[i];
		struct onnx_value *value = define(onnx, proto->name, "an initialiser");
		uint32_t tensor;
		int rc;

		if (!value)
			return -EINVAL;
		rc = onnx_tensor(onnx, proto, proto->name, "initialiser", &tensor);
		if (rc != 0)
			return rc;
		onnx_value(onnx, proto->name)->tensor = tensor;
	}
	return 0;
}

// Dimensions for one row: an unnamed, symbolic or negative first dimension is the batch.
static int input_dims(struct onnx *onnx, const char *name, const Onnx__TensorShapeProto *shape,
	uint32_t *rank, int64_t *dims)
{
	int64_t elements = 1;

	if (!shape)
		return error_set(onnx->err, -ENOTSUP, "input '%.80s' has no shape", name);
	if (shape->n_dim > GRAPH_RANK_MAX)
		return error_set(onnx->err, -ENOTSUP,
			"input '%.80s' has %zu dimensions, at most %d are supported", name,
			shape->n_dim, GRAPH_RANK_MAX);
	*rank = (uint32_t)shape->n_dim;
	for (uint32_t d = 0; d < *rank; d++) {
		const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];
		bool fixed =
			dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;

		dims[d] = fixed ? dim->dim_value : -1;
		if (d == 0 && dims[d] < 0)
			dims[d] = 1;
		if (dims[d] < 0)
			return error_set(onnx->err, -ENOTSUP,
				"input '%.80s': dimension %u is open; only the first, the batch, "
				"may be",
				name, d);
		if (dims[d] == 0 || dims[d] > MODEL_FEATURES_MAX ||
			(elements *= dims[d]) > MODEL_FEATURES_MAX)
			return error_set(onnx->err, -ENOTSUP,
				"input '%.80s': dimension %u is %lld; a row has 1 to %d features "
				"(leave the batch "
				"dimension open when exporting)",
				name, d, (long long)dims[d], MODEL_FEATURES_MAX);
	}
	return 0;
}

static int read_input(struct onnx *onnx, const Onnx__ValueInfoProto *info)
{
	const Onnx__TypeProto *type = info->type;
	struct graph *graph = onnx->graph;
	int64_t dims[GRAPH_RANK_MAX] = { 0 };
	struct onnx_value *value;
	uint32_t rank = 0, tensor;
	int elem, rc;

	// Before IR version 4 initialisers are listed among the inputs.
	if (onnx_value_exists(onnx, text(info->name)) &&
		onnx_value(onnx, text(info->name))->tensor != GRAPH_NONE &&
		graph->tensors[onnx_value(onnx, text(info->name))->tensor].data)
		return 0;
	value = define(onnx, info->name, "an input");
	if (!value)
		return -EINVAL;
	if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type)
		return error_set(onnx->err, -ENOTSUP,
			"input '%.80s' is no tensor; only tensors are scored", info->name);
	elem = type->tensor_type->elem_type;
	if (elem == ONNX__TENSOR_PROTO__DATA_TYPE__STRING ||
		elem == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL || elem < 1 ||
		elem > ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 ||
		elem == ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64 ||
		elem == ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128)
		return error_set(onnx->err, -ENOTSUP,
			"input '%.80s' has elements of type %d; only numbers can be scored",
			info->name, elem);
	rc = input_dims(onnx, info->name, type->tensor_type->shape, &rank, dims);
	if (rc != 0)
		return rc;
	tensor = graph_add_tensor(graph, info->name, DTYPE_F32, rank, dims, NULL, onnx->err);
	if (tensor == GRAPH_NONE)
		return -ENOMEM;
	value->tensor = tensor;
	onnx->narrowed |= elem == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
	onnx->is_integer[tensor] = elem != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
		elem != ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE &&
		elem != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 &&
		elem != ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
	if (onnx->is_integer[tensor])
		report_add(onnx->report, "input '%.80s' of whole numbers is taken as float32",
			info->name);
	graph->inputs[graph->n_inputs].tensor = tensor;
	graph->inputs[graph->n_inputs++].first_column = graph->n_features;
	graph->n_features += (uint32_t)tensor_elements(&graph->tensors[tensor]);
	if (graph->n_features > MODEL_FEATURES_MAX)
		return error_set(onnx->err, -ENOTSUP, "more than %d features in all inputs",
			MODEL_FEATURES_MAX);
	return 0;
}

static int read_inputs(struct onnx *onnx)
{
	size_t n = onnx->proto->n_input;

	onnx->graph->inputs = arena_calloc(onnx->graph->arena, n + 1, sizeof(struct graph_port));
	if (!onnx->graph->inputs)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		int rc = read_input(onnx, onnx->proto->input[i]);

		if (rc != 0)
			return rc;
	}
	if (onnx->graph->n_inputs == 0)
		return error_set(onnx->err, -EINVAL, "the model has no inputs");
	return 0;
}

// --- Nodes ---------------------------------------------------------------------------------------

static const struct onnx_operator *lookup(struct onnx *onnx, const struct onnx_node *node)
{
	const char *domain = text(node->proto->domain);
	bool ml = strcmp(domain, "ai.onnx.ml") == 0;
	int64_t version = ml ? onnx->opset_ml : onnx->opset;
	int64_t low = ml ? ONNX_ML_OPSET_MIN : ONNX_OPSET_MIN;
	int64_t high = ml ? ONNX_ML_OPSET_MAX : ONNX_OPSET_MAX;
	const struct onnx_operator *op = ml ? ONNX_ML_OPERATORS : ONNX_OPERATORS;
	char all[ERROR_TEXT_BYTES] = "";

	if (!ml && *domain && strcmp(domain, "ai.onnx") != 0) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"domain '%.60s' is not supported; ai.onnx and ai.onnx.ml are", domain);
		return NULL;
	}
	for (; op->type; op++) {
		if (strcmp(op->type, node->type) == 0)
			break;
	}
	if (!op->type) {
		for (op = ml ? ONNX_ML_OPERATORS : ONNX_OPERATORS; op->type; op++) {
			strncat(all, all[0] ? ", " : "", sizeof(all) - strlen(all) - 1);
			strncat(all, op->type, sizeof(all) - strlen(all) - 1);
		}
		onnx_refuse(onnx, node, -ENOTSUP, "operator not supported; supported are %s", all);
		return NULL;
	}
	if (version < low || version > high) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"the file imports opset %lld of %s, supported are %lld to %lld",
			(long long)version, ml ? "ai.onnx.ml" : "ai.onnx", (long long)low,
			(long long)high);
		return NULL;
	}
	return op;
}

// A node on predicted labels only renames them: they are dropped with what is made of them.
static int pass_labels(struct onnx *onnx, const struct onnx_node *node)
{
	static const char *const PASSING[] = { "Cast", "Identity", "Reshape", "Squeeze",
		"Flatten" };

	for (size_t i = 0; i < sizeof(PASSING) / sizeof(*PASSING); i++) {
		struct onnx_value *value;

		if (strcmp(node->type, PASSING[i]) != 0 || node->proto->n_output != 1)
			continue;
		value = onnx_value(onnx, node->proto->output[0]);
		if (!value)
			return -ENOMEM;
		value->is_label = true;
		return 0;
	}
	return onnx_refuse(
		onnx, node, -ENOTSUP, "computes on predicted labels, which are not scored");
}

static int resolve_inputs(struct onnx *onnx, struct onnx_node *node, bool *on_label)
{
	while (node->n_inputs > 0 && !*node->proto->input[node->n_inputs - 1])
		node->n_inputs--; // optional inputs left out at the end
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		const char *name = node->proto->input[i];
		struct onnx_value *value;

		node->inputs[i] = GRAPH_NONE;
		if (!*name)
			continue;
		value = onnx_value(onnx, name);
		if (!value)
			return -ENOMEM;
		if (value->is_label) {
			*on_label = true;
			continue;
		}
		if (value->tensor == GRAPH_NONE)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input %u ('%.80s') is an output that is not supported", i, name);
		node->inputs[i] = value->tensor;
	}
	return 0;
}

static int check_node(
	struct onnx *onnx, const struct onnx_node *node, const struct onnx_operator *op)
{
	if (node->n_inputs < op->inputs_min || node->n_inputs > op->inputs_max)
		return onnx_refuse(onnx, node, -EINVAL, "has %u inputs, should have %u to %u",
			node->n_inputs, op->inputs_min, op->inputs_max);
	if (node->proto->n_output == 0 || !*node->proto->output[0])
		return onnx_refuse(onnx, node, -EINVAL, "has no output");
	for (uint32_t i = 0; i < op->inputs_min && i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
	}
	for (uint32_t i = 0; i < node->n_inputs && !op->takes_integers; i++) {
		if (node->inputs[i] != GRAPH_NONE && onnx->is_integer[node->inputs[i]])
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input %u is of whole numbers; cast it to float first", i);
	}
	for (size_t a = 0; a < node->proto->n_attribute; a++) {
		const Onnx__AttributeProto *attr = node->proto->attribute[a];

		if (attr->g || attr->n_graphs != 0 || *text(attr->ref_attr_name))
			return onnx_refuse(
				onnx, node, -ENOTSUP, "subgraphs and functions are not supported");
	}
	return 0;
}

// What only passes values on passes on that they are whole numbers.
static void inherit_integer(struct onnx *onnx, const struct onnx_node *node)
{
	struct onnx_value *value = onnx_value(onnx, node->proto->output[0]);

	if (!value || value->tensor == GRAPH_NONE)
		return;
	if (strcmp(node->type, "Identity") != 0 && strcmp(node->type, "Dropout") != 0 &&
		strcmp(node->type, "Concat") != 0)
		return;
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] != GRAPH_NONE && onnx->is_integer[node->inputs[i]])
			onnx->is_integer[value->tensor] = true;
	}
}

static int import_node(struct onnx *onnx, uint32_t index)
{
	const Onnx__NodeProto *proto = onnx->proto->node[index];
	struct onnx_node node = { .proto = proto, .type = text(proto->op_type) };
	const struct onnx_operator *op;
	bool on_label = false;
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "%.40s_%u", node.type, index);
	node.name = *text(proto->name) ? proto->name : name;
	op = lookup(onnx, &node);
	if (!op)
		return -ENOTSUP;
	if (proto->n_input > GRAPH_NODE_IO_MAX)
		return onnx_refuse(onnx, &node, -EINVAL, "%zu inputs, at most %d are possible",
			proto->n_input, GRAPH_NODE_IO_MAX);
	node.n_inputs = (uint32_t)proto->n_input;
	node.inputs = arena_calloc(onnx->scratch, node.n_inputs + 1, sizeof(*node.inputs));
	if (!node.inputs)
		return onnx_refuse(onnx, &node, -ENOMEM, "out of memory");
	rc = resolve_inputs(onnx, &node, &on_label);
	if (rc == 0 && on_label)
		return pass_labels(onnx, &node);
	if (rc == 0)
		rc = check_node(onnx, &node, op);
	if (rc == 0)
		rc = op->import(onnx, &node);
	if (rc == 0)
		inherit_integer(onnx, &node);
	return rc;
}

static int define_outputs(struct onnx *onnx)
{
	for (size_t n = 0; n < onnx->proto->n_node; n++) {
		const Onnx__NodeProto *node = onnx->proto->node[n];

		for (size_t o = 0; o < node->n_output; o++) {
			struct onnx_value *value;

			if (!*node->output[o])
				continue;
			value = define(onnx, node->output[o], "an output");
			if (!value)
				return -EINVAL;
			value->producer = (uint32_t)n;
		}
	}
	return 0;
}

struct visit {
	uint32_t node, next_input;
};
enum { VISIT_NEW, VISIT_OPEN, VISIT_DONE };

// Depth first from `root` without recursion: what a node needs comes before it, in whatever order
// the file has them. Meeting an open node again is a cycle.
static int visit(struct onnx *onnx, uint32_t root, struct visit *stack, uint8_t *state)
{
	uint32_t depth = 0;

	stack[0] = (struct visit){ root, 0 };
	state[root] = VISIT_OPEN;
	for (;;) {
		struct visit *top = &stack[depth];
		const Onnx__NodeProto *node = onnx->proto->node[top->node];
		const struct onnx_value *value;

		if (top->next_input == node->n_input) {
			int rc = import_node(onnx, top->node);

			state[top->node] = VISIT_DONE;
			if (rc != 0 || depth-- == 0)
				return rc;
			continue;
		}
		const char *name = node->input[top->next_input++];

		if (!*name)
			continue;
		value = onnx_value_exists(onnx, name) ? onnx_value(onnx, name) : NULL;
		if (!value || !value->defined)
			return error_set(onnx->err, -EINVAL,
				"node '%.80s' (%.40s): input '%.80s' is defined nowhere in the "
				"file",
				text(node->name), text(node->op_type), name);
		if (value->producer == GRAPH_NONE || state[value->producer] == VISIT_DONE)
			continue;
		if (state[value->producer] == VISIT_OPEN)
			return error_set(onnx->err, -EINVAL,
				"node '%.80s' (%.40s): a cycle: its input '%.80s' depends on its "
				"output",
				text(node->name), text(node->op_type), name);
		state[value->producer] = VISIT_OPEN;
		stack[++depth] = (struct visit){ value->producer, 0 };
	}
}

static int import_nodes(struct onnx *onnx)
{
	size_t n = onnx->proto->n_node;
	struct visit *stack = arena_calloc(onnx->scratch, n + 1, sizeof(*stack));
	uint8_t *state = arena_calloc(onnx->scratch, n + 1, 1);
	int rc = 0;

	if (n > GRAPH_NODES_MAX)
		return error_set(onnx->err, -EINVAL, "%zu nodes, at most %u are possible", n,
			GRAPH_NODES_MAX);
	if (!stack || !state)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		if (state[i] == VISIT_NEW)
			rc = visit(onnx, i, stack, state);
	}
	return rc;
}

// --- Outputs and names ---------------------------------------------------------------------------

static int add_output(struct onnx *onnx, const char *name)
{
	struct graph *graph = onnx->graph;
	const struct onnx_value *value =
		onnx_value_exists(onnx, name) ? onnx_value(onnx, name) : NULL;
	struct onnx_node node = { .name = name, .type = "output" };
	uint32_t tensor;

	if (!value || !value->defined)
		return error_set(onnx->err, -EINVAL, "output '%.80s' is computed by no node", name);
	if (value->is_label) {
		report_add(onnx->report,
			"dropped output '%.80s': the predicted label; scores are kept", name);
		return 0;
	}
	tensor = value->tensor;
	if (tensor == GRAPH_NONE || graph->tensors[tensor].data)
		return error_set(onnx->err, -ENOTSUP,
			"output '%.80s' is not computed from the inputs", name);
	if (value->producer == GRAPH_NONE) {
		tensor = onnx_emit(onnx, &node, OP_IDENTITY, 1, &tensor, 0, NULL);
		if (tensor == GRAPH_NONE)
			return -EINVAL;
	}
	graph->outputs[graph->n_outputs].tensor = tensor;
	graph->outputs[graph->n_outputs++].first_column = graph->n_columns_out;
	if (tensor_elements(&graph->tensors[tensor]) > MODEL_OUTPUTS_MAX ||
		(graph->n_columns_out += (uint32_t)tensor_elements(&graph->tensors[tensor])) >
			MODEL_OUTPUTS_MAX)
		return error_set(
			onnx->err, -ENOTSUP, "more than %d output columns", MODEL_OUTPUTS_MAX);
	return 0;
}

static int add_outputs(struct onnx *onnx)
{
	struct graph *graph = onnx->graph;
	size_t n = onnx->proto->n_output;

	graph->outputs = arena_calloc(graph->arena, n + 1, sizeof(*graph->outputs));
	if (!graph->outputs)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		int rc = add_output(onnx, text(onnx->proto->output[i]->name));

		if (rc != 0)
			return rc;
	}
	if (graph->n_columns_out == 0)
		return error_set(onnx->err, -ENOTSUP, "the model has no output of scores");
	return 0;
}

// One name a column: the tensor's where it has one value, else name[i].
static const char **column_names(
	struct graph *graph, const struct graph_port *ports, uint32_t n_ports, uint32_t n_columns)
{
	const char **names = arena_calloc(graph->arena, n_columns, sizeof(*names));
	char name[300];

	for (uint32_t p = 0, c = 0; names && p < n_ports; p++) {
		const struct tensor *tensor = &graph->tensors[ports[p].tensor];
		uint32_t n = (uint32_t)tensor_elements(tensor);

		for (uint32_t i = 0; i < n; i++, c++) {
			snprintf(name, sizeof(name), n == 1 ? "%.200s" : "%.200s[%u]", tensor->name,
				i);
			names[c] = arena_strdup(graph->arena, name);
			if (!names[c])
				return NULL;
		}
	}
	return names;
}

static int name_columns(struct onnx *onnx)
{
	struct graph *graph = onnx->graph;

	if (graph->n_class_labels != 0 && graph->n_class_labels != graph->n_columns_out) {
		// Labels that name no columns, as of one score: kept out, they would mislead.
		report_add(onnx->report, "%u class labels for %u output columns: not kept",
			graph->n_class_labels, graph->n_columns_out);
		graph->n_class_labels = 0;
	}
	graph->output_names =
		column_names(graph, graph->outputs, graph->n_outputs, graph->n_columns_out);
	// Inputs of one column each are named after their columns by those who export data frames.
	if (graph->n_inputs == graph->n_features && graph->n_inputs > 1)
		graph->feature_names =
			column_names(graph, graph->inputs, graph->n_inputs, graph->n_features);
	return graph->output_names ? 0 : error_set(onnx->err, -ENOMEM, "out of memory");
}

static int import_model(struct onnx *onnx)
{
	int rc;

	onnx->proto = onnx->model->graph;
	if (!onnx->proto)
		return error_set(onnx->err, -EINVAL, "not an ONNX model: it has no graph");
	onnx->is_integer = arena_calloc(onnx->scratch, GRAPH_TENSORS_MAX, sizeof(bool));
	if (!onnx->is_integer)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	onnx->graph->source_kind = "onnx";
	randombytes_buf(onnx->hash_key, sizeof(onnx->hash_key));
	if (!onnx_value(onnx, ""))
		return -ENOMEM;
	rc = read_opsets(onnx);
	if (rc == 0)
		rc = read_initializers(onnx);
	if (rc == 0)
		rc = read_inputs(onnx);
	if (rc == 0)
		rc = define_outputs(onnx);
	if (rc == 0)
		rc = import_nodes(onnx);
	if (rc == 0)
		rc = add_outputs(onnx);
	if (rc == 0)
		rc = name_columns(onnx);
	if (rc == 0 && onnx->narrowed)
		report_add(onnx->report, "double precision values are computed in float32");
	return rc ? rc : graph_check(onnx->graph, onnx->err);
}

int import_onnx(const void *bytes, size_t size, struct graph **graph, struct compile_report *report,
	struct error *err)
{
	struct onnx onnx = { .report = report, .err = err };
	int rc;

	*graph = NULL;
	if (sodium_init() < 0)
		return error_set(err, -EIO, "libsodium has no random numbers");
	rc = onnx_parse(bytes, size, &onnx.model, err);
	if (rc != 0)
		return rc;
	onnx.scratch = arena_create(SCRATCH_BYTES_MAX);
	onnx.graph = graph_create();
	rc = onnx.scratch && onnx.graph ? import_model(&onnx)
					: error_set(err, -ENOMEM, "out of memory");
	arena_destroy(onnx.scratch);
	onnx_free_model(onnx.model);
	if (rc == 0)
		*graph = onnx.graph;
	else
		graph_destroy(onnx.graph);
	return rc;
}
