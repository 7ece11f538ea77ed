// SPDX-License-Identifier: BSD-3-Clause
#include "infer/image/image.h"
#include "infer/infer.h"
#include "infer/learn/prune/prune.h"
#include "tests/cmocka.h"
#include "tests/unit/graph_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHANNELS 32
#define WIDTH    6
#define ROWS     200

// A convolution to 32 channels, of which the dense layer behind it reads every other one alone.
static struct graph *network(void)
{
	struct graph *graph = graph_create();
	const int64_t row[] = { 1, 1, 8 }, kernel[] = { CHANNELS, 1, 3 },
		      flat[] = { 1, CHANNELS * WIDTH }, weights[] = { CHANNELS * WIDTH, 2 };
	const uint32_t x = graph_f32(graph, "x", 3, row);
	uint32_t at = graph_op(graph, OP_CONV, 2,
		(uint32_t[]){ x, graph_f32_constant(graph, "filters", 3, kernel, 1) });
	struct error err;
	uint32_t read, to;
	float *values;

	at = graph_op(graph, OP_RELU, 1, &at);
	to = graph_f32(graph, "flat", 2, flat);
	assert_int_not_equal(
		graph_add_node(graph, OP_RESHAPE, "flatten", 1, &at, 1, &to, &err), GRAPH_NONE);
	node_set_ints(graph, &graph->nodes[graph->n_nodes - 1], ATTR_SHAPE, 2, flat);
	read = graph_f32_constant(graph, "read", 2, weights, 2);
	values = (float *)(uintptr_t)graph->tensors[read].data;
	for (int c = 0; c < CHANNELS; c += 2)
		for (int i = 0; i < WIDTH * 2; i++)
			values[c * WIDTH * 2 + i] = 0;
	at = graph_op(graph, OP_DENSE, 2, (uint32_t[]){ to, read });
	graph_finish(graph, x, at);
	return graph;
}

static struct model *model_of(const void *image, size_t size)
{
	const struct model_options options = { .no_timing = true };
	struct error err = { .text = "" };
	struct model *model;

	if (model_open(image, size, &options, &model, &err) != 0)
		fail_msg("%s", err.text);
	return model;
}

static void score(const struct model *model, const float *rows, float *scores)
{
	void *scratch = aligned_alloc(64, (model_scratch_bytes(model, 64) + 63) & ~(size_t)63);

	model_score(model, rows, scores, ROWS, scratch, 64);
	free(scratch);
}

// Rows whose labels are what the model decides.
static void write_rows(const char *path, const float *rows, const float *scores)
{
	FILE *file = fopen(path, "w");

	fprintf(file, "x0,x1,x2,x3,x4,x5,x6,x7,label\n");
	for (int r = 0; r < ROWS; r++) {
		for (int f = 0; f < 8; f++)
			fprintf(file, "%.9g,", (double)rows[r * 8 + f]);
		fprintf(file, "%d\n", scores[r * 2] < scores[r * 2 + 1]);
	}
	fclose(file);
}

static void channels_that_nobody_reads_go_and_scores_stay(void **state)
{
	static float rows[ROWS * 8], before[ROWS * 2], after[ROWS * 2];
	char folder[] = "/tmp/test_prune_XXXXXX", path[64], csv[64];
	struct prune_options options = PRUNE_DEFAULTS;
	const struct dataset_options read = { .label = "label" };
	struct graph *graph = network();
	struct prune_result result;
	struct error err = { .text = "" };
	struct model *model;
	unsigned seed = 3;
	void *image, *pruned;
	size_t size;
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/conv.mlt", folder);
	snprintf(csv, sizeof(csv), "%s/rows.csv", folder);
	if (image_write(graph, &image, &size, &err) != 0)
		fail_msg("%s", err.text);
	graph_destroy(graph);
	file = fopen(path, "w");
	assert_int_equal(fwrite(image, 1, size, file), size);
	fclose(file);
	for (int i = 0; i < ROWS * 8; i++)
		rows[i] = graph_random(&seed);
	model = model_of(image, size);
	score(model, rows, before);
	model_close(model);
	write_rows(csv, rows, before);
	options.sparsity = 0.5;
	options.steps = 1;
	if (model_prune(path, csv, &read, &options, NULL, &pruned, &size, &result, NULL, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(result.before.n_weights, CHANNELS * (3 + WIDTH * 2));
	assert_int_equal(result.after.n_weights, CHANNELS / 2 * (3 + WIDTH * 2));
	assert_true(result.not_tuned[0] != '\0');
	model = model_of(pruned, size);
	score(model, rows, after);
	for (int i = 0; i < ROWS * 2; i++)
		assert_true(fabsf(before[i] - after[i]) < 1e-5f);
	model_close(model);
	unlink(path);
	unlink(csv);
	rmdir(folder);
	free(pruned);
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(channels_that_nobody_reads_go_and_scores_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
