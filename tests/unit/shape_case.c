// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/shape_case.h"
#include "infer/ops/table.h"
#include "tests/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tensor read_shape(const char **at)
{
	struct tensor tensor = { .dtype = DTYPE_F32 };
	static const float some;

	for ((*at)++; **at != ']'; *at += **at == ',') {
		char *end;

		tensor.dims[tensor.rank++] = strtoll(*at, &end, 10);
		*at = end;
	}
	for ((*at)++; **at && **at != ' '; (*at)++) {
		if (**at == 'c')
			tensor.data = &some; // no rule reads values
		if (**at == 'i')
			tensor.dtype = DTYPE_I64;
		if (**at == 'w')
			tensor.dtype = DTYPE_I32;
		if (**at == 's')
			tensor.dtype = DTYPE_I8;
		if (**at == 'u')
			tensor.dtype = DTYPE_U8;
	}
	*at += **at == ' ';
	return tensor;
}

static void read_inputs(struct graph *graph, const char *at, uint32_t *n, uint32_t *inputs)
{
	for (*n = 0; *at; (*n)++) {
		struct tensor tensor;
		char name[8];

		if (*at == '-') {
			inputs[*n] = GRAPH_NONE;
			at += at[1] == ' ' ? 2 : 1;
			continue;
		}
		tensor = read_shape(&at);
		snprintf(name, sizeof(name), "t%u", *n);
		inputs[*n] = graph_add_tensor(
			graph, name, tensor.dtype, tensor.rank, tensor.dims, tensor.data, NULL);
		assert_int_not_equal(inputs[*n], GRAPH_NONE);
	}
}

static void read_attrs(struct graph *graph, struct node *node, const char *at)
{
	while (*at) {
		size_t length = strcspn(at, "=");
		int64_t values[GRAPH_RANK_MAX + 1];
		uint32_t key = 0, n = 0;
		char *end;

		while (strlen(attr_name(key)) != length || strncmp(attr_name(key), at, length) != 0)
			assert_true(++key < ATTR_KEY_COUNT);
		at += length;
		do {
			values[n++] = strtoll(at + 1, &end, 10);
			at = end;
		} while (*at == '/');
		if (key == ATTR_SHAPE)
			assert_int_equal(
				node_set_ints(graph, node, (enum attr_key)key, n, values), 0);
		else
			assert_int_equal(
				node_set_int(graph, node, (enum attr_key)key, values[0]), 0);
		at += *at == ' ';
	}
}

static uint32_t count_shapes(const char *text)
{
	uint32_t n = 0;

	for (; *text; text++)
		n += *text == '[';
	return n;
}

static void expect_shapes(const struct shape_case *c, const struct tensor *outputs)
{
	const char *at = c->out;

	for (uint32_t o = 0; *at; o++) {
		struct tensor wanted = read_shape(&at);

		if (wanted.dtype != outputs[o].dtype || wanted.rank != outputs[o].rank ||
			memcmp(wanted.dims, outputs[o].dims, wanted.rank * sizeof(*wanted.dims)) !=
				0)
			fail_msg("%s of %s %s: output %u is %s %s, should be %s", op_name(c->op),
				c->in, c->attrs, o, dtype_name(outputs[o].dtype),
				tensor_shape_text(&outputs[o]).text, c->out);
	}
}

static void check(const struct shape_case *c)
{
	struct graph *graph = graph_create();
	uint32_t inputs[8], n_inputs, none[4] = { 0 }, n;
	bool fine = c->out[0] == '[';
	struct tensor outputs[4] = { 0 };
	struct error err = { .text = "" };
	int rc;

	assert_non_null(graph);
	read_inputs(graph, c->in, &n_inputs, inputs);
	n = graph_add_node(
		graph, c->op, NULL, n_inputs, inputs, fine ? count_shapes(c->out) : 1, none, NULL);
	assert_int_not_equal(n, GRAPH_NONE);
	read_attrs(graph, &graph->nodes[n], c->attrs);
	rc = op_infer(graph, &graph->nodes[n], outputs, &err);
	if (fine && rc == 0)
		expect_shapes(c, outputs);
	else if (fine || rc != -EINVAL || strcmp(err.text, c->out) != 0)
		fail_msg("%s of %s %s: %d '%s', should be '%s'", op_name(c->op), c->in, c->attrs,
			rc, err.text, c->out);
	graph_destroy(graph);
}

void shape_cases_check(const struct shape_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(&cases[i]);
}
