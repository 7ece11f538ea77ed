// SPDX-License-Identifier: BSD-3-Clause
// Damaged models of XGBoost and LightGBM: one edit of a sound file each, and what is said of it.
#include "infer/graph/trees.h"
#include "infer/import/lightgbm/import.h"
#include "infer/import/xgboost/import.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

struct edit {
	const char *from, *to; // NULL: the file as it is
	int code;
	const char *sentence; // a part of it
};

// The file with the first `from` replaced; malloc'ed.
static char *edited(const char *file, const struct edit *edit)
{
	const char *at = edit->from ? strstr(file, edit->from) : file;
	char *text = malloc(strlen(file) + 2000);

	assert_non_null(text);
	if (!at)
		fail_msg("no '%s' in the file", edit->from);
	if (edit->from)
		sprintf(text, "%.*s%s%s", (int)(at - file), file, edit->to,
			at + strlen(edit->from));
	else
		strcpy(text, file);
	return text;
}

static const struct import_options OPTIONS;

static void check(
	int (*import)(const void *bytes, size_t size, const struct import_options *options,
		struct graph **graph, struct compile_report *report, struct error *err),
	const char *file, const struct edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *text = edited(file, &edits[i]);
		struct compile_report report = { 0 };
		struct error err = { .text = "" };
		struct graph *graph;
		const int rc = import(text, strlen(text), &OPTIONS, &graph, &report, &err);

		if (rc != edits[i].code || !strstr(err.text, edits[i].sentence)) {
			print_error("'%s' -> '%s': %d '%s', should be %d '%s'\n",
				edits[i].from ? edits[i].from : "", edits[i].to ? edits[i].to : "",
				rc, err.text, edits[i].code, edits[i].sentence);
			fail();
		}
		graph_destroy(graph);
		compile_report_fini(&report);
		free(text);
	}
}
#define CHECK(import, file, edits) check(import, file, edits, sizeof(edits) / sizeof(*(edits)))

static const char XGBOOST[] =
	"{\"learner\":{\"feature_names\":[],\"gradient_booster\":{\"model\":{\"gbtree_model_"
	"param\":{},"
	"\"tree_info\":[0],\"trees\":[{\"base_weights\":[0,0,0,0,0],\"categories\":[1,3],"
	"\"categories_nodes\":[1],\"categories_segments\":[0],\"categories_sizes\":[2],"
	"\"default_left\":[1,0,0,0,0],\"left_children\":[1,3,-1,-1,-1],"
	"\"right_children\":[2,4,-1,-1,-1],\"split_conditions\":[0.5,NaN,1.5,2.5,-3.5],"
	"\"split_indices\":[0,1,0,0,0],\"split_type\":[0,1,0,0,0],"
	"\"tree_param\":{\"size_leaf_vector\":\"0\"}}]},\"name\":\"gbtree\"},"
	"\"learner_model_param\":{\"base_score\":\"5E-1\",\"num_class\":\"0\",\"num_feature\":"
	"\"2\"},"
	"\"objective\":{\"name\":\"binary:logistic\"}},\"version\":[1,7,4]}";

