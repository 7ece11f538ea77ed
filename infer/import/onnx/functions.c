// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/functions.h"
#include "infer/import/onnx/operators.h"
#include "infer/import/onnx/parse.h"

#include <stdlib.h>
#include <string.h>

// Fields that onnx.proto has got since Debian's: protobuf-c keeps them as bytes.
#define FIELD_NODE_OVERLOAD       8
#define FIELD_FUNCTION_ATTRIBUTES 11
#define FIELD_FUNCTION_OVERLOAD   13

int onnx_functions_no_memory(struct onnx *onnx)
{
	return error_set(onnx->err, -ENOMEM, "out of memory for the model's functions");
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
static const char *unknown_text(struct onnx *onnx, const ProtobufCMessage *message, uint32_t tag)
{
	for (unsigned i = 0; i < message->n_unknown_fields; i++) {
		const uint8_t *bytes;
		size_t size;

		if (message->unknown_fields[i].tag == tag &&
			unknown_bytes(&message->unknown_fields[i], &bytes, &size))
			return arena_strndup(onnx->scratch, (const char *)bytes, size);
	}
	return "";
}

static int compare_keys(const struct onnx_function *a, const struct onnx_function *b)
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
	const struct onnx_formal *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = (x->kind > y->kind) - (x->kind < y->kind);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

const struct onnx_formal *onnx_function_formal(
	const struct onnx_function *function, const char *name)
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

static int read_formals(struct onnx *onnx, struct onnx_function *function)
{
	const Onnx__FunctionProto *proto = function->proto;

	if (proto->n_input > GRAPH_NODE_IO_MAX || proto->n_output > GRAPH_NODE_IO_MAX)
		return error_set(onnx->err, -EINVAL,
			"function '%.80s' has %zu inputs and %zu outputs, at most %d are possible",
			function->name, proto->n_input, proto->n_output, GRAPH_NODE_IO_MAX);
	function->formals = arena_calloc(
		onnx->scratch, proto->n_input + proto->n_output + 1, sizeof(*function->formals));
	if (!function->formals)
		return onnx_functions_no_memory(onnx);
	for (uint32_t i = 0; i < proto->n_input; i++)
		function->formals[function->n_formals++] =
			(struct onnx_formal){ proto->input[i], ONNX_FORMAL_INPUT, i };
	for (uint32_t i = 0; i < proto->n_output; i++)
		function->formals[function->n_formals++] =
			(struct onnx_formal){ proto->output[i], ONNX_FORMAL_OUTPUT, i };
	qsort(function->formals, function->n_formals, sizeof(*function->formals), compare_formals);
	for (uint32_t i = 0; i < function->n_formals; i++) {
		const struct onnx_formal *formal = &function->formals[i];

		if (!*formal->name)
			return error_set(onnx->err, -EINVAL,
				"function '%.80s' has an input or output without a name",
				function->name);
		if (i > 0 && formal->kind == ONNX_FORMAL_INPUT &&
			strcmp(formal[-1].name, formal->name) == 0)
			return error_set(onnx->err, -EINVAL,
				"function '%.80s' has two inputs '%.80s'", function->name,
				formal->name);
	}
	return 0;
}

static int read_defaults(struct onnx *onnx, struct onnx_function *function)
{
	const ProtobufCMessage *message = &function->proto->base;

	function->defaults = arena_calloc(
		onnx->scratch, message->n_unknown_fields + 1, sizeof(const Onnx__AttributeProto *));
	if (!function->defaults)
		return onnx_functions_no_memory(onnx);
	for (unsigned i = 0; i < message->n_unknown_fields; i++) {
		Onnx__AttributeProto *attr;
		const uint8_t *bytes;
		size_t size;
		int rc;

		if (message->unknown_fields[i].tag != FIELD_FUNCTION_ATTRIBUTES)
			continue;
		if (!unknown_bytes(&message->unknown_fields[i], &bytes, &size))
			return error_set(onnx->err, -EINVAL,
				"function '%.80s': a default is no attribute", function->name);
		rc = onnx_parse_attribute(bytes, size, onnx->scratch, &attr, onnx->err);
		if (rc != 0)
			return error_prefix(onnx->err, "function '%.80s'", function->name);
		if (attr->g || attr->n_graphs || *onnx_text(attr->ref_attr_name))
			return error_set(onnx->err, -ENOTSUP,
				"function '%.80s': the default of '%.40s' is no value",
				function->name, onnx_text(attr->name));
		function->defaults[function->n_defaults++] = attr;
	}
	return 0;
}

static int read_function(
	struct onnx *onnx, const Onnx__FunctionProto *proto, struct onnx_function *function)
{
	const char *domain = onnx_text(proto->domain);
	enum onnx_domain known;
	int rc;

	function->proto = proto;
	function->name = onnx_text(proto->name);
	function->domain = domain;
	function->overload = unknown_text(onnx, &proto->base, FIELD_FUNCTION_OVERLOAD);
	if (!function->overload)
		return onnx_functions_no_memory(onnx);
	if (onnx_domain_find(domain, &known) &&
		(known != ONNX_DOMAIN_MICROSOFT || onnx_operator_find(known, function->name)))
		return error_set(onnx->err, -ENOTSUP,
			"function '%.80s' is defined in the operators' own domain; only operators "
			"are supported",
			function->name);
	function->opsets = onnx->opsets;
	rc = onnx_read_opsets(
		proto->n_opset_import, proto->opset_import, &function->opsets, onnx->err);
	if (rc != 0)
		return error_prefix(onnx->err, "function '%.80s'", function->name);
	rc = read_formals(onnx, function);
	return rc ? rc : read_defaults(onnx, function);
}

int onnx_read_functions(struct onnx *onnx, struct onnx_functions *functions)
{
	const Onnx__ModelProto *model = onnx->model;

	functions->functions =
		arena_calloc(onnx->scratch, model->n_functions, sizeof(*functions->functions));
	if (!functions->functions)
		return onnx_functions_no_memory(onnx);
	for (; functions->n < model->n_functions; functions->n++) {
		int rc = read_function(
			onnx, model->functions[functions->n], &functions->functions[functions->n]);

		if (rc != 0)
			return rc;
	}
	qsort(functions->functions, functions->n, sizeof(*functions->functions), compare_functions);
	for (size_t i = 1; i < functions->n; i++) {
		if (compare_keys(&functions->functions[i - 1], &functions->functions[i]) == 0)
			return error_set(onnx->err, -EINVAL,
				"function '%.80s' of domain '%.60s' is defined twice",
				functions->functions[i].name, functions->functions[i].domain);
	}
	return 0;
}

bool onnx_function_called(struct onnx *onnx, const struct onnx_functions *functions,
	const Onnx__NodeProto *node, struct onnx_function **function)
{
	const struct onnx_function key = { .domain = onnx_text(node->domain),
		.name = onnx_text(node->op_type),
		.overload = unknown_text(onnx, &node->base, FIELD_NODE_OVERLOAD) };

	*function = NULL;
	if (!key.overload)
		return false;
	*function =
		bsearch(&key, functions->functions, functions->n, sizeof(key), compare_functions);
	return true;
}
