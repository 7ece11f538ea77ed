// SPDX-License-Identifier: BSD-3-Clause
// Values that are moved and not computed: their bytes are, where input and output have the same scale.
#include "infer/import/tflite/values.h"
#include "infer/import/tflite/write.h"

#include <stdlib.h>

#define PARTS_MAX 64

// Do all inputs and outputs from `first` on have one scale?
static enum tflite_form move_form(
	const struct tflite *t, const struct tflite_node *node, uint32_t first, uint32_t n)
{
	const struct tflite_tensor *to = tflite_output(t, node, 0);

	for (uint32_t i = first; i < first + n; i++) {
		const struct tflite_tensor *x = tflite_input(t, node, i);

		if (!x || !to || !tflite_is_alike(x, to))
			return TFLITE_REAL;
	}
	return TFLITE_BYTES;
}

static int move_give(struct tflite *t, const struct tflite_node *node, uint32_t k, const char *made,
	enum tflite_form form, enum tflite_layout layout)
{
	return form == TFLITE_BYTES ? tflite_give_form(t, node, k, made, form, layout)
				    : tflite_give(t, node, k, made, layout);
}

// An operator with one list of whole numbers: ONNX's, of the constant made here.
static int move_with_list(struct tflite *t, const struct tflite_node *node, const char *type,
	uint32_t input, size_t n, const int64_t *list)
{
	const enum tflite_form form = move_form(t, node, input, 1);
	const char *x = tflite_get(t, node, input, form, TFLITE_NHWC);

	return move_give(
		t, node, 0, tflite_pair(t, type, x, tflite_ints(t, n, list)), form, TFLITE_NHWC);
}

// As 64-bit whole numbers, which ONNX wants where TensorFlow has 32.
static const char *move_wide(struct tflite *t, const struct tflite_node *node, uint32_t i)
{
	const char *x = tflite_real(t, node, i);

	return tflite_write(
		t, "Cast", 1, &x, 1, &TFLITE_INT("to", ONNX__TENSOR_PROTO__DATA_TYPE__INT64));
}

// The shape is an input, perhaps computed, or an option. A size of 0 means an empty tensor, which no row has.
static int move_import_reshape(struct tflite *t, const struct tflite_node *node)
{
	const struct flatbuffer_vector shape = flatbuffer_list(&node->op->options, 0, 4);
	const enum tflite_form form = move_form(t, node, 0, 1);
	int64_t dims[GRAPH_RANK_MAX] = { 0 };
	size_t n = shape.n;
	const char *to, *x;

	if (tflite_inputs_given(node) > 1 && !tflite_input(t, node, 1)->data) {
		to = move_wide(t, node, 1);
	} else {
		if (tflite_inputs_given(node) > 1 &&
			tflite_get_ints(t, node, 1, GRAPH_RANK_MAX, dims, &n))
			return t->err->code;
		if (n > GRAPH_RANK_MAX)
			return tflite_refuse(
				t, node, -ENOTSUP, "a shape of %zu dimensions is not supported", n);
		for (size_t d = 0; d < n && tflite_inputs_given(node) < 2; d++)
			dims[d] = flatbuffer_list_int(&shape, (uint32_t)d, 4);
		for (size_t d = 0; d < n; d++) {
			if (dims[d] == 0 || dims[d] < -1)
				return tflite_refuse(t, node, -EINVAL,
					"the new shape has a dimension of %lld",
					(long long)dims[d]);
		}
		to = tflite_ints(t, n, dims);
	}
	x = to ? tflite_get(t, node, 0, form, TFLITE_NHWC) : NULL;
	return move_give(t, node, 0, tflite_pair(t, "Reshape", x, to), form, TFLITE_NHWC);
}

// Without a list all dimensions of 1 go.
static int move_import_squeeze(struct tflite *t, const struct tflite_node *node)
{
	const struct flatbuffer_vector list = flatbuffer_list(&node->op->options, 0, 4);
	const struct tflite_tensor *x = tflite_input(t, node, 0);
	int64_t axes[GRAPH_RANK_MAX];
	size_t n = 0;

	if (list.n > GRAPH_RANK_MAX || !x)
		return tflite_refuse(t, node, -EINVAL, "squeezes %u dimensions", list.n);
	for (uint32_t i = 0; i < list.n; i++)
		axes[n++] = flatbuffer_list_int(&list, i, 4);
	for (uint32_t d = 0; list.n == 0 && d < x->rank; d++) {
		if (x->dims[d] == 1 && !x->open[d])
			axes[n++] = d;
	}
	if (n == 0)
		return move_with_list(t, node, "Reshape", 0, x->rank, x->dims);
	return move_with_list(t, node, "Squeeze", 0, n, axes);
}

