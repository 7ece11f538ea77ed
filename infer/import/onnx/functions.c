// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/functions.h"
#include "infer/graph/text.h"
#include "infer/import/onnx/operators.h"
#include "infer/import/onnx/parse.h"

#include <stdlib.h>
#include <string.h>

// Fields that onnx.proto has got since Debian's: protobuf-c keeps them as bytes.
#define FIELD_NODE_OVERLOAD       8
#define FIELD_FUNCTION_ATTRIBUTES 11
#define FIELD_FUNCTION_OVERLOAD   13

#define PART_BYTES 60 // of a name in a name: names do not grow with each call in a call

enum formal_kind { FORMAL_INPUT, FORMAL_OUTPUT };

struct formal { // a name that a function's body shares with who calls it
	const char *name;
	enum formal_kind kind;
	uint32_t index;
};

struct function {
	const Onnx__FunctionProto *proto;
	const char *domain, *name, *overload;
	const Onnx__AttributeProto **defaults; // [n_defaults]
	uint32_t n_defaults;
	struct formal *formals; // [n_formals] by name, inputs first
	uint32_t n_formals;
	struct onnx_opsets opsets;
	bool open; // a call of it is being replaced: another one within is recursion
};

struct body { // nodes as they are made
	Onnx__NodeProto **nodes;
	struct onnx_opsets *opsets;
	size_t n, size;
};

struct scope { // of one call; that of the model's graph has no function and renames nothing
	struct function *function;
	const Onnx__NodeProto *call;
	const char *prefix;
	struct onnx_opsets opsets;
	uint32_t depth;
};

struct inliner {
	struct onnx *onnx;
	struct function *functions; // [n] by domain, name, overload
	size_t n;
	size_t n_calls, n_nodes; // replaced, and made, so far
};

static int functions_no_memory(struct inliner *in)
{
	return error_set(in->onnx->err, -ENOMEM, "out of memory for the model's functions");
}

