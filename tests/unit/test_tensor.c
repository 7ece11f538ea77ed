// SPDX-License-Identifier: BSD-3-Clause
// What clients send over REST and what they are answered. The requests are written as the clients write
// them: tritonclient's Python and C++ libraries, KServe's, curl.
#include "ctl/server/scoring/bytes.h"
#include "ctl/server/scoring/csv_rows.h"
#include "ctl/server/scoring/predict.h"
#include "ctl/server/scoring/tensor_answer.h"
#include "ctl/server/scoring/tensor_json.h"
#include "ctl/server/scoring/tensor_rows.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 32 // levels of JSON

static const char *const FEATURES[] = { "duration", "proto" };
static const char *const LABELS[] = { "benign", "attack" };
static const char *const OUTPUTS[] = { "p[benign]", "p[attack]" };
static const char *const PROTOS[] = { "tcp", "udp", "80" };
static const uint32_t ORDER[] = { 2, 0, 1 };
static const struct model_texts TEXTS = {
	.feature = 1, .n_texts = 3, .texts = PROTOS, .order = ORDER
};
static const struct model_info NUMBERS = { .name = "lab",
	.n_features = 2,
	.n_outputs = 2,
	.feature_names = FEATURES,
	.output_names = OUTPUTS,
	.class_labels = LABELS,
	.n_class_labels = 2 };

static struct model_info texts_info(void)
{
	struct model_info info = NUMBERS;

	info.texts = &TEXTS;
	info.n_texts = 1;
	return info;
}

// One request: its JSON and, behind it, bytes; the rows that came of it, or the sentence.
static struct tensor_request request;
static float *rows;
static uint32_t n_rows;
static struct error err;
static char *body;

static int ask_sized(const struct model_info *info, const char *json, const void *raw, size_t bytes,
	size_t json_bytes)
{
	const size_t size = strlen(json) + bytes;
	int rc;

	free(body);
	free(rows);
	rows = NULL;
	tensor_request_fini(&request);
	body = malloc(size + 1);
	memcpy(body, json, strlen(json));
	if (bytes > 0)
		memcpy(body + strlen(json), raw, bytes);
	body[size] = '\0';
	err.text[0] = '\0';
	rc = tensor_json_parse(body, size, json_bytes, DEPTH, info, &request, &err);
	if (rc == 0)
		rc = tensor_outputs_check(&request, info, &err);
	if (rc == 0)
		rc = tensor_rows(&request, info, &rows, &n_rows, &err);
	assert_true(rc == 0 || (err.text[0] && err.code == rc && !rows));
	return rc;
}

static int ask(const struct model_info *info, const char *json, const void *raw, size_t bytes)
{
	return ask_sized(info, json, raw, bytes, strlen(json));
}

static int tear_down(void **state)
{
	free(body);
	free(rows);
	tensor_request_fini(&request);
	body = NULL;
	rows = NULL;
	return 0;
}

static void check_rows(uint32_t n, const float *want)
{
	assert_int_equal(n_rows, n);
	assert_memory_equal(rows, want, n * 2 * sizeof(float));
}

static const float TWO[] = { 1, 2, 3.5f, -4 };

// --- Ways to ask ---------------------------------------------------------------------------------

#define HEAD "{\"inputs\":[{\"name\":\"rows\",\"shape\":[2,2],\"datatype\":\"FP32\","

// tritonclient.http: infer(model, [InferInput with set_data_from_numpy()]), no outputs named.
static void python_client_sends_bytes_and_wants_bytes(void **state)
{
	assert_int_equal(ask(&NUMBERS,
				 HEAD "\"parameters\":{\"binary_data_size\":16}}],"
				      "\"parameters\":{\"binary_data_output\":true}}",
				 TWO, sizeof(TWO)),
		0);
	check_rows(2, TWO);
	assert_true(request.binary);
	assert_int_equal(request.n_wanted, 0);
}