static int move_import_expand(struct tflite *t, const struct tflite_node *node)
{
	int64_t axis;
	size_t n;

	if (tflite_get_ints(t, node, 1, 1, &axis, &n))
		return t->err->code;
	return n == 1 ? move_with_list(t, node, "Unsqueeze", 0, 1, &axis)
		      : tflite_refuse(t, node, -EINVAL, "should have one axis");
}

static int move_import_transpose(struct tflite *t, const struct tflite_node *node)
{
	const enum tflite_form form = move_form(t, node, 0, 1);
	int64_t perm[GRAPH_RANK_MAX];
	size_t n;

	if (tflite_get_ints(t, node, 1, GRAPH_RANK_MAX, perm, &n))
		return t->err->code;
	return move_give(t, node, 0,
		tflite_transposed(t, tflite_get(t, node, 0, form, TFLITE_NHWC), n, perm), form,
		TFLITE_NHWC);
}

static int64_t move_nchw_axis(int64_t axis)
{
	static const int64_t AXES[4] = { 0, 2, 3, 1 };

	return AXES[axis];
}

static int move_import_concat(struct tflite *t, const struct tflite_node *node)
{
	const uint32_t n = node->op->inputs.n;
	const struct tflite_tensor *to = tflite_output(t, node, 0);
	const enum tflite_form form = move_form(t, node, 0, n);
	int64_t axis = flatbuffer_int(&node->op->options, 0, 4, 0);
	bool images = to && to->rank == 4;
	const char *parts[PARTS_MAX], *made;
	enum tflite_layout layout;

	for (uint32_t i = 0; i < n && images; i++)
		images = tflite_home(t, node, i) == TFLITE_NCHW;
	layout = images ? TFLITE_NCHW : TFLITE_NHWC;
	if (!to || axis < -(int64_t)to->rank || axis >= to->rank)
		return tflite_refuse(
			t, node, -EINVAL, "axis %lld is none of the output's", (long long)axis);
	axis += axis < 0 ? to->rank : 0;
	for (uint32_t i = 0; i < n; i++) {
		parts[i] = tflite_get(t, node, i, form, layout);
		if (!parts[i])
			return t->err->code;
	}
	made = tflite_write(t, "Concat", n, parts, 1,
		&TFLITE_INT("axis", images ? move_nchw_axis(axis) : axis));
	if (form == TFLITE_REAL)
		made = tflite_activated(t, node, flatbuffer_int(&node->op->options, 1, 1, 0), made);
	return move_give(t, node, 0, made, form, layout);
}

// Of n pairs [before, after] to ONNX's lists of all before, then all after. PADV2 says the value.
static int move_import_pad(struct tflite *t, const struct tflite_node *node)
{
	const struct tflite_attr reflects = TFLITE_TEXT("mode", "reflect");
	const struct tflite_tensor *x = tflite_input(t, node, 0);
	const bool mirrors = node->op->code == 100;
	enum tflite_layout layout = tflite_home(t, node, 0);
	int64_t pairs[2 * GRAPH_RANK_MAX], pads[2 * GRAPH_RANK_MAX];
	const char *inputs[3];
	size_t n, rank;

	if (mirrors && flatbuffer_int(&node->op->options, 0, 1, 0) != 0)
		return tflite_refuse(t, node, -ENOTSUP,
			"mode SYMMETRIC, which repeats the edge, is not supported: REFLECT is");
	if (tflite_get_ints(t, node, 1, 2 * GRAPH_RANK_MAX, pairs, &n))
		return t->err->code;
	rank = n / 2;
	if (!x || rank != x->rank || n % 2)
		return tflite_refuse(t, node, -EINVAL,
			"should have a pair of paddings for each dimension of the input");
	for (size_t d = 0; d < rank; d++) {
		const size_t at = layout == TFLITE_NCHW ? (size_t)move_nchw_axis((int64_t)d) : d;

		if (pairs[2 * d] < 0 || pairs[2 * d + 1] < 0)
			return tflite_refuse(t, node, -EINVAL, "a padding is below 0");
		pads[at] = pairs[2 * d];
		pads[rank + at] = pairs[2 * d + 1];
	}
	inputs[0] = tflite_get(t, node, 0, TFLITE_REAL, layout);
	inputs[1] = inputs[0] ? tflite_ints(t, n, pads) : NULL;
	inputs[2] = node->op->inputs.n > 2 && inputs[1] ? tflite_real(t, node, 2) : NULL;
	if (node->op->inputs.n > 2 && !inputs[2])
		return t->err->code;
	return tflite_give(t, node, 0,
		tflite_write(t, "Pad", node->op->inputs.n > 2 ? 3 : 2, inputs, mirrors, &reflects),
		layout);
}

