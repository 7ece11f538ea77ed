// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/json_walk.h"

#include "base/utf8.h"
#include "ctl/server/scoring/number.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_walk_open(
	struct json_walk *reader, char *text, size_t size, unsigned depth_max, struct error *err)
{
	*reader = (struct json_walk){ .begin = text,
		.at = text,
		.end = text + size,
		.depth_max = depth_max < JSON_WALK_DEPTH_MAX ? depth_max : JSON_WALK_DEPTH_MAX,
		.err = err };
}

int json_walk_refuse(const struct json_walk *reader, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set(reader->err, -EINVAL,
		"the body is not the JSON it should be: byte %zu: %s",
		(size_t)(reader->at - reader->begin) + 1, text);
}

bool json_walk_is(struct json_walk_text text, const char *word)
{
	return strlen(word) == text.size && memcmp(text.at, word, text.size) == 0;
}

char json_walk_next(struct json_walk *reader)
{
	while (reader->at < reader->end &&
		(*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' ||
			*reader->at == '\t'))
		reader->at++;
	return reader->at < reader->end ? *reader->at : '\0';
}

int json_walk_close(struct json_walk *reader)
{
	json_walk_next(reader);
	return reader->at == reader->end ? 0
					 : json_walk_refuse(reader, "something follows the JSON");
}

// --- Strings -------------------------------------------------------------------------------------

// The four hexadecimal digits of \uXXXX at p; -1 where they are none.
static int32_t json_walk_hex4(const char *p, const char *end)
{
	int32_t value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const char c = p[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			value = value * 16 + (c | 32) - 'a' + 10;
		else
			return -1;
	}
	return value;
}

static char *json_walk_put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

// What follows a backslash, at reader->at; *c is the character. 0 or -EINVAL.
static int json_walk_escape(struct json_walk *reader, uint32_t *c)
{
	static const char NAMES[] = "\"\\/bfnrt", MEANS[] = "\"\\/\b\f\n\r\t";
	const char *name =
		reader->at < reader->end && *reader->at ? strchr(NAMES, *reader->at) : NULL;
	int32_t first, second;

	if (name) {
		*c = (uint8_t)MEANS[name - NAMES];
		reader->at++;
		return 0;
	}
	if (reader->at >= reader->end || *reader->at != 'u')
		return json_walk_refuse(reader, "an escape that is none");
	first = json_walk_hex4(reader->at + 1, reader->end);
	if (first < 0)
		return json_walk_refuse(reader, "\\u has four hexadecimal digits");
	reader->at += 5;
	*c = (uint32_t)first;
	if (first < 0xd800 || first > 0xdfff)
		return 0;
	second = reader->end - reader->at >= 6 && reader->at[0] == '\\' && reader->at[1] == 'u'
		? json_walk_hex4(reader->at + 2, reader->end)
		: -1;
	if (first > 0xdbff || second < 0xdc00 || second > 0xdfff)
		return json_walk_refuse(reader, "half of a surrogate pair");
	reader->at += 6;
	*c = 0x10000 + (((uint32_t)first & 0x3ff) << 10) + ((uint32_t)second & 0x3ff);
	return 0;
}

// From the opening quote to behind the closing one; decoded where `text` is there.
static int json_walk_take_string(struct json_walk *reader, struct json_walk_text *text)
{
	char *out;

	if (json_walk_next(reader) != '"')
		return json_walk_refuse(reader, "a string must stand here");
	out = ++reader->at;
	if (text)
		text->at = out;
	while (reader->at < reader->end && *reader->at != '"') {
		uint32_t c = 0;
		size_t n;

		if ((uint8_t)*reader->at < ' ')
			return json_walk_refuse(reader, "a control character in a string");
		if (*reader->at == '\\') {
			reader->at++;
			if (json_walk_escape(reader, &c) != 0)
				return -EINVAL;
			if (text)
				out = json_walk_put_utf8(out, c);
			continue;
		}
		n = utf8_character(reader->at, (size_t)(reader->end - reader->at));
		if (n == 0)
			return json_walk_refuse(reader, "a string that is no UTF-8");
		if (text)
			memmove(out, reader->at, n);
		out += n;
		reader->at += n;
	}
	if (reader->at == reader->end)
		return json_walk_refuse(reader, "it ends within a string");
	if (text) {
		text->size = (size_t)(out - text->at);
		*out = '\0'; // where the closing quote stands, or before it
	}
	reader->at++;
	return 0;
}

