// SPDX-License-Identifier: BSD-3-Clause
// Models of XGBoost and LightGBM: what versions of the libraries do differently, early stopping,
// thresholds of 64 bits.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static char text[8192];

// The scores of `rows` [n][1] are `expected`, and the report has a line with `said` in it.
static void scores_are(const struct compile_options *options, const float *rows, uint32_t n,
	const float *expected, const char *said)
{
	const struct model_options rules = { .no_timing = true };
	struct compile_report report = { 0 };
	struct error err = { .text = "" };
	struct model *model = NULL;
	bool found = !said;
	size_t size = 0;
	float made[16];
	void *image = NULL, *scratch;

	if (compile_bytes("f", text, strlen(text), options, &image, &size, &report, &err) != 0 ||
		model_open(image, size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, n) + 63) / 64 * 64);
	assert_non_null(scratch);
	model_score(model, rows, made, n, scratch, n);
	for (uint32_t i = 0; i < n * model_info(model)->n_outputs; i++) {
		if (!(fabsf(made[i] - expected[i]) <= 1e-6f * fmaxf(1, fabsf(expected[i]))))
			fail_msg("value %u is %.9g, should be %.9g", i, (double)made[i],
				(double)expected[i]);
	}
	for (size_t i = 0; i < report.n_lines; i++)
		found |= said && strstr(report.lines[i], said);
	if (!found)
		fail_msg("the report lacks '%s'", said);
	model_close(model);
	compile_report_fini(&report);
	free(scratch);
	free(image);
}
#define SCORES(options, rows, said, ...)                                                           \
	scores_are(                                                                                \
		options, rows, sizeof(rows) / sizeof(float), (const float[]){ __VA_ARGS__ }, said)

static void refused_with(const struct compile_options *options, int code, const char *sentence)
{
	struct error err = { .text = "" };
	size_t size = 0;
	void *image = NULL;

	assert_int_equal(
		compile_bytes("f", text, strlen(text), options, &image, &size, NULL, &err), code);
	assert_string_equal(err.text, sentence);
}

static const float ROWS[2] = { 0, 1 };

// --- XGBoost --------------------------------------------------------------------------------------

// A stump: x < 0.5 ? left : right.
#define STUMP(left, right)                                                                         \
	"{\"base_weights\":[0," left "," right                                                     \
	"],\"left_children\":[1,-1,-1],"                                                           \
	"\"right_children\":[2,-1,-1],\"split_conditions\":[0.5," left "," right                   \
	"],"                                                                                       \
	"\"split_indices\":[0,0,0],\"default_left\":[0,0,0]}"

// A file of version `version`, with an objective, a base score, the attributes of the learner, the
// parameters of the model, and its trees.
static void xgboost_file(const char *version, const char *objective, const char *base,
	const char *attributes, const char *parameters, const char *info, const char *trees)
{
	snprintf(text, sizeof(text),
		"{\"version\":[%s,0],\"learner\":{\"attributes\":{%s},\"feature_names\":[],"
		"\"learner_model_param\":{\"base_score\":\"%s\",\"num_class\":\"0\","
		"\"num_feature\":\"1\",\"num_target\":\"%d\"},\"objective\":{\"name\":\"%s\"},"
		"\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{%s,\"tree_info\":[%s],"
		"\"trees\":[%s]}}}}",
		version, attributes, base, strchr(base, ',') ? 2 : 1, objective, parameters, info,
		trees);
}
#define NO_PARAMETERS "\"gbtree_model_param\":{}"

#define VECTORS(weights, right)                                                                    \
	"{" weights ",\"left_children\":[1,-1,-1],\"right_children\":" right                       \
	","                                                                                        \
	"\"split_conditions\":[0.5,0,0],\"split_indices\":[0,0,0],\"default_left\":[0,0,0],"       \
	"\"tree_param\":{\"size_leaf_vector\":\"2\"}}"

