// SPDX-License-Identifier: BSD-3-Clause
// Conv of any stride by tiles of output positions and channels.
#include "infer/plan/steps/conv_tile.h"
#include "base/align.h"
#include "infer/graph/act.h"
#include "infer/graph/arena.h"
#include "infer/kernels/conv/conv_tile.h"
#include "infer/kernels/move/padding.h"
#include "infer/kernels/move/transpose.h"
#include "infer/kernels/product/dense.h"
#include "infer/plan/choose/choose.h"
#include "infer/plan/steps/layout.h"

#include <stdlib.h>

#define SAMPLE_NS 10000.0

struct conv_tile_step {
	struct conv_tile conv;
	conv_tile_fn *run[MODEL_BATCH_CLASSES];
	struct padding padding;
	struct transpose transpose; // of y, unless y_last
	uint32_t images;
	size_t x_image, y_image; // floats
	size_t padded_floats; // of the padding buffer, which y channels last follows in the scratch
	bool padded, y_last;  // channels last
};

static void run_conv_tile(const struct step *step, const struct pass *pass)
{
	const struct conv_tile_step *p = step->params;
	const float *x = buffer_at(pass, &step->x);
	float *y = buffer_at(pass, &step->y), *padded = buffer_at(pass, &step->scratch);
	float *channels_last = padded + p->padded_floats;

	if (p->padded)
		padding_fill__scalar(&p->padding, 0.0f, padded);
	for (uint32_t i = 0; i < pass->n * p->images; i++, x += p->x_image, y += p->y_image) {
		if (p->padded)
			padding_copy__scalar(&p->padding, x, padded);
		p->run[pass->batch_class](
			&p->conv, p->padded ? padded : x, p->y_last ? y : channels_last);
		if (!p->y_last)
			transpose__scalar(&p->transpose, 1, channels_last, 0, y);
	}
}

bool conv_tile_takes(const struct builder *builder, const struct node *node, struct window *window)
{
	const struct tensor *x = &builder->graph->tensors[node->inputs[0]];
	const struct tensor *w = &builder->graph->tensors[node->inputs[1]];
	const bool biased = node->n_inputs > 2 && node->inputs[2] != GRAPH_NONE;
	const int64_t out = w->dims[0] / node_int(node, ATTR_GROUP, 1);
	struct error ignored;
	uint64_t values = (uint64_t)x->dims[1];

	if (!builder_has_vectors(builder) || x->dtype != DTYPE_F32 || !w->data ||
		(biased && !builder->graph->tensors[node->inputs[2]].data) ||
		window_of(node, x, w->dims + 2, false, window, &ignored) != 0)
		return false;
	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		const uint64_t padded =
			(uint64_t)(window->in[d] + window->begin[d] + window->end[d]);

		if (padded > PLAN_ROW_BYTES_MAX / sizeof(float) / values)
			return false;
		values *= padded;
	}
	// A lane of a vector holds a channel here, an output position in conv_rows.h: tiles are
	// taken where they leave fewer lanes empty.
	return window->stride[2] != 1 || out * 4 > (int64_t)align_up((size_t)out, 16) * 3 ||
		(out >= 8 && window->out[2] <= 16);
}

bool conv_takes_channels_last(
	const struct builder *builder, const struct node *node, uint32_t pools)
{
	struct window window;

	return conv_tile_takes(builder, node, &window);
}

// A window as contiguous runs. `in`: channels of a group.
static int conv_tile_runs(
	struct builder *builder, const struct window *w, struct conv_tile_step *p, uint32_t in)
{
	const bool x_last = p->padding.x_last;
	const size_t all = p->padding.channels;
	const size_t unit = x_last ? all : 1; // floats from position to position
	const size_t padded[2] = { p->padding.padded[1], p->padding.padded[2] };
	const size_t plane = p->padding.padded[0] * padded[0] * padded[1];
	// Neighbouring taps of a line are one run.
	const bool contiguous = w->dilation[2] == 1 && (!x_last || in == all);
	const uint32_t line = contiguous ? 1 : (uint32_t)w->kernel[2];
	const uint32_t lines = (uint32_t)(w->kernel[0] * w->kernel[1]);
	struct conv_tile *c = &p->conv;
	uint32_t *at;

	c->runs = lines * line * (x_last ? 1 : in);
	c->run = (x_last ? in : 1) * (contiguous ? (uint32_t)w->kernel[2] : 1);
	c->x_step[0] = window_step(w, 0) * padded[0] * padded[1] * unit;
	c->x_step[1] = window_step(w, 1) * padded[1] * unit;
	c->x_step[2] = window_step(w, 2) * unit;
	c->x_group = in * (x_last ? 1 : plane);
	at = arena_calloc(builder->plan->arena, c->runs, sizeof(*at));
	for (uint32_t r = 0; at && r < c->runs; r++) {
		const size_t l = r / line % lines, channel = r / line / lines;

		at[r] = (uint32_t)(((l / (size_t)w->kernel[1] * (size_t)w->dilation[0] * padded[0] +
					    l % (size_t)w->kernel[1] * (size_t)w->dilation[1]) *
						   padded[1] +
					   r % line * (size_t)w->dilation[2]) *
				unit +
			channel * plane);
	}
	c->at = at;
	return at ? 0 : error_set(builder->err, -ENOMEM, "no memory for the plan");
}

