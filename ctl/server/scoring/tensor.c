// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tensor_type_name(enum tensor_type type)
{
	static const char *const NAMES[] = {
#define X(name, bytes) #name,
		TENSOR_TYPES(X)
#undef X
	};

	return type < TENSOR_TYPE_COUNT ? NAMES[type] : "none";
}

bool tensor_type_parse(const char *name, size_t size, enum tensor_type *type)
{
	for (unsigned t = 0; t < TENSOR_TYPE_COUNT; t++) {
		const char *known = tensor_type_name((enum tensor_type)t);

		if (strlen(known) != size || memcmp(known, name, size) != 0)
			continue;
		*type = (enum tensor_type)t;
		return true;
	}
	return false;
}

void tensor_request_fini(struct tensor_request *request)
{
	free(request->inputs);
	*request = (struct tensor_request){ 0 };
}

struct tensor_input *tensor_request_add(struct tensor_request *request, struct error *err)
{
	struct tensor_input *input;

	if (request->n_inputs == MODEL_FEATURES_MAX) {
		error_set(err, -EINVAL, "more than %d inputs", MODEL_FEATURES_MAX);
		return NULL;
	}
	if (request->n_inputs == request->inputs_capacity) {
		const uint32_t capacity = request->n_inputs * 2 + 4;
		struct tensor_input *inputs =
			realloc(request->inputs, capacity * sizeof(*request->inputs));

		if (!inputs) {
			error_set(err, -ENOMEM, "no memory for %u inputs", capacity);
			return NULL;
		}
		request->inputs = inputs;
		request->inputs_capacity = capacity;
	}
	input = &request->inputs[request->n_inputs++];
	*input = (struct tensor_input){ .type = TENSOR_TYPE_COUNT };
	return input;
}

int tensor_input_count(struct tensor_input *input, struct error *err)
{
	char shape[TENSOR_SHAPE_TEXT];
	uint64_t values = 1;

	for (uint32_t d = 0; d < input->n_dims; d++)
		if (__builtin_mul_overflow(values, input->shape[d], &values))
			return error_set(err, -EINVAL,
				"input '%.80s': the shape %s is of more values than can be counted",
				input->name, tensor_input_shape(input, shape));
	input->n_values = values;
	return 0;
}

const char *tensor_input_shape(const struct tensor_input *input, char text[TENSOR_SHAPE_TEXT])
{
	size_t used = 1;

	text[0] = '[';
	for (uint32_t d = 0; d < input->n_dims; d++)
		used += (size_t)snprintf(text + used, TENSOR_SHAPE_TEXT - used, "%s%llu",
			d ? "," : "", (unsigned long long)input->shape[d]);
	snprintf(text + used, TENSOR_SHAPE_TEXT - used, "]");
	return text;
}

uint32_t tensor_budget(uint64_t us)
{
	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

bool tensor_has_labels(const struct model_info *info)
{
	return info->n_class_labels > 0 && info->n_class_labels == info->n_outputs;
}
