// SPDX-License-Identifier: BSD-3-Clause
// Operators that draw at random. Scores are of no draw: noise is its mean, where that stands for it.
#include "infer/import/onnx/attr.h"
#include "infer/import/onnx/emit.h"
#include "infer/import/onnx/family.h"
#include "infer/import/onnx/refuse.h"
#include "infer/import/onnx/tensor.h"

#include <string.h>

#define NOISE_ELEMENTS_MAX ((int64_t)1 << 24)
#define NOISE_SEARCH_WORK  ((size_t)1 << 16) // inputs that are looked at for who reads a noise
#define NOISE_READERS_DEEP 4

// Does a node keep the sense of a mean: a sum or a product of its input?
static bool noise_is_linear(const char *type)
{
	static const char *const LINEAR[] = { "Add", "Sub", "Mul", "Div", "Identity", "Cast",
		"Reshape", "Unsqueeze", "Squeeze", "Expand", "Transpose" };

	for (size_t i = 0; i < sizeof(LINEAR) / sizeof(*LINEAR); i++) {
		if (strcmp(type, LINEAR[i]) == 0)
			return true;
	}
	return false;
}

// Who compares the noise, rounds it or cuts it to whole numbers, after sums and products? A dropout
// that was kept does that, and a sampling: no one value stands for what may fall on either side. "": it
// was not found out within `work`.
static const char *noise_decider(
	const struct onnx *onnx, const char *name, unsigned deep, size_t *work)
{
	static const char *const DECIDING[] = { "Less", "LessOrEqual", "Greater", "GreaterOrEqual",
		"Equal", "Floor", "Ceil", "Round", "Sign", "ArgMax", "ArgMin", "TopK", "Log" };
	const Onnx__GraphProto *proto = onnx->proto;

	for (size_t n = 0; n < proto->n_node; n++) {
		const Onnx__NodeProto *node = proto->node[n];
		const char *type = onnx_text(node->op_type), *found = NULL;
		bool reads = false;

		if (*work < node->n_input + 1)
			return "";
		*work -= node->n_input + 1;
		for (size_t i = 0; i < node->n_input; i++)
			reads |= strcmp(node->input[i], name) == 0;
		for (size_t i = 0; reads && i < sizeof(DECIDING) / sizeof(*DECIDING); i++)
			found = strcmp(type, DECIDING[i]) == 0 ? DECIDING[i] : found;
		if (reads && !found && deep > 0 && node->n_output > 0 && noise_is_linear(type))
			found = noise_decider(onnx, node->output[0], deep - 1, work);
		if (found)
			return found;
	}
	return NULL;
}

// The shape of input 0, or that of an attribute where there is none.
static int noise_shape(
	struct onnx *onnx, const struct onnx_node *node, uint32_t *rank, const int64_t **dims)
{
	const Onnx__AttributeProto *shape;
	int64_t elements = 1;

	if (onnx_attr(onnx, node, "shape", ONNX_ATTRIBUTE(INTS), &shape))
		return onnx_refused(onnx);
	if (node->n_inputs == 0 && (!shape || shape->n_ints > GRAPH_RANK_MAX))
		return onnx_refuse(onnx, node, -EINVAL,
			"attribute 'shape' should have up to %d dimensions", GRAPH_RANK_MAX);
	*rank = node->n_inputs ? onnx_input(onnx, node, 0)->rank : (uint32_t)shape->n_ints;
	*dims = node->n_inputs ? onnx_input(onnx, node, 0)->dims : shape->ints;
	for (uint32_t d = 0; d < *rank; d++) {
		const int64_t dim = (*dims)[d];

		if (dim < 0 || (dim > 0 && elements > NOISE_ELEMENTS_MAX / dim))
			return onnx_refuse(onnx, node, -ENOTSUP,
				"dimension %u of the noise is %lld", d, (long long)dim);
		elements *= dim;
	}
	return 0;
}

static int noise_of(struct onnx *onnx, const struct onnx_node *node, float mean)
{
	int64_t own[GRAPH_RANK_MAX];
	const int64_t *dims = own;
	uint32_t rank = 0, made;
	void *data;

	if (noise_shape(onnx, node, &rank, &dims))
		return onnx_refused(onnx);
	for (uint32_t d = 0; d < rank; d++)
		own[d] = dims[d]; // those of a tensor move when one is made
	made = onnx_made(onnx, node, DTYPE_F32, rank, own, &data);
	for (int64_t i = 0; made != GRAPH_NONE && i < tensor_elements(&onnx->graph->tensors[made]);
		i++)
		((float *)data)[i] = mean;
	report_add(onnx->report,
		"node '%.80s' (%s): the noise is taken as its mean, %g: scores are of no draw, and "
		"the same each time",
		node->name, node->type, (double)mean);
	return onnx_output(onnx, node, 0, made);
}

// Normal noise: an autoencoder decodes the mean of its code, the same each time.
static int import_normal_noise(struct onnx *onnx, const struct onnx_node *node)
{
	float mean;

	if (onnx_float(onnx, node, "mean", 0, &mean))
		return onnx_refused(onnx);
	return noise_of(onnx, node, mean);
}

static int import_uniform_noise(struct onnx *onnx, const struct onnx_node *node)
{
	size_t work = NOISE_SEARCH_WORK;
	const char *decider;
	float low, high;

	if (onnx_float(onnx, node, "low", 0, &low) || onnx_float(onnx, node, "high", 1, &high))
		return onnx_refused(onnx);
	decider = noise_decider(onnx, node->proto->output[0], NOISE_READERS_DEEP, &work);
	if (decider)
		return onnx_refuse(onnx, node, -ENOTSUP,
			"draws at random, and %s reads the draw: no one value stands for it there; "
			"export the model as it infers (model.eval(), training=False), without "
			"dropout or sampling",
			*decider ? decider : "one of many nodes");
	return noise_of(onnx, node, low + (high - low) / 2);
}

const struct onnx_operator ONNX_NOISE[] = {
	{ "RandomNormalLike", 1, 1, .import = import_normal_noise },
	{ "RandomNormal", 0, 0, .import = import_normal_noise },
	{ "RandomUniformLike", 1, 1, .import = import_uniform_noise },
	{ "RandomUniform", 0, 0, .import = import_uniform_noise },
	{ .type = NULL },
};
