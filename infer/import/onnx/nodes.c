// SPDX-License-Identifier: BSD-3-Clause
// The nodes in topological order, each by its operator's importer.
#include "infer/import/onnx/nodes.h"
#include "infer/import/onnx/decides.h"
#include "infer/import/onnx/fixed.h"
#include "infer/import/onnx/operators.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/sequences.h"
#include "infer/import/onnx/texts.h"
#include "infer/import/onnx/values.h"

#include <string.h>

static bool takes_texts_apart(const char *type)
{
	static const char *const TYPES[] = { "StringNormalizer", "StringConcat", "StringSplit",
		"RegexFullMatch", "TfIdfVectorizer", "Tokenizer" };

	for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++) {
		if (strcmp(type, TYPES[i]) == 0)
			return true;
	}
	return false;
}

static bool draws_classes(const char *type)
{
	return strcmp(type, "Bernoulli") == 0 || strcmp(type, "Multinomial") == 0;
}

static const struct onnx_operator *lookup(
	struct onnx *onnx, const struct onnx_node *node, const struct onnx_opsets *opsets)
{
	const char *name = onnx_text(node->proto->domain);
	const struct onnx_operator *op;
	enum onnx_domain domain;
	int64_t version;

	if (!onnx_domain_find(name, &domain)) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"domain '%.60s' is not supported, and the file has no function of that "
			"name; ai.onnx, ai.onnx.ml and com.microsoft are",
			name);
		return NULL;
	}
	op = onnx_operator_find(domain, node->type);
	if (!op && takes_texts_apart(node->type)) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"takes texts apart, which is not done while scoring: make tokens or counts "
			"before, and export the model from there");
		return NULL;
	}
	if (!op && draws_classes(node->type)) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"draws classes at random, so that a row has no one score; export the model "
			"up to the probabilities that it draws by");
		return NULL;
	}
	if (!op) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"operator of %s not supported; martletctl(1) lists those that are",
			onnx_domain_name(domain));
		return NULL;
	}
	version = opsets->of[domain];
	// ONNX Runtime takes its own domain as imported, and there is but one opset of it.
	if (version == 0 && domain == ONNX_DOMAIN_MICROSOFT)
		version = 1;
	if (version == 0) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"the file does not say which opset of %s it was written for; supported are "
			"1 to %lld",
			onnx_domain_name(domain), (long long)onnx_domain_opset_max(domain));
		return NULL;
	}
	if (version < 1 || version > onnx_domain_opset_max(domain)) {
		onnx_refuse(onnx, node, -ENOTSUP,
			"the file imports opset %lld of %s, supported are 1 to %lld",
			(long long)version, onnx_domain_name(domain),
			(long long)onnx_domain_opset_max(domain));
		return NULL;
	}
	return op;
}

// A node on predicted labels that only renames them: what it gives are labels, too.
static bool passes_labels(const Onnx__NodeProto *node)
{
	static const char *const PASSING[] = { "Cast", "Identity", "Reshape", "Squeeze",
		"Flatten" };

	for (size_t i = 0; i < sizeof(PASSING) / sizeof(*PASSING); i++) {
		if (strcmp(onnx_text(node->op_type), PASSING[i]) == 0)
			return node->n_input >= 1 && node->n_output == 1;
	}
	return false;
}

