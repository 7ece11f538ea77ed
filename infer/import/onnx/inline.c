// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/inline.h"
#include "infer/graph/text.h"
#include "infer/import/onnx/functions.h"

#include <string.h>

#define PART_BYTES 60 // of a name in a name: names do not grow with each call in a call

struct body { // nodes as they are made
	Onnx__NodeProto **nodes;
	struct onnx_opsets *opsets;
	size_t n, size;
};

struct scope { // of one call; that of the model's graph has no function and renames nothing
	struct onnx_function *function;
	const Onnx__NodeProto *call;
	const char *prefix;
	struct onnx_opsets opsets;
	uint32_t depth;
};

struct inliner {
	struct onnx *onnx;
	struct onnx_functions functions;
	size_t n_calls, n_nodes; // replaced, and made, so far
};

static const char *call_name(const Onnx__NodeProto *call)
{
	return *onnx_text(call->name) ? call->name : onnx_text(call->op_type);
}

// What a name of the body is called outside; NULL: out of memory.
static char *rename_value(struct inliner *in, const struct scope *scope, char *name)
{
	static char none[1];
	const Onnx__NodeProto *call = scope->call;
	const struct onnx_formal *formal;
	char *made;
	size_t bytes;

	if (!scope->function || !*name)
		return name;
	formal = onnx_function_formal(scope->function, name);
	if (formal && formal->kind == ONNX_FORMAL_INPUT)
		return formal->index < call->n_input ? call->input[formal->index] : none;
	if (formal && formal->index < call->n_output && *call->output[formal->index])
		return call->output[formal->index];
	bytes = strlen(scope->prefix) + strlen(name) + 1;
	made = arena_alloc(in->onnx->scratch, bytes);
	if (made)
		snprintf(made, bytes, "%s%s", scope->prefix, name);
	return made;
}

static char **rename_values(
	struct inliner *in, const struct scope *scope, size_t n, char *const *names)
{
	char **made = arena_calloc(in->onnx->scratch, n + 1, sizeof(*made));

	for (size_t i = 0; made && i < n; i++) {
		made[i] = rename_value(in, scope, names[i]);
		if (!made[i])
			return NULL;
	}
	return made;
}

static const Onnx__AttributeProto *find_attr(
	size_t n, const Onnx__AttributeProto *const *attrs, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(onnx_text(attrs[i]->name), name) == 0)
			return attrs[i];
	}
	return NULL;
}

// The attribute that the call gives, or the function's default; *found NULL where neither does.
static int refer(struct inliner *in, const struct scope *scope, const Onnx__AttributeProto *attr,
	const Onnx__AttributeProto **found)
{
	const Onnx__NodeProto *call = scope->call;
	const struct onnx_function *function = scope->function;
	const char *name = attr->ref_attr_name;
	bool listed = false;

	*found = find_attr(
		call->n_attribute, (const Onnx__AttributeProto *const *)call->attribute, name);
	if (!*found)
		*found = find_attr(function->n_defaults, function->defaults, name);
	for (size_t i = 0; i < function->proto->n_attribute && !*found && !listed; i++)
		listed = strcmp(function->proto->attribute[i], name) == 0;
	if (!*found && !listed)
		return error_set(in->onnx->err, -EINVAL,
			"function '%.80s' has no attribute '%.40s', which its body refers to",
			function->name, name);
	if (*found && attr->has_type && (*found)->has_type && attr->type != (*found)->type)
		return error_set(in->onnx->err, -EINVAL,
			"node '%.80s' calls function '%.80s': attribute '%.40s' is not of the type "
			"it must have",
			call_name(call), function->name, name);
	return 0;
}

static int copy_graph(struct inliner *in, const struct scope *scope, const Onnx__GraphProto *from,
	Onnx__GraphProto **to);

// An attribute as it is within the call; *to NULL: the call leaves it out.
static int copy_attr(struct inliner *in, const struct scope *scope,
	const Onnx__AttributeProto *attr, Onnx__AttributeProto **to)
{
	const Onnx__AttributeProto *from = attr;
	Onnx__AttributeProto *copy;
	int rc = 0;

	*to = NULL;
	if (scope->function && *onnx_text(attr->ref_attr_name)) {
		const Onnx__AttributeProto *given;

		rc = refer(in, scope, attr, &given);
		if (rc != 0 || !given)
			return rc;
		from = given;
	}
	copy = arena_memdup(in->onnx->scratch, from, sizeof(*from));
	if (!copy)
		return onnx_functions_no_memory(in->onnx);
	*to = copy;
	copy->name = attr->name;
	if (from == attr && attr->g)
		rc = copy_graph(in, scope, attr->g, &copy->g);
	return rc;
}

