// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/infer_answer.h"

#include "ctl/server/grpc/frames.h"
#include "ctl/server/grpc/proto_write.h"

#include <stdio.h>
#include <string.h>

// The numbers of inference.proto.
enum {
	RESPONSE_MODEL = 1,
	RESPONSE_VERSION = 2,
	RESPONSE_ID = 3,
	RESPONSE_OUTPUTS = 5,
	RESPONSE_RAW = 6
};
enum { OUTPUT_NAME = 1, OUTPUT_TYPE = 2, OUTPUT_SHAPE = 3, OUTPUT_CONTENTS = 5 };
enum { CONTENTS_FP32 = 6, CONTENTS_BYTES = 8 };

static void answer_write_contents(const struct tensor_output *output, struct bytes *bytes)
{
	const char *at = output->at, *end = at + output->size;

	if (output->type == TENSOR_FP32) {
		proto_write_text(bytes, CONTENTS_FP32, output->at, output->size);
		return;
	}
	for (uint32_t size; at < end; at += size) {
		memcpy(&size, at, sizeof(size));
		at += sizeof(size);
		proto_write_head(bytes, CONTENTS_BYTES, size);
		bytes_add(bytes, at, size);
	}
}

static void answer_write_output(
	const struct tensor_output *output, bool typed, struct bytes *answer)
{
	const char *type = tensor_type_name(output->type);
	struct bytes inner = { 0 }, contents = { 0 };

	proto_write_text(&inner, OUTPUT_NAME, output->name, strlen(output->name));
	proto_write_text(&inner, OUTPUT_TYPE, type, strlen(type));
	proto_write_head(&inner, OUTPUT_SHAPE,
		proto_varint_bytes(output->shape[0]) + proto_varint_bytes(output->shape[1]));
	proto_write_varint(&inner, output->shape[0]);
	proto_write_varint(&inner, output->shape[1]);
	if (typed) {
		answer_write_contents(output, &contents);
		proto_write_text(&inner, OUTPUT_CONTENTS, contents.at, contents.size);
	}
	proto_write_text(answer, RESPONSE_OUTPUTS, inner.at, inner.size);
	answer->failed = answer->failed || inner.failed || contents.failed;
	bytes_fini(&inner);
	bytes_fini(&contents);
}

int infer_answer_write(const struct tensor_outputs *outputs, const struct infer_message *infer,
	const char *model, uint16_t version, struct bytes *answer, struct error *err)
{
	const struct tensor_request *request = &infer->request;
	char number[8];
	int rc;

	bytes_add(answer, "\0\0\0\0\0", FRAMES_PREFIX_BYTES);
	snprintf(number, sizeof(number), "%u", version);
	proto_write_text(answer, RESPONSE_MODEL, model, strlen(model));
	proto_write_text(answer, RESPONSE_VERSION, number, strlen(number));
	proto_write_text(answer, RESPONSE_ID, request->id, request->id_bytes);
	for (uint32_t i = 0; i < outputs->n; i++)
		answer_write_output(&outputs->outputs[i], infer->typed, answer);
	for (uint32_t i = 0; !infer->typed && i < outputs->n; i++) {
		proto_write_head(answer, RESPONSE_RAW, outputs->outputs[i].size);
		bytes_add(answer, outputs->outputs[i].at, outputs->outputs[i].size);
	}
	rc = bytes_check(answer, err);
	if (rc == 0)
		frames_prefix(answer->at, answer->size - FRAMES_PREFIX_BYTES);
	return rc;
}
