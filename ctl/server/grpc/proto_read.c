// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/proto_read.h"

#include "base/utf8.h"

#include <string.h>

#define TAG_BYTES    5 // of a varint: it has 32 bits, as the size of a text has
#define VARINT_BYTES 10

void proto_read_open(
	struct proto_read *reader, const char *what, struct proto_text message, struct error *err)
{
	char *end =
		message.size ? message.at + message.size : message.at; // NULL where there is none

	*reader = (struct proto_read){ .at = message.at, .end = end, .what = what, .err = err };
}

// Bytes of seven bits each, the least first; of the tenth one bit is left.
static bool proto_take_varint(char **at, const char *end, unsigned bytes_max, uint64_t *value)
{
	uint64_t sum = 0;

	for (unsigned shift = 0; shift < 7 * bytes_max && *at < end; shift += 7) {
		const uint8_t byte = (uint8_t) * (*at)++;

		if (shift == 63 && byte > 1)
			return false;
		sum |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = sum;
			return true;
		}
	}
	return false;
}

static bool proto_take_fixed(char **at, const char *end, size_t size, uint64_t *value)
{
	if ((size_t)(end - *at) < size)
		return false;
	*value = 0;
	memcpy(value, *at, size);
	*at += size;
	return true;
}

static bool proto_take(char **at, const char *end, enum proto_kind kind, uint64_t *value)
{
	switch (kind) {
	case PROTO_VARINT:
		return proto_take_varint(at, end, VARINT_BYTES, value);
	case PROTO_64:
		return proto_take_fixed(at, end, 8, value);
	default:
		return proto_take_fixed(at, end, 4, value);
	}
}

static int proto_refuse(const struct proto_read *reader, const char *why)
{
	return error_set(
		reader->err, -EINVAL, "the message is no %s of protobuf's: %s", reader->what, why);
}

static int proto_read_bytes(struct proto_read *reader, struct proto_field *field)
{
	uint64_t size;

	if (!proto_take_varint(&reader->at, reader->end, TAG_BYTES, &size) ||
		size > (uint64_t)(reader->end - reader->at))
		return proto_refuse(reader, "a field is longer than what there is of it");
	field->text = (struct proto_text){ reader->at, (size_t)size };
	reader->at += size;
	return 1;
}

int proto_read_next(struct proto_read *reader, struct proto_field *field)
{
	uint64_t tag;

	if (reader->at == reader->end)
		return 0;
	if (!proto_take_varint(&reader->at, reader->end, TAG_BYTES, &tag) || tag > UINT32_MAX ||
		tag < 8)
		return proto_refuse(reader, "a field has no number");
	*field = (struct proto_field){ .number = (uint32_t)tag >> 3,
		.kind = (enum proto_kind)(tag & 7) };
	switch (field->kind) {
	case PROTO_BYTES:
		return proto_read_bytes(reader, field);
	case PROTO_VARINT:
	case PROTO_64:
	case PROTO_32:
		if (!proto_take(&reader->at, reader->end, field->kind, &field->value))
			return proto_refuse(reader, "a number in it is cut off, or too long");
		return 1;
	default:
		return proto_refuse(reader, "a field is of a group, or of no known kind");
	}
}

bool proto_read_packed(struct proto_text *packed, enum proto_kind kind, uint64_t *value)
{
	char *at = packed->at;

	if (packed->size == 0)
		return false;
	if (!proto_take(&at, packed->at + packed->size, kind, value)) {
		*packed = (struct proto_text){ 0 };
		return false;
	}
	packed->size -= (size_t)(at - packed->at);
	packed->at = at;
	return true;
}

int proto_read_text(
	const struct proto_read *reader, const struct proto_field *field, struct proto_text *text)
{
	if (field->kind != PROTO_BYTES)
		return proto_refuse(reader, "a number where a text must stand");
	*text = field->text;
	return 0;
}

int proto_read_string(
	const struct proto_read *reader, const struct proto_field *field, struct proto_text *text)
{
	const int rc = proto_read_text(reader, field, text);

	for (size_t at = 0, n; rc == 0 && at < text->size; at += n) {
		n = utf8_character(text->at + at, text->size - at);
		if (n == 0)
			return proto_refuse(reader, "a text that is no UTF-8");
	}
	return rc;
}

int proto_read_double(const struct proto_read *reader, const struct proto_field *field)
{
	return field->kind == PROTO_64 ? 0 : proto_refuse(reader, "a double is of no eight bytes");
}

int proto_read_number(
	const struct proto_read *reader, const struct proto_field *field, uint64_t *value)
{
	if (field->kind != PROTO_VARINT)
		return proto_refuse(reader, "a text where a number must stand");
	*value = field->value;
	return 0;
}
