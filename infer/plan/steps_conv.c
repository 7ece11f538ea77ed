// SPDX-License-Identifier: BSD-3-Clause
// Conv with a stride of 1 along its last dimension, and pools whose windows all lie inside. What
// has another form takes the general path.
#include "infer/kernels/conv_rows.h"
#include "infer/kernels/pool_line.h"
#include "infer/plan/plan.h"
#include "infer/window.h"

#include <inttypes.h>
#include <string.h>

struct conv_step {
	struct conv_rows conv;
	conv_rows_fn *run;
	uint32_t batch, channels, in[3], begin[3]; // of x; channels of all groups
	bool padded;
};

static void pad(const struct conv_step *p, const float *x, float *to)
{
	const uint32_t *room = p->conv.room;

	memset(to, 0, (size_t)p->channels * room[0] * room[1] * room[2] * sizeof(*to));
	for (uint32_t c = 0; c < p->channels; c++, to += (size_t)room[0] * room[1] * room[2]) {
		for (uint32_t i = 0; i < p->in[0] * p->in[1]; i++, x += p->in[2]) {
			const size_t at = (i / p->in[1] + p->begin[0]) * (size_t)room[1] +
				i % p->in[1] + p->begin[1];

			memcpy(to + at * room[2] + p->begin[2], x, p->in[2] * sizeof(*x));
		}
	}
}

static void run_conv(const struct step *step, const struct pass *pass)
{
	const struct conv_step *p = step->params;
	const uint32_t *places = p->conv.places;
	const size_t in = (size_t)p->channels * p->in[0] * p->in[1] * p->in[2];
	const size_t out = (size_t)p->conv.groups * p->conv.out * places[0] * places[1] * places[2];
	const float *x = place_at(pass, &step->x);
	float *y = place_at(pass, &step->y), *room = place_at(pass, &step->scratch);

	for (uint32_t i = 0; i < pass->n * p->batch; i++, x += in, y += out) {
		if (p->padded)
			pad(p, x, room);
		p->run(&p->conv, p->padded ? room : x, y);
	}
}

// [groups * out][in][taps] to blocks of output channels side by side.
static const float *pack(struct builder *builder, const struct conv_rows *c, uint32_t block)
{
	const float *from = builder_input(builder, 1)->data;
	const size_t each = (size_t)c->in * c->kernel[0] * c->kernel[1] * c->kernel[2];
	const size_t blocks = (c->out + block - 1) / block;
	float *to = builder_weights(builder, c->groups * blocks * each * block * sizeof(*to));

	for (size_t o = 0; to && o < (size_t)c->groups * c->out; o++) {
		const size_t of = o % c->out, b = o / c->out * blocks + of / block;

		for (size_t k = 0; k < each; k++)
			to[(b * each + k) * block + of % block] = from[o * each + k];
	}
	return to;
}

static int set_up(struct builder *builder, const struct window *w, struct conv_step *p)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	struct conv_rows *c = &p->conv;
	size_t room;

	p->batch = (uint32_t)x->dims[0];
	p->channels = (uint32_t)x->dims[1];
	c->groups = (uint32_t)node_int(builder->node, ATTR_GROUP, 1);
	c->in = p->channels / c->groups;
	c->out = (uint32_t)y->dims[1] / c->groups;
	room = p->channels * sizeof(float);
	for (uint32_t d = 0; d < 3; d++) {
		const int64_t wide = w->in[d] + w->begin[d] + w->end[d];

		p->in[d] = (uint32_t)w->in[d];
		p->begin[d] = (uint32_t)w->begin[d];
		p->padded |= w->begin[d] + w->end[d] > 0;
		c->room[d] = (uint32_t)wide;
		c->places[d] = (uint32_t)w->out[d];
		c->kernel[d] = (uint32_t)w->kernel[d];
		c->dilation[d] = (uint32_t)w->dilation[d];
		if (d < 2)
			c->stride[d] = (uint32_t)w->stride[d];
		if ((size_t)wide > PLAN_ROW_BYTES_MAX / room)
			return error_set(builder->err, -ENOTSUP, "too much padding");
		room *= (size_t)wide;
	}
	builder->scratch_bytes = p->padded ? room : 0;
	return 0;
}

