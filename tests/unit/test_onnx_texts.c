// SPDX-License-Identifier: BSD-3-Clause
// Texts of an ONNX file: labels that are made of them, dropped, wanted or computed with; what texts
// may not be used for.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static ProtobufCBinaryData names[3] = {
	{ 6, (uint8_t *)"attack" },
	{ 6, (uint8_t *)"normal" },
	{ 4, (uint8_t *)"scan" },
};

static Onnx__TensorProto *texts(const char *name, size_t n)
{
	Onnx__TensorProto *made = file_weight(name, (int64_t)n, 0, NULL);

	made->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
	made->n_float_data = 0;
	made->string_data = names;
	made->n_string_data = n;
	return made;
}

static void whole(Onnx__NodeProto *node, const char *name, int64_t value)
{
	Onnx__AttributeProto *attr = file_attr(node, name, TYPE(INT));

	attr->has_i = 1;
	attr->i = value;
}

// skl2onnx's MLPClassifier at its end: scores, and label = classes[ArgMax(scores)].
static void softmax_and_label(size_t n_classes)
{
	Onnx__NodeProto *n;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	texts("classes", n_classes);
	file_node("Softmax", "x", NULL, "scores", NULL);
	n = file_node("ArgMax", "scores", NULL, "best", NULL);
	whole(n, "axis", 1);
	n = file_node("ArrayFeatureExtractor", "classes", "best", "named", NULL);
	n->domain = file_name("ai.onnx.ml");
	n = file_node("Flatten", "named", NULL, "label", NULL);
	whole(n, "axis", 0);
}

static void label_of_text_is_dropped(void **state)
{
	softmax_and_label(2);
	file_output("label");
	file_output("scores");
	file_accepted();
	assert_int_equal(file_graph->n_columns_out, 2);
	assert_int_equal(file_graph->n_class_labels, 2);
	assert_string_equal(file_graph->class_labels[0], "attack");
	assert_string_equal(file_graph->class_labels[1], "normal");
}

// Compiles the file for `outputs` and scores one row.
static void score(const char *outputs, const float *row, float *scores, char *first_class)
{
	const struct compile_options options = { .outputs = outputs };
	const struct model_options rules = { .no_timing = true };
	size_t size, image_size;
	uint8_t *bytes = file_pack(&size);
	struct model *model = NULL;
	struct error err;
	void *image = NULL, *scratch;

	file_end(NULL);
	if (compile_bytes("f", bytes, size, &options, &image, &image_size, &file_report, &err) !=
			0 ||
		model_open(image, image_size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, 1) + 63) / 64 * 64);
	model_score(model, row, scores, 1, scratch, 1);
	strcpy(first_class,
		model_info(model)->n_class_labels ? model_info(model)->class_labels[0] : "none");
	model_close(model);
	free(scratch);
	free(image);
	free(bytes);
}

static void label_that_is_wanted_is_the_class_number(void **state)
{
	static const float ROWS[2][2] = { { 2, 1 }, { 1, 2 } };
	float scores[3];
	char class[16];

	for (int i = 0; i < 2; i++) {
		softmax_and_label(2);
		file_output("label");
		file_output("scores");
		score("label,scores", ROWS[i], scores, class);
		assert_true(scores[0] == (float)i);
		assert_true(scores[1 + i] > scores[2 - i]);
		assert_string_equal(class, "attack");
	}
}

static void only_output_is_kept_though_a_label(void **state)
{
	static const float ROW[2] = { 1, 2 };
	float scores[1];
	char class[16];

	softmax_and_label(2);
	file_output("label");
	score(NULL, ROW, scores, class);
	assert_true(scores[0] == 1);
}

static Onnx__NodeProto *linear(const char *label, const char *scores)
{
	static float coefficients[2] = { 1, -1 }, intercepts[1] = { 0 };
	static int64_t classes[2] = { 0, 1 };
	Onnx__NodeProto *n = file_node("LinearClassifier", "x", NULL, label, scores);

	n->domain = file_name("ai.onnx.ml");
	file_floats(n, "coefficients", coefficients, 2);
	file_floats(n, "intercepts", intercepts, 1);
	file_ints(n, "classlabels_ints", classes, 2);
	return n;
}

