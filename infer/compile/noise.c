// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/noise.h"

#include "base/align.h"
#include "base/random.h"
#include "infer/compile/decisions.h"
#include "infer/compile/evaluate.h"
#include "infer/compile/rounding.h"
#include "infer/compile/spread.h"
#include "infer/ops/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOISE_SEED      UINT64_C(0x6e6f697365)
#define NOISE_ROUNDING  0x1p-24 // of a float, relative
#define NOISE_PAIRS_MAX 8u
#define NOISE_WORK      ((uint64_t)1 << 31) // multiply-adds of all evaluations
#define NOISE_BYTES     ((uint64_t)1 << 28) // of all values at a time

struct noise {
	struct evaluations evaluations;
	uint32_t count;     // n_rows * lanes
	uint32_t *last_use; // [n_tensors] the node that reads it last
	uint64_t random;
	struct error *err;
};

// --- Errors --------------------------------------------------------------------------------------

static double noise_draw(struct noise *noise) // -1 to 1
{
	return (double)(int64_t)random_next(&noise->random) * 0x1p-63;
}

// Puts opposite errors of up to `size` into each pair of evaluations of one value. `at` points to
// the undisturbed one; from one evaluation to the next it is `stride` values.
static void noise_add(struct noise *noise, float *at, size_t stride, double size)
{
	size *= NOISE_ROUNDING;
	if (!isfinite(size * SPREAD_GAIN_STEP))
		return;
	for (uint32_t l = 1; l < noise->evaluations.lanes; l += 2) {
		const double error = noise_draw(noise) * size * spread_gain(l);

		at[l * stride] = (float)((double)at[l * stride] + error);
		at[(l + 1) * stride] = (float)((double)at[(l + 1) * stride] - error);
	}
}

// Errors of sums. magnitudes, squares: [n_rows][elements] of what was summed up.
static void noise_add_to_sums(
	struct noise *noise, const struct node *node, const float *magnitudes, const float *squares)
{
	const uint32_t t = node->outputs[0];
	const size_t elements = (size_t)tensor_elements(&noise->evaluations.graph->tensors[t]);
	const double terms = rounding_terms(noise->evaluations.graph, node);
	// What is divided by the count of terms has them divided by it, too.
	const double divided = rounding_is_of_mean(node->op) ? terms : 1.0;
	float *values = noise->evaluations.values[t];

	for (uint32_t r = 0; r < noise->evaluations.n_rows; r++) {
		for (size_t e = 0; e < elements; e++) {
			float *value = values + r * noise->evaluations.lanes * elements + e;
			const size_t at = r * elements + e;

			noise_add(noise, value, elements,
				rounding_of_sum(terms, (double)*value, (double)magnitudes[at],
					(double)squares[at] / divided));
		}
	}
}

static void noise_add_to_results(struct noise *noise, const struct node *node)
{
	const double roundings = rounding_count(noise->evaluations.graph, node);

	for (uint32_t o = 0; o < node->n_outputs; o++) {
		const uint32_t t = node->outputs[o];
		const float *x = NULL;
		size_t elements;
		float *values;

		if (t == GRAPH_NONE || noise->evaluations.graph->tensors[t].dtype != DTYPE_F32)
			continue;
		elements = (size_t)tensor_elements(&noise->evaluations.graph->tensors[t]);
		values = noise->evaluations.values[t];
		if (rounding_is_of_difference(node->op))
			x = noise->evaluations.values[node->inputs[0]];
		for (size_t r = 0; r < noise->evaluations.n_rows; r++) {
			for (size_t e = 0; e < elements; e++) {
				const size_t at = r * noise->evaluations.lanes * elements + e;
				double size = fabs((double)values[at]);

				// A HardSigmoid that was cut to 0 or 1 is exact.
				if (node->op == OP_HARD_SIGMOID && (size == 0 || size == 1))
					continue;
				if (x)
					size = fmax(size, fmin(1.0, fabs((double)x[at])));
				if (rounding_may_flush(node->op))
					size = fmax(size, SPREAD_LEAST / NOISE_ROUNDING);
				noise_add(noise, values + at, elements, roundings * size);
			}
		}
	}
}

// --- Evaluation ----------------------------------------------------------------------------------

static uint64_t noise_live_bytes(const struct graph *graph, const uint32_t *last_use)
{
	uint64_t live = graph->n_features * sizeof(float), most = 0;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t o = 0; o < node->n_outputs; o++)
			live += node->outputs[o] == GRAPH_NONE
				? 0
				: tensor_bytes(&graph->tensors[node->outputs[o]]);
		most = live > most ? live : most;
		for (uint32_t i = 0; i < node->n_inputs; i++) {
			const uint32_t t = node->inputs[i];

			if (t != GRAPH_NONE && !graph->tensors[t].data && last_use[t] == n &&
				live >= tensor_bytes(&graph->tensors[t]))
				live -= tensor_bytes(&graph->tensors[t]);
		}
	}
	return most;
}

