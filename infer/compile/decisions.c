// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/decisions.h"

#include <math.h>
#include <string.h>

#define DECISIONS_MATTER 1e-5f // of a score: a step that moves it less does not matter

// Does the node turn values that vary into some of few, other than by its output's type?
static bool decisions_is_step(enum op op)
{
	return op == OP_TREES || op == OP_CEIL || op == OP_FLOOR || op == OP_ROUND ||
		op == OP_SIGN || op == OP_MOD;
}

void decisions_find(const struct evaluations *evaluations, const struct node *node, bool *otherwise)
{
	for (uint32_t o = 0; o < node->n_outputs; o++) {
		const uint32_t t = node->outputs[o];
		const struct tensor *tensor;
		size_t bytes;

		if (t == GRAPH_NONE)
			continue;
		tensor = &evaluations->graph->tensors[t];
		if (dtype_is_float(tensor->dtype) && !decisions_is_step(node->op))
			continue;
		bytes = tensor_bytes(tensor);
		for (uint32_t l = 0; l < evaluations->n_rows * evaluations->lanes; l++) {
			const uint32_t row = l / evaluations->lanes;
			const char *values = evaluations->values[t];

			if (memcmp(values + l * bytes, values + row * evaluations->lanes * bytes,
				    bytes) != 0)
				otherwise[row] = true;
		}
	}
}

bool decisions_hang(const struct evaluations *evaluations, uint32_t row, bool otherwise,
	const float *outputs, float *tolerance)
{
	const size_t columns = evaluations->graph->n_columns_out;
	bool hangs = false;

	for (size_t i = row * columns; i < (row + 1) * columns; i++) {
		if (isfinite(tolerance[i]) &&
			(!otherwise ||
				tolerance[i] <= DECISIONS_MATTER * fmaxf(1.0f, fabsf(outputs[i]))))
			continue;
		tolerance[i] = INFINITY;
		hangs = true;
	}
	return hangs;
}
