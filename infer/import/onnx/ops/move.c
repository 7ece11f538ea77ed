// SPDX-License-Identifier: BSD-3-Clause
// Concat, Transpose, Slice, Split, Pad, Tile: the graph's forms name every dimension.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/fixed.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <string.h>

struct slice {
	int64_t starts[GRAPH_RANK_MAX], steps[GRAPH_RANK_MAX], counts[GRAPH_RANK_MAX];
};

static struct slice whole(const struct tensor *x)
{
	struct slice slice;

	for (uint32_t d = 0; d < GRAPH_RANK_MAX; d++) {
		slice.starts[d] = 0;
		slice.steps[d] = 1;
		slice.counts[d] = d < x->rank ? x->dims[d] : 0;
	}
	return slice;
}

static uint32_t emit_slice(
	struct onnx *onnx, const struct onnx_node *node, uint32_t x, const struct slice *slice)
{
	const uint32_t rank = onnx->graph->tensors[x].rank;
	const struct attr attrs[] = {
		ONNX_INTS(ATTR_STARTS, rank, slice->starts),
		ONNX_INTS(ATTR_STEPS, rank, slice->steps),
		ONNX_INTS(ATTR_SHAPE, rank, slice->counts),
	};

	return onnx_emit(onnx, node, OP_SLICE, 1, &x, 3, attrs);
}

// An attribute before `since`, an input from then on. *count 0: not there.
static int list_of(struct onnx *onnx, const struct onnx_node *node, const char *name,
	uint32_t input, int64_t since, uint32_t *count, const int64_t **values)
{
	const Onnx__AttributeProto *attr;

	*count = 0;
	*values = NULL;
	if (onnx->opset >= since) {
		if (input >= node->n_inputs || node->inputs[input] == GRAPH_NONE)
			return 0;
		return onnx_input_list(onnx, node, input, 2 * GRAPH_RANK_MAX, count, values);
	}
	if (onnx_attr(onnx, node, name, ONNX_ATTRIBUTE(INTS), &attr))
		return onnx_refused(onnx);
	if (attr && attr->n_ints > 2 * GRAPH_RANK_MAX)
		return onnx_refuse(onnx, node, -EINVAL,
			"attribute '%s' has %zu values, at most %d are possible", name,
			attr->n_ints, 2 * GRAPH_RANK_MAX);
	*count = attr ? (uint32_t)attr->n_ints : 0;
	*values = attr ? attr->ints : NULL;
	return 0;
}