// --- Parts ----------------------------------------------------------------------------------------

struct move_cut { // of each dimension
	int64_t from[GRAPH_RANK_MAX], to[GRAPH_RANK_MAX], step[GRAPH_RANK_MAX],
		axes[GRAPH_RANK_MAX];
	size_t n;
};

static const char *move_cut_out(struct tflite *t, const char *x, const struct move_cut *cut)
{
	const char *inputs[5] = { x };

	inputs[1] = tflite_ints(t, cut->n, cut->from);
	inputs[2] = tflite_ints(t, cut->n, cut->to);
	inputs[3] = tflite_ints(t, cut->n, cut->axes);
	inputs[4] = tflite_ints(t, cut->n, cut->step);
	return cut->n ? tflite_write(t, "Slice", 5, inputs, 0, NULL) : x;
}

// From the last to the first, along some dimensions.
static int move_import_reverse(struct tflite *t, const struct tflite_node *node)
{
	const enum tflite_form form = move_form(t, node, 0, 1);
	struct move_cut cut = { .n = 0 };

	if (tflite_get_ints(t, node, 1, GRAPH_RANK_MAX, cut.axes, &cut.n))
		return t->err->code;
	for (size_t i = 0; i < cut.n; i++) {
		cut.from[i] = -1;
		cut.to[i] = INT64_MIN;
		cut.step[i] = -1;
	}
	return move_give(t, node, 0,
		move_cut_out(t, tflite_get(t, node, 0, form, TFLITE_NHWC), &cut), form,
		TFLITE_NHWC);
}

// Begins and sizes, -1 being all that is left.
static int move_import_slice(struct tflite *t, const struct tflite_node *node)
{
	const enum tflite_form form = move_form(t, node, 0, 1);
	struct move_cut cut = { .n = 0 };
	size_t n;

	if (tflite_get_ints(t, node, 1, GRAPH_RANK_MAX, cut.from, &cut.n) ||
		tflite_get_ints(t, node, 2, GRAPH_RANK_MAX, cut.to, &n))
		return t->err->code;
	for (size_t d = 0; d < cut.n; d++) {
		const int64_t size = n == cut.n ? cut.to[d] : -2;

		if (cut.from[d] < 0 || cut.from[d] > GRAPH_ELEMENTS_MAX || size < -1 ||
			size > GRAPH_ELEMENTS_MAX)
			return tflite_refuse(t, node, -EINVAL,
				"dimension %zu begins at %lld and is %lld long", d,
				(long long)cut.from[d], (long long)size);
		cut.to[d] = size < 0 ? INT64_MAX : cut.from[d] + size;
		cut.step[d] = 1;
		cut.axes[d] = (int64_t)d;
	}
	return move_give(t, node, 0,
		move_cut_out(t, tflite_get(t, node, 0, form, TFLITE_NHWC), &cut), form,
		TFLITE_NHWC);
}