static void xgboost_vectors_stand_by_node_or_by_leaf(void **state)
{
	xgboost_file("3,1", "reg:squarederror", "[0,0.5]", "", NO_PARAMETERS, "0",
		VECTORS("\"base_weights\":[9,9,1,2,3,4]", "[2,-1,-1]"));
	SCORES(NULL, ROWS, NULL, 1, 2.5f, 3, 4.5f);
	// The leaf's number is its right child; base_weights are of reduced gradients.
	xgboost_file("3,2", "reg:squarederror", "[0,0.5]", "", NO_PARAMETERS, "0",
		VECTORS("\"base_weights\":[9,9,9],\"leaf_weights\":[3,4,1,2]", "[2,1,0]"));
	SCORES(NULL, ROWS, NULL, 1, 2.5f, 3, 4.5f);
	xgboost_file("3,2", "reg:squarederror", "[0,0.5]", "", NO_PARAMETERS, "0",
		VECTORS("\"base_weights\":[9,9,9],\"leaf_weights\":[3,4,1,2]", "[2,2,0]"));
	refused_with(NULL, -EINVAL,
		"f: trees[0]: node 1: its right child should be its number among the leaves of "
		"leaf_weights");
	xgboost_file("3,2", "reg:squarederror", "[0,0.5]", "", NO_PARAMETERS, "0",
		VECTORS("\"base_weights\":[9,9,9],\"leaf_weights\":[3,4,1,2]", "[2,-1,0]"));
	refused_with(NULL, -EINVAL,
		"f: trees[0]: node 1: its right child should be its number among the leaves of "
		"leaf_weights");
	(void)state;
}

static void xgboost_quantiles_are_sorted_since_3_4(void **state)
{
	const char *const TREES = STUMP("1", "5") "," STUMP("3", "2");

	xgboost_file("3,3", "reg:quantileerror", "[0,0]", "", NO_PARAMETERS, "0,1", TREES);
	SCORES(NULL, ROWS, NULL, 1, 3, 5, 2);
	xgboost_file("3,4", "reg:quantileerror", "[0,0]", "", NO_PARAMETERS, "0,1", TREES);
	SCORES(NULL, ROWS, "quantiles in ascending order", 1, 3, 2, 5);
	xgboost_file("3,4", "reg:quantileerror", "0.5", "", NO_PARAMETERS, "0", STUMP("1", "5"));
	SCORES(NULL, ROWS, NULL, 1.5f, 5.5f);
	(void)state;
}

// Each expectile is above the one before by 1e-6 and the softplus of its margin.
static void xgboost_expectiles_are_steps(void **state)
{
	xgboost_file("3,3", "reg:expectileerror", "0.25", "", NO_PARAMETERS, "0", STUMP("1", "5"));
	SCORES(NULL, ROWS, NULL, 1.25f, 5.25f);
	// The base score's margin of a step of 1.5 is log(expm1(1.5 - 1e-6)) = 1.247516.
	xgboost_file("3,3", "reg:expectileerror", "[0.5,2]", "", NO_PARAMETERS, "0,1",
		STUMP("0", "1") "," STUMP("0", "-2"));
	SCORES(NULL, ROWS, NULL, 0.5f, 2, 1.5f, 1.88607584f);
	(void)state;
}

static void xgboost_base_scores_of_constant_labels(void **state)
{
	xgboost_file("3,2", "binary:logistic", "[1E0]", "", NO_PARAMETERS, "0", STUMP("0", "-20"));
	SCORES(NULL, ROWS, NULL, 0.99999899f, 0.00191745f);
	xgboost_file("3,1", "binary:logistic", "[1E0]", "", NO_PARAMETERS, "0", STUMP("0", "-20"));
	refused_with(NULL, -EINVAL,
		"f: learner.learner_model_param.base_score is 1, which binary:logistic cannot "
		"have");
	(void)state;
}

