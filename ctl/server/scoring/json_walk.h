// SPDX-License-Identifier: BSD-3-Clause
// A strict reader of JSON (RFC 8259) that makes no tree of it: a tensor of a million numbers would be a
// million objects. It walks over text that the caller owns and may change: strings are decoded in place.
// Nothing is allocated. Any thread.
//
// Refused: what is no JSON, text that is no UTF-8, keys that an object has twice, more than `depth_max`
// levels, more than JSON_WALK_KEYS_MAX keys in an object. All return 0, or -EINVAL with a sentence that has the
// place in bytes.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_WALK_DEPTH_MAX 64 // of any reader: they are levels of the stack, too
#define JSON_WALK_KEYS_MAX  64

struct json_walk_text { // bytes of a decoded string
	char *at;
	size_t size;
};

struct json_walk {
	char *begin, *at, *end; // a zero byte stands at *end or behind it
	unsigned depth, depth_max;
	struct error *err;
};

// text[size], which a zero byte ends there or later.
void json_walk_open(
	struct json_walk *reader, char *text, size_t size, unsigned depth_max, struct error *err);
// Refuses what stands behind the value.
int json_walk_close(struct json_walk *reader);

// The first byte of the next value, 0 at the end.
char json_walk_next(struct json_walk *reader);

// Calls member() for each key of an object, which reads the value. `keys_max` 0: as many keys as there
// are, and member() looks itself for those that come twice.
int json_walk_object(struct json_walk *reader, size_t keys_max,
	int (*member)(void *arg, struct json_walk *reader, struct json_walk_text key), void *arg);
// Calls element() for each element of an array.
int json_walk_array(struct json_walk *reader,
	int (*element)(void *arg, struct json_walk *reader, uint64_t index), void *arg);

// Calls element() likewise, but for numbers that are known quickly: those of the first `max` elements go to
// values[0], values[stride], ... as json_walk_float() reads them, all finite. *n is how many elements there were,
// or were begun.
struct json_walk_numbers {
	float *values;
	size_t stride;
	uint64_t max, n;
};
int json_walk_numbers(struct json_walk *reader, struct json_walk_numbers *numbers,
	int (*element)(void *arg, struct json_walk *reader, uint64_t index), void *arg);

// Decoded in place, with a zero byte behind it, which is none of its bytes.
int json_walk_string(struct json_walk *reader, struct json_walk_text *text);
// The float next to it, as strtof() has it; infinite where it is beyond all floats. *text is the number as
// it stands.
int json_walk_float(struct json_walk *reader, float *value, struct json_walk_text *text);
int json_walk_u64(struct json_walk *reader, uint64_t *value); // a whole number from 0
int json_walk_bool(struct json_walk *reader, bool *value);
int json_walk_null(struct json_walk *reader);
int json_walk_skip(struct json_walk *reader); // any value, as it stands
// An array up to the bracket that closes it, whatever is between: for who reads it later.
int json_walk_pass_array(struct json_walk *reader);

// -EINVAL: "byte 17: " and the sentence.
__attribute__((format(printf, 2, 3))) int json_walk_refuse(
	const struct json_walk *reader, const char *format, ...);

bool json_walk_is(struct json_walk_text text, const char *word);