static void xgboost_trees_are_checked(void **state)
{
	static const struct edit EDITS[] = {
		{ NULL, NULL, 0, "" },
		{ "[1,3,-1,-1,-1]", "[1,0,-1,-1,-1]", -EINVAL,
			"trees[0]: node 1 leads to node 0, which another one leads to" },
		{ "[1,3,-1,-1,-1]", "[1,2,-1,-1,-1]", -EINVAL,
			"node 1 leads to node 2, which another one leads to" },
		{ "[1,3,-1,-1,-1]", "[1,5,-1,-1,-1]", -EINVAL,
			"node 1 leads to node 5, there are 5" },
		{ "[1,3,-1,-1,-1]", "[1,-2,-1,-1,-1]", -EINVAL,
			"node 1 leads to node -2, there are 5" },
		{ "[1,3,-1,-1,-1]", "[1,4294967299,-1,-1,-1]", -EINVAL,
			"node 1 leads to node 4294967299, there are 5" },
		{ "[1,3,-1,-1,-1]", "[1,3,-1,-1]", -EINVAL,
			"trees[0].right_children has 5 values, left_children 4" },
		{ "[1,3,-1,-1,-1]", "[1,\"3\",-1,-1,-1]", -EINVAL,
			"node 1: its children are no whole numbers" },
		{ "\"split_indices\":[0,1", "\"split_indices\":[0,2", -EINVAL,
			"node 1 asks for feature 2, there are 2" },
		{ "\"split_indices\":[0,1", "\"split_indices\":[-1,1", -EINVAL,
			"node 0 asks for feature -1, there are 2" },
		{ "[0.5,NaN", "[NaN,NaN", -EINVAL,
			"node 0: should have a feature, a finite threshold" },
		{ "2.5", "1e300", -EINVAL, "node 3: a leaf's value is no finite number" },
		{ "\"split_type\":[0,1", "\"split_type\":[0,2", -EINVAL, "a split_type of 0 or 1" },
		{ "\"default_left\":[1", "\"default_left\":[7", -EINVAL, "default_left" },
		{ "\"categories_nodes\":[1]", "\"categories_nodes\":[0]", -EINVAL,
			"node 1: splits by category, and categories_nodes does not name it" },
		{ "\"categories_sizes\":[2]", "\"categories_sizes\":[3]", -EINVAL,
			"node 1: its categories lie outside of the list" },
		{ "\"categories_segments\":[0]", "\"categories_segments\":[-1]", -EINVAL,
			"its categories lie outside" },
		{ "\"categories\":[1,3]", "\"categories\":[1,-3]", -EINVAL,
			"a category is no whole number from 0" },
		{ "\"categories\":[1,3]", "\"categories\":[1,99999999]", -EINVAL,
			"a category is no whole number from 0" },
		{ "\"tree_info\":[0]", "\"tree_info\":[1]", -EINVAL,
			"tree_info[0] should be a group, 0 to 0" },
		{ "\"tree_info\":[0]", "\"tree_info\":[]", -EINVAL, "1 trees, 0 tree_info" },
		{ "\"tree_info\":[0],\"trees\":[{", "\"tree_info\":[],\"trees\":[],\"x\":[{",
			-EINVAL, "0 trees, 0 tree_info" },
		{ "\"size_leaf_vector\":\"0\"", "\"size_leaf_vector\":\"3\"", -EINVAL,
			"leaves of 3 values, should be 1" },
	};

	CHECK(import_xgboost, XGBOOST, EDITS);
	(void)state;
}

static void xgboost_parameters_are_checked(void **state)
{
	static const struct edit EDITS[] = {
		{ "binary:logistic", "binary:other", -ENOTSUP,
			"'binary:other' is no objective of XGBoost 0.90 to 3.x" },
		{ "\"5E-1\"", "\"1.5\"", -EINVAL,
			"base_score is 1.5, which binary:logistic cannot have" },
		{ "\"5E-1\"", "\"half\"", -EINVAL, "base_score is 'half', should be one number" },
		{ "\"5E-1\"", "\"[5E-1,1E-1]\"", -EINVAL,
			"base_score is '[5E-1,1E-1]', should be one number" },
		{ "\"num_feature\":\"2\"", "\"num_feature\":\"0\"", -EINVAL,
			"num_feature should be a whole number from 1 to 16384" },
		{ "\"num_feature\":\"2\"", "\"num_feature\":\"18446744073709551617\"", -EINVAL,
			"num_feature should be a whole number" },
		{ "\"num_class\":\"0\"", "\"num_class\":\"-1\"", -EINVAL,
			"num_class should be a whole number from 0" },
		{ "\"name\":\"gbtree\"", "\"name\":\"gbforest\"", -ENOTSUP,
			"'gbforest', should be gbtree, dart or gblinear" },
		{ "\"learner\"", "\"pupil\"", -EINVAL, "there is no object \"learner\"" },
		{ "\"version\":[1,7,4]}", "\"version\":[1,7,4]", -EINVAL, "line 1, column" },
	};

	CHECK(import_xgboost, XGBOOST, EDITS);
	(void)state;
}

