// SPDX-License-Identifier: BSD-3-Clause
// Rows with NaN, infinities, zeros of both signs and denormals in them: every variant of every
// operator gives NaN, an infinity or a number where the scalar reference does.
#include "infer/graph/act.h"
#include "infer/kernels/elementwise/activate.h"
#include "infer/kernels/elementwise/affine.h"
#include "infer/kernels/elementwise/binary.h"
#include "infer/kernels/elementwise/prelu.h"
#include "infer/kernels/elementwise/unpack.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/norm/layer_norm.h"
#include "infer/kernels/norm/normalizer.h"
#include "infer/kernels/norm/softmax.h"
#include "infer/kernels/product/dense.h"
#include "tests/kernels/harness.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS        40
#define COLUMNS_MAX 49
#define FOR_EACH(value, LIST)                                                                      \
	for (const uint32_t *value = LIST; value < LIST + sizeof(LIST) / sizeof(*LIST); value++)

static const uint32_t COLUMNS[] = { 1, 2, 3, 5, 8, 9, 15, 16, 17, 33, 49 };

struct not_finite_block {
	float x[ROWS * COLUMNS_MAX], a[COLUMNS_MAX], b[COLUMNS_MAX];
	float got[ROWS * COLUMNS_MAX], expected[ROWS * COLUMNS_MAX];
};

// Ordinary numbers, and in all rows but every fifth some that are not.
static void fill(float *values, uint32_t rows, uint32_t columns)
{
	static const float SPECIAL[] = { NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-40f, -1e-40f };

	random_fill(values, (size_t)rows * columns, -3.0f, 3.0f);
	for (uint32_t row = 0; row < rows; row++)
		for (uint32_t i = 0; i < (row + 1) % 5; i++)
			values[(size_t)row * columns + random_below(columns)] =
				SPECIAL[random_below(sizeof(SPECIAL) / sizeof(*SPECIAL))];
}

static void compare(
	const char *name, const char *what, const struct not_finite_block *block, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		float got = block->got[i], expected = block->expected[i];

		if (isnan(expected) ? isnan(got)
				    : got == expected ||
					fabsf(got - expected) <=
						1e-4f * fmaxf(1.0f, fabsf(expected)))
			continue;
		fail_msg("%s %s: value %zu is %.9g, the reference has %.9g", name, what, i, got,
			expected);
	}
}

static void activations(void **state)
{
	const struct activate_kernel *kernel = *state;
	struct not_finite_block block;

	skip_where_absent(state);
	for (int kind = 0; kind <= ACTIVATION_COUNT; kind++) {
		struct act act = act_defaults((enum activation)kind);

		if (kind == ACTIVATION_COUNT) // bounds the wrong way round: the upper one wins
			act = (struct act){ ACTIVATION_CLIP, 2.0f, -1.0f };
		fill(block.x, ROWS, COLUMNS_MAX);
		kernel->run(&act, ROWS * COLUMNS_MAX, block.x, block.got);
		ACTIVATE_KERNELS[0].run(&act, ROWS * COLUMNS_MAX, block.x, block.expected);
		compare(kernel->name, activation_name(act.kind), &block, ROWS * COLUMNS_MAX);
	}
}

static void affines(void **state)
{
	const struct affine_kernel *kernel = *state;
	struct not_finite_block block;

	skip_where_absent(state);
	FOR_EACH(n, COLUMNS)
	for (int kind = 0; kind < ACTIVATION_COUNT; kind++) {
		const struct affine affine = { block.a, block.b, *n,
			act_defaults((enum activation)kind) };

		fill(block.x, ROWS, *n);
		fill(block.a, 1, *n);
		fill(block.b, 1, *n);
		kernel->run(&affine, ROWS, block.x, block.got);
		AFFINE_KERNELS[0].run(&affine, ROWS, block.x, block.expected);
		compare(kernel->name, activation_name(affine.act.kind), &block, ROWS * *n);
	}
}

static void prelus(void **state)
{
	const struct prelu_kernel *kernel = *state;
	struct not_finite_block block;

	skip_where_absent(state);
	FOR_EACH(n, COLUMNS)
	{
		const struct prelu prelu = { block.a, *n };

		fill(block.x, ROWS, *n);
		fill(block.a, 1, *n);
		kernel->run(&prelu, ROWS, block.x, block.got);
		PRELU_KERNELS[0].run(&prelu, ROWS, block.x, block.expected);
		compare(kernel->name, "", &block, ROWS * *n);
	}
}

static void binaries(void **state)
{
	const struct binary_kernel *kernel = *state;
	struct not_finite_block block;

	skip_where_absent(state);
	FOR_EACH(n, COLUMNS)
	for (int op = 0; op < BINARY_COUNT; op++) {
		const struct binary binary = { (enum binary_op)op, OPERAND_FULL, OPERAND_COLUMNS,
			*n };

		fill(block.x, ROWS, *n);
		fill(block.a, 1, *n);
		block.a[0] = INFINITY;
		block.a[*n - 1] = 0.0f;
		kernel->run(&binary, ROWS, block.x, block.a, block.got);
		BINARY_KERNELS[0].run(&binary, ROWS, block.x, block.a, block.expected);
		compare(kernel->name, "", &block, ROWS * *n);
	}
}

