// SPDX-License-Identifier: BSD-3-Clause
// Operators that move no values: Reshape, Flatten, Squeeze, Unsqueeze become the graph's Reshape
// with every dimension known.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/declared.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/fixed.h"
#include "infer/import/onnx/refuse.h"

#include <string.h>

static int reshape_to(
	struct onnx *onnx, const struct onnx_node *node, uint32_t rank, const int64_t *dims)
{
	return onnx_output(
		onnx, node, 0, onnx_emit_reshape(onnx, node, node->inputs[0], rank, dims));
}

// A shape that is computed, or axes: what the file declares of the result says the same, where it
// holds as many values as the input. One dimension may be open: it is what the others leave.
static int reshape_as_declared(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t dims[GRAPH_RANK_MAX], elements = 1;
	const int64_t all = tensor_elements(onnx_input(onnx, node, 0));
	uint32_t rank, n_open = 0, open = 0;

	if (!onnx_declared_partly(onnx, node->proto->output[0], &rank, dims))
		n_open = rank = GRAPH_RANK_MAX;
	for (uint32_t d = 0; d < rank && n_open < 2; d++) {
		if (dims[d] < 0) {
			n_open++;
			open = d;
			continue;
		}
		elements = dims[d] > all ? all + 1 : elements * dims[d];
	}
	if (n_open > 1)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 1 ('%.80s') is computed; it must be a constant list of whole "
			"numbers, or the file must declare the output's shape",
			onnx_input(onnx, node, 1)->name);
	if (n_open == 1) {
		dims[open] = all / elements;
		elements *= dims[open];
	}
	if (elements != all)
		return onnx_refuse(onnx, node, -EINVAL,
			"the output is declared with other than the input's %lld values",
			(long long)all);
	report_add(onnx->report, "node '%.80s' (%.40s): its output has the shape declared",
		node->name, node->type);
	return reshape_to(onnx, node, rank, dims);
}

static bool reshape_is_computed(const struct onnx *onnx, const struct onnx_node *node)
{
	return onnx_is_given(node, 1) && !onnx_input(onnx, node, 1)->data;
}

// The new shape is an attribute before opset 5 and an input since.
static int read_shape(
	struct onnx *onnx, const struct onnx_node *node, uint32_t *rank, const int64_t **dims)
{
	const Onnx__AttributeProto *attr;

	if (onnx->opset >= 5 && onnx_is_given(node, 1))
		return onnx_input_ints(onnx, node, 1, rank, dims);
	if (onnx->opset >= 5)
		return onnx_refuse(onnx, node, -EINVAL, "input 1, the new shape, is missing");
	if (onnx_attr(onnx, node, "shape", ONNX_ATTRIBUTE(INTS), &attr))
		return onnx_refused(onnx);
	if (!attr || attr->n_ints > GRAPH_RANK_MAX)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"attribute 'shape' is missing or has more than %d dimensions",
			GRAPH_RANK_MAX);
	*rank = (uint32_t)attr->n_ints;
	*dims = attr->ints;
	return 0;
}

// 0 keeps the input's dimension, one -1 takes what is left.
static int import_reshape(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t dims[GRAPH_RANK_MAX], allow_zero, known = 1, elements = tensor_elements(x);
	int64_t wanted[GRAPH_RANK_MAX];
	const int64_t *given;
	uint32_t rank = 0, open = GRAPH_NONE;
	int rc;

	if (onnx->opset >= 5 && reshape_is_computed(onnx, node))
		return reshape_as_declared(onnx, node);
	rc = read_shape(onnx, node, &rank, &given);
	if (rc == 0)
		rc = onnx_int(onnx, node, "allowzero", 0, &allow_zero);
	if (rc != 0)
		return rc;
	for (uint32_t d = 0; d < rank; d++)
		wanted[d] = given[d];
	onnx_fixed_reshape(onnx, elements, rank, wanted);
	for (uint32_t d = 0; d < rank; d++) {
		dims[d] = wanted[d] == 0 && !allow_zero && d < x->rank ? x->dims[d] : wanted[d];
		if (dims[d] == -1 && open == GRAPH_NONE) {
			open = d;
			continue;
		}
		if (dims[d] < 1 || dims[d] > GRAPH_ELEMENTS_MAX ||
			known > GRAPH_ELEMENTS_MAX / dims[d])
			return onnx_refuse(onnx, node, -EINVAL,
				"dimension %u of the new shape is %lld; one may be -1, none else "
				"be below "
				"1, and all of them be more than %lld values",
				d, (long long)wanted[d], (long long)GRAPH_ELEMENTS_MAX);
		known *= dims[d];
	}
	if (open != GRAPH_NONE) {
		dims[open] = elements / known;
		known *= dims[open];
	}
	if (known != elements)
		return onnx_refuse(onnx, node, -EINVAL,
			"the new shape holds %lld values, the input has %lld (a batch size other "
			"than 1 in the shape? use -1)",
			(long long)known, (long long)elements);
	return reshape_to(onnx, node, rank, dims);
}

