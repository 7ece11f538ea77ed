// SPDX-License-Identifier: BSD-3-Clause
// One small ONNX model for each operator and form (tests/fixtures/make_operators.py), compiled and
// scored under every instruction set against what numpy makes of the operator's definition.
#include "base/rows.h"
#include "infer/import/onnx/operators.h"
#include "tests/parity/parity.h"

#include "onnx.pb-c.h"
#include "tests/cmocka.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define MODELS    "tests/fixtures/operators/models/"
#define EXPECTED  "tests/fixtures/operators/expected/"
#define TOLERANCE 2e-5 // float32 sums in the order of one instruction set or another

#define OPERATORS_MAX 512

static unsigned n_with[OPERATORS_MAX]; // by the number of the operator: models that have it

static void count_operators(const char *path)
{
	static uint8_t bytes[1 << 16];
	FILE *file = fopen(path, "r");
	Onnx__ModelProto *model;
	size_t size;

	assert_non_null(file);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	model = onnx__model_proto__unpack(NULL, size, bytes);
	assert_non_null(model);
	for (size_t n = 0; n < model->graph->n_node; n++) {
		const Onnx__NodeProto *node = model->graph->node[n];
		enum onnx_domain of = ONNX_DOMAINS, domain;
		const struct onnx_operator *op;

		onnx_domain_find(onnx_text(node->domain), &of);
		for (size_t i = 0; (op = onnx_operator_at(i, &domain)); i++) {
			assert_true(i < OPERATORS_MAX);
			n_with[i] += domain == of && strcmp(node->op_type, op->type) == 0;
		}
	}
	onnx__model_proto__free_unpacked(model, NULL);
}

// A row of the file is a row of the model and then its scores.
static double difference(const void *image, size_t size, const struct rows *both, struct error *err)
{
	size_t n = both->n_rows;
	struct model *model;
	uint32_t in, out;
	float *rows, *scores;
	double worst;

	if (model_open(image, size, NULL, &model, err) != 0)
		return -1;
	in = model_info(model)->n_features;
	out = model_info(model)->n_outputs;
	model_close(model);
	assert_int_equal(in + out, both->n_columns);
	rows = calloc(n * in, sizeof(float));
	scores = calloc(n * out, sizeof(float));
	assert_true(rows && scores);
	for (size_t r = 0; r < n; r++) {
		const float *from = both->values + r * both->n_columns;

		memcpy(rows + r * in, from, in * sizeof(float));
		memcpy(scores + r * out, from + in, out * sizeof(float));
	}
	worst = parity_difference(image, size, rows, n, in, scores, out, err);
	free(rows);
	free(scores);
	return worst;
}

static void operator_agrees_with_its_definition(void **state)
{
	const struct rows_options options = { 0 };
	const char *path = *state, *name = strrchr(path, '/') + 1;
	struct error err = { .text = "" };
	struct rows both;
	char beside[256];
	double worst;
	size_t size = 0;
	void *image = NULL;

	snprintf(beside, sizeof(beside), EXPECTED "%.*s.npy", (int)(strlen(name) - strlen(".onnx")),
		name);
	if (rows_read(beside, &options, &both, &err) != 0 ||
		model_compile(path, NULL, &image, &size, NULL, &err) != 0)
		fail_msg("%s", err.text);
	worst = difference(image, size, &both, &err);
	if (!(worst >= 0 && worst <= TOLERANCE))
		fail_msg("difference %g %s", worst, err.text);
	count_operators(path);
	free(image);
	rows_fini(&both);
}

static void every_operator_is_among_them(void **state)
{
	const struct onnx_operator *op;
	enum onnx_domain domain;
	size_t i = 0;

	for (; (op = onnx_operator_at(i, &domain)); i++) {
		if (n_with[i] == 0)
			print_error("no model with %s\n", op->type);
	}
	for (size_t k = 0; k < i; k++)
		assert_true(n_with[k] > 0);
	(void)state;
}

int main(void)
{
	struct CMUnitTest *tests;
	glob_t found;
	size_t n;
	int failed;

	if (glob(MODELS "*.onnx", 0, NULL, &found) != 0)
		return 1; // they are committed
	n = found.gl_pathc;
	tests = calloc(n + 1, sizeof(*tests));
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){ .name = strrchr(found.gl_pathv[i], '/') + 1,
			.test_func = operator_agrees_with_its_definition,
			.initial_state = found.gl_pathv[i] };
	tests[n] = (struct CMUnitTest)cmocka_unit_test(every_operator_is_among_them);
	failed = _cmocka_run_group_tests("operators", tests, n + 1, NULL, NULL);
	free(tests);
	globfree(&found);
	return failed;
}