// A bit of begin_mask or end_mask leaves that bound out; one of shrink_axis_mask takes one place, and its
// dimension away.
static int move_import_strided(struct tflite *t, const struct tflite_node *node)
{
	const struct flatbuffer_table *options = &node->op->options;
	const int64_t begin = flatbuffer_int(options, 0, 4, 0),
		      end = flatbuffer_int(options, 1, 4, 0);
	const int64_t shrink = flatbuffer_int(options, 4, 4, 0);
	const enum tflite_form form = move_form(t, node, 0, 1);
	struct move_cut cut = { .n = 0 };
	int64_t gone[GRAPH_RANK_MAX];
	size_t n_to, n_step, n_gone = 0;
	const char *x;

	if (flatbuffer_int(options, 2, 4, 0) || flatbuffer_int(options, 3, 4, 0) ||
		flatbuffer_int(options, 5, 1, 0))
		return tflite_refuse(t, node, -ENOTSUP,
			"ellipsis_mask, new_axis_mask and offset are not supported");
	if (tflite_get_ints(t, node, 1, GRAPH_RANK_MAX, cut.from, &cut.n) ||
		tflite_get_ints(t, node, 2, GRAPH_RANK_MAX, cut.to, &n_to) ||
		tflite_get_ints(t, node, 3, GRAPH_RANK_MAX, cut.step, &n_step))
		return t->err->code;
	if (n_to != cut.n || n_step != cut.n)
		return tflite_refuse(
			t, node, -EINVAL, "begin, end and strides should be equally many");
	for (size_t d = 0; d < cut.n; d++) {
		cut.axes[d] = (int64_t)d;
		if (shrink >> d & 1) {
			cut.to[d] = cut.from[d] == -1 ? INT64_MAX : cut.from[d] + 1;
			cut.step[d] = 1;
			gone[n_gone++] = (int64_t)d;
			continue;
		}
		if (cut.step[d] == 0)
			return tflite_refuse(t, node, -EINVAL, "a stride is 0");
		if (begin >> d & 1)
			cut.from[d] = cut.step[d] > 0 ? 0 : INT64_MAX;
		if (end >> d & 1)
			cut.to[d] = cut.step[d] > 0 ? INT64_MAX : INT64_MIN;
	}
	x = move_cut_out(t, tflite_get(t, node, 0, form, TFLITE_NHWC), &cut);
	if (n_gone > 0)
		x = tflite_pair(t, "Squeeze", x, tflite_ints(t, n_gone, gone));
	return move_give(t, node, 0, x, form, TFLITE_NHWC);
}

// The parts of x along the axis, as long as the outputs are; UNPACK's are 1 long and lose the dimension.
static int move_split(struct tflite *t, const struct tflite_node *node, uint32_t input,
	int64_t axis, bool unpacks)
{
	const enum tflite_form form = move_form(t, node, input, 1);
	const struct tflite_tensor *x = tflite_input(t, node, input);
	const uint32_t n = node->op->outputs.n;
	const char *inputs[2], *parts[PARTS_MAX];
	int64_t sizes[PARTS_MAX];

	if (!x || axis < -(int64_t)x->rank || axis >= x->rank)
		return tflite_refuse(
			t, node, -EINVAL, "axis %lld is none of the input's", (long long)axis);
	axis += axis < 0 ? x->rank : 0;
	for (uint32_t k = 0; k < n; k++) {
		const struct tflite_tensor *part = tflite_output(t, node, k);

		if (!part || (!unpacks && part->rank != x->rank) ||
			(form == TFLITE_BYTES && !tflite_is_alike(part, x)))
			return tflite_refuse(t, node, -EINVAL,
				"output %u has not the dimensions and the scale of the input", k);
		sizes[k] = unpacks ? 1 : part->dims[axis];
		parts[k] = tflite_fresh(t);
	}
	inputs[0] = tflite_get(t, node, input, form, TFLITE_NHWC);
	inputs[1] = inputs[0] ? tflite_ints(t, n, sizes) : NULL;
	if (!inputs[1] ||
		tflite_write_outputs(t, "Split", 2, inputs, 1, &TFLITE_INT("axis", axis), n, parts))
		return t->err->code;
	for (uint32_t k = 0; k < n; k++) {
		const char *part = parts[k];

		if (unpacks)
			part = tflite_pair(t, "Squeeze", part, tflite_ints(t, 1, &axis));
		if (move_give(t, node, k, part, form, TFLITE_NHWC))
			return t->err->code;
	}
	return 0;
}

static int move_import_split(struct tflite *t, const struct tflite_node *node)
{
	const bool by_sizes = node->op->code == 102;
	int64_t axis;
	size_t n;

	if (tflite_get_ints(t, node, by_sizes ? 2 : 0, 1, &axis, &n))
		return t->err->code;
	return n == 1 ? move_split(t, node, by_sizes ? 0 : 1, axis, false)
		      : tflite_refuse(t, node, -EINVAL, "should have one axis");
}

static int move_import_unpack(struct tflite *t, const struct tflite_node *node)
{
	return move_split(t, node, 0, flatbuffer_int(&node->op->options, 1, 4, 0), true);
}

