// SPDX-License-Identifier: BSD-3-Clause
// XGBoost's own binary form: sound files of each booster, and what is cut off or lies about itself.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint8_t bytes[4096];
static size_t size;

static void put(const void *from, size_t n)
{
	assert_true(size + n <= sizeof(bytes));
	memcpy(bytes + size, from, n);
	size += n;
}

static void put_u32(uint32_t value)
{
	put(&value, sizeof(value));
}

static void put_f32(float value)
{
	put(&value, sizeof(value));
}

static void put_u64(uint64_t value)
{
	put(&value, sizeof(value));
}

static void put_text(const char *text)
{
	put_u64(strlen(text));
	put(text, strlen(text));
}

static void put_zeros(size_t n)
{
	static const uint8_t ZEROS[160];

	put(ZEROS, n);
}

static void begin(
	uint32_t major, float base, uint32_t attributes, const char *objective, const char *booster)
{
	size = 0;
	put("binf", 4);
	put_f32(base);
	put_u32(2); // features
	put_u32(0); // classes
	put_u32(attributes);
	put_u32(0);
	put_u32(major);
	put_u32(major ? 7 : 0);
	put_zeros(136 - 28);
	put_text(objective);
	put_text(booster);
}

static void put_node(int32_t left, int32_t right, uint32_t feature, float value)
{
	put_u32(UINT32_MAX); // the parent
	put_u32((uint32_t)left);
	put_u32((uint32_t)right);
	put_u32(feature);
	put_f32(value);
}

// x[1] < 0.5, or missing: a, else b; and a node that was pruned.
static void put_stump(float a, float b)
{
	put_u32(1); // root
	put_u32(4); // nodes
	put_u32(1);
	put_zeros(148 - 12);
	put_node(1, 2, 1 | 1u << 31, 0.5f);
	put_node(-1, -1, 0, a);
	put_node(-1, -1, 0, b);
	put_node(-1, -1, UINT32_MAX, NAN);
	put_zeros(4 * 16);
}

static void put_trees(uint32_t n)
{
	put_u32(n);
	put_u32(1); // trees of a round
	put_zeros(160 - 8);
	for (uint32_t i = 0; i < n; i++)
		put_stump(i ? 10 : 1, i ? 20 : 2);
	put_zeros(4 * (size_t)n); // groups
}

static int compile(struct error *err, void **image, size_t *image_size)
{
	return compile_bytes("f", bytes, size, NULL, image, image_size, NULL, err);
}

// The scores of 0, 1 and NaN.
static void scores_are(float zero, float one, float missing)
{
	static const float ROWS[6] = { 9, 0, 9, 1, 9, NAN };
	const float expected[3] = { zero, one, missing };
	const struct model_options rules = { .no_timing = true };
	struct error err = { .text = "" };
	struct model *model;
	size_t image_size;
	float made[3];
	void *image, *scratch;

	if (compile(&err, &image, &image_size) != 0 ||
		model_open(image, image_size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, 3) + 63) / 64 * 64);
	assert_non_null(scratch);
	model_score(model, ROWS, made, 3, scratch, 3);
	for (int i = 0; i < 3; i++) {
		if (!(fabsf(made[i] - expected[i]) <= 1e-6f))
			fail_msg("score %d is %g, should be %g", i, (double)made[i],
				(double)expected[i]);
	}
	model_close(model);
	free(scratch);
	free(image);
}

static void refused_with(int code, const char *sentence)
{
	struct error err = { .text = "" };
	size_t image_size;
	void *image;

	assert_int_equal(compile(&err, &image, &image_size), code);
	assert_string_equal(err.text, sentence);
}

static void gbtree(void **state)
{
	begin(1, 0.25f, 0, "reg:squarederror", "gbtree");
	put_trees(2);
	scores_are(11.25f, 22.25f, 11.25f);
	// Without the mark; and of an objective of the GPU's.
	memmove(bytes, bytes + 4, size -= 4);
	scores_are(11.25f, 22.25f, 11.25f);
	begin(0, 0.25f, 0, "gpu:reg:linear", "gbtree");
	put_trees(2);
	scores_are(11.25f, 22.25f, 11.25f);
	(void)state;
}

