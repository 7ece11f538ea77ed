// SPDX-License-Identifier: BSD-3-Clause
// Conv of any stride by tiles of places and output channels.
#include "infer/kernels/conv/conv_tile.h"
#include "infer/graph/arena.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"
#include "infer/plan/steps/conv.h"
#include "infer/plan/steps/layout.h"

#include <stdlib.h>
#include <string.h>

struct tile_step {
	struct conv_tile conv;
	conv_tile_fn *run;
	struct padding padding;
	uint32_t images, channels_out;
	size_t x_image, y_image, room; // floats; of the padded x before y's own
	bool padded, y_last;
};

// [places][channels] to [channels][places].
static void turn(const float *x, size_t places, size_t channels, float *restrict y)
{
	for (size_t c = 0; c < channels; c++, y += places)
		for (size_t p = 0; p < places; p++)
			y[p] = x[p * channels + c];
}

static void run_tiles(const struct step *step, const struct pass *pass)
{
	const struct tile_step *p = step->params;
	const float *x = buffer_at(pass, &step->x);
	float *y = buffer_at(pass, &step->y), *room = buffer_at(pass, &step->scratch);
	float *turned = room + p->room;

	if (p->padded)
		padding_fill(&p->padding, 0.0f, room);
	for (uint32_t i = 0; i < pass->n * p->images; i++, x += p->x_image, y += p->y_image) {
		if (p->padded)
			padding_copy(&p->padding, x, room);
		p->run(&p->conv, p->padded ? room : x, p->y_last ? y : turned);
		if (!p->y_last)
			turn(turned, p->y_image / p->channels_out, p->channels_out, y);
	}
}

bool conv_tile_takes(const struct builder *builder, const struct node *node, struct window *window)
{
	const struct tensor *x = &builder->graph->tensors[node->inputs[0]];
	const struct tensor *w = &builder->graph->tensors[node->inputs[1]];
	const bool biased = node->n_inputs > 2 && node->inputs[2] != GRAPH_NONE;
	const unsigned isa = builder->plan->isa_mask;
	const int64_t out = w->dims[0] / node_int(node, ATTR_GROUP, 1);
	struct error unheard;
	uint64_t room = (uint64_t)x->dims[1];

	if (!kernel_allowed(KERNEL_VECTORS, isa) || x->dtype != DTYPE_F32 || !w->data ||
		(biased && !builder->graph->tensors[node->inputs[2]].data) ||
		window_of(node, x, w->dims + 2, false, window, &unheard) != 0)
		return false;
	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		const uint64_t wide = (uint64_t)(window->in[d] + window->begin[d] + window->end[d]);

		if (wide > PLAN_ROW_BYTES_MAX / sizeof(float) / room)
			return false;
		room *= wide;
	}
	// A channel takes a lane here, a place in conv_rows.h: which lanes are the fuller ones?
	return window->stride[2] != 1 || out * 4 > (out + 15) / 16 * 16 * 3 ||
		(out >= 8 && window->out[2] <= 16);
}

// Where a window's values stand: stretches of neighbours.
static int find_stretches(struct builder *builder, const struct window *w, bool x_last,
	struct tile_step *p, uint32_t in)
{
	const size_t all = p->padding.channels;
	const size_t unit = x_last ? all : 1; // floats from place to place
	const size_t rooms[2] = { (size_t)(w->in[1] + w->begin[1] + w->end[1]),
		(size_t)(w->in[2] + w->begin[2] + w->end[2]) };
	const size_t plane = (size_t)(w->in[0] + w->begin[0] + w->end[0]) * rooms[0] * rooms[1];
	const bool joined = w->dilation[2] == 1 && (!x_last || in == all);
	const uint32_t line = joined ? 1 : (uint32_t)w->kernel[2];
	const uint32_t lines = (uint32_t)(w->kernel[0] * w->kernel[1]);
	struct conv_tile *c = &p->conv;
	uint32_t *at;

