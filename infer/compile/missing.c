// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/missing.h"

#include <math.h>
#include <stdlib.h>

struct missing {
	const struct graph *graph;
	bool *reaches;            // [n_tensors] may a NaN of an input be in it?
	bool *live;               // [n_nodes] does an output depend on it?
	const struct node **made; // [n_tensors] by which node; NULL: none
	bool handles;             // something is there for missing values
	const struct node *end;   // where a NaN ends; NULL: nowhere yet
};

static void missing_mark_live(struct missing *m)
{
	const struct graph *graph = m->graph;
	bool *wanted = m->reaches; // until it is filled

	for (uint32_t o = 0; o < graph->n_outputs; o++)
		wanted[graph->outputs[o].tensor] = true;
	for (uint32_t n = graph->n_nodes; n-- > 0;) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t o = 0; o < node->n_outputs; o++) {
			if (node->outputs[o] == GRAPH_NONE)
				continue;
			m->made[node->outputs[o]] = node;
			m->live[n] |= wanted[node->outputs[o]];
		}
		for (uint32_t i = 0; m->live[n] && i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE)
				wanted[node->inputs[i]] = true;
		}
	}
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		wanted[t] = false;
}

// The tensor of which this one is another view.
static uint32_t missing_origin(const struct missing *m, uint32_t tensor)
{
	while (m->made[tensor] &&
		(m->made[tensor]->op == OP_IDENTITY || m->made[tensor]->op == OP_RESHAPE))
		tensor = m->made[tensor]->inputs[0];
	return tensor;
}

// Where what is NaN in x takes the other value: Where(IsNaN(x), other, x), or Not of it turned round.
static bool missing_is_filled(const struct missing *m, const struct node *where)
{
	const struct node *found = m->made[missing_origin(m, where->inputs[0])];
	uint32_t kept = where->inputs[2], other = where->inputs[1];

	if (found && found->op == OP_NOT) {
		found = m->made[missing_origin(m, found->inputs[0])];
		kept = where->inputs[1];
		other = where->inputs[2];
	}
	return found && found->op == OP_IS_NAN && !m->reaches[other] &&
		missing_origin(m, found->inputs[0]) == missing_origin(m, kept);
}

// What becomes of a NaN among the inputs of a node.
enum missing_fate {
	MISSING_ENDS,   // it is compared, or is what the operator looks for
	MISSING_STAYS,  // and is NaN in the output, in its own place
	MISSING_SPREADS // into values of others, or to a value that stands for none
};

static enum missing_fate missing_fate(const struct missing *m, const struct node *node)
{
	switch (node->op) {
	case OP_IS_NAN:
	case OP_EQUAL:
	case OP_GREATER:
	case OP_GREATER_OR_EQUAL:
	case OP_LESS:
	case OP_LESS_OR_EQUAL:
	case OP_FIND:
		return MISSING_ENDS;
	case OP_WHERE:
		return missing_is_filled(m, node) ? MISSING_ENDS : MISSING_STAYS;
	case OP_TREES:
		return node_int(node, ATTR_TRACKS_MISSING, 0) ? MISSING_ENDS : MISSING_SPREADS;
	case OP_CAST:
		return dtype_is_float((enum dtype)node_int(node, ATTR_TO, DTYPE_I64))
			? MISSING_STAYS
			: MISSING_SPREADS;
	case OP_GATHER: // by indices that are whole numbers
	case OP_IDENTITY:
	case OP_RESHAPE:
	case OP_TRANSPOSE:
	case OP_CONCAT:
	case OP_SLICE:
	case OP_TILE:
	case OP_AFFINE:
	case OP_ADD:
	case OP_SUB:
	case OP_MUL:
	case OP_DIV:
	case OP_NEG:
	case OP_ABS:
	case OP_EXP:
	case OP_LOG:
	case OP_SQRT:
		return MISSING_STAYS;
	default:
		return MISSING_SPREADS;
	}
}

// Is NaN one of the keys that an OP_FIND looks for?
static bool missing_is_key(const struct tensor *keys)
{
	for (int64_t i = 0; keys->dtype == DTYPE_F32 && i < tensor_elements(keys); i++) {
		if (isnan(((const float *)keys->data)[i]))
			return true;
	}
	return false;
}

static void missing_visit(struct missing *m, const struct node *node)
{
	enum missing_fate fate;
	bool reached = false;

	for (uint32_t i = 0; i < node->n_inputs; i++)
		reached |= node->inputs[i] != GRAPH_NONE && m->reaches[node->inputs[i]];
	m->handles |= node->op == OP_IS_NAN ||
		(node->op == OP_TREES && node_int(node, ATTR_TRACKS_MISSING, 0)) ||
		(node->op == OP_FIND && missing_is_key(&m->graph->tensors[node->inputs[1]]));
	if (!reached)
		return;
	fate = missing_fate(m, node);
	if (fate == MISSING_SPREADS && !m->end)
		m->end = node;
	for (uint32_t o = 0; o < node->n_outputs && fate != MISSING_ENDS; o++) {
		if (node->outputs[o] != GRAPH_NONE)
			m->reaches[node->outputs[o]] = true;
	}
}

static void missing_follow(struct missing *m)
{
	const struct graph *graph = m->graph;

	missing_mark_live(m);
	for (uint32_t i = 0; i < graph->n_inputs; i++)
		m->reaches[graph->inputs[i].tensor] = true;
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		if (m->live[n])
			missing_visit(m, &graph->nodes[n]);
	}
	// Where it stays to the end, the last node is it.
	for (uint32_t o = 0; o < graph->n_outputs && !m->end; o++) {
		const uint32_t tensor = graph->outputs[o].tensor;

		m->end = m->reaches[tensor] ? m->made[tensor] : NULL;
	}
}

int missing_decide(
	struct graph *graph, bool forced, struct compile_report *report, struct error *err)
{
	struct missing m = {
		.graph = graph,
		.reaches = calloc(graph->n_tensors + 1ull, sizeof(bool)),
		.live = calloc(graph->n_nodes + 1ull, sizeof(bool)),
		.made = calloc(graph->n_tensors + 1ull, sizeof(*m.made)),
	};
	int rc = 0;

	if (!m.reaches || !m.live || !m.made) {
		rc = error_set(err, -ENOMEM, "out of memory for %u tensors", graph->n_tensors);
	} else if (!graph->accepts_missing) {
		missing_follow(&m);
		if (!m.end && m.handles) {
			graph->accepts_missing = true;
			report_add(report,
				"missing values (NaN) are taken: the model fills them or has "
				"branches for them");
		} else if (forced) {
			graph->accepts_missing = true;
			report_add(report, "missing values (NaN) are taken, as asked");
		} else if (m.end && m.handles) {
			report_add(report,
				"missing values (NaN) are refused: one would reach node '%.80s' "
				"(%s), which has no place for it (--accept-missing lets it)",
				m.end->name, op_name(m.end->op));
		}
	}
	free(m.reaches);
	free(m.live);
	free(m.made);
	return rc;
}
