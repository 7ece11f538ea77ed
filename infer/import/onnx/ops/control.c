// SPDX-License-Identifier: BSD-3-Clause
// If, Loop, Scan: their bodies become nodes of the graph, round after round. What decides how often
// must be known while importing, as a counter is and what is computed of one.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/bodies.h"
#include "infer/import/onnx/decides.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/ops/distance.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/sequences.h"
#include "infer/import/onnx/tensor.h"
#include "infer/ops/values.h"

#include <string.h>

// Rounds of one Loop or Scan: what it stacks is joined by one node.
#define ROUNDS_MAX GRAPH_NODE_IO_MAX

// The k-th output: a tensor that was there before the node keeps its own name.
static int output_of_body(struct onnx *onnx, const struct onnx_node *node, uint32_t k,
	uint32_t tensor, uint32_t first)
{
	if (tensor < first && !onnx_is_sequence(onnx, tensor))
		tensor = onnx_emit_one(onnx, node, OP_IDENTITY, tensor);
	return onnx_output(onnx, node, k, tensor);
}

static int refuse_condition(struct onnx *onnx, const struct onnx_node *node, uint32_t tensor)
{
	return onnx_refuse(onnx, node, -EINVAL, "its condition is %s %s, should be one bool",
		dtype_name(onnx->graph->tensors[tensor].dtype),
		tensor_shape_text(&onnx->graph->tensors[tensor]).text);
}

static bool is_condition(const struct tensor *tensor)
{
	return tensor->dtype == DTYPE_BOOL && tensor_elements(tensor) == 1;
}

static int refuse_outputs(
	struct onnx *onnx, const struct onnx_node *node, const struct onnx_body *body, size_t n)
{
	return onnx_refuse(onnx, node, -EINVAL, "its body has %zu outputs, should have %zu",
		body->proto->n_output, n);
}

static int run_branch(
	struct onnx *onnx, const struct onnx_node *node, const char *name, uint32_t *outputs)
{
	struct onnx_body body;
	int rc = onnx_body_enter(onnx, node, name, &body);

	if (rc == 0 && body.proto->n_input != 0)
		rc = onnx_refuse(onnx, node, -EINVAL, "attribute '%s' has inputs", name);
	if (rc == 0 && body.proto->n_output != node->proto->n_output)
		rc = refuse_outputs(onnx, node, &body, node->proto->n_output);
	if (rc == 0)
		rc = onnx_body_run(onnx, &body, NULL, outputs);
	return rc == 0 ? onnx_body_leave(onnx, &body) : rc;
}

// Both branches are computed, and each row takes one: nothing that they do can be seen but that.
static int choose(struct onnx *onnx, const struct onnx_node *node, const uint32_t *yes,
	const uint32_t *no, uint32_t *outputs)
{
	const int64_t one[1] = { 1 };
	const uint32_t condition = onnx_emit_reshape(onnx, node, node->inputs[0], 1, one);

	if (condition == GRAPH_NONE)
		return onnx_refused(onnx);
	for (size_t o = 0; o < node->proto->n_output; o++) {
		const struct tensor *a = &onnx->graph->tensors[yes[o]];
		const struct tensor *b = &onnx->graph->tensors[no[o]];

		if (onnx_is_sequence(onnx, yes[o]) || onnx_is_sequence(onnx, no[o]))
			return onnx_refuse(onnx, node, -ENOTSUP,
				"its condition depends on the row, and its branches give "
				"sequences");
		if (a->dtype != b->dtype || a->rank != b->rank ||
			memcmp(a->dims, b->dims, a->rank * sizeof(*a->dims)) != 0)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"its condition depends on the row, and its branches give %s %s and "
				"%s %s; only a shape that is the same can be scored",
				dtype_name(a->dtype), tensor_shape_text(a).text,
				dtype_name(b->dtype), tensor_shape_text(b).text);
		outputs[o] = onnx_emit_where(onnx, node, condition, yes[o], no[o]);
		if (outputs[o] == GRAPH_NONE)
			return onnx_refused(onnx);
	}
	report_add(onnx->report,
		"If '%.80s' depends on the row: both branches are computed, and one is taken",
		node->name);
	return 0;
}

