// SPDX-License-Identifier: BSD-3-Clause
// Unique of a constant: how many values differ depends on the values, so that of what is computed it
// has no shape.
#include "infer/graph/arena.h"
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"
#include "infer/ops/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MAX ((int64_t)1 << 24)

// The parts along an axis: part p has `outer` pieces of `inner` values each. Without an axis each value
// is a part.
struct parts {
	const struct tensor *x;
	int64_t outer, length, inner;
	int64_t *order; // [length] parts in ascending order, equal ones as they stood
	int64_t *first; // [length] of each part the first that is equal to it
	int64_t *id;    // [length] of each such first one its place in the output
	int64_t count;  // of those
};

static int parts_compare_values(const struct tensor *x, size_t i, size_t j)
{
	if (dtype_is_float(x->dtype)) {
		const double a = value_number(x->dtype, x->data, i);
		const double b = value_number(x->dtype, x->data, j);

		// NaN stands last and is equal to itself, as numpy has it.
		if (isnan(a) || isnan(b))
			return !!isnan(a) - !!isnan(b);
		return (a > b) - (a < b);
	}
	const uint64_t a = value_integer(x->dtype, x->data, i);
	const uint64_t b = value_integer(x->dtype, x->data, j);

	if (x->dtype == DTYPE_U64)
		return (a > b) - (a < b);
	return ((int64_t)a > (int64_t)b) - ((int64_t)a < (int64_t)b);
}

static int parts_compare(const struct parts *parts, int64_t a, int64_t b)
{
	for (int64_t o = 0; o < parts->outer; o++) {
		for (int64_t i = 0; i < parts->inner; i++) {
			const int64_t base = o * parts->length;
			const int rc = parts_compare_values(parts->x,
				(size_t)((base + a) * parts->inner + i),
				(size_t)((base + b) * parts->inner + i));

			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

static int parts_order(const void *a, const void *b, void *context)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	const int rc = parts_compare(context, x, y);

	return rc != 0 ? rc : (x > y) - (x < y);
}

// Fills in order, first, id and count.
static void parts_find(struct parts *parts, bool sorted)
{
	for (int64_t p = 0; p < parts->length; p++)
		parts->order[p] = p;
	qsort_r(parts->order, (size_t)parts->length, sizeof(*parts->order), parts_order, parts);
	for (int64_t i = 0; i < parts->length; i++) {
		const int64_t p = parts->order[i];
		const bool is_new = i == 0 || parts_compare(parts, parts->order[i - 1], p) != 0;

		parts->first[p] = is_new ? p : parts->first[parts->order[i - 1]];
	}
	for (int64_t i = 0; i < parts->length; i++) {
		const int64_t p = sorted ? parts->order[i] : i;

		if (parts->first[p] == p)
			parts->id[p] = parts->count++;
	}
}

static int parts_init(struct parts *parts, struct onnx *onnx, const struct onnx_node *node)
{
	const size_t n = (size_t)parts->length + 1;

	parts->order = arena_calloc(onnx->scratch, n, sizeof(*parts->order));
	parts->first = arena_calloc(onnx->scratch, n, sizeof(*parts->first));
	parts->id = arena_calloc(onnx->scratch, n, sizeof(*parts->id));
	return parts->order && parts->first && parts->id ? 0 : onnx_refuse_memory(onnx, node);
}

// The values themselves, the first of each kind. dims: the output's.
static int output_values(struct onnx *onnx, const struct onnx_node *node, const struct parts *parts,
	uint32_t rank, const int64_t *dims)
{
	const size_t bytes = dtype_bytes(parts->x->dtype) * (size_t)parts->inner;
	void *data;
	const uint32_t tensor = onnx_made(onnx, node, parts->x->dtype, rank, dims, &data);

	for (int64_t o = 0; tensor != GRAPH_NONE && o < parts->outer; o++) {
		for (int64_t p = 0; p < parts->length; p++) {
			if (parts->first[p] == p)
				memcpy((char *)data +
						(size_t)(o * parts->count + parts->id[p]) * bytes,
					(const char *)parts->x->data +
						(size_t)(o * parts->length + p) * bytes,
					bytes);
		}
	}
	return onnx_output(onnx, node, 0, tensor);
}

// Where each first stood, which value each part is, and how many are equal to it.
static int output_lists(struct onnx *onnx, const struct onnx_node *node, const struct parts *parts)
{
	const int64_t sizes[3] = { parts->count, parts->length, parts->count };
	int64_t *list[3];
	uint32_t tensor[3];
	int rc = 0;

	for (uint32_t k = 0; k < 3; k++) {
		void *data;

		tensor[k] = onnx_made(onnx, node, DTYPE_I64, 1, &sizes[k], &data);
		if (tensor[k] == GRAPH_NONE)
			return onnx_refused(onnx);
		list[k] = data;
	}
	for (int64_t p = 0; p < parts->length; p++) {
		const int64_t id = parts->id[parts->first[p]];

		if (parts->first[p] == p)
			list[0][id] = p;
		list[1][p] = id;
		list[2][id]++;
	}
	for (uint32_t k = 0; k < 3 && rc == 0; k++)
		rc = onnx_output(onnx, node, k + 1, tensor[k]);
	return rc;
}

static int import_unique(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor x = *onnx_input(onnx, node, 0);
	struct parts parts = { .x = &x, .outer = 1, .length = tensor_elements(&x), .inner = 1 };
	const Onnx__AttributeProto *axis, *sorted;
	int64_t dims[GRAPH_RANK_MAX] = { 0 }, along = 0;
	int rc;

	if (onnx_attr(onnx, node, "axis", ONNX_ATTRIBUTE(INT), &axis) ||
		onnx_attr(onnx, node, "sorted", ONNX_ATTRIBUTE(INT), &sorted))
		return onnx_refused(onnx);
	if (!x.data)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 0 ('%.80s') is computed, so that the output's length depends on "
			"values; it must be constant",
			x.name);
	if (tensor_elements(&x) > ELEMENTS_MAX)
		return onnx_refuse(
			onnx, node, -EFBIG, "more than %lld values", (long long)ELEMENTS_MAX);
	if (axis) {
		along = axis->i + (axis->i < 0 ? x.rank : 0);
		if (along < 0 || along >= x.rank)
			return onnx_refuse(onnx, node, -EINVAL,
				"axis %lld: the input has %u dimensions", (long long)axis->i,
				x.rank);
		parts.length = x.dims[along];
		for (uint32_t d = 0; d < x.rank; d++) {
			parts.outer *= d < along ? x.dims[d] : 1;
			parts.inner *= d > along ? x.dims[d] : 1;
		}
	}
	rc = parts_init(&parts, onnx, node);
	if (rc != 0)
		return rc;
	parts_find(&parts, !sorted || sorted->i != 0);
	memcpy(dims, x.dims, sizeof(dims));
	dims[along] = parts.count;
	rc = output_values(onnx, node, &parts, axis ? x.rank : 1, dims);
	return rc == 0 ? output_lists(onnx, node, &parts) : rc;
}

const struct onnx_operator ONNX_UNIQUE[] = {
	{ "Unique", 1, 1, .import = import_unique },
	{ .type = NULL },
};
