// SPDX-License-Identifier: BSD-3-Clause
// CatBoost's JSON: what a small file scores, and what is said of damaged ones. tests/smoke/catboost.py
// compares larger ones with CatBoost's formula.
#include "infer/compile/compile.h"
#include "infer/import/import.h"
#include "infer/infer.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES                                                                                   \
	"\"features_info\":{\"float_features\":["                                                  \
	"{\"feature_index\":0,\"flat_feature_index\":0,\"feature_id\":\"bytes\","                  \
	"\"nan_value_treatment\":\"AsTrue\",\"has_nans\":true,\"borders\":[0.5]}],"                \
	"\"categorical_features\":[{\"feature_index\":0,\"flat_feature_index\":2,"                 \
	"\"feature_id\":\"proto\",\"values\":[-5,77]}],"                                           \
	"\"cat_features_hash\":[{\"hash\":4294967291,\"value\":\"tcp\"},"                          \
	"{\"hash\":77,\"value\":\"udp\"}]}"
#define MODEL(loss, bias, trees)                                                                   \
	"{" FEATURES ",\"model_info\":{\"params\":{\"loss_function\":{\"type\":\"" loss            \
	"\"}}},\"scale_and_bias\":[2," bias "]," trees "}"
// Bit 0: bytes > 0.5; bit 1: proto is tcp.
#define OBLIVIOUS                                                                                  \
	"\"oblivious_trees\":[{\"splits\":[{\"float_feature_index\":0,\"border\":0.5,"             \
	"\"split_type\":\"FloatFeature\"},{\"cat_feature_index\":0,\"value\":-5,"                  \
	"\"split_type\":\"OneHotFeature\"}],\"leaf_values\":[1,2,3,4]}]"
#define OTHER                                                                                      \
	"\"trees\":[{\"split\":{\"float_feature_index\":0,\"border\":0.5,"                         \
	"\"split_type\":\"FloatFeature\"},\"left\":{\"value\":1},\"right\":{\"split\":"            \
	"{\"cat_feature_index\":0,\"value\":77,\"split_type\":\"OneHotFeature\"},"                 \
	"\"left\":{\"value\":2},\"right\":{\"value\":3}}}]"

// bytes, a column that no feature has, proto: tcp is 0, udp 1.
static const float ROWS[5][3] = { { 0.5f, 0, 0 }, { 0.75f, 0, 0 }, { 0.25f, 0, 1 }, { NAN, 0, 1 },
	{ 1, 0, 9 } };