static int copy_node(struct inliner *in, const struct scope *scope, const Onnx__NodeProto *from,
	Onnx__NodeProto **to)
{
	Onnx__NodeProto *copy = arena_memdup(in->onnx->scratch, from, sizeof(*from));
	const char *name = call_name(from);

	*to = copy;
	if (!copy)
		return onnx_functions_no_memory(in->onnx);
	copy->input = rename_values(in, scope, from->n_input, from->input);
	copy->output = rename_values(in, scope, from->n_output, from->output);
	copy->attribute =
		arena_calloc(in->onnx->scratch, from->n_attribute + 1, sizeof(*copy->attribute));
	copy->n_attribute = 0;
	if (!copy->input || !copy->output || !copy->attribute)
		return onnx_functions_no_memory(in->onnx);
	if (scope->function) {
		size_t bytes = strlen(scope->prefix) + PART_BYTES + 1;

		copy->name = arena_alloc(in->onnx->scratch, bytes);
		if (!copy->name)
			return onnx_functions_no_memory(in->onnx);
		snprintf(copy->name, bytes, "%s%.*s", scope->prefix, text_cut(name, PART_BYTES),
			name);
	}
	for (size_t o = 0; scope->function && o < from->n_output; o++) {
		const struct onnx_formal *formal =
			onnx_function_formal(scope->function, from->output[o]);

		if (formal && formal->kind == ONNX_FORMAL_INPUT)
			return error_set(in->onnx->err, -EINVAL,
				"function '%.80s': '%.80s' is an input and computed, too",
				scope->function->name, formal->name);
	}
	for (size_t a = 0; a < from->n_attribute; a++) {
		Onnx__AttributeProto *attr;
		int rc = copy_attr(in, scope, from->attribute[a], &attr);

		if (rc != 0)
			return rc;
		if (attr)
			copy->attribute[copy->n_attribute++] = attr;
	}
	return 0;
}

static int append(struct inliner *in, struct body *body, Onnx__NodeProto *node,
	const struct onnx_opsets *opsets)
{
	if (++in->n_nodes > GRAPH_NODES_MAX)
		return error_set(in->onnx->err, -EINVAL,
			"the functions' bodies make more than %u nodes", GRAPH_NODES_MAX);
	if (body->n == body->size) {
		const size_t size = body->size ? body->size * 2 : 16;
		Onnx__NodeProto **nodes = arena_calloc(in->onnx->scratch, size, sizeof(*nodes));
		struct onnx_opsets *more = arena_calloc(in->onnx->scratch, size, sizeof(*more));

		if (!nodes || !more)
			return onnx_functions_no_memory(in->onnx);
		if (body->n) {
			memcpy(nodes, body->nodes, body->n * sizeof(*nodes));
			memcpy(more, body->opsets, body->n * sizeof(*more));
		}
		body->nodes = nodes;
		body->opsets = more;
		body->size = size;
	}
	body->nodes[body->n] = node;
	body->opsets[body->n++] = *opsets;
	return 0;
}

// What the call gives out but the body does not compute under that name alone: an input as it came,
// or another output once more.
static int pass_outputs(struct inliner *in, const struct scope *scope, struct body *body)
{
	const Onnx__FunctionProto *proto = scope->function->proto;
	const Onnx__NodeProto *call = scope->call;

	for (uint32_t o = 0; o < proto->n_output && o < call->n_output; o++) {
		const struct onnx_formal *formal =
			onnx_function_formal(scope->function, proto->output[o]);
		Onnx__NodeProto *pass;
		char **names;

		if (!*call->output[o] || (formal->kind == ONNX_FORMAL_OUTPUT && formal->index == o))
			continue;
		pass = arena_alloc(in->onnx->scratch, sizeof(*pass));
		names = arena_calloc(in->onnx->scratch, 2, sizeof(*names));
		if (!pass || !names)
			return onnx_functions_no_memory(in->onnx);
		onnx__node_proto__init(pass);
		names[0] = rename_value(in, scope, proto->output[o]);
		names[1] = call->output[o];
		if (!names[0])
			return onnx_functions_no_memory(in->onnx);
		pass->op_type = (char *)(uintptr_t) "Identity";
		pass->name = call->name;
		pass->input = &names[0];
		pass->output = &names[1];
		pass->n_input = pass->n_output = 1;
		if (append(in, body, pass, &scope->opsets))
			return onnx_refused(in->onnx);
	}
	return 0;
}

static int expand(struct inliner *in, const struct scope *scope, size_t n,
	Onnx__NodeProto *const *nodes, struct body *body);

// Puts the function's body in the place of the node that calls it.
static int expand_call(struct inliner *in, const struct scope *outer, const Onnx__NodeProto *call,
	struct onnx_function *function, struct body *body)
{
	const Onnx__FunctionProto *proto = function->proto;
	struct scope scope = { function, call, NULL, function->opsets, outer->depth + 1 };
	char *prefix = arena_alloc(in->onnx->scratch, PART_BYTES + 16);
	const char *name = call_name(call);
	struct error *err = in->onnx->err;
	int rc;

