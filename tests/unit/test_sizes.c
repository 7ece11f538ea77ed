// SPDX-License-Identifier: BSD-3-Clause
// Models that decide by the size of their batch: those that decide the same for all sizes compile,
// the others are refused by the node that decides.
#include "infer/compile/compile.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

#define N_NODES 8

static struct compile_report report;
static struct error err;
static int64_t numbers[] = { -1, 0, 1, 2, 3, 4, 5, 7, 9, 1000, 200000 };
static const char *const NUMBERS[] = { "-1", "0", "1", "2", "3", "4", "5", "7", "9", "1000",
	"200000" };
static int64_t first[] = { 0 }, second[] = { 1 }, table[] = { 5, 5, 7, 7, 7, 7, 7, 7 };

struct sizes_node {
	const char *type, *in[3], *out;
};

// Of x [b, 2]: b rows, z = 2 * b values. A last output "c" chooses between x and 1, "n" is added to
// x, "y" is the score.
struct sizes_case {
	struct sizes_node nodes[N_NODES];
	const char *refused; // the node by type; NULL: it compiles
};

static int end(void **state)
{
	compile_report_fini(&report);
	return file_end(state);
}

static void whole(const char *name, uint32_t rank, int64_t *values, int64_t n)
{
	Onnx__TensorProto *made = file_weight(name, n, 0, file_values);

	made->n_dims = rank;
	made->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	made->n_float_data = 0;
	made->int64_data = values;
	made->n_int64_data = (size_t)n;
}