static void softmaxes(void **state)
{
	const struct softmax_kernel *kernel = *state;
	struct not_finite_block block;

	skip_where_absent(state);
	FOR_EACH(n, COLUMNS)
	for (int log = 0; log < 2; log++) {
		for (uint32_t m = 1; m <= ROWS; m = m * 2 + 1) {
			const struct softmax softmax = { *n, 1, log };

			fill(block.x, ROWS, *n);
			for (uint32_t i = 0; i < *n; i++) // nothing to share out: 0 / 0
				block.x[i] = m % 4 == 1 ? -INFINITY : block.x[i];
			kernel->run(&softmax, m, block.x, block.got);
			SOFTMAX_KERNELS[0].run(&softmax, m, block.x, block.expected);
			compare(kernel->name, log ? "log" : "", &block, (size_t)m * *n);
		}
	}
}

static void layer_norms(void **state)
{
	const struct layer_norm_kernel *kernel = *state;
	struct not_finite_block block;

	skip_where_absent(state);
	FOR_EACH(n, COLUMNS)
	{
		const struct layer_norm norm = { block.a, block.b, *n, 1e-5f };

		fill(block.x, ROWS, *n);
		fill(block.a, 1, *n);
		fill(block.b, 1, *n);
		kernel->run(&norm, ROWS, block.x, block.got, NULL, NULL);
		LAYER_NORM_KERNELS[0].run(&norm, ROWS, block.x, block.expected, NULL, NULL);
		compare(kernel->name, "", &block, ROWS * *n);
	}
}

static void normalizers(void **state)
{
	const struct normalizer_kernel *kernel = *state;
	struct not_finite_block block;

	skip_where_absent(state);
	FOR_EACH(n, COLUMNS)
	for (int norm = 0; norm < NORM_COUNT; norm++) {
		const struct normalizer normalizer = { (enum norm)norm, *n };

		fill(block.x, ROWS, *n);
		kernel->run(&normalizer, ROWS, block.x, block.got);
		NORMALIZER_KERNELS[0].run(&normalizer, ROWS, block.x, block.expected);
		compare(kernel->name, "", &block, ROWS * *n);
	}
}

static void unpacks(void **state)
{
	const struct unpack_kernel *kernel = *state;
	struct not_finite_block block;

	skip_where_absent(state);
	FOR_EACH(n, COLUMNS)
	{
		const struct unpack unpack = { block.a, block.b, *n };

		for (uint32_t row = 0; row < ROWS; row++) {
			const float *x = block.x + row * *n;

			fill(block.x, ROWS, *n);
			assert_int_equal(kernel->run(&unpack, ROW_DTYPE_F32, 1, x, block.got),
				UNPACK_KERNELS[0].run(
					&unpack, ROW_DTYPE_F32, 1, x, block.expected));
			assert_memory_equal(block.got, block.expected, *n * sizeof(float));
		}
	}
}

// Weights, too: nothing is left out of a sum because the other factor is 0.
static void denses(void **state)
{
	const struct dense_kernel *kernel = *state;
	float w[COLUMNS_MAX * COLUMNS_MAX];
	struct not_finite_block block;

	skip_where_absent(state);
	FOR_EACH(k, COLUMNS)
	FOR_EACH(n, COLUMNS)
	for (uint32_t m = 1; m <= ROWS; m = m * 3 + 1) {
		struct dense dense = { NULL, *k, *n, act_defaults(m % 3) };
		struct dense reference = dense;
		void *packed = aligned_alloc(
			KERNEL_ALIGN, (kernel->packed_bytes(*k, *n) + 63) & ~(size_t)63);
		void *plain = malloc(DENSE_KERNELS[0].packed_bytes(*k, *n));

		assert_true(packed && plain);
		fill(block.x, m, *k);
		fill(w, *k, *n);
		kernel->pack(packed, w, NULL, *k, *n);
		DENSE_KERNELS[0].pack(plain, w, NULL, *k, *n);
		dense.packed = packed;
		reference.packed = plain;
		kernel->run(&dense, m, block.x, *k, block.got, *n);
		DENSE_KERNELS[0].run(&reference, m, block.x, *k, block.expected, *n);
		compare(kernel->name, activation_name(dense.act.kind), &block, (size_t)m * *n);
		free(packed);
		free(plain);
	}
}

int main(void)
{
	int failures;

	random_init();
	failures = KERNELS_RUN("activate", ACTIVATE, activations);
	failures += KERNELS_RUN("affine", AFFINE, affines);
	failures += KERNELS_RUN("prelu", PRELU, prelus);
	failures += KERNELS_RUN("binary", BINARY, binaries);
	failures += KERNELS_RUN("softmax", SOFTMAX, softmaxes);
	failures += KERNELS_RUN("layer_norm", LAYER_NORM, layer_norms);
	failures += KERNELS_RUN("normalizer", NORMALIZER, normalizers);
	failures += KERNELS_RUN("unpack", UNPACK, unpacks);
	return failures + KERNELS_RUN("dense", DENSE, denses);
}