// From 1.0 on it is a score, before it is what trees are added to.
static void base_score_is_a_margin_before_1_0(void **state)
{
	begin(1, 0.5f, 0, "count:poisson", "gbtree");
	put_trees(1);
	scores_are(0.5f * expf(1), 0.5f * expf(2), 0.5f * expf(1));
	begin(0, 0.5f, 0, "count:poisson", "gbtree");
	put_trees(1);
	scores_are(expf(1.5f), expf(2.5f), expf(1.5f));
	begin(0, NAN, 0, "count:poisson", "gbtree");
	put_trees(1);
	refused_with(
		-EINVAL, "f: learner.learner_model_param.base_score should be a number or text");
	(void)state;
}

static void dart_and_gblinear(void **state)
{
	begin(1, 0, 0, "reg:squarederror", "dart");
	put_trees(2);
	put_u64(2);
	put_f32(1);
	put_f32(0.5f);
	scores_are(6, 12, 6);
	begin(1, 0.5f, 0, "reg:squarederror", "gblinear");
	put_zeros(136);
	put_u64(3);
	put_f32(1);
	put_f32(2);
	put_f32(4);
	scores_are(13.5f, 15.5f, 13.5f);
	(void)state;
}

static void early_stopping(void **state)
{
	begin(1, 0, 1, "reg:squarederror", "gbtree");
	put_trees(2);
	put_u64(1);
	put_text("best_iteration");
	put_text("0");
	scores_are(1, 2, 1);
	(void)state;
}

static void cut_anywhere_is_refused(void **state)
{
	size_t whole;

	begin(1, 0, 1, "reg:squarederror", "dart");
	put_trees(1);
	put_u64(1);
	put_f32(1);
	put_u64(1);
	put_text("a");
	put_text("b");
	for (whole = size, size = 4 + 136 + 8 + 16; size < whole; size++) {
		struct error err = { .text = "" };
		size_t image_size;
		void *image;

		assert_int_equal(compile(&err, &image, &image_size), -EINVAL);
		assert_non_null(
			strstr(err.text, "f: XGBoost's binary form: the file ends at byte"));
	}
	(void)state;
}

static void counts_that_lie_are_refused(void **state)
{
	begin(1, 0, 0, "reg:squarederror", "gbtree");
	put_u32(UINT32_MAX); // trees
	put_zeros(156);
	refused_with(-EINVAL, "f: XGBoost's binary form: the file ends at byte 338, in a tree");
	begin(1, 0, 0, "reg:squarederror", "gbtree");
	put_u32(1);
	put_zeros(156);
	put_u32(1);
	put_u32(UINT32_MAX); // nodes
	put_zeros(140);
	refused_with(
		-EINVAL, "f: XGBoost's binary form: the file ends at byte 486, in a tree's nodes");
	begin(1, 0, 0, "reg:squarederror", "gblinear");
	put_zeros(136);
	put_u64(UINT64_MAX / 2); // weights
	refused_with(
		-EINVAL, "f: XGBoost's binary form: the file ends at byte 324, in the weights");
	begin(1, 0, 1, "reg:squarederror", "gbtree");
	put_trees(1);
	put_u64(1);
	put_u64(UINT64_MAX); // bytes of a name
	refused_with(-EINVAL,
		"f: XGBoost's binary form: at byte 650, an attribute's name of "
		"18446744073709551615 bytes, should be 1048576 at most");
	begin(1, 0, 0, "reg:squarederror", "gbtree");
	put_trees(1);
	bytes[338] = 2; // roots
	refused_with(-ENOTSUP,
		"f: XGBoost's binary form: a tree of 2 roots and leaves of 0 values, one of each "
		"is "
		"supported");
	begin(1, 0, 0, "reg:squarederror", "gbtree");
	put_trees(0);
	refused_with(-EINVAL,
		"f: gradient_booster.model: 0 trees, 0 tree_info, 0 weight_drop; should be as "
		"many, "
		"and a tree at least");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gbtree),
		cmocka_unit_test(base_score_is_a_margin_before_1_0),
		cmocka_unit_test(dart_and_gblinear),
		cmocka_unit_test(early_stopping),
		cmocka_unit_test(cut_anywhere_is_refused),
		cmocka_unit_test(counts_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
