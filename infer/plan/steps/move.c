// SPDX-License-Identifier: BSD-3-Clause
// Steps that move values: between the ports and their tensors, Concat.
#include "infer/plan/steps/move.h"
#include "infer/plan/table.h"

#include <string.h>

void step_copy(const struct step *step, const struct pass *pass)
{
	const char *x = buffer_at(pass, &step->x);
	char *y = buffer_at(pass, &step->y);

	for (uint32_t row = 0; row < pass->n; row++) {
		memcpy(y, x, step->per_row);
		x += step->x.row_bytes;
		y += step->y.row_bytes;
	}
}

// --- Concat --------------------------------------------------------------------------------------

struct concat {
	uint32_t n_parts, outer;
	const struct buffer *parts; // [n_parts]
	const size_t *bytes;        // [n_parts] of one run of the part
};

static void run_concat(const struct step *step, const struct pass *pass)
{
	const struct concat *concat = step->params;
	char *y = buffer_at(pass, &step->y);

	for (uint32_t row = 0; row < pass->n; row++) {
		for (uint32_t o = 0; o < concat->outer; o++) {
			for (uint32_t p = 0; p < concat->n_parts; p++) {
				const struct buffer *part = &concat->parts[p];
				const char *x = buffer_at(pass, part);

				memcpy(y, x + row * part->row_bytes + o * concat->bytes[p],
					concat->bytes[p]);
				y += concat->bytes[p];
			}
		}
	}
}

int build_concat(struct builder *builder)
{
	uint32_t count = builder->node->n_inputs, axis;
	struct buffer *parts = builder_weights(builder, count * sizeof(*parts));
	size_t *bytes = parts ? builder_weights(builder, count * sizeof(*bytes)) : NULL;
	struct concat concat = { .n_parts = count, .outer = 1, .parts = parts, .bytes = bytes };
	const struct tensor *out = builder_output(builder, 0);

	if (!bytes)
		return -ENOMEM;
	if (node_axis(builder->node, out->rank, 0, &axis) != 0)
		return error_set(builder->err, -EINVAL, "the axis is not one of the input's");
	for (uint32_t d = 0; d < axis; d++)
		concat.outer *= (uint32_t)out->dims[d];
	for (uint32_t p = 0; p < count; p++) {
		parts[p] = builder_input_buffer(builder, p);
		bytes[p] = tensor_bytes(builder_input(builder, p)) / concat.outer;
	}
	builder->step->run = run_concat;
	step_set_kernel(builder->step, "concat__scalar");
	return builder_finish(builder, &concat, sizeof(concat));
}