	c->stretches = lines * line * (x_last ? 1 : in);
	c->length = (x_last ? in : 1) * (joined ? (uint32_t)w->kernel[2] : 1);
	c->x_step[0] = window_step(w, 0) * rooms[0] * rooms[1] * unit;
	c->x_step[1] = window_step(w, 1) * rooms[1] * unit;
	c->x_step[2] = window_step(w, 2) * unit;
	c->x_group = in * (x_last ? 1 : plane);
	at = arena_calloc(builder->plan->arena, c->stretches, sizeof(*at));
	for (uint32_t s = 0; at && s < c->stretches; s++) {
		const size_t l = s / line % lines, channel = s / line / lines;

		at[s] = (uint32_t)(((l / (size_t)w->kernel[1] * (size_t)w->dilation[0] * rooms[0] +
					    l % (size_t)w->kernel[1] * (size_t)w->dilation[1]) *
						   rooms[1] +
					   s % line * (size_t)w->dilation[2]) *
				unit +
			channel * plane);
	}
	c->at = at;
	return at ? 0 : -ENOMEM;
}

// [groups * out][in][taps] to panels of a group's [taps][in][out], or [in][taps][out].
static int pack(struct builder *builder, const struct window *w, bool x_last, struct tile_step *p,
	uint32_t in)
{
	const float *from = builder_input(builder, 1)->data;
	const float *bias = builder_input(builder, 2) ? builder_input(builder, 2)->data : NULL;
	const uint32_t taps = (uint32_t)window_product(w->kernel), out = p->conv.out, k = taps * in;
	const size_t bytes = dense_panel16_bytes(k, out);
	char *packed = builder_weights(builder, p->conv.groups * bytes);
	float *plain = malloc((size_t)k * out * sizeof(*plain));

	for (uint32_t g = 0; packed && plain && g < p->conv.groups; g++) {
		for (uint32_t i = 0; i < k; i++) {
			const uint32_t at = x_last ? i % in * taps + i / in : i;

			for (uint32_t o = 0; o < out; o++)
				plain[(size_t)i * out + o] = from[((size_t)g * out + o) * k + at];
		}
		dense_panel16_pack(
			packed + g * bytes, plain, bias ? bias + (size_t)g * out : NULL, k, out);
	}
	free(plain);
	p->conv.packed = (const float *)(const void *)packed;
	return packed && plain ? 0 : -ENOMEM;
}

int build_conv_tile(struct builder *builder, const struct window *w)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	const unsigned isa = builder->plan->isa_mask;
	const bool x_last = layout_input_last(builder);
	struct step *step = builder->step;
	struct tile_step p = { .run = KERNEL_WIDEST(f32_conv_tile, isa),
		.images = (uint32_t)x->dims[0],
		.channels_out = (uint32_t)y->dims[1],
		.y_last = layout_output_last(builder) };
	uint32_t in;

	p.conv.groups = (uint32_t)node_int(builder->node, ATTR_GROUP, 1);
	p.conv.out = p.channels_out / p.conv.groups;
	p.conv.act =
		builder_act(builder, (enum activation)node_int(builder->node, ATTR_ACTIVATION, 0));
	for (uint32_t d = 0; d < 3; d++)
		p.conv.places[d] = (uint32_t)w->out[d];
	p.padding = padding_of(w, (uint32_t)x->dims[1], x_last, sizeof(float));
	p.padded = padding_is_some(w);
	p.x_image = (size_t)x->dims[1] * (size_t)window_product(w->in);
	p.y_image = (size_t)y->dims[1] * (size_t)window_product(w->out);
	p.room = p.padded ? padding_values(&p.padding) : 0;
	builder->scratch_bytes = (p.room + (p.y_last ? 0 : p.y_image)) * sizeof(float);
	in = (uint32_t)x->dims[1] / p.conv.groups;
	if (find_stretches(builder, w, x_last, &p, in) != 0 ||
		pack(builder, w, x_last, &p, in) != 0)
		return -ENOMEM;
	step->run = run_tiles;
	step_set_kernel(step, KERNEL_WIDEST_NAME(f32_conv_tile, isa));
	return builder_finish(builder, &p, sizeof(p));
}