static void xgboost_stops_at_the_best_round(void **state)
{
	static const struct compile_options ALL = { .rounds = ROUNDS_ALL }, ONE = { .rounds = 1 },
					    TWO = { .rounds = 2 }, THREE = { .rounds = 3 };
	const char *const TREES = STUMP("1", "2") "," STUMP("10", "20") "," STUMP(
		"100", "200") "," STUMP("1000", "2000");
	static const char BEST[] = "\"best_iteration\":\"0\"";

	// Two trees a round.
	xgboost_file("1,7", "reg:squarederror", "0", BEST,
		"\"gbtree_model_param\":{\"num_parallel_tree\":\"2\"}", "0,0,0,0", TREES);
	SCORES(NULL, ROWS, "2 of 4 trees are scored, up to the best round", 11, 22);
	SCORES(&ALL, ROWS, "best round 0, all of 2 are scored", 1111, 2222);
	SCORES(&ONE, ROWS, "2 of 4 trees are scored: 1 rounds", 11, 22);
	SCORES(&TWO, ROWS, NULL, 1111, 2222);
	refused_with(&THREE, -EINVAL, "f: 3 rounds are wanted, there are 2");
	// From 2.0 on the file says where rounds end; before, it was not looked at.
	xgboost_file("3,0", "reg:squarederror", "0", BEST,
		"\"gbtree_model_param\":{},\"iteration_indptr\":[0,3,4]", "0,0,0,0", TREES);
	SCORES(NULL, ROWS, "3 of 4 trees", 111, 222);
	refused_with(&THREE, -EINVAL, "f: 3 rounds are wanted, there are 2");
	xgboost_file("1,7", "reg:squarederror", "0", BEST,
		"\"gbtree_model_param\":{},\"iteration_indptr\":[0,3,4]", "0,0,0,0", TREES);
	SCORES(NULL, ROWS, "1 of 4 trees", 1, 2);
	// Before 1.6 only the trees up to the best round are told.
	xgboost_file("1,3", "reg:squarederror", "0",
		"\"best_iteration\":\"0\",\"best_ntree_limit\":\"3\"", NO_PARAMETERS, "0,0,0,0",
		TREES);
	SCORES(NULL, ROWS, "3 of 4 trees", 111, 222);
	// A tree for each of two targets makes a round.
	xgboost_file("1,7", "reg:squarederror", "[0,0]", BEST,
		"\"gbtree_model_param\":{\"num_parallel_tree\":\"1\"}", "0,1,0,1", TREES);
	SCORES(NULL, ROWS, "2 of 4 trees", 1, 10, 2, 20);
	// The best round was the last.
	xgboost_file("1,7", "reg:squarederror", "0", "\"best_iteration\":\"3\"", NO_PARAMETERS,
		"0,0,0,0", TREES);
	SCORES(NULL, ROWS, NULL, 1111, 2222);
	(void)state;
}

static void xgboost_rounds_are_checked(void **state)
{
	xgboost_file("3,0", "reg:squarederror", "0", "\"best_iteration\":\"first\"", NO_PARAMETERS,
		"0", STUMP("1", "2"));
	refused_with(NULL, -EINVAL,
		"f: learner.attributes.best_iteration should be a whole number from 0 to "
		"2147483647");
	xgboost_file("3,0", "reg:squarederror", "0", "",
		"\"gbtree_model_param\":{},\"iteration_indptr\":[0,2]", "0", STUMP("1", "2"));
	refused_with(NULL, -EINVAL,
		"f: gradient_booster.model.iteration_indptr should rise from 0 to 1");
	xgboost_file("3,0", "reg:squarederror", "0", "",
		"\"gbtree_model_param\":{},\"iteration_indptr\":[0,0]", "0", STUMP("1", "2"));
	refused_with(NULL, -EINVAL,
		"f: gradient_booster.model.iteration_indptr should end with 1, the number of "
		"trees");
	(void)state;
}

static void xgboost_linear_has_no_rounds(void **state)
{
	static const struct compile_options ALL = { .rounds = ROUNDS_ALL }, ONE = { .rounds = 1 };

	strcpy(text,
		"{\"version\":[1,7,0],\"learner\":{\"objective\":{\"name\":\"reg:squarederror\"},"
		"\"learner_model_param\":{\"base_score\":\"0\",\"num_feature\":\"1\"},"
		"\"gradient_booster\":{\"name\":\"gblinear\",\"model\":{\"weights\":[2,1]}}}}");
	SCORES(&ALL, ROWS, NULL, 1, 3);
	refused_with(&ONE, -EINVAL, "f: gblinear has no rounds to choose from");
	(void)state;
}

// --- LightGBM -------------------------------------------------------------------------------------

#define LIGHTGBM_TREE(number, threshold, left, right)                                              \
	"Tree=" number "\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=" threshold          \
	"\ndecision_type=8\nleft_child=-1\nright_child=-2\nleaf_value=" left " " right "\n\n"