int json_walk_string(struct json_walk *reader, struct json_walk_text *text)
{
	return json_walk_take_string(reader, text);
}

// --- Numbers and words ---------------------------------------------------------------------------

struct json_walk_number {
	uint64_t digits;              // without the point, the first 19 of them
	int32_t exponent;             // of ten
	bool minus, is_whole, is_cut; // no point or exponent; more digits than these
};

static int json_walk_take_digits(
	struct json_walk *reader, struct json_walk_number *n, bool behind_point)
{
	const char *const begin = reader->at, *const end = reader->end, *at = begin;
	uint64_t digits = n->digits;

	for (unsigned digit; at < end && (digit = (unsigned)(*at - '0')) <= 9; at++) {
		if (digits > UINT64_MAX / 10 - 1)
			break;
		digits = digits * 10 + digit;
	}
	n->digits = digits;
	if (behind_point)
		n->exponent -= (int32_t)(at - begin);
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		n->is_cut = true;
	reader->at = (char *)at;
	return at > begin ? 0 : json_walk_refuse(reader, "a digit must stand here");
}

static int json_walk_take_exponent(struct json_walk *reader, struct json_walk_number *n)
{
	struct json_walk_number e = { 0 };
	bool minus = false;

	reader->at++;
	if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-'))
		minus = *reader->at++ == '-';
	if (json_walk_take_digits(reader, &e, false) != 0)
		return -EINVAL;
	if (e.is_cut || e.digits > 100000)
		n->is_cut = true;
	else
		n->exponent += minus ? -(int32_t)e.digits : (int32_t)e.digits;
	return 0;
}

static int json_walk_take_number(struct json_walk *reader, struct json_walk_number *n)
{
	*n = (struct json_walk_number){ .is_whole = true };
	json_walk_next(reader);
	if (reader->at < reader->end && *reader->at == '-') {
		n->minus = true;
		reader->at++;
	}
	if (reader->end - reader->at >= 2 && reader->at[0] == '0' && reader->at[1] >= '0' &&
		reader->at[1] <= '9')
		return json_walk_refuse(reader, "a number does not begin with 0");
	if (json_walk_take_digits(reader, n, false) != 0)
		return -EINVAL;
	if (reader->at < reader->end && *reader->at == '.') {
		n->is_whole = false;
		reader->at++;
		if (json_walk_take_digits(reader, n, true) != 0)
			return -EINVAL;
	}
	if (reader->at < reader->end && (*reader->at | 32) == 'e') {
		n->is_whole = false;
		return json_walk_take_exponent(reader, n);
	}
	return 0;
}

int json_walk_float(struct json_walk *reader, float *value, struct json_walk_text *text)
{
	struct json_walk_number n;
	char *end;

	json_walk_next(reader);
	text->at = reader->at;
	if (json_walk_take_number(reader, &n) != 0)
		return -EINVAL;
	text->size = (size_t)(reader->at - text->at);
	if (!n.is_cut && number_to_float(n.digits, n.exponent, value)) {
		*value = n.minus ? -*value : *value;
		return 0;
	}
	*value = strtof(text->at, &end);
	return end == reader->at ? 0 : json_walk_refuse(reader, "a number ends here");
}

int json_walk_u64(struct json_walk *reader, uint64_t *value)
{
	const char *at;
	struct json_walk_number n;

	json_walk_next(reader);
	at = reader->at;
	if (at < reader->end && (*at < '0' || *at > '9'))
		return json_walk_refuse(reader, "a whole number from 0 must stand here");
	if (json_walk_take_number(reader, &n) != 0)
		return -EINVAL;
	if (!n.is_whole || n.is_cut)
		return json_walk_refuse(reader, "a whole number from 0 must stand here");
	*value = n.digits;
	return 0;
}

