// SPDX-License-Identifier: BSD-3-Clause
// Pools of both layouts and of bytes, each against its definition in double, over random shapes, in
// buffers that end at a forbidden page.
#include "infer/kernels/pool/pool.h"
#include "tests/kernels/harness.h"

#include <math.h>

#define TAPS_MAX 70

struct pool_case {
	struct pool pool;
	uint32_t at[TAPS_MAX];
	size_t x_count, y_count;
};

// step_max: of x_step[2], the distance of neighbouring windows.
static void pool_draw(struct pool_case *c, uint32_t channels, uint32_t step_max)
{
	struct pool *pool = &c->pool;
	uint32_t end = 0;

	*pool = (struct pool){ .taps = 1 + random_below(random_below(4) ? 9 : TAPS_MAX),
		.at = c->at,
		.channels = channels,
		.average = random_below(2),
		.is_signed = random_below(2) };
	for (uint32_t t = 0; t < pool->taps; t++) {
		c->at[t] = random_below(100);
		end = c->at[t] > end ? c->at[t] : end;
	}
	c->x_count = end + channels; // not a value more
	c->y_count = channels;
	for (uint32_t d = 0; d < 3; d++) {
		pool->positions[d] = 1 + random_below(d < 2 ? 3 : 40);
		pool->x_step[d] = d < 2 ? random_below(60) : 1 + random_below(step_max);
		c->x_count += (pool->positions[d] - 1) * pool->x_step[d];
		c->y_count *= pool->positions[d];
	}
}

// The value of x that tap t of value i of y sees.
static size_t pool_tap(const struct pool_case *c, size_t i, uint32_t t)
{
	const struct pool *pool = &c->pool;
	const size_t p = i / pool->channels, *step = pool->x_step;
	const uint32_t *n = pool->positions;

	return p / n[2] / n[1] * step[0] + p / n[2] % n[1] * step[1] + p % n[2] * step[2] +
		i % pool->channels + c->at[t];
}

// Whatever has NaN in its window is NaN.
static void check_floats(const char *name, pool_fn *run, uint32_t channels, uint32_t step_max)
{
	const bool with_nan = random_below(3) == 0;
	struct pool_case c;
	struct guarded x, y;

	pool_draw(&c, channels, step_max);
	x = guarded_alloc(c.x_count * sizeof(float));
	y = guarded_alloc(c.y_count * sizeof(float));
	random_fill(x.data, c.x_count, -1, 1);
	for (size_t i = random_below(20); i < c.x_count && with_nan; i += 1 + random_below(40))
		((float *)x.data)[i] = NAN;
	run(&c.pool, x.data, y.data);
	for (size_t i = 0; i < c.y_count; i++) {
		double sum = 0, most = -INFINITY;

		for (uint32_t t = 0; t < c.pool.taps; t++) {
			const double value = (double)((float *)x.data)[pool_tap(&c, i, t)];

			sum += value / c.pool.taps;
			most = fmax(most, value);
		}
		if (isnan(sum)) {
			assert_true(isnan(((float *)y.data)[i]));
			continue;
		}
		assert_near(
			(double)((float *)y.data)[i], c.pool.average ? sum : most, 2e-6, name, i);
	}
	guarded_free(&x);
	guarded_free(&y);
}

static void lines_agree(void **state)
{
	const struct pool_line_kernel *kernel = *state;

	skip_where_absent(state);
	for (int i = 0; i < 200; i++)
		check_floats(kernel->name, kernel->run, 1, 2);
}

static void channels_last_agree(void **state)
{
	const struct pool_nhwc_kernel *kernel = *state;

	skip_where_absent(state);
	for (int i = 0; i < 100; i++)
		check_floats(kernel->name, kernel->run, 1 + random_below(40), 60);
}

static void bytes_agree(void **state)
{
	const struct q8_max_pool_kernel *kernel = *state;

	skip_where_absent(state);
	for (int trial = 0; trial < 100; trial++) {
		struct pool_case c;
		struct guarded x, y;
		uint8_t *from;

		pool_draw(&c, random_below(3) ? 1 + random_below(70) : 1, 60);
		x = guarded_alloc(c.x_count);
		y = guarded_alloc(c.y_count);
		from = x.data;
		for (size_t i = 0; i < c.x_count; i++)
			from[i] = (uint8_t)random_below(256);
		kernel->run(&c.pool, x.data, y.data);
		for (size_t i = 0; i < c.y_count; i++) {
			int most = INT16_MIN;

			for (uint32_t t = 0; t < c.pool.taps; t++) {
				const uint8_t byte = from[pool_tap(&c, i, t)];
				const int value = c.pool.is_signed ? (int8_t)byte : byte;

				most = value > most ? value : most;
			}
			assert_int_equal(((uint8_t *)y.data)[i], (uint8_t)most);
		}
		guarded_free(&x);
		guarded_free(&y);
	}
}

int main(void)
{
	int failures;

	random_init();
	failures = KERNELS_RUN("pool_line", POOL_LINE, lines_agree);
	failures += KERNELS_RUN("pool_nhwc", POOL_NHWC, channels_last_agree);
	return failures + KERNELS_RUN("q8_max_pool", Q8_MAX_POOL, bytes_agree);
}