// The bytes of a text or message among the fields that onnx.proto did not know; without the length
// that protobuf-c leaves in front of them.
static bool unknown_bytes(
	const ProtobufCMessageUnknownField *field, const uint8_t **bytes, size_t *size)
{
	size_t length = 0, at = 0;
	unsigned shift = 0;

	if (field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
		return false;
	do {
		if (at == field->len || shift > 35)
			return false;
		length |= (size_t)(field->data[at] & 0x7f) << shift;
		shift += 7;
	} while (field->data[at++] & 0x80);
	if (length != field->len - at)
		return false;
	*bytes = field->data + at;
	*size = length;
	return true;
}

// The text of such a field, "" where there is none; NULL: out of memory.
static const char *unknown_text(struct inliner *in, const ProtobufCMessage *message, uint32_t tag)
{
	for (unsigned i = 0; i < message->n_unknown_fields; i++) {
		const uint8_t *bytes;
		size_t size;

		if (message->unknown_fields[i].tag == tag &&
			unknown_bytes(&message->unknown_fields[i], &bytes, &size))
			return arena_strndup(in->onnx->scratch, (const char *)bytes, size);
	}
	return "";
}

static int compare_keys(const struct function *a, const struct function *b)
{
	int order = strcmp(a->name, b->name);

	if (order == 0)
		order = strcmp(a->domain, b->domain);
	return order ? order : strcmp(a->overload, b->overload);
}

static int compare_functions(const void *a, const void *b)
{
	return compare_keys(a, b);
}

static int compare_formals(const void *a, const void *b)
{
	const struct formal *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = (x->kind > y->kind) - (x->kind < y->kind);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

// The first formal of that name: an input where an input is returned as it is.
static const struct formal *find_formal(const struct function *function, const char *name)
{
	uint32_t low = 0, high = function->n_formals;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (strcmp(function->formals[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == function->n_formals || strcmp(function->formals[low].name, name) != 0)
		return NULL;
	return &function->formals[low];
}

static int read_formals(struct inliner *in, struct function *function)
{
	const Onnx__FunctionProto *proto = function->proto;

	if (proto->n_input > GRAPH_NODE_IO_MAX || proto->n_output > GRAPH_NODE_IO_MAX)
		return error_set(in->onnx->err, -EINVAL,
			"function '%.80s' has %zu inputs and %zu outputs, at most %d are possible",
			function->name, proto->n_input, proto->n_output, GRAPH_NODE_IO_MAX);
	function->formals = arena_calloc(in->onnx->scratch, proto->n_input + proto->n_output + 1,
		sizeof(*function->formals));
	if (!function->formals)
		return functions_no_memory(in);
	for (uint32_t i = 0; i < proto->n_input; i++)
		function->formals[function->n_formals++] =
			(struct formal){ proto->input[i], FORMAL_INPUT, i };
	for (uint32_t i = 0; i < proto->n_output; i++)
		function->formals[function->n_formals++] =
			(struct formal){ proto->output[i], FORMAL_OUTPUT, i };
	qsort(function->formals, function->n_formals, sizeof(*function->formals), compare_formals);
	for (uint32_t i = 0; i < function->n_formals; i++) {
		const struct formal *formal = &function->formals[i];

		if (!*formal->name)
			return error_set(in->onnx->err, -EINVAL,
				"function '%.80s' has an input or output without a name",
				function->name);
		if (i > 0 && formal->kind == FORMAL_INPUT &&
			strcmp(formal[-1].name, formal->name) == 0)
			return error_set(in->onnx->err, -EINVAL,
				"function '%.80s' has two inputs '%.80s'", function->name,
				formal->name);
	}
	return 0;
}

static int read_defaults(struct inliner *in, struct function *function)
{
	const ProtobufCMessage *message = &function->proto->base;

	function->defaults = arena_calloc(in->onnx->scratch, message->n_unknown_fields + 1,
		sizeof(const Onnx__AttributeProto *));
	if (!function->defaults)
		return functions_no_memory(in);
	for (unsigned i = 0; i < message->n_unknown_fields; i++) {
		Onnx__AttributeProto *attr;
		const uint8_t *bytes;
		size_t size;
		int rc;

		if (message->unknown_fields[i].tag != FIELD_FUNCTION_ATTRIBUTES)
			continue;
		if (!unknown_bytes(&message->unknown_fields[i], &bytes, &size))
			return error_set(in->onnx->err, -EINVAL,
				"function '%.80s': a default is no attribute", function->name);
		rc = onnx_parse_attribute(bytes, size, in->onnx->scratch, &attr, in->onnx->err);
		if (rc != 0)
			return error_prefix(in->onnx->err, "function '%.80s'", function->name);
		if (attr->g || attr->n_graphs || *onnx_text(attr->ref_attr_name))
			return error_set(in->onnx->err, -ENOTSUP,
				"function '%.80s': the default of '%.40s' is no value",
				function->name, onnx_text(attr->name));
		function->defaults[function->n_defaults++] = attr;
	}
	return 0;
}

static int read_function(
	struct inliner *in, const Onnx__FunctionProto *proto, struct function *function)
{
	const char *domain = onnx_text(proto->domain);
	enum onnx_domain known;
	int rc;

	function->proto = proto;
	function->name = onnx_text(proto->name);
	function->domain = domain;
	function->overload = unknown_text(in, &proto->base, FIELD_FUNCTION_OVERLOAD);
	if (!function->overload)
		return functions_no_memory(in);
	if (onnx_domain_find(domain, &known) &&
		(known != ONNX_DOMAIN_MICROSOFT || onnx_operator_find(known, function->name)))
		return error_set(in->onnx->err, -ENOTSUP,
			"function '%.80s' is defined in the operators' own domain; only operators "
			"are supported",
			function->name);
	function->opsets = in->onnx->opsets;
	rc = onnx_read_opsets(
		proto->n_opset_import, proto->opset_import, &function->opsets, in->onnx->err);
	if (rc != 0)
		return error_prefix(in->onnx->err, "function '%.80s'", function->name);
	rc = read_formals(in, function);
	return rc ? rc : read_defaults(in, function);
}

static int read_functions(struct inliner *in)
{
	const Onnx__ModelProto *model = in->onnx->model;

	in->functions = arena_calloc(in->onnx->scratch, model->n_functions, sizeof(*in->functions));
	if (!in->functions)
		return functions_no_memory(in);
	for (; in->n < model->n_functions; in->n++) {
		int rc = read_function(in, model->functions[in->n], &in->functions[in->n]);

		if (rc != 0)
			return rc;
	}
	qsort(in->functions, in->n, sizeof(*in->functions), compare_functions);
	for (size_t i = 1; i < in->n; i++) {
		if (compare_keys(&in->functions[i - 1], &in->functions[i]) == 0)
			return error_set(in->onnx->err, -EINVAL,
				"function '%.80s' of domain '%.60s' is defined twice",
				in->functions[i].name, in->functions[i].domain);
	}
	return 0;
}

// The function that a node calls, NULL where it calls none. False: out of memory.
static bool find_called(struct inliner *in, const Onnx__NodeProto *node, struct function **function)
{
	const struct function key = { .domain = onnx_text(node->domain),
		.name = onnx_text(node->op_type),
		.overload = unknown_text(in, &node->base, FIELD_NODE_OVERLOAD) };

	*function = NULL;
	if (!key.overload)
		return false;
	*function = bsearch(&key, in->functions, in->n, sizeof(key), compare_functions);
	return true;
}

static const char *call_name(const Onnx__NodeProto *call)
{
	return *onnx_text(call->name) ? call->name : onnx_text(call->op_type);
}

// What a name of the body is called outside; NULL: out of memory.
static char *rename_value(struct inliner *in, const struct scope *scope, char *name)
{
	static char none[1];
	const Onnx__NodeProto *call = scope->call;
	const struct formal *formal;
	char *made;
	size_t bytes;

	if (!scope->function || !*name)
		return name;
	formal = find_formal(scope->function, name);
	if (formal && formal->kind == FORMAL_INPUT)
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
	const struct function *function = scope->function;
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
		return functions_no_memory(in);
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
		return functions_no_memory(in);
	copy->input = rename_values(in, scope, from->n_input, from->input);
	copy->output = rename_values(in, scope, from->n_output, from->output);
	copy->attribute =
		arena_calloc(in->onnx->scratch, from->n_attribute + 1, sizeof(*copy->attribute));
	copy->n_attribute = 0;
	if (!copy->input || !copy->output || !copy->attribute)
		return functions_no_memory(in);
	if (scope->function) {
		size_t bytes = strlen(scope->prefix) + PART_BYTES + 1;

		copy->name = arena_alloc(in->onnx->scratch, bytes);
		if (!copy->name)
			return functions_no_memory(in);
		snprintf(copy->name, bytes, "%s%.*s", scope->prefix, text_cut(name, PART_BYTES),
			name);
	}
	for (size_t o = 0; scope->function && o < from->n_output; o++) {
		const struct formal *formal = find_formal(scope->function, from->output[o]);

		if (formal && formal->kind == FORMAL_INPUT)
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
			return functions_no_memory(in);
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
		const struct formal *formal = find_formal(scope->function, proto->output[o]);
		Onnx__NodeProto *pass;
		char **names;

		if (!*call->output[o] || (formal->kind == FORMAL_OUTPUT && formal->index == o))
			continue;
		pass = arena_alloc(in->onnx->scratch, sizeof(*pass));
		names = arena_calloc(in->onnx->scratch, 2, sizeof(*names));
		if (!pass || !names)
			return functions_no_memory(in);
		onnx__node_proto__init(pass);
		names[0] = rename_value(in, scope, proto->output[o]);
		names[1] = call->output[o];
		if (!names[0])
			return functions_no_memory(in);
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
	struct function *function, struct body *body)
{
	const Onnx__FunctionProto *proto = function->proto;
	struct scope scope = { function, call, NULL, function->opsets, outer->depth + 1 };
	char *prefix = arena_alloc(in->onnx->scratch, PART_BYTES + 16);
	const char *name = call_name(call);
	struct error *err = in->onnx->err;
	int rc;

	if (!prefix)
		return functions_no_memory(in);
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
		struct function *function;
		Onnx__NodeProto *node;
		int rc = copy_node(in, scope, nodes[i], &node);

		if (rc == 0 && !find_called(in, node, &function))
			rc = functions_no_memory(in);
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
			return functions_no_memory(in);
	}
	for (size_t i = 0; made && i < n; i++) {
		if (!made[i])
			return functions_no_memory(in);
	}
	*infos = made;
	return made ? 0 : functions_no_memory(in);
}

// A graph in an attribute, as it is within the call: it sees the body's names, and may call.
static int copy_graph(struct inliner *in, const struct scope *scope, const Onnx__GraphProto *from,
	Onnx__GraphProto **to)
{
	Onnx__GraphProto *copy = arena_memdup(in->onnx->scratch, from, sizeof(*from));
	struct body body = { 0 };

	*to = copy;
	if (!copy)
		return functions_no_memory(in);
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
			return functions_no_memory(in);
		if (tensor->name)
			tensor->name = rename_value(in, scope, tensor->name);
		copy->initializer[i] = tensor;
	}
	if (!copy->initializer)
		return functions_no_memory(in);
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
	rc = graph ? read_functions(&in) : functions_no_memory(&in);
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