static void scores_are(const char *text, uint32_t columns, const float *expected)
{
	const struct model_options rules = { .no_timing = true };
	const struct compile_options options = { .name = NULL };
	struct error err = { .text = "" };
	struct model *model = NULL;
	void *image = NULL, *scratch;
	float made[10];
	size_t size;

	if (compile_bytes("f", text, strlen(text), &options, &image, &size, NULL, &err) != 0 ||
		model_open(image, size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(model_info(model)->n_outputs, columns);
	assert_string_equal(model_info(model)->source_kind, "catboost");
	assert_string_equal(model_info(model)->feature_names[0], "bytes");
	assert_string_equal(model_info(model)->feature_names[1], "x1");
	assert_string_equal(model_info(model)->texts[0].texts[1], "udp");
	scratch = aligned_alloc(64, (model_scratch_bytes(model, 5) + 63) / 64 * 64);
	assert_non_null(scratch);
	model_score(model, ROWS[0], made, 5, scratch, 5);
	for (uint32_t i = 0; i < 5 * columns; i++) {
		if (!(fabsf(made[i] - expected[i]) <= 1e-6f * fmaxf(1, fabsf(expected[i]))))
			fail_msg("value %u is %.9g, should be %.9g", i, (double)made[i],
				(double)expected[i]);
	}
	free(scratch);
	model_close(model);
	free(image);
}

// The leaf's value times 2, and the bias.
static void leaves_are_scaled_and_biased(void **state)
{
	static const float RAW[5] = { 7, 9, 3, 5, 5 }, OTHERS[5] = { 3, 5, 3, 7, 5 };

	scores_are(MODEL("RMSE", "[1]", OBLIVIOUS), 1, RAW);
	scores_are(MODEL("RMSE", "1", OBLIVIOUS), 1, RAW); // of before there were several
	scores_are(MODEL("MAE", "[1]", OTHER), 1, OTHERS);
	(void)state;
}

static void logloss_is_of_two_classes(void **state)
{
	float expected[10];

	for (int i = 0; i < 5; i++) {
		static const float RAW[5] = { 7, 9, 3, 5, 5 };

		expected[2 * i + 1] = 1 / (1 + expf(9 - RAW[i]));
		expected[2 * i] = 1 - expected[2 * i + 1];
	}
	scores_are(MODEL("Logloss", "[-8]", OBLIVIOUS), 2, expected);
	(void)state;
}

// --- Damaged files --------------------------------------------------------------------------------

struct edit {
	const char *from, *to;
	int code;
	const char *sentence; // a part of it
};

static void refused(const char *file, const struct edit *edit)
{
	const char *at = strstr(file, edit->from);
	struct error err = { .text = "" };
	struct graph *graph = NULL;
	char text[4096];
	int rc;

	if (!at)
		fail_msg("no '%s' in the file", edit->from);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - file), file, edit->to,
		at + strlen(edit->from));
	rc = import_model(text, strlen(text), &(struct import_options){ .rounds = ROUNDS_BEST },
		&graph, NULL, &err);
	if (rc != edit->code || !strstr(err.text, edit->sentence))
		fail_msg("'%s' -> '%s': %d '%s', should be %d '%s'", edit->from, edit->to, rc,
			err.text, edit->code, edit->sentence);
	graph_destroy(graph);
}