// A label is worth computing where a node reads it that does not only rename it. A chain of renaming
// nodes is looked through from its end; where the file has them out of order, a few times.
#define READ_PASSES 4
static int mark_read(struct onnx *onnx)
{
	const Onnx__GraphProto *proto = onnx->proto;
	bool changed = true;

	if (proto->n_output == 1) { // which is kept, whatever it is
		struct onnx_value *value = onnx_value(onnx, onnx_text(proto->output[0]->name));

		if (!value)
			return onnx_refused(onnx);
		value->is_read = true;
	}
	for (int pass = 0; changed; pass++) {
		changed = false;
		for (size_t n = proto->n_node; n-- > 0;) {
			const Onnx__NodeProto *node = proto->node[n];
			const bool passes = pass < READ_PASSES && passes_labels(node);
			const struct onnx_value *out = passes && *node->output[0]
				? onnx_value(onnx, node->output[0])
				: NULL;

			if (passes && (!out || !out->is_read))
				continue;
			for (size_t i = 0; i < node->n_input; i++) {
				struct onnx_value *value = onnx_value(onnx, node->input[i]);

				if (!value)
					return onnx_refused(onnx);
				changed |= passes && !value->is_read;
				value->is_read = true;
			}
		}
		if (pass == READ_PASSES)
			break;
	}
	return 0;
}

// The output of a node that renames a label is one.
static int pass_label(struct onnx *onnx, const struct onnx_node *node)
{
	const struct onnx_value *from;
	struct onnx_value *to;

	if (!passes_labels(node->proto) || !*node->proto->output[0])
		return 0;
	// Making the one may move the other.
	to = onnx_value(onnx, node->proto->output[0]);
	from = to ? onnx_value(onnx, node->proto->input[0]) : NULL;
	if (!from)
		return onnx_refused(onnx);
	if (from->is_label) {
		to->is_label = true;
		to->classes = from->classes;
	}
	return 0;
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
			return onnx_refused(onnx);
		if (value->is_label && value->tensor == GRAPH_NONE) {
			*on_label = true; // which only renames it: see mark_read()
			continue;
		}
		if (value->tensor == GRAPH_NONE && !value->defined)
			return onnx_refuse(onnx, node, -EINVAL,
				"input '%.80s' is defined nowhere in the file", name);
		if (value->tensor == GRAPH_NONE)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"input %u ('%.80s') is an output that is not supported", i, name);
		node->inputs[i] = value->tensor;
	}
	return 0;
}

static int nodes_check_node(
	struct onnx *onnx, const struct onnx_node *node, const struct onnx_operator *op)
{
	if (node->n_inputs < op->inputs_min || node->n_inputs > op->inputs_max)
		return onnx_refuse(onnx, node, -EINVAL, "has %u inputs, should have %u to %u",
			node->n_inputs, op->inputs_min, op->inputs_max);
	// Where a recurrent layer's states alone are wanted, its first output has no name.
	if (node->proto->n_output == 0 || (node->proto->n_output == 1 && !*node->proto->output[0]))
		return onnx_refuse(onnx, node, -EINVAL, "has no output");
	for (uint32_t i = 0; i < op->inputs_min && i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
	}
	for (size_t a = 0; a < node->proto->n_attribute; a++) {
		const Onnx__AttributeProto *attr = node->proto->attribute[a];

		if ((attr->g && !onnx_operator_has_bodies(op)) || attr->n_graphs != 0 ||
			*onnx_text(attr->ref_attr_name))
			return onnx_refuse(
				onnx, node, -ENOTSUP, "subgraphs and functions are not supported");
	}
	return 0;
}

struct node_name {
	char made[64];
};

// The node as sentences name it; one without a name is named by its type and number.
static struct onnx_node name_node(struct onnx *onnx, uint32_t index, struct node_name *name)
{
	const Onnx__NodeProto *proto = onnx->proto->node[index];
	struct onnx_node node = { .proto = proto, .type = onnx_text(proto->op_type) };

	snprintf(name->made, sizeof(name->made), "%.40s_%u", node.type, index);
	node.name = *onnx_text(proto->name) ? proto->name : name->made;
	return node;
}

