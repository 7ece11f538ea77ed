// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/outputs.h"

#include "infer/graph/arena.h"

#include <string.h>

static const char *name_of(const struct graph *graph, uint32_t o)
{
	return graph->tensors[graph->outputs[o].tensor].name;
}

static uint32_t columns_of(const struct graph *graph, uint32_t o)
{
	return (uint32_t)tensor_elements(&graph->tensors[graph->outputs[o].tensor]);
}

static int outputs_refuse(const struct graph *graph, const char *name, size_t bytes,
	const char *why, struct error *err)
{
	char known[160] = "";

	for (uint32_t o = 0; o < graph->n_outputs; o++) {
		const size_t at = strlen(known);

		snprintf(known + at, sizeof(known) - at, "%s%.60s", o ? ", " : "",
			name_of(graph, o));
	}
	return error_set(err, -EINVAL, "output '%.*s' %s; the model has %s",
		(int)(bytes < 80 ? bytes : 80), name, why, known);
}

static uint32_t outputs_find(const struct graph *graph, const char *name, size_t bytes)
{
	uint32_t o = 0;

	while (o < graph->n_outputs &&
		(strlen(name_of(graph, o)) != bytes || memcmp(name_of(graph, o), name, bytes) != 0))
		o++;
	return o;
}

int outputs_select(struct graph *graph, const char *list, struct error *err)
{
	struct graph_port *ports = arena_calloc(graph->arena, graph->n_outputs, sizeof(*ports));
	const char **names =
		arena_calloc(graph->arena, graph->n_columns_out, sizeof(*graph->output_names));
	bool *taken = arena_calloc(graph->arena, graph->n_outputs, sizeof(*taken));
	uint32_t n = 0, columns = 0;

	if (!ports || !names || !taken)
		return error_set(err, -ENOMEM, "out of memory");
	for (;;) {
		const size_t bytes = strcspn(list, ",");
		const uint32_t o = outputs_find(graph, list, bytes);

		if (o == graph->n_outputs)
			return outputs_refuse(graph, list, bytes, "is not there", err);
		if (taken[o])
			return outputs_refuse(graph, list, bytes, "is named twice", err);
		taken[o] = true;
		memcpy(names + columns, graph->output_names + graph->outputs[o].first_column,
			columns_of(graph, o) * sizeof(*names));
		ports[n] = graph->outputs[o];
		ports[n++].first_column = columns;
		columns += columns_of(graph, o);
		if (!list[bytes])
			break;
		list += bytes + 1;
	}
	graph->outputs = ports;
	graph->output_names = names;
	graph->n_outputs = n;
	graph->n_columns_out = columns;
	return 0;
}
