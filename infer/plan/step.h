// SPDX-License-Identifier: BSD-3-Clause
// A step of a plan, what a pass hands it, and where its tensors are in memory.
#pragma once

#include "infer/infer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum buffer_base { BUFFER_ROWS, BUFFER_OUTPUTS, BUFFER_SCRATCH, BUFFER_BASES };

// The memory of a tensor, or of a step's scratch.
struct buffer {
	const void *constant; // the same for all rows; NULL: at base + offset * n + shift
	enum buffer_base base;
	size_t offset;    // bytes for each row of the pass
	size_t shift;     // bytes: the port's first column
	size_t row_bytes; // from row to row; 0 for a constant
};

struct pass {
	char *base[BUFFER_BASES];
	uint32_t n;           // rows, 1 to plan->tile_rows
	uint32_t batch_class; // index of MODEL_BATCH_CLASS: batch_class_of(n)
};

static inline void *buffer_at(const struct pass *pass, const struct buffer *buffer)
{
	if (buffer->constant)
		return (void *)(uintptr_t)buffer->constant;
	return pass->base[buffer->base] + buffer->offset * pass->n + buffer->shift;
}

struct step {
	void (*run)(const struct step *step, const struct pass *pass);
	struct buffer x, x2;     // most steps have one or two inputs
	struct buffer y, y2, y3; // y2 and y3: LayerNormalization's
	bool has_y2, has_y3;
	struct buffer scratch; // where the builder asked for some
	uint32_t per_row;      // rows of the kernel for one row of the model, or values for one row
	const void *params;    // of the kernel: its struct
	const void *kernel_run;            // a struct of steps/*.c that holds the kernel's function
	const struct dense_choice *choice; // [MODEL_BATCH_CLASSES], Dense only

	// For people.
	const char *op, *node;
	char shape[64];
	const char *kernel[MODEL_BATCH_CLASSES];
	double ns_per_row[MODEL_BATCH_CLASSES];
	size_t bytes_touched;
	uint64_t macs;
};

// The class whose size is nearest to n rows, by ratio.
uint32_t batch_class_of(uint32_t n);
// The same kernel for all classes. `name` is a static string.
void step_set_kernel(struct step *step, const char *name);
