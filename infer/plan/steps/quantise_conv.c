// SPDX-License-Identifier: BSD-3-Clause
// QConv: im2col of one image, then the product of QDense, whose rows are the output positions. The
// image is copied into its padding buffer first, channels last, so that what a window takes of a
// line is one contiguous run; with several groups, each of which has a few of the channels,
// channels first.
#include "infer/plan/steps/quantise_conv.h"
#include "base/align.h"
#include "infer/graph/arena.h"
#include "infer/graph/window.h"
#include "infer/kernels/conv/im2col.h"
#include "infer/kernels/move/padding.h"
#include "infer/kernels/move/transpose.h"
#include "infer/plan/steps/layout.h"
#include "infer/plan/steps/quantise.h"

#include <inttypes.h>
#include <string.h>

struct qconv_step {
	struct window window;
	struct padding padding;
	struct im2col im2col;
	struct transpose transpose;       // of the products, unless y_last
	uint32_t images, groups, in, out; // channels of a group
	bool channels_last;               // the padding buffer: where there is one group
	bool x_last, y_last;              // the inputs and outputs of the step are channels last
	bool is_padded;                   // false: windows are read from x itself
	float pad_value;                  // a byte
	size_t x_row, y_row;              // bytes from row to row
	size_t x_image, y_image;          // of a group's channels
	size_t patches, products;         // bytes of the scratch in front of them
	const struct qdense *dense;       // [groups]
	const struct qdense_kernel *kernel[MODEL_BATCH_CLASSES];
};

// The images of one row.
static void qconv_run_row(const struct qconv_step *q, const struct qdense_kernel *kernel,
	const uint8_t *x, char *y, uint8_t *scratch)
{
	uint8_t *patches = scratch + q->patches;
	void *products = scratch + q->products;

	for (uint32_t i = 0; i < q->images * q->groups; i++, x += q->x_image, y += q->y_image) {
		if (q->is_padded)
			padding_copy__scalar(&q->padding, x, scratch);
		im2col__scalar(&q->im2col, q->is_padded ? scratch : x, patches);
		kernel->run(&q->dense[i % q->groups], q->im2col.positions, patches, NULL,
			q->y_last ? (void *)y : products);
		if (!q->y_last)
			transpose__scalar(&q->transpose, 1, products, 0, y);
	}
}

static void run_qconv(const struct step *step, const struct pass *pass)
{
	const struct qconv_step *q = step->params;
	const uint8_t *x = buffer_at(pass, &step->x);
	uint8_t *scratch = buffer_at(pass, &step->scratch);
	char *y = buffer_at(pass, &step->y);

	if (q->is_padded)
		padding_fill__scalar(&q->padding, q->pad_value, scratch);
	for (uint32_t row = 0; row < pass->n; row++, x += q->x_row, y += q->y_row)
		qconv_run_row(q, q->kernel[pass->batch_class], x, y, scratch);
}

// --- Building -----------------------------------------------------------------------------------

// The windows, as im2col finds them in the padding buffer or in x itself.
static int qconv_set_im2col(struct builder *builder, struct qconv_step *q)
{
	const struct window *w = &q->window;
	const int64_t padded[] = { q->padding.padded[0], q->padding.padded[1],
		q->padding.padded[2] };
	const bool contiguous = w->dilation[2] == 1; // neighbouring taps of a line are one run
	const uint32_t unit = q->channels_last ? q->in : 1, planes = q->channels_last ? 1 : q->in;
	const int64_t kernel2 = contiguous ? 1 : w->kernel[2];
	const int64_t taps = w->kernel[0] * w->kernel[1] * kernel2;
	struct im2col *c = &q->im2col;
	uint32_t *begins, *offsets;
	size_t at = 0;

	c->run = (contiguous ? (uint32_t)w->kernel[2] : 1) * unit;
	c->runs = planes * (uint32_t)taps;
	begins = builder_weights(builder, c->positions * sizeof(*begins));
	offsets = builder_weights(builder, c->runs * sizeof(*offsets));
	if (!begins || !offsets)
		return builder->err->code;
	for (int64_t p = 0; p < c->positions; p++) {
		const int64_t i = p / (w->out[1] * w->out[2]), j = p / w->out[2] % w->out[1];

		begins[p] = unit *
			(uint32_t)((i * w->stride[0] * padded[1] + j * w->stride[1]) * padded[2] +
				p % w->out[2] * w->stride[2]);
	}
	for (int64_t plane = 0; plane < planes; plane++) {
		for (int64_t t = 0; t < taps; t++) {
			const int64_t i = t / (w->kernel[1] * kernel2),
				      j = t / kernel2 % w->kernel[1];

			offsets[at++] = unit *
				(uint32_t)(((plane * padded[0] + i * w->dilation[0]) * padded[1] +
						   j * w->dilation[1]) *
						padded[2] +
					t % kernel2 * w->dilation[2]);
		}
	}
	c->begins = begins;
	c->offsets = offsets;
	return 0;
}

