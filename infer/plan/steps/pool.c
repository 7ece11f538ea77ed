// SPDX-License-Identifier: BSD-3-Clause
// Pools of either layout, and MaxPool of bytes, where windows are inside of the image or the
// padding can be given one value. Others take their plain form.
#include "infer/plan/steps/pool.h"
#include "infer/graph/arena.h"
#include "infer/kernels/move/padding.h"
#include "infer/kernels/pool/pool.h"
#include "infer/plan/steps/layout.h"
#include "infer/plan/steps/reduce.h"

#include <inttypes.h>
#include <math.h>

// The windows of a pool in the image, or in its padding buffer.
struct pool_form {
	struct window window; // of what the kernel reads: without pads
	struct padding padding;
	bool padded;
};

struct pool_step {
	struct pool pool;
	pool_fn *run;              // of floats
	q8_max_pool_fn *run_bytes; // or else of bytes
	struct padding padding;
	bool padded;
	float outside; // the value of the padding
	uint32_t images;
	size_t x_image, y_image; // bytes
};

static void run_pool(const struct step *step, const struct pass *pass)
{
	const struct pool_step *p = step->params;
	const char *x = buffer_at(pass, &step->x);
	char *y = buffer_at(pass, &step->y);
	void *padded = buffer_at(pass, &step->scratch);

	if (p->padded)
		padding_fill__scalar(&p->padding, p->outside, padded);
	for (uint32_t i = 0; i < pass->n * p->images; i++, x += p->x_image, y += p->y_image) {
		const void *image = p->padded ? padded : (const void *)x;

		if (p->padded)
			padding_copy__scalar(&p->padding, x, padded);
		if (p->run)
			p->run(&p->pool, image, (void *)y);
		else
			p->run_bytes(&p->pool, image, (void *)y);
	}
}

// The plain form visits only what lies in the image: it is the faster one where windows are so many times larger.
#define POOL_OVERHANG 16

// False where no single value can stand for the padding, or where the padding is too big.
static bool pool_form_of(
	const struct node *node, const struct tensor *x, bool channels_last, struct pool_form *form)
{
	struct window *w = &form->window;
	const uint32_t channels = channels_last ? (uint32_t)x->dims[1] : 1;
	size_t values = channels;
	bool hangs_over = false;
	int64_t own;
	struct error ignored;

	if (window_of(node, x, node_attr(node, ATTR_KERNEL_SHAPE)->ints, false, w, &ignored) != 0)
		return false;
	form->padding =
		padding_of(w, channels, channels_last, channels_last, dtype_bytes(x->dtype));
	form->padded = false;
	own = window_product(w->in);
	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		const int64_t needed =
			(w->out[d] - 1) * w->stride[d] + (w->kernel[d] - 1) * w->dilation[d] + 1;
		const int64_t asked = w->in[d] + w->begin[d] + w->end[d];

		hangs_over |= needed > asked; // CEIL_MODE
		form->padded |= needed > w->in[d] || w->begin[d] > 0;
		w->in[d] = needed > asked ? needed : asked;
		w->begin[d] = w->end[d] = 0;
		form->padding.padded[d] = (uint32_t)w->in[d];
		if ((uint64_t)w->in[d] > PLAN_ROW_BYTES_MAX / sizeof(float) / values)
			return false;
		values *= (size_t)w->in[d];
	}
	if (form->padded && window_product(w->kernel) / POOL_OVERHANG > own)
		return false;
	if (!form->padded) { // no window reaches the padding that is asked for
		for (uint32_t d = 0; d < WINDOW_DIMS; d++)
			w->in[d] = form->padding.in[d];
	}
	return !form->padded || node->op == OP_MAX_POOL ||
		(node_int(node, ATTR_COUNT_INCLUDE_PAD, 0) != 0 && !hangs_over);
}

bool pool_takes_channels_last(
	const struct builder *builder, const struct node *node, uint32_t pools)
{
	const struct tensor *x = &builder->graph->tensors[node->inputs[0]];
	struct pool_form form;

	return pools > 0 && builder_has_vectors(builder) && node->n_outputs == 1 &&
		pool_form_of(node, x, true, &form) && layout_reader_takes(builder, node, pools - 1);
}

// Is there one window, and is it all of the image?
static bool pool_is_global(const struct pool_form *form)
{
	const struct window *w = &form->window;

	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		if (w->out[d] != 1 || w->kernel[d] != w->in[d] ||
			(w->dilation[d] != 1 && w->in[d] > 1))
			return false;
	}
	return !form->padded;
}

// The taps of a window: how far they are from its first value, where neighbouring positions are
// `unit` values apart. NULL with err filled.
static const uint32_t *pool_taps(struct builder *builder, const struct window *w, uint32_t unit)
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

