// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/xgboost/ubjson.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

struct ubjson_reader {
	const unsigned char *bytes;
	size_t size, at;
	uint32_t values; // so far
	uint32_t depth;
	bool refused; // or else what is missing is memory
	struct error *err;
};

#define REFUSE(reader, ...)                                                                        \
	(error_set((reader)->err, -EINVAL, __VA_ARGS__), (reader)->refused = true, (void *)NULL)

static size_t ubjson_left(const struct ubjson_reader *r)
{
	return r->size - r->at;
}

// Bytes of a number of that type; 0: no number.
static size_t ubjson_number_bytes(int type)
{
	switch (type) {
	case 'i':
	case 'U':
		return 1;
	case 'I':
		return 2;
	case 'l':
	case 'd':
		return 4;
	case 'L':
	case 'D':
		return 8;
	default:
		return 0;
	}
}

// Big-endian. The caller has seen that the bytes are there.
static uint64_t ubjson_take(struct ubjson_reader *r, size_t bytes)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < bytes; i++)
		bits = bits << 8 | r->bytes[r->at++];
	return bits;
}

static int64_t ubjson_signed_of(int type, uint64_t bits)
{
	return type == 'i'    ? (int8_t)bits
		: type == 'I' ? (int16_t)bits
		: type == 'l' ? (int32_t)bits
			      : (int64_t)bits;
}

static json_t *ubjson_number(struct ubjson_reader *r, int type)
{
	const size_t bytes = ubjson_number_bytes(type);
	uint64_t bits;
	uint32_t word;
	float narrow;
	double wide;

	if (ubjson_left(r) < bytes)
		return REFUSE(r, "byte %zu: the file ends within a number", r->at);
	bits = ubjson_take(r, bytes);
	if (type == 'd') {
		word = (uint32_t)bits;
		memcpy(&narrow, &word, sizeof(narrow));
		wide = narrow;
	} else if (type == 'D') {
		memcpy(&wide, &bits, sizeof(wide));
	} else {
		return json_integer(ubjson_signed_of(type, bits));
	}
	// jansson has no NaN and infinities: null is what no number may be.
	return wide - wide == 0 ? json_real(wide) : json_null();
}

// The count or length that stands here as a number. False: refused.
static bool ubjson_length(struct ubjson_reader *r, size_t *value)
{
	const size_t at = r->at;
	int type;
	int64_t n;

	if (ubjson_left(r) < 1)
		return REFUSE(r, "byte %zu: the file ends where a length should be", at) != NULL;
	type = (int)ubjson_take(r, 1);
	if (ubjson_number_bytes(type) == 0 || type == 'd' || type == 'D' ||
		ubjson_left(r) < ubjson_number_bytes(type))
		return REFUSE(r, "byte %zu: should be a length", at) != NULL;
	n = ubjson_signed_of(type, ubjson_take(r, ubjson_number_bytes(type)));
	if (n < 0 || (uint64_t)n > ubjson_left(r))
		return REFUSE(r, "byte %zu: a length of %" PRId64 ", only %zu bytes are left", at,
			       n, ubjson_left(r)) != NULL;
	*value = (size_t)n;
	return true;
}

static json_t *ubjson_text(struct ubjson_reader *r)
{
	const size_t at = r->at;
	json_t *string, *any;
	size_t bytes;

	if (!ubjson_length(r, &bytes))
		return NULL;
	string = json_stringn((const char *)r->bytes + r->at, bytes);
	r->at += bytes;
	if (string)
		return string;
	// For want of memory, or because it is not UTF-8, which this does not look at.
	any = json_stringn_nocheck((const char *)r->bytes + r->at - bytes, bytes);
	if (any)
		(void)REFUSE(r, "byte %zu: a text that is not UTF-8", at);
	json_decref(any);
	return NULL;
}

static json_t *ubjson_value(struct ubjson_reader *r);
static json_t *ubjson_value_of(struct ubjson_reader *r, int type);

