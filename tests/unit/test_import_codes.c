// SPDX-License-Identifier: BSD-3-Clause
// Which code a refused import comes back with: ctl/server answers 500 or 422 by it. Each fixture of
// an operator, and XGBoost's, LightGBM's, CatBoost's and TensorFlow Lite's files, with one allocation after the other failing, cut
// off, with an operator that nobody knows, with attributes of a wrong type.
//
// The allocations of the libraries under test come here: the Makefile links this program with ld's
// --wrap for each of them.
#include "infer/compile/passes/passes.h"
#include "infer/compile/passes/run.h"
#include "infer/import/import.h"
#include "tests/cmocka.h"

#include "onnx.pb-c.h"

#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_MAX 60 // for each file, spread over all of its allocations

// --- Allocations ----------------------------------------------------------------------------------

static unsigned n_allocations, failing; // the number of the one that fails, from 1; 0: none

static bool fails(void)
{
	return ++n_allocations == failing;
}

#define WRAP(type, name, parameters, arguments)                                                    \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return fails() ? NULL : __real_##name arguments;                                   \
	}
struct arena;
WRAP(void *, malloc, (size_t bytes), (bytes))
WRAP(void *, calloc, (size_t n, size_t bytes), (n, bytes))
WRAP(void *, realloc, (void *at, size_t bytes), (at, bytes))
WRAP(void *, aligned_alloc, (size_t to, size_t bytes), (to, bytes))
WRAP(void *, arena_alloc, (struct arena * arena, size_t bytes), (arena, bytes))
WRAP(void *, arena_calloc, (struct arena * arena, size_t n, size_t bytes), (arena, n, bytes))
WRAP(char *, arena_strdup, (struct arena * arena, const char *text), (arena, text))
WRAP(char *, arena_strndup, (struct arena * arena, const char *text, size_t n), (arena, text, n))
WRAP(void *, arena_memdup, (struct arena * arena, const void *data, size_t n), (arena, data, n))

// jansson's. Its reader of JSON takes some failures of its own for a damaged text, so that none
// fails there; of UBJSON all fail from `failing` on, as it has to be asked twice.
static void *malloc_of_json(size_t bytes)
{
	return __real_malloc(bytes);
}

static void *malloc_of_ubjson(size_t bytes)
{
	n_allocations++;
	return failing && n_allocations >= failing ? NULL : __real_malloc(bytes);
}

// --- Files ----------------------------------------------------------------------------------------

struct file {
	uint8_t bytes[1 << 16];
	size_t size;
};

static const struct file *read_file(const char *path)
{
	static struct file file;
	FILE *from = fopen(path, "r");

	assert_non_null(from);
	file.size = fread(file.bytes, 1, sizeof(file.bytes), from);
	assert_true(file.size > 0 && file.size < sizeof(file.bytes));
	fclose(from);
	return &file;
}

static const char *const PATTERNS[] = { "tests/fixtures/operators/models/*.onnx",
	"tests/fuzz/corpus/xgboost/*", "tests/fuzz/corpus/lightgbm/*",
	"tests/fuzz/corpus/catboost/*", "tests/fuzz/corpus/tflite/*" };

