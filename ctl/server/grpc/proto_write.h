// SPDX-License-Identifier: BSD-3-Clause
// Writes protobuf messages into bytes: by hand, or what a handler of REST says in JSON as a message whose
// fields have the same names. Any thread.
#pragma once

#include "ctl/server/scoring/bytes.h"

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

void proto_write_varint(struct bytes *bytes, uint64_t value);
unsigned proto_varint_bytes(uint64_t value); // how many that takes
// A number, a text: with their tag. Zeros and empty texts are left out, as proto3 has it.
void proto_write_number(struct bytes *bytes, uint32_t field, uint64_t value);
void proto_write_text(struct bytes *bytes, uint32_t field, const void *text, size_t size);
// The tag and size of a text or message of `size` bytes, which are to follow; also of an empty one.
void proto_write_head(struct bytes *bytes, uint32_t field, size_t size);

// A JSON object as a message: each of the message's fields is taken from the member of its name, strings,
// numbers, names of enumerators, arrays and objects. What the message does not have is left out.
void proto_write_json(
	struct bytes *bytes, const ProtobufCMessageDescriptor *message, const json_t *object);
