// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/step.h"

const uint32_t MODEL_BATCH_CLASS[MODEL_BATCH_CLASSES] = { 1, 16, 64, 256 };

uint32_t batch_class_of(uint32_t n)
{
	return n < 4 ? 0 : n < 32 ? 1 : n < 128 ? 2 : 3;
}

void step_set_kernel(struct step *step, const char *name)
{
	for (int c = 0; c < MODEL_BATCH_CLASSES; c++)
		step->kernel[c] = name;
}