static Onnx__NodeProto *add(const struct sizes_node *of)
{
	Onnx__NodeProto *node = file_node(of->type, of->in[0], of->in[1], of->out, NULL);

	if (of->in[2]) {
		node->input[2] = file_name(of->in[2]);
		node->n_input = 3;
	}
	if (strcmp(of->type, "Concat") == 0)
		file_attr(node, "axis", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->has_i = 1;
	if (strcmp(of->type, "ReduceProd") == 0)
		file_attr(node, "keepdims", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->has_i = 1;
	if (strcmp(of->type, "Cast") == 0) {
		const bool truth = strcmp(of->out, "c") == 0;

		file_attr(node, "to", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->has_i = 1;
		node->attribute[0]->i = truth ? ONNX__TENSOR_PROTO__DATA_TYPE__BOOL
					      : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	}
	return node;
}

static int compile_case(const struct sizes_case *of, const char *shapes)
{
	static const struct sizes_node BEGIN[] = { { "Shape", { "x" }, "s" },
		{ "Gather", { "s", "0" }, "b" }, { "Size", { "x" }, "z" } };
	static const struct sizes_node END[] = { { "Where", { "c", "x", "one" }, "y" },
		{ "Cast", { "n" }, "f" }, { "Add", { "x", "f" }, "y" } };
	const struct compile_options options = { .shapes = shapes };
	const char *last = "";
	size_t size, image_size;
	uint8_t *bytes;
	void *image;
	int rc;

	file_begin(18);
	file_input("x", FILE_DIM_OPEN, 2);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		whole(NUMBERS[i], 0, &numbers[i], 1);
	whole("first", 1, first, 1);
	whole("second", 1, second, 1);
	whole("table", 1, table, 8);
	file_weight("one", 1, 0, file_values);
	for (size_t i = 0; i < 3; i++)
		add(&BEGIN[i]);
	for (size_t i = 0; i < N_NODES && of->nodes[i].type; i++) {
		add(&of->nodes[i]);
		last = of->nodes[i].out;
	}
	for (size_t i = 0; i < 3; i++) {
		if (i == 0 ? *last == 'c' : *last == 'n')
			add(&END[i]);
	}
	file_output("y");
	bytes = file_pack(&size);
	end(NULL);
	rc = compile_bytes("f", bytes, size, &options, &image, &image_size, &report, &err);
	free(bytes);
	free(image);
	return rc;
}

#define CHOOSE(type, a, b)                                                                         \
	{                                                                                          \
		{ { type, { a, b }, "c" } }, type                                                  \
	}
#define CHOOSES(type, a, b)                                                                        \
	{                                                                                          \
		{ { type, { a, b }, "c" } }, NULL                                                  \
	}

static const struct sizes_case CASES[] = {
	CHOOSE("Greater", "b", "2"),
	CHOOSE("Greater", "1000", "b"),
	CHOOSE("Less", "b", "1000"),
	CHOOSE("LessOrEqual", "b", "9"),
	CHOOSE("GreaterOrEqual", "b", "3"),
	CHOOSE("Equal", "b", "1000"),
	CHOOSES("Greater", "b", "0"),
	CHOOSES("GreaterOrEqual", "b", "1"),
	CHOOSES("Less", "b", "1"),
	CHOOSES("LessOrEqual", "0", "b"),
	CHOOSES("Equal", "b", "-1"),
	CHOOSES("Equal", "b", "0"),
	CHOOSES("Equal", "z", "5"), // never: it is even
	CHOOSES("Less", "b", "z"),
	{ { { "Cast", { "b" }, "c" } }, NULL },
	{ { { "Div", { "b", "4" }, "q" }, { "Cast", { "q" }, "c" } }, "Div" },
	{ { { "Mod", { "b", "3" }, "q" }, { "Equal", { "q", "0" }, "c" } }, "Mod" },
	{ { { "Mod", { "z", "2" }, "n" } }, NULL },
	{ { { "Div", { "z", "b" }, "n" } }, NULL },
	{ { { "Div", { "z", "2" }, "q" }, { "Sub", { "q", "b" }, "n" } }, NULL },
	// The same for one row and for two, and not for three.
	{ { { "Max", { "b", "2" }, "n" } }, "Max" },
	{ { { "Sub", { "b", "9" }, "d" }, { "Max", { "d", "0" }, "n" } }, "Max" },
	{ { { "Clip", { "b", "5", "9" }, "n" } }, "Clip" },
	{ { { "Sub", { "b", "2" }, "d" }, { "Range", { "0", "d", "1" }, "r" },
		  { "Size", { "r" }, "n" } },
		"Range" },
	{ { { "Sub", { "b", "1" }, "d" }, { "Gather", { "table", "d" }, "n" } }, "Gather" },
	{ { { "Sub", { "1000", "b" }, "d" }, { "Reshape", { "d", "second" }, "e" },
		  { "Slice", { "table", "first", "e" }, "t" }, { "Size", { "t" }, "n" } },
		"Slice" },
	{ { { "Sub", { "4", "b" }, "d" }, { "Reshape", { "d", "second" }, "e" },
		  { "Slice", { "second", "first", "e" }, "t" }, { "Size", { "t" }, "n" } },
		"Slice" },
	{ { { "Sub", { "1000", "b" }, "d" }, { "Reshape", { "d", "second" }, "e" },
		  { "Slice", { "table", "e", "second" }, "t" }, { "Size", { "t" }, "n" } },
		"Slice" },
	{ { { "Add", { "9", "b" }, "d" }, { "Reshape", { "d", "second" }, "e" },
		  { "Slice", { "table", "e", "second" }, "t" }, { "Size", { "t" }, "n" } },
		NULL },
	{ { { "Sub", { "b", "2" }, "d" }, { "Reshape", { "d", "second" }, "e" },
		  { "Reshape", { "table", "e" }, "t" }, { "Size", { "t" }, "n" } },
		"Reshape" },
	{ { { "Sub", { "b", "9" }, "d" }, { "Cast", { "d" }, "c" } }, "Cast" },
	{ { { "Less", { "0", "1" }, "l" }, { "Sub", { "b", "9" }, "d" },
		  { "CastLike", { "d", "l" }, "c" } },
		"CastLike" },
	{ { { "Sub", { "b", "9" }, "d" }, { "Abs", { "d" }, "a" }, { "Add", { "a", "d" }, "n" } },
		"Abs" },
	{ { { "Sub", { "z", "5" }, "d" }, { "Div", { "d", "2" }, "q" },
		  { "Greater", { "q", "9" }, "c" } },
		"Div" },
	{ { { "Sub", { "b", "9" }, "d" }, { "Cast", { "d" }, "f" }, { "Reciprocal", { "f" }, "g" },
		  { "IsInf", { "g" }, "c" } },
		"IsInf" },
	{ { { "Sub", { "b", "9" }, "d" }, { "Unsqueeze", { "table", "first" }, "m" },
		  { "Trilu", { "m", "d" }, "t" }, { "Gather", { "t", "0" }, "r" },
		  { "Gather", { "r", "0" }, "n" } },
		"Trilu" },
	{ { { "Min", { "b", "1" }, "n" } }, NULL },
	{ { { "Max", { "b", "1" }, "q" }, { "Sub", { "q", "b" }, "n" } }, NULL },
	{ { { "Clip", { "b", "0", "1" }, "n" } }, NULL },
	// By which row of its batch a row is.
	{ { { "Range", { "0", "b", "1" }, "r" }, { "Less", { "r", "2" }, "l" },
		  { "Unsqueeze", { "l", "second" }, "c" } },
		"Less" },
	{ { { "Range", { "0", "b", "1" }, "r" }, { "Less", { "r", "b" }, "l" },
		  { "Unsqueeze", { "l", "second" }, "c" } },
		NULL },
	// Not in a straight line, and against values of the row.
	{ { { "Cast", { "b" }, "f" }, { "Log", { "f" }, "l" }, { "Floor", { "l" }, "k" },
		  { "Mul", { "x", "k" }, "m" }, { "Sub", { "x", "m" }, "y" } },
		"Floor" },
	{ { { "Range", { "0", "b", "1" }, "r" }, { "Unsqueeze", { "r", "second" }, "u" },
		  { "Add", { "r", "u" }, "m" }, { "Size", { "m" }, "q" },
		  { "Mul", { "b", "9" }, "d" }, { "Less", { "q", "d" }, "c" } },
		"Less" },
	// 0 for the sizes that are looked at.
	{ { { "Sub", { "b", "1" }, "d" }, { "Sub", { "b", "2" }, "e" },
		  { "Mul", { "d", "e" }, "p" }, { "Sub", { "b", "3" }, "g" },
		  { "Mul", { "p", "g" }, "q" }, { "Sub", { "b", "7" }, "h" },
		  { "Mul", { "q", "h" }, "r" }, { "Greater", { "r", "0" }, "c" } },
		"Mul" },
	{ { { "Concat", { "s", "s" }, "h" }, { "ReduceProd", { "h" }, "p" },
		  { "Greater", { "p", "0" }, "c" } },
		"ReduceProd" },
	{ { { "ReduceProd", { "s" }, "p" }, { "Mul", { "p", "2" }, "q" },
		  { "Greater", { "q", "b" }, "c" } },
		NULL },
	{ { { "Add", { "b", "1000" }, "d" }, { "Cast", { "d" }, "f" },
		  { "Less", { "x", "f" }, "c" } },
		"Less" },
};

static void what_is_decided_by_the_size_of_a_batch(void **state)
{
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		char part[64];
		const int rc = compile_case(&CASES[i], NULL);

		if (!CASES[i].refused && rc != 0)
			fail_msg("case %zu: %s", i, err.text);
		if (!CASES[i].refused)
			continue;
		snprintf(part, sizeof(part), " (%s): it decides by how many rows a batch has",
			CASES[i].refused);
		if (rc != -ENOTSUP || !strstr(err.text, part))
			fail_msg(
				"case %zu, %s: %d %s", i, CASES[i].refused, rc, rc ? err.text : "");
	}
}

static void the_sentence_says_what_to_do(void **state)
{
	assert_int_equal(compile_case(&CASES[0], NULL), -ENOTSUP);
	assert_string_equal(err.text,
		"f: node 'Greater_3' (Greater): it decides by how many rows a batch has, and not "
		"the same for every batch; rows are scored by themselves only where you say so: "
		"--shape 'x=1,2'");
}

static bool is_said(const char *line)
{
	bool found = false;

	for (size_t i = 0; i < report.n_lines; i++)
		found |= strcmp(report.lines[i], line) == 0;
	return found;
}

static void rows_are_scored_by_themselves_where_it_is_said(void **state)
{
	assert_int_equal(compile_case(&CASES[0], "x=1,2"), 0);
	assert_true(is_said(
		"node 'Greater_3' (Greater) decides by how many rows a batch has: scores are "
		"those of a row by itself"));
}

// What is seen of one row and of two has room, and of seven it has none: nobody knows whether they are
// more than 4.
static void what_has_no_room_is_said(void **state)
{
	const struct sizes_case large = {
		{ { "Mul", { "b", "200000" }, "m" }, { "Range", { "0", "m", "1" }, "r" },
			{ "Max", { "r", "0" }, "p" }, { "Gather", { "p", "0" }, "q" },
			{ "Add", { "b", "q" }, "d" }, { "Greater", { "d", "4" }, "c" } },
		NULL
	};

	assert_int_equal(compile_case(&large, NULL), 0);
	assert_true(is_said(
		"too large to prove that the size of a batch decides nothing: taken to be so"));
}

// x [b, 2] through b rounds of a Loop: v - v where the round's number is below `bound`, else v.
static int compile_loop(const char *bound)
{
	static Onnx__GraphProto body;
	static Onnx__NodeProto inner[3], *list[3];
	static Onnx__ValueInfoProto infos[5], *ins[3], *outs[2];
	static char *names[3][2][3];
	static const char *const NAMES[] = { "i", "going", "v", "goes", "w" };
	const struct sizes_node NODES[3] = { { "Less", { "i", bound }, "l" },
		{ "Where", { "l", "v", "one" }, "w" }, { "Identity", { "going" }, "goes" } };
	Onnx__NodeProto *loop;
	size_t size, image_size;
	uint8_t *bytes;
	void *image;
	int rc;

	file_begin(18);
	file_input("x", FILE_DIM_OPEN, 2);
	whole("0", 0, &numbers[1], 1);
	whole("2", 0, &numbers[3], 1);
	file_weight("one", 1, 0, file_values);
	file_node("Shape", "x", NULL, "s", NULL);
	file_node("Gather", "s", "0", "b", NULL);
	loop = file_node("Loop", "b", "", "y", NULL);
	loop->input[2] = file_name("x");
	loop->n_input = 3;
	onnx__graph_proto__init(&body);
	for (size_t n = 0; n < 3; n++) {
		onnx__node_proto__init(&inner[n]);
		inner[n].op_type = file_name(NODES[n].type);
		for (size_t i = 0; i < 3 && NODES[n].in[i]; i++, inner[n].n_input++)
			names[n][0][i] = file_name(NODES[n].in[i]);
		names[n][1][0] = file_name(NODES[n].out);
		inner[n].input = names[n][0];
		inner[n].output = names[n][1];
		inner[n].n_output = 1;
		list[n] = &inner[n];
	}
	for (size_t i = 0; i < 5; i++) {
		onnx__value_info_proto__init(&infos[i]);
		infos[i].name = file_name(NAMES[i]);
		*(i < 3 ? &ins[i] : &outs[i - 3]) = &infos[i];
	}
	body.node = list;
	body.n_node = 3;
	body.input = ins;
	body.n_input = 3;
	body.output = outs;
	body.n_output = 2;
	file_attr(loop, "body", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH)->g = &body;
	file_output("y");
	bytes = file_pack(&size);
	end(NULL);
	rc = compile_bytes("f", bytes, size, NULL, &image, &image_size, &report, &err);
	free(bytes);
	free(image);
	return rc;
}

static void rounds_of_as_many_as_rows(void **state)
{
	if (compile_loop("b") != 0) // all rounds are below
		fail_msg("%s", err.text);
	assert_int_equal(compile_loop("2"), -ENOTSUP); // two are
	assert_non_null(
		strstr(err.text, "node 'Less_0' (Less): it decides by how many rows a batch has"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_decided_by_the_size_of_a_batch),
		cmocka_unit_test(the_sentence_says_what_to_do),
		cmocka_unit_test(rows_are_scored_by_themselves_where_it_is_said),
		cmocka_unit_test(what_has_no_room_is_said),
		cmocka_unit_test(rounds_of_as_many_as_rows),
	};
	return cmocka_run_group_tests_name("sizes", tests, NULL, end);
}
