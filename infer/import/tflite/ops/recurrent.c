// SPDX-License-Identifier: BSD-3-Clause
// UNIDIRECTIONAL_ and BIDIRECTIONAL_SEQUENCE_RNN and _LSTM, whose states are 0 when a row begins. ONNX has the gates' weights
// in one tensor, in the order input, output, forget, cell. Its clip is another than TensorFlow's cell_clip,
// which bounds the cell's state: a step adds at most 1 to that, so that it matters only in sequences
// that are longer than the bound, and those are written out step by step.
#include "infer/import/tflite/values.h"
#include "infer/import/tflite/write.h"

#define STEPS_MAX 1024

enum { GATE_INPUT, GATE_OUTPUT, GATE_FORGET, GATE_CELL, GATES };

struct sequence {
	struct tflite *t;
	const struct tflite_node *node;
	bool time_major, backwards;
	int64_t steps, hidden; // steps 0: left open
	float clip;            // of the cell's state; 0: none
	const char *x, *w, *r, *b;
	const char *peepholes[3]; // of input, output, forget; "" where there are none
};

// A state that is kept is one that begins with 0; it is left so between rows.
static int recurrent_check_state(struct sequence *l, uint32_t input)
{
	const struct tflite_tensor *state = tflite_input(l->t, l->node, input);

	if (!state || !state->is_variable)
		return tflite_refuse(l->t, l->node, -ENOTSUP,
			"input %u should be a state that begins with 0", input);
	l->t->stateful = true;
	return 0;
}

static int recurrent_read_sizes(struct sequence *l, uint32_t recurrent_weights)
{
	const struct tflite_tensor *x = tflite_input(l->t, l->node, 0);
	const struct tflite_tensor *r = tflite_input(l->t, l->node, recurrent_weights);
	const uint32_t time = l->time_major ? 0 : 1;

	if (!x || x->rank != 3 || !r || r->rank != 2 || r->dims[0] != r->dims[1])
		return tflite_refuse(l->t, l->node, -EINVAL,
			"input should have 3 dimensions, and recurrent weights be square");
	l->steps = x->open[time] ? 0 : x->dims[time];
	l->hidden = r->dims[0];
	l->x = tflite_real(l->t, l->node, 0);
	return l->x ? 0 : l->t->err->code;
}

static const char *recurrent_unsqueezed(struct tflite *t, const char *x, int64_t axis)
{
	return tflite_pair(t, "Unsqueeze", x, tflite_ints(t, 1, &axis));
}

static const char *recurrent_squeezed(struct tflite *t, const char *x, int64_t axis)
{
	return tflite_pair(t, "Squeeze", x, tflite_ints(t, 1, &axis));
}

// Inputs of the operator, one under the other.
static const char *recurrent_joined(struct sequence *l, size_t n, const uint32_t *inputs)
{
	const char *parts[GATES];

	for (size_t i = 0; i < n; i++) {
		parts[i] = tflite_real(l->t, l->node, inputs[i]);
		if (!parts[i])
			return NULL;
	}
	return tflite_write(l->t, "Concat", n, parts, 1, &TFLITE_INT("axis", 0));
}

// ONNX's own layer: outputs [time, directions, batch, hidden], or with layout 1 [batch, time, directions,
// hidden]. `attrs` has room for three more.
static const char *recurrent_layer(
	struct sequence *l, const char *type, size_t n_attrs, struct tflite_attr *attrs)
{
	const char *inputs[8] = { l->x, recurrent_unsqueezed(l->t, l->w, 0),
		recurrent_unsqueezed(l->t, l->r, 0), NULL, "", "", "", "" };
	const bool peeps = l->peepholes[0] && *l->peepholes[0];
	float *zeros = arena_calloc(l->t->arena, (size_t)l->hidden * GATES + 1, sizeof(*zeros));
	const int64_t n = l->hidden * (type[0] == 'L' ? GATES : 1);
	const char *bias[2] = { l->b };