	if (!prefix)
		return onnx_functions_no_memory(in->onnx);
	if (function->open)
		return error_set(err, -EINVAL,
			"node '%.80s': function '%.80s' calls itself, here or through others", name,
			function->name);
	if (scope.depth > ONNX_CALL_DEPTH_MAX)
		return error_set(err, -EINVAL,
			"node '%.80s': functions call functions more than %d deep", name,
			ONNX_CALL_DEPTH_MAX);
	if (++in->n_calls > GRAPH_NODES_MAX)
		return error_set(err, -EINVAL, "more than %u calls of functions", GRAPH_NODES_MAX);
	if (call->n_input > proto->n_input || call->n_output > proto->n_output)
		return error_set(err, -EINVAL,
			"node '%.80s' has %zu inputs and %zu outputs; function '%.80s', which it "
			"calls, has %zu and %zu",
			name, call->n_input, call->n_output, function->name, proto->n_input,
			proto->n_output);
	snprintf(prefix, PART_BYTES + 16, "%.*s#%zu/", text_cut(name, PART_BYTES), name,
		in->n_calls);
	scope.prefix = prefix;
	function->open = true;
	rc = expand(in, &scope, proto->n_node, proto->node, body);
	function->open = false;
	return rc ? rc : pass_outputs(in, &scope, body);
}

static int expand(struct inliner *in, const struct scope *scope, size_t n,
	Onnx__NodeProto *const *nodes, struct body *body)
{
	for (size_t i = 0; i < n; i++) {
		struct onnx_function *function;
		Onnx__NodeProto *node;
		int rc = copy_node(in, scope, nodes[i], &node);

		if (rc == 0 && !onnx_function_called(in->onnx, &in->functions, node, &function))
			rc = onnx_functions_no_memory(in->onnx);
		if (rc == 0 && function)
			rc = expand_call(in, scope, node, function, body);
		else if (rc == 0)
			rc = append(in, body, node, &scope->opsets);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int rename_infos(
	struct inliner *in, const struct scope *scope, size_t n, Onnx__ValueInfoProto ***infos)
{
	Onnx__ValueInfoProto **made = arena_calloc(in->onnx->scratch, n + 1, sizeof(*made));

	for (size_t i = 0; made && i < n; i++) {
		made[i] = arena_memdup(in->onnx->scratch, (*infos)[i], sizeof(**made));
		if (!made[i] || !made[i]->name)
			continue;
		made[i]->name = rename_value(in, scope, made[i]->name);
		if (!made[i]->name)
			return onnx_functions_no_memory(in->onnx);
	}
	for (size_t i = 0; made && i < n; i++) {
		if (!made[i])
			return onnx_functions_no_memory(in->onnx);
	}
	*infos = made;
	return made ? 0 : onnx_functions_no_memory(in->onnx);
}

// A graph in an attribute, as it is within the call: it sees the body's names, and may call.
static int copy_graph(struct inliner *in, const struct scope *scope, const Onnx__GraphProto *from,
	Onnx__GraphProto **to)
{
	Onnx__GraphProto *copy = arena_memdup(in->onnx->scratch, from, sizeof(*from));
	struct body body = { 0 };

	*to = copy;
	if (!copy)
		return onnx_functions_no_memory(in->onnx);
	if (rename_infos(in, scope, from->n_input, &copy->input) ||
		rename_infos(in, scope, from->n_output, &copy->output) ||
		rename_infos(in, scope, from->n_value_info, &copy->value_info))
		return onnx_refused(in->onnx);
	copy->initializer = arena_calloc(
		in->onnx->scratch, from->n_initializer + 1, sizeof(*copy->initializer));
	for (size_t i = 0; copy->initializer && i < from->n_initializer; i++) {
		Onnx__TensorProto *tensor =
			arena_memdup(in->onnx->scratch, from->initializer[i], sizeof(*tensor));

		if (!tensor)
			return onnx_functions_no_memory(in->onnx);
		if (tensor->name)
			tensor->name = rename_value(in, scope, tensor->name);
		copy->initializer[i] = tensor;
	}
	if (!copy->initializer)
		return onnx_functions_no_memory(in->onnx);
	if (expand(in, scope, from->n_node, from->node, &body))
		return onnx_refused(in->onnx);
	copy->node = body.nodes;
	copy->n_node = body.n;
	return 0;
}

int onnx_inline_functions(struct onnx *onnx)
{
	struct inliner in = { .onnx = onnx };
	const struct scope scope = { .opsets = onnx->opsets };
	Onnx__GraphProto *graph;
	struct body body = { 0 };
	int rc;

	if (onnx->model->n_functions == 0)
		return 0;
	graph = arena_memdup(onnx->scratch, onnx->proto, sizeof(*graph));
	if (!graph)
		return onnx_functions_no_memory(onnx);
	rc = onnx_read_functions(onnx, &in.functions);
	if (rc == 0)
		rc = expand(&in, &scope, onnx->proto->n_node, onnx->proto->node, &body);
	if (rc != 0)
		return rc;
	if (in.n_calls != 0)
		report_add(onnx->report,
			"%zu calls of the file's functions were replaced by their bodies: %zu "
			"nodes",
			in.n_calls, body.n);
	graph->node = body.nodes;
	graph->n_node = body.n;
	onnx->proto = graph;
	onnx->node_opsets = body.opsets;
	return 0;
}