// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/dims.h"
#include "infer/import/onnx/given.h"
#include "infer/import/onnx/values.h"
#include "infer/import/onnx/widths.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIM_OPEN (-1)

static const struct onnx_given SHAPES = { "shape", "all its dimensions, as in x=1,50,39" };

static const Onnx__TensorShapeProto *dims_shape(const Onnx__ValueInfoProto *info)
{
	const Onnx__TypeProto *type = info->type;

	if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type)
		return NULL;
	return type->tensor_type->shape;
}

// What the file says of a dimension: DIM_OPEN, or how many.
static int64_t dims_fixed(const Onnx__TensorShapeProto *shape, size_t d)
{
	const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];
	const bool fixed = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;

	return fixed && dim->dim_value >= 0 ? dim->dim_value : DIM_OPEN;
}

// The name that the file gives to an open dimension; "" where it has none, or one that an exporter
// made up.
static const char *dims_symbol(const Onnx__TensorShapeProto *shape, size_t d)
{
	const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];
	const char *name;

	if (dim->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM)
		return "";
	name = onnx_text(dim->dim_param);
	return strstr(name, "dynamic_axes") || strncmp(name, "unk__", 5) == 0 ? "" : name;
}

static bool dims_means_batch(const char *symbol)
{
	static const char *const NAMES[] = { "n", "b", "bs", "None", "rows", "n_rows", "samples" };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
		if (strcasecmp(symbol, NAMES[i]) == 0)
			return true;
	}
	return strcasestr(symbol, "batch") != NULL;
}

// Which dimension of an input is a batch of `n` rows, if any: the first, or behind time or layers
// the second. n_dim: none.
static size_t dims_axis_of(const Onnx__TensorShapeProto *shape, int64_t n)
{
	if (n > 0 && shape->n_dim > 0 && dims_fixed(shape, 0) == n)
		return 0;
	return n > 0 && shape->n_dim > 2 && dims_fixed(shape, 1) == n ? 1 : shape->n_dim;
}

// The first dimension above 1 that the file declares of all its outputs; 0: they differ.
static int64_t dims_declared_first(const struct onnx *onnx)
{
	int64_t first = 0;

	for (size_t o = 0; o < onnx->proto->n_output; o++) {
		const Onnx__TensorShapeProto *shape = dims_shape(onnx->proto->output[o]);
		const int64_t dim = shape && shape->n_dim > 0 ? dims_fixed(shape, 0) : 0;

		if (dim <= 1 || (first != 0 && dim != first))
			return 0;
		first = dim;
	}
	return first;
}

// Is a row of all dimensions too long, and without `axis`, of more than one, it is not? Some export
// all of their training rows as one batch.
static bool dims_is_long(const Onnx__TensorShapeProto *shape, size_t axis)
{
	int64_t rest = 1;

	for (size_t d = 0; d < shape->n_dim; d++) {
		const int64_t dim = dims_fixed(shape, d);

		if (d == axis)
			continue;
		if (dim < 1 || dim > MODEL_FEATURES_MAX || (rest *= dim) > MODEL_FEATURES_MAX)
			return false;
	}
	return shape->n_dim > 1 && dims_fixed(shape, axis) > 1 &&
		dims_fixed(shape, axis) <= INT32_MAX &&
		dims_fixed(shape, axis) * rest > MODEL_FEATURES_MAX;
}

static void dims_take_long(struct onnx *onnx, const char *name, const Onnx__TensorShapeProto *shape)
{
	// A time may stand before the batch, which outputs have first.
	const size_t axis = dims_axis_of(shape, dims_declared_first(onnx)) == 1 ? 1 : 0;

	if (onnx->fixed_batch != 0 || !dims_is_long(shape, axis))
		return;
	if (dims_fixed(shape, axis) <= MODEL_FEATURES_MAX && onnx->model->ir_version < 4)
		return; // as dims_is_trained() has it
	onnx->fixed_batch = dims_fixed(shape, axis);
	report_add(onnx->report,
		"input '%.80s': its %s dimension, %lld, is too long for a row: taken as the "
		"batch",
		name, axis ? "second" : "first", (long long)onnx->fixed_batch);
}

// Which dimension of an input is the batch: the first that is open and so named, else the first of
// all where it is open, else the second where the first is a time, as PyTorch has it, or a layer's
// number beside another input with a batch. Fixed ones are none, but for that which
// options->fixed_batch says. n_dim: there is none.
static size_t dims_batch_axis(const struct onnx *onnx, const Onnx__TensorShapeProto *shape)
{
	const size_t n = shape->n_dim;
	const char *symbol = onnx->batch_symbol;
	size_t n_open = 0;

	if (n == 0)
		return n;
	if (dims_axis_of(shape, onnx->fixed_batch) < n)
		return dims_axis_of(shape, onnx->fixed_batch);
	for (size_t d = 0; d < n; d++) {
		const char *own = dims_symbol(shape, d);

		if (dims_fixed(shape, d) != DIM_OPEN)
			continue;
		n_open++;
		if (*own && (dims_means_batch(own) || (symbol && strcmp(own, symbol) == 0)))
			return d;
	}
	if (dims_fixed(shape, 0) == DIM_OPEN)
		return 0;
	if (n > 2 && n_open == 1 && dims_fixed(shape, 1) == DIM_OPEN && !*dims_symbol(shape, 1) &&
		(dims_fixed(shape, 0) > 1 || onnx->batch_is_first))
		return 1;
	return n;
}