	if (!zeros) {
		error_set(l->t->err, -ENOMEM, "out of memory");
		return NULL;
	}
	bias[1] = tflite_constant(l->t, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1, &n, zeros,
		(size_t)n * sizeof(*zeros));
	inputs[3] = recurrent_unsqueezed(
		l->t, tflite_write(l->t, "Concat", 2, bias, 1, &TFLITE_INT("axis", 0)), 0);
	if (peeps)
		inputs[7] = recurrent_unsqueezed(l->t,
			tflite_write(l->t, "Concat", 3, l->peepholes, 1, &TFLITE_INT("axis", 0)),
			0);
	attrs[n_attrs++] = TFLITE_INT("hidden_size", l->hidden);
	attrs[n_attrs++] = TFLITE_INT("layout", !l->time_major);
	attrs[n_attrs++] = TFLITE_TEXT("direction", l->backwards ? "reverse" : "forward");
	return recurrent_squeezed(l->t,
		tflite_write(l->t, type, peeps ? 8 : 4, inputs, n_attrs, attrs),
		l->time_major ? 1 : 2);
}

// --- Step by step ---------------------------------------------------------------------------------

static const char *recurrent_gate(struct sequence *l, const char *x, const char *function,
	const char *peephole, const char *cell)
{
	if (peephole && *peephole && cell)
		x = tflite_pair(l->t, "Add", x, tflite_pair(l->t, "Mul", peephole, cell));
	return tflite_one(l->t, function, x);
}

// One step of [batch, inputs]; *cell and *hidden are NULL before the first.
static int recurrent_step(struct sequence *l, const char *x, const char **cell, const char **hidden)
{
	struct tflite *t = l->t;
	const int64_t sizes[GATES] = { l->hidden, l->hidden, l->hidden, l->hidden };
	const struct tflite_attr turned = TFLITE_INT("transB", 1);
	const char *inputs[3] = { x, l->w, l->b }, *gates[GATES], *split[2], *made, *bounds[3];

	made = tflite_write(t, "Gemm", 3, inputs, 1, &turned);
	if (*hidden) {
		const char *again[2] = { *hidden, l->r };

		made = tflite_pair(t, "Add", made, tflite_write(t, "Gemm", 2, again, 1, &turned));
	}
	for (size_t g = 0; g < GATES; g++)
		gates[g] = tflite_fresh(t);
	split[0] = made;
	split[1] = made ? tflite_ints(t, GATES, sizes) : NULL;
	if (!split[1] ||
		tflite_write_outputs(t, "Split", 2, split, 1, &TFLITE_INT("axis", 1), GATES, gates))
		return t->err->code;
	made = tflite_pair(t, "Mul",
		recurrent_gate(l, gates[GATE_INPUT], "Sigmoid", l->peepholes[0], *cell),
		tflite_one(t, "Tanh", gates[GATE_CELL]));
	if (*cell)
		made = tflite_pair(t, "Add", made,
			tflite_pair(t, "Mul",
				recurrent_gate(
					l, gates[GATE_FORGET], "Sigmoid", l->peepholes[2], *cell),
				*cell));
	bounds[0] = made;
	bounds[1] = made ? tflite_scalar(t, -l->clip) : NULL;
	bounds[2] = bounds[1] ? tflite_scalar(t, l->clip) : NULL;
	*cell = bounds[2] ? tflite_write(t, "Clip", 3, bounds, 0, NULL) : NULL;
	*hidden = tflite_pair(t, "Mul",
		recurrent_gate(l, gates[GATE_OUTPUT], "Sigmoid", l->peepholes[1], *cell),
		tflite_one(t, "Tanh", *cell));
	return *hidden ? 0 : t->err->code;
}

static const char *recurrent_unrolled(struct sequence *l)
{
	struct tflite *t = l->t;
	const int64_t time = l->time_major ? 0 : 1;
	const char *cell = NULL, *hidden = NULL, *split[2] = { l->x };
	const char **parts = arena_calloc(t->arena, (size_t)l->steps, sizeof(*parts));
	int64_t *ones = arena_calloc(t->arena, (size_t)l->steps, sizeof(*ones));

	if (!parts || !ones) {
		error_set(t->err, -ENOMEM, "out of memory");
		return NULL;
	}
	for (int64_t s = 0; s < l->steps; s++) {
		ones[s] = 1;
		parts[s] = tflite_fresh(t);
	}
	split[1] = tflite_ints(t, (size_t)l->steps, ones);
	if (!split[1] ||
		tflite_write_outputs(t, "Split", 2, split, 1, &TFLITE_INT("axis", time),
			(size_t)l->steps, parts))
		return NULL;
	for (int64_t i = 0; i < l->steps; i++) {
		const int64_t s = l->backwards ? l->steps - 1 - i : i;
		const char *x = recurrent_squeezed(t, parts[s], time);

		if (!x || recurrent_step(l, x, &cell, &hidden))
			return NULL;
		parts[s] = recurrent_unsqueezed(t, hidden, time);
		if (!parts[s])
			return NULL;
	}
	return tflite_write(t, "Concat", (size_t)l->steps, parts, 1, &TFLITE_INT("axis", time));
}

