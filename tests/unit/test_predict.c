// SPDX-License-Identifier: BSD-3-Clause
// What TensorFlow Serving's clients send, and what they are answered.
#include "ctl/server/scoring/predict.h"

#include "ctl/server/scoring/scoring.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 32 // levels of JSON

static const char *const FEATURES[] = { "duration", "proto" };
static const struct model_info NUMBERS = {
	.name = "lab", .n_features = 2, .n_outputs = 2, .feature_names = FEATURES
};
static const float TWO[] = { 1, 2, 3.5f, -4 };
static const float SCORES[] = { 0.75f, 0.25f, 1e-7f, 0.5f };

static float *rows;
static uint32_t n_rows;
static struct error err;

static int tear_down(void **state)
{
	free(rows);
	rows = NULL;
	return 0;
}

static int predict(const char *json)
{
	char *body = strdup(json);
	int rc;

	free(rows);
	rc = predict_parse(body, strlen(body), DEPTH, &NUMBERS, &rows, &n_rows, &err);
	free(body);
	return rc;
}

static void predict_takes_rows_and_names(void **state)
{
	struct bytes bytes = { 0 };

	assert_int_equal(predict("{\"signature_name\":\"x\",\"instances\":[[1,2],{\"proto\":-4,"
				 "\"duration\":3.5}]}"),
		0);
	assert_int_equal(n_rows, 2);
	assert_memory_equal(rows, TWO, sizeof(TWO));
	assert_int_equal(predict_write(&NUMBERS, SCORES, 2, &bytes, &err), 0);
	bytes_add(&bytes, "", 1);
	assert_string_equal(bytes.at, "{\"predictions\":[[0.75,0.25],[1.00000001e-07,0.5]]}");
	bytes_fini(&bytes);
	assert_int_equal(predict("{\"instances\":[[1,2],[3]]}"), -EINVAL);
	assert_string_equal(
		err.text, "instance 2 (the first is 1) has 1 values, model lab takes 2");
	assert_int_equal(predict("{\"instances\":[{\"proto\":1,\"proto\":2}]}"), -EINVAL);
	assert_non_null(strstr(err.text, "the key \"proto\" is there twice"));
	assert_int_equal(predict("{\"instances\":[{\"protocol\":1}]}"), -EINVAL);
	assert_string_equal(
		err.text, "instance 1 (the first is 1): model lab has no feature 'protocol'");
	assert_int_equal(predict("{}"), -EINVAL);
}

// As many values as a request may have, and a row more: the bound is not that of the memory's doubling.
static void predict_of_too_many_rows_is_refused(void **state)
{
	struct model_info wide = NUMBERS;
	const uint32_t n = 12288, most = SCORING_VALUES_MAX / n;
	char *text = malloc((size_t)(most + 1) * (2 * n + 2) + 32), *end = text;

	wide.n_features = n;
	end += sprintf(end, "{\"instances\":[");
	for (uint32_t row = 0; row <= most; row++) {
		*end++ = '[';
		for (uint32_t f = 0; f < n; f++) {
			*end++ = '0';
			*end++ = ',';
		}
		end[-1] = ']';
		*end++ = ',';
	}
	end[-1] = ']';
	*end++ = '}';
	assert_int_equal(
		predict_parse(text, (size_t)(end - text), DEPTH, &wide, &rows, &n_rows, &err),
		-E2BIG);
	assert_string_equal(err.text,
		"1366 rows of 12288 features are too many for one request: at most 1048576 rows, "
		"and 16777216 values in all");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(predict_takes_rows_and_names, tear_down),
		cmocka_unit_test_teardown(predict_of_too_many_rows_is_refused, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