static int noise_allocate(struct noise *noise, uint32_t t)
{
	const size_t bytes = tensor_bytes(&noise->evaluations.graph->tensors[t]);

	noise->evaluations.values[t] = calloc(noise->count, bytes + 1);
	return noise->evaluations.values[t] ? 0 : error_set(noise->err, -ENOMEM, "out of memory");
}

static void noise_forget(struct noise *noise, uint32_t t)
{
	free(noise->evaluations.values[t]);
	noise->evaluations.values[t] = NULL;
}

// Runs the node on all evaluations; of a ROUNDING_WITHIN its inputs are disturbed as well.
static int noise_run(struct noise *noise, const struct node *node, enum rounding kind)
{
	const struct graph *graph = noise->evaluations.graph;
	struct evaluation evaluation = { .graph = graph, .node = node, .n = noise->count };
	int rc = evaluation_init(&evaluation, noise->err);

	for (uint32_t i = 0; i < node->n_inputs && rc == 0; i++) {
		const uint32_t t = node->inputs[i];
		size_t elements;
		float *copy;

		if (t == GRAPH_NONE || graph->tensors[t].data)
			continue;
		evaluation.x[i] = noise->evaluations.values[t];
		if (kind != ROUNDING_WITHIN || graph->tensors[t].dtype != DTYPE_F32)
			continue;
		elements = (size_t)tensor_elements(&graph->tensors[t]);
		copy = evaluation_own(&evaluation, i, noise->err);
		rc = copy ? 0 : noise->err->code;
		for (size_t r = 0; copy && r < noise->evaluations.n_rows; r++) {
			for (size_t e = 0; e < elements; e++) {
				float *at = copy + r * noise->evaluations.lanes * elements + e;

				noise_add(noise, at, elements, fabs((double)*at));
			}
		}
	}
	for (uint32_t o = 0; o < node->n_outputs && rc == 0; o++) {
		if (node->outputs[o] == GRAPH_NONE)
			continue;
		rc = noise_allocate(noise, node->outputs[o]);
		evaluation.y[o] = noise->evaluations.values[node->outputs[o]];
	}
	if (rc == 0)
		rc = evaluation_run(&evaluation, noise->err);
	evaluation_fini(&evaluation);
	return rc;
}

static void noise_take_magnitudes(float *values, size_t count, int power, bool subtracted)
{
	for (size_t i = 0; i < count; i++) {
		const float magnitude = power == 2 ? values[i] * values[i] : fabsf(values[i]);

		values[i] = subtracted ? -magnitude : magnitude;
	}
}

// The same node on the magnitudes of its inputs, of the undisturbed rows, or on their squares: what the
// results would be did nothing cancel, or the sums of the squares of the terms. magnitudes:
// [n_rows][elements].
static int noise_magnitudes(
	struct noise *noise, const struct node *node, int power, float *magnitudes)
{
	const struct graph *graph = noise->evaluations.graph;
	struct evaluation evaluation = {
		.graph = graph, .node = node, .n = noise->evaluations.n_rows, .power = power
	};
	int rc = evaluation_init(&evaluation, noise->err);

	for (uint32_t i = 0; i < node->n_inputs && rc == 0; i++) {
		const uint32_t t = node->inputs[i];
		size_t bytes, count;
		char *copy;

		if (t == GRAPH_NONE)
			continue;
		bytes = tensor_bytes(&graph->tensors[t]);
		count = (size_t)tensor_elements(&graph->tensors[t]);
		if (graph->tensors[t].data &&
			(graph->tensors[t].dtype != DTYPE_F32 ||
				!rounding_takes_magnitude(node->op, i)))
			continue;
		copy = evaluation_own(&evaluation, i, noise->err);
		if (!copy) {
			rc = noise->err->code;
			break;
		}
		if (!graph->tensors[t].data) {
			for (uint32_t r = 0; r < noise->evaluations.n_rows; r++)
				memcpy(copy + r * bytes,
					(char *)noise->evaluations.values[t] +
						r * noise->evaluations.lanes * bytes,
					bytes);
			count *= noise->evaluations.n_rows;
		}
		if (graph->tensors[t].dtype == DTYPE_F32 && rounding_takes_magnitude(node->op, i))
			noise_take_magnitudes((float *)(void *)copy, count, power,
				rounding_is_subtracted(node->op, i));
	}
	evaluation.y[0] = magnitudes;
	if (rc == 0)
		rc = evaluation_run(&evaluation, noise->err);
	evaluation_fini(&evaluation);
	return rc;
}

