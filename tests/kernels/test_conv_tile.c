// SPDX-License-Identifier: BSD-3-Clause
// Convolution by tiles, pools of channels side by side and the gates of recurrent layers: each
// against its definition in double, over random shapes, in buffers that end at a forbidden page.
#include "infer/kernels/conv/conv_tile.h"
#include "infer/kernels/elementwise/activation.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/pool/pool_places.h"
#include "infer/kernels/product/dense.h"
#include "infer/kernels/recurrent/recurrent_gates.h"
#include "tests/kernels/harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct entry {
	const char *name;
	unsigned isa;
	conv_tile_fn *conv;
	pool_places_fn *pool;
	recurrent_gates_fn *lstm, *gru;
} CONV_TILE_KERNELS[] = { X86({ "avx2", ISA_AVX2, f32_conv_tile__avx2, f32_pool_places__avx2,
				      f32_lstm_gates__avx2, f32_gru_gates__avx2 },
	{ "avx512", ISA_AVX512, f32_conv_tile__avx512, f32_pool_places__avx512,
		f32_lstm_gates__avx512, f32_gru_gates__avx512 }, )
		ARM({ "neon", ISA_NEON, f32_conv_tile__neon, f32_pool_places__neon,
			    f32_lstm_gates__neon, f32_gru_gates__neon }, ) };
static const struct kernel_table CONV_TILE_TABLE = { CONV_TILE_KERNELS, sizeof(*CONV_TILE_KERNELS),
	sizeof(CONV_TILE_KERNELS) / sizeof(*CONV_TILE_KERNELS) };

static struct guarded floats(size_t count)
{
	struct guarded made = guarded_alloc(count * sizeof(float));

	random_fill(made.data, count, -1, 1);
	return made;
}

struct conv_case {
	struct conv_tile conv;
	uint32_t at[12], k;
	size_t x_count, y_count;
	struct guarded x, y, w, b, packed;
};

static void conv_draw(struct conv_case *c)
{
	struct conv_tile *v = &c->conv;
	size_t end = 0;

	memset(c, 0, sizeof(*c));
	v->groups = 1 + random_below(2);
	v->out = 1 + random_below(50);
	v->stretches = 1 + random_below(12);
	v->length = 1 + random_below(6);
	c->k = v->stretches * v->length;
	c->x_count = v->x_group = random_below(5);
	c->x_count *= v->groups - 1;
	for (uint32_t s = 0; s < v->stretches; s++) {
		c->at[s] = random_below(30);
		end = c->at[s] > end ? c->at[s] : end;
	}
	for (uint32_t d = 0; d < 3; d++) {
		v->places[d] = 1 + random_below(d < 2 ? 2 : 33);
		v->x_step[d] = 1 + random_below(4);
		c->x_count += (v->places[d] - 1) * v->x_step[d];
	}
	c->x_count += end + v->length; // not a float more
	c->y_count = (size_t)v->groups * v->out * v->places[0] * v->places[1] * v->places[2];
	v->at = c->at;
	v->act = activation_defaults(random_below(2) ? ACTIVATION_RELU : ACTIVATION_SIGMOID);
}

static double conv_wanted(const struct conv_case *c, size_t i)
{
	const struct conv_tile *v = &c->conv;
	const size_t channels = (size_t)v->groups * v->out, o = i % channels;
	const size_t g = o / v->out, place = i / channels;
	const float *x = (const float *)c->x.data + g * v->x_group +
		place / v->places[2] / v->places[1] * v->x_step[0] +
		place / v->places[2] % v->places[1] * v->x_step[1] +
		place % v->places[2] * v->x_step[2];
	double sum = (double)((const float *)c->b.data)[o];

	for (uint32_t k = 0; k < c->k; k++)
		sum += (double)x[c->at[k / v->length] + k % v->length] *
			(double)((const float *)c->w.data)[(g * c->k + k) * v->out + o % v->out];
	return activation_double(&v->act, sum);
}

static void conv_random_shape(const struct entry *entry)
{
	struct conv_case c;
	size_t bytes;

	conv_draw(&c);
	bytes = dense_panel16_bytes(c.k, c.conv.out);
	c.x = floats(c.x_count);
	c.y = guarded_alloc(c.y_count * sizeof(float));
	c.w = floats((size_t)c.conv.groups * c.k * c.conv.out);
	c.b = floats((size_t)c.conv.groups * c.conv.out);
	c.packed = guarded_alloc(c.conv.groups * bytes);
	for (uint32_t g = 0; g < c.conv.groups; g++)
		dense_panel16_pack((char *)c.packed.data + g * bytes,
			(float *)c.w.data + (size_t)g * c.k * c.conv.out,
			(float *)c.b.data + (size_t)g * c.conv.out, c.k, c.conv.out);
	c.conv.packed = c.packed.data;
	entry->conv(&c.conv, c.x.data, c.y.data);
	for (size_t i = 0; i < c.y_count; i++)
		assert_near(
			(double)((float *)c.y.data)[i], conv_wanted(&c, i), 1e-5, entry->name, i);
	guarded_free(&c.x);
	guarded_free(&c.y);
	guarded_free(&c.w);
	guarded_free(&c.b);
	guarded_free(&c.packed);
}