// --- Shapes given on the command line -----------------------------------------------------------

// The file's dimensions and those given must agree, but for a first one that the file fixes and
// 1 is given for: that is the batch.
static int dims_read_given(struct onnx *onnx, const char *name, const char *given,
	const Onnx__TensorShapeProto *shape, uint32_t *rank, int64_t *dims)
{
	const char *at = given;
	uint32_t n = 0;

	for (;;) {
		const size_t digits = strspn(at, "0123456789");
		const int64_t dim = digits > 0 && digits < 10 ? strtoll(at, NULL, 10) : 0;

		if (n == GRAPH_RANK_MAX || dim < 1 ||
			(at[digits] && at[digits] != ',' && at[digits] != ';'))
			return error_set(onnx->err, -EINVAL,
				"shape '%.*s' of input '%.80s' should be 1 to %d whole numbers "
				"above 0",
				(int)(strcspn(given, ";") < 60 ? strcspn(given, ";") : 60), given,
				name, GRAPH_RANK_MAX);
		dims[n++] = dim;
		at += digits;
		if (*at++ != ',')
			break;
	}
	if (shape && shape->n_dim != n)
		return error_set(onnx->err, -EINVAL,
			"input '%.80s' has %zu dimensions, %u are given", name, shape->n_dim, n);
	for (uint32_t d = 0; shape && d < n; d++) {
		const int64_t fixed = dims_fixed(shape, d);

		if (d == 0 && n > 1 && dims[0] == 1 && fixed > 1 && onnx->fixed_batch == 0)
			onnx->fixed_batch = fixed;
		if (fixed != DIM_OPEN && fixed != dims[d] &&
			!(d == 0 && dims[0] == 1 && fixed == onnx->fixed_batch))
			return error_set(onnx->err, -EINVAL,
				"input '%.80s': dimension %u is %lld in the file, %lld is given",
				name, d, (long long)fixed, (long long)dims[d]);
	}
	*rank = n;
	return 0;
}

// --- All of them --------------------------------------------------------------------------------

int onnx_dims_begin(struct onnx *onnx)
{
	const Onnx__GraphProto *proto = onnx->proto;

	onnx->fixed_batch = onnx->options->fixed_batch;
	for (size_t i = 0; i < proto->n_input; i++) {
		const Onnx__TensorShapeProto *shape = dims_shape(proto->input[i]);

		if (onnx_is_initializer(onnx, proto->input[i]))
			continue;
		onnx->n_inputs++;
		if (!shape || shape->n_dim == 0 || dims_fixed(shape, 0) != DIM_OPEN)
			continue;
		onnx->batch_is_first = true;
		if (!onnx->batch_symbol && *dims_symbol(shape, 0))
			onnx->batch_symbol = dims_symbol(shape, 0);
	}
	return onnx_given_check(onnx, onnx->options->shapes, &SHAPES);
}

// What is open beside the batch: of the whole row --features says it, or weights do.
static int dims_fill_open(struct onnx *onnx, const Onnx__ValueInfoProto *info, uint32_t rank,
	int64_t *dims, uint32_t open)
{
	const uint32_t features = onnx->options->features;
	int64_t others = 1;

	for (uint32_t d = 0; d < rank; d++)
		others *= d == open ? 1 : dims[d] > 0 ? dims[d] : features + 1;
	if (features != 0 && features % others == 0 && onnx->n_inputs == 1)
		dims[open] = features / others;
	else
		dims[open] = onnx_width(onnx, info->name, rank, open);
	if (dims[open] > 0)
		return 0;
	return error_set(onnx->err, -ENOTSUP,
		"input '%.80s': dimension %u is open and no weights tell it; give all dimensions "
		"of a row (--shape '%.80s=1,...')%s",
		info->name, open, info->name,
		rank == 2 ? ", or how many features it has (--features)" : "");
}