static int import_if(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *condition = onnx_input(onnx, node, 0);
	const uint32_t first = onnx->graph->n_tensors;
	const size_t n = node->proto->n_output;
	uint32_t *outputs = arena_calloc(onnx->scratch, 3 * n, sizeof(*outputs));
	int rc;

	if (!outputs)
		return onnx_refuse_memory(onnx, node);
	if (!is_condition(condition))
		return refuse_condition(onnx, node, node->inputs[0]);
	if (condition->data) {
		const bool yes = value_integer(DTYPE_BOOL, condition->data, 0) != 0;

		rc = run_branch(onnx, node, yes ? "then_branch" : "else_branch", outputs);
	} else {
		rc = run_branch(onnx, node, "then_branch", outputs + n);
		if (rc == 0)
			rc = run_branch(onnx, node, "else_branch", outputs + 2 * n);
		if (rc == 0)
			rc = choose(onnx, node, outputs + n, outputs + 2 * n, outputs);
	}
	for (uint32_t o = 0; o < n && rc == 0; o++)
		rc = output_of_body(onnx, node, o, outputs[o], first);
	return rc;
}

// What a Loop or Scan carries from round to round, and what it stacks.
struct rounds {
	const struct onnx_node *node;
	struct onnx_body body;
	uint32_t n_carried, n_stacked;
	uint32_t *inputs, *outputs; // of the body, in one round
	uint32_t *stacks;           // [n_stacked][ROUNDS_MAX]
	uint32_t n;                 // rounds so far
};

static int rounds_init(struct onnx *onnx, struct rounds *rounds, uint32_t n_carried,
	size_t n_inputs, size_t n_first_outputs)
{
	const struct onnx_node *node = rounds->node;
	const Onnx__GraphProto *proto = rounds->body.proto;

	if (proto->n_input != n_inputs)
		return onnx_refuse(onnx, node, -EINVAL, "its body has %zu inputs, should have %zu",
			proto->n_input, n_inputs);
	if (proto->n_output < n_first_outputs + n_carried || proto->n_output > GRAPH_NODE_IO_MAX)
		return refuse_outputs(onnx, node, &rounds->body, n_first_outputs + n_carried);
	rounds->n_carried = n_carried;
	rounds->n_stacked = (uint32_t)(proto->n_output - n_first_outputs - n_carried);
	if (node->proto->n_output > (size_t)n_carried + rounds->n_stacked)
		return onnx_refuse(onnx, node, -EINVAL, "has %zu outputs, its body gives %u",
			node->proto->n_output, n_carried + rounds->n_stacked);
	rounds->inputs = arena_calloc(onnx->scratch, n_inputs + 1, sizeof(*rounds->inputs));
	rounds->outputs =
		arena_calloc(onnx->scratch, proto->n_output + 1, sizeof(*rounds->outputs));
	rounds->stacks = arena_calloc(
		onnx->scratch, (size_t)rounds->n_stacked * ROUNDS_MAX + 1, sizeof(*rounds->stacks));
	if (!rounds->inputs || !rounds->outputs || !rounds->stacks)
		return onnx_refuse_memory(onnx, node);
	return 0;
}

// One round: the carried values are in front of what the round stacks, both after `skip`.
static int rounds_run(struct onnx *onnx, struct rounds *rounds, uint32_t skip)
{
	int rc;

	if (rounds->n == ROUNDS_MAX)
		return onnx_refuse(
			onnx, rounds->node, -ENOTSUP, "it runs more than %d rounds", ROUNDS_MAX);
	rc = onnx_body_run(onnx, &rounds->body, rounds->inputs, rounds->outputs);
	if (rc != 0)
		return rc;
	for (uint32_t s = 0; s < rounds->n_stacked; s++)
		rounds->stacks[(size_t)s * ROUNDS_MAX + rounds->n] =
			rounds->outputs[skip + rounds->n_carried + s];
	rounds->n++;
	return 0;
}

// A value of one round with an axis of length 1 more.
static uint32_t with_axis(
	struct onnx *onnx, const struct onnx_node *node, uint32_t tensor, uint32_t axis)
{
	const struct tensor x = onnx->graph->tensors[tensor];
	int64_t dims[GRAPH_RANK_MAX];

	if (onnx_is_sequence(onnx, tensor)) {
		onnx_refuse(onnx, node, -EINVAL, "it stacks sequences");
		return GRAPH_NONE;
	}
	if (x.rank == GRAPH_RANK_MAX) {
		onnx_refuse(onnx, node, -ENOTSUP, "what it stacks has %u dimensions", x.rank + 1);
		return GRAPH_NONE;
	}
	for (uint32_t d = 0; d <= x.rank; d++)
		dims[d] = d == axis ? 1 : x.dims[d - (d > axis)];
	return onnx_emit_reshape(onnx, node, tensor, x.rank + 1, dims);
}

