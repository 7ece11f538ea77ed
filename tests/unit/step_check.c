// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/step_check.h"
#include "infer/ops/table.h"

#include "infer/image/image.h"
#include "infer/infer.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 257

struct step_check step;

static const uint32_t COUNTS[] = { 0, 1, 3, 16, 65, ROWS_MAX };
static const unsigned MASKS[] = { ISA_SCALAR, ISA_AVX2, ISA_AVX2 | ISA_AVX512, ~0u };

void step_begin(uint32_t rank, const int64_t *dims)
{
	graph_destroy(step.graph);
	step.graph = graph_create();
	assert_non_null(step.graph);
	step.at = step.x = graph_f32(step.graph, "x", rank, dims);
	step.low = -2.0f;
	step.high = 2.0f;
}

uint32_t step_constant(uint32_t rank, const int64_t *dims)
{
	char name[16];

	snprintf(name, sizeof(name), "c%u", step.graph->n_tensors);
	return graph_f32_constant(step.graph, name, rank, dims, 17 * step.graph->n_tensors + 3);
}

const float *step_values(uint32_t tensor)
{
	return step.graph->tensors[tensor].data;
}

uint32_t step_emit(enum op op, uint32_t n_inputs, const uint32_t *inputs, uint32_t n_attrs,
	const struct attr *attrs)
{
	struct tensor shapes[GRAPH_NODE_IO_MAX] = { 0 };
	struct error err = { .text = "" };
	uint32_t none = 0, n;
	char name[16];

	n = graph_add_node(step.graph, op, NULL, n_inputs, inputs, 1, &none, &err);
	assert_true(n != GRAPH_NONE);
	for (uint32_t a = 0; a < n_attrs; a++) {
		struct node *node = &step.graph->nodes[n];

		if (attrs[a].kind == ATTR_KIND_INT)
			node_set_int(step.graph, node, attrs[a].key, attrs[a].i);
		else if (attrs[a].kind == ATTR_KIND_FLOAT)
			node_set_float(step.graph, node, attrs[a].key, attrs[a].f);
		else
			node_set_ints(
				step.graph, node, attrs[a].key, attrs[a].count, attrs[a].ints);
	}
	if (op_infer(step.graph, &step.graph->nodes[n], shapes, &err) != 0)
		fail_msg("%s", err.text);
	snprintf(name, sizeof(name), "t%u", step.graph->n_tensors);
	step.at = graph_add_tensor(
		step.graph, name, shapes[0].dtype, shapes[0].rank, shapes[0].dims, NULL, &err);
	step.graph->nodes[n].outputs[0] = step.at;
	return step.at;
}

static void check_rows(const struct model *model, step_formula *wanted, const float *rows,
	uint32_t n, const char *what)
{
	uint32_t columns = model_info(model)->n_features, outputs = model_info(model)->n_outputs;
	uint32_t scratch_rows = n == 0 ? 1 : n < MODEL_BATCH_MAX ? n : MODEL_BATCH_MAX;
	size_t bytes = (model_scratch_bytes(model, scratch_rows) + 64) & ~(size_t)63;
	float *scores = malloc(((size_t)n * outputs + 1) * sizeof(float));
	void *scratch = aligned_alloc(64, bytes);

	scores[n * outputs] = 42.0f;
	model_score(model, rows, scores, n, scratch, scratch_rows);
	assert_true(scores[n * outputs] == 42.0f);
	for (uint32_t r = 0; r < n; r++) {
		double want[STEP_VALUES_MAX];

		wanted(rows + (size_t)r * columns, want);
		for (uint32_t o = 0; o < outputs; o++) {
			double got = (double)scores[r * outputs + o];

			if (!(fabs(got - want[o]) <= 2e-5 * fmax(1, fabs(want[o]))))
				fail_msg("%s, %u rows: row %u column %u is %.9g, should be %.9g",
					what, n, r, o, got, want[o]);
		}
	}
	free(scores);
	free(scratch);
}

void step_score(step_formula *wanted, const char *what)
{
	static float rows[ROWS_MAX * STEP_VALUES_MAX];
	struct error err = { .text = "" };
	unsigned seed = 5;
	void *image;
	size_t size;

	assert_true(step.graph->n_features <= STEP_VALUES_MAX &&
		step.graph->n_columns_out <= STEP_VALUES_MAX);
	for (size_t i = 0; i < ROWS_MAX * STEP_VALUES_MAX; i++)
		rows[i] = step.low + (graph_random(&seed) + 0.5f) * (step.high - step.low);
	if (image_write(step.graph, &image, &size, &err) != 0)
		fail_msg("%s: %s", what, err.text);
	for (size_t m = 0; m < sizeof(MASKS) / sizeof(*MASKS); m++) {
		const struct model_options options = { .isa_mask = MASKS[m] & isa_detected(),
			.isa_limited = true,
			.no_timing = true };
		struct model *model;

		if (model_open(image, size, &options, &model, &err) != 0)
			fail_msg("%s: %s", what, err.text);
		for (size_t c = 0; c < sizeof(COUNTS) / sizeof(*COUNTS); c++)
			check_rows(model, wanted, rows, COUNTS[c], what);
		model_close(model);
	}
	free(image);
}

void step_check(step_formula *wanted, const char *what)
{
	graph_finish(step.graph, step.x, step.at);
	step_score(wanted, what);
}

int step_end(void **state)
{
	graph_destroy(step.graph);
	step.graph = NULL;
	return 0;
}