// The same with binary_data=False, an id, a priority, a timeout and outputs.
static void python_client_sends_json(void **state)
{
	assert_int_equal(
		ask(&NUMBERS,
			"{\"id\":\"1\",\"parameters\":{\"priority\":1,\"timeout\":2500,"
			"\"sequence_id\":0},\"inputs\":[{\"name\":\"rows\",\"shape\":[2,2],"
			"\"datatype\":\"FP32\",\"data\":[1.0,2.0,3.5,-4.0]}],\"outputs\":["
			"{\"name\":\"scores\",\"parameters\":{\"binary_data\":false}},"
			"{\"name\":\"label\",\"parameters\":{\"binary_data\":true}}]}",
			NULL, 0),
		0);
	check_rows(2, TWO);
	assert_int_equal(request.id_bytes, 1);
	assert_true(request.urgent);
	assert_int_equal(request.budget_us, 2500);
	assert_int_equal(request.n_wanted, 2);
	assert_false(request.wanted[0].binary);
	assert_true(request.wanted[1].binary);
}

// kserve.InferRequest.to_rest(): keys of its own beside the protocol's.
static void kserve_client_sends_keys_of_its_own(void **state)
{
	assert_int_equal(
		ask(&NUMBERS,
			"{\"id\": \"a\", \"model_name\": \"lab\", \"inputs\": [{\"name\": "
			"\"rows\", \"shape\": [2, 2], \"datatype\": \"FP32\", \"data\": [[1.0, "
			"2.0], [3.5, -4.0]], \"parameters\": {\"content_type\": \"np\"}}], "
			"\"parameters\": {\"x\": {\"deep\": [1]}}}",
			NULL, 0),
		0);
	check_rows(2, TWO);
}

static void bytes_alone_are_rows(void **state)
{
	assert_int_equal(ask_sized(&NUMBERS, "", TWO, sizeof(TWO), 0), 0);
	check_rows(2, TWO);
	assert_true(request.binary);
	assert_int_equal(ask_sized(&NUMBERS, "", TWO, 12, 0), -EINVAL);
	assert_string_equal(err.text,
		"unexpected size for input 'rows', 12 bytes: a row of 2 features in FP32 has 8");
}

static void half_floats_come_as_bytes(void **state)
{
	static const uint16_t F16[] = { 0x3c00, 0xc000, 0x0001, 0x7c00 };
	static const uint16_t BF16[] = { 0x3f80, 0xc000, 0x0001, 0x7f80 };
	static const float AS_F16[] = { 1, -2, 0x1p-24f, INFINITY };
	static const float AS_BF16[] = { 1, -2, 0x1p-133f, INFINITY };

	assert_int_equal(
		ask(&NUMBERS,
			"{\"inputs\":[{\"name\":\"rows\",\"shape\":[2,2],\"datatype\":\"FP16\","
			"\"parameters\":{\"binary_data_size\":8}}]}",
			F16, sizeof(F16)),
		0);
	check_rows(2, AS_F16);
	assert_int_equal(
		ask(&NUMBERS,
			"{\"inputs\":[{\"name\":\"rows\",\"shape\":[2,2],\"datatype\":\"BF16\","
			"\"parameters\":{\"binary_data_size\":8}}]}",
			BF16, sizeof(BF16)),
		0);
	check_rows(2, AS_BF16);
}

static void features_come_one_by_one(void **state)
{
	assert_int_equal(
		ask(&NUMBERS,
			"{\"inputs\":[{\"name\":\"proto\",\"shape\":[2,1],\"datatype\":\"FP32\","
			"\"parameters\":{\"binary_data_size\":8}},{\"name\":\"duration\",\"shape\":"
			"[2],"
			"\"datatype\":\"FP32\",\"data\":[1,3.5]}]}",
			(const float[]){ 2, -4 }, 8),
		0);
	check_rows(2, TWO);
}

static void texts_go_through_the_tables(void **state)
{
	static const float WANT[] = { 1, 1, 3.5f, 2 };
	static const char RAW[] = "\1\0\0\0001\3\0\0\0udp\3\0\0\0003.5\2\0\0\00080";
	const struct model_info info = texts_info();

	assert_int_equal(
		ask(&info,
			"{\"inputs\":[{\"name\":\"rows\",\"shape\":[2,2],\"datatype\":\"BYTES\","
			"\"data\":[[1,\"\\u0075dp\"],[\"3.5\",80]]}]}",
			NULL, 0),
		0);
	check_rows(2, WANT);
	assert_int_equal(
		ask(&info,
			"{\"inputs\":[{\"name\":\"rows\",\"shape\":[2,2],\"datatype\":\"BYTES\","
			"\"parameters\":{\"binary_data_size\":25}}]}",
			RAW, sizeof(RAW) - 1),
		0);
	check_rows(2, WANT);
	assert_int_equal(
		ask(&info,
			"{\"inputs\":[{\"name\":\"rows\",\"shape\":[1,2],\"datatype\":\"BYTES\","
			"\"data\":[1,\"udpp\"]}]}",
			NULL, 0),
		-EINVAL);
	assert_string_equal(err.text,
		"input 'rows': row 1 (the first is 1), column 2 ('proto'): 'udpp' is none of the 3 "
		"texts that the model knows; did you mean 'udp'?");
}