static int dims_check(struct onnx *onnx, const char *name, uint32_t rank, const int64_t *dims)
{
	const int64_t rows = onnx_rows(onnx);
	int64_t elements = 1;

	for (uint32_t d = 0; d < rank; d++) {
		if (dims[d] == 0 || dims[d] > MODEL_FEATURES_MAX * rows)
			return error_set(onnx->err, -ENOTSUP,
				"input '%.80s': dimension %u is %lld; a row has 1 to %d features "
				"(leave the batch dimension open when exporting)",
				name, d, (long long)dims[d], MODEL_FEATURES_MAX);
		elements *= dims[d];
		if (elements > MODEL_FEATURES_MAX * rows)
			return error_set(onnx->err, -ENOTSUP,
				"input '%.80s': its dimensions up to number %u make %lld features "
				"of a row; a row has 1 to %d",
				name, d, (long long)elements, MODEL_FEATURES_MAX);
	}
	return 0;
}

int onnx_input_dims(struct onnx *onnx, const Onnx__ValueInfoProto *info, uint32_t *rank,
	int64_t dims[GRAPH_RANK_MAX])
{
	const Onnx__TensorShapeProto *shape = dims_shape(info);
	const char *given = onnx_given(onnx->options->shapes, info->name);
	const int64_t rows = onnx_rows(onnx);
	size_t batch = GRAPH_RANK_MAX;
	int rc;

	if (!shape && !given)
		return error_set(onnx->err, -ENOTSUP,
			"input '%.80s' has no shape; give it all its dimensions (--shape "
			"'%.80s=1,...')",
			info->name, info->name);
	if (shape && shape->n_dim > GRAPH_RANK_MAX)
		return error_set(onnx->err, -ENOTSUP,
			"input '%.80s' has %zu dimensions, at most %d are supported", info->name,
			shape->n_dim, GRAPH_RANK_MAX);
	if (given) {
		rc = dims_read_given(onnx, info->name, given, shape, rank, dims);
		if (rc != 0)
			return rc;
		onnx->batch.given = true;
	} else {
		*rank = (uint32_t)shape->n_dim;
		dims_take_long(onnx, info->name, shape);
	}
	if (shape)
		batch = dims_batch_axis(onnx, shape);
	for (uint32_t d = 0; d < *rank && !given; d++)
		dims[d] = d == batch ? 1 : dims_fixed(shape, d);
	if (batch < *rank && dims[batch] != 1)
		batch = *rank; // longer than a row is told: all of it is the row
	for (uint32_t d = 0; d < *rank; d++) {
		if (dims[d] >= 0)
			continue;
		rc = dims_fill_open(onnx, info, *rank, dims, d);
		if (rc != 0)
			return rc;
	}
	if (batch < *rank) {
		onnx->batch.open |= onnx->options->fixed_batch == 0;
		dims[batch] = rows;
	}
	return dims_check(onnx, info->name, *rank, dims);
}

static bool dims_is_matrix(const Onnx__TensorProto *tensor)
{
	return tensor && tensor->n_dims > 1 &&
		tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__INT64 &&
		tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
}

// Is it what training leaves, and no example of a single operator? Those, and files from before
// initialisers were told from inputs, are one row as they stand.
static bool dims_is_trained(const struct onnx *onnx)
{
	const Onnx__GraphProto *proto = onnx->proto;
	bool found = onnx->opsets.of[ONNX_DOMAIN_ML] > 0 && proto->n_node > 1;

	for (size_t i = 0; i < proto->n_initializer && !found; i++)
		found = dims_is_matrix(proto->initializer[i]);
	for (size_t n = 0; n < proto->n_node && !found; n++)
		found = strcmp(onnx_text(proto->node[n]->op_type), "Constant") == 0 &&
			proto->node[n]->n_attribute == 1 &&
			dims_is_matrix(proto->node[n]->attribute[0]->t);
	return found && onnx->model->ir_version >= 4;
}

// Do all ports have `n` as their first dimension, or behind time or layers as their second? Whoever
// exported the file may have meant it as the batch.
static bool dims_is_common(const struct onnx *onnx, int64_t n)
{
	const struct graph *graph = onnx->graph;

	for (uint32_t i = 0; i < graph->n_inputs + graph->n_outputs; i++) {
		const struct tensor *port = &graph->tensors[i < graph->n_inputs
				? graph->inputs[i].tensor
				: graph->outputs[i - graph->n_inputs].tensor];
		const bool first =
			port->rank >= (i < graph->n_inputs ? 2 : 1) && port->dims[0] == n;

		if (!first && !(port->rank > 2 && port->dims[1] == n))
			return false;
	}
	return n > 1 && dims_is_trained(onnx);
}

void onnx_dims_end(struct onnx *onnx)
{
	const struct tensor *x = &onnx->graph->tensors[onnx->graph->inputs[0].tensor];

	if (!onnx->options->batch)
		return;
	*onnx->options->batch = onnx->batch;
	if (onnx->batch.open || onnx->batch.given || onnx->fixed_batch != 0)
		return;
	// A first dimension of 1 is the batch: no need to look behind it.
	for (uint32_t d = 0; d < x->rank && d < 2; d++)
		onnx->options->batch->fixed[d] =
			x->dims[0] > 1 && dims_is_common(onnx, x->dims[d]) ? x->dims[d] : 0;
}
