// SPDX-License-Identifier: BSD-3-Clause
// Weights in files beside the model: read where they are sound, and each way out of the folder, past
// the end or into something that is no file refused by its own sentence, without waiting for it.
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/onnx_build.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE                                                                                      \
	"; keep it beside the model, or export as one file: torch.onnx.export(..., "               \
	"external_data=False), or onnx.save(onnx.load(path), path)"

static char folder[] = "/tmp/martlet-external-XXXXXX";
static char model_path[64];
static int folder_fd = -1;

static void write_file(const char *name, const void *bytes, size_t size)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static int make_folder(void **state)
{
	static const float weights[] = { 9, 1, 2, 3, 4, 5 };

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
	snprintf(model_path, sizeof(model_path), "%s/model.onnx", folder);
	file_path = model_path;
	if (folder_fd < 0 || mkfifoat(folder_fd, "pipe", 0600) || mkdirat(folder_fd, "below", 0700))
		return -1;
	write_file("weights", weights, sizeof(weights));
	write_file("below/weights", weights, sizeof(weights));
	write_file("model.onnx", weights, sizeof(weights));
	return symlinkat("weights", folder_fd, "link") || symlinkat("below", folder_fd, "door") ? -1
												: 0;
}

static int remove_folder(void **state)
{
	static const char *const NAMES[] = { "weights", "below/weights", "model.onnx", "link",
		"door", "pipe", "other.onnx" };

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
		unlinkat(folder_fd, NAMES[i], 0);
	unlinkat(folder_fd, "below", AT_REMOVEDIR);
	close(folder_fd);
	return rmdir(folder);
}

#define ENTRIES 4
static Onnx__StringStringEntryProto entries[ENTRIES], *entry_list[ENTRIES];

static void say(Onnx__TensorProto *w, const char *key, const char *value)
{
	Onnx__StringStringEntryProto *entry = &entries[w->n_external_data];

	onnx__string_string_entry_proto__init(entry);
	entry->key = file_name(key);
	entry->value = file_name(value);
	entry_list[w->n_external_data++] = entry;
	w->external_data = entry_list;
}

// x [B, 2] MatMul w [2, 2], w external.
static Onnx__TensorProto *product(const char *location)
{
	Onnx__TensorProto *w;

	file_begin(13);
	file_input("x", FILE_DIM_OPEN, 2);
	w = file_weight("w", 2, 2, NULL);
	w->n_float_data = 0;
	w->has_data_location = 1;
	w->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	if (location)
		say(w, "location", location);
	file_node("MatMul", "x", "w", "y", NULL);
	file_output("y");
	return w;
}

static void weights_are(float first)
{
	const float *data = NULL;

	file_accepted();
	for (uint32_t t = 0; t < file_graph->n_tensors; t++) {
		if (strcmp(file_graph->tensors[t].name, "w") == 0)
			data = file_graph->tensors[t].data;
	}
	assert_non_null(data);
	for (int i = 0; i < 4; i++)
		assert_float_equal(data[i], first + (float)i, 0);
}

static void weights_beside_the_model_are_read(void **state)
{
	Onnx__TensorProto *w = product("weights");

	(void)state;
	say(w, "offset", "4");
	say(w, "length", "16");
	say(w, "checksum", "of no concern");
	weights_are(1);
	assert_string_equal(
		file_report.lines[1], "1 tensors, 16 bytes, are of 'weights' beside the model");
	say(product("weights"), "offset", "8");
	weights_are(2);
	say(product("below/weights"), "offset", "8");
	weights_are(2);
	say(product("./below//weights"), "offset", "4");
	weights_are(1);
}

static void hash_is_of_all_that_was_read(void **state)
{
	uint8_t first[32];

	(void)state;
	say(product("weights"), "offset", "4");
	file_accepted();
	memcpy(first, file_graph->source_sha256, sizeof(first));
	file_accepted();
	assert_memory_equal(first, file_graph->source_sha256, sizeof(first));
	write_file("weights", &(float[]){ 9, 1, 2, 3, -4, 5 }, 24);
	file_accepted();
	assert_memory_not_equal(first, file_graph->source_sha256, sizeof(first));
	write_file("weights", &(float[]){ 9, 1, 2, 3, 4, 5 }, 24);
}

static void a_compiled_model_finds_its_folder(void **state)
{
	char path[96];
	struct error err = { .text = "" };
	void *image = NULL;
	uint8_t *bytes;
	size_t size;

	(void)state;
	say(product("weights"), "offset", "4");
	bytes = file_pack(&size);
	write_file("other.onnx", bytes, size);
	free(bytes);
	snprintf(path, sizeof(path), "%s/other.onnx", folder);
	if (model_compile(path, NULL, &image, &size, NULL, &err) != 0)
		fail_msg("%s", err.text);
	free(image);
}