static void no_rows_are_none(void **state)
{
	assert_int_equal(
		ask(&NUMBERS,
			"{\"inputs\":[{\"name\":\"rows\",\"shape\":[0,2],\"datatype\":\"FP32\","
			"\"data\":[]}]}",
			NULL, 0),
		0);
	assert_int_equal(n_rows, 0);
}

static void numbers_are_the_nearest_floats(void **state)
{
	static const char *const TEXTS_OF[] = { "0", "-0", "0.1", "1e-7", "16777217",
		"3.4028235e38", "123456789.123456789", "1E+2", "0.000000000000000000000000000001",
		"1.1754943e-38", "9007199254740993", "1e-50", "33554431", "0.30000001192092896" };

	for (size_t i = 0; i < sizeof(TEXTS_OF) / sizeof(TEXTS_OF[0]); i++) {
		char text[160];
		float want = strtof(TEXTS_OF[i], NULL);

		snprintf(text, sizeof(text),
			"{\"inputs\":[{\"name\":\"rows\",\"shape\":[1,2],\"datatype\":\"FP32\","
			"\"data\":[%s,0]}]}",
			TEXTS_OF[i]);
		assert_int_equal(ask(&NUMBERS, text, NULL, 0), 0);
		assert_memory_equal(rows, &want, sizeof(want));
	}
}

// 40 rows of two values, nested or flat; `odd` stands for the value `at`, where it is given.
#define MANY 40

static char *write_many(const char *before, bool nested, const char *format, const char *between,
	const char *odd, int at, float *want)
{
	char *text = calloc(1, 8192), *to = text;

	to += sprintf(to, "%s", before);
	for (int i = 0; i < MANY * 2; i++) {
		char number[64];

		snprintf(number, sizeof(number), format, 0.3 * (i - 37) * (i % 5 + 1) / 7);
		want[i] = strtof(number, NULL);
		to += sprintf(to, "%s%s%s%s", i > 0 ? between : "",
			nested && i % 2 == 0 ? "[ " : "", odd && i == at ? odd : number,
			nested && i % 2 == 1 ? " ]" : "");
	}
	sprintf(to, "]%s", strstr(before, "instances") ? "}" : "}]}");
	return text;
}

#define MANY_HEAD                                                                                  \
	"{\"inputs\":[{\"name\":\"rows\",\"shape\":[40,2],\"datatype\":\"FP32\",\"data\":["

static void numbers_are_read_however_they_are_written(void **state)
{
	static const char *const FORMATS[] = { "%.9g", "%.17g", "%.1f", "%.0f", "%.8e", "%.25f" };
	static const char *const BETWEEN[] = { ",", ", ", " ,", "\n\t,\r\n", ",   " };
	float want[MANY * 2];

	for (size_t i = 0; i < 60; i++) {
		char *text = write_many(
			MANY_HEAD, i & 1, FORMATS[i / 2 % 6], BETWEEN[i % 5], NULL, 0, want);

		assert_int_equal(ask(&NUMBERS, text, NULL, 0), 0);
		check_rows(MANY, want);
		free(text);
		text = write_many("{\"instances\":[", true, FORMATS[i / 2 % 6], BETWEEN[i % 5],
			NULL, 0, want);
		free(rows);
		assert_int_equal(
			predict_parse(text, strlen(text), DEPTH, &NUMBERS, &rows, &n_rows, &err),
			0);
		check_rows(MANY, want);
		free(text);
	}
}

