// SPDX-License-Identifier: BSD-3-Clause
#include "infer/plan/builder.h"
#include "infer/graph/arena.h"
#include "infer/kernels/kernels.h"

#include <string.h>

const struct tensor *builder_input(const struct builder *builder, uint32_t i)
{
	const struct node *node = builder->node;

	if (i >= node->n_inputs || node->inputs[i] == GRAPH_NONE)
		return NULL;
	return &builder->graph->tensors[node->inputs[i]];
}

const struct tensor *builder_output(const struct builder *builder, uint32_t o)
{
	return &builder->graph->tensors[builder->node->outputs[o]];
}

// A constant in the plan's memory; NULL with err filled.
static const void *builder_copy(struct builder *builder, const struct tensor *tensor)
{
	static const char FORM;
	const size_t bytes = tensor_bytes(tensor);
	const struct packed_key key = {
		.form = &FORM, .from = { tensor->data }, .numbers = { bytes }
	};
	const void *shared = builder_packed(builder, &key);
	void *copy;

	if (shared)
		return shared;
	copy = builder_weights(builder, bytes);
	if (!copy)
		return NULL;
	memcpy(copy, tensor->data, bytes);
	return builder_share(builder, &key, copy) == 0 ? copy : NULL;
}

struct buffer builder_input_buffer(struct builder *builder, uint32_t i)
{
	uint32_t root = builder->root[builder->node->inputs[i]];
	const struct tensor *tensor = &builder->graph->tensors[root];
	struct buffer *buffer = &builder->buffers[root];

	if (tensor->data && !buffer->constant) {
		buffer->constant = builder_copy(builder, tensor);
		builder->failed |= !buffer->constant;
	}
	return *buffer;
}

void *builder_weights(struct builder *builder, size_t bytes)
{
	struct plan *plan = builder->plan;
	void *block;

	if (bytes > PLAN_WEIGHTS_BYTES_MAX - plan->weights_bytes) {
		error_set(builder->err, -EINVAL,
			"%zu bytes more of weights, at most %zu in all are supported", bytes,
			PLAN_WEIGHTS_BYTES_MAX);
		return NULL;
	}
	block = arena_alloc(plan->arena, bytes);
	if (!block) {
		error_set(builder->err, -ENOMEM, "no memory for %zu bytes of weights", bytes);
		return NULL;
	}
	plan->weights_bytes += bytes;
	return block;
}

const void *builder_packed(const struct builder *builder, const struct packed_key *key)
{
	return packed_find(&builder->packed, key);
}

int builder_share(struct builder *builder, const struct packed_key *key, const void *packed)
{
	return packed_keep(&builder->packed, key, packed, builder->err);
}

void *builder_params(struct builder *builder, const void *params, size_t bytes)
{
	void *copy = arena_memdup(builder->plan->arena, params, bytes);

	if (!copy)
		error_set(builder->err, -ENOMEM, "no memory for the plan");
	return copy;
}

int builder_finish(struct builder *builder, const void *params, size_t bytes)
{
	builder->step->params = builder_params(builder, params, bytes);
	return builder->step->params ? 0 : builder->err->code;
}

int builder_expand(
	struct builder *builder, uint32_t i, const struct tensor *shape, const float **values)
{
	const struct tensor *in = builder_input(builder, i);
	size_t count = (size_t)tensor_elements(shape);
	const float *from;
	float *to;

	if (!in || !in->data)
		return error_set(builder->err, -ENOTSUP, "input %u must be constant", i);
	to = builder_weights(builder, count * sizeof(float));
	if (!to)
		return builder->err->code;
	from = in->data;
	for (size_t k = 0; k < count; k++) {
		size_t rest = k, at = 0, stride = 1;

		for (uint32_t d = 1; d <= in->rank; d++) { // from the last
			size_t dim = (size_t)shape->dims[shape->rank - d];
			size_t own = (size_t)in->dims[in->rank - d];

			at += own > 1 ? rest % dim * stride : 0;
			stride *= own;
			rest /= dim;
		}
		to[k] = from[at];
	}
	*values = to;
	return 0;
}

const char *builder_known(
	const struct builder *builder, const struct step *step, uint32_t batch_class)
{
	const struct model_choices *known = builder->known;
	const size_t index = (size_t)(step - builder->plan->steps);

	if (!known || known->isa_mask != builder->plan->isa_mask || index >= known->n_steps)
		return NULL;
	return known->steps[index].kernel[batch_class];
}

bool builder_has_vectors(const struct builder *builder)
{
	return kernel_allowed(KERNEL_VECTORS, builder->plan->isa_mask);
}
