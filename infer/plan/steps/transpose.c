// SPDX-License-Identifier: BSD-3-Clause
// Transpose of any dtype: dimensions that stay neighbours are one, and the last, where its values
// stay beside each other, is copied as a whole.
#include "infer/plan/table.h"

#include <string.h>

struct transpose {
	size_t run_bytes;
	uint32_t n; // loops, the outermost first
	struct {
		size_t count, stride; // of y; bytes of x
	} loop[GRAPH_RANK_MAX];
};

static void copy_values(char *y, const char *x, size_t count, size_t stride)
{
	uint32_t value;

	for (size_t i = 0; i < count; i++, x += stride, y += sizeof(value)) {
		memcpy(&value, x, sizeof(value));
		memcpy(y, &value, sizeof(value));
	}
}

// What stands at x, into y by the loops from `l` on. Returns where y ends.
static char *copy_from(const struct transpose *t, uint32_t l, const char *x, char *y)
{
	const size_t count = l < t->n ? t->loop[l].count : 1;

	if (l + 1 == t->n && t->run_bytes == sizeof(uint32_t)) {
		copy_values(y, x, count, t->loop[l].stride);
		return y + count * t->run_bytes;
	}
	if (l >= t->n) {
		memcpy(y, x, t->run_bytes);
		return y + t->run_bytes;
	}
	for (size_t i = 0; i < count; i++, x += t->loop[l].stride)
		y = copy_from(t, l + 1, x, y);
	return y;
}

static void run_transpose(const struct step *step, const struct pass *pass)
{
	const struct transpose *t = step->params;
	const char *x = buffer_at(pass, &step->x);
	char *y = buffer_at(pass, &step->y);

	for (uint32_t row = 0; row < pass->n; row++, x += step->per_row)
		y = copy_from(t, 0, x, y);
}

int build_transpose(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	const struct attr *perm = node_attr(builder->node, ATTR_PERM);
	struct transpose t = { .run_bytes = dtype_bytes(x->dtype) };
	size_t strides[GRAPH_RANK_MAX] = { 0 }, stride = t.run_bytes;
	struct step *step = builder->step;

	for (uint32_t d = x->rank; d-- > 0; stride *= (size_t)x->dims[d])
		strides[d] = stride;
	for (uint32_t d = 0; d < x->rank; d++) {
		const size_t of = strides[perm ? perm->ints[d] : x->rank - 1 - d];
		const size_t count = (size_t)y->dims[d];

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
	step->run = run_transpose;
	step->x = builder_input_buffer(builder, 0);
	step->per_row = (uint32_t)tensor_bytes(x);
	step_set_kernel(step, "transpose__scalar");
	snprintf(step->shape, sizeof(step->shape), "%.28s -> %.28s", tensor_shape_text(x).text,
		tensor_shape_text(y).text);
	return builder_finish(builder, &t, sizeof(t));
}
