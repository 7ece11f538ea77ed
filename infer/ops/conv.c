// SPDX-License-Identifier: BSD-3-Clause
// Conv and ConvTranspose of one to three dimensions, by their definition, summed in double.
#include "infer/graph/act.h"
#include "infer/graph/window.h"
#include "infer/ops/plain.h"
#include "infer/ops/rule.h"

// --- Shapes --------------------------------------------------------------------------------------

static int shape_conv_as(const struct inference *in, struct tensor *out, bool transposed)
{
	if (shape_need_f32(in) != 0 ||
		shape_need_int(in, ATTR_ACTIVATION, 0, 0, ACTIVATION_COUNT - 1) != 0 ||
		shape_convolution(in, 0, 1, transposed, out) != 0)
		return -EINVAL;
	return shape_need_vector(in, 2, out->dims[1]);
}

int shape_conv(const struct inference *in, struct tensor *out)
{
	return shape_conv_as(in, out, false);
}

int shape_conv_transpose(const struct inference *in, struct tensor *out)
{
	return shape_conv_as(in, out, true);
}

// --- Values --------------------------------------------------------------------------------------

struct conv {
	struct window window;
	int64_t batch, groups, in, out; // channels of a group
	struct act act;
};

static struct conv conv_of(const struct plain *plain, bool transposed)
{
	const struct tensor *x = &plain->in[0], *w = &plain->in[1];
	struct conv conv = { .batch = x->dims[0] };
	struct error err;

	window_of(plain->node, x, w->dims + 2, transposed, &conv.window, &err);
	conv.groups = node_int(plain->node, ATTR_GROUP, 1);
	conv.in = x->dims[1] / conv.groups;
	conv.out = plain->out[0].dims[1] / conv.groups;
	conv.act = act_of_attributes(plain->node);
	return conv;
}

static uint64_t conv_work(const struct plain *plain)
{
	const struct tensor *w = &plain->in[1], *y = &plain->out[0];
	uint64_t each = (uint64_t)tensor_elements(w) / (uint64_t)(w->dims[0] ? w->dims[0] : 1);

	if (plain->node->op == OP_CONV_TRANSPOSE) // every tap of the kernel is looked at
		each = (uint64_t)tensor_elements(w) / (uint64_t)(w->dims[1] ? w->dims[1] : 1);
	return (uint64_t)tensor_elements(y) * each; // below 2^56
}

// The input position under tap k of the window at output position o; false where it is padding.
static bool conv_tap(
	const struct window *w, uint32_t d, int64_t o, int64_t k, bool transposed, int64_t *at)
{
	if (!transposed) {
		*at = o * w->stride[d] - w->begin[d] + k * w->dilation[d];
		return *at >= 0 && *at < w->in[d];
	}
	*at = o + w->begin[d] - k * w->dilation[d];
	if (*at < 0 || *at % w->stride[d] != 0)
		return false;
	*at /= w->stride[d];
	return *at < w->in[d];
}

// Output channels whose sums are made side by side: loops of constant length, which compilers make
// vectors of.
#define CONV_BLOCK       16
#define CONV_BLOCK_BYTES ((size_t)320 << 10) // of the weights of a block, at most

// Weights of a block of output channels as they lie in the node's input, and side by side.
struct conv_weights {
	const float *from;
	int64_t in_step, out_step; // from channel to channel
	uint32_t n;                // output channels, up to CONV_BLOCK
	float *block; // [in][taps][CONV_BLOCK]; NULL: of one channel they need not be copied
};

static int64_t conv_block_of(const struct conv *conv)
{
	const size_t bytes = (size_t)(conv->in * window_product(conv->window.kernel)) * CONV_BLOCK *
		sizeof(float);

	return bytes <= CONV_BLOCK_BYTES && conv->out > 1 ? CONV_BLOCK : 1;
}

static size_t conv_scratch_bytes(const struct plain *plain, bool transposed)
{
	const struct conv conv = conv_of(plain, transposed);

	return conv_block_of(&conv) == 1 ? 0
					 : (size_t)(conv.in * window_product(conv.window.kernel)) *
			CONV_BLOCK * sizeof(float);
}

static void conv_pack_block(const struct conv *conv, struct conv_weights *w)
{
	const int64_t taps = window_product(conv->window.kernel);
	float *to = w->block;

	for (int64_t c = 0; c < conv->in; c++) {
		for (int64_t t = 0; t < taps; t++) {
			for (uint32_t b = 0; b < CONV_BLOCK; b++)
				*to++ = b < w->n ? w->from[b * w->out_step + c * w->in_step + t]
						 : 0.0f;
		}
	}
}