static int noise_node(struct noise *noise, uint32_t n)
{
	const struct node *node = &noise->evaluations.graph->nodes[n];
	const enum rounding kind = rounding_of(noise->evaluations.graph, node);
	int rc = noise_run(noise, node, kind);

	noise->evaluations.hides |= kind == ROUNDING_WITHIN && node->op != OP_SOFTMAX;

	if (rc == 0)
		decisions_find(&noise->evaluations, node, noise->evaluations.otherwise);
	if (rc == 0 && kind == ROUNDING_SUMMED) {
		const struct tensor *out = &noise->evaluations.graph->tensors[node->outputs[0]];
		float *magnitudes = calloc(noise->evaluations.n_rows, tensor_bytes(out) + 1);
		float *squares = calloc(noise->evaluations.n_rows, tensor_bytes(out) + 1);

		rc = magnitudes && squares ? noise_magnitudes(noise, node, 1, magnitudes)
					   : error_set(noise->err, -ENOMEM, "out of memory");
		if (rc == 0)
			rc = noise_magnitudes(noise, node, 2, squares);
		if (rc == 0)
			noise_add_to_sums(noise, node, magnitudes, squares);
		free(magnitudes);
		free(squares);
	} else if (rc == 0 && kind != ROUNDING_NONE) {
		noise_add_to_results(noise, node);
	}
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] != GRAPH_NONE && noise->last_use[node->inputs[i]] == n)
			noise_forget(noise, node->inputs[i]);
	}
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		if (node->outputs[o] != GRAPH_NONE && noise->last_use[node->outputs[o]] == n)
			noise_forget(noise, node->outputs[o]);
	}
	return rc;
}

static int noise_inputs(struct noise *noise, const float *rows)
{
	const struct graph *graph = noise->evaluations.graph;

	for (uint32_t p = 0; p < graph->n_inputs; p++) {
		const struct graph_port *port = &graph->inputs[p];
		const size_t bytes = tensor_bytes(&graph->tensors[port->tensor]);

		if (noise_allocate(noise, port->tensor) != 0)
			return noise->err->code;
		for (uint32_t l = 0; l < noise->count; l++)
			memcpy((char *)noise->evaluations.values[port->tensor] + l * bytes,
				rows + (size_t)(l / noise->evaluations.lanes) * graph->n_features +
					port->first_column,
				bytes);
	}
	return 0;
}

static void noise_note_last_use(struct noise *noise)
{
	const struct graph *graph = noise->evaluations.graph;

	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t o = 0; o < node->n_outputs; o++) {
			if (node->outputs[o] != GRAPH_NONE)
				noise->last_use[node->outputs[o]] = n;
		}
		for (uint32_t i = 0; i < node->n_inputs; i++) {
			if (node->inputs[i] != GRAPH_NONE)
				noise->last_use[node->inputs[i]] = n;
		}
	}
	for (uint32_t o = 0; o < graph->n_outputs; o++)
		noise->last_use[graph->outputs[o].tensor] = UINT32_MAX;
}

// How many evaluations a row can have.
static void noise_set_lanes(struct noise *noise, uint64_t macs)
{
	const uint64_t live = noise_live_bytes(noise->evaluations.graph, noise->last_use) + 1;
	const uint64_t by_work = NOISE_WORK / (macs + 1) / noise->evaluations.n_rows / 2;
	const uint64_t by_bytes = NOISE_BYTES / live / noise->evaluations.n_rows / 2;
	uint64_t pairs = by_work < by_bytes ? by_work : by_bytes;

	pairs = pairs < 2 ? 2 : pairs < NOISE_PAIRS_MAX ? pairs : NOISE_PAIRS_MAX;
	noise->evaluations.lanes = 1 + 2 * (uint32_t)pairs;
	noise->count = noise->evaluations.n_rows * noise->evaluations.lanes;
}

int noise_measure(const struct graph *graph, const float *rows, uint32_t n, const float *outputs,
	uint64_t macs, float *tolerance, bool *hangs, struct error *err)
{
	struct noise noise = {
		.evaluations = {
			.graph = graph,
			.n_rows = n,
			.values = calloc((size_t)graph->n_tensors + 1, sizeof(void *)),
			.otherwise = hangs,
		},
		.last_use = calloc((size_t)graph->n_tensors + 1, sizeof(*noise.last_use)),
		.random = NOISE_SEED,
		.err = err,
	};
	int rc = 0;

	memset(hangs, 0, n * sizeof(*hangs));
	if (n == 0 || !noise.evaluations.values || !noise.last_use) {
		rc = n == 0 ? 0 : error_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	noise_note_last_use(&noise);
	noise_set_lanes(&noise, macs);
	rc = noise_inputs(&noise, rows);
	for (uint32_t i = 0; i < graph->n_nodes && rc == 0; i++)
		rc = noise_node(&noise, i);
	if (rc == 0)
		rc = spread_collect(&noise.evaluations, outputs, tolerance, err);
	for (uint32_t r = 0; r < n && rc == 0; r++)
		hangs[r] = decisions_hang(&noise.evaluations, r, hangs[r], outputs, tolerance);
	for (uint32_t t = 0; t < graph->n_tensors; t++)
		free(noise.evaluations.values[t]);
out:
	free(noise.evaluations.values);
	free(noise.last_use);
	return rc;
}