// "$type" and "#count" of an array or object. type 0: each value has its own; counted false: an
// end.
static bool ubjson_header(struct ubjson_reader *r, int *type, bool *counted, size_t *count)
{
	*type = 0;
	*counted = false;
	if (ubjson_left(r) >= 2 && r->bytes[r->at] == '$') {
		*type = r->bytes[r->at + 1];
		r->at += 2;
		if (ubjson_left(r) < 1 || r->bytes[r->at] != '#')
			return REFUSE(r, "byte %zu: a type without a count", r->at) != NULL;
		if (ubjson_number_bytes(*type) == 0 && *type != 'S')
			return REFUSE(r, "byte %zu: values of type 0x%02x in a row", r->at - 1,
				       (unsigned)*type) != NULL;
	}
	if (ubjson_left(r) >= 1 && r->bytes[r->at] == '#') {
		r->at++;
		*counted = true;
		if (!ubjson_length(r, count))
			return false;
		if (*type &&
			*count > ubjson_left(r) /
					(ubjson_number_bytes(*type) ? ubjson_number_bytes(*type)
								    : 1))
			return REFUSE(r, "byte %zu: %zu values, only %zu bytes are left", r->at,
				       *count, ubjson_left(r)) != NULL;
	}
	return true;
}

// The end of an array or object without a count is here and passed; the file's end is refused
// later.
static bool ubjson_at_end(struct ubjson_reader *r, int end)
{
	if (ubjson_left(r) < 1 || r->bytes[r->at] != end)
		return false;
	r->at++;
	return true;
}

static json_t *ubjson_array(struct ubjson_reader *r)
{
	json_t *list = json_array();
	bool counted;
	size_t count = 0;
	int type;

	if (!ubjson_header(r, &type, &counted, &count)) {
		json_decref(list);
		return NULL;
	}
	for (size_t i = 0; list && (counted ? i < count : !ubjson_at_end(r, ']')); i++) {
		json_t *item = type ? ubjson_value_of(r, type) : ubjson_value(r);

		if (!item || json_array_append_new(list, item) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *ubjson_object(struct ubjson_reader *r)
{
	json_t *members = json_object();
	bool counted;
	size_t count = 0;
	int type;

	if (!ubjson_header(r, &type, &counted, &count)) {
		json_decref(members);
		return NULL;
	}
	for (size_t i = 0; members && (counted ? i < count : !ubjson_at_end(r, '}')); i++) {
		json_t *key = ubjson_text(r),
		       *item = key ? (type ? ubjson_value_of(r, type) : ubjson_value(r)) : NULL;
		int rc = item ? json_object_setn_new(members, json_string_value(key),
					json_string_length(key), item)
			      : -1;

		json_decref(key);
		if (rc != 0) {
			json_decref(members);
			return NULL;
		}
	}
	return members;
}

static json_t *ubjson_nested(struct ubjson_reader *r, int type)
{
	json_t *made;

	if (r->depth == UBJSON_NESTING_MAX)
		return REFUSE(r, "byte %zu: more than %d values in each other", r->at,
			UBJSON_NESTING_MAX);
	r->depth++;
	made = type == '[' ? ubjson_array(r) : ubjson_object(r);
	r->depth--;
	return made;
}

static json_t *ubjson_value_of(struct ubjson_reader *r, int type)
{
	if (++r->values > UBJSON_VALUES_MAX)
		return REFUSE(r, "byte %zu: more than %u values", r->at, UBJSON_VALUES_MAX);
	if (ubjson_number_bytes(type))
		return ubjson_number(r, type);
	switch (type) {
	case 'Z':
		return json_null();
	case 'T':
		return json_true();
	case 'F':
		return json_false();
	case 'S':
		return ubjson_text(r);
	case '[':
	case '{':
		return ubjson_nested(r, type);
	default:
		return REFUSE(r, "byte %zu: 0x%02x begins no value", r->at - 1, (unsigned)type);
	}
}

static json_t *ubjson_value(struct ubjson_reader *r)
{
	while (ubjson_left(r) >= 1 && r->bytes[r->at] == 'N')
		r->at++; // "no operation"
	if (ubjson_left(r) < 1)
		return REFUSE(r, "byte %zu: the file ends where a value should be", r->at);
	return ubjson_value_of(r, r->bytes[r->at++]);
}

json_t *ubjson_parse(const void *bytes, size_t size, struct error *err)
{
	struct ubjson_reader r = { .bytes = bytes, .size = size, .err = err };
	json_t *made = ubjson_value(&r);

	if (!made && !r.refused)
		error_set(err, -ENOMEM, "out of memory");
	return made;
}
