// SPDX-License-Identifier: BSD-3-Clause
// Copies, transpositions, gathers, padding and im2col: every value where its definition puts it, in buffers
// that end at a forbidden page.
#include "infer/kernels/conv/im2col.h"
#include "infer/kernels/move/copy.h"
#include "infer/kernels/move/gather.h"
#include "infer/kernels/move/padding.h"
#include "infer/kernels/move/transpose.h"
#include "tests/kernels/harness.h"

#include <string.h>

#define TRIALS 300

static struct guarded bytes(size_t count)
{
	struct guarded made = guarded_alloc(count);

	for (size_t i = 0; i < count; i++)
		((uint8_t *)made.data)[i] = (uint8_t)random_below(256);
	return made;
}

static const uint8_t *byte_at(const struct guarded *g, size_t i)
{
	return (const uint8_t *)g->data + i;
}

static void copy_leaves_the_gaps(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		const uint32_t m = random_below(5), run = random_below(40);
		const size_t x_step = random_below(4) ? run + random_below(9) : 0;
		const size_t y_step = run + random_below(9);
		struct guarded x = bytes(m ? (m - 1) * x_step + run : 0);
		struct guarded y = guarded_alloc(m ? (m - 1) * y_step + run : 0);

		copy__scalar(m, run, x.data, x_step, y.data, y_step);
		for (size_t i = 0; i < y.bytes; i++)
			assert_int_equal(*byte_at(&y, i),
				i % y_step < run ? *byte_at(&x, i / y_step * x_step + i % y_step)
						 : CANARY);
		guarded_free(&x);
		guarded_free(&y);
	}
}

static void transpose_matrix(uint32_t rows, uint32_t columns, uint32_t size, uint32_t m)
{
	const struct transpose t = transpose_of_matrix(rows, columns, size);
	const size_t each = (size_t)rows * columns * size;
	struct guarded x = bytes(m * each), y = guarded_alloc(m * each);

	transpose__scalar(&t, m, x.data, each, y.data);
	for (size_t i = 0; i < (size_t)m * rows * columns; i++) {
		const size_t of = i / rows / columns, row = i % rows, column = i / rows % columns;

		assert_memory_equal(byte_at(&y, i * size),
			byte_at(&x, of * each + (row * columns + column) * size), size);
	}
	guarded_free(&x);
	guarded_free(&y);
}

static void matrices_are_transposed(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS; trial++)
		transpose_matrix(1 + random_below(20), 1 + random_below(20), 1 + random_below(12),
			random_below(4));
}

// Loops over x, whose strides may be any, the results one after the other in y.
static void loops_nest(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct transpose t = { .run_bytes = 1u << random_below(5),
			.n = 2 + random_below(3) };
		size_t end = t.run_bytes, count = 1;
		struct guarded x, y;

		for (uint32_t l = 0; l < t.n; l++) {
			t.loop[l].count = 1 + random_below(4);
			t.loop[l].stride = random_below(60);
			count *= t.loop[l].count;
			end += (t.loop[l].count - 1) * t.loop[l].stride;
		}
		x = bytes(end);
		y = guarded_alloc(count * t.run_bytes);
		transpose__scalar(&t, 1, x.data, 0, y.data);
		for (size_t i = 0; i < count; i++) {
			size_t rest = i, from = 0;

			for (uint32_t l = t.n; l-- > 0; rest /= t.loop[l].count)
				from += rest % t.loop[l].count * t.loop[l].stride;
			assert_memory_equal(
				byte_at(&y, i * t.run_bytes), byte_at(&x, from), t.run_bytes);
		}
		guarded_free(&x);
		guarded_free(&y);
	}
}

// Index of a value of an image of extents n[], channels first or last.
static size_t image_at(
	const uint32_t n[3], uint32_t channels, bool last, const uint32_t p[3], uint32_t channel)
{
	const size_t position = ((size_t)p[0] * n[1] + p[1]) * n[2] + p[2];

	return last ? position * channels + channel
		    : (size_t)channel * n[0] * n[1] * n[2] + position;
}

