// SPDX-License-Identifier: BSD-3-Clause
// The calls that handlers of REST answer already: what they say in JSON is said as a message whose fields have
// the same names, and what they refuse is refused by the same sentence. Control thread only.
#pragma once

#include "ctl/server/grpc/proto_read.h"
#include "ctl/server/http/route.h"

#include <protobuf-c/protobuf-c.h>

struct call;

enum unary_asks { // what the request has
	UNARY_NOTHING,
	UNARY_MODEL, // name = 1, version = 2
	UNARY_INDEX, // ready = 2
	UNARY_CHANGE // repository_name = 1, model_name = 2; KServe's: model_name = 1
};

struct unary { // the `arg` of a struct call_method
	enum unary_asks asks;
	route_handler *handle;
	route_handler *handle_all; // where the request names no model; NULL: it must
	const ProtobufCMessageDescriptor *answer;
	const char *within; // the field of the answer that the JSON is; NULL: the answer is
	bool no_is_answer;  // that something is not ready, or not there, is an answer, not an error
};

void unary_message(struct call *call, struct proto_text message);
// The name of a model and its version, "" for the live one. -EINVAL.
int unary_take_model(struct proto_text name, struct proto_text version, struct route_params *params,
	struct error *err);
// The sentence of a handler's refusal ends the call.
void unary_refuse(struct call *call, int status, const char *text, size_t size);
