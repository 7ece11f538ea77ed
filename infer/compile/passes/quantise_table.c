// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/passes/quantise_table.h"

#include "infer/compile/passes/constants.h"

#include <math.h>
#include <stdlib.h>

#define SAMPLES 513 // of a function over its range
#define WORTH   0.9 // a range that is not made smaller than by this stays

// --- Which ---------------------------------------------------------------------------------------

// Of each tensor that a function reads: do others, too?
static void tables_note_readers(struct quantise_tables *tables, const struct graph *graph,
	const struct uses *uses, uint32_t table)
{
	const struct pointwise *p = &tables->of[table];
	uint32_t reads = 0;

	for (uint32_t n = 0; n < p->n_nodes; n++) {
		const struct node *node = &graph->nodes[p->nodes[n]];

		tables->table[p->nodes[n]] = table;
		for (uint32_t i = 0; i < node->n_inputs; i++)
			reads += node->inputs[i] == p->source;
	}
	if (reads == uses->count[p->source])
		tables->alone[p->source] = table;
}

int quantise_tables_find(struct quantise_tables *tables, const struct graph *graph,
	const struct quantise_options *options, struct error *err)
{
	struct uses uses;
	int rc = uses_init(&uses, graph, err);

	if (rc != 0)
		return rc;
	tables->of = calloc((size_t)graph->n_nodes + 1, sizeof(*tables->of));
	tables->table = malloc(((size_t)graph->n_nodes + 1) * sizeof(*tables->table));
	tables->alone = malloc(((size_t)graph->n_tensors + 1) * sizeof(*tables->alone));
	if (!tables->of || !tables->table || !tables->alone) {
		uses_fini(&uses);
		return error_set(err, -ENOMEM, "out of memory for tables");
	}
	for (uint32_t n = 0; n < graph->n_nodes; n++)
		tables->table[n] = GRAPH_NONE;
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		tables->alone[t] = GRAPH_NONE;
	for (uint32_t n = graph->n_nodes; n-- > 0 && !options->no_tables;) {
		const struct node *node = &graph->nodes[n];
		struct pointwise *p = &tables->of[tables->count];

		if (tables->table[n] == GRAPH_NONE && node->n_outputs == 1 &&
			pointwise_find(graph, &uses, node->outputs[0], p))
			tables_note_readers(tables, graph, &uses, tables->count++);
	}
	uses_fini(&uses);
	return 0;
}

void quantise_tables_fini(struct quantise_tables *tables)
{
	free(tables->of);
	free(tables->table);
	free(tables->alone);
	*tables = (struct quantise_tables){ 0 };
}

bool quantise_is_table(const struct quantiser *q, uint32_t table)
{
	const struct pointwise *p = &q->tables.of[table];

	// Of bytes with a scale a column there would have to be a table each.
	return q->tensors[p->sink].bytes && q->tensors[p->source].q != GRAPH_NONE &&
		q->tensors[p->source].channels.n == 0;
}

// --- What becomes of them ------------------------------------------------------------------------

// The part of low to high outside of which the function's bytes do not change. False: they never do, or memory is out.
static bool table_needs(const struct quantiser *q, const struct pointwise *p,
	const struct quantum *out, double *low, double *high)
{
	const double step = (*high - *low) / (SAMPLES - 1), from = *low;
	float x[SAMPLES], y[SAMPLES];
	uint32_t first = 1, last = SAMPLES - 2;
	struct error ignored;

	for (uint32_t i = 0; i < SAMPLES; i++)
		x[i] = (float)(from + step * i);
	if (pointwise_values(q->from, p, SAMPLES, x, y, &ignored) != 0)
		return false;
	while (first < SAMPLES && pointwise_byte(out, y[first]) == pointwise_byte(out, y[0]))
		first++;
	if (first == SAMPLES)
		return false;
	while (pointwise_byte(out, y[last]) == pointwise_byte(out, y[SAMPLES - 1]))
		last--; // ends at the first that differs from y[0], or before
	*low = (double)x[first - 1];
	*high = (double)x[last + 1];
	return true;
}

struct quantum quantise_table_source(const struct quantiser *q, uint32_t tensor)
{
	const uint32_t table = q->tables.alone[tensor];
	const struct quantum whole = quantise_activation(q->options, &q->ranges->of[tensor]);
	const int32_t least = whole.dtype == DTYPE_I8 ? -128 : 0;
	const double from = (double)(least - whole.zero) * (double)whole.scale;
	const double to = from + 255 * (double)whole.scale;
	struct quantise_options options = *q->options;
	struct range part = { .count = 1 };
	struct quantum out;
	double low = from, high = to;

	if (table == GRAPH_NONE || !q->tensors[q->tables.of[table].sink].bytes)
		return whole;
	out = quantise_activation(q->options, &q->ranges->of[q->tables.of[table].sink]);
	if (!table_needs(q, &q->tables.of[table], &out, &low, &high) ||
		high - low > WORTH * (to - from))
		return whole;
	options.calibration = QUANTISE_MINMAX;
	part.low = (float)low;
	part.high = (float)high;
	return quantise_activation(&options, &part);
}

int quantise_table(struct quantiser *q, uint32_t table)
{
	const struct pointwise *p = &q->tables.of[table];
	const struct quantise_tensor *source = &q->tensors[p->source];
	const struct tensor *like = &q->from->tensors[p->sink];
	const struct quantum out = quantise_activation(q->options, &q->ranges->of[p->sink]);
	uint32_t inputs[2] = { source->q }, output;
	void *bytes;
	int rc;

	inputs[1] = pass_constant_of(
		q->to, like->name, out.dtype, 1, POINTWISE_TABLE, 0, &bytes, q->err);
	if (inputs[1] == GRAPH_NONE)
		return q->err->code;
	rc = pointwise_table(q->from, p, &source->of, &out, bytes, q->err);
	if (rc != 0)
		return rc;
	output = quantise_add_tensor(q, like, out.dtype, "q");
	if (output == GRAPH_NONE ||
		graph_add_node(q->to, OP_QLOOKUP, NULL, 2, inputs, 1, &output, q->err) ==
			GRAPH_NONE)
		return q->err->code;
	q->tensors[p->sink].q = output;
	q->tensors[p->sink].of = out;
	for (uint32_t l = 0; l < q->layers->count; l++) {
		struct quantise_layer *layer = &q->layers->of[l];

		if (layer->stands_for == p->source && layer->result == source->q) {
			layer->result = output;
			layer->quantum = out;
			layer->stands_for = p->sink;
		}
	}
	return 0;
}