// The s-th stack along `axis`, the last round first where it is reversed.
static uint32_t rounds_stack(
	struct onnx *onnx, const struct rounds *rounds, uint32_t s, int64_t axis, bool reversed)
{
	const struct onnx_node *node = rounds->node;
	uint32_t *stack = &rounds->stacks[(size_t)s * ROUNDS_MAX];
	uint32_t *parts = arena_calloc(onnx->scratch, rounds->n + 1, sizeof(*parts));
	const int64_t rank = rounds->n ? onnx->graph->tensors[stack[0]].rank + 1 : 1;
	const struct attr attr = ONNX_INT(ATTR_AXIS, axis < 0 ? axis + rank : axis);

	if (!parts) {
		onnx_refuse_memory(onnx, node);
		return GRAPH_NONE;
	}
	if (rounds->n == 0 || attr.i < 0 || attr.i >= rank) {
		onnx_refuse(onnx, node, -ENOTSUP, "it stacks %u rounds along axis %lld", rounds->n,
			(long long)axis);
		return GRAPH_NONE;
	}
	for (uint32_t r = 0; r < rounds->n; r++) {
		parts[r] = with_axis(
			onnx, node, stack[reversed ? rounds->n - 1 - r : r], (uint32_t)attr.i);
		if (parts[r] == GRAPH_NONE)
			return GRAPH_NONE;
	}
	return onnx_emit(onnx, node, OP_CONCAT, rounds->n, parts, 1, &attr);
}

static void rounds_report(struct onnx *onnx, const struct rounds *rounds)
{
	if (onnx->depth == 0)
		report_add(onnx->report, "%s '%.80s' was unrolled: %u rounds of %zu nodes",
			rounds->node->type, rounds->node->name, rounds->n,
			rounds->body.proto->n_node);
}

// How often at most: input 0, where it is given.
static int loop_trips(struct onnx *onnx, const struct onnx_node *node, int64_t *trips)
{
	const struct tensor *tensor;

	*trips = INT64_MAX;
	if (!onnx_is_given(node, 0))
		return 0;
	tensor = onnx_input(onnx, node, 0);
	if (!tensor->data)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"how often it runs depends on the row; only loops of a number of rounds "
			"that the file tells can be scored");
	if (tensor->dtype == DTYPE_F32 || tensor_elements(tensor) != 1)
		return onnx_refuse(onnx, node, -EINVAL,
			"input 0, the rounds, is %s %s, should be one whole number",
			dtype_name(tensor->dtype), tensor_shape_text(tensor).text);
	*trips = (int64_t)value_integer(tensor->dtype, tensor->data, 0);
	return 0;
}

static int loop_goes_on(
	struct onnx *onnx, const struct onnx_node *node, uint32_t condition, bool *goes_on)
{
	const struct tensor *tensor = &onnx->graph->tensors[condition];

	if (!is_condition(tensor))
		return refuse_condition(onnx, node, condition);
	if (!tensor->data)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"whether it goes on depends on the row; only loops of a number of rounds "
			"that the file tells can be scored");
	*goes_on = value_integer(DTYPE_BOOL, tensor->data, 0) != 0;
	return 0;
}

// The number of the round and, before the first, the condition.
static int loop_counters(struct onnx *onnx, struct rounds *rounds)
{
	const struct onnx_node *node = rounds->node;
	void *data;

	rounds->inputs[0] = onnx_made(onnx, node, DTYPE_I64, 0, NULL, &data);
	if (rounds->inputs[0] == GRAPH_NONE)
		return onnx_refused(onnx);
	*(int64_t *)data = rounds->n;
	if (rounds->n > 0)
		return 0;
	if (onnx_is_given(node, 1)) {
		rounds->inputs[1] = node->inputs[1];
		return 0;
	}
	rounds->inputs[1] = onnx_made(onnx, node, DTYPE_BOOL, 0, NULL, &data);
	if (rounds->inputs[1] == GRAPH_NONE)
		return onnx_refused(onnx);
	*(uint8_t *)data = 1;
	return 0;
}

// Where sizes tell the number of rounds, whatever constant a round is given may count them.
static int loop_begin_round(struct onnx *onnx, struct rounds *rounds)
{
	const struct onnx_node *node = rounds->node;
	const bool sizes = onnx_is_given(node, 0) && onnx_is_size(onnx, node->inputs[0]);
	int rc = loop_counters(onnx, rounds);

	for (uint32_t i = 0; i < rounds->n_carried + 2 && sizes && rc == 0; i++) {
		if (onnx->graph->tensors[rounds->inputs[i]].data)
			rc = onnx_mark_size(onnx, rounds->inputs[i]);
	}
	return rc;
}

