// SPDX-License-Identifier: BSD-3-Clause
// Conv, ConvTranspose and the pools: auto_pad and output_shape become pads.
#include "infer/graph/window.h"
#include "infer/import/onnx/onnx.h"

#include <string.h>

#define INTS       ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
#define LIST_MAX   (2 * WINDOW_DIMS)
#define LIST_LIMIT ((int64_t)1 << 28)

struct geometry {
	uint32_t n;
	int64_t kernel[WINDOW_DIMS], strides[WINDOW_DIMS], dilations[WINDOW_DIMS];
	int64_t pads[LIST_MAX], output_padding[WINDOW_DIMS];
};

static int read_ints(struct onnx *onnx, const struct onnx_node *node, const char *name,
	uint32_t count, int64_t otherwise, int64_t *values, bool *there)
{
	const Onnx__AttributeProto *found;

	if (onnx_attr(onnx, node, name, INTS, &found))
		return -EINVAL;
	if (there)
		*there = found && found->n_ints > 0;
	if (found && found->n_ints > 0 && found->n_ints != count)
		return onnx_refuse(onnx, node, -EINVAL,
			"attribute '%s' has %zu values, should have %u", name, found->n_ints,
			count);
	for (uint32_t i = 0; i < count; i++) {
		values[i] = found && found->n_ints > 0 ? found->ints[i] : otherwise;
		if (values[i] < 0 || values[i] > LIST_LIMIT)
			return onnx_refuse(onnx, node, -ENOTSUP,
				"attribute '%s' has %lld, supported is 0 to %lld", name,
				(long long)values[i], (long long)LIST_LIMIT);
	}
	return 0;
}

static void split(struct geometry *g, uint32_t d, int64_t total, bool more_at_end)
{
	total = total > 0 ? total : 0;
	g->pads[more_at_end ? d : g->n + d] = total / 2;
	g->pads[more_at_end ? g->n + d : d] = total - total / 2;
}

static int auto_pads(
	struct onnx *onnx, const struct onnx_node *node, struct geometry *g, bool transposed)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	const char *how;

	if (onnx_string(onnx, node, "auto_pad", "NOTSET", &how))
		return -EINVAL;
	if (!*how || strcmp(how, "NOTSET") == 0)
		return 0;
	if (strcmp(how, "VALID") == 0) {
		memset(g->pads, 0, sizeof(g->pads));
		return 0;
	}
	if (strcmp(how, "SAME_UPPER") != 0 && strcmp(how, "SAME_LOWER") != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"auto_pad is '%.20s', should be NOTSET, VALID, SAME_UPPER or SAME_LOWER",
			how);
	for (uint32_t d = 0; d < g->n; d++) {
		int64_t in = x->dims[2 + d], stride = g->strides[d] ? g->strides[d] : 1;
		int64_t span = (g->kernel[d] - 1) * g->dilations[d] + 1;
		int64_t out = (in + stride - 1) / stride;

		split(g, d,
			transposed ? stride * (in - 1) + g->output_padding[d] + span - in * stride
				   : (out - 1) * stride + span - in,
			strcmp(how, "SAME_UPPER") == 0);
	}
	return 0;
}

// ConvTranspose's output_shape: what is too much is padding. The specification gives the odd one
// to the end unless auto_pad is SAME_UPPER; ONNX's own reference and tests agree on it.
static int shape_pads(struct onnx *onnx, const struct onnx_node *node, struct geometry *g)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	int64_t shape[WINDOW_DIMS];
	const char *how;
	bool there;

	if (read_ints(onnx, node, "output_shape", g->n, 0, shape, &there) ||
		onnx_string(onnx, node, "auto_pad", "NOTSET", &how))
		return -EINVAL;
	for (uint32_t d = 0; d < g->n && there; d++) {
		int64_t total = g->strides[d] * (x->dims[2 + d] - 1) + g->output_padding[d] +
			(g->kernel[d] - 1) * g->dilations[d] + 1 - shape[d];

		if (total < 0) { // longer than what is computed: padding of the output
			g->output_padding[d] -= total;
			total = 0;
		}
		split(g, d, total, strcmp(how, "SAME_UPPER") != 0);
	}
	return 0;
}

static int read_geometry(struct onnx *onnx, const struct onnx_node *node, const int64_t *kernel,
	bool transposed, struct geometry *g)
{
	const struct tensor *x = onnx_input(onnx, node, 0);

	if (x->rank < 3 || x->rank > 2 + WINDOW_DIMS)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 0 is %s; [N, C] and 1 to %d more dimensions are supported",
			tensor_shape_text(x).text, WINDOW_DIMS);
	*g = (struct geometry){ .n = x->rank - 2 };
	if (kernel)
		memcpy(g->kernel, kernel, g->n * sizeof(*kernel));
	else if (read_ints(onnx, node, "kernel_shape", g->n, 0, g->kernel, NULL))
		return -EINVAL;
	if (read_ints(onnx, node, "strides", g->n, 1, g->strides, NULL) ||
		read_ints(onnx, node, "dilations", g->n, 1, g->dilations, NULL) ||
		read_ints(onnx, node, "pads", 2 * g->n, 0, g->pads, NULL) ||
		(transposed &&
			read_ints(
				onnx, node, "output_padding", g->n, 0, g->output_padding, NULL)) ||
		auto_pads(onnx, node, g, transposed))
		return -EINVAL;
	return transposed ? shape_pads(onnx, node, g) : 0;
}

static struct attr ints(enum attr_key key, uint32_t count, const int64_t *values)
{
	return (struct attr){ .key = key, .kind = ATTR_KIND_INTS, .count = count, .ints = values };
}

