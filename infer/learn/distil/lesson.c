// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/distil/lesson.h"

#include "infer/import/build.h"

#include <math.h>
#include <string.h>

#define P_LEAST 1e-7 // of a teacher's probability: its logarithm is finite

static double lesson_logarithm(double p)
{
	return log(p > P_LEAST ? p : P_LEAST);
}

void lesson_soften(const struct lesson *lesson, const float *p, double temperature, float *soft)
{
	double most = -INFINITY, sum = 0;

	if (lesson->kind == LESSON_PROBABILITY) {
		const double z = lesson_logarithm((double)*p) - lesson_logarithm(1 - (double)*p);

		*soft = (float)(1 / (1 + exp(-z / temperature)));
		return;
	}
	for (uint32_t o = 0; o < lesson->n_outputs; o++)
		most = fmax(most, lesson_logarithm((double)p[o]));
	for (uint32_t o = 0; o < lesson->n_outputs; o++) {
		const double e = exp((lesson_logarithm((double)p[o]) - most) / temperature);

		soft[o] = (float)e;
		sum += e;
	}
	for (uint32_t o = 0; o < lesson->n_outputs; o++)
		soft[o] = (float)((double)soft[o] / sum);
}

// output * scale + shift, by each column.
uint32_t lesson_restore(
	const struct lesson *lesson, struct graph *graph, uint32_t output, struct error *err)
{
	const int64_t dims[1] = { lesson->n_outputs };
	float *scale, *shift;
	const uint32_t by = build_constant(graph, 1, dims, &scale, err);
	const uint32_t to = by == GRAPH_NONE ? by : build_constant(graph, 1, dims, &shift, err);

	if (to == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(scale, lesson->scale, lesson->n_outputs * sizeof(*scale));
	memcpy(shift, lesson->shift, lesson->n_outputs * sizeof(*shift));
	output = build_pair(graph, OP_ADD, build_pair(graph, OP_MUL, output, by, err), to, err);
	return lesson->logarithm ? build_node(graph, OP_EXP, 1, &output, err) : output;
}
