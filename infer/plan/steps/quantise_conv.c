// SPDX-License-Identifier: BSD-3-Clause
// QConv: the windows of one image laid out one after the other, then a product as QDense has it,
// whose rows are the places. The image is copied into its padding first, its channels side by side,
// so that what a window takes of a line is one run of bytes; with several groups, each of which has
// a few of the channels, channel by channel.
#include "infer/graph/window.h"
#include "infer/kernels/kernels.h"
#include "infer/plan/steps/layout.h"
#include "infer/plan/steps/quantise.h"
#include "infer/plan/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct qconv {
	struct window window;
	int64_t padded[WINDOW_DIMS];
	uint32_t batches, groups, in, out; // channels of a group
	uint32_t places, run, runs;        // a window is `runs` runs of `run` bytes
	const uint32_t *begins;            // [places] of a window
	const uint32_t *offsets;           // [runs] of a run, from the window's begin
	int pad_value;
	bool x_last, y_last;        // channels side by side, outside of this step
	bool joined;                // and within it
	bool is_padded;             // or else x itself is read, where x_last
	size_t x_row, y_row;        // bytes
	size_t patches, products;   // where they stand in the scratch
	const struct qdense *dense; // [groups]
	const struct qdense_kernel *kernel[MODEL_BATCH_CLASSES];
};

// One image of `in` channels into its padding: line by line, or one channel of it after the other.
static void pad_image(const struct qconv *q, const uint8_t *x, uint8_t *to)
{
	const struct window *w = &q->window;
	const size_t unit = q->joined ? q->in : 1, lines = (size_t)(w->in[0] * w->in[1]);
	const size_t size = (size_t)window_product(w->in), wide = (size_t)w->in[2];
	const size_t plane = (size_t)window_product(q->padded);

	for (size_t l = 0; l < lines; l++) {
		const size_t i = l / (size_t)w->in[1] + (size_t)w->begin[0];
		const size_t j = l % (size_t)w->in[1] + (size_t)w->begin[1];
		const size_t at =
			(i * (size_t)q->padded[1] + j) * (size_t)q->padded[2] + (size_t)w->begin[2];

		if (q->x_last) {
			memcpy(to + at * unit, x + l * wide * unit, wide * unit);
			continue;
		}
		for (size_t c = 0; c < q->in; c++) {
			const uint8_t *from = x + c * size + l * wide;

			if (!q->joined)
				memcpy(to + c * plane + at, from, wide);
			for (size_t p = 0; p < wide && q->joined; p++)
				to[(at + p) * unit + c] = from[p];
		}
	}
}

// memcpy for a few bytes, which costs less than its call.
static inline uint8_t *copy_run(uint8_t *to, const uint8_t *from, uint32_t bytes)
{
	for (; bytes >= 16; bytes -= 16, from += 16, to += 16)
		memcpy(to, from, 16);
	if (bytes & 8) {
		memcpy(to, from, 8);
		from += 8;
		to += 8;
	}
	if (bytes & 4) {
		memcpy(to, from, 4);
		from += 4;
		to += 4;
	}
	for (bytes &= 3; bytes > 0; bytes--)
		*to++ = *from++;
	return to;
}

static void lay_out(const struct qconv *q, const uint8_t *padded, uint8_t *patches)
{
	for (uint32_t p = 0; p < q->places; p++) {
		const uint8_t *from = padded + q->begins[p];

		for (uint32_t r = 0; r < q->runs; r++)
			patches = copy_run(patches, from + q->offsets[r], q->run);
	}
}

// [places][out] to [out][places].
static void turn(const struct qconv *q, const void *products, void *y)
{
	for (uint32_t c = 0; c < q->out; c++) {
		for (uint32_t p = 0; p < q->places; p++) {
			const size_t from = (size_t)p * q->out + c, to = (size_t)c * q->places + p;

			if (q->dense->to == DTYPE_F32)
				((float *)y)[to] = ((const float *)products)[from];
			else
				((uint8_t *)y)[to] = ((const uint8_t *)products)[from];
		}
	}
}