// What is wrong among many numbers is told with its place, as it is in front of few.
static void what_is_wrong_among_many_is_placed(void **state)
{
	static const struct {
		const char *odd, *says;
	} CASES[] = { { "1e39", "1e39 is beyond" }, { "-Infinity", "-Infinity" }, { "NaN", "NaN" },
		{ "null", "null" }, { "true", "true or false" }, { "\"a\"", "is text" },
		{ "01", "does not begin with 0" }, { "1.", "a digit must stand" },
		{ "1e", "a digit must stand" }, { "+1", "a digit must stand" },
		{ "{}", "an object" } };
	float want[MANY * 2];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		for (int nested = 0; nested < 2; nested++)
			for (int at = 20; at < MANY * 2; at += 59) {
				char place[64],
					*text = write_many(MANY_HEAD, nested, "%.9g", ", ",
						CASES[i].odd, at, want);

				snprintf(place, sizeof(place), "row %d (the first is 1), column %d",
					at / 2 + 1, at % 2 + 1);
				assert_int_not_equal(ask(&NUMBERS, text, NULL, 0), 0);
				if (!strstr(err.text, CASES[i].says) || !strstr(err.text, place))
					fail_msg("%s at %d: %s", CASES[i].odd, at, err.text);
				free(text);
			}
}

static void what_is_odd_among_many_is_counted(void **state)
{
	static const struct {
		const char *odd, *flat, *nested;
	} CASES[] = { { "1, 2", "81 values where its shape [40,2] says 80",
			      "row 11 (the first is 1): 3 values where its shape [40,2] says 2" },
		{ "1 2", "',' or ']'", "',' or ']'" }, { "1x", "',' or ']'", "',' or ']'" },
		{ "1,,2", "a digit must stand", "a digit must stand" },
		{ "1;", "',' or ']'", "',' or ']'" } };
	float want[MANY * 2];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		for (int nested = 0; nested < 2; nested++) {
			char *text =
				write_many(MANY_HEAD, nested, "%.9g", ", ", CASES[i].odd, 20, want);

			assert_int_equal(ask(&NUMBERS, text, NULL, 0), -EINVAL);
			if (!strstr(err.text, nested ? CASES[i].nested : CASES[i].flat))
				fail_msg("%s: %s", CASES[i].odd, err.text);
			free(text);
		}
}

static void missing_values_are_null(void **state)
{
	struct model_info info = NUMBERS;

	info.accepts_missing = true;
	assert_int_equal(
		ask(&info,
			"{\"inputs\":[{\"name\":\"rows\",\"shape\":[1,2],\"datatype\":\"FP32\","
			"\"data\":[null,1]}]}",
			NULL, 0),
		0);
	assert_true(isnan(rows[0]));
}

static void what_is_urgent_shows_without_reading(void **state)
{
	static const char YES[] = "{\"parameters\":{\"priority\" : 1}}",
			  TEN[] = "{\"priority\":10}", NO[] = "{\"priority\":0}";

	assert_true(tensor_json_is_urgent(YES, strlen(YES)));
	assert_false(tensor_json_is_urgent(TEN, strlen(TEN)));
	assert_false(tensor_json_is_urgent(NO, strlen(NO)));
	assert_false(tensor_json_is_urgent("", 0));
	assert_false(tensor_json_is_urgent("\"priority\"", 10));
}

// --- What is refused -----------------------------------------------------------------------------

#define DATA(text) HEAD "\"data\":" text "}]}"
#define BAD        "the body is not the JSON it should be: byte "