// Adds one input channel's part at output position o to `columns` sums. w: from tap to tap as many
// values apart. Each sum has its terms in the order of the taps, whatever the block.
static inline void conv_add_taps(const struct window *w, const int64_t o[WINDOW_DIMS],
	bool transposed, const float *x, const float *weights, uint32_t columns,
	double *restrict sums)
{
	double part[CONV_BLOCK] = { 0 };
	int64_t at[WINDOW_DIMS];

	for (int64_t i = 0; i < w->kernel[0]; i++) {
		if (!conv_tap(w, 0, o[0], i, transposed, &at[0]))
			continue;
		for (int64_t j = 0; j < w->kernel[1]; j++) {
			if (!conv_tap(w, 1, o[1], j, transposed, &at[1]))
				continue;
			for (int64_t k = 0; k < w->kernel[2]; k++) {
				const float *tap = weights +
					((i * w->kernel[1] + j) * w->kernel[2] + k) * columns;
				double value;

				if (!conv_tap(w, 2, o[2], k, transposed, &at[2]))
					continue;
				value = (double)x[(at[0] * w->in[1] + at[1]) * w->in[2] + at[2]];
				for (uint32_t b = 0; b < columns; b++)
					part[b] += (double)tap[b] * value;
			}
		}
	}
	for (uint32_t b = 0; b < columns; b++)
		sums[b] += part[b];
}

// The output channels of a block of one row. x: the group's input channels; bias [w->n] or NULL; y: the
// first channel of the block.
static void conv_channels(const struct conv *conv, bool transposed, const float *x,
	const struct conv_weights *w, const float *bias, float *y)
{
	const struct window *window = &conv->window;
	const int64_t in = window_product(window->in), out = window_product(window->out);
	const int64_t taps = window_product(window->kernel);
	int64_t o[WINDOW_DIMS];

	for (int64_t at = 0; at < out; at++) {
		double sums[CONV_BLOCK] = { 0 };

		o[0] = at / window->out[2] / window->out[1];
		o[1] = at / window->out[2] % window->out[1];
		o[2] = at % window->out[2];
		for (uint32_t b = 0; bias && b < w->n; b++)
			sums[b] = (double)bias[b];
		for (int64_t c = 0; c < conv->in; c++) {
			if (w->block)
				conv_add_taps(window, o, transposed, x + c * in,
					w->block + c * taps * CONV_BLOCK, CONV_BLOCK, sums);
			else
				conv_add_taps(window, o, transposed, x + c * in,
					w->from + c * w->in_step, 1, sums);
		}
		for (uint32_t b = 0; b < w->n; b++)
			y[b * out + at] = conv->act.kind == ACTIVATION_NONE
				? (float)sums[b]
				: act_f32(&conv->act, (float)sums[b]);
	}
}

static void conv_run(
	const struct plain *plain, bool transposed, const void *const *x, float *y, float *scratch)
{
	const struct conv conv = conv_of(plain, transposed);
	const int64_t in = window_product(conv.window.in), out = window_product(conv.window.out);
	const int64_t taps = window_product(conv.window.kernel), block = conv_block_of(&conv);
	const float *rows = x[0], *weights = x[1], *bias = plain->n_in > 2 ? x[2] : NULL;

	for (int64_t group = 0; group < conv.groups; group++) {
		for (int64_t first = 0; first < conv.out; first += block) {
			const int64_t of = group * conv.out + first;
			struct conv_weights w = {
				.from = weights +
					(transposed ? (group * conv.in * conv.out + first) * taps
						    : of * conv.in * taps),
				.in_step = transposed ? conv.out * taps : taps,
				.out_step = transposed ? taps : conv.in * taps,
				.n = (uint32_t)(conv.out - first < block ? conv.out - first
									 : block),
				.block = block > 1 ? scratch : NULL,
			};

			if (w.block)
				conv_pack_block(&conv, &w);
			for (int64_t b = 0; b < conv.batch; b++)
				conv_channels(&conv, transposed,
					rows + (b * conv.groups + group) * conv.in * in, &w,
					bias ? bias + of : NULL,
					y + (b * conv.groups * conv.out + of) * out);
		}
	}
}

static void conv_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	conv_run(plain, false, x, y[0], scratch);
}

static void conv_transpose_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	conv_run(plain, true, x, y[0], scratch);
}

static size_t conv_plain_scratch(const struct plain *plain)
{
	return conv_scratch_bytes(plain, false);
}

static size_t conv_transpose_scratch(const struct plain *plain)
{
	return conv_scratch_bytes(plain, true);
}

const struct plain_op plain_conv = {
	.run = conv_plain, .scratch_bytes = conv_plain_scratch, .work = conv_work
};
const struct plain_op plain_conv_transpose = {
	.run = conv_transpose_plain, .scratch_bytes = conv_transpose_scratch, .work = conv_work
};
