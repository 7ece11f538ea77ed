// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/network_check.h"
#include "infer/ops/table.h"

#include "infer/image/image.h"
#include "infer/infer.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 17

static const uint32_t COUNTS[] = { 1, 5, ROWS_MAX };
static const unsigned MASKS[] = { ISA_AVX2, ISA_AVX2 | ISA_AVX512, ~0u };

uint32_t network_below(unsigned *seed, uint32_t limit)
{
	return (uint32_t)((graph_random(seed) + 0.5f) * (float)limit) % limit;
}

const char *network_name(struct graph *graph)
{
	static char name[24];

	snprintf(name, sizeof(name), "t%u", graph->n_tensors);
	return name;
}

struct node *network_node(
	struct graph *graph, enum op op, uint32_t n_inputs, const uint32_t *inputs)
{
	const uint32_t n_outputs = op_arity(op)->outputs_min;
	const uint32_t none[4] = { 0 };
	const uint32_t n = graph_add_node(graph, op, NULL, n_inputs, inputs, n_outputs, none, NULL);

	assert_true(n != GRAPH_NONE);
	return &graph->nodes[n];
}

uint32_t network_output(struct graph *graph, struct node *node, uint32_t o)
{
	struct tensor shapes[4] = { 0 };
	struct error err = { .text = "" };

	if (op_infer(graph, node, shapes, &err) != 0)
		fail_msg("%s: %s", op_name(node->op), err.text);
	node->outputs[o] = graph_add_tensor(graph, network_name(graph), shapes[o].dtype,
		shapes[o].rank, shapes[o].dims, NULL, &err);
	assert_true(node->outputs[o] != GRAPH_NONE);
	return node->outputs[o];
}

static void score(
	const void *image, size_t size, unsigned mask, const float *rows, uint32_t n, float *scores)
{
	const struct model_options options = {
		.isa_mask = mask & isa_detected(), .isa_limited = true, .no_timing = true
	};
	struct error err = { .text = "" };
	struct model *model;
	void *scratch;

	if (model_open(image, size, &options, &model, &err) != 0)
		fail_msg("%s", err.text);
	scratch = aligned_alloc(64, (model_scratch_bytes(model, n) + 64) & ~(size_t)63);
	assert_non_null(scratch);
	model_score(model, rows, scores, n, scratch, n);
	free(scratch);
	model_close(model);
}

static void compare(const float *got, const float *want, size_t count, double bound, unsigned mask,
	unsigned which)
{
	for (size_t i = 0; i < count; i++) {
		const double wanted = (double)want[i];

		if (!(fabs((double)got[i] - wanted) <= bound * fmax(1, fabs(wanted))))
			fail_msg("network %u, ISA %#x, value %zu is %.9g, should be %.9g", which,
				mask, i, (double)got[i], wanted);
	}
}

void network_same(
	const struct graph *graph, const struct graph *other, double bound, unsigned which)
{
	const size_t in = graph->n_features, out = graph->n_columns_out;
	const struct graph *graphs[2] = { graph, other };
	float *rows = malloc(ROWS_MAX * in * sizeof(*rows)), *scores[2];
	struct error err = { .text = "" };
	unsigned seed = which + 11;

	assert_non_null(rows);
	for (size_t i = 0; i < ROWS_MAX * in; i++)
		rows[i] = 4 * graph_random(&seed);
	for (int g = 0; g < 2; g++) {
		void *image;
		size_t size;

		scores[g] = malloc(ROWS_MAX * out * sizeof(float));
		if (image_write(graphs[g], &image, &size, &err) != 0)
			fail_msg("network %u: %s", which, err.text);
		score(image, size, ISA_SCALAR, rows, ROWS_MAX, scores[g]);
		free(image);
	}
	compare(scores[1], scores[0], ROWS_MAX * out, bound, ISA_SCALAR, which);
	free(scores[0]);
	free(scores[1]);
	free(rows);
}

void network_check(const struct graph *graph, double bound, unsigned which)
{
	const size_t in = graph->n_features, out = graph->n_columns_out;
	float *rows = malloc(ROWS_MAX * in * sizeof(*rows));
	float *want = malloc(ROWS_MAX * out * sizeof(*want));
	float *got = malloc(ROWS_MAX * out * sizeof(*got));
	struct error err = { .text = "" };
	unsigned seed = which + 11;
	void *image;
	size_t size;

	assert_true(rows && want && got);
	for (size_t i = 0; i < ROWS_MAX * in; i++)
		rows[i] = 4 * graph_random(&seed);
	if (image_write(graph, &image, &size, &err) != 0)
		fail_msg("network %u: %s", which, err.text);
	score(image, size, ISA_SCALAR, rows, ROWS_MAX, want);
	for (size_t m = 0; m < sizeof(MASKS) / sizeof(*MASKS); m++) {
		for (size_t c = 0; c < sizeof(COUNTS) / sizeof(*COUNTS); c++) {
			score(image, size, MASKS[m], rows, COUNTS[c], got);
			compare(got, want, COUNTS[c] * out, bound, MASKS[m], which);
		}
	}
	free(rows);
	free(want);
	free(got);
	free(image);
}
