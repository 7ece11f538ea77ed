// SPDX-License-Identifier: BSD-3-Clause
// Convolution by tiles against its definition in double, over random shapes, in buffers that end at
// a forbidden page.
#include "infer/graph/act.h"
#include "infer/kernels/conv/conv_tile.h"
#include "infer/kernels/product/dense.h"
#include "tests/kernels/harness.h"

#include <string.h>

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
	v->runs = 1 + random_below(12);
	v->run = 1 + random_below(6);
	c->k = v->runs * v->run;
	c->x_count = v->x_group = random_below(5);
	c->x_count *= v->groups - 1;
	for (uint32_t s = 0; s < v->runs; s++) {
		c->at[s] = random_below(30);
		end = c->at[s] > end ? c->at[s] : end;
	}
	for (uint32_t d = 0; d < 3; d++) {
		v->positions[d] = 1 + random_below(d < 2 ? 2 : 33);
		v->x_step[d] = 1 + random_below(4);
		c->x_count += (v->positions[d] - 1) * v->x_step[d];
	}
	c->x_count += end + v->run; // not a float more
	c->y_count =
		(size_t)v->groups * v->out * v->positions[0] * v->positions[1] * v->positions[2];
	v->at = c->at;
	v->act = act_defaults(random_below(2) ? ACTIVATION_RELU : ACTIVATION_SIGMOID);
}

static double conv_wanted(const struct conv_case *c, size_t i)
{
	const struct conv_tile *v = &c->conv;
	const size_t channels = (size_t)v->groups * v->out, o = i % channels;
	const size_t g = o / v->out, position = i / channels;
	const float *x = (const float *)c->x.data + g * v->x_group +
		position / v->positions[2] / v->positions[1] * v->x_step[0] +
		position / v->positions[2] % v->positions[1] * v->x_step[1] +
		position % v->positions[2] * v->x_step[2];
	double sum = (double)((const float *)c->b.data)[o];

	for (uint32_t k = 0; k < c->k; k++)
		sum += (double)x[c->at[k / v->run] + k % v->run] *
			(double)((const float *)c->w.data)[(g * c->k + k) * v->out + o % v->out];
	return activation_double(&v->act, sum);
}

static void conv_random_shape(const struct conv_tile_kernel *kernel)
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
	kernel->run(&c.conv, c.x.data, c.y.data);
	for (size_t i = 0; i < c.y_count; i++)
		assert_near(
			(double)((float *)c.y.data)[i], conv_wanted(&c, i), 1e-5, kernel->name, i);
	guarded_free(&c.x);
	guarded_free(&c.y);
	guarded_free(&c.w);
	guarded_free(&c.b);
	guarded_free(&c.packed);
}

static void tiles_agree(void **state)
{
	const struct conv_tile_kernel *kernel = *state;

	skip_where_absent(state);
	for (int i = 0; i < 60; i++)
		conv_random_shape(kernel);
}

int main(void)
{
	random_init();
	return KERNELS_RUN("conv_tile", CONV_TILE, tiles_agree);
}
