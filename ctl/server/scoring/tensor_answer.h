// SPDX-License-Identifier: BSD-3-Clause
// What a request is answered: the tensors that it wants of the scores, and their form over REST. Any
// thread.
#pragma once

#include "ctl/server/scoring/bytes.h"
#include "ctl/server/scoring/tensor.h"

struct tensor_output {
	const char *name;
	enum tensor_type type; // FP32 or BYTES
	uint64_t shape[2];
	bool binary;
	// FP32: the scores. BYTES: of each element its length, a u32, and its bytes.
	const char *at;
	size_t size;
	struct bytes own; // what `at` points to, where it is not the scores
};

struct tensor_outputs {
	struct tensor_output outputs[TENSOR_OUTPUTS_MAX];
	uint32_t n;
};

// Before anything is scored: does the model have the outputs that are wanted? -EINVAL.
int tensor_outputs_check(
	const struct tensor_request *request, const struct model_info *info, struct error *err);
// The outputs that are wanted, in that order; `scores` [n_rows][n_outputs] must stay as long as they do.
// -ENOMEM. tensor_outputs_fini() either way.
int tensor_outputs(const struct tensor_request *request, const struct model_info *info,
	const float *scores, uint32_t n_rows, struct tensor_outputs *outputs, struct error *err);
void tensor_outputs_fini(struct tensor_outputs *outputs);

// The answer over REST: JSON and, behind *json_bytes of it, the outputs that are bytes; 0 where there are
// none. -ERANGE: a score is NaN or infinite, which JSON has not; -E2BIG, -ENOMEM.
int tensor_outputs_write(const struct tensor_outputs *outputs, const struct tensor_request *request,
	const char *model, uint16_t version, struct bytes *answer, size_t *json_bytes,
	struct error *err);