static void run_one(const struct qconv *q, const struct qdense_kernel *kernel, const uint8_t *x,
	char *y, uint8_t *scratch)
{
	const size_t size = (size_t)window_product(q->window.in) * q->in;
	const size_t width = qdense_y_bytes(q->dense);
	uint8_t *patches = scratch + q->patches;
	void *products = scratch + q->products;

	for (uint32_t i = 0; i < q->batches * q->groups; i++, x += size) {
		if (q->is_padded)
			pad_image(q, x, scratch);
		lay_out(q, q->is_padded ? scratch : x, patches);
		kernel->run(&q->dense[i % q->groups], q->places, patches, NULL,
			q->y_last ? (void *)y : products);
		if (!q->y_last)
			turn(q, products, y);
		y += (size_t)q->out * q->places * width;
	}
}

static void run_qconv(const struct step *step, const struct pass *pass)
{
	const struct qconv *q = step->params;
	const uint8_t *x = buffer_at(pass, &step->x);
	uint8_t *scratch = buffer_at(pass, &step->scratch);
	char *y = buffer_at(pass, &step->y);

	if (q->is_padded)
		memset(scratch, q->pad_value, (size_t)q->in * (size_t)window_product(q->padded));
	for (uint32_t row = 0; row < pass->n; row++, x += q->x_row, y += q->y_row)
		run_one(q, q->kernel[pass->batch_class], x, y, scratch);
}

// --- Building -----------------------------------------------------------------------------------

static int set_offsets(struct builder *builder, struct qconv *q)
{
	const struct window *w = &q->window;
	const bool whole = w->dilation[2] == 1; // what is beside each other is one run
	const uint32_t unit = q->joined ? q->in : 1, channels = q->joined ? 1 : q->in;
	const int64_t kernel2 = whole ? 1 : w->kernel[2];
	const int64_t taps = w->kernel[0] * w->kernel[1] * kernel2;
	uint32_t *begins, *offsets;
	size_t at = 0;

	q->run = (whole ? (uint32_t)w->kernel[2] : 1) * unit;
	q->runs = channels * (uint32_t)taps;
	begins = builder_weights(builder, q->places * sizeof(*begins));
	offsets = builder_weights(builder, q->runs * sizeof(*offsets));
	if (!begins || !offsets)
		return -ENOMEM;
	for (int64_t p = 0; p < q->places; p++) {
		const int64_t i = p / (w->out[1] * w->out[2]), j = p / w->out[2] % w->out[1];

		begins[p] = unit *
			(uint32_t)((i * w->stride[0] * q->padded[1] + j * w->stride[1]) *
					q->padded[2] +
				p % w->out[2] * w->stride[2]);
	}
	for (int64_t c = 0; c < channels; c++) {
		for (int64_t t = 0; t < taps; t++) {
			const int64_t i = t / (w->kernel[1] * kernel2),
				      j = t / kernel2 % w->kernel[1];

			offsets[at++] = unit *
				(uint32_t)(((c * q->padded[0] + i * w->dilation[0]) * q->padded[1] +
						   j * w->dilation[1]) *
						q->padded[2] +
					t % kernel2 * w->dilation[2]);
		}
	}
	q->begins = begins;
	q->offsets = offsets;
	return 0;
}

// The weights of each group by themselves.
static int pack(struct builder *builder, struct qconv *q)
{
	const struct tensor *w = builder_input(builder, 1);
	const int32_t *bias = builder_input(builder, 2)->data;
	const float *multiplier = builder_input(builder, 3)->data;
	const struct qdense one = qdense_of(builder, q->out);
	const size_t columns = (size_t)w->dims[1];
	struct qdense *dense = builder_weights(builder, q->groups * sizeof(*dense));
	int8_t *of_group = malloc((size_t)one.k * q->out);
	int rc = of_group && dense ? 0 : -ENOMEM;

	for (uint32_t g = 0; g < q->groups && rc == 0; g++) {
		const size_t first = (size_t)g * q->out;
		void *packed = builder_weights(builder, qdense_packed_bytes(one.k, one.n));

		if (!packed) {
			rc = -ENOMEM;
			break;
		}
		for (uint32_t k = 0; k < one.k; k++) { // the taps of a channel are neighbours
			const uint32_t taps = one.k / q->in;
			const uint32_t from = q->joined ? k % q->in * taps + k / q->in : k;

			memcpy(of_group + (size_t)k * q->out,
				(const int8_t *)w->data + from * columns + first, q->out);
		}
		qdense_pack(&one, packed, of_group, bias + first, multiplier + first);
		dense[g] = one;
		dense[g].packed = packed;
	}
	free(of_group);
	q->dense = dense;
	return rc ? error_set(builder->err, rc, "no memory for the weights") : 0;
}

