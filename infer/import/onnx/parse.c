// SPDX-License-Identifier: BSD-3-Clause
// protobuf-c recurses once for each nested message and allocates what lengths in the file say. So
// the nesting is measured first by a walk of its own, without recursion, and the allocator has a
// budget in proportion to the file.
#include "infer/import/onnx/parse.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// A two-byte empty message costs its struct: some 40 bytes of memory for each byte of a sound file
// is far more than any real model needs, weights being stored nearly as they are.
#define BUDGET_PER_BYTE 40
#define BUDGET_BASE     ((size_t)4 << 20)

struct budget {
	size_t left;
	bool exceeded, out_of_memory;
};

static void *budget_alloc(void *data, size_t bytes)
{
	struct budget *budget = data;
	void *memory;

	if (bytes > budget->left) {
		budget->exceeded = true;
		return NULL;
	}
	budget->left -= bytes;
	memory = malloc(bytes);
	budget->out_of_memory |= !memory;
	return memory;
}

static void budget_free(void *data, void *memory)
{
	(void)data;
	free(memory);
}

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

struct level {
	const ProtobufCMessageDescriptor *message;
	const uint8_t *end;
};

// Steps over one field's value, or into it: *inner is set where it is a message.
static bool walk_field(const uint8_t **at, struct level *level, struct level *inner)
{
	const ProtobufCFieldDescriptor *field;
	uint64_t key, length;

	inner->message = NULL;
	if (!read_varint(at, level->end, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX)
		return false;
	switch (key & 7) {
	case 0:
		return read_varint(at, level->end, &length);
	case 1:
		length = 8;
		break;
	case 5:
		length = 4;
		break;
	case 2:
		if (!read_varint(at, level->end, &length))
			return false;
		break;
	default:
		return false;
	}
	if (length > (uint64_t)(level->end - *at))
		return false;
	field = protobuf_c_message_descriptor_get_field(level->message, (unsigned)(key >> 3));
	if ((key & 7) == 2 && field && field->type == PROTOBUF_C_TYPE_MESSAGE) {
		inner->message = field->descriptor;
		inner->end = *at + length;
	} else {
		*at += length;
	}
	return true;
}

static int check_nesting(const ProtobufCMessageDescriptor *message, const uint8_t *bytes,
	size_t size, struct error *err)
{
	struct level levels[ONNX_NESTING_MAX + 1] = {
		{ message, bytes + size },
	};
	const uint8_t *at = bytes;
	uint32_t depth = 0;

	for (;;) {
		struct level inner;

		while (at == levels[depth].end) {
			if (depth-- == 0)
				return 0;
		}
		if (!walk_field(&at, &levels[depth], &inner))
			return error_set(err, -EINVAL,
				"not a sound ONNX file: at byte %zu it is cut off or no protobuf",
				(size_t)(at - bytes));
		if (!inner.message)
			continue;
		if (depth == ONNX_NESTING_MAX)
			return error_set(err, -EINVAL,
				"not a sound ONNX file: at byte %zu messages are nested more than "
				"%d deep",
				(size_t)(at - bytes), ONNX_NESTING_MAX);
		levels[++depth] = inner;
	}
}

int onnx_parse(const void *bytes, size_t size, Onnx__ModelProto **model, struct error *err)
{
	struct budget budget = { .left = BUDGET_BASE + BUDGET_PER_BYTE * size };
	ProtobufCAllocator allocator = { budget_alloc, budget_free, &budget };
	int rc;

	*model = NULL;
	if (size == 0 || size > ONNX_FILE_MAX)
		return error_set(
			err, -EINVAL, "%zu bytes; an ONNX file has 1 to %zu", size, ONNX_FILE_MAX);
	rc = check_nesting(&onnx__model_proto__descriptor, bytes, size, err);
	if (rc != 0)
		return rc;
	*model = onnx__model_proto__unpack(&allocator, size, bytes);
	if (*model)
		return 0;
	if (budget.out_of_memory)
		return error_set(err, -ENOMEM, "out of memory");
	if (budget.exceeded)
		return error_set(err, -EINVAL,
			"not a sound ONNX file: reading it would take over %d bytes of memory for "
			"each of its %zu bytes",
			BUDGET_PER_BYTE, size);
	return error_set(err, -EINVAL,
		"not a sound ONNX file: a field is of another kind than ONNX gives it");
}

static void *arena_take(void *arena, size_t bytes)
{
	return arena_alloc(arena, bytes);
}

static void arena_keep(void *arena, void *memory)
{
	(void)arena; // it goes all at once
	(void)memory;
}

int onnx_parse_attribute(const void *bytes, size_t size, struct arena *arena,
	Onnx__AttributeProto **attr, struct error *err)
{
	ProtobufCAllocator allocator = { arena_take, arena_keep, arena };
	int rc = check_nesting(&onnx__attribute_proto__descriptor, bytes, size, err);

	*attr = NULL;
	if (rc != 0)
		return rc;
	*attr = onnx__attribute_proto__unpack(&allocator, size, bytes);
	return *attr ? 0
		     : error_set(err, -EINVAL,
			       "a default is no attribute that can be read, or there is no memory "
			       "for it");
}

void onnx_free_model(Onnx__ModelProto *model)
{
	ProtobufCAllocator allocator = { budget_alloc, budget_free, NULL };

	if (model)
		onnx__model_proto__free_unpacked(model, &allocator);
}
