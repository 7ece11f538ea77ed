// SPDX-License-Identifier: BSD-3-Clause
// The direct convolution against its definition in double, over random shapes.
#include "infer/graph/act.h"
#include "infer/kernels/conv/conv_rows.h"
#include "infer/kernels/kernels.h"
#include "tests/kernels/harness.h"

#include <stdlib.h>
#include <string.h>

// w: [groups * out][in][kernel...]
static double wanted(const struct conv_rows *v, const float *w, const float *x, uint32_t channel,
	uint32_t position)
{
	const uint32_t g = channel / v->out, *k = v->kernel;
	const uint32_t p[3] = { position / v->positions[2] / v->positions[1],
		position / v->positions[2] % v->positions[1], position % v->positions[2] };
	double sum = v->bias ? (double)v->bias[channel] : 0;

	for (uint32_t c = 0; c < v->in; c++) {
		for (uint32_t t = 0; t < k[0] * k[1] * k[2]; t++) {
			size_t at = (size_t)(g * v->in + c) * v->padded[0] + p[0] * v->stride[0] +
				t / k[2] / k[1] * v->dilation[0];

			at = at * v->padded[1] + p[1] * v->stride[1] +
				t / k[2] % k[1] * v->dilation[1];
			at = at * v->padded[2] + p[2] + t % k[2] * v->dilation[2];
			sum += (double)w[((size_t)channel * v->in + c) * k[0] * k[1] * k[2] + t] *
				(double)x[at];
		}
	}
	return v->act.kind == ACTIVATION_RELU && sum < 0 ? 0 : sum;
}

static struct guarded floats(size_t count)
{
	struct guarded made = guarded_alloc(count * sizeof(float));

	random_fill(made.data, count, -1, 1);
	return made;
}

static void conv_random_shape(const struct conv_rows_kernel *kernel)
{
	struct conv_rows v = { .groups = 1 + random_below(3),
		.in = 1 + random_below(4),
		.out = 1 + random_below(19) };
	size_t in = v.groups * v.in, out = v.groups * v.out, taps = 1, positions = 1;
	struct guarded x, y, w, b, packed;

	for (uint32_t d = 0; d < 3; d++) {
		const uint32_t stride = d < 2 ? 1 + random_below(2) : 1;

		v.kernel[d] = 1 + random_below(3);
		v.dilation[d] = 1 + random_below(2);
		v.positions[d] = 1 + random_below(d < 2 ? 3 : 70);
		v.padded[d] = (v.positions[d] - 1) * stride + (v.kernel[d] - 1) * v.dilation[d] + 1;
		if (d < 2)
			v.stride[d] = stride;
		in *= v.padded[d];
		taps *= v.kernel[d];
		positions *= v.positions[d];
	}
	v.act = act_defaults(random_below(2) ? ACTIVATION_RELU : ACTIVATION_NONE);
	x = floats(in);
	y = guarded_alloc(out * positions * sizeof(float));
	w = floats(out * v.in * taps);
	b = floats(out);
	packed = guarded_alloc(conv_rows_packed_bytes(&v, kernel->block));
	conv_rows_pack(&v, kernel->block, w.data, packed.data);
	v.weights = packed.data;
	v.bias = random_below(2) ? b.data : NULL;
	kernel->run(&v, x.data, y.data);
	for (size_t i = 0; i < out * positions; i++)
		assert_near((double)((float *)y.data)[i],
			wanted(&v, w.data, x.data, (uint32_t)(i / positions),
				(uint32_t)(i % positions)),
			1e-5, kernel->name, i);
	guarded_free(&x);
	guarded_free(&y);
	guarded_free(&w);
	guarded_free(&b);
	guarded_free(&packed);
}

static void conv_agrees(void **state)
{
	const struct conv_rows_kernel *kernel = *state;

	skip_where_absent(state);
	for (int i = 0; i < 40; i++)
		conv_random_shape(kernel);
}

int main(void)
{
	random_init();
	return KERNELS_RUN("conv_rows", CONV_ROWS, conv_agrees);
}