static bool json_walk_take_word(struct json_walk *reader, const char *word)
{
	const size_t n = strlen(word);

	json_walk_next(reader);
	if ((size_t)(reader->end - reader->at) < n || memcmp(reader->at, word, n) != 0)
		return false;
	reader->at += n;
	return true;
}

int json_walk_bool(struct json_walk *reader, bool *value)
{
	*value = json_walk_take_word(reader, "true");
	return *value || json_walk_take_word(reader, "false")
		? 0
		: json_walk_refuse(reader, "true or false must stand here");
}

int json_walk_null(struct json_walk *reader)
{
	return json_walk_take_word(reader, "null")
		? 0
		: json_walk_refuse(reader, "null must stand here");
}

// --- What holds others ---------------------------------------------------------------------------

static int json_walk_enter(struct json_walk *reader, char open, const char *what)
{
	if (json_walk_next(reader) != open)
		return json_walk_refuse(reader, "%s must stand here", what);
	if (reader->depth == reader->depth_max)
		return json_walk_refuse(reader, "more than %u levels", reader->depth_max);
	reader->depth++;
	reader->at++;
	return 0;
}

// Behind an element: *more, whether another follows.
static int json_walk_go_on(struct json_walk *reader, char close, bool *more)
{
	const char c = json_walk_next(reader);

	*more = c == ',';
	if (c != ',' && c != close)
		return json_walk_refuse(reader, "',' or '%c' must stand here", close);
	reader->at++;
	return 0;
}

static bool json_walk_has_key(
	const struct json_walk_text *keys, size_t n, struct json_walk_text key)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].size == key.size && memcmp(keys[i].at, key.at, key.size) == 0)
			return true;
	return false;
}

static int json_walk_take_key(struct json_walk *reader, struct json_walk_text *key)
{
	if (json_walk_string(reader, key) != 0)
		return -EINVAL;
	if (json_walk_next(reader) != ':')
		return json_walk_refuse(reader, "':' must stand here");
	reader->at++;
	return 0;
}

int json_walk_object(struct json_walk *reader, size_t keys_max,
	int (*member)(void *arg, struct json_walk *reader, struct json_walk_text key), void *arg)
{
	struct json_walk_text keys[JSON_WALK_KEYS_MAX], key;
	bool more = true;
	int rc = json_walk_enter(reader, '{', "an object");

	if (rc != 0)
		return rc;
	if (json_walk_next(reader) == '}') {
		reader->at++;
		more = false;
	}
	for (size_t n = 0; rc == 0 && more; n++) {
		rc = json_walk_take_key(reader, &key);
		if (rc == 0 && keys_max && n == keys_max)
			rc = json_walk_refuse(reader, "more than %zu keys in an object", keys_max);
		if (rc == 0 && keys_max && json_walk_has_key(keys, n, key))
			rc = json_walk_refuse(reader, "the key \"%.40s\" is there twice", key.at);
		if (rc == 0 && keys_max)
			keys[n] = key;
		if (rc == 0)
			rc = member(arg, reader, key);
		if (rc == 0)
			rc = json_walk_go_on(reader, '}', &more);
	}
	reader->depth--;
	return rc;
}

int json_walk_array(struct json_walk *reader,
	int (*element)(void *arg, struct json_walk *reader, uint64_t index), void *arg)
{
	bool more = true;
	int rc = json_walk_enter(reader, '[', "an array");

	if (rc != 0)
		return rc;
	if (json_walk_next(reader) == ']') {
		reader->at++;
		more = false;
	}
	for (uint64_t i = 0; rc == 0 && more; i++) {
		rc = element(arg, reader, i);
		if (rc == 0)
			rc = json_walk_go_on(reader, ']', &more);
	}
	reader->depth--;
	return rc;
}

// Blanks as clients write them, and the others.
static inline const char *json_walk_pass_blanks(const char *at)
{
	at += *at == ' ';
	while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
		at++;
	return at;
}

