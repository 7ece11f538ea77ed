// SPDX-License-Identifier: BSD-3-Clause
// Steps that move values of any dtype: between the ports and their tensors, Concat, Transpose, Slice,
// Gather by constant indices.
#include "infer/plan/steps/move.h"
#include "infer/kernels/move/copy.h"
#include "infer/kernels/move/gather.h"
#include "infer/kernels/move/transpose.h"

_Static_assert(TRANSPOSE_LOOPS_MAX >= GRAPH_RANK_MAX, "a loop for each dimension");

static void run_copy(const struct step *step, const struct pass *pass)
{
	copy__scalar(pass->n, step->per_row, buffer_at(pass, &step->x), step->x.row_bytes,
		buffer_at(pass, &step->y), step->y.row_bytes);
}

void step_set_copy(struct step *step, struct buffer x, struct buffer y, size_t bytes)
{
	step->run = run_copy;
	step->x = x;
	step->y = y;
	step->per_row = (uint32_t)bytes;
	snprintf(step->shape, sizeof(step->shape), "%zu bytes", bytes);
	step_set_kernel(step, "copy__scalar");
}

// --- Concat --------------------------------------------------------------------------------------

struct concat_step {
	uint32_t n_parts, outer;    // of each part `outer` contiguous runs a row
	const struct buffer *parts; // [n_parts]
	const size_t *bytes;        // [n_parts] of one run of the part
	size_t all_bytes;           // of one run of each
};

static void run_concat(const struct step *step, const struct pass *pass)
{
	const struct concat_step *concat = step->params;
	char *y = buffer_at(pass, &step->y);

	for (uint32_t row = 0; row < pass->n; row++, y += concat->outer * concat->all_bytes) {
		char *column = y;

		for (uint32_t p = 0; p < concat->n_parts; p++) {
			const struct buffer *part = &concat->parts[p];
			const char *x = buffer_at(pass, part);

			copy__scalar(concat->outer, concat->bytes[p], x + row * part->row_bytes,
				concat->bytes[p], column, concat->all_bytes);
			column += concat->bytes[p];
		}
	}
}

int build_concat(struct builder *builder)
{
	uint32_t count = builder->node->n_inputs, axis;
	struct buffer *parts = builder_weights(builder, count * sizeof(*parts));
	size_t *bytes = parts ? builder_weights(builder, count * sizeof(*bytes)) : NULL;
	struct concat_step concat = {
		.n_parts = count, .outer = 1, .parts = parts, .bytes = bytes
	};
	const struct tensor *out = builder_output(builder, 0);

	if (!bytes)
		return builder->err->code;
	if (node_axis(builder->node, out->rank, 0, &axis) != 0)
		return error_set(builder->err, -EINVAL, "the axis is not one of the input's");
	for (uint32_t d = 0; d < axis; d++)
		concat.outer *= (uint32_t)out->dims[d];
	for (uint32_t p = 0; p < count; p++) {
		parts[p] = builder_input_buffer(builder, p);
		bytes[p] = tensor_bytes(builder_input(builder, p)) / concat.outer;
		concat.all_bytes += bytes[p];
	}
	builder->step->run = run_concat;
	step_set_kernel(builder->step, "copy__scalar");
	return builder_finish(builder, &concat, sizeof(concat));
}

// --- Transpose -----------------------------------------------------------------------------------

static void run_transpose(const struct step *step, const struct pass *pass)
{
	transpose__scalar(step->params, pass->n, buffer_at(pass, &step->x), step->per_row,
		buffer_at(pass, &step->y));
}

// The loops that take [rank] values of x, `counts` of them in each dimension and `strides` bytes apart.
// Dimensions that stay neighbours are one, and the last, where its values stay contiguous, is copied as
// a whole.
static struct transpose transpose_of(size_t value_bytes, uint32_t rank, const int64_t *counts,
	const size_t strides[GRAPH_RANK_MAX])
{
	struct transpose t = { .run_bytes = value_bytes };

	for (uint32_t d = 0; d < rank; d++) {
		const size_t of = strides[d], count = (size_t)counts[d];

		if (count == 1)
			continue;
		if (t.n > 0 && t.loop[t.n - 1].stride == of * count) { // one with the one before
			t.loop[t.n - 1].count *= count;
			t.loop[t.n - 1].stride = of;
		} else {
			t.loop[t.n].count = count;
			t.loop[t.n++].stride = of;
		}
	}
	if (t.n > 0 && t.loop[t.n - 1].stride == t.run_bytes)
		t.run_bytes *= t.loop[--t.n].count;
	while (t.n < 2) // nothing moves
		t.loop[t.n++].count = 1;
	return t;
}