// Packs the weights of each group by themselves.
static int qconv_pack(struct builder *builder, struct qconv_step *q)
{
	const struct tensor *w = builder_input(builder, 1);
	const int32_t *bias = builder_input(builder, 2)->data;
	const float *multiplier = builder_input(builder, 3)->data;
	const struct qdense one = qdense_of(builder, q->out);
	const size_t columns = (size_t)w->dims[1];
	struct qdense *dense = builder_weights(builder, q->groups * sizeof(*dense));
	int8_t *of_group = arena_lend(builder->plan->arena, (size_t)one.k * q->out);
	int rc = 0;

	if (!dense)
		rc = builder->err->code;
	else if (!of_group)
		rc = error_set(builder->err, -ENOMEM, "no memory for the weights");
	for (uint32_t g = 0; dense && g < q->groups && rc == 0; g++) {
		const size_t first = (size_t)g * q->out;
		void *packed = builder_weights(builder, qdense_packed_bytes(one.k, one.n));

		if (!packed) {
			rc = builder->err->code;
			break;
		}
		// In ONNX the taps of a channel follow each other.
		for (uint32_t k = 0; k < one.k; k++) {
			const uint32_t taps = one.k / q->in;
			const uint32_t from = q->channels_last ? k % q->in * taps + k / q->in : k;

			memcpy(of_group + (size_t)k * q->out,
				(const int8_t *)w->data + from * columns + first, q->out);
		}
		qdense_pack(&one, packed, of_group, bias + first, multiplier + first);
		dense[g] = one;
		dense[g].packed = packed;
	}
	arena_give_back(builder->plan->arena, of_group);
	q->dense = dense;
	return rc;
}

// The scratch has the padding buffer, then im2col's patches, then the products. -EINVAL where that
// is too much. k: bytes of a window.
static int qconv_set_scratch(struct builder *builder, struct qconv_step *q, uint32_t k)
{
	const size_t positions = q->im2col.positions;
	double bytes = (double)q->in;

	for (uint32_t d = 0; d < WINDOW_DIMS; d++)
		bytes *= (double)(q->window.in[d] + q->window.begin[d] + q->window.end[d]);
	bytes += (double)positions * k + (double)positions * q->out * sizeof(float);
	if (bytes > PLAN_ROW_BYTES_MAX)
		return error_set(builder->err, -EINVAL,
			"its windows take %.0f bytes of scratch, at most %zu are supported", bytes,
			PLAN_ROW_BYTES_MAX);
	q->patches = align_up(padding_values(&q->padding), KERNEL_ALIGN);
	q->products = align_up(q->patches + positions * k, KERNEL_ALIGN);
	builder->scratch_bytes = q->products + positions * q->out * sizeof(float);
	return 0;
}

bool qconv_takes_channels_last(
	const struct builder *builder, const struct node *node, uint32_t pools)
{
	return builder_has_vectors(builder) && node_int(node, ATTR_GROUP, 1) == 1;
}

int build_qconv(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *w = builder_input(builder, 1);
	const struct tensor *y = builder_output(builder, 0);
	const struct node *node = builder->node;
	struct qconv_step q = { .groups = (uint32_t)node_int(node, ATTR_GROUP, 1),
		.images = (uint32_t)x->dims[0],
		.pad_value = (float)node_int(node, ATTR_PAD_VALUE, 0),
		.x_row = tensor_bytes(x),
		.y_row = tensor_bytes(y) };
	struct step *step = builder->step;
	uint32_t rows[MODEL_BATCH_CLASSES];
	int rc = window_of(
		node, x, node_attr(node, ATTR_KERNEL_SHAPE)->ints, false, &q.window, builder->err);

	if (rc != 0)
		return rc;
	q.in = (uint32_t)x->dims[1] / q.groups;
	q.out = (uint32_t)w->dims[1] / q.groups;
	q.im2col.positions = (uint32_t)window_product(q.window.out);
	q.channels_last = q.groups == 1;
	// One channel is the same either way.
	q.x_last = layout_input_last(builder) || (q.channels_last && q.in == 1);
	q.y_last = q.channels_last && layout_output_last(builder);
	q.is_padded = !q.x_last || padding_is_some(&q.window);
	q.padding = padding_of(&q.window, q.in, q.x_last, q.channels_last, 1);
	q.transpose = transpose_of_matrix(q.im2col.positions, q.out, dtype_bytes(y->dtype));
	q.x_image = q.in * (size_t)window_product(q.window.in);
	q.y_image = (size_t)q.out * q.im2col.positions * dtype_bytes(y->dtype);
	rc = qconv_set_scratch(builder, &q, (uint32_t)w->dims[0]);
	if (rc == 0)
		rc = qconv_set_im2col(builder, &q);
	if (rc == 0)
		rc = qconv_pack(builder, &q);
	if (rc != 0)
		return rc;
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		rows[c] = q.im2col.positions;
	rc = qdense_choose(builder, q.dense, rows, q.kernel);
	if (rc != 0)
		return rc;
	step->run = run_qconv;
	step->x = builder_input_buffer(builder, 0);
	step->macs = (uint64_t)q.images * q.im2col.positions * (uint64_t)tensor_elements(w);
	step->bytes_touched += tensor_bytes(w);
	snprintf(step->shape, sizeof(step->shape),
		"%s %" PRId64 " x %" PRIu32 " -> %s %" PRIu32 " x %" PRId64, dtype_name(x->dtype),
		window_product(q.window.in), q.in * q.groups, dtype_name(y->dtype),
		q.im2col.positions, w->dims[1]);
	return builder_finish(builder, &q, sizeof(q));
}