static void check_padded(const struct padding *p, const struct guarded *x, const struct guarded *y,
	const void *around)
{
	for (size_t i = 0; i < padding_values(p); i++) {
		const uint32_t *n = p->padded, c = (uint32_t)(i % p->channels);
		const size_t rest = i / p->channels;
		const uint32_t to[3] = { (uint32_t)(rest / n[2] / n[1]),
			(uint32_t)(rest / n[2] % n[1]), (uint32_t)(rest % n[2]) };
		uint32_t from[3];
		bool inside = true;
		const uint8_t *got =
			byte_at(y, image_at(n, p->channels, p->y_last, to, c) * p->value_bytes);

		for (uint32_t d = 0; d < 3; d++) {
			from[d] = to[d] - p->begin[d]; // wraps below
			inside &= from[d] < p->in[d];
		}
		assert_memory_equal(got,
			inside ? byte_at(x,
					 image_at(p->in, p->channels, p->x_last, from, c) *
						 p->value_bytes)
			       : around,
			p->value_bytes);
	}
}

static void images_are_padded(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct window w = { 0 };
		const bool is_byte = random_below(2), x_last = random_below(2);
		const bool y_last = is_byte && !x_last ? random_below(2) : x_last;
		const float value = is_byte ? 200.0f : -1.5f;
		const uint8_t byte = 200;
		struct padding p;
		struct guarded x, y;

		for (uint32_t d = 0; d < 3; d++) {
			w.in[d] = 1 + random_below(5);
			w.begin[d] = random_below(3);
			w.end[d] = random_below(3);
		}
		p = padding_of(&w, 1 + random_below(6), x_last, y_last, is_byte ? 1 : 4);
		assert_int_equal(padding_is_some(&w),
			padding_values(&p) > (size_t)p.channels * p.in[0] * p.in[1] * p.in[2]);
		x = bytes((size_t)p.channels * p.in[0] * p.in[1] * p.in[2] * p.value_bytes);
		y = guarded_alloc(padding_values(&p) * p.value_bytes);
		padding_fill__scalar(&p, value, y.data);
		for (int image = 0; image < 2; image++) {
			memset(x.data, image + 1, x.bytes / 2);
			padding_copy__scalar(&p, x.data, y.data);
			check_padded(&p, &x, &y, is_byte ? (const void *)&byte : &value);
		}
		guarded_free(&x);
		guarded_free(&y);
	}
}

static void windows_become_rows(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		uint32_t begins[9], offsets[7], end = 0, last = 0;
		const struct im2col c = { .positions = 1 + random_below(9),
			.runs = 1 + random_below(7),
			.run = 1 + random_below(50),
			.begins = begins,
			.offsets = offsets };
		struct guarded x, y = guarded_alloc((size_t)c.positions * c.runs * c.run);

		for (uint32_t p = 0; p < c.positions; p++) {
			begins[p] = random_below(100);
			end = begins[p] > end ? begins[p] : end;
		}
		for (uint32_t r = 0; r < c.runs; r++) {
			offsets[r] = random_below(50);
			last = offsets[r] > last ? offsets[r] : last;
		}
		x = bytes(end + last + c.run);
		im2col__scalar(&c, x.data, y.data);
		for (uint32_t i = 0; i < c.positions * c.runs; i++)
			assert_memory_equal(byte_at(&y, (size_t)i * c.run),
				byte_at(&x, begins[i / c.runs] + offsets[i % c.runs]), c.run);
		guarded_free(&x);
		guarded_free(&y);
	}
}

static void gather_takes_runs(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		const uint32_t m = random_below(4), outer = 1 + random_below(3);
		const uint32_t along = 1 + random_below(9), n = random_below(12);
		const size_t run = random_below(2) ? 4 : 1 + random_below(9);
		const size_t row = outer * along * run + random_below(5);
		uint32_t index[12];
		const struct gather g = { run, outer, along, n, index };
		struct guarded x = bytes(m ? (m - 1) * row + outer * along * run : 0);
		struct guarded y = guarded_alloc(m * outer * n * run);

		for (uint32_t i = 0; i < n; i++)
			index[i] = random_below(along);
		gather__scalar(&g, m, x.data, row, y.data);
		for (size_t i = 0; i < (size_t)m * outer * n; i++)
			assert_memory_equal(byte_at(&y, i * run),
				byte_at(&x,
					i / n / outer * row +
						(i / n % outer * along + index[i % n]) * run),
				run);
		guarded_free(&x);
		guarded_free(&y);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_leaves_the_gaps),
		cmocka_unit_test(gather_takes_runs),
		cmocka_unit_test(matrices_are_transposed),
		cmocka_unit_test(loops_nest),
		cmocka_unit_test(images_are_padded),
		cmocka_unit_test(windows_become_rows),
	};

	random_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