// --- Operators ------------------------------------------------------------------------------------

#define LSTM_INPUTS                                                                                \
	17 // of one direction: weights, recurrent weights, peepholes, biases, projection

// One direction, whose weights begin at input `first`, without its states. NULL: the sentence is made.
static const char *recurrent_lstm(struct sequence *l, uint32_t first)
{
	const uint32_t w[GATES] = { first, first + 3, first + 1, first + 2 };
	const uint32_t r[GATES] = { first + 4, first + 7, first + 5, first + 6 };
	const uint32_t b[GATES] = { first + 11, first + 14, first + 12, first + 13 };
	const uint32_t peepholes[3] = { first + 8, first + 10, first + 9 };
	const bool peeps =
		tflite_input(l->t, l->node, first + 8) || tflite_input(l->t, l->node, first + 9);
	struct tflite_attr attrs[3];

	if (!tflite_input(l->t, l->node, first) || tflite_input(l->t, l->node, first + 15)) {
		tflite_refuse(l->t, l->node, -ENOTSUP,
			"coupled gates, projections and norms within are not supported");
		return NULL;
	}
	if (recurrent_read_sizes(l, first + 4))
		return NULL;
	l->w = recurrent_joined(l, GATES, w);
	l->r = l->w ? recurrent_joined(l, GATES, r) : NULL;
	l->b = l->r ? recurrent_joined(l, GATES, b) : NULL;
	for (size_t p = 0; p < 3 && l->b; p++) {
		l->peepholes[p] = peeps ? tflite_real(l->t, l->node, peepholes[p]) : "";
		if (!l->peepholes[p])
			return NULL;
	}
	if (!l->b)
		return NULL;
	if (!(l->clip > 0) || (l->steps > 0 && (float)l->steps <= l->clip))
		return recurrent_layer(l, "LSTM", 0, attrs);
	if (l->steps > 0 && l->steps <= STEPS_MAX)
		return recurrent_unrolled(l);
	tflite_refuse(l->t, l->node, -ENOTSUP,
		"cell_clip of %g in sequences of %lld steps; supported are 1 to %d",
		(double)l->clip, (long long)l->steps, STEPS_MAX);
	return NULL;
}

// What both kinds of LSTM have first in their options.
static int recurrent_read_lstm(struct sequence *l)
{
	const struct flatbuffer_table *options = &l->node->op->options;

	l->clip = flatbuffer_float(options, 1, 0);
	if (flatbuffer_int(options, 0, 1, 0) != 4)
		return tflite_refuse(l->t, l->node, -ENOTSUP,
			"its activation should be TANH, others are not supported");
	if (!(l->clip >= 0))
		return tflite_refuse(l->t, l->node, -EINVAL, "cell_clip is below 0");
	return 0;
}

static int recurrent_import_lstm(struct tflite *t, const struct tflite_node *node)
{
	struct sequence l = { .t = t, .node = node };

	l.time_major = flatbuffer_int(&node->op->options, 3, 1, 0) != 0;
	if (recurrent_read_lstm(&l) || recurrent_check_state(&l, 18) ||
		recurrent_check_state(&l, 19))
		return t->err->code;
	for (uint32_t i = 20; i < 24; i++) {
		if (tflite_input(t, node, i))
			return tflite_refuse(t, node, -ENOTSUP,
				"coupled gates, projections and norms within are not supported");
	}
	return tflite_give(t, node, 0, recurrent_lstm(&l, 1), TFLITE_NHWC);
}

// The outputs of both directions: side by side, or each by itself.
static int recurrent_give_both(
	struct tflite *t, const struct tflite_node *node, bool merged, const char *const made[2])
{
	if (!made[0] || !made[1])
		return t->err->code;
	if (merged != (node->op->outputs.n == 1))
		return tflite_refuse(t, node, -EINVAL, "has %u outputs, should have %d",
			node->op->outputs.n, merged ? 1 : 2);
	if (merged)
		return tflite_give(t, node, 0,
			tflite_write(t, "Concat", 2, made, 1, &TFLITE_INT("axis", 2)), TFLITE_NHWC);
	if (tflite_give(t, node, 0, made[0], TFLITE_NHWC))
		return t->err->code;
	return tflite_give(t, node, 1, made[1], TFLITE_NHWC);
}

