// SPDX-License-Identifier: BSD-3-Clause
// Networks of convolutions and pools on each ISA against the plain forms, which are all that the
// scalar set has for them: whatever layout the tensors between the steps take.
#include "tests/cmocka.h"
#include "tests/unit/network_check.h"

static uint32_t conv(struct graph *graph, uint32_t x, unsigned *seed)
{
	const struct tensor *in = &graph->tensors[x];
	const uint32_t spatial = in->rank - 2;
	const int64_t channels = in->dims[1];
	const int64_t group = channels % 2 == 0 && network_below(seed, 4) == 0 ? 2 : 1;
	int64_t w[5] = { group * (1 + network_below(seed, 40)), channels / group };
	int64_t strides[3], dilations[3], pads[6];
	struct node *node;
	uint32_t inputs[3] = { x }, y;

	for (uint32_t d = 0; d < spatial; d++) {
		const bool roomy = in->dims[d + 2] >= 5;

		w[d + 2] = 1 + network_below(seed, roomy ? 3 : 1);
		strides[d] = 1 + network_below(seed, roomy ? 2 : 1);
		dilations[d] = 1 + network_below(seed, roomy ? 2 : 1);
		pads[d] = network_below(seed, 2);
		pads[spatial + d] = network_below(seed, 2);
	}
	inputs[1] = graph_f32_constant(graph, network_name(graph), in->rank, w, *seed);
	inputs[2] = graph_f32_constant(graph, network_name(graph), 1, w, *seed + 1);
	node = network_node(graph, OP_CONV, 2 + network_below(seed, 2), inputs);
	node_set_int(graph, node, ATTR_GROUP, group);
	node_set_ints(graph, node, ATTR_STRIDES, spatial, strides);
	node_set_ints(graph, node, ATTR_DILATIONS, spatial, dilations);
	node_set_ints(graph, node, ATTR_PADS, 2 * spatial, pads);
	node_set_int(graph, node, ATTR_ACTIVATION,
		network_below(seed, 2) ? ACTIVATION_RELU : ACTIVATION_TANH);
	y = network_output(graph, node, 0);
	return y;
}

static uint32_t pool(struct graph *graph, uint32_t x, unsigned *seed)
{
	const struct tensor *in = &graph->tensors[x];
	const uint32_t spatial = in->rank - 2;
	int64_t kernel[3], strides[3], pads[6] = { 0 };
	struct node *node;

	for (uint32_t d = 0; d < spatial; d++) {
		kernel[d] = in->dims[d + 2] > 1 ? 1 + network_below(seed, 2) : 1;
		strides[d] = 1 + network_below(seed, 3);
		if (kernel[d] > 1) {
			pads[d] = network_below(seed, 4) == 0;
			pads[spatial + d] = network_below(seed, 4) == 0;
		}
	}
	node = network_node(graph, network_below(seed, 2) ? OP_MAX_POOL : OP_AVERAGE_POOL, 1, &x);
	node_set_ints(graph, node, ATTR_KERNEL_SHAPE, spatial, kernel);
	node_set_ints(graph, node, ATTR_STRIDES, spatial, strides);
	node_set_ints(graph, node, ATTR_PADS, 2 * spatial, pads);
	node_set_int(graph, node, ATTR_CEIL_MODE, network_below(seed, 2));
	if (node->op == OP_AVERAGE_POOL)
		node_set_int(graph, node, ATTR_COUNT_INCLUDE_PAD, network_below(seed, 2));
	return network_output(graph, node, 0);
}

// Of the last dimensions, or by a pool of them all.
static uint32_t reduce(struct graph *graph, uint32_t x, unsigned *seed)
{
	static const enum op OPS[] = { OP_REDUCE_SUM, OP_REDUCE_MEAN, OP_REDUCE_MAX,
		OP_AVERAGE_POOL, OP_MAX_POOL };
	const struct tensor in = graph->tensors[x];
	const enum op op = OPS[network_below(seed, 5)];
	struct node *node = network_node(graph, op, 1, &x);
	const uint32_t count = 1 + network_below(seed, in.rank);
	const uint32_t last = network_below(seed, 2) ? in.rank - 1 : count - 1;
	int64_t axes[4];

	for (uint32_t i = 0; i < count; i++)
		axes[i] = last - i;
	if (op == OP_AVERAGE_POOL || op == OP_MAX_POOL)
		node_set_ints(graph, node, ATTR_KERNEL_SHAPE, in.rank - 2, in.dims + 2);
	else
		node_set_ints(graph, node, ATTR_AXES, count, axes);
	return network_output(graph, node, 0);
}