// Packs the weights, [groups * out][in][taps], a group at a time: as [taps][in][out] where x is
// channels last, or else [in][taps][out], the order of a window's values.
static int conv_tile_pack(
	struct builder *builder, const struct window *w, struct conv_tile_step *p, uint32_t in)
{
	static const char FORM;
	const bool x_last = p->padding.x_last;
	const float *from = builder_input(builder, 1)->data;
	const float *bias = builder_input(builder, 2) ? builder_input(builder, 2)->data : NULL;
	const uint32_t taps = (uint32_t)window_product(w->kernel), out = p->conv.out, k = taps * in;
	const struct packed_key key = { .form = &FORM,
		.from = { from, bias },
		.numbers = { x_last, p->conv.groups, in, out, taps } };
	const size_t bytes = dense_panel16_bytes(k, out);
	char *packed;
	float *plain;

	p->conv.packed = builder_packed(builder, &key);
	if (p->conv.packed)
		return 0;
	packed = builder_weights(builder, p->conv.groups * bytes);
	plain = arena_lend(builder->plan->arena, (size_t)k * out * sizeof(*plain));
	for (uint32_t g = 0; packed && plain && g < p->conv.groups; g++) {
		for (uint32_t i = 0; i < k; i++) {
			const uint32_t at = x_last ? i % in * taps + i / in : i;

			for (uint32_t o = 0; o < out; o++)
				plain[(size_t)i * out + o] = from[((size_t)g * out + o) * k + at];
		}
		dense_panel16_pack(
			packed + g * bytes, plain, bias ? bias + (size_t)g * out : NULL, k, out);
	}
	arena_give_back(builder->plan->arena, plain);
	p->conv.packed = (const float *)(const void *)packed;
	if (!plain)
		return error_set(builder->err, -ENOMEM, "no memory for the weights");
	return packed ? builder_share(builder, &key, packed) : builder->err->code;
}

// The input and output that kernels are timed over: one image in its padding buffer.
struct conv_tile_trial {
	const struct conv_tile_step *step;
	float *x, *y;
};

static int conv_tile_trial_ready(void *context)
{
	struct conv_tile_trial *trial = context;

	trial->x = calloc(padding_values(&trial->step->padding), sizeof(float));
	trial->y = calloc(trial->step->y_image, sizeof(float));
	return trial->x && trial->y ? 0 : -ENOMEM;
}

static void conv_tile_trial_call(
	void *context, const void *kernel, const void *packed, uint32_t rows)
{
	const struct conv_tile_trial *trial = context;

	for (uint32_t i = 0; i < rows; i++)
		((const struct conv_tile_kernel *)kernel)
			->run(&trial->step->conv, trial->x, trial->y);
}

// A kernel is called for one image, whatever the batch, so that all classes share one race.
static int conv_tile_choose(struct builder *builder, struct conv_tile_step *p)
{
	struct conv_tile_trial trial = { .step = p };
	const struct contest contest = { .table = &CONV_TILE_TABLE,
		.rows = { 1, 1, 1, 1 },
		.sample_ns = SAMPLE_NS,
		.context = &trial,
		.ready = conv_tile_trial_ready,
		.call = conv_tile_trial_call,
		.order = choose_order_of_isa };
	struct chosen chosen[MODEL_BATCH_CLASSES];
	int rc = choose(builder, builder->step, &contest, chosen);

	free(trial.x);
	free(trial.y);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++)
		p->run[c] = ((const struct conv_tile_kernel *)chosen[c].kernel)->run;
	return rc;
}

int build_conv_tile(struct builder *builder, const struct window *w)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	const bool x_last = layout_input_last(builder);
	const size_t positions = (size_t)window_product(w->out), channels = (size_t)y->dims[1];
	struct step *step = builder->step;
	struct conv_tile_step p = { .padding = padding_of(
					    w, (uint32_t)x->dims[1], x_last, x_last, sizeof(float)),
		.transpose = transpose_of_matrix(positions, channels, sizeof(float)),
		.images = (uint32_t)x->dims[0],
		.x_image = (size_t)(x->dims[1] * window_product(w->in)),
		.y_image = channels * positions,
		.padded = padding_is_some(w),
		.y_last = layout_output_last(builder) };
	uint32_t in;
	int rc;

	p.conv.groups = (uint32_t)node_int(builder->node, ATTR_GROUP, 1);
	p.conv.out = (uint32_t)channels / p.conv.groups;
	p.conv.act = act_of_attributes(builder->node);
	for (uint32_t d = 0; d < WINDOW_DIMS; d++)
		p.conv.positions[d] = (uint32_t)w->out[d];
	p.padded_floats = p.padded ? padding_values(&p.padding) : 0;
	builder->scratch_bytes = (p.padded_floats + (p.y_last ? 0 : p.y_image)) * sizeof(float);
	in = (uint32_t)x->dims[1] / p.conv.groups;
	rc = conv_tile_runs(builder, w, &p, in);
	if (rc == 0)
		rc = conv_tile_pack(builder, w, &p, in);
	if (rc == 0)
		rc = conv_tile_choose(builder, &p);
	if (rc != 0)
		return rc;
	step->run = run_conv_tile;
	return builder_finish(builder, &p, sizeof(p));
}
