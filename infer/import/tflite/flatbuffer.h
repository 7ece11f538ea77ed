// SPDX-License-Identifier: BSD-3-Clause
// Flatbuffers (flatbuffers.dev, "Internals"), read in place: every offset, table of fields, vector and
// text is checked against the file before it is looked at. What is damaged reads as if it was not
// there, and is noted: look at `damaged` before believing what was read. There is no C library of it in
// Debian, and the C++ one's verifier wants generated code for what comes down to these few reads.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flatbuffer {
	const uint8_t *bytes;
	size_t size;
	bool damaged;
	size_t damaged_at; // byte of the file
};

struct flatbuffer_table {
	struct flatbuffer *buffer;
	size_t at;            // 0: there is none
	size_t fields;        // where the offsets of its fields stand
	uint16_t n_fields;    // how many
	uint16_t object_size; // bytes of its fixed part
};

struct flatbuffer_vector {
	struct flatbuffer *buffer;
	size_t at; // of its first element
	uint32_t n;
	bool there;
};

struct flatbuffer_table flatbuffer_root(struct flatbuffer *buffer);
// Field `id` of a table, in the order of the schema; `otherwise` where it is left out.
int64_t flatbuffer_int(
	const struct flatbuffer_table *table, unsigned id, unsigned bytes, int64_t otherwise);
float flatbuffer_float(const struct flatbuffer_table *table, unsigned id, float otherwise);
struct flatbuffer_table flatbuffer_sub(const struct flatbuffer_table *table, unsigned id);
// Elements of so many bytes each.
struct flatbuffer_vector flatbuffer_list(
	const struct flatbuffer_table *table, unsigned id, unsigned bytes);
// Element i < n of one of tables; of whole numbers of so many bytes; of float32.
struct flatbuffer_table flatbuffer_list_table(const struct flatbuffer_vector *list, uint32_t i);
int64_t flatbuffer_list_int(const struct flatbuffer_vector *list, uint32_t i, unsigned bytes);
float flatbuffer_list_float(const struct flatbuffer_vector *list, uint32_t i);
