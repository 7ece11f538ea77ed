// SPDX-License-Identifier: BSD-3-Clause
// The Open Inference Protocol's request over REST: JSON, and behind it the tensors that are sent as bytes
// (the binary tensor data extension). Any thread.
#pragma once

#include "ctl/server/scoring/json_walk.h"
#include "ctl/server/scoring/tensor.h"

// body[size], of which the first `json_bytes` are JSON and the rest tensors; behind it stands a zero byte.
// It may be changed, and the request points into it. json_bytes 0 and size not: the bytes are the model's
// one input, FP32, and the outputs are bytes, too. -EINVAL, -ENOMEM; tensor_request_fini() either way.
int tensor_json_parse(char *body, size_t size, size_t json_bytes, unsigned depth_max,
	const struct model_info *info, struct tensor_request *request, struct error *err);

// Whether the request says that its priority is 1, the highest: found without reading it, so that what is
// urgent can be read first.
bool tensor_json_is_urgent(const char *json, size_t size);

// Reads input->json, nested as its shape is or flat: numbers that are known quickly go to values[index *
// stride], where `values` is there; take() is called for each other value, and reads it.
struct tensor_json_values {
	const struct tensor_input *input;
	float *values;
	size_t stride;
	int (*take)(struct tensor_json_values *values, struct json_walk *reader, uint64_t index);
	void *arg;
};
int tensor_json_each(struct tensor_json_values *values, struct error *err);