static int pool_set_up(struct builder *builder, const struct pool_form *form, struct pool_step *p)
{
	const struct tensor *x = builder_input(builder, 0);
	const struct window *w = &form->window;
	const uint32_t channels = form->padding.channels; // of an image
	const uint32_t *in = form->padding.in;
	const size_t value = dtype_bytes(x->dtype);
	struct pool *pool = &p->pool;

	p->padding = form->padding;
	p->padded = form->padded;
	p->images = (uint32_t)(x->dims[0] * x->dims[1] / channels);
	p->x_image = (size_t)in[0] * in[1] * in[2] * channels * value;
	p->y_image = (size_t)window_product(w->out) * channels * value;
	pool->taps = (uint32_t)window_product(w->kernel);
	pool->at = pool_taps(builder, w, channels);
	for (uint32_t d = 0; d < WINDOW_DIMS; d++)
		pool->positions[d] = (uint32_t)w->out[d];
	pool->x_step[2] = window_step(w, 2) * channels;
	pool->x_step[1] = window_step(w, 1) * (size_t)w->in[2] * channels;
	pool->x_step[0] = window_step(w, 0) * (size_t)(w->in[1] * w->in[2]) * channels;
	pool->channels = channels;
	return pool->at ? 0 : builder->err->code;
}

// The kernel of floats, and the value that padding has for it.
static void pool_pick_floats(struct builder *builder, bool channels_last, struct pool_step *p)
{
	const unsigned isa = builder->plan->isa_mask;

	p->pool.average = builder->node->op == OP_AVERAGE_POOL;
	p->outside = p->pool.average ? 0.0f : -INFINITY;
	if (channels_last) {
		const struct pool_nhwc_kernel *kernel = pool_nhwc_pick(isa);

		p->run = kernel->run;
		step_set_kernel(builder->step, kernel->name);
	} else {
		const bool any_stride = p->pool.x_step[2] > POOL_LINE_STRIDE_MAX;
		const struct pool_line_kernel *kernel =
			pool_line_pick(any_stride ? ISA_SCALAR : isa);

		p->run = kernel->run;
		step_set_kernel(builder->step, kernel->name);
	}
}

static void pool_pick_bytes(struct builder *builder, struct pool_step *p)
{
	const struct q8_max_pool_kernel *kernel = q8_max_pool_pick(builder->plan->isa_mask);

	p->pool.is_signed = builder_input(builder, 0)->dtype == DTYPE_I8;
	p->outside = p->pool.is_signed ? -128.0f : 0.0f;
	p->run_bytes = kernel->run;
	step_set_kernel(builder->step, kernel->name);
}

static int build_pool_of(struct builder *builder, const struct pool_form *form, bool channels_last)
{
	const struct tensor *x = builder_input(builder, 0);
	const bool average = builder->node->op == OP_AVERAGE_POOL;
	struct step *step = builder->step;
	struct pool_step p = { 0 };
	int rc;

	if (x->dtype == DTYPE_F32 && pool_is_global(form) && !channels_last &&
		builder_has_vectors(builder))
		return build_reduce_rows(builder, average ? REDUCTION_MEAN : REDUCTION_MAX,
			(size_t)(x->dims[0] * x->dims[1]), (size_t)window_product(form->window.in));
	rc = pool_set_up(builder, form, &p);
	if (rc != 0)
		return rc;
	if (x->dtype == DTYPE_F32)
		pool_pick_floats(builder, channels_last, &p);
	else
		pool_pick_bytes(builder, &p);
	if (channels_last) // pool_takes_channels_last() has asked the reader
		layout_output_last(builder);
	step->run = run_pool;
	return builder_finish(builder, &p, sizeof(p));
}

int build_pool(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0);
	const bool channels_last = layout_input_last(builder);
	struct step *step = builder->step;
	const struct window *w;
	struct pool_form form;
	int rc;

	if (!pool_form_of(builder->node, x, channels_last, &form))
		return error_set(builder->err, -ENOTSUP, "windows beyond the input");
	if (builder->node->n_outputs > 1)
		return error_set(builder->err, -ENOTSUP, "indices");
	if (form.padded)
		builder->scratch_bytes = padding_values(&form.padding) * dtype_bytes(x->dtype);
	rc = build_pool_of(builder, &form, channels_last);
	if (rc != 0)
		return rc;
	w = &form.window;
	step->x = builder_input_buffer(builder, 0);
	step->macs =
		(uint64_t)(tensor_elements(builder_output(builder, 0)) * window_product(w->kernel));
	snprintf(step->shape, sizeof(step->shape),
		"%" PRId64 "x%" PRId64 " -> %" PRId64 " k%" PRId64, x->dims[0] * x->dims[1],
		x->dims[2] * (x->rank > 3 ? x->dims[3] : 1) * (x->rank > 4 ? x->dims[4] : 1),
		window_product(w->out), window_product(w->kernel));
	return 0;
}