static void for_each_file(size_t n_patterns, void (*visit)(const char *path, const struct file *))
{
	glob_t found = { 0 };

	for (size_t i = 0; i < n_patterns; i++)
		assert_int_equal(glob(PATTERNS[i], i ? GLOB_APPEND : 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		visit(found.gl_pathv[i], read_file(found.gl_pathv[i]));
	globfree(&found);
}

// The import, with the passes behind it where `passes` says so; what it returns.
static int import(const struct file *file, bool passes, struct error *err)
{
	struct graph *graph;
	int rc = import_model(file->bytes, file->size, &(struct import_options){ .labels = true },
		&graph, NULL, err);

	if (rc != 0)
		assert_null(graph);
	if (rc == 0 && passes)
		rc = pass_fuse_quantised(graph, NULL, err);
	if (rc >= 0 && passes)
		rc = passes_run(graph, NULL, err);
	failing = 0;
	graph_destroy(graph);
	return rc;
}

static void expect(const char *path, int rc, const struct error *err, int code)
{
	if (rc != code || err->code != code || !err->text[0])
		fail_msg("%s: %d, '%s' of code %d, should be %d", path, rc, err->text, err->code,
			code);
}

// --- Cases ----------------------------------------------------------------------------------------

static void fail_each_allocation(const char *path, const struct file *file)
{
	struct error err = { .text = "" };
	unsigned before, all, step;

	json_set_alloc_funcs(strstr(path, ".json") || strstr(path, "/lightgbm/") ? malloc_of_json
										 : malloc_of_ubjson,
		free);
	before = n_allocations;
	if (import(file, true, &err) != 0)
		fail_msg("%s: %s", path, err.text);
	all = n_allocations - before;
	step = all / FAILURES_MAX + 1;
	for (unsigned i = 1; i <= all; i += step) {
		struct error why = { .text = "" };

		n_allocations = 0;
		failing = i;
		expect(path, import(file, true, &why), &why, -ENOMEM);
	}
}

static void memory_that_is_used_up_is_enomem(void **state)
{
	for_each_file(5, fail_each_allocation);
	(void)state;
}

static void cut_off(const char *path, const struct file *file)
{
	for (size_t eighth = 1; eighth < 8; eighth++) {
		static struct file part;
		struct error err = { .text = "" };
		int rc;

		part.size = file->size * eighth / 8;
		memcpy(part.bytes, file->bytes, part.size);
		rc = import(&part, false, &err);
		// LightGBM's importance lists and ONNX's opsets stand last: no one misses them, or the
		// file does not say its opset.
		if (rc != 0 && rc != -ENOTSUP)
			expect(path, rc, &err, -EINVAL);
	}
}

static void a_file_that_is_cut_off_is_einval(void **state)
{
	for_each_file(5, cut_off);
	(void)state;
}

static void import_changed(const char *path, const Onnx__ModelProto *model, int code)
{
	static struct file changed;
	struct error err = { .text = "" };
	size_t size = onnx__model_proto__get_packed_size(model);

	assert_true(size <= sizeof(changed.bytes));
	changed.size = onnx__model_proto__pack(model, changed.bytes);
	expect(path, import(&changed, false, &err), &err, code);
}

static void rename_operators(const char *path, const struct file *file)
{
	Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, file->size, file->bytes);

	assert_non_null(model);
	for (size_t n = 0; n < model->graph->n_node; n++) {
		Onnx__NodeProto *node = model->graph->node[n];
		char *type = node->op_type, other[] = "Nobody";

		node->op_type = other;
		import_changed(path, model, -ENOTSUP);
		node->op_type = type;
	}
	onnx__model_proto__free_unpacked(model, NULL);
}

static void an_unknown_operator_is_enotsup(void **state)
{
	for_each_file(1, rename_operators);
	(void)state;
}

static void leave_inputs_out(const char *path, const struct file *file)
{
	Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, file->size, file->bytes);

	assert_non_null(model);
	for (size_t n = 0; n < model->graph->n_node; n++) {
		Onnx__NodeProto *node = model->graph->node[n];
		const size_t inputs = node->n_input, attributes = node->n_attribute;

		if (strcmp(node->op_type, "SequenceEmpty") == 0 ||
			strcmp(node->op_type, "OptionalHasElement") == 0)
			continue; // which need nothing
		node->n_input = 0;
		if (inputs == 0) // Constant's value is an attribute
			node->n_attribute = 0;
		// An Optional without an input is an empty one: well-formed, and more than we take.
		import_changed(
			path, model, strcmp(node->op_type, "Optional") == 0 ? -ENOTSUP : -EINVAL);
		node->n_input = inputs;
		node->n_attribute = attributes;
	}
	onnx__model_proto__free_unpacked(model, NULL);
}

static void a_node_without_inputs_is_einval(void **state)
{
	for_each_file(1, leave_inputs_out);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_that_is_used_up_is_enomem),
		cmocka_unit_test(a_file_that_is_cut_off_is_einval),
		cmocka_unit_test(an_unknown_operator_is_enotsup),
		cmocka_unit_test(a_node_without_inputs_is_einval),
	};

	return cmocka_run_group_tests_name("import_codes", tests, NULL, NULL);
}
