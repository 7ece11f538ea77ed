// SPDX-License-Identifier: BSD-3-Clause
// ModelInferRequest: its tensors out of protobuf, by hand, as they are large. Any thread.
#pragma once

#include "ctl/server/grpc/proto_read.h"
#include "ctl/server/scoring/bytes.h"
#include "ctl/server/scoring/tensor.h"

// What must be known before the tensors are read: whose they are, and when.
struct infer_message_head {
	struct proto_text model, version, id;
	uint32_t budget_us;
	bool urgent;
};

// Reads the message and leaves it as it is. -EINVAL.
int infer_message_head(
	struct proto_text message, struct infer_message_head *head, struct error *err);

struct infer_message {
	struct tensor_request request;
	struct bytes own; // tensors that do not lie in one piece in the message
	bool typed;       // the answer's, too: the parameter martlet_typed
};

// The tensors of a message, which may be changed and must stay, as must the byte behind it, a zero. -EINVAL,
// -ENOMEM; infer_message_fini() either way.
int infer_message_parse(struct proto_text message, struct infer_message *infer, struct error *err);
void infer_message_fini(struct infer_message *infer);
