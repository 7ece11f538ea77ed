// SPDX-License-Identifier: BSD-3-Clause
// What a distillation (distil.h) came to. No file of code belongs to it.
#pragma once

#include "infer/infer.h"

#include <stddef.h>

struct distil_side {         // the teacher or the student
	double f1, accuracy; // macro F1 of the rows held back that bear a label; NaN: none do
	double ns_per_row[MODEL_BATCH_CLASSES];
	size_t image_bytes;
};

struct distil_result {
	size_t n_taught, n_drawn, n_held,
		n_left_out; // rows; the last: the student or teacher has no score of them
	double agreement;   // share of the rows held back that both decide the same
	const char *agreed; // how that was decided: a sentence's end
	struct distil_side teacher, student;
};
