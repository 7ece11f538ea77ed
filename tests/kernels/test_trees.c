// SPDX-License-Identifier: BSD-3-Clause
// Every tree kernel against the reference, over random ensembles and rows about their thresholds:
// bit for bit, as the weights are whole numbers; where leaves have several targets, with any
// weights.
#include "infer/kernels/kernels.h"
#include "infer/kernels/trees/trees_kernels.h"
#include "tests/cmocka.h"
#include "tests/kernels/random_trees.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS    4
#define ROWS_MAX 131

static uint32_t runs_of[KERNELS_MAX]; // ensembles that each kernel supported

static void *packed(const struct trees_kernel *kernel, const struct trees *t)
{
	const size_t bytes = kernel->packed_bytes(t);
	void *memory;

	if (bytes == 0)
		return NULL;
	memory = aligned_alloc(KERNEL_ALIGN, (bytes + 63) & ~(size_t)63);
	assert_non_null(memory);
	memset(memory, 0xa5, bytes);
	if (kernel->pack(memory, t) == 0)
		return memory;
	free(memory);
	return NULL;
}

// Rows and outputs lie in blocks of their exact size, so that ASan sees a byte beyond.
static void compare(const struct trees *t, const void *reference, const struct trees_kernel *kernel,
	const void *memory, uint32_t m, uint64_t *state)
{
	const size_t ldx = t->n_features + m % 3, ldy = t->n_targets + m % 2;
	float *x = malloc((m ? (m - 1) * ldx + t->n_features : 0) * sizeof(float) + 1);
	float *y = malloc((m ? (m - 1) * ldy + t->n_targets : 0) * sizeof(float) + 1);
	float expected[64];

	assert_true(x && y && t->n_targets <= 64);
	for (uint32_t r = 0; r < m; r++)
		for (uint32_t f = 0; f < t->n_features; f++)
			x[r * ldx + f] = random_trees_value(t, f, state);
	kernel->run(memory, m, x, ldx, y, ldy);
	for (uint32_t r = 0; r < m; r++) {
		TREES_KERNELS[0].run(reference, 1, x + r * ldx, ldx, expected, ldy);
		for (uint32_t i = 0; i < t->n_targets; i++) {
			if (y[r * ldy + i] == expected[i] ||
				(isnan(y[r * ldy + i]) && isnan(expected[i])))
				continue;
			print_error("%s: row %u of %u, target %u: %.9g, should be %.9g\n",
				kernel->name, r, m, i, (double)y[r * ldy + i], (double)expected[i]);
			fail();
		}
	}
	free(x);
	free(y);
}

static void check(const struct random_trees *how)
{
	static const uint32_t SIZES[] = { 0, 1, 2, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65,
		ROWS_MAX };

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct error err = { .text = "" };
		struct trees t;
		uint64_t state = seed;
		void *reference;

		random_trees_init(&t, how, seed);
		if (trees_check(&t, &err) != 0)
			fail_msg("%s", err.text);
		reference = packed(&TREES_KERNELS[0], &t);
		assert_non_null(reference);
		for (uint32_t k = 1; k < TREES_TABLE.count; k++) {
			void *memory;

			if (!kernel_allowed(TREES_KERNELS[k].isa, isa_detected()))
				continue;
			memory = packed(&TREES_KERNELS[k], &t);
			if (!memory)
				continue;
			runs_of[k]++;
			for (size_t s = 0; s < sizeof(SIZES) / sizeof(*SIZES); s++)
				compare(&t, reference, &TREES_KERNELS[k], memory, SIZES[s], &state);
			free(memory);
		}
		free(reference);
		random_trees_fini(&t);
	}
}

static void boosted_trees(void **state)
{
	check(&(struct random_trees){ .n_trees = 100,
		.n_features = 41,
		.n_targets = 1,
		.leaves_max = 31,
		.thresholds = 20 });
	check(&(struct random_trees){ .n_trees = 50,
		.n_features = 41,
		.n_targets = 1,
		.leaves_max = 64,
		.depth_max = 6,
		.missing_both = true });
	check(&(struct random_trees){ .n_trees = 20,
		.n_features = 20,
		.n_targets = 1,
		.leaves_max = 256,
		.depth_max = 8,
		.thresholds = 100 });
	(void)state;
}

static void sizes_about_registers(void **state)
{
	for (uint32_t leaves = 1; leaves <= 70; leaves += leaves < 34 ? 1 : 6)
		check(&(struct random_trees){ .n_trees = 7,
			.n_features = 5,
			.n_targets = 1,
			.leaves_max = leaves,
			.missing_both = true });
	(void)state;
}

static void single_leaves_and_stumps(void **state)
{
	check(&(struct random_trees){
		.n_trees = 1, .n_features = 1, .n_targets = 1, .leaves_max = 1 });
	check(&(struct random_trees){ .n_trees = 33,
		.n_features = 3,
		.n_targets = 2,
		.leaves_max = 2,
		.missing_both = true });
	(void)state;
}

static void chains(void **state)
{
	for (uint32_t leaves = 8; leaves <= 128; leaves *= 2)
		check(&(struct random_trees){ .n_trees = 9,
			.n_features = 7,
			.n_targets = 1,
			.leaves_max = leaves,
			.chains = true,
			.missing_both = true });
	(void)state;
}