static uint32_t flat_dense(struct graph *graph, uint32_t x, unsigned *seed)
{
	const int64_t dims[2] = { 1, tensor_elements(&graph->tensors[x]) };
	const int64_t w[2] = { dims[1], 1 + network_below(seed, 20) };
	uint32_t inputs[2];
	struct node *node = network_node(graph, OP_RESHAPE, 1, &x);

	node_set_ints(graph, node, ATTR_SHAPE, 2, dims);
	inputs[0] = network_output(graph, node, 0);
	inputs[1] = graph_f32_constant(graph, network_name(graph), 2, w, *seed);
	return network_output(graph, network_node(graph, OP_DENSE, 2, inputs), 0);
}

static struct graph *network(unsigned *seed)
{
	struct graph *graph = graph_create();
	const uint32_t spatial = 1 + network_below(seed, 2);
	const int64_t wide = spatial == 1 ? 60 : 9;
	const int64_t dims[4] = { 1 + (network_below(seed, 6) == 0), 1 + network_below(seed, 4),
		5 + network_below(seed, (uint32_t)wide), 5 + network_below(seed, (uint32_t)wide) };
	uint32_t x, first;

	assert_non_null(graph);
	first = x = graph_f32(graph, "x", spatial + 2, dims);
	for (uint32_t layers = 1 + network_below(seed, 4); layers > 0; layers--) {
		x = conv(graph, x, seed);
		for (uint32_t pools = network_below(seed, 3); pools > 0; pools--)
			x = pool(graph, x, seed);
		if (network_below(seed, 5) == 0) // a second reader
			x = network_output(
				graph, network_node(graph, OP_ADD, 2, (uint32_t[]){ x, x }), 0);
	}
	if (network_below(seed, 5) == 0)
		x = reduce(graph, x, seed);
	else if (network_below(seed, 4) > 0)
		x = flat_dense(graph, x, seed);
	graph_finish(graph, first, x);
	return graph;
}

static void networks_agree_with_the_plain_forms(void **state)
{
	for (unsigned i = 0; i < 150; i++) {
		unsigned seed = i * 7919 + 1;
		struct graph *graph = network(&seed);

		network_check(graph, 1e-4, i);
		graph_destroy(graph);
	}
}

// Each pool could hand its layout on; the search through them must end early.
static void pools_many_behind_each_other(void **state)
{
	unsigned seed = 3;
	struct graph *graph = graph_create();
	uint32_t x = graph_f32(graph, "x", 3, (int64_t[]){ 1, 2, 40 }), first = x;

	x = conv(graph, x, &seed);
	for (int i = 0; i < 3000; i++) {
		struct node *node = network_node(graph, OP_MAX_POOL, 1, &x);

		node_set_ints(graph, node, ATTR_KERNEL_SHAPE, 1, (int64_t[]){ 1 });
		x = network_output(graph, node, 0);
	}
	graph_finish(graph, first, x);
	network_check(graph, 1e-4, 0);
	graph_destroy(graph);
}

// A pool over [2, 3, 4] values of windows that reach `before` and `behind` all of them.
static struct graph *wide_pool(enum op op, int64_t before, int64_t behind)
{
	const int64_t wide = before + behind + 1;
	struct graph *graph = graph_create();
	const uint32_t x = graph_f32(graph, "x", 5, (int64_t[]){ 1, 1, 2, 3, 4 });
	struct node *node = network_node(graph, op, 1, &x);

	node_set_ints(graph, node, ATTR_KERNEL_SHAPE, 3, (int64_t[]){ wide, wide, wide });
	node_set_ints(graph, node, ATTR_PADS, 6,
		(int64_t[]){ before, before, before, behind, behind, behind });
	graph_finish(graph, x, network_output(graph, node, 0));
	return graph;
}

// It may cost no more than what is in them.
static void windows_far_larger_than_what_they_lie_on(void **state)
{
	static const enum op OPS[] = { OP_MAX_POOL, OP_AVERAGE_POOL, OP_LP_POOL };

	for (unsigned i = 0; i < 3; i++) {
		struct graph *wide = wide_pool(OPS[i], 1 << 26, 1 << 25);
		struct graph *narrow = wide_pool(OPS[i], 3, 3);

		network_same(wide, narrow, 1e-6, i);
		network_check(wide, 1e-6, i);
		graph_destroy(wide);
		graph_destroy(narrow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_far_larger_than_what_they_lie_on),
		cmocka_unit_test(networks_agree_with_the_plain_forms),
		cmocka_unit_test(pools_many_behind_each_other),
	};

	return cmocka_run_group_tests_name("networks", tests, NULL, NULL);
}
