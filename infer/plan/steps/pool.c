// SPDX-License-Identifier: BSD-3-Clause
// Pools of either layout: of windows that lie inside, or of which what is outside counts as one
// value. What has another form takes its plain form.
#include "infer/plan/steps/pool.h"
#include "infer/graph/arena.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/pool/pool_line.h"
#include "infer/kernels/pool/pool_places.h"
#include "infer/plan/steps/layout.h"
#include "infer/plan/steps/reduce.h"
#include "infer/plan/table.h"

#include <inttypes.h>
#include <math.h>

struct pool_step {
	struct pool_room room;
	int64_t channels; // of all images of a row
	bool average;
	struct pool_line line;
	pool_line_fn *run; // NULL: no kernel of this form

	struct pool_places places; // channels side by side
	pool_places_fn *run_places;
};

// The line for its kernel, where there is one.
static void pick_line(struct pool_step *p, unsigned isa)
{
	const struct window *w = &p->room.window;
	const int64_t *k = w->kernel;

	if (!kernel_allowed(ISA_AVX512, isa) || window_product(k) > POOL_TAPS_MAX ||
		w->stride[2] > 2)
		return;
	p->line.taps = (uint32_t)window_product(k);
	p->line.places = (uint32_t)w->out[2];
	p->line.stride = (uint32_t)w->stride[2];
	p->line.average = p->average;
	for (uint32_t t = 0; t < p->line.taps; t++)
		p->line.at[t] = (uint32_t)((t / (k[1] * k[2]) * w->dilation[0] * w->in[1] +
						   t / k[2] % k[1] * w->dilation[1]) *
				w->in[2] +
			t % k[2] * w->dilation[2]);
	X86(p->run = f32_pool_line__avx512;)
}

// One line of places, whose first window begins at x.
static void pool_line(const struct pool_step *p, const float *x, float *restrict y)
{
	const struct window *w = &p->room.window;
	const int64_t taps = window_product(w->kernel), n = w->out[2], stride = w->stride[2];

	for (int64_t t = 0; t < taps; t++) {
		const float *from = x +
			(t / (w->kernel[1] * w->kernel[2]) * w->dilation[0] * w->in[1] +
				t / w->kernel[2] % w->kernel[1] * w->dilation[1]) *
				w->in[2] +
			t % w->kernel[2] * w->dilation[2];

		if (t == 0) {
			for (int64_t i = 0; i < n; i++)
				y[i] = from[i * stride];
		} else if (p->average) {
			for (int64_t i = 0; i < n; i++)
				y[i] += from[i * stride];
		} else {
			for (int64_t i = 0; i < n; i++)
				y[i] = from[i * stride] > y[i] ? from[i * stride] : y[i];
		}
	}
	for (int64_t i = 0; i < n && p->average; i++)
		y[i] /= (float)taps;
}

// The image as its windows lie in it. x goes on to the next one.
static const float *into_room(const struct pool_room *room, const float **x, float *scratch)
{
	const float *image = *x;
	const uint32_t *in = room->padding.in;

	*x += (size_t)room->padding.channels * in[0] * in[1] * in[2];
	if (!room->padded)
		return image;
	padding_copy(&room->padding, image, scratch);
	return scratch;
}

static void fill_room(const struct pool_step *p, float *scratch)
{
	if (p->room.padded)
		padding_fill(&p->room.padding, p->average ? 0.0f : -INFINITY, scratch);
}

static void run_pool(const struct step *step, const struct pass *pass)
{
	const struct pool_step *p = step->params;
	const struct window *w = &p->room.window;
	const int64_t lines = w->out[0] * w->out[1];
	const float *x = buffer_at(pass, &step->x);
	float *y = buffer_at(pass, &step->y), *scratch = buffer_at(pass, &step->scratch);

	fill_room(p, scratch);
	for (int64_t c = 0; c < pass->n * p->channels; c++) {
		const float *image = into_room(&p->room, &x, scratch);

		for (int64_t l = 0; l < lines; l++, y += w->out[2]) {
			const float *from = image;

			if (l > 0)
				from += (l / w->out[1] * w->stride[0] * w->in[1] +
						l % w->out[1] * w->stride[1]) *
					w->in[2];
			if (p->run)
				p->run(&p->line, from, y);
			else
				pool_line(p, from, y);
		}
	}
}

static void run_pool_places(const struct step *step, const struct pass *pass)
{
	const struct pool_step *p = step->params;
	const struct window *w = &p->room.window;
	const int64_t lines = w->out[0] * w->out[1], each = p->places.channels;
	const float *x = buffer_at(pass, &step->x);
	float *y = buffer_at(pass, &step->y), *scratch = buffer_at(pass, &step->scratch);

	fill_room(p, scratch);
	for (int64_t i = 0; i < pass->n * (p->channels / each); i++) {
		const float *image = into_room(&p->room, &x, scratch);

		for (int64_t l = 0; l < lines; l++, y += w->out[2] * each)
			p->run_places(&p->places,
				image +
					(l / w->out[1] * w->stride[0] * w->in[1] +
						l % w->out[1] * w->stride[1]) *
						w->in[2] * each,
				y);
	}
}

const uint32_t *pool_taps(struct builder *builder, const struct window *w, uint32_t unit)
{
	const int64_t *k = w->kernel, taps = window_product(k);
	uint32_t *at = arena_calloc(builder->plan->arena, (size_t)taps, sizeof(*at));

	if (!at)
		error_set(builder->err, -ENOMEM, "no memory for the plan");
	for (int64_t t = 0; at && t < taps; t++)
		at[t] = (uint32_t)((t / (k[1] * k[2]) * w->dilation[0] * w->in[1] +
					   t / k[2] % k[1] * w->dilation[1]) *
					w->in[2] +
				t % k[2] * w->dilation[2]) *
			unit;
	return at;
}