static int move_import_pack(struct tflite *t, const struct tflite_node *node)
{
	const uint32_t n = node->op->inputs.n;
	const struct tflite_tensor *to = tflite_output(t, node, 0);
	const enum tflite_form form = move_form(t, node, 0, n);
	int64_t axis = flatbuffer_int(&node->op->options, 1, 4, 0);
	const char *parts[PARTS_MAX];

	if (!to || axis < -(int64_t)to->rank || axis >= to->rank)
		return tflite_refuse(
			t, node, -EINVAL, "axis %lld is none of the output's", (long long)axis);
	axis += axis < 0 ? to->rank : 0;
	for (uint32_t i = 0; i < n; i++) {
		parts[i] = tflite_get(t, node, i, form, TFLITE_NHWC);
		parts[i] = tflite_pair(t, "Unsqueeze", parts[i], tflite_ints(t, 1, &axis));
		if (!parts[i])
			return t->err->code;
	}
	return move_give(t, node, 0,
		tflite_write(t, "Concat", n, parts, 1, &TFLITE_INT("axis", axis)), form,
		TFLITE_NHWC);
}

static int move_import_gather(struct tflite *t, const struct tflite_node *node)
{
	const enum tflite_form form = move_form(t, node, 0, 1);
	const struct tflite_attr axis =
		TFLITE_INT("axis", flatbuffer_int(&node->op->options, 0, 4, 0));
	const char *inputs[2];

	if (flatbuffer_int(&node->op->options, 1, 4, 0) != 0)
		return tflite_refuse(t, node, -ENOTSUP, "batch_dims is not supported");
	inputs[0] = tflite_get(t, node, 0, form, TFLITE_NHWC);
	inputs[1] = inputs[0] ? tflite_real(t, node, 1) : NULL;
	return move_give(
		t, node, 0, tflite_write(t, "Gather", 2, inputs, 1, &axis), form, TFLITE_NHWC);
}

// TILE and BROADCAST_TO: an input says how often, or how far.
static int move_import_spread(struct tflite *t, const struct tflite_node *node)
{
	const enum tflite_form form = move_form(t, node, 0, 1);
	const char *x = tflite_get(t, node, 0, form, TFLITE_NHWC);

	return move_give(t, node, 0,
		tflite_pair(t, node->op->code == 69 ? "Tile" : "Expand", x,
			x ? move_wide(t, node, 1) : NULL),
		form, TFLITE_NHWC);
}

static int move_import_shape(struct tflite *t, const struct tflite_node *node)
{
	const struct tflite_tensor *to = tflite_output(t, node, 0);
	const char *x = tflite_one(t, "Shape", tflite_real(t, node, 0));
	Onnx__TensorProto__DataType type = ONNX__TENSOR_PROTO__DATA_TYPE__INT32;

	if (to)
		tflite_element(to, &type);
	return tflite_give(t, node, 0, tflite_write(t, "Cast", 1, &x, 1, &TFLITE_INT("to", type)),
		TFLITE_NHWC);
}

const struct tflite_builtin TFLITE_MOVE[] = {
	{ 2, "CONCATENATION", 1, PARTS_MAX, 1, move_import_concat },
	{ 22, "RESHAPE", 1, 2, 1, move_import_reshape },
	{ 34, "PAD", 2, 2, 1, move_import_pad },
	{ 36, "GATHER", 2, 2, 1, move_import_gather },
	{ 39, "TRANSPOSE", 2, 2, 1, move_import_transpose },
	{ 43, "SQUEEZE", 1, 1, 1, move_import_squeeze },
	{ 45, "STRIDED_SLICE", 4, 4, 1, move_import_strided },
	{ 49, "SPLIT", 2, 2, PARTS_MAX, move_import_split },
	{ 60, "PADV2", 3, 3, 1, move_import_pad },
	{ 65, "SLICE", 3, 3, 1, move_import_slice },
	{ 69, "TILE", 2, 2, 1, move_import_spread },
	{ 70, "EXPAND_DIMS", 2, 2, 1, move_import_expand },
	{ 77, "SHAPE", 1, 1, 1, move_import_shape },
	{ 83, "PACK", 1, PARTS_MAX, 1, move_import_pack },
	{ 88, "UNPACK", 1, 1, PARTS_MAX, move_import_unpack },
	{ 100, "MIRROR_PAD", 2, 2, 1, move_import_pad },
	{ 102, "SPLIT_V", 3, 3, PARTS_MAX, move_import_split },
	{ 105, "REVERSE_V2", 2, 2, 1, move_import_reverse },
	{ 130, "BROADCAST_TO", 2, 2, 1, move_import_spread },
	{ .name = NULL },
};
