// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/proto_write.h"

#include "ctl/server/grpc/proto_read.h"

#include <string.h>

unsigned proto_varint_bytes(uint64_t value)
{
	unsigned n = 1;

	while (value >>= 7)
		n++;
	return n;
}

void proto_write_varint(struct bytes *bytes, uint64_t value)
{
	char text[10];
	unsigned n = 0;

	for (; value >= 0x80; value >>= 7)
		text[n++] = (char)(value | 0x80);
	text[n++] = (char)value;
	bytes_add(bytes, text, n);
}

static void proto_write_tag(struct bytes *bytes, uint32_t field, enum proto_kind kind)
{
	proto_write_varint(bytes, (uint64_t)field << 3 | kind);
}

void proto_write_number(struct bytes *bytes, uint32_t field, uint64_t value)
{
	if (value == 0)
		return;
	proto_write_tag(bytes, field, PROTO_VARINT);
	proto_write_varint(bytes, value);
}

void proto_write_head(struct bytes *bytes, uint32_t field, size_t size)
{
	proto_write_tag(bytes, field, PROTO_BYTES);
	proto_write_varint(bytes, size);
}

void proto_write_text(struct bytes *bytes, uint32_t field, const void *text, size_t size)
{
	if (size == 0)
		return;
	proto_write_head(bytes, field, size);
	bytes_add(bytes, text, size);
}

// --- From JSON -----------------------------------------------------------------------------------

// A message within another: its size stands before it, and is known behind it.
static void proto_write_json_inner(
	struct bytes *bytes, const ProtobufCFieldDescriptor *field, const json_t *object)
{
	struct bytes inner = { 0 };

	proto_write_json(&inner, field->descriptor, object);
	proto_write_head(bytes, field->id, inner.size);
	bytes_add(bytes, inner.at, inner.size);
	bytes->failed = bytes->failed || inner.failed;
	bytes_fini(&inner);
}

static uint64_t proto_json_number(const ProtobufCFieldDescriptor *field, const json_t *value)
{
	const ProtobufCEnumValue *known;

	if (field->type != PROTOBUF_C_TYPE_ENUM || !json_is_string(value))
		return json_is_integer(value) ? (uint64_t)json_integer_value(value)
					      : json_is_true(value);
	known = protobuf_c_enum_descriptor_get_value_by_name(
		field->descriptor, json_string_value(value));
	return known ? (uint64_t)known->value : 0;
}

// The numbers of a repeated field are packed. An element of a repeated field is there also where it is empty.
static void proto_write_json_numbers(
	struct bytes *bytes, const ProtobufCFieldDescriptor *field, const json_t *array)
{
	size_t index, size = 0;
	const json_t *value;

	json_array_foreach (array, index, value)
		size += proto_varint_bytes(proto_json_number(field, value));
	if (size == 0)
		return;
	proto_write_head(bytes, field->id, size);
	json_array_foreach (array, index, value)
		proto_write_varint(bytes, proto_json_number(field, value));
}

static void proto_write_json_one(struct bytes *bytes, const ProtobufCFieldDescriptor *field,
	const json_t *value, bool is_element)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		if (json_is_object(value))
			proto_write_json_inner(bytes, field, value);
	} else if (field->type != PROTOBUF_C_TYPE_STRING) {
		proto_write_number(bytes, field->id, proto_json_number(field, value));
	} else if (json_is_string(value) && (is_element || json_string_length(value) > 0)) {
		proto_write_head(bytes, field->id, json_string_length(value));
		bytes_add(bytes, json_string_value(value), json_string_length(value));
	}
}

void proto_write_json(
	struct bytes *bytes, const ProtobufCMessageDescriptor *message, const json_t *object)
{
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		const json_t *value = json_object_get(object, field->name), *element;
		size_t index;

		if (field->label != PROTOBUF_C_LABEL_REPEATED) {
			proto_write_json_one(bytes, field, value, false);
			continue;
		}
		if (field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_STRING)
			proto_write_json_numbers(bytes, field, value);
		else
			json_array_foreach (value, index, element)
				proto_write_json_one(bytes, field, element, true);
	}
}