#define LIGHTGBM_HEADER                                                                            \
	"tree\nversion=v4\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=regression\n\n"

static void lightgbm_rounds_by_number(void **state)
{
	static const struct compile_options ALL = { .rounds = ROUNDS_ALL }, ONE = { .rounds = 1 },
					    THREE = { .rounds = 3 };

	strcpy(text,
		LIGHTGBM_HEADER LIGHTGBM_TREE("0", "0.5", "1", "2")
			LIGHTGBM_TREE("1", "0.5", "10", "20") "end of trees\n");
	SCORES(NULL, ROWS, NULL, 11, 22);
	SCORES(&ALL, ROWS, NULL, 11, 22);
	SCORES(&ONE, ROWS, "1 of 2 rounds are scored", 1, 2);
	refused_with(&THREE, -EINVAL, "f: 3 rounds are wanted, there are 2");
	// An average is of the rounds that are scored.
	strcpy(text,
		"tree\nversion=v4\nnum_tree_per_iteration=1\nmax_feature_idx=0\n"
		"objective=regression\naverage_output\n\n" LIGHTGBM_TREE("0", "0.5", "1", "2")
			LIGHTGBM_TREE("1", "0.5", "10", "20") "end of trees\n");
	SCORES(NULL, ROWS, NULL, 5.5f, 11);
	SCORES(&ONE, ROWS, NULL, 1, 2);
	(void)state;
}

// Two features are of categories, as feature_infos says, and two lists tell what they were.
static void lightgbm_says_what_categories_were(void **state)
{
	strcpy(text,
		"tree\nversion=v4\nmax_feature_idx=2\nobjective=regression\nfeature_names=a b c\n"
		"feature_infos=1:0:2 [0:1] -1:1\n\nTree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=2\n"
		"\nend of trees\n\npandas_categorical:[[\"x\", \"y\", \"z\"], [10, 20.5, true, 4, "
		"5]]\n");
	scores_are(NULL, (const float[]){ 0, 0, 0 }, 1, (const float[]){ 2 },
		"feature 'a' is one of 3 categories; CSV files hold its text or its number, and "
		"other rows its number: 0 = x, 1 = y, 2 = z");
	scores_are(NULL, (const float[]){ 0, 0, 0 }, 1, (const float[]){ 2 },
		"feature 'c' is one of 5 categories, and rows hold its number: 0 = 10, 1 = 20.5, "
		"2 = 1, 3 = 4, ...");
	(void)state;
}

static void xgboost_says_what_categories_were(void **state)
{
	xgboost_file("3,1", "reg:squarederror", "0", "",
		NO_PARAMETERS
		",\"cats\":{\"enc\":[{\"offsets\":[0,2,3,9],\"values\":[117,100,112,116,99,112,116,"
		"99,112]}]}",
		"0", STUMP("1", "2"));
	SCORES(NULL, ROWS,
		"feature 'x0' is one of 3 categories; CSV files hold its text or its number, and "
		"other rows its number: 0 = ud, 1 = p, 2 = tcptcp",
		1, 2);
	xgboost_file("3,1", "reg:squarederror", "0", "",
		NO_PARAMETERS ",\"cats\":{\"enc\":[{\"type\":13,\"values\":[7,9]}]}", "0",
		STUMP("1", "2"));
	SCORES(NULL, ROWS,
		"feature 'x0' is one of 2 categories, and rows hold its number: 0 = 7, 1 = 9", 1,
		2);
	xgboost_file("3,1", "reg:squarederror", "0", "",
		NO_PARAMETERS ",\"cats\":{\"enc\":[{\"type\":7,\"values\":[1069547520]}]}", "0",
		STUMP("1", "2"));
	SCORES(NULL, ROWS, "feature 'x0' is one of 1 categories, and rows hold its number: 0 = 1.5",
		1, 2);
	(void)state;
}

// The model of `text`, opened.
static struct model *opened(void)
{
	const struct model_options rules = { .no_timing = true };
	struct error err = { .text = "" };
	struct model *model = NULL;
	size_t size = 0;
	void *image = NULL;