static int64_t between(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

// One axis as ONNX (NumPy) slices it: start to end, the end not included.
static void slice_axis(
	struct slice *slice, uint32_t d, int64_t n, int64_t start, int64_t end, int64_t step)
{
	const int64_t far = GRAPH_ELEMENTS_MAX;

	start = between(start, -far, far);
	end = between(end, -far, far);
	step = between(step, -far, far);
	start = start < 0 ? start + n : start;
	end = end < 0 ? end + n : end;
	if (step > 0) {
		start = between(start, 0, n);
		end = between(end, 0, n);
		slice->counts[d] = end > start ? (end - start + step - 1) / step : 0;
	} else {
		start = between(start, -1, n - 1);
		end = between(end, -1, n - 1);
		slice->counts[d] = start > end ? (start - end - step - 1) / -step : 0;
	}
	slice->starts[d] = slice->counts[d] ? start : 0;
	slice->steps[d] = step;
}

static int import_slice(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	struct slice slice = whole(&x);
	const int64_t *starts, *ends, *axes, *steps;
	uint32_t n_starts, n_ends, n_axes, n_steps, seen = 0;
	int rc = list_of(onnx, node, "starts", 1, 10, &n_starts, &starts);

	if (rc == 0)
		rc = list_of(onnx, node, "ends", 2, 10, &n_ends, &ends);
	if (rc == 0)
		rc = list_of(onnx, node, "axes", 3, 10, &n_axes, &axes);
	if (rc == 0)
		rc = list_of(onnx, node, "steps", 4, 10, &n_steps, &steps);
	if (rc != 0)
		return rc;
	if (n_starts > x.rank || n_starts != n_ends || (axes && n_axes != n_starts) ||
		(steps && n_steps != n_starts))
		return onnx_refuse(onnx, node, -EINVAL,
			"%u starts, %u ends, %u axes, %u steps for %u dimensions", n_starts, n_ends,
			n_axes, n_steps, x.rank);
	for (uint32_t i = 0; i < n_starts; i++) {
		int64_t d = axes ? axes[i] : i;

		d = d < 0 ? d + x.rank : d;
		if (d < 0 || d >= x.rank || (seen >> d & 1) || (steps && steps[i] == 0))
			return onnx_refuse(onnx, node, -EINVAL,
				"number %u: the axis is not one of %u, or there twice, or the step "
				"is 0",
				i, x.rank);
		seen |= 1u << d;
		slice_axis(
			&slice, (uint32_t)d, x.dims[d], starts[i], ends[i], steps ? steps[i] : 1);
	}
	return onnx_output(onnx, node, 0, emit_slice(onnx, node, node->inputs[0], &slice));
}

// How long each part is: sizes of the attribute or input, else all as long, the last one shorter.
static int split_sizes(
	struct onnx *onnx, const struct onnx_node *node, int64_t n, size_t parts, int64_t *sizes)
{
	const Onnx__AttributeProto *attr;
	const int64_t *given = NULL;
	int64_t total = 0, each = (n + (int64_t)parts - 1) / (int64_t)parts;
	uint32_t count = 0;
	int rc = 0;

	if (onnx->opset >= 13 && onnx_is_given(node, 1)) {
		rc = onnx_input_list(onnx, node, 1, GRAPH_NODE_IO_MAX, &count, &given);
	} else if (onnx->opset < 13) {
		rc = onnx_attr(onnx, node, "split", ONNX_ATTRIBUTE(INTS), &attr);
		given = rc == 0 && attr ? attr->ints : NULL;
		count = given ? (uint32_t)attr->n_ints : 0;
	}
	if (rc != 0)
		return rc;
	if (given && count != parts)
		return onnx_refuse(onnx, node, -EINVAL, "%u sizes for %zu outputs", count, parts);
	for (size_t p = 0; p < parts; p++) {
		sizes[p] = given ? given[p] : between(n - total, 0, each);
		if (sizes[p] < 0 || sizes[p] > n - total)
			return onnx_refuse(onnx, node, -EINVAL,
				"parts of %lld and more do not fit into %lld", (long long)sizes[p],
				(long long)n);
		total += sizes[p];
	}
	if (total != n)
		return onnx_refuse(onnx, node, -EINVAL, "the parts make %lld of %lld",
			(long long)total, (long long)n);
	return 0;
}

static int import_split(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	const size_t parts = node->proto->n_output;
	struct slice slice = whole(&x);
	int64_t axis, at = 0, *sizes;
	int rc;

	if (onnx_int(onnx, node, "axis", 0, &axis))
		return onnx_refused(onnx);
	axis = axis < 0 ? axis + x.rank : axis;
	if (axis < 0 || axis >= x.rank || parts == 0 || parts > GRAPH_NODE_IO_MAX)
		return onnx_refuse(onnx, node, -EINVAL,
			"axis %lld of %u dimensions, into %zu parts", (long long)axis, x.rank,
			parts);
	sizes = arena_calloc(onnx->scratch, parts, sizeof(*sizes));
	if (!sizes)
		return onnx_refuse_memory(onnx, node);
	rc = split_sizes(onnx, node, x.dims[axis], parts, sizes);
	for (size_t p = 0; p < parts && rc == 0; p++) {
		slice.starts[axis] = sizes[p] ? at : 0;
		slice.counts[axis] = sizes[p];
		at += sizes[p];
		if (*node->proto->output[p])
			rc = onnx_output(onnx, node, (uint32_t)p,
				emit_slice(onnx, node, node->inputs[0], &slice));
	}
	return rc;
}

static int read_mode(struct onnx *onnx, const struct onnx_node *node, int64_t *mode)
{
	static const char *const NAMES[PAD_MODE_COUNT] = { "constant", "reflect", "edge", "wrap" };
	const char *name;

	if (onnx_string(onnx, node, "mode", "constant", &name))
		return onnx_refused(onnx);
	for (*mode = 0; *mode < PAD_MODE_COUNT; ++*mode) {
		if (strcmp(name, NAMES[*mode]) == 0)
			return 0;
	}
	return onnx_refuse(onnx, node, -EINVAL,
		"mode is '%.20s', should be constant, reflect, edge or wrap", name);
}

// Before and behind each dimension; from opset 18 on, of the axes that input 3 names.
static int read_pads(struct onnx *onnx, const struct onnx_node *node, const struct tensor *x,
	int64_t before[GRAPH_RANK_MAX], int64_t shape[GRAPH_RANK_MAX])
{
	const int64_t *pads, *axes;
	uint32_t n_pads, n_axes, count;
	int rc = list_of(onnx, node, onnx->opset < 2 ? "paddings" : "pads", 1, 11, &n_pads, &pads);

	if (rc == 0)
		rc = list_of(onnx, node, "axes", 3, 18, &n_axes, &axes);
	if (rc != 0)
		return rc;
	if (onnx->opset < 18)
		axes = NULL;
	count = axes ? n_axes : x->rank;
	if (n_pads != 2 * count || count > x->rank || (count && !pads))
		return onnx_refuse(onnx, node, -EINVAL,
			"%u pads for %u axes, should be twice as many", n_pads, count);
	for (uint32_t d = 0; d < x->rank; d++) {
		before[d] = 0;
		shape[d] = x->dims[d];
	}
	for (uint32_t i = 0; i < count; i++) {
		int64_t d = axes ? axes[i] : i;

		d = d < 0 ? d + x->rank : d;
		if (d < 0 || d >= x->rank || pads[i] > GRAPH_ELEMENTS_MAX ||
			pads[i] < -GRAPH_ELEMENTS_MAX || pads[count + i] > GRAPH_ELEMENTS_MAX ||
			pads[count + i] < -GRAPH_ELEMENTS_MAX)
			return onnx_refuse(onnx, node, -EINVAL,
				"pads of axis %lld are out of range", (long long)d);
		before[d] = pads[i];
		shape[d] = x->dims[d] + pads[i] + pads[count + i];
	}
	return 0;
}

// What negative pads cut off is gone before others are filled by what is there: the input, without
// it, and the pads that are left.
static uint32_t pad_cut(struct onnx *onnx, const struct onnx_node *node, const struct tensor *x,
	int64_t before[GRAPH_RANK_MAX], const int64_t shape[GRAPH_RANK_MAX])
{
	int64_t cut[GRAPH_RANK_MAX], left[GRAPH_RANK_MAX];
	bool any = false;

	for (uint32_t d = 0; d < x->rank; d++) {
		const int64_t behind = shape[d] - x->dims[d] - before[d];

		cut[d] = before[d] < 0 ? before[d] : 0;
		left[d] = x->dims[d] + cut[d] + (behind < 0 ? behind : 0);
		any |= cut[d] < 0 || behind < 0;
		before[d] -= cut[d];
	}
	if (!any)
		return node->inputs[0];
	const struct attr attrs[] = { ONNX_INT(ATTR_MODE, PAD_CONSTANT),
		ONNX_INTS(ATTR_PADS, x->rank, cut), ONNX_INTS(ATTR_SHAPE, x->rank, left) };
	return onnx_emit(onnx, node, OP_PAD, 1, node->inputs, 3, attrs);
}

static int import_pad(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	int64_t mode, before[GRAPH_RANK_MAX] = { 0 }, shape[GRAPH_RANK_MAX] = { 0 };
	uint32_t pair[2] = { node->inputs[0], GRAPH_NONE };
	float value = 0;
	int rc = read_mode(onnx, node, &mode);

	if (rc == 0)
		rc = read_pads(onnx, node, &x, before, shape);
	if (rc != 0)
		return rc;
	if (onnx->opset < 11) {
		if (onnx_float(onnx, node, "value", 0, &value))
			return onnx_refused(onnx);
		if (value != 0)
			pair[1] = onnx_scalar(onnx, node, value);
	} else if (node->n_inputs > 2) {
		pair[1] = node->inputs[2];
	}
	if (mode != PAD_CONSTANT)
		pair[0] = pad_cut(onnx, node, &x, before, shape);
	const struct attr attrs[] = { ONNX_INT(ATTR_MODE, mode),
		ONNX_INTS(ATTR_PADS, x.rank, before), ONNX_INTS(ATTR_SHAPE, x.rank, shape) };
	return onnx_output(onnx, node, 0,
		onnx_emit(onnx, node, OP_PAD, pair[1] == GRAPH_NONE ? 1 : 2, pair, 3, attrs));
}

static int import_tile(struct onnx *onnx, const struct onnx_node *node)
{
	const uint32_t rank = onnx_input(onnx, node, 0)->rank;
	const int64_t *given;
	int64_t repeats[GRAPH_RANK_MAX];
	uint32_t count;
	int rc = onnx_input_ints(onnx, node, 1, &count, &given);

	if (rc == 0 && count != rank)
		rc = onnx_refuse(onnx, node, -EINVAL, "%u repeats for %u dimensions", count, rank);
	if (rc != 0)
		return rc;
	for (uint32_t d = 0; d < count; d++)
		repeats[d] = given[d];
	onnx_fixed_dims(onnx, count, repeats);
	const struct attr attr = ONNX_INTS(ATTR_REPEATS, count, repeats);
	return onnx_output(
		onnx, node, 0, onnx_emit(onnx, node, OP_TILE, 1, node->inputs, 1, &attr));
}

static int import_concat(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *found;
	int64_t axis;

	if (onnx_attr(onnx, node, "axis", ONNX_ATTRIBUTE(INT), &found))
		return onnx_refused(onnx);
	if (!found && onnx->opset >= 4)
		return onnx_refuse(onnx, node, -EINVAL, "attribute 'axis' is missing");
	axis = found ? found->i : 1;
	for (uint32_t i = 0; i < node->n_inputs; i++) {
		if (node->inputs[i] == GRAPH_NONE)
			return onnx_refuse(onnx, node, -EINVAL, "input %u is missing", i);
	}
	const struct attr attr = ONNX_INT(ATTR_AXIS, axis);
	return onnx_import_as(onnx, node, OP_CONCAT, node->n_inputs, 1, &attr);
}

static int import_transpose(struct onnx *onnx, const struct onnx_node *node)
{
	const Onnx__AttributeProto *found;

	if (onnx_attr(onnx, node, "perm", ONNX_ATTRIBUTE(INTS), &found))
		return onnx_refused(onnx);
	if (found && found->n_ints > GRAPH_RANK_MAX)
		return onnx_refuse(onnx, node, -ENOTSUP, "%zu dimensions, at most %d are supported",
			found->n_ints, GRAPH_RANK_MAX);
	const struct attr attr = ONNX_INTS(
		ATTR_PERM, found ? (uint32_t)found->n_ints : 0, found ? found->ints : NULL);
	return onnx_import_as(onnx, node, OP_TRANSPOSE, 1, found != NULL, &attr);
}

const struct onnx_operator ONNX_MOVE[] = {
	{ "Concat", 1, GRAPH_NODE_IO_MAX, .import = import_concat },
	{ "Transpose", 1, 1, .import = import_transpose },
	{ "Slice", 1, 5, .import = import_slice },
	{ "Split", 1, 2, .import = import_split },
	{ "Pad", 1, 4, .import = import_pad },
	{ "Tile", 2, 2, .import = import_tile },
	{ .type = NULL },
};
