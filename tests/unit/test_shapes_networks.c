// SPDX-License-Identifier: BSD-3-Clause
// Absurd windows, groups and states: what the shape rules of convolutions, pools and recurrent
// layers refuse, and that what they let through can be scored.
#include "infer/ops/table.h"
#include "tests/cmocka.h"
#include "tests/unit/network_check.h"

#include <string.h>

#define HUGE_INT INT64_MAX
#define LIST(...)                                                                                  \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

struct window_case {
	enum op op;
	int64_t w[3], group;
	enum attr_key key;
	uint32_t count;
	int64_t values[4];
	const char *sentence; // NULL: fine
};

// x is [1, 4, 9].
static const struct window_case WINDOWS[] = {
	{ OP_CONV, LIST(4, 4, 3), 1, ATTR_STRIDES, 1, LIST(0),
		"attribute \"strides\" has 0, should be 1 to 268435456" },
	{ OP_CONV, LIST(4, 4, 3), 1, ATTR_STRIDES, 1, LIST(HUGE_INT),
		"attribute \"strides\" has 9223372036854775807, should be 1 to 268435456" },
	{ OP_CONV, LIST(4, 4, 3), 1, ATTR_STRIDES, 1, LIST(1 << 28), NULL },
	{ OP_CONV, LIST(4, 4, 3), 1, ATTR_STRIDES, 2, LIST(1, 1),
		"attribute \"strides\" should have 1 whole numbers" },
	{ OP_CONV, LIST(4, 4, 3), 1, ATTR_DILATIONS, 1, LIST(-1),
		"attribute \"dilations\" has -1, should be 1 to 268435456" },
	{ OP_CONV, LIST(4, 4, 3), 1, ATTR_DILATIONS, 1, LIST(1 << 28),
		"the kernel of 3 on 9 values has 0 positions, should be 1 to 268435456" },
	{ OP_CONV, LIST(4, 4, 1), 1, ATTR_DILATIONS, 1, LIST(1 << 28), NULL },
	{ OP_CONV, LIST(4, 4, 3), 1, ATTR_PADS, 2, LIST(-1, 0),
		"attribute \"pads\" has -1, should be 0 to 268435456" },
	{ OP_CONV, LIST(4, 4, 3), 1, ATTR_PADS, 2, LIST(1 << 28, 1 << 28),
		"the kernel of 3 on 9 values has 536870919 positions, should be 1 to 268435456" },
	{ OP_CONV, LIST(4, 4, 10), 1, ATTR_PADS, 2, LIST(0, 0),
		"the kernel of 10 on 9 values has 0 positions, should be 1 to 268435456" },
	{ OP_CONV, LIST(4, 4, 3), HUGE_INT, ATTR_PADS, 2, LIST(0, 0),
		"attribute \"group\" is 9223372036854775807, should be 1 to 268435456" },
	{ OP_CONV, LIST(4, 4, 3), 0, ATTR_PADS, 2, LIST(0, 0),
		"attribute \"group\" is 0, should be 1 to 268435456" },
	{ OP_CONV, LIST(4, 2, 3), 3, ATTR_PADS, 2, LIST(0, 0),
		"inputs [1, 4, 9] and [4, 2, 3]: the channels do not fit in 3 groups" },
	{ OP_CONV, LIST(4, 2, 3), 2, ATTR_PADS, 2, LIST(0, 0), NULL },
	{ OP_MAX_POOL, LIST(0), 1, ATTR_KERNEL_SHAPE, 1, LIST(0),
		"the kernel is 0 wide, should be 1 to 268435456" },
	{ OP_MAX_POOL, LIST(0), 1, ATTR_KERNEL_SHAPE, 1, LIST(HUGE_INT),
		"the kernel is 9223372036854775807 wide, should be 1 to 268435456" },
	{ OP_AVERAGE_POOL, LIST(0), 1, ATTR_KERNEL_SHAPE, 1, LIST(9), NULL },
	{ OP_AVERAGE_POOL, LIST(0), 1, ATTR_KERNEL_SHAPE, 1, LIST(10),
		"the kernel of 10 on 9 values has 0 positions, should be 1 to 268435456" },
};

static void check_window(const struct window_case *c, unsigned which)
{
	struct graph *graph = graph_create();
	const uint32_t x = graph_f32(graph, "x", 3, (int64_t[]){ 1, 4, 9 });
	uint32_t inputs[2] = { x }, n_inputs = 1;
	struct tensor shapes[2] = { 0 };
	struct error err = { .text = "" };
	struct node *node;
	int rc;

	if (c->op == OP_CONV)
		inputs[n_inputs++] = graph_f32_constant(graph, "w", 3, c->w, 1);
	node = network_node(graph, c->op, n_inputs, inputs);
	node_set_ints(graph, node, c->key, c->count, c->values);
	if (c->op == OP_CONV)
		node_set_int(graph, node, ATTR_GROUP, c->group);
	rc = op_infer(graph, node, shapes, &err);
	if (c->sentence && (rc != -EINVAL || !strstr(err.text, c->sentence)))
		fail_msg("case %u: %d '%s', should be '%s'", which, rc, err.text, c->sentence);
	if (!c->sentence) {
		if (rc != 0)
			fail_msg("case %u: '%s'", which, err.text);
		graph_finish(graph, x, network_output(graph, node, 0));
		network_check(graph, 1e-5, which);
	}
	graph_destroy(graph);
}

static void windows_absurd_are_refused(void **state)
{
	for (unsigned i = 0; i < sizeof(WINDOWS) / sizeof(*WINDOWS); i++)
		check_window(&WINDOWS[i], i);
}

// Weights that belong to another layer: of other gates, inputs, states or directions.
static void recurrent_weights_of_another_shape(void **state)
{
	static const int64_t WRONG[][2][3] = {
		{ { 1, 9, 4 }, { 1, 12, 4 } },
		{ { 1, 12, 5 }, { 1, 12, 4 } },
		{ { 1, 12, 4 }, { 1, 12, 5 } },
		{ { 2, 12, 4 }, { 2, 12, 4 } },
		{ { 1, 12, 4 }, { 1, 0, 0 } },
	};

	for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++) {
		struct graph *graph = graph_create();
		const int64_t kinds[2] = { RECURRENT_SIGMOID, RECURRENT_TANH };
		const float zeros[2] = { 0 };
		uint32_t inputs[3] = { graph_f32(graph, "x", 3, (int64_t[]){ 3, 1, 4 }) };
		struct tensor shapes[2] = { 0 };
		struct error err = { .text = "" };
		struct node *node;

		inputs[1] = graph_f32(graph, "w", 3, WRONG[i][0]);
		inputs[2] = graph_f32(graph, "r", 3, WRONG[i][1]);
		node = network_node(graph, OP_GRU, 3, inputs);
		node_set_ints(graph, node, ATTR_ACTIVATIONS, 2, kinds);
		node_set_floats(graph, node, ATTR_ALPHAS, 2, zeros);
		node_set_floats(graph, node, ATTR_BETAS, 2, zeros);
		assert_int_equal(op_infer(graph, node, shapes, &err), -EINVAL);
		assert_non_null(strstr(err.text, "should be [1, ") ?: strstr(err.text, "may be 0"));
		graph_destroy(graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_absurd_are_refused),
		cmocka_unit_test(recurrent_weights_of_another_shape),
	};

	return cmocka_run_group_tests_name("shapes_networks", tests, NULL, NULL);
}