	if (compile_bytes("f", text, strlen(text), NULL, &image, &size, NULL, &err) != 0 ||
		model_open(image, size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
	return model;
}

// model_text_code() of a cell in the first feature gives rc, and with 1 `expected`.
static void cell_is(const struct model *model, const char *cell, int rc, float expected)
{
	struct error err = { .text = "" };
	float value = -1;

	if (model_text_code(model_info(model), 0, cell, &value, &err) != rc ||
		(rc == 1 && value != expected))
		fail_msg("'%s': %.9g, %s", cell, (double)value, err.text);
}

// A text of the table is its number; numbers and missing cells are read as in other columns.
static void lightgbm_texts_are_numbers(void **state)
{
	struct model *model = NULL;

	strcpy(text,
		"tree\nversion=v4\nmax_feature_idx=1\nobjective=regression\nfeature_infos=1:0:2 "
		"[0:1]\n\nTree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=2\n\nend of "
		"trees\n\npandas_categorical:[[\"tcp\", \"udp\", \"icmp\"]]\n");
	model = opened();
	assert_int_equal(model_info(model)->n_texts, 1);
	cell_is(model, "icmp", 1, 2);
	cell_is(model, "tcp", 1, 0);
	cell_is(model, "sctp", 1, 3); // scored as missing
	cell_is(model, "1", 0, 0);
	cell_is(model, "", 0, 0);
	cell_is(model, "NaN", 0, 0);
	model_close(model);
	// Of texts that read as numbers, another number is one that training never saw.
	strcpy(strstr(text, "[["), "[[\"80\", \"443\", \"x\"]]\n");
	model = opened();
	cell_is(model, "443", 1, 1);
	cell_is(model, "1", 1, 3);
	cell_is(model, "?", 0, 0);
	model_close(model);
	(void)state;
}

static void xgboost_texts_are_numbers(void **state)
{
	struct error err = { .text = "" };
	struct model *model = NULL;
	float value;

	xgboost_file("3,1", "reg:squarederror", "0", "",
		NO_PARAMETERS
		",\"cats\":{\"enc\":[{\"offsets\":[0,2,3],\"values\":[117,100,112]}]}",
		"0", STUMP("1", "2"));
	model = opened();
	cell_is(model, "p", 1, 1);
	cell_is(model, "0", 0, 0);
	assert_int_equal(model_text_code(model_info(model), 0, "q", &value, &err), -EINVAL);
	assert_string_equal(err.text, "'q' is none of the 2 texts that the model knows");
	model_close(model);
	(void)state;
}

// Lists that do not belong to the features of categories: too few of them, and fewer texts than
// training saw.
static void lightgbm_lists_that_fit_nothing(void **state)
{
	static const char *const ENDS[] = {
		"feature_infos=1:0:2 0:1|[[\"x\", \"y\", \"z\"]]|has 1 lists that cannot be given",
		"feature_infos=1:0:2 [0:1]|[[\"x\", \"y\"]]|has 1 lists that cannot be given",
		"feature_infos=[0:1] [0:1]|[[\"x\", \"y\"]]|has 1 lists that cannot be given",
		"feature_infos=1:0 [0:1]|[[\"x\", \"y\"|has 0 lists that cannot be given",
		"feature_infos=1:0 [0:1]|null|LightGBM",
		"feature_infos=1:0 [0:1]|[[3, 4]]|and rows hold its number: 0 = 3, 1 = 4",
		"feature_infos=1:0 [0:1]|[[\"\\u0007\", \"b\"]]|and rows hold its number: 0 = ",
	};

	for (size_t i = 0; i < sizeof(ENDS) / sizeof(*ENDS); i++) {
		const char *infos = ENDS[i], *lists = strchr(infos, '|') + 1;
		const char *said = strchr(lists, '|') + 1;
		struct model *model = NULL;

		snprintf(text, sizeof(text),
			"tree\nversion=v4\nmax_feature_idx=1\nobjective=regression\n%.*s\n\nTree=0"
			"\nnum_leaves=1\nnum_cat=0\nleaf_value=2\n\nend of "
			"trees\n\npandas_categorical:%.*s\n",
			(int)(lists - 1 - infos), infos, (int)(said - 1 - lists), lists);
		scores_are(NULL, (const float[]){ 0, 0 }, 1, (const float[]){ 2 }, said);
		model = opened();
		assert_int_equal(model_info(model)->n_texts, 0);
		model_close(model);
	}
	(void)state;
}

// A category that was constant stands in the parameters alone.
static void lightgbm_constant_categories(void **state)
{
	struct model *model = NULL;

	strcpy(text,
		"tree\nversion=v4\nmax_feature_idx=2\nobjective=regression\nfeature_infos=none "
		"none 0:1\n\nTree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=2\n\nend of trees\n\n"
		"parameters:\n[categorical_feature: 1,2]\nend of parameters\n\n"
		"pandas_categorical:[[\"x\"], [\"y\", \"z\"]]\n");
	model = opened();
	assert_int_equal(model_info(model)->n_texts, 2);
	assert_int_equal(model_info(model)->texts[0].feature, 1);
	assert_string_equal(model_info(model)->texts[0].texts[0], "x");
	assert_int_equal(model_info(model)->texts[1].feature, 2);
	model_close(model);
	(void)state;
}

static void categories_are_checked(void **state)
{
	strcpy(text,
		"tree\nversion=v4\nmax_feature_idx=0\nobjective=regression\nfeature_infos=1:0\n\n"
		"Tree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=2\n\nend of trees\n\n"
		"pandas_categorical:[[\"y\", \"y\"]]\n");
	refused_with(NULL, -EINVAL, "f: feature 0 has the text 'y' twice");
	xgboost_file("3,1", "reg:squarederror", "0", "",
		NO_PARAMETERS
		",\"cats\":{\"enc\":[{\"offsets\":[0,2,1],\"values\":[117,100,112]}]}",
		"0", STUMP("1", "2"));
	refused_with(NULL, -EINVAL, "f: cats.enc[0].offsets[2] is 1, should be 2 to 3");
	xgboost_file("3,1", "reg:squarederror", "0", "",
		NO_PARAMETERS ",\"cats\":{\"enc\":[{\"offsets\":[0,9],\"values\":[117,100,112]}]}",
		"0", STUMP("1", "2"));
	refused_with(NULL, -EINVAL, "f: cats.enc[0].offsets[1] is 9, should be 0 to 3");
	(void)state;
}

// 1.2 is between two float32, and the float32 of a row's 1.2 is the one above.
static void lightgbm_thresholds_of_64_bits(void **state)
{
	static const struct compile_options FLOOR = { .thresholds = THRESHOLDS_FLOOR },
					    NEAREST = { .thresholds = THRESHOLDS_NEAREST };
	const float rows[3] = { nextafterf(1.2f, 0), 1.2f, nextafterf(1.2f, 2) };

	strcpy(text, LIGHTGBM_HEADER LIGHTGBM_TREE("0", "1.2", "1", "2") "end of trees\n");
	SCORES(NULL, rows, "64-bit thresholds rounded to float32", 1, 1, 2);
	SCORES(&NEAREST, rows, "64-bit thresholds rounded to float32", 1, 1, 2);
	SCORES(&FLOOR, rows, "64-bit thresholds rounded down", 1, 2, 2);
	// What no float32 is beyond holds for all of them.
	strcpy(text, LIGHTGBM_HEADER LIGHTGBM_TREE("0", "1e300", "1", "2") "end of trees\n");
	SCORES(NULL, rows, NULL, 1, 1, 1);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xgboost_vectors_stand_by_node_or_by_leaf),
		cmocka_unit_test(xgboost_quantiles_are_sorted_since_3_4),
		cmocka_unit_test(xgboost_expectiles_are_steps),
		cmocka_unit_test(xgboost_base_scores_of_constant_labels),
		cmocka_unit_test(xgboost_stops_at_the_best_round),
		cmocka_unit_test(xgboost_rounds_are_checked),
		cmocka_unit_test(xgboost_linear_has_no_rounds),
		cmocka_unit_test(lightgbm_rounds_by_number),
		cmocka_unit_test(lightgbm_thresholds_of_64_bits),
		cmocka_unit_test(lightgbm_says_what_categories_were),
		cmocka_unit_test(xgboost_says_what_categories_were),
		cmocka_unit_test(lightgbm_texts_are_numbers),
		cmocka_unit_test(xgboost_texts_are_numbers),
		cmocka_unit_test(lightgbm_lists_that_fit_nothing),
		cmocka_unit_test(lightgbm_constant_categories),
		cmocka_unit_test(categories_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
