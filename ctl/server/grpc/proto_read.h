// SPDX-License-Identifier: BSD-3-Clause
// Reads a protobuf message field by field, where it lies: nothing is copied or allocated, and whatever the
// bytes are, nothing beyond them is touched. Groups, which proto3 does not have, are refused. Any thread.
//
// The format: https://protobuf.dev/programming-guides/encoding/
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proto_kind { // the wire types
	PROTO_VARINT = 0,
	PROTO_64 = 1,
	PROTO_BYTES = 2,
	PROTO_32 = 5
};

struct proto_text { // at[size], within the message
	char *at;
	size_t size;
};

struct proto_field {
	uint32_t number;
	enum proto_kind kind;
	uint64_t value;         // of all kinds but PROTO_BYTES
	struct proto_text text; // of PROTO_BYTES
};

struct proto_read {
	char *at, *end;
	const char *what; // the message, for sentences: "ModelInferRequest"
	struct error *err;
};

void proto_read_open(
	struct proto_read *reader, const char *what, struct proto_text message, struct error *err);
// 1 and the next field; 0 at the end; -EINVAL and a sentence.
int proto_read_next(struct proto_read *reader, struct proto_field *field);
// The next number of a field that may be packed: `packed` is what is left of it. False at its end; a number
// that is cut off sets packed->at to NULL.
bool proto_read_packed(struct proto_text *packed, enum proto_kind kind, uint64_t *value);
// Is the field bytes or a message, as it must be? -EINVAL.
int proto_read_text(
	const struct proto_read *reader, const struct proto_field *field, struct proto_text *text);
// Likewise of a string, which is UTF-8: an answer that has it must be one that its client can read.
int proto_read_string(
	const struct proto_read *reader, const struct proto_field *field, struct proto_text *text);
// Likewise of a number: bool, int64, uint64, enum.
int proto_read_number(
	const struct proto_read *reader, const struct proto_field *field, uint64_t *value);
// Is it a double, as it must be? -EINVAL.
int proto_read_double(const struct proto_read *reader, const struct proto_field *field);
