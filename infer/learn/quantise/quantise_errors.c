// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/quantise/quantise_errors.h"

#include "infer/compile/evaluate.h"
#include "infer/compile/values.h"

#include <math.h>

#define ERRORS_ROWS 128
#define ERRORS_WORK 1e9 // multiply-adds, which plain forms do one by one

static uint32_t errors_rows(const struct graph *graph, size_t n)
{
	double work = 1;

	for (uint32_t i = 0; i < graph->n_nodes; i++)
		work += (double)evaluate_work(graph, &graph->nodes[i]);
	work = fmax(4, ERRORS_WORK / work);
	work = fmin(work, ERRORS_ROWS);
	return n < work ? (uint32_t)n : (uint32_t)work;
}

static void errors_of_layer(const struct quantise_layer *layer, const float *floats,
	const void *values, size_t count, struct quantise_layer_error *error)
{
	const struct quantum *q = &layer->quantum;
	double signal = 0, noise = 0, sum = 0;

	for (size_t i = 0; i < count; i++) {
		const double x = (double)floats[i];
		double y;

		if (q->scale > 0)
			y = (quantised_value(q->dtype, values, (int64_t)i) - q->zero) *
				(double)q->scale;
		else
			y = (double)((const float *)values)[i];
		signal += x * x;
		noise += (x - y) * (x - y);
		sum += fabs(x - y);
	}
	error->snr_db = noise > 0 ? 10 * log10(signal / noise) : INFINITY;
	error->mean_error = count > 0 ? sum / (double)count : 0;
}

int quantise_errors(const struct graph *graph, const struct graph *quantised,
	const struct quantise_layers *layers, const float *rows, size_t n,
	struct quantise_layer_error *errors, struct error *err)
{
	const uint32_t wanted = errors_rows(quantised, n);
	struct graph_values a = { 0 }, b = { 0 };
	uint32_t count = 0;
	int rc = graph_values_init(&a, graph, wanted, err);

	if (rc == 0)
		rc = graph_values_init(&b, quantised, wanted, err);
	if (rc == 0) {
		count = a.n_max < b.n_max ? a.n_max : b.n_max;
		rc = graph_values_run(&a, rows, count, err);
	}
	if (rc == 0)
		rc = graph_values_run(&b, rows, count, err);
	for (uint32_t l = 0; l < layers->count && rc == 0; l++) {
		const struct quantise_layer *layer = &layers->of[l];
		const uint32_t y = layer->stands_for;

		errors[l] = (struct quantise_layer_error){ .snr_db = NAN, .mean_error = NAN };
		if (layer->result != GRAPH_NONE)
			errors_of_layer(layer, a.of[y], b.of[layer->result],
				count * (size_t)tensor_elements(&graph->tensors[y]), &errors[l]);
	}
	graph_values_fini(&a);
	graph_values_fini(&b);
	return rc;
}