// Takes elements up to the first that is no such number, or that something else follows than ',' or the
// bracket: what is wrong with it is said by who reads it slowly. Returns whether another element follows.
static bool json_walk_take_numbers(struct json_walk *reader, struct json_walk_numbers *numbers)
{
	const char *at = reader->at;

	while (numbers->n < numbers->max) {
		at = json_walk_pass_blanks(at);
		// Blanks end at the zero byte.
		if (reader->end - at < NUMBER_READ_BYTES)
			return true;
		at = number_read(at, numbers->values + numbers->n * numbers->stride);
		if (!at)
			return true;
		at = *at == ',' ? at : json_walk_pass_blanks(at);
		if (at >= reader->end || (*at != ',' && *at != ']'))
			return true;
		numbers->n++;
		reader->at = (char *)at + 1;
		if (*at++ == ']')
			return false;
	}
	return true;
}

int json_walk_numbers(struct json_walk *reader, struct json_walk_numbers *numbers,
	int (*element)(void *arg, struct json_walk *reader, uint64_t index), void *arg)
{
	bool more = true;
	int rc = json_walk_enter(reader, '[', "an array");

	numbers->n = 0;
	if (rc != 0)
		return rc;
	if (json_walk_next(reader) == ']') {
		reader->at++;
		more = false;
	}
	while (rc == 0 && more) {
		more = json_walk_take_numbers(reader, numbers);
		if (!more)
			break;
		rc = element(arg, reader, numbers->n++);
		if (rc == 0)
			rc = json_walk_go_on(reader, ']', &more);
	}
	reader->depth--;
	return rc;
}

static int json_walk_skip_member(void *arg, struct json_walk *reader, struct json_walk_text key)
{
	return json_walk_skip(reader);
}

static int json_walk_skip_element(void *arg, struct json_walk *reader, uint64_t index)
{
	return json_walk_skip(reader);
}

int json_walk_skip(struct json_walk *reader)
{
	struct json_walk_number number;

	switch (json_walk_next(reader)) {
	case '{':
		return json_walk_object(reader, JSON_WALK_KEYS_MAX, json_walk_skip_member, NULL);
	case '[':
		return json_walk_array(reader, json_walk_skip_element, NULL);
	case '"':
		return json_walk_take_string(reader, NULL);
	case 't':
	case 'f': {
		bool value;

		return json_walk_bool(reader, &value);
	}
	case 'n':
		return json_walk_null(reader);
	case 'N':
	case 'I':
		return json_walk_refuse(reader,
			"NaN and Infinity are no JSON: values must be finite; a missing one is "
			"null, where the model takes that");
	default:
		return json_walk_take_number(reader, &number);
	}
}

// Digits, blanks, commas and points, which most of it is: eight bytes at once that have no bit 0x40, as
// brackets, braces and the backslash have, and are no quote.
static char *json_walk_pass_plain(char *at, const char *end)
{
	for (; end - at >= 8; at += 8) {
		uint64_t word, quotes;

		memcpy(&word, at, sizeof(word));
		quotes = word ^ 0x2222222222222222;
		quotes = (quotes - 0x0101010101010101) & ~quotes;
		if ((quotes & 0x8080808080808080) | (word & 0x4040404040404040))
			break;
	}
	return at;
}

int json_walk_pass_array(struct json_walk *reader)
{
	static const bool MATTERS[256] = {
		['\\'] = true, ['"'] = true, ['['] = true, ['{'] = true, [']'] = true, ['}'] = true
	};
	unsigned depth = 0;
	bool in_string = false;

	if (json_walk_next(reader) != '[')
		return json_walk_refuse(reader, "an array must stand here");
	while (reader->at < reader->end) {
		const char c = *reader->at++;

		if (!MATTERS[(uint8_t)c]) {
			if (!in_string)
				reader->at = json_walk_pass_plain(reader->at, reader->end);
		} else if (c == '\\') {
			reader->at += in_string && reader->at < reader->end;
		} else if (c == '"') {
			in_string = !in_string;
		} else if (!in_string && (c == '[' || c == '{')) {
			if (reader->depth + depth++ < reader->depth_max)
				continue;
			reader->at--;
			return json_walk_refuse(reader, "more than %u levels", reader->depth_max);
		} else if (!in_string && --depth == 0) {
			return 0;
		}
	}
	return json_walk_refuse(reader, "it ends within an array");
}
