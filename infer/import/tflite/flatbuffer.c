// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/tflite/flatbuffer.h"

#include <string.h>

static void flatbuffer_damage(struct flatbuffer *buffer, size_t at)
{
	if (!buffer->damaged)
		buffer->damaged_at = at;
	buffer->damaged = true;
}

static bool flatbuffer_holds(struct flatbuffer *buffer, size_t at, size_t bytes)
{
	if (at <= buffer->size && bytes <= buffer->size - at)
		return true;
	flatbuffer_damage(buffer, at < buffer->size ? at : buffer->size);
	return false;
}

// Little-endian; a sign as the type has it.
static int64_t flatbuffer_number(struct flatbuffer *buffer, size_t at, unsigned bytes, bool sign)
{
	uint64_t value = 0;

	if (!flatbuffer_holds(buffer, at, bytes))
		return 0;
	for (unsigned i = bytes; i-- > 0;)
		value = value << 8 | buffer->bytes[at + i];
	if (sign && bytes < 8 && value >> (8 * bytes - 1))
		value |= ~(uint64_t)0 << 8 * bytes;
	return (int64_t)value;
}

static float flatbuffer_as_float(int64_t bits)
{
	const uint32_t low = (uint32_t)bits;
	float value;

	memcpy(&value, &low, sizeof(value));
	return value;
}

// A table's first four bytes say how far before it the offsets of its fields stand.
static struct flatbuffer_table flatbuffer_table_at(struct flatbuffer *buffer, size_t at)
{
	struct flatbuffer_table table = { .buffer = buffer };
	const int64_t back = flatbuffer_number(buffer, at, 4, true);
	const int64_t fields = (int64_t)at - back;
	int64_t bytes;

	if (buffer->damaged)
		return table;
	if (fields < 0 || !flatbuffer_holds(buffer, (size_t)fields, 4)) {
		flatbuffer_damage(buffer, at);
		return table;
	}
	bytes = flatbuffer_number(buffer, (size_t)fields, 2, false);
	table.object_size = (uint16_t)flatbuffer_number(buffer, (size_t)fields + 2, 2, false);
	if (bytes < 4 || bytes % 2 || table.object_size < 4 ||
		!flatbuffer_holds(buffer, (size_t)fields, (size_t)bytes) ||
		!flatbuffer_holds(buffer, at, table.object_size)) {
		flatbuffer_damage(buffer, at);
		return table;
	}
	table.at = at;
	table.fields = (size_t)fields + 4;
	table.n_fields = (uint16_t)((bytes - 4) / 2);
	return table;
}

struct flatbuffer_table flatbuffer_root(struct flatbuffer *buffer)
{
	return flatbuffer_table_at(buffer, (size_t)flatbuffer_number(buffer, 0, 4, false));
}

// Where a field of so many bytes stands; 0: it is left out.
static size_t flatbuffer_field(const struct flatbuffer_table *table, unsigned id, unsigned bytes)
{
	size_t offset;

	if (table->at == 0 || id >= table->n_fields)
		return 0;
	offset = (size_t)flatbuffer_number(table->buffer, table->fields + 2 * (size_t)id, 2, false);
	if (offset == 0)
		return 0;
	if (offset < 4 || offset + bytes > table->object_size) {
		flatbuffer_damage(table->buffer, table->fields + 2 * (size_t)id);
		return 0;
	}
	return table->at + offset;
}

int64_t flatbuffer_int(
	const struct flatbuffer_table *table, unsigned id, unsigned bytes, int64_t otherwise)
{
	const size_t at = flatbuffer_field(table, id, bytes);

	return at ? flatbuffer_number(table->buffer, at, bytes, true) : otherwise;
}

float flatbuffer_float(const struct flatbuffer_table *table, unsigned id, float otherwise)
{
	const size_t at = flatbuffer_field(table, id, 4);

	return at ? flatbuffer_as_float(flatbuffer_number(table->buffer, at, 4, false)) : otherwise;
}

// What a field of an offset leads to; 0: it is left out. Offsets count from where they stand, forwards.
static size_t flatbuffer_target(const struct flatbuffer_table *table, unsigned id)
{
	const size_t at = flatbuffer_field(table, id, 4);
	const size_t offset = at ? (size_t)flatbuffer_number(table->buffer, at, 4, false) : 0;

	if (offset != 0 && flatbuffer_holds(table->buffer, at + offset, 4))
		return at + offset;
	if (at && offset == 0)
		flatbuffer_damage(table->buffer, at);
	return 0;
}

struct flatbuffer_table flatbuffer_sub(const struct flatbuffer_table *table, unsigned id)
{
	const size_t at = flatbuffer_target(table, id);

	return at ? flatbuffer_table_at(table->buffer, at)
		  : (struct flatbuffer_table){ .buffer = table->buffer };
}

struct flatbuffer_vector flatbuffer_list(
	const struct flatbuffer_table *table, unsigned id, unsigned bytes)
{
	struct flatbuffer_vector list = { .buffer = table->buffer };
	const size_t at = flatbuffer_target(table, id);
	uint32_t n;

	if (at == 0)
		return list;
	n = (uint32_t)flatbuffer_number(table->buffer, at, 4, false);
	if (!flatbuffer_holds(table->buffer, at + 4, (size_t)n * bytes))
		return list;
	list.at = at + 4;
	list.n = n;
	list.there = true;
	return list;
}

struct flatbuffer_table flatbuffer_list_table(const struct flatbuffer_vector *list, uint32_t i)
{
	const size_t at = list->at + 4 * (size_t)i;
	const size_t offset = (size_t)flatbuffer_number(list->buffer, at, 4, false);

	if (offset == 0) {
		flatbuffer_damage(list->buffer, at);
		return (struct flatbuffer_table){ .buffer = list->buffer };
	}
	return flatbuffer_table_at(list->buffer, at + offset);
}

int64_t flatbuffer_list_int(const struct flatbuffer_vector *list, uint32_t i, unsigned bytes)
{
	return flatbuffer_number(list->buffer, list->at + (size_t)i * bytes, bytes, true);
}

float flatbuffer_list_float(const struct flatbuffer_vector *list, uint32_t i)
{
	return flatbuffer_as_float(
		flatbuffer_number(list->buffer, list->at + 4 * (size_t)i, 4, false));
}