// The weights are input `i`.
static int import_conv_as(struct onnx *onnx, const struct onnx_node *node, enum op op, uint32_t i)
{
	const struct tensor *w = onnx_input(onnx, node, i);
	const bool transposed = op == OP_CONV_TRANSPOSE;
	uint32_t n = node->n_inputs;
	struct geometry g = { 0 };
	int64_t group;
	bool there;
	int64_t kernel[WINDOW_DIMS];

	if (w->rank != onnx_input(onnx, node, 0)->rank)
		return onnx_refuse(onnx, node, -EINVAL,
			"the weights have %u dimensions, the input %u", w->rank,
			onnx_input(onnx, node, 0)->rank);
	if (read_geometry(onnx, node, w->dims + 2, transposed, &g) ||
		onnx_int(onnx, node, "group", 1, &group) ||
		read_ints(onnx, node, "kernel_shape", g.n, 0, kernel, &there))
		return -EINVAL;
	if (there && memcmp(kernel, g.kernel, g.n * sizeof(*kernel)) != 0)
		return onnx_refuse(onnx, node, -EINVAL,
			"attribute 'kernel_shape' is not that of the weights %s",
			tensor_shape_text(onnx_input(onnx, node, i)).text);
	while (n > 0 && node->inputs[n - 1] == GRAPH_NONE)
		n--;
	const struct attr attrs[] = { ints(ATTR_STRIDES, g.n, g.strides),
		ints(ATTR_DILATIONS, g.n, g.dilations), ints(ATTR_PADS, 2 * g.n, g.pads),
		ONNX_INT(ATTR_GROUP, group), ints(ATTR_OUTPUT_PADDING, g.n, g.output_padding) };

	if (op == OP_CONV || transposed)
		return onnx_import_as(onnx, node, op, n, transposed ? 5 : 4, attrs);
	return onnx_output(onnx, node, 0, onnx_emit(onnx, node, op, n, node->inputs, 4, attrs));
}

int onnx_import_conv(struct onnx *onnx, const struct onnx_node *node)
{
	return import_conv_as(onnx, node, OP_CONV, 1);
}

int onnx_import_conv_transpose(struct onnx *onnx, const struct onnx_node *node)
{
	return import_conv_as(onnx, node, OP_CONV_TRANSPOSE, 1);
}

int onnx_import_quantised_conv(struct onnx *onnx, const struct onnx_node *node)
{
	if (strcmp(node->type, "QLinearConv") == 0)
		return import_conv_as(onnx, node, OP_QLINEAR_CONV, 3);
	return import_conv_as(onnx, node, OP_CONV_INTEGER, 1);
}

static int emit_pool(struct onnx *onnx, const struct onnx_node *node, const struct geometry *g,
	const int64_t options[4])
{
	const enum op op = strstr(node->type, "Max") ? OP_MAX_POOL
		: strstr(node->type, "Lp")           ? OP_LP_POOL
						     : OP_AVERAGE_POOL;
	const bool indices = node->proto->n_output > 1 && *node->proto->output[1];
	const struct attr attrs[] = { ints(ATTR_KERNEL_SHAPE, g->n, g->kernel),
		ints(ATTR_STRIDES, g->n, g->strides), ints(ATTR_DILATIONS, g->n, g->dilations),
		ints(ATTR_PADS, 2 * g->n, g->pads), ONNX_INT(ATTR_CEIL_MODE, options[0] != 0),
		ONNX_INT(ATTR_COUNT_INCLUDE_PAD, options[1] != 0),
		ONNX_INT(ATTR_COLUMN_MAJOR, options[2] != 0), ONNX_INT(ATTR_P, options[3]) };
	const struct onnx_emission emission = {
		.op = op, .n_inputs = 1, .inputs = node->inputs, .n_attrs = 8, .attrs = attrs
	};
	uint32_t outputs[2];
	int rc;

	if (op != OP_MAX_POOL && node->proto->n_output > 1)
		return onnx_refuse(onnx, node, -EINVAL, "has %zu outputs, should have 1",
			node->proto->n_output);
	rc = onnx_emit_outputs(onnx, node, &emission, indices ? 2 : 1, outputs);
	if (rc == 0)
		rc = onnx_output(onnx, node, 0, outputs[0]);
	return rc == 0 && indices ? onnx_output(onnx, node, 1, outputs[1]) : rc;
}

int onnx_import_pool(struct onnx *onnx, const struct onnx_node *node)
{
	int64_t options[4];
	struct geometry g;

	if (read_geometry(onnx, node, NULL, false, &g) ||
		onnx_int(onnx, node, "ceil_mode", 0, &options[0]) ||
		onnx_int(onnx, node, "count_include_pad", 0, &options[1]) ||
		onnx_int(onnx, node, "storage_order", 0, &options[2]))
		return -EINVAL;
	options[3] = 2;
	if (strstr(node->type, "Lp") && onnx_int(onnx, node, "p", 2, &options[3]))
		return -EINVAL;
	return emit_pool(onnx, node, &g, options);
}

// One window over everything.
int onnx_import_global_pool(struct onnx *onnx, const struct onnx_node *node)
{
	const struct tensor *x = onnx_input(onnx, node, 0);
	int64_t options[4] = { 0, 0, 0, 2 };
	struct geometry g;

	if (x->rank < 3 || x->rank > 2 + WINDOW_DIMS)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"input 0 is %s; [N, C] and 1 to %d more dimensions are supported",
			tensor_shape_text(x).text, WINDOW_DIMS);
	if (read_geometry(onnx, node, x->dims + 2, false, &g) ||
		(strstr(node->type, "Lp") && onnx_int(onnx, node, "p", 2, &options[3])))
		return -EINVAL;
	return emit_pool(onnx, node, &g, options);
}