// Which room the node's windows lie in; false: none of one value about it, or too much of it.
static bool find_room(
	const struct node *node, const struct tensor *x, bool last, struct pool_room *room)
{
	struct window *w = &room->window;
	const uint32_t channels = last ? (uint32_t)x->dims[1] : 1;
	size_t values = channels;
	bool hangs_over = false;
	struct error unheard;

	if (window_of(node, x, node_attr(node, ATTR_KERNEL_SHAPE)->ints, false, w, &unheard) != 0)
		return false;
	room->padding = padding_of(w, channels, last, dtype_bytes(x->dtype));
	room->padded = false;
	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		const int64_t needed =
			(w->out[d] - 1) * w->stride[d] + (w->kernel[d] - 1) * w->dilation[d] + 1;
		const int64_t asked = w->in[d] + w->begin[d] + w->end[d];

		hangs_over |= needed > asked; // CEIL_MODE
		room->padded |= needed > w->in[d] || w->begin[d] > 0;
		w->in[d] = needed > asked ? needed : asked;
		w->begin[d] = w->end[d] = 0;
		room->padding.room[d] = (uint32_t)w->in[d];
		if ((uint64_t)w->in[d] > PLAN_ROW_BYTES_MAX / sizeof(float) / values)
			return false;
		values *= (size_t)w->in[d];
	}
	if (!room->padded) { // what the pads ask for, no window reaches
		for (uint32_t d = 0; d < WINDOW_DIMS; d++)
			w->in[d] = room->padding.in[d];
	}
	return !room->padded || node->op == OP_MAX_POOL ||
		(node_int(node, ATTR_COUNT_INCLUDE_PAD, 0) != 0 && !hangs_over);
}

// Of a pool that reads channels side by side: does its own reader take them so, too?
bool pool_takes(const struct builder *builder, const struct node *node, uint32_t pools)
{
	const unsigned isa = builder->plan->isa_mask;
	const struct tensor *x = &builder->graph->tensors[node->inputs[0]];
	struct pool_room room;

	return kernel_allowed(KERNEL_VECTORS, isa) && node->n_outputs == 1 &&
		find_room(node, x, true, &room) && layout_reader_takes(builder, node, pools);
}

// Both sides stand the same way: pool_takes() has seen to it.
static int pick_places(struct builder *builder, struct pool_step *p)
{
	const unsigned isa = builder->plan->isa_mask;
	const uint32_t channels = (uint32_t)builder_input(builder, 0)->dims[1];

	layout_output_last(builder);
	builder->step->run = run_pool_places;
	p->run_places = KERNEL_WIDEST(f32_pool_places, isa);
	step_set_kernel(builder->step, KERNEL_WIDEST_NAME(f32_pool_places, isa));
	p->places = (struct pool_places){ .taps = (uint32_t)window_product(p->room.window.kernel),
		.places = (uint32_t)p->room.window.out[2],
		.channels = channels,
		.step = window_step(&p->room.window, 2) * channels,
		.at = pool_taps(builder, &p->room.window, channels),
		.average = p->average };
	return p->places.at ? 0 : -ENOMEM;
}

// One window that is all of the image.
static bool is_global(const struct pool_room *room)
{
	const struct window *w = &room->window;

	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		if (w->out[d] != 1 || w->kernel[d] != w->in[d] ||
			(w->dilation[d] != 1 && w->in[d] > 1))
			return false;
	}
	return !room->padded;
}

static int build_pool_floats(struct builder *builder, const struct pool_room *room)
{
	const struct tensor *x = builder_input(builder, 0);
	struct pool_step p = { .room = *room,
		.channels = x->dims[0] * x->dims[1],
		.average = builder->node->op == OP_AVERAGE_POOL };
	struct step *step = builder->step;
	const bool last = layout_input_last(builder);

	if (is_global(room) && !last &&
		build_reduce_rows(builder, p.average ? REDUCTION_MEAN : REDUCTION_MAX,
			(size_t)p.channels, (size_t)window_product(room->window.in)) == 0)
		return 0;
	pick_line(&p, builder->plan->isa_mask);
	step->run = run_pool;
	step_set_kernel(step, p.run ? "f32_pool_line__avx512" : "f32_pool__scalar");
	if (last && pick_places(builder, &p) != 0)
		return -ENOMEM;
	return builder_finish(builder, &p, sizeof(p));
}

int build_pool(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0);
	const bool last = layout_input_last(builder);
	struct step *step = builder->step;
	const struct window *w;
	struct pool_room room;
	int rc;

	if (!find_room(builder->node, x, last, &room))
		return error_set(builder->err, -ENOTSUP, "windows beyond the input");
	if (builder->node->n_outputs > 1)
		return error_set(builder->err, -ENOTSUP, "indices");
	if (room.padded)
		builder->scratch_bytes = padding_values(&room.padding) * dtype_bytes(x->dtype);
	rc = (x->dtype == DTYPE_F32 ? build_pool_floats : build_pool_bytes)(builder, &room);
	if (rc != 0)
		return rc;
	w = &room.window;
	step->x = builder_input_buffer(builder, 0);
	step->macs =
		(uint64_t)(tensor_elements(builder_output(builder, 0)) * window_product(w->kernel));
	snprintf(step->shape, sizeof(step->shape),
		"%" PRId64 "x%" PRId64 " -> %" PRId64 " k%" PRId64, x->dims[0] * x->dims[1],
		x->dims[2] * (x->rank > 3 ? x->dims[3] : 1) * (x->rank > 4 ? x->dims[4] : 1),
		window_product(w->out), window_product(w->kernel));
	return 0;
}