static void pool_random_shape(const struct entry *entry)
{
	uint32_t at[9], end = 0;
	struct pool_places p = { .taps = 1 + random_below(9),
		.places = 1 + random_below(9),
		.channels = 1 + random_below(40),
		.step = random_below(60),
		.at = at,
		.average = random_below(2) };
	struct guarded x, y = guarded_alloc((size_t)p.places * p.channels * sizeof(float));

	for (uint32_t t = 0; t < p.taps; t++) {
		at[t] = random_below(100);
		end = at[t] > end ? at[t] : end;
	}
	x = floats((p.places - 1) * p.step + end + p.channels);
	entry->pool(&p, x.data, y.data);
	for (size_t i = 0; i < (size_t)p.places * p.channels; i++) {
		const float *from = (float *)x.data + i / p.channels * p.step + i % p.channels;
		double sum = 0, most = -INFINITY;

		for (uint32_t t = 0; t < p.taps; t++) {
			sum += (double)from[at[t]] / p.taps;
			most = fmax(most, (double)from[at[t]]);
		}
		assert_near(
			(double)((float *)y.data)[i], p.average ? sum : most, 1e-6, entry->name, i);
	}
	guarded_free(&x);
	guarded_free(&y);
}

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

// The next state, and LSTM's next cell, of value i of a row of sums.
static double next_state(bool lstm, uint32_t h, uint32_t i, const float *x, const float *own,
	double state, double cell, double *next_cell)
{
	double sum[4], z, r, new;

	for (uint32_t g = 0; g < (lstm ? 4u : 3u); g++)
		sum[g] = (double)x[g * h + i] + (double)own[g * h + i];
	if (lstm) {
		*next_cell = sigmoid(sum[2]) * cell + sigmoid(sum[0]) * tanh(sum[3]);
		return sigmoid(sum[1]) * tanh(*next_cell);
	}
	z = sigmoid(sum[0]);
	r = sigmoid(sum[1]);
	new = tanh((double)x[2 * h + i] + r * (double)own[2 * h + i]);
	return (1 - z) * new + z *state;
}

static void gates_random_shape(const struct entry *entry)
{
	const bool lstm = random_below(2);
	const uint32_t m = 1 + random_below(4), h = 1 + random_below(40), wide = h * (lstm ? 4 : 3);
	struct recurrent_gates gates = { .h = h };
	struct guarded x = floats((size_t)m * wide), own = floats((size_t)m * wide);
	struct guarded state = floats((size_t)m * h), cell = floats((size_t)m * h);
	struct guarded y = guarded_alloc((size_t)m * h * sizeof(float));
	struct recurrent_rows rows = { x.data, wide, own.data, state.data, cell.data, y.data, h };
	double want[160], want_cell[160];

	gates.f[0] = activation_defaults(ACTIVATION_SIGMOID);
	gates.f[1] = gates.f[2] = activation_defaults(ACTIVATION_TANH);
	for (uint32_t i = 0; i < m * h; i++)
		want[i] = next_state(lstm, h, i % h, (float *)x.data + i / h * wide,
			(float *)own.data + i / h * wide, (double)((float *)state.data)[i],
			(double)((float *)cell.data)[i], &want_cell[i]);
	(lstm ? entry->lstm : entry->gru)(&gates, m, &rows);
	for (uint32_t i = 0; i < m * h; i++) {
		assert_near((double)((float *)y.data)[i], want[i], 1e-6, entry->name, i);
		assert_near((double)((float *)state.data)[i], want[i], 1e-6, entry->name, i);
		if (lstm)
			assert_near((double)((float *)cell.data)[i], want_cell[i], 1e-6,
				entry->name, i);
	}
	guarded_free(&x);
	guarded_free(&own);
	guarded_free(&state);
	guarded_free(&cell);
	guarded_free(&y);
}

static void networks_agree(void **state)
{
	const struct entry *entry = *state;

	skip_where_absent(state);
	for (int i = 0; i < 60; i++) {
		conv_random_shape(entry);
		pool_random_shape(entry);
		gates_random_shape(entry);
	}
}

int main(void)
{
	random_init();
	return KERNELS_RUN("conv_tile", CONV_TILE, networks_agree);
}
