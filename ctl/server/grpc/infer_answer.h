// SPDX-License-Identifier: BSD-3-Clause
// ModelInferResponse, by hand, as its tensors are large. Any thread.
#pragma once

#include "ctl/server/grpc/infer_message.h"
#include "ctl/server/scoring/tensor_answer.h"

// The answer to a request, as raw_output_contents, or where its `typed` is set as contents; into *answer,
// with the prefix of a gRPC message before it. -ENOMEM, -E2BIG.
int infer_answer_write(const struct tensor_outputs *outputs, const struct infer_message *infer,
	const char *model, uint16_t version, struct bytes *answer, struct error *err);