static void ubjson_is_bounded(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *sentence;
	} CASES[] = {
		{ "{L\x7f\xff\xff\xff\xff\xff\xff\xff"
		  "a",
			11, "a length of 9223372036854775807, only 1 bytes are left" },
		{ "{L\xff\xff\xff\xff\xff\xff\xff\xff"
		  "a",
			11, "a length of -1" },
		{ "{i\x01"
		  "a[$d#L\x00\x00\x00\x00\x10\x00\x00\x00"
		  "abcd",
			21, "a length of 268435456, only 4 bytes are left" },
		{ "{i\x01"
		  "a[$T#i\x7f",
			9, "values of type 0x54 in a row" },
		{ "{i\x01"
		  "aD\x00\x00",
			7, "the file ends within a number" },
		{ "{i\x01"
		  "a",
			4, "the file ends where a value should be" },
		{ "{i\x01"
		  "aq",
			5, "0x71 begins no value" },
		{ "{i\x01\xff"
		  "T}",
			6, "a text that is not UTF-8" },
	};
	char deep[200] =
		"{i\x01"
		"a";

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct error err = { .text = "" };
		struct graph *graph;

		assert_int_equal(
			import_xgboost(CASES[i].bytes, CASES[i].size, &OPTIONS, &graph, NULL, &err),
			-EINVAL);
		if (!strstr(err.text, CASES[i].sentence))
			fail_msg("'%s', should be '%s'", err.text, CASES[i].sentence);
	}
	memset(deep + 4, '[', sizeof(deep) - 4);
	struct error err = { .text = "" };
	struct graph *graph;

	assert_int_equal(import_xgboost(deep, sizeof(deep), &OPTIONS, &graph, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 64 values in each other"));
	(void)state;
}

static const char LIGHTGBM[] =
	"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=1\n"
	"objective=binary sigmoid:1\nfeature_names=a b\n\nTree=0\nnum_leaves=3\nnum_cat=1\n"
	"split_feature=0 1\nthreshold=0.5 0\ndecision_type=2 1\nleft_child=1 -1\n"
	"right_child=-3 -2\nleaf_value=1 2 3\ncat_boundaries=0 1\ncat_threshold=5\n"
	"is_linear=0\n\nend of trees\n";

static void lightgbm_is_checked(void **state)
{
	static const struct edit EDITS[] = {
		{ NULL, NULL, 0, "" },
		{ "left_child=1 -1", "left_child=1 0", -EINVAL,
			"Tree=0: node 1 leads to node 0, which another one leads to" },
		{ "left_child=1 -1", "left_child=1 -3", -EINVAL, "which another one leads to" },
		{ "left_child=1 -1", "left_child=1 -9223372036854775808", -EINVAL,
			"node 1 leads to node 9223372036854775807, there are 5" },
		{ "left_child=1 -1", "left_child=1", -EINVAL,
			"Tree=0: left_child should have 2 numbers" },
		{ "left_child=1 -1\n", "", -EINVAL, "Tree=0: left_child is missing" },
		{ "leaf_value=1 2 3", "leaf_value=1 2 3 4", -EINVAL,
			"Tree=0: leaf_value should have 3 numbers" },
		{ "leaf_value=1 2 3", "leaf_value=1 2 x", -EINVAL,
			"Tree=0: leaf_value should have 3 numbers" },
		{ "split_feature=0 1", "split_feature=0 2", -EINVAL,
			"node 1 asks for feature 2, there are 2" },
		{ "split_feature=0 1", "split_feature=-1 1", -EINVAL,
			"node 0 asks for feature -1" },
		{ "threshold=0.5 0", "threshold=nan 0", -EINVAL, "node 0: its threshold is NaN" },
		{ "threshold=0.5 0", "threshold=0.5 1", -EINVAL,
			"node 1: its threshold should be the number of a set" },
		{ "decision_type=2 1", "decision_type=12 1", -EINVAL,
			"its decision_type is not one of LightGBM's" },
		{ "cat_boundaries=0 1", "cat_boundaries=0 2", -EINVAL,
			"cat_threshold should have 2 numbers" },
		{ "cat_boundaries=0 1", "cat_boundaries=1 0", -EINVAL,
			"cat_boundaries should rise" },
		{ "cat_threshold=5", "cat_threshold=-5", -EINVAL, "words of 32 bits" },
		{ "num_leaves=3", "num_leaves=0", -EINVAL, "num_leaves is 0, should be 1 to" },
		{ "num_leaves=3", "num_leaves=16000000", -EINVAL,
			"split_feature should have 15999999 numbers" },
		{ "is_linear=0", "is_linear=1", -EINVAL, "leaf_const is missing" },
		{ "version=v4", "version=v9", -ENOTSUP, "'v9'; v2, v3 and v4 are supported" },
		{ "objective=binary sigmoid:1", "objective=binary sigmoid:-1", -EINVAL,
			"sigmoid should be a number above 0" },
		{ "objective=binary sigmoid:1", "objective=binarium", -ENOTSUP,
			"objective 'binarium' is none of LightGBM 2 to 4" },
		{ "max_feature_idx=1", "max_feature_idx=99999999999", -EINVAL,
			"max_feature_idx is 99999999999" },
		{ "num_tree_per_iteration=1", "num_tree_per_iteration=2", -EINVAL,
			"1 trees for 2 outputs" },
		{ "end of trees\n", "", -EINVAL, "the file is cut off" },
		{ "Tree=0\n", "", -EINVAL, "0 trees for 1 outputs" },
	};

	CHECK(import_lightgbm, LIGHTGBM, EDITS);
	(void)state;
}

// In memory that ends where the text is cut.
static void cut_anywhere_ends_in_a_sentence(void **state)
{
	static const char LISTS[] =
		"\nparameters:\n[categorical_feature: 1]\nend of parameters\n\n"
		"pandas_categorical:[[\"tcp\", \"udp\", \"icmp\"]]\n";
	char text[sizeof(LIGHTGBM) + sizeof(LISTS)];
	const size_t size = (size_t)snprintf(text, sizeof(text), "%s%s", LIGHTGBM, LISTS);

	for (size_t cut = 1; cut <= size; cut++) {
		char *bytes = malloc(cut);
		struct error err = { .text = "" };
		struct graph *graph;
		int rc;

		assert_non_null(bytes);
		memcpy(bytes, text, cut);
		rc = import_lightgbm(bytes, cut, &OPTIONS, &graph, NULL, &err);
		assert_true(rc == 0 ? cut >= sizeof(LIGHTGBM) - 2 : err.text[0] != '\0');
		assert_true(rc != 0 || graph->n_texts == (cut >= size - 1));
		if (rc == 0)
			graph_destroy(graph);
		free(bytes);
	}
	(void)state;
}

// More texts than an image keeps: rows hold their numbers, and memory is not taken for them.
static void more_texts_than_possible(void **state)
{
	const size_t room = sizeof(LIGHTGBM) + 64 + 10ul * (MODEL_TEXTS_MAX + 1);
	struct error err = { .text = "" };
	char *text = malloc(room);
	struct graph *graph;
	size_t at;

	assert_non_null(text);
	for (uint32_t n = MODEL_TEXTS_MAX; n <= MODEL_TEXTS_MAX + 1; n++) {
		at = (size_t)snprintf(text, room,
			"%s\n[categorical_feature: 1]\npandas_categorical:[[", LIGHTGBM);
		for (uint32_t i = 0; i < n; i++)
			at += (size_t)snprintf(text + at, room - at, "%s\"%x\"", i ? "," : "", i);
		at += (size_t)snprintf(text + at, room - at, "]]\n");
		assert_int_equal(import_lightgbm(text, at, &OPTIONS, &graph, NULL, &err), 0);
		assert_int_equal(graph->n_texts, n <= MODEL_TEXTS_MAX);
		graph_destroy(graph);
	}
	free(text);
	(void)state;
}

static void depth_bombs_are_refused(void **state)
{
	enum { LEAVES = TREES_DEPTH_MAX + 2 };
	char *text = malloc(200000), *at = text;
	struct error err = { .text = "" };
	struct graph *graph;

	assert_non_null(text);
	at += sprintf(at,
		"tree\nversion=v4\nmax_feature_idx=0\nobjective=regression\n\nTree=0\nnum_leaves=%"
		"d\nnum_cat=0\nsplit_feature=",
		LEAVES);
	for (int i = 0; i < LEAVES - 1; i++)
		at += sprintf(at, "0 ");
	at += sprintf(at, "\nthreshold=");
	for (int i = 0; i < LEAVES - 1; i++)
		at += sprintf(at, "%d ", i);
	at += sprintf(at, "\ndecision_type=");
	for (int i = 0; i < LEAVES - 1; i++)
		at += sprintf(at, "0 ");
	at += sprintf(at, "\nleft_child=");
	for (int i = 0; i < LEAVES - 1; i++)
		at += sprintf(at, "%d ", -i - 1);
	at += sprintf(at, "\nright_child=");
	for (int i = 0; i < LEAVES - 1; i++)
		at += sprintf(at, "%d ", i + 1 < LEAVES - 1 ? i + 1 : -LEAVES);
	at += sprintf(at, "\nleaf_value=");
	for (int i = 0; i < LEAVES; i++)
		at += sprintf(at, "%d ", i);
	sprintf(at, "\nend of trees\n");
	assert_int_equal(
		import_lightgbm(text, strlen(text), &OPTIONS, &graph, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "512 deep, no branch may lie there"));
	free(text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xgboost_trees_are_checked),
		cmocka_unit_test(xgboost_parameters_are_checked),
		cmocka_unit_test(ubjson_is_bounded),
		cmocka_unit_test(lightgbm_is_checked),
		cmocka_unit_test(cut_anywhere_ends_in_a_sentence),
		cmocka_unit_test(more_texts_than_possible),
		cmocka_unit_test(depth_bombs_are_refused),
	};

	return cmocka_run_group_tests_name("boosters_hostile", tests, NULL, NULL);
}
