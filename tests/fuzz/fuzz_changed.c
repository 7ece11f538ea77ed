// SPDX-License-Identifier: BSD-3-Clause
// What changes a model takes any image that opens: the graph as a network, with fewer trees, in 8 bits. What comes of
// it must be sound, or be refused in a sentence.
#include "infer/compile/passes/quantise_equalise.h"
#include "infer/compile/passes/quantise_layers.h"
#include "infer/image/image.h"
#include "infer/learn/net/net.h"
#include "infer/learn/prune/prune_trees.h"
#include "infer/ops/check.h"
#include "tests/fuzz/score.h"

#include <stdlib.h>

#define ROWS         8
#define ELEMENTS_MAX (1 << 16) // of all tensors: what a run may compute
#define COLUMNS_MAX  512
#define NODES_MAX    64

typedef int change(struct graph *graph, const float *rows, struct error *err);

static bool within_budget(const struct graph *graph)
{
	int64_t elements = 0;

	for (uint32_t t = 0; t < graph->n_tensors; t++)
		elements += tensor_elements(&graph->tensors[t]);
	return elements <= ELEMENTS_MAX && graph->n_nodes <= NODES_MAX &&
		graph->n_features <= COLUMNS_MAX;
}

static int change_net(struct graph *graph, const float *rows, struct error *err)
{
	struct net *net = NULL;
	int rc = net_from_graph(graph, &net, err);

	(void)rows;
	if (rc == 0) {
		rc = net_put_back(net, graph, err);
		if (rc == -EINVAL)
			abort(); // nothing was changed
		net_destroy(net);
	}
	return rc;
}

static int change_trees(struct graph *graph, const float *rows, struct error *err)
{
	const struct prune_trees_options options = PRUNE_TREES_DEFAULTS;
	struct prune_trees_result result;

	return prune_trees(graph, rows, ROWS, &options, &result, err);
}

static int change_subtrees(struct graph *graph, const float *rows, struct error *err)
{
	struct prune_trees_options options = PRUNE_TREES_DEFAULTS;
	struct prune_trees_result result;

	options.what = PRUNE_TREES_SUBTREES;
	return prune_trees(graph, rows, ROWS, &options, &result, err);
}

static int change_bits(struct graph *graph, const float *rows, struct error *err)
{
	const struct quantise_options options = { .calibration = QUANTISE_MSE };
	uint8_t *wanted = calloc((size_t)graph->n_tensors + 1, sizeof(*wanted));
	struct quantise_layers layers = { 0 };
	struct ranges ranges = { 0 };
	struct graph *to = NULL;
	int rc = quantise_find_layers(graph, &layers, err);

	if (rc == 0 && wanted) {
		quantise_wanted(graph, &layers, wanted);
		rc = ranges_collect(&ranges, graph, rows, ROWS, wanted, true, err);
		if (rc == 0)
			rc = quantise_layers(graph, &ranges, &options, &layers, &to, err);
		if (rc == 0)
			rc = graph_check(to, err);
		graph_destroy(to);
	}
	ranges_fini(&ranges);
	free(layers.of);
	free(wanted);
	return rc;
}

static int change_equal(struct graph *graph, const float *rows, struct error *err)
{
	const int rc = quantise_equalise(graph, err);

	return rc < 0 ? rc : change_bits(graph, rows, err);
}

static void change_image(change *run, const uint8_t *image, size_t size, const uint8_t *data)
{
	struct error err = { .text = "" };
	struct graph *graph = NULL;
	float *rows;

	if (image_open(image, size, &graph, &err) != 0)
		return;
	rows = within_budget(graph) ? malloc((size_t)graph->n_features * ROWS * sizeof(*rows))
				    : NULL;
	for (size_t i = 0; rows && i < (size_t)graph->n_features * ROWS; i++)
		rows[i] = (float)(int8_t)data[(i * 7 + 3) % size] / 16;
	if (rows) {
		err.text[0] = '\0';
		if (run(graph, rows, &err) == 0 ? graph_check(graph, &err) != 0 : !err.text[0])
			abort();
	}
	free(rows);
	graph_destroy(graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static change *const CHANGES[] = { change_net, change_trees, change_subtrees, change_bits,
		change_equal };
	void *image = fuzz_sealed_image(data, size);

	for (size_t c = 0; image && size > 0 && c < sizeof(CHANGES) / sizeof(*CHANGES); c++)
		change_image(CHANGES[c], image, size, data);
	free(image);
	return 0;
}
