// SPDX-License-Identifier: BSD-3-Clause
// The direct convolution against its definition in double, over random shapes.
#include "infer/kernels/conv/conv_rows.h"
#include "infer/kernels/elementwise/activation.h"
#include "infer/kernels/kernels.h"
#include "tests/kernels/harness.h"

#include <stdlib.h>
#include <string.h>

static const struct entry {
	const char *name;
	unsigned isa;
	conv_rows_fn *run;
	uint32_t block;
} CONV_ROWS_KERNELS[] = { X86(
	{ "f32_conv_rows__avx2", ISA_AVX2, f32_conv_rows__avx2, CONV_ROWS_BLOCK_AVX2 },
	{ "f32_conv_rows__avx512", ISA_AVX512, f32_conv_rows__avx512, CONV_ROWS_BLOCK_AVX512 }, )
		ARM({ "f32_conv_rows__neon", ISA_NEON, f32_conv_rows__neon,
			    CONV_ROWS_BLOCK_AVX2 }, ) };
static const struct kernel_table CONV_ROWS_TABLE = { CONV_ROWS_KERNELS, sizeof(*CONV_ROWS_KERNELS),
	sizeof(CONV_ROWS_KERNELS) / sizeof(*CONV_ROWS_KERNELS) };

static uint32_t block; // of the kernel under test

// Weight of output channel o of a group, input channel c, tap t, as packed.
static double weight(const struct conv_rows *v, uint32_t g, uint32_t o, uint32_t c, uint32_t t)
{
	const uint32_t taps = v->kernel[0] * v->kernel[1] * v->kernel[2];
	const uint32_t blocks = (v->out + block - 1) / block;
	const size_t at = (((size_t)g * blocks + o / block) * v->in + c) * taps + t;

	return (double)v->weights[at * block + o % block];
}

static double wanted(const struct conv_rows *v, const float *x, uint32_t channel, uint32_t place)
{
	const uint32_t g = channel / v->out, *k = v->kernel;
	const uint32_t p[3] = { place / v->places[2] / v->places[1],
		place / v->places[2] % v->places[1], place % v->places[2] };
	double sum = v->bias ? (double)v->bias[channel] : 0;

	for (uint32_t c = 0; c < v->in; c++) {
		for (uint32_t t = 0; t < k[0] * k[1] * k[2]; t++) {
			size_t at = (size_t)(g * v->in + c) * v->room[0] + p[0] * v->stride[0] +
				t / k[2] / k[1] * v->dilation[0];

			at = at * v->room[1] + p[1] * v->stride[1] +
				t / k[2] % k[1] * v->dilation[1];
			at = at * v->room[2] + p[2] + t % k[2] * v->dilation[2];
			sum += weight(v, g, channel % v->out, c, t) * (double)x[at];
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

static void conv_random_shape(const struct entry *entry)
{
	struct conv_rows v = { .groups = 1 + random_below(3),
		.in = 1 + random_below(4),
		.out = 1 + random_below(19) };
	size_t in = v.groups * v.in, out = v.groups * v.out, taps = 1, places = 1;
	struct guarded x, y, w, b;

	for (uint32_t d = 0; d < 3; d++) {
		const uint32_t stride = d < 2 ? 1 + random_below(2) : 1;

		v.kernel[d] = 1 + random_below(3);
		v.dilation[d] = 1 + random_below(2);
		v.places[d] = 1 + random_below(d < 2 ? 3 : 70);
		v.room[d] = (v.places[d] - 1) * stride + (v.kernel[d] - 1) * v.dilation[d] + 1;
		if (d < 2)
			v.stride[d] = stride;
		in *= v.room[d];
		taps *= v.kernel[d];
		places *= v.places[d];
	}
	v.act = activation_defaults(random_below(2) ? ACTIVATION_RELU : ACTIVATION_NONE);
	x = floats(in);
	y = guarded_alloc(out * places * sizeof(float));
	w = floats(v.groups * ((v.out + block - 1) / block) * v.in * taps * block);
	b = floats(out);
	v.weights = w.data;
	v.bias = random_below(2) ? b.data : NULL;
	entry->run(&v, x.data, y.data);
	for (size_t i = 0; i < out * places; i++)
		assert_near((double)((float *)y.data)[i],
			wanted(&v, x.data, (uint32_t)(i / places), (uint32_t)(i % places)), 1e-5,
			entry->name, i);
	guarded_free(&x);
	guarded_free(&y);
	guarded_free(&w);
	guarded_free(&b);
}

static void conv_agrees(void **state)
{
	const struct entry *entry = *state;

	skip_where_absent(state);
	block = entry->block;
	for (int i = 0; i < 40; i++)
		conv_random_shape(entry);
}

int main(void)
{
	random_init();
	return KERNELS_RUN("conv_rows", CONV_ROWS, conv_agrees);
}