static int loop_run(struct onnx *onnx, struct rounds *rounds, int64_t trips)
{
	const struct onnx_node *node = rounds->node;
	int rc = loop_begin_round(onnx, rounds);
	bool goes_on = true;

	if (rc == 0)
		rc = loop_goes_on(onnx, node, rounds->inputs[1], &goes_on);
	while (rc == 0 && goes_on && rounds->n < trips) {
		rc = rounds_run(onnx, rounds, 1);
		if (rc != 0)
			break;
		memcpy(rounds->inputs + 1, rounds->outputs,
			((size_t)rounds->n_carried + 1) * sizeof(*rounds->inputs));
		// With as many rounds as are told, the last condition decides nothing.
		if (rounds->n < trips)
			rc = loop_goes_on(onnx, node, rounds->inputs[1], &goes_on);
		if (rc == 0)
			rc = loop_begin_round(onnx, rounds);
	}
	return rc;
}

static int import_loop(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t first = onnx->graph->n_tensors;
	const uint32_t n_carried = node->n_inputs > 2 ? node->n_inputs - 2 : 0;
	struct rounds rounds = { .node = node };
	int64_t trips;
	int rc = loop_trips(onnx, node, &trips);

	if (rc == 0)
		rc = onnx_body_enter(onnx, node, "body", &rounds.body);
	if (rc == 0)
		rc = rounds_init(onnx, &rounds, n_carried, (size_t)n_carried + 2, 1);
	for (uint32_t i = 0; i < n_carried && rc == 0; i++) {
		rounds.inputs[2 + i] = node->inputs[2 + i];
		if (node->inputs[2 + i] == GRAPH_NONE)
			rc = onnx_refuse(onnx, node, -EINVAL, "input %u is missing", 2 + i);
	}
	if (rc == 0)
		rc = loop_run(onnx, &rounds, trips);
	if (rc == 0)
		rc = onnx_body_leave(onnx, &rounds.body);
	for (uint32_t k = 0; k < node->proto->n_output && rc == 0; k++) {
		if (!*node->proto->output[k])
			continue;
		rc = k < n_carried ? output_of_body(onnx, node, k, rounds.inputs[2 + k], first)
				   : onnx_output(onnx, node, k,
					     rounds_stack(onnx, &rounds, k - n_carried, 0, false));
	}
	if (rc == 0)
		rounds_report(onnx, &rounds);
	return rc;
}

// An integer of a list that may be left out: 0.
static int64_t listed(const Onnx__AttributeProto *list, uint32_t i)
{
	return list && i < list->n_ints ? list->ints[i] : 0;
}

struct scan {
	const Onnx__AttributeProto *in_axes, *out_axes, *in_reversed, *out_reversed;
	uint32_t n_scanned; // the last inputs
	int64_t length;
};

static int scan_read(struct onnx *onnx, const struct onnx_node *node, struct scan *scan)
{
	int64_t n;

	if (onnx->opset < 9)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"Scan of opset %lld, which has a batch of its own, is not supported; "
			"export for opset 9 or later",
			(long long)onnx->opset);
	if (onnx_int(onnx, node, "num_scan_inputs", 0, &n) ||
		onnx_attr(onnx, node, "scan_input_axes", ONNX_ATTRIBUTE(INTS), &scan->in_axes) ||
		onnx_attr(onnx, node, "scan_output_axes", ONNX_ATTRIBUTE(INTS), &scan->out_axes) ||
		onnx_attr(onnx, node, "scan_input_directions", ONNX_ATTRIBUTE(INTS),
			&scan->in_reversed) ||
		onnx_attr(onnx, node, "scan_output_directions", ONNX_ATTRIBUTE(INTS),
			&scan->out_reversed))
		return onnx_refused(onnx);
	if (n < 1 || n > node->n_inputs)
		return onnx_refuse(onnx, node, -EINVAL,
			"num_scan_inputs is %lld, should be 1 to %u", (long long)n, node->n_inputs);
	scan->n_scanned = (uint32_t)n;
	return 0;
}