int onnx_import_node(struct onnx *onnx, uint32_t index)
{
	const Onnx__NodeProto *proto = onnx->proto->node[index];
	struct node_name name;
	struct onnx_node node = name_node(onnx, index, &name);
	const struct onnx_opsets *opsets =
		onnx->node_opsets ? &onnx->node_opsets[index] : &onnx->opsets;
	const struct onnx_operator *op;
	bool on_label = false;
	int rc;

	onnx->at = *opsets;
	onnx->opset = opsets->of[ONNX_DOMAIN_AI];
	op = lookup(onnx, &node, opsets);
	if (!op)
		return onnx_refused(onnx);
	node.op = op->op;
	if (proto->n_input > GRAPH_NODE_IO_MAX)
		return onnx_refuse(onnx, &node, -EINVAL, "%zu inputs, at most %d are possible",
			proto->n_input, GRAPH_NODE_IO_MAX);
	node.n_inputs = (uint32_t)proto->n_input;
	node.inputs = arena_calloc(onnx->scratch, node.n_inputs + 1, sizeof(*node.inputs));
	if (!node.inputs)
		return onnx_refuse_memory(onnx, &node);
	rc = resolve_inputs(onnx, &node, &on_label);
	if (rc == 0 && !on_label)
		rc = nodes_check_node(onnx, &node, op);
	for (uint32_t i = 0; i < node.n_inputs && rc == 0 && !on_label; i++) {
		if (node.inputs[i] == GRAPH_NONE)
			continue;
		node.inputs[i] = onnx_fixed_constant(onnx, &node, node.inputs[i]);
		if (node.inputs[i] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	if (rc == 0 && !on_label)
		rc = onnx_sequences_before(onnx, &node);
	if (rc == 0 && !on_label)
		rc = onnx_texts_before(onnx, &node);
	if (rc == 0 && !on_label) {
		onnx_decides_before(onnx, &node);
		rc = op->import(onnx, &node);
	}
	if (rc == 0 && !on_label)
		rc = onnx_texts_after(onnx, &node);
	if (rc == 0 && !on_label)
		rc = onnx_decides_after(onnx, &node);
	return rc == 0 ? pass_label(onnx, &node) : rc;
}

struct node_visit {
	uint32_t node, next_input;
};
enum { VISIT_NEW, VISIT_OPEN, VISIT_DONE };

static int refuse_input(
	struct onnx *onnx, uint32_t index, const char *what, const char *input, const char *why)
{
	struct node_name name;
	const struct onnx_node node = name_node(onnx, index, &name);

	return onnx_refuse(onnx, &node, -EINVAL, "%s '%.80s' %s", what, input, why);
}

// Depth first from `root` without recursion: what a node needs comes before it, in whatever order
// the file has them. Meeting an open node again is a cycle.
static int visit(struct onnx *onnx, uint32_t root, struct node_visit *stack, uint8_t *state)
{
	uint32_t depth = 0;

	stack[0] = (struct node_visit){ root, 0 };
	state[root] = VISIT_OPEN;
	for (;;) {
		struct node_visit *top = &stack[depth];
		const Onnx__NodeProto *node = onnx->proto->node[top->node];
		const struct onnx_value *value;

		if (top->next_input == node->n_input) {
			int rc = onnx_import_node(onnx, top->node);

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
			return refuse_input(
				onnx, top->node, "input", name, "is defined nowhere in the file");
		if (value->producer == GRAPH_NONE || state[value->producer] == VISIT_DONE)
			continue;
		if (state[value->producer] == VISIT_OPEN)
			return refuse_input(onnx, top->node, "a cycle: its input", name,
				"depends on its output");
		state[value->producer] = VISIT_OPEN;
		stack[++depth] = (struct node_visit){ value->producer, 0 };
	}
}

int onnx_import_nodes(struct onnx *onnx)
{
	size_t n = onnx->proto->n_node;
	struct node_visit *stack = arena_calloc(onnx->scratch, n + 1, sizeof(*stack));
	uint8_t *state = arena_calloc(onnx->scratch, n + 1, 1);
	int rc = 0;

	if (!stack || !state)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	rc = mark_read(onnx);
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		if (state[i] == VISIT_NEW)
			rc = visit(onnx, i, stack, state);
	}
	return rc;
}
