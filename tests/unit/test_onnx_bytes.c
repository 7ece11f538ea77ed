// SPDX-License-Identifier: BSD-3-Clause
// ONNX files as bytes: what is no protobuf, what is nested or long without end, and a sound file
// cut or flipped at every place. Each is refused with a sentence or scores; none does worse.
#include "infer/compile/compile.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <stdlib.h>
#include <string.h>

static void files_that_are_no_protobuf(void **state)
{
	static const char text[] = "Dear model,\n";
	static const uint8_t group[] = { 0x0b, 0x0c };    // groups are of protobuf 1
	static const uint8_t number_0[] = { 0x02, 0x00 }; // no field has this number
	static const uint8_t endless[] = { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x01 };

	bytes_refused_with("", 0, -EINVAL, "0 bytes; an ONNX file has 1 to 1073741824");
	bytes_refused_with(text, sizeof(text), -EINVAL,
		"not a sound ONNX file: at byte 1 it is cut off or no protobuf");
	bytes_refused_with(group, sizeof(group), -EINVAL,
		"not a sound ONNX file: at byte 1 it is cut off or no protobuf");
	bytes_refused_with(number_0, sizeof(number_0), -EINVAL,
		"not a sound ONNX file: at byte 1 it is cut off or no protobuf");
	bytes_refused_with(endless, sizeof(endless), -EINVAL,
		"not a sound ONNX file: at byte 11 it is cut off or no protobuf");
}

static void fields_of_another_kind(void **state)
{
	static const uint8_t graph_is_a_number[] = { 0x38, 0x01 };
	static const uint8_t unknown_only[] = { 0xf8, 0x7f, 0x01 }; // field 2047

	bytes_refused_with(graph_is_a_number, sizeof(graph_is_a_number), -EINVAL,
		"not a sound ONNX file: a field is of another kind than ONNX gives it");
	bytes_refused_with(
		unknown_only, sizeof(unknown_only), -EINVAL, "not an ONNX model: it has no graph");
}

// graph { initializer { raw_data of 1 GiB } }, said in 20 bytes.
static void gigabyte_claimed_by_twenty_bytes(void **state)
{
	static const uint8_t bytes[20] = { 0x3a, 0x12, 0x2a, 0x10, 0x4a, 0x80, 0x80, 0x80, 0x80,
		0x04 };

	bytes_refused_with(bytes, sizeof(bytes), -EINVAL,
		"not a sound ONNX file: at byte 10 it is cut off or no protobuf");
}

// graph { node { attribute { g { node ... as deep as `levels`; tags and lengths from inside out.
static void nesting_bomb(void **state)
{
	static const uint8_t TAGS[3] = { 0x0a, 0x2a, 0x32 };
	enum { LEVELS = 30000, ROOM = LEVELS * 4 + 8 };
	uint8_t *bytes = malloc(ROOM), *at = bytes + ROOM;
	size_t length = 0;
	char sentence[160];

	for (int level = LEVELS; level-- > 0;) {
		uint8_t varint[4];
		int n = 0;

		for (size_t rest = length; n == 0 || rest; rest >>= 7)
			varint[n++] = (uint8_t)((rest & 0x7f) | (rest >> 7 ? 0x80 : 0));
		at -= n;
		memcpy(at, varint, (size_t)n);
		*--at = level == 0 ? 0x3a : TAGS[(level - 1) % 3];
		length = (size_t)(bytes + ROOM - at);
		if (level != LEVELS - 999 && level != 0)
			continue;
		*at = 0x3a;
		snprintf(sentence, sizeof(sentence),
			"not a sound ONNX file: at byte %d messages are nested more than 32 deep",
			level ? 32 * 3 + 3 : 32 * 4 + 4);
		bytes_refused_with(at, length, -EINVAL, sentence);
		*at = level == 0 ? 0x3a : TAGS[(level - 1) % 3];
	}
	free(bytes);
}

// 4 MiB of empty nodes, two bytes each: their structs would take some 70 times as much.
static void memory_out_of_proportion(void **state)
{
	enum { SIZE = 4 << 20 };
	uint8_t *bytes = calloc(1, SIZE + 5);
	static const uint8_t graph[5] = { 0x3a, 0x80, 0x80, 0x80, 0x02 };

	memcpy(bytes, graph, sizeof(graph));
	for (size_t i = sizeof(graph); i < SIZE + sizeof(graph); i += 2)
		bytes[i] = 0x0a;
	bytes_refused_with(bytes, SIZE + 5, -EINVAL,
		"not a sound ONNX file: reading it would take over 40 bytes of memory for each of "
		"its 4194309 bytes");
	free(bytes);
}