// The axis of scanned input i, and all of the same length along theirs.
static int scan_axis(struct onnx *onnx, const struct onnx_node *node, struct scan *scan, uint32_t i,
	uint32_t *axis)
{
	const uint32_t input = node->n_inputs - scan->n_scanned + i;
	const struct tensor *x = onnx_input(onnx, node, input);
	int64_t at = listed(scan->in_axes, i);

	at += at < 0 ? x->rank : 0;
	if (at < 0 || at >= x->rank)
		return onnx_refuse(onnx, node, -EINVAL, "input %u, %s, has no axis %lld", input,
			tensor_shape_text(x).text, (long long)listed(scan->in_axes, i));
	if (i > 0 && x->dims[at] != scan->length)
		return onnx_refuse(onnx, node, -EINVAL, "what it scans is %lld and %lld long",
			(long long)scan->length, (long long)x->dims[at]);
	*axis = (uint32_t)at;
	scan->length = x->dims[at];
	return 0;
}

// What scanned input i is in round r.
static uint32_t scan_slice(struct onnx *onnx, const struct onnx_node *node, const struct scan *scan,
	uint32_t i, uint32_t r)
{
	const uint32_t input = node->n_inputs - scan->n_scanned + i;
	const int64_t axis = listed(scan->in_axes, i);
	const struct attr attr =
		ONNX_INT(ATTR_AXIS, axis < 0 ? axis + onnx_input(onnx, node, input)->rank : axis);
	uint32_t pair[2] = { node->inputs[input] };
	void *data;

	pair[1] = onnx_made(onnx, node, DTYPE_I64, 0, NULL, &data);
	if (pair[1] == GRAPH_NONE)
		return GRAPH_NONE;
	*(int64_t *)data = listed(scan->in_reversed, i) ? scan->length - 1 - r : r;
	return onnx_emit(onnx, node, OP_GATHER, 2, pair, 1, &attr);
}

static int scan_run(struct onnx *onnx, struct rounds *rounds, const struct scan *scan)
{
	const struct onnx_node *node = rounds->node;
	int rc = 0;

	memcpy(rounds->inputs, node->inputs, rounds->n_carried * sizeof(*rounds->inputs));
	while (rounds->n < scan->length && rc == 0) {
		for (uint32_t i = 0; i < scan->n_scanned; i++) {
			const uint32_t slice = scan_slice(onnx, node, scan, i, rounds->n);

			if (slice == GRAPH_NONE)
				return onnx_refused(onnx);
			rounds->inputs[rounds->n_carried + i] = slice;
		}
		rc = rounds_run(onnx, rounds, 0);
		memcpy(rounds->inputs, rounds->outputs,
			rounds->n_carried * sizeof(*rounds->inputs));
	}
	return rc;
}

static int import_scan(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t first = onnx->graph->n_tensors;
	struct rounds rounds = { .node = node };
	struct scan scan;
	uint32_t n_carried, axis;
	bool is_one = false;
	int rc;

	if (onnx->opset < 9) // its first input is the lengths of sequences, mostly left out
		return onnx_refuse(onnx, node, -ENOTSUP,
			"Scan of opset 8, which has a batch of its own, is not supported; export "
			"for opset 9 or later");
	rc = scan_read(onnx, node, &scan);
	for (uint32_t i = 0; i < node->n_inputs && rc == 0; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			rc = onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
	}
	if (rc == 0)
		rc = onnx_scan_of_distances(onnx, node, &is_one);
	if (rc != 0 || is_one)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < scan.n_scanned; i++)
		rc = scan_axis(onnx, node, &scan, i, &axis);
	if (rc == 0)
		rc = onnx_body_enter(onnx, node, "body", &rounds.body);
	if (rc != 0)
		return rc;
	n_carried = node->n_inputs - scan.n_scanned;
	rc = rounds_init(onnx, &rounds, n_carried, node->n_inputs, 0);
	if (rc == 0)
		rc = scan_run(onnx, &rounds, &scan);
	if (rc == 0)
		rc = onnx_body_leave(onnx, &rounds.body);
	for (uint32_t k = 0; k < node->proto->n_output && rc == 0; k++) {
		const uint32_t s = k - n_carried;

		if (!*node->proto->output[k])
			continue;
		rc = k < n_carried
			? output_of_body(onnx, node, k, rounds.inputs[k], first)
			: onnx_output(onnx, node, k,
				  rounds_stack(onnx, &rounds, s, listed(scan.out_axes, s),
					  listed(scan.out_reversed, s) != 0));
	}
	if (rc == 0)
		rounds_report(onnx, &rounds);
	return rc;
}

const struct onnx_operator ONNX_CONTROL[] = {
	{ "If", 1, 1, .import = import_if },
	{ "Loop", 0, GRAPH_NODE_IO_MAX, .import = import_loop },
	{ "Scan", 0, GRAPH_NODE_IO_MAX, .import = import_scan },
	{ .type = NULL },
};
