// SPDX-License-Identifier: BSD-3-Clause
// UNIDIRECTIONAL_SEQUENCE_RNN and _LSTM, whose states are 0 when a row begins. ONNX has the gates' weights
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
	bool time_major;
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
// hidden].
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
	for (int64_t s = 0; s < l->steps; s++) {
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

static int recurrent_import_lstm(struct tflite *t, const struct tflite_node *node)
{
	static const uint32_t W[GATES] = { 1, 4, 2, 3 }, R[GATES] = { 5, 8, 6, 7 },
			      B[GATES] = { 12, 15, 13, 14 }, PEEPHOLES[3] = { 9, 11, 10 };
	const struct flatbuffer_table *options = &node->op->options;
	const bool peeps = tflite_input(t, node, 9) || tflite_input(t, node, 10);
	struct sequence l = { .t = t, .node = node, .peepholes = { "", "", "" } };
	struct tflite_attr attrs[2];

	l.time_major = flatbuffer_int(options, 3, 1, 0) != 0;
	l.clip = flatbuffer_float(options, 1, 0);
	if (flatbuffer_int(options, 0, 1, 0) != 4)
		return tflite_refuse(t, node, -ENOTSUP,
			"its activation should be TANH, others are not supported");
	if (!tflite_input(t, node, 1) || tflite_input(t, node, 16) || tflite_input(t, node, 20) ||
		tflite_input(t, node, 21) || tflite_input(t, node, 22) || tflite_input(t, node, 23))
		return tflite_refuse(t, node, -ENOTSUP,
			"coupled gates, projections and norms within are not supported");
	if (recurrent_check_state(&l, 18) || recurrent_check_state(&l, 19) ||
		recurrent_read_sizes(&l, 5))
		return t->err->code;
	if (!(l.clip >= 0))
		return tflite_refuse(t, node, -EINVAL, "cell_clip is below 0");
	l.w = recurrent_joined(&l, GATES, W);
	l.r = l.w ? recurrent_joined(&l, GATES, R) : NULL;
	l.b = l.r ? recurrent_joined(&l, GATES, B) : NULL;
	for (size_t p = 0; p < 3 && peeps && l.b; p++) {
		l.peepholes[p] = tflite_real(t, node, PEEPHOLES[p]);
		if (!l.peepholes[p])
			return t->err->code;
	}
	if (!l.b)
		return t->err->code;
	if (!(l.clip > 0) || (l.steps > 0 && (float)l.steps <= l.clip))
		return tflite_give(t, node, 0, recurrent_layer(&l, "LSTM", 0, attrs), TFLITE_NHWC);
	if (l.steps == 0 || l.steps > STEPS_MAX)
		return tflite_refuse(t, node, -ENOTSUP,
			"cell_clip of %g in sequences of %lld steps; supported are 1 to %d",
			(double)l.clip, (long long)l.steps, STEPS_MAX);
	return tflite_give(t, node, 0, recurrent_unrolled(&l), TFLITE_NHWC);
}

static int recurrent_import_rnn(struct tflite *t, const struct tflite_node *node)
{
	const int64_t activation = flatbuffer_int(&node->op->options, 1, 1, 0);
	struct sequence l = { .t = t, .node = node };
	struct tflite_attr attrs[3] = { { .name = "activations",
		.kind = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS,
		.s = activation == 1 ? "Relu" : "Tanh" } };

	l.time_major = flatbuffer_int(&node->op->options, 0, 1, 0) != 0;
	if (activation != 1 && activation != 4)
		return tflite_refuse(t, node, -ENOTSUP,
			"its activation should be RELU or TANH, others are not supported");
	if (recurrent_check_state(&l, 4) || recurrent_read_sizes(&l, 2))
		return t->err->code;
	l.w = tflite_real(t, node, 1);
	l.r = l.w ? tflite_real(t, node, 2) : NULL;
	l.b = l.r ? tflite_real(t, node, 3) : NULL;
	if (!l.b)
		return t->err->code;
	return tflite_give(t, node, 0, recurrent_layer(&l, "RNN", 1, attrs), TFLITE_NHWC);
}

const struct tflite_builtin TFLITE_RECURRENT[] = {
	{ 35, "UNIDIRECTIONAL_SEQUENCE_RNN", 5, 5, 1, recurrent_import_rnn },
	{ 44, "UNIDIRECTIONAL_SEQUENCE_LSTM", 20, 24, 1, recurrent_import_lstm },
	{ .name = NULL },
};