// Bytes of x from one value of each dimension to the next.
static void move_strides(const struct tensor *x, size_t strides[GRAPH_RANK_MAX])
{
	size_t stride = dtype_bytes(x->dtype);

	for (uint32_t d = x->rank; d-- > 0; stride *= (size_t)x->dims[d])
		strides[d] = stride;
}

static int build_loops(struct builder *builder, const struct transpose *t)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	struct step *step = builder->step;

	step->run = run_transpose;
	step->per_row = (uint32_t)tensor_bytes(x);
	step_set_kernel(step, "transpose__scalar");
	snprintf(step->shape, sizeof(step->shape), "%.28s -> %.28s", tensor_shape_text(x).text,
		tensor_shape_text(y).text);
	return builder_finish(builder, t, sizeof(*t));
}

int build_transpose(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	const struct attr *perm = node_attr(builder->node, ATTR_PERM);
	size_t of_x[GRAPH_RANK_MAX] = { 0 }, strides[GRAPH_RANK_MAX] = { 0 };
	struct transpose t;

	move_strides(x, of_x);
	for (uint32_t d = 0; d < x->rank; d++)
		strides[d] = of_x[perm ? perm->ints[d] : x->rank - 1 - d];
	t = transpose_of(dtype_bytes(x->dtype), y->rank, y->dims, strides);
	builder->step->x = builder_input_buffer(builder, 0);
	return build_loops(builder, &t);
}

// --- Slice ---------------------------------------------------------------------------------------

int build_slice(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	const struct attr *starts = node_attr(builder->node, ATTR_STARTS);
	const struct attr *steps = node_attr(builder->node, ATTR_STEPS);
	size_t strides[GRAPH_RANK_MAX] = { 0 }, start = 0;
	struct transpose t;

	move_strides(x, strides);
	for (uint32_t d = 0; d < x->rank; d++) {
		if (steps->ints[d] < 0)
			return error_set(builder->err, -ENOTSUP, "backwards");
		start += strides[d] * (size_t)starts->ints[d];
		strides[d] *= (size_t)steps->ints[d];
	}
	t = transpose_of(dtype_bytes(x->dtype), y->rank, y->dims, strides);
	builder->step->x = builder_input_buffer(builder, 0);
	builder->step->x.shift += start;
	return build_loops(builder, &t);
}

// --- Gather --------------------------------------------------------------------------------------

static void run_gather(const struct step *step, const struct pass *pass)
{
	gather__scalar(step->params, pass->n, buffer_at(pass, &step->x), step->per_row,
		buffer_at(pass, &step->y));
}

// The operator's indices, those from the end and those out of range too, as places from 0 on.
static const uint32_t *gather_places(
	struct builder *builder, const struct tensor *indices, int64_t along)
{
	const size_t n = (size_t)tensor_elements(indices);
	uint32_t *places = builder_weights(builder, n * sizeof(*places));

	for (size_t i = 0; places && i < n; i++) {
		int64_t at = indices->dtype == DTYPE_I32 ? ((const int32_t *)indices->data)[i]
							 : ((const int64_t *)indices->data)[i];

		at += at < 0 ? along : 0;
		places[i] = (uint32_t)(at < 0 ? 0 : at >= along ? along - 1 : at);
	}
	return places;
}

int build_gather(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *indices = builder_input(builder, 1);
	const struct tensor *y = builder_output(builder, 0);
	struct step *step = builder->step;
	struct gather gather = { .outer = 1, .run_bytes = dtype_bytes(x->dtype) };
	uint32_t axis;

	if (!indices->data)
		return error_set(builder->err, -ENOTSUP, "the indices are computed");
	if (node_axis(builder->node, x->rank, 0, &axis) != 0)
		return error_set(builder->err, -EINVAL, "the axis is not one of the input's");
	for (uint32_t d = 0; d < axis; d++)
		gather.outer *= (uint32_t)x->dims[d];
	for (uint32_t d = axis + 1; d < x->rank; d++)
		gather.run_bytes *= (size_t)x->dims[d];
	gather.along = (uint32_t)x->dims[axis];
	gather.n = (uint32_t)tensor_elements(indices);
	gather.index = gather_places(builder, indices, gather.along);
	if (!gather.index)
		return builder->err->code;
	step->run = run_gather;
	step->per_row = (uint32_t)tensor_bytes(x);
	step->x = builder_input_buffer(builder, 0);
	step_set_kernel(step, "gather__scalar");
	snprintf(step->shape, sizeof(step->shape), "%.28s -> %.28s", tensor_shape_text(x).text,
		tensor_shape_text(y).text);
	return builder_finish(builder, &gather, sizeof(gather));
}
