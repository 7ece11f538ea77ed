// SPDX-License-Identifier: BSD-3-Clause
// Operators that move values and compute none: any dtype, by its size.
#include "infer/ops/plain.h"
#include "infer/ops/values.h"

#include <string.h>

// Walks over y, taking x at walk->at[0].
static void move(const struct general *general, struct walk *walk, const void *x, void *y)
{
	const size_t bytes = dtype_bytes(general->out[0].dtype);
	char *to = y;

	for (; walk->left > 0; walk_next(walk), to += bytes)
		memcpy(to, (const char *)x + (size_t)walk->at[0] * bytes, bytes);
}

void general_transpose(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct attr *perm = node_attr(general->node, ATTR_PERM);
	int64_t strides[GRAPH_RANK_MAX];
	struct walk walk;

	(void)scratch;
	walk_init(&walk, &general->out[0]);
	tensor_strides(&general->in[0], strides);
	for (uint32_t d = 0; d < walk.rank; d++)
		walk.stride[0][d] = strides[perm ? perm->ints[d] : walk.rank - 1 - d];
	move(general, &walk, x[0], y[0]);
}

// STARTS and STEPS: for every dimension of x; the output's dims say how many.
void general_slice(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct attr *starts = node_attr(general->node, ATTR_STARTS);
	const struct attr *steps = node_attr(general->node, ATTR_STEPS);
	int64_t strides[GRAPH_RANK_MAX];
	struct walk walk;

	(void)scratch;
	walk_init(&walk, &general->out[0]);
	tensor_strides(&general->in[0], strides);
	for (uint32_t d = 0; d < walk.rank; d++) {
		walk.stride[0][d] = strides[d] * steps->ints[d];
		walk.at[0] += strides[d] * starts->ints[d];
	}
	move(general, &walk, x[0], y[0]);
}

// Where position i of an output dimension is taken from; -1: nowhere.
static int64_t pad_source(int64_t i, int64_t n, enum pad_mode mode)
{
	if (i >= 0 && i < n)
		return i;
	if (mode == PAD_EDGE)
		return i < 0 ? 0 : n - 1;
	if (mode == PAD_WRAP)
		return (i % n + n) % n;
	if (mode == PAD_REFLECT) {
		const int64_t period = n > 1 ? 2 * (n - 1) : 1;
		const int64_t at = (i % period + period) % period;

		return at < n ? at : period - at;
	}
	return -1;
}

// PADS: what stands before each dimension (negative: cut off); x[1]: the constant, 0 where left
// out.
void general_pad(const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const enum pad_mode mode = (enum pad_mode)node_int(general->node, ATTR_MODE, PAD_CONSTANT);
	const struct attr *pads = node_attr(general->node, ATTR_PADS);
	const struct tensor *in = &general->in[0];
	const size_t bytes = dtype_bytes(in->dtype);
	int64_t strides[GRAPH_RANK_MAX];
	char *to = y[0];
	struct walk walk;

	(void)scratch;
	walk_init(&walk, &general->out[0]);
	tensor_strides(in, strides);
	for (; walk.left > 0; walk_next(&walk), to += bytes) {
		int64_t at = 0;

		for (uint32_t d = 0; d < walk.rank && at >= 0; d++) {
			const int64_t from =
				pad_source(walk.index[d] - pads->ints[d], in->dims[d], mode);

			at = from < 0 ? -1 : at + from * strides[d];
		}
		if (at >= 0)
			memcpy(to, (const char *)x[0] + (size_t)at * bytes, bytes);
		else if (general->n_in > 1 && x[1])
			memcpy(to, x[1], bytes);
		else
			memset(to, 0, bytes);
	}
}

void general_tile(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &general->in[0];
	const size_t bytes = dtype_bytes(in->dtype);
	int64_t strides[GRAPH_RANK_MAX];
	char *to = y[0];
	struct walk walk;

	(void)scratch;
	walk_init(&walk, &general->out[0]);
	tensor_strides(in, strides);
	for (; walk.left > 0; walk_next(&walk), to += bytes) {
		int64_t at = 0;

		for (uint32_t d = 0; d < walk.rank; d++)
			at += walk.index[d] % in->dims[d] * strides[d];
		memcpy(to, (const char *)x[0] + (size_t)at * bytes, bytes);
	}
}
