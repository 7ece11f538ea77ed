// SPDX-License-Identifier: BSD-3-Clause
// Conv: by tiles (steps_conv_tile.c), or with a stride of 1 along its last dimension by vectors of
// places. What has another form takes its plain form.
#include "infer/plan/steps/conv.h"
#include "infer/kernels/conv/conv_rows.h"
#include "infer/kernels/kernels.h"
#include "infer/plan/steps/layout.h"
#include "infer/plan/table.h"

#include <inttypes.h>
#include <string.h>

struct conv_step {
	struct conv_rows conv;
	conv_rows_fn *run;
	struct padding padding;
	uint32_t batch;
	bool padded;
};

static void run_conv(const struct step *step, const struct pass *pass)
{
	const struct conv_step *p = step->params;
	const uint32_t *places = p->conv.places;
	const uint32_t *from = p->padding.in;
	const size_t in = (size_t)p->padding.channels * from[0] * from[1] * from[2];
	const size_t out = (size_t)p->conv.groups * p->conv.out * places[0] * places[1] * places[2];
	const float *x = buffer_at(pass, &step->x);
	float *y = buffer_at(pass, &step->y), *room = buffer_at(pass, &step->scratch);

	if (p->padded)
		padding_fill(&p->padding, 0.0f, room);
	for (uint32_t i = 0; i < pass->n * p->batch; i++, x += in, y += out) {
		if (p->padded)
			padding_copy(&p->padding, x, room);
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
	size_t room = (size_t)x->dims[1] * sizeof(float);

	p->batch = (uint32_t)x->dims[0];
	c->groups = (uint32_t)node_int(builder->node, ATTR_GROUP, 1);
	c->in = (uint32_t)x->dims[1] / c->groups;
	c->out = (uint32_t)y->dims[1] / c->groups;
	p->padded = padding_is_some(w);
	for (uint32_t d = 0; d < 3; d++) {
		const int64_t wide = w->in[d] + w->begin[d] + w->end[d];

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
	p->padding = padding_of(w, (uint32_t)x->dims[1], false, sizeof(float));
	builder->scratch_bytes = p->padded ? room : 0;
	return 0;
}

static int build_conv_rows(struct builder *builder, const struct window *window)
{
	const struct tensor *w = builder_input(builder, 1), *b = builder_input(builder, 2);
	const unsigned isa = builder->plan->isa_mask;
	struct conv_step p = { .run = KERNEL_WIDEST(f32_conv_rows, isa) };
	struct step *step = builder->step;
	int rc;

	if (!w->data || (b && !b->data) || window->stride[2] != 1 ||
		!kernel_allowed(KERNEL_VECTORS, isa))
		return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	rc = set_up(builder, window, &p);
	if (rc != 0)
		return rc;
	p.conv.act =
		builder_act(builder, (enum activation)node_int(builder->node, ATTR_ACTIVATION, 0));
	p.conv.weights = pack(builder, &p.conv,
		kernel_allowed(ISA_AVX512, isa) ? CONV_ROWS_BLOCK_AVX512 : CONV_ROWS_BLOCK_AVX2);
	p.conv.bias = b ? builder_input_buffer(builder, 2).constant : NULL;
	if (!p.conv.weights || (b && !p.conv.bias))
		return -ENOMEM;
	step->run = run_conv;
	step_set_kernel(step, KERNEL_WIDEST_NAME(f32_conv_rows, isa));
	return builder_finish(builder, &p, sizeof(p));
}

int build_conv(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *w = builder_input(builder, 1);
	const enum activation act = (enum activation)node_int(builder->node, ATTR_ACTIVATION, 0);
	struct step *step = builder->step;
	struct window window;
	int rc;

	if (window_of(builder->node, x, w->dims + 2, false, &window, builder->err) != 0)
		return -EINVAL;
	rc = conv_tile_takes(builder, builder->node, &window) ? build_conv_tile(builder, &window)
							      : build_conv_rows(builder, &window);
	if (rc != 0)
		return rc;
	step->x = builder_input_buffer(builder, 0);
	step->bytes_touched += tensor_bytes(w);
	step->macs = (uint64_t)tensor_elements(builder_output(builder, 0)) *
		(uint64_t)(tensor_elements(w) / w->dims[0]);
	snprintf(step->shape, sizeof(step->shape),
		"%" PRId64 "x%" PRId64 " -> %" PRId64 "x%" PRId64 " k%" PRId64 "%s%s", x->dims[1],
		window_product(window.in), w->dims[0], window_product(window.out),
		window_product(window.kernel), act ? " + " : "", act ? activation_name(act) : "");
	return 0;
}