static void refusals_say_what_would_be_right(void **state)
{
	static const struct {
		const char *json, *sentence;
	} CASES[] = {
		{ "{", BAD "2: a string must stand here" },
		{ "[]", BAD "1: an object must stand here" },
		{ "{\"id\":7}", BAD "7: a string must stand here" },
		{ "{\"id\":\"a\",\"\\u0069d\":\"b\"}", BAD "21: the key \"id\" is there twice" },
		{ "{} x", BAD "4: something follows the JSON" },
		{ "{\"inputs\":[{}]}", BAD "14: input 0 (from 0) has no \"name\"" },
		{ "{\"id\":\"\\ud800x\"}", BAD "14: half of a surrogate pair" },
		{ "{\"id\":\"a\nb\"}", BAD "9: a control character in a string" },
		{ "{\"x\":01}", BAD "6: a number does not begin with 0" },
		{ DATA("[1,2,3]"), "input 'rows': 3 values where its shape [2,2] says 4" },
		{ DATA("[1,2,3,4,5]"), "input 'rows': 5 values where its shape [2,2] says 4" },
		{ DATA("[[1,2],[3]]"),
			"input 'rows', row 2 (the first is 1): 1 values where its shape [2,2] says "
			"2" },
		{ DATA("[[1,2],[3,4],[5,6]]"),
			"input 'rows': 3 arrays where its shape [2,2] says 2" },
		{ DATA("[[1,2],3]"),
			"input 'rows', row 2 (the first is 1): a value among arrays: \"data\" is "
			"flat, "
			"or nested as its shape is" },
		{ DATA("[[1,2],[3,[4]]]"),
			"input 'rows': row 2 (the first is 1), column 2 ('proto'): an array, where "
			"a "
			"value must stand" },
		{ DATA("[1,2,3,-Infinity]"),
			"input 'rows': row 2 (the first is 1), column 2 ('proto'): -Infinity is no "
			"JSON" },
		{ DATA("[1,2,3,4e99]"),
			"input 'rows': row 2 (the first is 1), column 2 ('proto'): 4e99 is beyond "
			"the "
			"range of FP32" },
		{ DATA("[1,2,true,4]"),
			"input 'rows': row 2 (the first is 1), column 1 ('duration'): true or "
			"false, "
			"where a number must stand" },
		{ "{\"inputs\":[{\"name\":\"rows\",\"shape\":[4294967296,4294967296],\"datatype\":"
		  "\"FP32\",\"data\":[]}]}",
			"input 'rows': the shape [4294967296,4294967296] is of more values than "
			"can be "
			"counted" },
		{ "{\"inputs\":[{\"name\":\"rows\",\"shape\":[3,3],\"datatype\":\"FP32\",\"data\":["
		  "]}]}",
			"input 'rows' has the shape [3,3]; model lab takes [rows,2], as in [1,2]" },
		{ "{\"inputs\":[{\"name\":\"rows\",\"shape\":[4],\"datatype\":\"FP32\",\"data\":[]}"
		  "]}",
			"input 'rows' has the shape [4]; model lab takes [rows,2], as in [2,2]" },
		{ HEAD "\"parameters\":{\"binary_data_size\":16}}]}",
			"unexpected size for input 'rows', expecting 16 additional bytes" },
		{ "{\"inputs\":[{\"name\":\"duration\",\"shape\":[1],\"datatype\":\"FP32\","
		  "\"data\":"
		  "[1]}]}",
			"1 inputs for the 2 features of model lab: 'proto' is missing" },
		{ "{\"outputs\":[{\"name\":\"scores\"},{\"name\":\"scores\"}],\"inputs\":[{"
		  "\"name\":"
		  "\"rows\",\"shape\":[0,2],\"datatype\":\"FP32\",\"data\":[]}]}",
			"output 'scores' is wanted twice" },
		{ "{\"outputs\":[{\"name\":\"scores\",\"parameters\":{\"classification\":0}}]}",
			BAD "62: \"classification\" is a count of classes, from 1" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_true(ask(&NUMBERS, CASES[i].json, NULL, 0) < 0);
		assert_string_equal(err.text, CASES[i].sentence);
	}
}

// --- Answers -------------------------------------------------------------------------------------

static const float SCORES[] = { 0.75f, 0.25f, 1e-7f, 0.5f };

static char *answer(
	const char *json, const float *scores, uint32_t n, size_t *size, size_t *json_bytes)
{
	struct tensor_outputs outputs;
	struct bytes bytes = { 0 };
	char *text = NULL;

	assert_int_equal(ask(&NUMBERS, json, NULL, 0), 0);
	assert_int_equal(tensor_outputs(&request, &NUMBERS, scores, n, &outputs, &err), 0);
	if (tensor_outputs_write(&outputs, &request, "lab", 3, &bytes, json_bytes, &err) == 0) {
		text = malloc(bytes.size + 1);
		memcpy(text, bytes.at, bytes.size);
		text[bytes.size] = '\0';
		*size = bytes.size;
	}
	tensor_outputs_fini(&outputs);
	bytes_fini(&bytes);
	return text;
}

#define NO_DATA                                                                                    \
	"\"inputs\":[{\"name\":\"rows\",\"shape\":[0,2],\"datatype\":\"FP32\",\"data\":[]}]}"

static void answer_is_json(void **state)
{
	size_t size, json_bytes;
	char *text = answer("{\"id\":\"a\\\"\\n\\u00e9\"," NO_DATA, SCORES, 2, &size, &json_bytes);

	assert_string_equal(text,
		"{\"id\":\"a\\\"\\u000a\xc3\xa9\",\"model_name\":\"lab\",\"model_version\":\"3\","
		"\"outputs\":[{\"name\":\"scores\",\"datatype\":\"FP32\",\"shape\":[2,2],\"data\":["
		"0.75,"
		"0.25,1.00000001e-07,0.5]},{\"name\":\"label\",\"datatype\":\"BYTES\",\"shape\":[2,"
		"1],"
		"\"data\":[\"benign\",\"attack\"]}]}");
	assert_int_equal(json_bytes, 0);
	free(text);
}

static void answer_is_bytes_behind_json(void **state)
{
	static const char WANT[] =
		"{\"model_name\":\"lab\",\"model_version\":\"3\",\"outputs\":[{\"name\":\"label\","
		"\"datatype\":\"BYTES\",\"shape\":[2,1],\"data\":[\"benign\",\"attack\"]},{"
		"\"name\":"
		"\"scores\",\"datatype\":\"FP32\",\"shape\":[2,2],\"parameters\":{\"binary_data_"
		"size\":16}}"
		"]}";
	size_t size, json_bytes;
	char *text = answer(
		"{\"parameters\":{\"binary_data_output\":true},\"outputs\":[{\"name\":"
		"\"label\",\"parameters\":{\"binary_data\":false}},{\"name\":\"scores\"}]," NO_DATA,
		SCORES, 2, &size, &json_bytes);

	assert_int_equal(json_bytes, strlen(WANT));
	assert_int_equal(size, strlen(WANT) + sizeof(SCORES));
	assert_memory_equal(text, WANT, strlen(WANT));
	assert_memory_equal(text + json_bytes, SCORES, sizeof(SCORES));
	free(text);
	// Where all bytes are none, the answer is JSON alone.
	text = answer("{\"parameters\":{\"binary_data_output\":true}," NO_DATA, SCORES, 0, &size,
		&json_bytes);
	assert_int_equal(json_bytes, 0);
	assert_non_null(strstr(text, "\"binary_data_size\":0"));
	free(text);
}

static void answer_of_classes_is_ranked(void **state)
{
	static const float WITH_NAN[] = { NAN, 0.5f };
	size_t size, json_bytes;
	char *text =
		answer("{\"outputs\":[{\"name\":\"scores\",\"parameters\":{\"classification\":1}}]"
		       "," NO_DATA,
			SCORES, 2, &size, &json_bytes);

	assert_non_null(strstr(
		text, "\"shape\":[2,1],\"data\":[\"0.750000:0:benign\",\"0.500000:1:attack\"]"));
	free(text);
	text = answer(
		"{\"outputs\":[{\"name\":\"label\"}]," NO_DATA, WITH_NAN, 1, &size, &json_bytes);
	assert_non_null(strstr(text, "\"data\":[\"\"]"));
	free(text);
	text = answer(
		"{\"outputs\":[{\"name\":\"scores\"}]," NO_DATA, WITH_NAN, 1, &size, &json_bytes);
	assert_null(text);
	assert_int_equal(err.code, -ERANGE);
	assert_string_equal(err.text,
		"row 1 (the first is 1), output 1 of 'scores' is NaN, which JSON cannot say: ask "
		"for "
		"bytes (\"binary_data_output\": true)");
}

// What a small request may ask for can be larger than the machine.
static void answer_is_bounded(void **state)
{
	struct bytes bytes = { 0 };

	assert_non_null(bytes_grow(&bytes, BYTES_MAX));
	assert_int_equal(bytes_check(&bytes, &err), 0);
	bytes_add(&bytes, "x", 1);
	bytes_add(&bytes, "", 0);
	assert_int_equal(bytes.size, BYTES_MAX);
	assert_int_equal(bytes_check(&bytes, &err), -E2BIG);
	assert_string_equal(err.text,
		"the answer would have more than 288 MiB: ask for fewer rows at a time, or for "
		"fewer classes of each");
	bytes_fini(&bytes);
}

// --- The other two forms -------------------------------------------------------------------------

static int predict(const char *json)
{
	free(body);
	free(rows);
	body = strdup(json);
	return predict_parse(body, strlen(body), DEPTH, &NUMBERS, &rows, &n_rows, &err);
}

static void levels_are_bounded(void **state)
{
	static const char *const JSON[] = {
		"{\"x\":%s1%s,\"instances\":[[1,2],[3.5,-4]]}",
		"{\"instances\":[[1,2],[3.5,-4]],\"inputs\":[{\"data\":%s1%s,\"name\":\"rows\"}]}"
	};
	char open[DEPTH] = "", close[DEPTH] = "", json[256];

	for (size_t i = 0; i < 2; i++)
		for (size_t levels = DEPTH - 3; levels < DEPTH; levels++) {
			const bool fits = levels + (i ? 3 : 1) <= DEPTH;

			memset(open, '[', levels);
			memset(close, ']', levels);
			open[levels] = close[levels] = '\0';
			snprintf(json, sizeof(json), JSON[i], open, close);
			assert_int_equal(i ? ask(&NUMBERS, json, NULL, 0) == -EINVAL &&
						!strstr(err.text, "levels")
					   : predict(json) == 0,
				fits);
			if (!fits)
				assert_non_null(strstr(err.text, "more than 32 levels"));
		}
}

static void csv_is_read_by_names(void **state)
{
	static const char TEXT[] = "proto,duration,label\n2,1,benign\n-4,3.5,attack\n";
	struct bytes bytes = { 0 };
	char note[CSV_NOTE_BYTES];

	free(rows);
	rows = NULL;
	assert_int_equal(csv_rows_parse(TEXT, strlen(TEXT), CSV_HEADER_TOLD_BY_IT, &NUMBERS, &rows,
				 &n_rows, note, &err),
		0);
	check_rows(2, TWO);
	assert_non_null(strstr(note, "'label'"));
	assert_int_equal(csv_rows_write(&NUMBERS, SCORES, 2, &bytes, &err), 0);
	bytes_add(&bytes, "", 1);
	assert_string_equal(bytes.at, "p[benign],p[attack]\n0.75,0.25\n1.00000001e-07,0.5\n");
	bytes_fini(&bytes);
	free(rows);
	rows = NULL;
	assert_int_equal(
		csv_rows_parse("", 0, CSV_HEADER_TOLD_BY_IT, &NUMBERS, &rows, &n_rows, note, &err),
		-EINVAL);
	assert_string_equal(err.text, "the body: empty; a CSV needs a line at least");
	assert_int_equal(csv_rows_parse("1,2\n1,x\n", 8, CSV_HEADER_ABSENT, &NUMBERS, &rows,
				 &n_rows, note, &err),
		-EINVAL);
	assert_string_equal(err.text, "the body:2: column 2 is 'x', not a number");
	assert_int_equal(csv_rows_parse("1,2\n1,\0"
					"3\n4,5\n",
				 12, CSV_HEADER_ABSENT, &NUMBERS, &rows, &n_rows, note, &err),
		-EINVAL); // and not the rows before the zero byte alone
	assert_string_equal(err.text, "the body:2: a NUL byte; this is not text");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(python_client_sends_bytes_and_wants_bytes),
		CASE(python_client_sends_json),
		CASE(kserve_client_sends_keys_of_its_own),
		CASE(bytes_alone_are_rows),
		CASE(half_floats_come_as_bytes),
		CASE(features_come_one_by_one),
		CASE(texts_go_through_the_tables),
		CASE(no_rows_are_none),
		CASE(numbers_are_the_nearest_floats),
		CASE(numbers_are_read_however_they_are_written),
		CASE(what_is_wrong_among_many_is_placed),
		CASE(what_is_odd_among_many_is_counted),
		CASE(missing_values_are_null),
		CASE(what_is_urgent_shows_without_reading),
		CASE(refusals_say_what_would_be_right),
		CASE(answer_is_json),
		CASE(answer_is_bytes_behind_json),
		CASE(answer_of_classes_is_ranked),
		CASE(answer_is_bounded),
		CASE(levels_are_bounded),
		CASE(csv_is_read_by_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
