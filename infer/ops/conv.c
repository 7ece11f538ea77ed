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

// x, w: of one channel.
static double conv_sum_taps(const struct window *w, const int64_t o[WINDOW_DIMS], bool transposed,
	const float *x, const float *weights)
{
	int64_t at[WINDOW_DIMS];
	double sum = 0;

	for (int64_t i = 0; i < w->kernel[0]; i++) {
		if (!conv_tap(w, 0, o[0], i, transposed, &at[0]))
			continue;
		for (int64_t j = 0; j < w->kernel[1]; j++) {
			if (!conv_tap(w, 1, o[1], j, transposed, &at[1]))
				continue;
			for (int64_t k = 0; k < w->kernel[2]; k++) {
				if (!conv_tap(w, 2, o[2], k, transposed, &at[2]))
					continue;
				sum += (double)weights[(i * w->kernel[1] + j) * w->kernel[2] + k] *
					(double)x[(at[0] * w->in[1] + at[1]) * w->in[2] + at[2]];
			}
		}
	}
	return sum;
}

// One output channel of one row: x, the group's input channels; w at `w_step` from one of them to
// the next.
static void conv_channel(const struct conv *conv, bool transposed, const float *x, const float *w,
	int64_t w_step, double bias, float *y)
{
	const struct window *window = &conv->window;
	const int64_t size = window_product(window->in);
	int64_t o[WINDOW_DIMS];
	size_t at = 0;

	for (o[0] = 0; o[0] < window->out[0]; o[0]++) {
		for (o[1] = 0; o[1] < window->out[1]; o[1]++) {
			for (o[2] = 0; o[2] < window->out[2]; o[2]++) {
				double sum = bias;

				for (int64_t c = 0; c < conv->in; c++)
					sum += conv_sum_taps(window, o, transposed, x + c * size,
						w + c * w_step);
				y[at++] = (float)sum;
			}
		}
	}
	for (size_t i = 0; i < at && conv->act.kind != ACTIVATION_NONE; i++)
		y[i] = act_f32(&conv->act, y[i]);
}

static void conv_run(const struct plain *plain, bool transposed, const void *const *x, float *y)
{
	const struct conv conv = conv_of(plain, transposed);
	const int64_t in = window_product(conv.window.in), out = window_product(conv.window.out);
	const int64_t taps = window_product(conv.window.kernel);
	const float *rows = x[0], *weights = x[1], *bias = plain->n_in > 2 ? x[2] : NULL;

	for (int64_t m = 0; m < conv.batch * conv.groups * conv.out; m++) {
		const int64_t of = m % (conv.groups * conv.out), group = of / conv.out;
		const int64_t batch = m / (conv.groups * conv.out);
		const float *from = rows + (batch * conv.groups + group) * conv.in * in;
		const float *w = transposed
			? weights + (group * conv.in * conv.out + of % conv.out) * taps
			: weights + of * conv.in * taps;

		conv_channel(&conv, transposed, from, w, transposed ? conv.out * taps : taps,
			bias ? (double)bias[of] : 0, y + m * out);
	}
}

static void conv_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	conv_run(plain, false, x, y[0]);
}

static void conv_transpose_plain(
	const struct plain *plain, const void *const *x, void *const *y, void *scratch)
{
	conv_run(plain, true, x, y[0]);
}

const struct plain_op plain_conv = { .run = conv_plain, .work = conv_work };
const struct plain_op plain_conv_transpose = { .run = conv_transpose_plain, .work = conv_work };