// As one-vs-one votes: the score is made of labels of other classifiers.
static void labels_that_are_computed_with(void **state)
{
	static const float ROWS[2][2] = { { 2, 1 }, { 1, 2 } };
	float scores[2];
	char class[16];

	for (int i = 0; i < 2; i++) {
		file_begin(13);
		file_input("x", FILE_DIM_OPEN, 2);
		file_weight("to", 2, 0, NULL)->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
		file.weights[0].n_float_data = 0;
		file.weights[0].int64_data = (int64_t[]){ -1, 1 };
		file.weights[0].n_int64_data = 2;
		linear("first", "a");
		linear("second", "b");
		file_node("Reshape", "first", "to", "first_column", NULL);
		file_node("Reshape", "second", "to", "second_column", NULL);
		file_node("Cast", "first_column", NULL, "f", NULL);
		whole(&file.nodes[4], "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
		file_node("Cast", "second_column", NULL, "s", NULL);
		whole(&file.nodes[5], "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
		file_node("Add", "f", "s", "votes", NULL);
		file_output("votes");
		score(NULL, ROWS[i], scores, class);
		assert_true(scores[0] == (i ? 0.0f : 2.0f));
	}
}

static void texts_are_no_numbers(void **state)
{
	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	texts("t", 2);
	file_node("Add", "x", "t", "y", NULL)->name = file_name("n");
	file_output("y");
	file_refused_with(-ENOTSUP,
		"node 'n' (Add): computes on texts; they can be moved, compared with texts of the "
		"file, and looked up in its lists");
	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	texts("t", 2);
	file_node("Equal", "x", "t", "y", NULL)->name = file_name("n");
	file_output("y");
	file_refused_with(-EINVAL, "node 'n' (Equal): input 0 ('x') is numbers, others are text");
	file_begin(13);
	texts("t", 2);
	file_node("Cast", "t", NULL, "y", NULL)->name = file_name("n");
	whole(&file.nodes[0], "to", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
	file_input("x", FILE_DIM_OPEN, 2);
	file_output("y");
	file_refused_with(
		-ENOTSUP, "node 'n' (Cast): casts texts to float32, and 'attack' is no number");
}

static void text_input(const char *name, int64_t columns)
{
	file_input(name, FILE_DIM_OPEN, columns);
	file.tensors[file.n_infos - 1].elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
}

static Onnx__NodeProto *one_hot(const char *in, const char *out, size_t n)
{
	Onnx__NodeProto *node = file_node("OneHotEncoder", in, NULL, out, NULL);
	Onnx__AttributeProto *attr = file_attr(node, "cats_strings", TYPE(STRINGS));

	node->domain = file_name("ai.onnx.ml");
	node->name = file_name("n");
	attr->strings = names;
	attr->n_strings = n;
	return node;
}

static void column_has_the_texts_it_is_compared_with(void **state)
{
	file_begin(13);
	text_input("x", 1);
	one_hot("x", "y", 2);
	file_output("y");
	file_accepted();
	assert_int_equal(file_graph->n_texts, 1);
	assert_int_equal(file_graph->texts[0].n_texts, 2);
	assert_true(file_graph->texts[0].takes_unknown);
	assert_string_equal(file_graph->texts[0].texts[1], "normal");
	// Where unknown ones are to be refused, they are when the row is read.
	file_begin(13);
	text_input("x", 1);
	whole(one_hot("x", "y", 3), "zeros", 0);
	file_output("y");
	file_accepted();
	assert_int_equal(file_graph->texts[0].n_texts, 3);
	assert_false(file_graph->texts[0].takes_unknown);
}

static struct model *compiled(void)
{
	const struct model_options rules = { .no_timing = true };
	size_t size, image_size;
	uint8_t *bytes = file_pack(&size);
	struct model *model = NULL;
	struct error err;
	void *image = NULL;

	file_end(NULL);
	if (compile_bytes("f", bytes, size, NULL, &image, &image_size, &file_report, &err) != 0 ||
		model_open(image, image_size, &rules, &model, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
	free(bytes);
	return model;
}

static void image_keeps_the_texts_of_columns(void **state)
{
	for (int zeros = 0; zeros < 2; zeros++) {
		struct model *model = NULL;
		struct error err;
		float number;

		file_begin(13);
		file_input("z", FILE_DIM_OPEN, 2);
		text_input("x", 1);
		whole(one_hot("x", "h", 3), "zeros", zeros);
		file_node("Relu", "z", NULL, "r", NULL);
		file_output("h");
		file_output("r");
		model = compiled();
		assert_int_equal(model_info(model)->n_texts, 1);
		assert_int_equal(model_info(model)->texts[0].feature, 2);
		assert_int_equal(model_text_code(model_info(model), 0, "2.5", &number, &err), 0);
		assert_int_equal(model_text_code(model_info(model), 2, "scan", &number, &err), 1);
		assert_true(number == 2);
		if (zeros) {
			assert_int_equal(
				model_text_code(model_info(model), 2, "?", &number, &err), 1);
			assert_true(number == 3);
		} else {
			assert_int_equal(
				model_text_code(model_info(model), 2, "scam", &number, &err),
				-EINVAL);
			assert_string_equal(err.text,
				"'scam' is none of the 3 texts that the model knows; did you mean "
				"'scan'?");
		}
		model_close(model);
	}
}

static void columns_that_are_refused(void **state)
{
	static ProtobufCBinaryData newline = { 3, (uint8_t *)"a\nb" };
	Onnx__NodeProto *node;

	file_begin(13);
	text_input("x", 1);
	texts("t", 1);
	file.weights[0].n_dims = 2;
	file.dims[0][1] = 1;
	node = file_node("Concat", "x", "t", "both", NULL);
	whole(node, "axis", 1);
	one_hot("both", "y", 2);
	file_output("y");
	file_refused_with(-ENOTSUP,
		"node 'n' (OneHotEncoder): has the text 'attack' of the file among columns of the "
		"row");
	file_begin(13);
	text_input("x", 1);
	node = one_hot("x", "y", 1);
	node->attribute[0]->strings = &newline;
	file_output("y");
	file_refused_with(-ENOTSUP,
		"input 'x' is compared with a text that has control characters or is not UTF-8");
	file_begin(13);
	text_input("x", 1);
	file_node("StringNormalizer", "x", NULL, "y", NULL)->name = file_name("n");
	file_output("y");
	file_refused_with(-ENOTSUP,
		"node 'n' (StringNormalizer): takes texts apart, which is not done while scoring: "
		"make tokens or counts before, and export the model from there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label_of_text_is_dropped),
		cmocka_unit_test(label_that_is_wanted_is_the_class_number),
		cmocka_unit_test(only_output_is_kept_though_a_label),
		cmocka_unit_test(labels_that_are_computed_with),
		cmocka_unit_test(texts_are_no_numbers),
		cmocka_unit_test(column_has_the_texts_it_is_compared_with),
		cmocka_unit_test(image_keeps_the_texts_of_columns),
		cmocka_unit_test(columns_that_are_refused),
	};
	return cmocka_run_group_tests_name("onnx_texts", tests, NULL, file_end);
}
