// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/operators.h"

#include "infer/infer.h"

#include <string.h>

#define FAMILY(family) ONNX_##family,
static const struct onnx_operator *const FAMILIES[] = { ONNX_FAMILIES(FAMILY) };
#undef FAMILY
#define FAMILY(family) ONNX_ML_##family,
static const struct onnx_operator *const ML_FAMILIES[] = { ONNX_ML_FAMILIES(FAMILY) };
#undef FAMILY

#define N_FAMILIES    (sizeof(FAMILIES) / sizeof(*FAMILIES))
#define N_ML_FAMILIES (sizeof(ML_FAMILIES) / sizeof(*ML_FAMILIES))

const struct onnx_operator *onnx_operator_find(bool ml, const char *type)
{
	const struct onnx_operator *const *families = ml ? ML_FAMILIES : FAMILIES;
	const size_t n = ml ? N_ML_FAMILIES : N_FAMILIES;

	for (size_t f = 0; f < n; f++) {
		for (const struct onnx_operator *op = families[f]; op->type; op++) {
			if (strcmp(op->type, type) == 0)
				return op;
		}
	}
	return NULL;
}

const struct onnx_operator *onnx_operator_at(size_t index, bool *ml)
{
	for (size_t f = 0; f < N_FAMILIES + N_ML_FAMILIES; f++) {
		const struct onnx_operator *op =
			f < N_FAMILIES ? FAMILIES[f] : ML_FAMILIES[f - N_FAMILIES];

		for (; op->type; op++) {
			*ml = f >= N_FAMILIES;
			if (index-- == 0)
				return op;
		}
	}
	return NULL;
}

bool model_operator(size_t index, struct model_operator *found)
{
	bool ml;
	const struct onnx_operator *op = onnx_operator_at(index, &ml);

	if (!op)
		return false;
	*found = (struct model_operator){ .domain = ml ? "ai.onnx.ml" : "ai.onnx",
		.type = op->type,
		.inputs_min = op->inputs_min,
		.inputs_max = op->inputs_max };
	return true;
}