static void damaged_files_are_refused(void **state)
{
	static const struct edit EDITS[] = {
		{ "\"features_info\":{", "\"features_infos\":{", -EINVAL,
			"features_info is missing or no object" },
		{ "\"flat_feature_index\":0", "\"flat_feature_index\":-1", -EINVAL,
			"features_info.float_features[0].flat_feature_index should be a whole "
			"number from 0 to 16383" },
		{ "\"flat_feature_index\":0", "\"flat_feature_index\":2", -EINVAL,
			"features_info.categorical_features[0]: another feature has number 0 or "
			"column 2, too" },
		{ "AsTrue", "AsMaybe", -EINVAL,
			"nan_value_treatment is 'AsMaybe', should be AsIs, AsFalse or AsTrue" },
		{ "\"values\":[-5", "\"values\":[-5.5", -EINVAL,
			"values[0] of the categorical feature of column 2 should be a whole" },
		{ "\"hash\":4294967291", "\"hash\":4294967290", -ENOTSUP,
			"asks for a category of 'proto' whose text the file does not have: save it "
			"with model.save_model(" },
		{ "\"value\":\"tcp\"", "\"value\":\"udp\"", -EINVAL, "twice" },
		{ "\"value\":\"tcp\"", "\"value\":5", -EINVAL,
			"cat_features_hash[0] should have a hash and a text" },
		{ "\"value\":-5", "\"value\":-6", -EINVAL,
			"value is none of the categorical feature's values" },
		{ "\"float_feature_index\":0", "\"float_feature_index\":1", -EINVAL,
			"oblivious_trees[0]: node 2: float_feature_index should be that of a "
			"feature of features_info" },
		{ "\"border\":0.5", "\"border\":\"0.5\"", -EINVAL, "border is no finite number" },
		{ "OneHotFeature", "OnlineCtr", -ENOTSUP,
			"node 0: OnlineCtr, a statistic of the target by categories, is not "
			"supported: "
			"train with one_hot_max_size of at least the number of categories (at most "
			"255), or give them as numbers" },
		{ "OneHotFeature", "EstimatedFeature", -ENOTSUP,
			"a split of type 'EstimatedFeature' is not supported" },
		{ "[1,2,3,4]", "[1,2,3]", -EINVAL,
			"the first tree have 0 values, should have 1 to 4096" },
		{ "[1,2,3,4]", "[1,2,3,4,5]", -EINVAL,
			"leaf_values has 5 values, should have 4: 2 splits, 1 values a leaf" },
		{ "[1,2,3,4]", "[1,2,3,1e39]", -EINVAL, "a leaf's value is no finite number" },
		{ "[1,2,3,4]", "[1,2,3,null]", -EINVAL, "a leaf's value is no finite number" },
		{ "[2,[1]]", "[2,[1,2]]", -EINVAL,
			"scale_and_bias[1] has 2 numbers, should have 1" },
		{ "[2,[1]]", "[1e39,[1]]", -EINVAL, "scale_and_bias[0] should be a finite number" },
		{ "[2,[1]]", "[2,[\"1\"]]", -EINVAL,
			"scale_and_bias[1] should be 1 finite number" },
		{ "\"oblivious_trees\":[{", "\"oblivious_trees\":[],\"x\":[{", -EINVAL,
			"there is no list \"oblivious_trees\" or \"trees\" with a tree at least" },
		{ "\"RMSE\"", "\"RMSEWithUncertainty\"", -EINVAL,
			"RMSEWithUncertainty of 1 values a leaf, should be of 2" },
		{ "\"float_features\"", "\"text_features\":[{}],\"float_features\"", -ENOTSUP,
			"the model has text_features, which are not supported, only numbers and "
			"one-hot categories: train without them, or on numbers that are computed "
			"of them before" },
		{ "\"float_features\"", "\"embedding_features\":[{}],\"float_features\"", -ENOTSUP,
			"the model has embedding_features, which are not supported, only numbers "
			"and one-hot categories: train without them, or on numbers that are "
			"computed of them before, a column for each number of an embedding" },
		{ "}]}", "}]", -EINVAL, "line 1, column" },
	};
	static const struct edit OTHERS[] = {
		{ "{\"value\":2}", "{\"weight\":2}", -EINVAL,
			"trees[0]: node 3 has neither a value nor a node on its left" },
		{ "{\"value\":1}", "{\"weight\":1}", -EINVAL,
			"leaves of the first tree have 0 values, should have 1 to 4096" },
		{ "{\"value\":1}", "{\"value\":[1,2]}", -EINVAL,
			"scale_and_bias[1] has 1 numbers, should have 2" },
		{ "{\"value\":2}", "{\"value\":[1,2]}", -EINVAL,
			"trees[0]: node 3: its value should be 1 number" },
		{ "{\"value\":3}", "5", -EINVAL,
			"trees[0]: node 2 has neither a value nor a node on its right" },
		{ "\"split\":{", "\"splits\":{", -EINVAL, "node 0: its split is no object" },
	};

	for (size_t i = 0; i < sizeof(EDITS) / sizeof(*EDITS); i++)
		refused(MODEL("RMSE", "[1]", OBLIVIOUS), &EDITS[i]);
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(*OTHERS); i++)
		refused(MODEL("RMSE", "[1]", OTHER), &OTHERS[i]);
	(void)state;
}

static void rounds_are_trees(void **state)
{
	static const char FILE_OF_TWO[] = MODEL("RMSE", "[1]",
		"\"oblivious_trees\":[{\"splits\":[],\"leaf_values\":[5]},"
		"{\"splits\":null,\"leaf_values\":[7]}]");
	struct error err = { .text = "" };
	struct graph *graph = NULL;

	assert_int_equal(import_model(FILE_OF_TWO, sizeof(FILE_OF_TWO) - 1,
				 &(struct import_options){ .rounds = 2 }, &graph, NULL, &err),
		0);
	graph_destroy(graph);
	assert_int_equal(import_model(FILE_OF_TWO, sizeof(FILE_OF_TWO) - 1,
				 &(struct import_options){ .rounds = 3 }, &graph, NULL, &err),
		-EINVAL);
	assert_string_equal(err.text, "3 rounds are wanted, there are 2");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_are_scaled_and_biased),
		cmocka_unit_test(logloss_is_of_two_classes),
		cmocka_unit_test(damaged_files_are_refused),
		cmocka_unit_test(rounds_are_trees),
	};

	return cmocka_run_group_tests_name("catboost", tests, NULL, NULL);
}
