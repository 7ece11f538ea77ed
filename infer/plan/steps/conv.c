// SPDX-License-Identifier: BSD-3-Clause
// Conv: by tiles (conv_tile.c), or with a stride of 1 along its last dimension line by line. What
// has another form takes its plain form.
#include "infer/plan/steps/conv.h"
#include "infer/graph/act.h"
#include "infer/kernels/conv/conv_rows.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/move/padding.h"
#include "infer/plan/choose/choose.h"
#include "infer/plan/steps/conv_tile.h"

#include <inttypes.h>
#include <stdlib.h>

#define SAMPLE_NS 10000.0

struct conv_step {
	struct conv_rows conv; // but for the weights
	conv_rows_fn *run[MODEL_BATCH_CLASSES];
	const float *weights[MODEL_BATCH_CLASSES];
	struct padding padding;
	uint32_t images;
	size_t x_image, y_image; // floats
	bool padded;
};

static void run_conv(const struct step *step, const struct pass *pass)
{
	const struct conv_step *p = step->params;
	const float *x = buffer_at(pass, &step->x);
	float *y = buffer_at(pass, &step->y), *padded = buffer_at(pass, &step->scratch);
	struct conv_rows conv = p->conv;

	conv.weights = p->weights[pass->batch_class];
	if (p->padded)
		padding_fill__scalar(&p->padding, 0.0f, padded);
	for (uint32_t i = 0; i < pass->n * p->images; i++, x += p->x_image, y += p->y_image) {
		if (p->padded)
			padding_copy__scalar(&p->padding, x, padded);
		p->run[pass->batch_class](&conv, p->padded ? padded : x, y);
	}
}

// --- Choosing ------------------------------------------------------------------------------------

// The input and output that kernels are timed over: one image in its padding buffer.
struct conv_trial {
	const struct conv_step *step;
	const float *w; // as ONNX has them
	struct packed_key key;
	float *x, *y;
};

static size_t conv_trial_bytes(const void *context, const void *kernel)
{
	const struct conv_trial *trial = context;

	return conv_rows_packed_bytes(
		&trial->step->conv, ((const struct conv_rows_kernel *)kernel)->block);
}

static int conv_trial_pack(const void *context, const void *kernel, void *packed)
{
	const struct conv_trial *trial = context;

	conv_rows_pack(&trial->step->conv, ((const struct conv_rows_kernel *)kernel)->block,
		trial->w, packed);
	return 0;
}

static const struct packed_key *conv_trial_key(const void *context)
{
	return &((const struct conv_trial *)context)->key;
}

static bool conv_trial_same(const void *kernel, const void *other)
{
	return ((const struct conv_rows_kernel *)kernel)->block ==
		((const struct conv_rows_kernel *)other)->block;
}

static int conv_trial_ready(void *context)
{
	struct conv_trial *trial = context;

	trial->x = calloc(padding_values(&trial->step->padding), sizeof(float));
	trial->y = calloc(trial->step->y_image, sizeof(float));
	return trial->x && trial->y ? 0 : -ENOMEM;
}

static void conv_trial_call(void *context, const void *kernel, const void *packed, uint32_t rows)
{
	const struct conv_trial *trial = context;
	struct conv_rows conv = trial->step->conv;

	conv.weights = packed;
	for (uint32_t i = 0; i < rows; i++)
		((const struct conv_rows_kernel *)kernel)->run(&conv, trial->x, trial->y);
}

// A kernel is called for one image, whatever the batch, so that all classes share one race.
static int conv_choose(struct builder *builder, struct conv_step *p)
{
	static const struct contest_packing packing = { .bytes = conv_trial_bytes,
		.pack = conv_trial_pack,
		.same = conv_trial_same,
		.key = conv_trial_key };
	const float *w = builder_input(builder, 1)->data;
	const struct conv_rows *rows = &p->conv;
	struct conv_trial trial = { .step = p,
		.w = w,
		.key = { .from = { w },
			.numbers = { rows->groups, (uint64_t)rows->in << 32 | rows->out,
				rows->kernel[0], rows->kernel[1], rows->kernel[2] } } };
	const struct contest contest = { .table = &CONV_ROWS_TABLE,
		.rows = { 1, 1, 1, 1 },
		.sample_ns = SAMPLE_NS,
		.context = &trial,
		.ready = conv_trial_ready,
		.call = conv_trial_call,
		.packing = &packing };
	struct chosen chosen[MODEL_BATCH_CLASSES];
	int rc = choose(builder, builder->step, &contest, chosen);

	free(trial.x);
	free(trial.y);
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES && rc == 0; c++) {
		p->run[c] = ((const struct conv_rows_kernel *)chosen[c].kernel)->run;
		p->weights[c] = chosen[c].packed;
	}
	return rc;
}

// --- Building ------------------------------------------------------------------------------------

static int conv_set_up(struct builder *builder, const struct window *w, struct conv_step *p)
{
	const struct tensor *x = builder_input(builder, 0), *y = builder_output(builder, 0);
	struct conv_rows *c = &p->conv;
	size_t bytes = (size_t)x->dims[1] * sizeof(float);

	p->images = (uint32_t)x->dims[0];
	p->x_image = (size_t)(x->dims[1] * window_product(w->in));
	p->y_image = (size_t)(y->dims[1] * window_product(w->out));
	p->padded = padding_is_some(w);
	p->padding = padding_of(w, (uint32_t)x->dims[1], false, false, sizeof(float));
	c->groups = (uint32_t)node_int(builder->node, ATTR_GROUP, 1);
	c->in = (uint32_t)x->dims[1] / c->groups;
	c->out = (uint32_t)y->dims[1] / c->groups;
	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		c->padded[d] = p->padding.padded[d];
		c->positions[d] = (uint32_t)w->out[d];
		c->kernel[d] = (uint32_t)w->kernel[d];
		c->dilation[d] = (uint32_t)w->dilation[d];
		if (d < 2)
			c->stride[d] = (uint32_t)w->stride[d];
		if (c->padded[d] > PLAN_ROW_BYTES_MAX / bytes)
			return error_set(builder->err, -ENOTSUP, "too much padding");
		bytes *= c->padded[d];
	}
	builder->scratch_bytes = p->padded ? bytes : 0;
	return 0;
}

static int build_conv_rows(struct builder *builder, const struct window *window)
{
	const struct tensor *w = builder_input(builder, 1), *b = builder_input(builder, 2);
	struct conv_step p = { 0 };
	struct step *step = builder->step;
	int rc;

	if (!builder_has_vectors(builder) || !w->data || (b && !b->data) || window->stride[2] != 1)
		return error_set(builder->err, -ENOTSUP, "no kernel of this form");
	rc = conv_set_up(builder, window, &p);
	if (rc != 0)
		return rc;
	p.conv.act = act_of_attributes(builder->node);
	p.conv.bias = b ? builder_input_buffer(builder, 2).constant : NULL;
	if (b && !p.conv.bias)
		return builder->err->code;
	rc = conv_choose(builder, &p);
	if (rc != 0)
		return rc;
	step->run = run_conv;
	return builder_finish(builder, &p, sizeof(p));
}

int build_conv(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *w = builder_input(builder, 1);
	const enum activation act = (enum activation)node_int(builder->node, ATTR_ACTIVATION, 0);
	struct step *step = builder->step;
	struct window window;
	int rc;

	rc = window_of(builder->node, x, w->dims + 2, false, &window, builder->err);
	if (rc != 0)
		return rc;
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