static int recurrent_refuse_auxiliary(
	struct tflite *t, const struct tflite_node *node, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < n; i++) {
		if (tflite_input(t, node, i))
			return tflite_refuse(t, node, -ENOTSUP,
				"an auxiliary input, as of stacked layers, is not supported");
	}
	return 0;
}

static int recurrent_import_lstm_both(struct tflite *t, const struct tflite_node *node)
{
	const struct flatbuffer_table *options = &node->op->options;
	const char *made[2] = { NULL, NULL };

	if (recurrent_refuse_auxiliary(t, node, 39, 48))
		return t->err->code;
	for (uint32_t way = 0; way < 2; way++) {
		struct sequence l = { .t = t, .node = node, .backwards = way == 1 };

		l.time_major = flatbuffer_int(options, 4, 1, 1) != 0;
		if (recurrent_read_lstm(&l) || recurrent_check_state(&l, 35 + 2 * way) ||
			recurrent_check_state(&l, 36 + 2 * way))
			return t->err->code;
		made[way] = recurrent_lstm(&l, 1 + LSTM_INPUTS * way);
		if (!made[way])
			return t->err->code;
	}
	return recurrent_give_both(t, node, flatbuffer_int(options, 3, 1, 0) != 0, made);
}

// One direction of weights, recurrent weights and biases from input `first` on, and the state behind them.
static const char *recurrent_rnn(struct sequence *l, uint32_t first, int64_t activation)
{
	struct tflite_attr attrs[4] = { { .name = "activations",
		.kind = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS,
		.s = activation == 1 ? "Relu" : "Tanh" } };

	if (activation != 1 && activation != 4) {
		tflite_refuse(l->t, l->node, -ENOTSUP,
			"its activation should be RELU or TANH, others are not supported");
		return NULL;
	}
	if (recurrent_check_state(l, first + 3) || recurrent_read_sizes(l, first + 1))
		return NULL;
	l->w = tflite_real(l->t, l->node, first);
	l->r = l->w ? tflite_real(l->t, l->node, first + 1) : NULL;
	l->b = l->r ? tflite_real(l->t, l->node, first + 2) : NULL;
	return l->b ? recurrent_layer(l, "RNN", 1, attrs) : NULL;
}

static int recurrent_import_rnn(struct tflite *t, const struct tflite_node *node)
{
	const struct flatbuffer_table *options = &node->op->options;
	struct sequence l = { .t = t, .node = node };

	l.time_major = flatbuffer_int(options, 0, 1, 0) != 0;
	return tflite_give(
		t, node, 0, recurrent_rnn(&l, 1, flatbuffer_int(options, 1, 1, 0)), TFLITE_NHWC);
}

static int recurrent_import_rnn_both(struct tflite *t, const struct tflite_node *node)
{
	const struct flatbuffer_table *options = &node->op->options;
	const char *made[2] = { NULL, NULL };

	if (recurrent_refuse_auxiliary(t, node, 9, 12))
		return t->err->code;
	for (uint32_t way = 0; way < 2; way++) {
		struct sequence l = { .t = t, .node = node, .backwards = way == 1 };

		l.time_major = flatbuffer_int(options, 0, 1, 0) != 0;
		made[way] = recurrent_rnn(&l, 1 + 4 * way, flatbuffer_int(options, 1, 1, 0));
		if (!made[way])
			return t->err->code;
	}
	return recurrent_give_both(t, node, flatbuffer_int(options, 2, 1, 0) != 0, made);
}

const struct tflite_builtin TFLITE_RECURRENT[] = {
	{ 35, "UNIDIRECTIONAL_SEQUENCE_RNN", 5, 5, 1, recurrent_import_rnn },
	{ 44, "UNIDIRECTIONAL_SEQUENCE_LSTM", 20, 24, 1, recurrent_import_lstm },
	{ 46, "BIDIRECTIONAL_SEQUENCE_RNN", 9, 12, 2, recurrent_import_rnn_both },
	{ 52, "BIDIRECTIONAL_SEQUENCE_LSTM", 39, 48, 2, recurrent_import_lstm_both },
	{ .name = NULL },
};
