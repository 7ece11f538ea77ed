// SPDX-License-Identifier: BSD-3-Clause
// Small ONNX files that ask for much: each is refused before memory or time is taken for it, and what
// is large and possible is taken.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// An initialiser [n] of int64.
static void whole_numbers(const char *name, size_t n, int64_t *values)
{
	Onnx__TensorProto *weight = file_weight(name, (int64_t)n, 0, file_values);

	weight->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	weight->n_float_data = 0;
	weight->float_data = NULL;
	weight->n_int64_data = n;
	weight->int64_data = values;
}

// Operators of x [B, 2] and whole numbers that say how large the output is.
static void sizes_out_of_nothing(void **state)
{
	static struct {
		const char *type;
		size_t n;
		int64_t sizes[4];
		int code;
		const char *sentence;
	} cases[] = {
		{ "Expand", 1, { 1ll << 40 }, -ENOTSUP,
			"dimension 0 of the new shape is 1099511627776" },
		{ "Expand", 3, { 1 << 20, 1, 1 << 20 }, -ENOTSUP, "of the new shape is 1048576" },
		{ "Expand", 1, { INT64_MIN }, -ENOTSUP,
			"of the new shape is -9223372036854775808" },
		{ "Tile", 2, { 1, 1ll << 31 }, -EINVAL,
			"dimension 1 is repeated 2147483648 times" },
		{ "Tile", 2, { 1, INT64_MIN }, -EINVAL,
			"dimension 1 is repeated -9223372036854775808 times" },
		{ "Pad", 4, { 0, 1ll << 62, 0, 1ll << 62 }, -EINVAL,
			"pads of axis 1 are out of range" },
		{ "Pad", 4, { 0, INT64_MIN, 0, INT64_MIN }, -EINVAL,
			"pads of axis 1 are out of range" },
		{ "TopK", 1, { 1ll << 62 }, -EINVAL, "is 4611686018427387904, should be 1 to 2" },
		{ "Reshape", 2, { 1ll << 32, 1ll << 32 }, -EINVAL,
			"dimension 0 of the new shape is 4294967296" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		file_begin(17);
		file_input("x", FILE_DIM_OPEN, 2);
		whole_numbers("sizes", cases[i].n, cases[i].sizes);
		file_node(cases[i].type, "x", "sizes", "y",
			strcmp(cases[i].type, "TopK") == 0 ? "places" : NULL);
		file_output("y");
		file_refused(cases[i].code, cases[i].sentence);
	}
	(void)state;
}

static void constants_out_of_nothing(void **state)
{
	static int64_t sizes[2] = { 1ll << 40, 1ll << 40 };
	static int64_t repeats[1] = { 1ll << 31 };

	file_begin(17);
	file_input("x", FILE_DIM_OPEN, 2);
	whole_numbers("sizes", 2, sizes);
	file_node("ConstantOfShape", "sizes", NULL, "c", NULL);
	file_node("Add", "x", "c", "y", NULL);
	file_output("y");
	file_refused(-ENOTSUP, "makes 1099511627776 values of nothing, at most 16777216");
	file_begin(17);
	file_input("x", FILE_DIM_OPEN, 2);
	file_weight("w", 4, 0, file_values);
	whole_numbers("repeats", 1, repeats);
	file_node("Tile", "w", "repeats", "c", NULL);
	file_node("Add", "x", "c", "y", NULL);
	file_output("y");
	file_refused(-EINVAL, "dimension 0 is repeated 2147483648 times");
	(void)state;
}

// 16384 columns, doubled 15 times.
static void concat_that_doubles(void **state)
{
	static const char *const names[] = { "x", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j",
		"k", "l", "m", "n", "o" };

	file_begin(17);
	file_input("x", FILE_DIM_OPEN, 16384);
	for (size_t i = 0; i + 1 < sizeof(names) / sizeof(*names); i++) {
		Onnx__NodeProto *node = file_node("Concat", names[i], names[i], names[i + 1], NULL);

		file_attr(node, "axis", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->has_i = 1;
		node->attribute[0]->i = 1;
	}
	file_output("o");
	file_refused(-EINVAL, "has dimension 536870912 where 0 to 268435456 is supported");
	(void)state;
}

// The score of a row [1] by the file at hand.
static float scored(float x)
{
	const struct model_options rules = { .no_timing = true };
	struct error err = { .text = "" };
	struct model *model = NULL;
	size_t size, image_bytes;
	void *image = NULL, *scratch;
	uint8_t *bytes = file_pack(&size);
	float y = -1;

	if (compile_bytes("f", bytes, size, NULL, &image, &image_bytes, NULL, &err) != 0 ||
		model_open(image, image_bytes, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, 1) + 63) / 64 * 64);
	assert_non_null(scratch);
	model_score(model, &x, &y, 1, scratch, 1);
	model_close(model);
	free(scratch);
	free(image);
	free(bytes);
	return y;
}

// They are compiled, and looked up without a comparison for each.
static void many_keys(void **state)
{
	enum { KEYS = 100000 };
	float *keys = malloc(KEYS * sizeof(*keys)), *values = malloc(KEYS * sizeof(*values));
	Onnx__NodeProto *node;

	assert_true(keys && values);
	for (int i = 0; i < KEYS; i++) {
		keys[i] = (float)(3 * (KEYS - i)); // descending
		values[i] = (float)i;
	}
	keys[KEYS - 1] = keys[7]; // which stands before it, and counts
	file_begin(17);
	file_input("x", FILE_DIM_OPEN, 1);
	node = file_node("LabelEncoder", "x", NULL, "y", NULL);
	node->domain = file_name("ai.onnx.ml");
	file_floats(node, "keys_floats", keys, KEYS);
	file_floats(node, "values_floats", values, KEYS);
	file_output("y");
	assert_true(scored(3 * (KEYS - 777)) == 777);
	assert_true(scored(3 * (KEYS - 7)) == 7);
	assert_true(scored(4) == 0 && signbit(scored(4))); // none: -0
	assert_true(scored(-1e30f) == 0);
	free(keys);
	free(values);
	(void)state;
}

// A long name is cut in sentences and taken otherwise.
static void name_of_megabytes(void **state)
{
	const size_t length = 4 << 20;
	char *name = malloc(length + 1);

	assert_non_null(name);
	memset(name, 'n', length);
	name[length] = '\0';
	file_small();
	file.nodes[0].name = name;
	file_accepted();
	file.nodes[0].op_type = name;
	file_refused(-ENOTSUP, "operator of ai.onnx not supported");
	assert_true(strlen(file_err.text) < sizeof(file_err.text));
	free(name);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(sizes_out_of_nothing, file_end),
		cmocka_unit_test_teardown(constants_out_of_nothing, file_end),
		cmocka_unit_test_teardown(concat_that_doubles, file_end),
		cmocka_unit_test_teardown(many_keys, file_end),
		cmocka_unit_test_teardown(name_of_megabytes, file_end),
	};

	return cmocka_run_group_tests_name("onnx bounds", tests, NULL, NULL);
}
