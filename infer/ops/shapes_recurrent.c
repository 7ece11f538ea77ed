// SPDX-License-Identifier: BSD-3-Clause
// RNN, GRU and LSTM.
#include "infer/ops/rule.h"

#include <inttypes.h>

static int need_list(
	const struct inference *in, enum attr_key key, enum attr_kind kind, uint32_t count)
{
	const struct attr *attr = node_attr(in->node, key);

	if (!attr || attr->kind != kind || attr->count != count)
		return shape_refuse(in, "attribute \"%s\" should have %" PRIu32 " values",
			attr_name(key), count);
	for (uint32_t i = 0; i < count && kind == ATTR_KIND_INTS; i++) {
		if (attr->ints[i] < 0 || attr->ints[i] >= RECURRENT_COUNT)
			return shape_refuse(in,
				"attribute \"%s\" has %" PRId64 ", which is no activation",
				attr_name(key), attr->ints[i]);
	}
	return 0;
}

static int need_dims(const struct inference *in, uint32_t i, uint32_t rank, const int64_t *dims)
{
	const struct tensor *tensor = shape_input(in, i);
	struct tensor wanted = { .rank = rank };
	bool same = tensor && tensor->rank == rank;

	for (uint32_t d = 0; d < rank; d++) {
		wanted.dims[d] = dims[d];
		same = same && tensor->dims[d] == dims[d];
	}
	if (tensor && !same)
		return shape_refuse(in, "input \"%s\" is %s, should be %s", tensor->name,
			tensor_shape_text(tensor).text, tensor_shape_text(&wanted).text);
	return 0;
}

// initial_h, initial_c, Y_h, Y_c.
static void state_dims(int64_t dims[3], bool rows_first, int64_t ways, int64_t batch, int64_t h)
{
	dims[0] = rows_first ? batch : ways;
	dims[1] = rows_first ? ways : batch;
	dims[2] = h;
}

static int need_attrs(const struct inference *in, uint32_t functions)
{
	if (shape_need_int(in, ATTR_DIRECTION, 0, 0, DIRECTION_COUNT - 1) != 0 ||
		shape_need_int(in, ATTR_LAYOUT, 0, 0, 1) != 0 ||
		need_list(in, ATTR_ACTIVATIONS, ATTR_KIND_INTS, functions) != 0 ||
		need_list(in, ATTR_ALPHAS, ATTR_KIND_FLOATS, functions) != 0 ||
		need_list(in, ATTR_BETAS, ATTR_KIND_FLOATS, functions) != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < in->node->n_inputs; i++) {
		if (shape_need_dtype(in, i, i == 4 ? DTYPE_I32 : DTYPE_F32) != 0)
			return -EINVAL;
	}
	return 0;
}

// X, W, R, B, sequence_lens, initial_h, and of LSTM initial_c and P. Outputs Y, Y_h, Y_c.
int shape_recurrent(const struct inference *in, struct tensor *out)
{
	const struct tensor *x = shape_input(in, 0), *r = shape_input(in, 2);
	const enum op op = in->node->op;
	const int64_t gates = op == OP_LSTM ? 4 : op == OP_GRU ? 3 : 1;
	const int64_t ways = node_int(in->node, ATTR_DIRECTION, 0) == DIRECTION_BOTH ? 2 : 1;
	const uint32_t functions = (uint32_t)ways * (op == OP_LSTM ? 3 : op == OP_GRU ? 2 : 1);
	const bool rows_first = node_int(in->node, ATTR_LAYOUT, 0) != 0;
	int64_t steps, batch, h, state[3];

	if (need_attrs(in, functions) != 0)
		return -EINVAL;
	if (x->rank != 3 || r->rank != 3)
		return shape_refuse_pair(in, 0, 2, "both must have 3 dimensions");
	steps = x->dims[rows_first];
	batch = x->dims[!rows_first];
	h = r->dims[2];
	if (steps < 1 || batch < 1 || h < 1)
		return shape_refuse_pair(in, 0, 2, "none of their dimensions may be 0");
	state_dims(state, rows_first, ways, batch, h);
	if (need_dims(in, 1, 3, (int64_t[]){ ways, gates * h, x->dims[2] }) != 0 ||
		need_dims(in, 2, 3, (int64_t[]){ ways, gates * h, h }) != 0 ||
		need_dims(in, 3, 2, (int64_t[]){ ways, 2 * gates * h }) != 0 ||
		need_dims(in, 4, 1, &batch) != 0 || need_dims(in, 5, 3, state) != 0 ||
		need_dims(in, 6, 3, state) != 0 ||
		need_dims(in, 7, 2, (int64_t[]){ ways, 3 * h }) != 0)
		return -EINVAL;
	out[0] = (struct tensor){ .dtype = DTYPE_F32, .rank = 4 };
	out[0].dims[0] = x->dims[0];
	out[0].dims[1] = rows_first ? x->dims[1] : ways;
	out[0].dims[2] = rows_first ? ways : x->dims[1];
	out[0].dims[3] = h;
	for (uint32_t o = 1; o < in->node->n_outputs; o++) {
		out[o] = (struct tensor){ .dtype = DTYPE_F32, .rank = 3 };
		state_dims(out[o].dims, rows_first, ways, batch, h);
	}
	return 0;
}