static int import_flatten(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t dims[2] = { 1, 1 }, axis;

	if (onnx_int(onnx, node, "axis", 1, &axis))
		return onnx_refused(onnx);
	if (axis < -(int64_t)x->rank || axis > (int64_t)x->rank)
		return onnx_refuse(onnx, node, -EINVAL, "axis %lld, the input has %u dimensions",
			(long long)axis, x->rank);
	if (axis < 0)
		axis += x->rank;
	for (uint32_t d = 0; d < x->rank; d++)
		dims[d >= axis] *= x->dims[d];
	return reshape_to(onnx, node, 2, dims);
}

// Axes are an attribute before opset 13, an input since. A bit for each of `rank` dimensions.
static int reshape_read_axes(
	struct onnx *onnx, const struct onnx_node *node, uint32_t rank, bool *given, uint32_t *mask)
{
	const Onnx__AttributeProto *attr;
	const int64_t *axes = NULL;
	uint32_t count = 0;

	*mask = 0;
	*given = true;
	if (onnx_is_given(node, 1)) {
		int rc = onnx_input_ints(onnx, node, 1, &count, &axes);

		if (rc != 0)
			return rc;
	} else {
		if (onnx_attr(onnx, node, "axes", ONNX_ATTRIBUTE(INTS), &attr))
			return onnx_refused(onnx);
		*given = attr != NULL;
		axes = attr ? attr->ints : NULL;
		count = attr && attr->n_ints <= GRAPH_RANK_MAX ? (uint32_t)attr->n_ints : 0;
		if (attr && attr->n_ints > GRAPH_RANK_MAX)
			return onnx_refuse(onnx, node, -EINVAL,
				"%zu axes, at most %d are supported", attr->n_ints, GRAPH_RANK_MAX);
	}
	for (uint32_t i = 0; i < count; i++) {
		int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];

		if (axis < 0 || axis >= (int64_t)rank || (*mask >> axis & 1))
			return onnx_refuse(onnx, node, -EINVAL,
				"axis %lld is not one of %u, or there twice", (long long)axes[i],
				rank);
		*mask |= 1u << axis;
	}
	return 0;
}

static int import_squeeze(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t dims[GRAPH_RANK_MAX];
	uint32_t rank = 0, mask;
	bool given;
	int rc;

	if (reshape_is_computed(onnx, node))
		return reshape_as_declared(onnx, node);
	rc = reshape_read_axes(onnx, node, x->rank, &given, &mask);
	if (rc != 0)
		return rc;
	for (uint32_t d = 0; d < x->rank; d++) {
		if (given && (mask >> d & 1) && x->dims[d] != 1)
			return onnx_refuse(onnx, node, -EINVAL,
				"dimension %u is %lld and cannot be left out", d,
				(long long)x->dims[d]);
		if (given ? !(mask >> d & 1) : x->dims[d] != 1)
			dims[rank++] = x->dims[d];
	}
	return reshape_to(onnx, node, rank, dims);
}

static int import_unsqueeze(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = &onnx->graph->tensors[node->inputs[0]];
	int64_t dims[GRAPH_RANK_MAX];
	uint32_t added = 0, from = 0, mask, rank;
	bool given;
	int rc;

	if (reshape_is_computed(onnx, node))
		return reshape_as_declared(onnx, node);
	if (onnx_is_given(node, 1)) {
		added = (uint32_t)tensor_elements(&onnx->graph->tensors[node->inputs[1]]);
	} else {
		const Onnx__AttributeProto *attr;

		if (onnx_attr(onnx, node, "axes", ONNX_ATTRIBUTE(INTS), &attr))
			return onnx_refused(onnx);
		added = attr && attr->n_ints < 64 ? (uint32_t)attr->n_ints : 64;
	}
	rank = x->rank + added;
	if (added > GRAPH_RANK_MAX || rank > GRAPH_RANK_MAX)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"no axes, or more than %d dimensions in the end", GRAPH_RANK_MAX);
	rc = reshape_read_axes(onnx, node, rank, &given, &mask);
	if (rc != 0)
		return rc;
	for (uint32_t d = 0; d < rank; d++)
		dims[d] = mask >> d & 1 ? 1 : x->dims[from++];
	return reshape_to(onnx, node, rank, dims);
}

const struct onnx_operator ONNX_RESHAPE[] = {
	{ "Flatten", 1, 1, .import = import_flatten },
	{ "Reshape", 1, 2, .import = import_reshape },
	{ "Squeeze", 1, 2, .import = import_squeeze },
	{ "Unsqueeze", 1, 2, .import = import_unsqueeze },
	{ .type = NULL },
};