static void many_thresholds_and_columns(void **state)
{
	check(&(struct random_trees){ .n_trees = 300,
		.n_features = 1,
		.n_targets = 1,
		.leaves_max = 20,
		.missing_both = true });
	check(&(struct random_trees){ .n_trees = 200,
		.n_features = 60,
		.n_targets = 1,
		.leaves_max = 20,
		.missing_both = true });
	check(&(struct random_trees){
		.n_trees = 200, .n_features = 600, .n_targets = 1, .leaves_max = 20 });
	(void)state;
}

// Numbers of features and of distinct questions about those that vectors of floats and bytes end at.
static void questions_about_registers(void **state)
{
	static const uint32_t FEATURES[] = { 1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65 };
	static const uint32_t TREES[] = { 8, 21, 22, 40, 64, 85, 86, 150, 171, 172, 200 };

	for (size_t i = 0; i < sizeof(FEATURES) / sizeof(*FEATURES); i++)
		for (size_t k = 0; k < sizeof(TREES) / sizeof(*TREES); k++)
			check(&(struct random_trees){ .n_trees = TREES[k],
				.n_features = FEATURES[i],
				.n_targets = 1,
				.leaves_max = 4,
				.missing_both = (i + k) % 2 == 0 });
	(void)state;
}

static void several_targets(void **state)
{
	check(&(struct random_trees){ .n_trees = 50,
		.n_features = 9,
		.n_targets = 10,
		.leaves_max = 20,
		.missing_both = true });
	check(&(struct random_trees){
		.n_trees = 3, .n_features = 9, .n_targets = 64, .leaves_max = 20 });
	(void)state;
}

// Sums of any fractions: what adds them in another order is seen.
static void leaves_of_several_targets(void **state)
{
	static const uint32_t TARGETS[] = { 2, 3, 5, 8, 9, 16, 17, 33, 64 };
	uint32_t before[KERNELS_MAX];

	memcpy(before, runs_of, sizeof(before));
	for (size_t i = 0; i < sizeof(TARGETS) / sizeof(*TARGETS); i++)
		check(&(struct random_trees){ .n_trees = 21,
			.n_features = 9,
			.n_targets = TARGETS[i],
			.leaves_max = i % 2 ? 256 : 31,
			.rows = true,
			.all_tests = i == 4,
			.missing_both = true });
	for (uint32_t k = 1; k < TREES_TABLE.count; k++) {
		if (TREES_KERNELS[k].pack != trees_blocks_pack &&
			kernel_allowed(TREES_KERNELS[k].isa, isa_detected()))
			assert_true(runs_of[k] - before[k] >= 8 * SEEDS);
	}
	(void)state;
}

// Trees too large for row masks, and a leaf that speaks twice of a target, which only the
// reference adds up as it should.
static void large_trees_and_doubled_targets(void **state)
{
	check(&(struct random_trees){ .n_trees = 11,
		.n_features = 9,
		.n_targets = 5,
		.leaves_max = 3000,
		.rows = true,
		.missing_both = true });
	check(&(struct random_trees){ .n_trees = 30,
		.n_features = 9,
		.n_targets = 3,
		.leaves_max = 20,
		.vectors = true });
	(void)state;
}

static void every_test(void **state)
{
	check(&(struct random_trees){ .n_trees = 20,
		.n_features = 6,
		.n_targets = 1,
		.leaves_max = 31,
		.all_tests = true,
		.missing_both = true });
	check(&(struct random_trees){ .n_trees = 20,
		.n_features = 6,
		.n_targets = 2,
		.leaves_max = 100,
		.thresholds = 12,
		.all_tests = true });
	(void)state;
}

static void minimum_maximum_and_linear_leaves(void **state)
{
	check(&(struct random_trees){ .n_trees = 20,
		.n_features = 6,
		.n_targets = 2,
		.leaves_max = 31,
		.aggregate = TREES_MIN });
	check(&(struct random_trees){ .n_trees = 20,
		.n_features = 6,
		.n_targets = 2,
		.leaves_max = 31,
		.aggregate = TREES_MAX_OF });
	check(&(struct random_trees){
		.n_trees = 20, .n_features = 6, .n_targets = 1, .leaves_max = 31, .linear = true });
	(void)state;
}

// A test over kernels that refuse everything would prove nothing.
static void every_kernel_took_part(void **state)
{
	for (uint32_t k = 1; k < TREES_TABLE.count; k++) {
		print_message("# %s: %u ensembles\n", TREES_KERNELS[k].name, runs_of[k]);
		if (kernel_allowed(TREES_KERNELS[k].isa, isa_detected()))
			assert_true(runs_of[k] > 50);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boosted_trees),
		cmocka_unit_test(sizes_about_registers),
		cmocka_unit_test(single_leaves_and_stumps),
		cmocka_unit_test(chains),
		cmocka_unit_test(many_thresholds_and_columns),
		cmocka_unit_test(questions_about_registers),
		cmocka_unit_test(several_targets),
		cmocka_unit_test(leaves_of_several_targets),
		cmocka_unit_test(large_trees_and_doubled_targets),
		cmocka_unit_test(every_test),
		cmocka_unit_test(minimum_maximum_and_linear_leaves),
		cmocka_unit_test(every_kernel_took_part),
	};

	return cmocka_run_group_tests_name("trees", tests, NULL, NULL);
}