int build_conv(struct builder *builder)
{
	const struct tensor *w = builder_input(builder, 1), *b = builder_input(builder, 2);
	const unsigned isa = builder->plan->isa_mask & isa_detected();
	const bool wide = kernel_allowed(ISA_AVX512, isa);
	struct conv_step p = { .run = wide ? f32_conv_rows__avx512 : f32_conv_rows__avx2 };
	struct step *step = builder->step;
	struct window window;
	int rc;

	if (window_of(builder->node, builder_input(builder, 0), w->dims + 2, false, &window,
		    builder->err) != 0)
		return -EINVAL;
	if (!w->data || (b && !b->data) || window.stride[2] != 1 || !kernel_allowed(ISA_AVX2, isa))
		return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	rc = set_up(builder, &window, &p);
	if (rc != 0)
		return rc;
	p.conv.act =
		builder_act(builder, (enum activation)node_int(builder->node, ATTR_ACTIVATION, 0));
	p.conv.weights =
		pack(builder, &p.conv, wide ? CONV_ROWS_BLOCK_AVX512 : CONV_ROWS_BLOCK_AVX2);
	p.conv.bias = b ? builder_input_place(builder, 2).constant : NULL;
	step->params = builder_params(builder, &p, sizeof(p));
	if (!p.conv.weights || (b && !p.conv.bias) || !step->params)
		return -ENOMEM;
	step->run = run_conv;
	step->x = builder_input_place(builder, 0);
	step->bytes_touched += tensor_bytes(w);
	step->macs = (uint64_t)tensor_elements(builder_output(builder, 0)) *
		(uint64_t)(tensor_elements(w) / w->dims[0]);
	step_set_kernel(step, wide ? "f32_conv_rows__avx512" : "f32_conv_rows__avx2");
	snprintf(step->shape, sizeof(step->shape),
		"%" PRIu32 "x%" PRId64 " -> %" PRId64 "x%" PRId64 " k%" PRId64 "%s%s", p.channels,
		window_product(window.in), w->dims[0], window_product(window.out),
		window_product(window.kernel), p.conv.act.kind ? " + " : "",
		p.conv.act.kind ? activation_name(p.conv.act.kind) : "");
	return 0;
}

// --- Pools ---------------------------------------------------------------------------------------

struct pool_step {
	struct window window;
	int64_t channels; // of all images of a row
	bool average;
	struct pool_line line;
	pool_line_fn *run; // NULL: no kernel of this form
};

// The line for its kernel, where there is one.
static void pick_line(struct pool_step *p, unsigned isa)
{
	const struct window *w = &p->window;
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
	p->run = f32_pool_line__avx512;
}

// One line of places, whose first window begins at x.
static void pool_line(const struct pool_step *p, const float *x, float *restrict y)
{
	const struct window *w = &p->window;
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

static void run_pool(const struct step *step, const struct pass *pass)
{
	const struct pool_step *p = step->params;
	const struct window *w = &p->window;
	const int64_t lines = w->out[0] * w->out[1];
	const float *x = place_at(pass, &step->x);
	float *y = place_at(pass, &step->y);

	for (int64_t c = 0; c < pass->n * p->channels; c++, x += window_product(w->in)) {
		for (int64_t l = 0; l < lines; l++, y += w->out[2]) {
			const float *from = x;

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

int build_pool(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0);
	const struct attr *kernel = node_attr(builder->node, ATTR_KERNEL_SHAPE);
	struct pool_step p = { .channels = x->dims[0] * x->dims[1],
		.average = builder->node->op == OP_AVERAGE_POOL };
	struct step *step = builder->step;
	const struct window *w = &p.window;

	if (window_of(builder->node, x, kernel->ints, false, &p.window, builder->err) != 0)
		return -EINVAL;
	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		if (w->begin[d] != 0 || w->end[d] != 0 ||
			(w->out[d] - 1) * w->stride[d] + (w->kernel[d] - 1) * w->dilation[d] >=
				w->in[d])
			return error_set(builder->err, -ENOTSUP, "windows beyond the input");
	}
	if (builder->node->n_outputs > 1)
		return error_set(builder->err, -ENOTSUP, "indices");
	pick_line(&p, builder->plan->isa_mask & isa_detected());
	step->params = builder_params(builder, &p, sizeof(p));
	if (!step->params)
		return -ENOMEM;
	step->run = run_pool;
	step->x = builder_input_place(builder, 0);
	step->macs =
		(uint64_t)(tensor_elements(builder_output(builder, 0)) * window_product(w->kernel));
	step_set_kernel(step, p.run ? "f32_pool_line__avx512" : "f32_pool__scalar");
	snprintf(step->shape, sizeof(step->shape),
		"%" PRId64 "x%" PRId64 " -> %" PRId64 " k%" PRId64, p.channels,
		window_product(w->in), window_product(w->out), window_product(w->kernel));
	return 0;
}