// A million Relus in a row, as a file has them: x -> 000000 -> 000001 ...
static void more_nodes_than_possible(void **state)
{
	enum { NODES = 1000000, NODE_BYTES = 24 };
	uint8_t *bytes = malloc((size_t)NODES * NODE_BYTES + 64);
	size_t n = 5;

	memcpy(bytes, (uint8_t[]){ 0x3a, 0x80, 0x80, 0x80, 0 }, 5);
	for (int i = 0; i < NODES; i++, n += NODE_BYTES) {
		static const char NODE[NODE_BYTES + 1] =
			"\x0a\x16\x0a\x06xxxxxx\x12\x06yyyyyy\x22\x04Relu";
		char name[16];

		memcpy(bytes + n, NODE, NODE_BYTES);
		snprintf(name, sizeof(name), "%06d", i);
		memcpy(bytes + n + 12, name, 6);
		snprintf(name, sizeof(name), "%06d", i - 1);
		if (i > 0)
			memcpy(bytes + n + 4, name, 6);
	}
	n -= 5;
	for (int i = 0; i < 4; i++)
		bytes[1 + i] = (uint8_t)((n >> 7 * i & 0x7f) | (i < 3 ? 0x80 : 0));
	bytes_refused_with(bytes, n + 5, -EINVAL, "1000000 nodes, at most 524288 are possible");
	free(bytes);
}

// What a terminal must not see does not reach it: names are the file's.
static void names_of_control_characters(void **state)
{
	static char huge[1 << 16];
	char sentence[320];
	struct compile_report report = { 0 };
	struct error err = { .text = "" };
	size_t size, image_size;
	uint8_t *bytes;
	void *image;

	memset(huge, '\x1b', sizeof(huge) - 1);
	file_small();
	file.nodes[0].name = huge;
	file.nodes[0].op_type = file_name("a\nb\x07\xff\xc3");
	file.nodes[0].domain = file_name("\xe2\x80");
	bytes = file_pack(&size);
	assert_int_equal(compile_bytes("f", bytes, size, NULL, &image, &image_size, &report, &err),
		-ENOTSUP);
	memset(huge, '#', 80); // stands for what is cleaned
	huge[80] = '\0';
	for (char *at = err.text; *at; at++)
		*at = *at == '?' ? '#' : *at;
	snprintf(sentence, sizeof(sentence),
		"f: node '%.80s' (a#b###): domain '##' is not supported, and the file has no "
		"function of that name; ai.onnx, ai.onnx.ml and com.microsoft are",
		huge);
	assert_string_equal(err.text, sentence);
	compile_report_fini(&report);
	free(bytes);
}

// x [B, 2] -> product with w [2, 2] -> Softmax: everything that a small model has.
static uint8_t *sound_file(size_t *size)
{
	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	file_weight("w", 2, 2, file_values);
	file_node("MatMul", "x", "w", "h", NULL);
	file_node("Softmax", "h", NULL, "y", NULL);
	file_output("y");
	file_metadata("class_labels", "a,b");
	return file_pack(size);
}

// Compiles, and scores the golden rows on the way; 0 with their scores, or refused by a sentence.
static int golden_outputs(const void *bytes, size_t size, float scores[4])
{
	const struct model_options options = { .no_timing = true };
	struct compile_report report = { 0 };
	struct error err = { .text = "" };
	struct model *model;
	size_t image_size;
	void *image;
	int rc = compile_bytes("f", bytes, size, NULL, &image, &image_size, &report, &err);

	compile_report_fini(&report);
	if (rc != 0) {
		assert_true(strlen(err.text) > 10);
		assert_null(image);
		return rc;
	}
	assert_int_equal(model_open(image, image_size, &options, &model, &err), 0);
	if (model_info(model)->n_golden >= 2 && model_info(model)->n_outputs == 2)
		memcpy(scores, model_info(model)->golden_outputs, 4 * sizeof(float));
	model_close(model);
	free(image);
	return 0;
}

static void cut_at_every_byte(void **state)
{
	float whole[4] = { 0 };
	size_t size, taken = 0;
	uint8_t *bytes = sound_file(&size);

	assert_int_equal(golden_outputs(bytes, size, whole), 0);
	for (size_t n = 0; n < size; n++) {
		uint8_t *cut = malloc(n + 1); // its own, so that a byte read past its end shows
		float scores[4] = { 0 };

		memcpy(cut, bytes, n);
		if (golden_outputs(cut, n, scores) == 0) { // only what comes last was lost
			assert_memory_equal(scores, whole, sizeof(whole));
			taken++;
		}
		free(cut);
	}
	assert_true(taken > 0 && taken < 4);
	free(bytes);
}

static void any_bit_flipped(void **state)
{
	size_t size, taken = 0;
	uint8_t *bytes = sound_file(&size);
	float scores[4];

	for (size_t bit = 0; bit < size * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		taken += golden_outputs(bytes, size, scores) == 0;
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(taken > 128); // w's own bits
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_are_no_protobuf),
		cmocka_unit_test(fields_of_another_kind),
		cmocka_unit_test(gigabyte_claimed_by_twenty_bytes),
		cmocka_unit_test(nesting_bomb),
		cmocka_unit_test(memory_out_of_proportion),
		cmocka_unit_test(more_nodes_than_possible),
		cmocka_unit_test(names_of_control_characters),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(any_bit_flipped),
	};
	return cmocka_run_group_tests_name("onnx_bytes", tests, NULL, file_end);
}