// Where the scratch has what; too much of it is refused.
static int lay_scratch(struct builder *builder, struct qconv *q, uint32_t k)
{
	double bytes = (double)q->in;
	size_t end;

	for (uint32_t d = 0; d < WINDOW_DIMS; d++) {
		q->padded[d] = q->window.in[d] + q->window.begin[d] + q->window.end[d];
		bytes *= (double)q->padded[d];
	}
	bytes += (double)q->places * k + (double)q->places * q->out * sizeof(float);
	if (bytes > PLAN_ROW_BYTES_MAX)
		return error_set(builder->err, -EINVAL,
			"its windows take %.0f bytes of scratch, at most %zu are supported", bytes,
			PLAN_ROW_BYTES_MAX);
	end = (size_t)q->in * (size_t)window_product(q->padded);
	q->patches = (end + KERNEL_ALIGN - 1) & ~(size_t)(KERNEL_ALIGN - 1);
	end = q->patches + (size_t)q->places * k;
	q->products = (end + KERNEL_ALIGN - 1) & ~(size_t)(KERNEL_ALIGN - 1);
	builder->scratch_bytes = q->products + (size_t)q->places * q->out * sizeof(float);
	return 0;
}

// One group's channels are all of them.
bool qconv_takes(const struct builder *builder, const struct node *node)
{
	return kernel_allowed(KERNEL_VECTORS, builder->plan->isa_mask) &&
		node_int(node, ATTR_GROUP, 1) == 1;
}

int build_qconv(struct builder *builder)
{
	const struct tensor *x = builder_input(builder, 0), *w = builder_input(builder, 1);
	const struct tensor *y = builder_output(builder, 0);
	const struct node *node = builder->node;
	struct qconv q = { .groups = (uint32_t)node_int(node, ATTR_GROUP, 1),
		.batches = (uint32_t)x->dims[0],
		.pad_value = (int)node_int(node, ATTR_PAD_VALUE, 0),
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
	q.places = (uint32_t)window_product(q.window.out);
	q.joined = q.groups == 1;
	q.x_last = layout_input_last(builder) || (q.joined && q.in == 1); // one is beside itself
	q.y_last = q.joined && layout_output_last(builder);
	q.is_padded = !q.x_last;
	for (uint32_t d = 0; d < WINDOW_DIMS; d++)
		q.is_padded |= q.window.begin[d] != 0 || q.window.end[d] != 0;
	rc = lay_scratch(builder, &q, (uint32_t)w->dims[0]);
	if (rc == 0)
		rc = set_offsets(builder, &q);
	if (rc == 0)
		rc = pack(builder, &q);
	if (rc != 0)
		return rc;
	for (uint32_t c = 0; c < MODEL_BATCH_CLASSES; c++)
		rows[c] = q.places;
	rc = qdense_choose(builder, q.dense, rows, q.kernel);
	if (rc != 0)
		return rc;
	step->run = run_qconv;
	step->x = builder_input_buffer(builder, 0);
	step->macs = (uint64_t)q.batches * q.places * (uint64_t)tensor_elements(w);
	step->bytes_touched += tensor_bytes(w);
	snprintf(step->shape, sizeof(step->shape),
		"%s %" PRId64 " x %" PRIu32 " -> %s %" PRIu32 " x %" PRId64, dtype_name(x->dtype),
		window_product(q.window.in), q.in * q.groups, dtype_name(y->dtype), q.places,
		w->dims[1]);
	return builder_finish(builder, &q, sizeof(q));
}