static void paths_out_of_the_folder(void **state)
{
	static const struct {
		const char *location, *why;
		int code;
	} CASES[] = {
		{ "/etc/passwd", "is no path of a file in the folder or below", -EINVAL },
		{ "../weights", "is no file in the folder or below: \"..\" leads out of it",
			-EINVAL },
		{ "below/../weights", "is no file in the folder or below: \"..\" leads out of it",
			-EINVAL },
		{ "..", "is no file in the folder or below: \"..\" leads out of it", -EINVAL },
		{ "link", "is a symbolic link; it must be the file itself", -ELOOP },
		{ "door/weights", "lies in what is no folder; links are not followed", -ENOTDIR },
		{ "weights/x", "lies in what is no folder; links are not followed", -ENOTDIR },
		{ "pipe", "is not a file", -EINVAL },
		{ "below", "is not a file", -EINVAL },
		{ ".", "is not a file", -EINVAL },
		{ "nowhere.data", "No such file or directory", -ENOENT },
	};
	char sentence[512];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		product(CASES[i].location);
		snprintf(sentence, sizeof(sentence),
			"initialiser 'w' lies in another file: %s: %s" ASIDE, CASES[i].location,
			CASES[i].why);
		file_refused_with(CASES[i].code, sentence);
	}
}

static void the_model_itself_is_no_other_file(void **state)
{
	(void)state;
	product("model.onnx");
	file_refused_with(-EINVAL,
		"initialiser 'w' is said to lie in another file, 'model.onnx', which is the "
		"model's "
		"own");
}

static void places_that_are_not_there(void **state)
{
	static const struct {
		const char *key, *value, *sentence;
	} CASES[] = {
		{ "offset", "12",
			"its external data, 16 bytes from 12 on, reaches past the end of "
			"'weights', which has 24" },
		{ "offset", "18446744073709551616",
			"its external data has offset '18446744073709551616', should be a whole "
			"number of bytes" },
		{ "offset", "9223372036854775807",
			"its external data, 16 bytes from 9223372036854775807 on, reaches past the "
			"end of 'weights', which has 24" },
		{ "offset", "-4",
			"its external data has offset '-4', should be a whole number of bytes" },
		{ "offset", "",
			"its external data has offset '', should be a whole number of bytes" },
		{ "length", "15", "its external data has length 15, its dimensions say 16 bytes" },
		{ "length", "0x10",
			"its external data has length '0x10', should be a whole number of bytes" },
		{ "location", "weights", "its external data gives 'location' twice" },
	};
	char sentence[512];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		say(product("weights"), CASES[i].key, CASES[i].value);
		snprintf(sentence, sizeof(sentence), "initialiser 'w': %s", CASES[i].sentence);
		file_refused_with(-EINVAL, sentence);
	}
	product(NULL);
	file_refused_with(
		-EINVAL, "initialiser 'w' is said to lie in another file, but not in which");
}

static void bytes_without_a_folder(void **state)
{
	(void)state;
	product("weights");
	file_path = NULL;
	file_refused_with(-ENOTSUP,
		"initialiser 'w' lies in another file, and these bytes came without a folder; "
		"export the model as one file: torch.onnx.export(..., external_data=False)");
	file_path = model_path;
}

static void much_is_refused_before_it_is_read(void **state)
{
	Onnx__TensorProto *w;
	int fd = openat(folder_fd, "weights", O_WRONLY);

	(void)state;
	assert_int_equal(ftruncate(fd, 600 << 20), 0); // a hole: it takes no room
	close(fd);
	w = product("weights");
	file.dims[0][0] = 1 << 14;
	file.dims[0][1] = 1 << 14;
	w = &file.weights[file.graph.n_initializer];
	*w = file.weights[0];
	w->name = file_name("v");
	file.weight_list[file.graph.n_initializer++] = w;
	file_refused_with(-EINVAL,
		"initialiser 'w': its external data, 1073741824 bytes from 0 on, reaches past the "
		"end of 'weights', which has 629145600");
	file.dims[0][1] = 1 << 13;
	for (int i = 0; i < 2; i++) {
		w = &file.weights[file.graph.n_initializer];
		*w = file.weights[0];
		w->name = file_name(i ? "a" : "b");
		file.weight_list[file.graph.n_initializer++] = w;
	}
	file_refused_with(
		-EFBIG, "initialiser 'b': more than 1073741824 bytes of external data altogether");
	write_file("weights", &(float[]){ 9, 1, 2, 3, 4, 5 }, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(weights_beside_the_model_are_read, file_end),
		cmocka_unit_test_teardown(hash_is_of_all_that_was_read, file_end),
		cmocka_unit_test_teardown(a_compiled_model_finds_its_folder, file_end),
		cmocka_unit_test_teardown(paths_out_of_the_folder, file_end),
		cmocka_unit_test_teardown(the_model_itself_is_no_other_file, file_end),
		cmocka_unit_test_teardown(places_that_are_not_there, file_end),
		cmocka_unit_test_teardown(bytes_without_a_folder, file_end),
		cmocka_unit_test_teardown(much_is_refused_before_it_is_read, file_end),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
