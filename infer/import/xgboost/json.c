// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/xgboost/json.h"

#include "infer/import/xgboost/ubjson.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define JSON_BYTES_MAX ((size_t)512 << 20)

json_t *xgboost_object(struct xgboost *x, const json_t *in, const char *where, const char *name)
{
	json_t *value = json_object_get(in, name);

	if (json_is_object(value))
		return value;
	error_set(x->err, -EINVAL, "%s.%s is missing or no object", where, name);
	return NULL;
}

json_t *xgboost_array(struct xgboost *x, const json_t *in, const char *where, const char *name)
{
	json_t *value = json_object_get(in, name);

	if (json_is_array(value))
		return value;
	error_set(x->err, -EINVAL, "%s.%s is missing or no list", where, name);
	return NULL;
}

int xgboost_integer(struct xgboost *x, const json_t *in, const char *where, const char *name,
	int64_t low, int64_t high, int64_t *value)
{
	const json_t *found = json_object_get(in, name);
	const char *text = json_string_value(found);
	char *end = NULL;
	int64_t number;

	if (!found)
		return 0;
	errno = 0;
	number = text ? strtoll(text, &end, 10) : json_integer_value(found);
	if ((text ? *text == '\0' || *end || errno : !json_is_integer(found)) || number < low ||
		number > high)
		return error_set(x->err, -EINVAL,
			"%s.%s should be a whole number from %" PRId64 " to %" PRId64, where, name,
			low, high);
	*value = number;
	return 0;
}

// XGBoost writes NaN and Infinity, which are no JSON, for what a split by category does not need:
// null instead. malloc'ed; NULL: out of memory.
static char *without_nan(const char *text, size_t size, size_t *made)
{
	static const struct {
		const char *from;
		size_t bytes;
	} WORDS[] = { { "NaN", 3 }, { "-NaN", 4 }, { "Infinity", 8 }, { "-Infinity", 9 } };
	char *copy = malloc(size + size / 3 + 8), *to = copy;
	bool quoted = false;

	for (size_t i = 0; copy && i < size;) {
		size_t skip = 0;

		if (text[i] == '"')
			quoted = !quoted;
		if (quoted && text[i] == '\\' && i + 1 < size)
			*to++ = text[i++];
		for (size_t w = 0; !quoted && w < sizeof(WORDS) / sizeof(*WORDS); w++) {
			if (size - i >= WORDS[w].bytes &&
				memcmp(text + i, WORDS[w].from, WORDS[w].bytes) == 0)
				skip = WORDS[w].bytes;
		}
		if (skip) {
			memcpy(to, "null", 4);
			to += 4;
			i += skip;
		} else {
			*to++ = text[i++];
		}
	}
	*made = (size_t)(to - copy);
	return copy;
}

json_t *xgboost_parse(const void *bytes, size_t size, bool binary, struct error *err)
{
	json_error_t at;
	json_t *root;
	char *text;

	if (binary)
		return ubjson_parse(bytes, size, err);
	if (size > JSON_BYTES_MAX) {
		error_set(err, -EFBIG, "%zu bytes of JSON, at most %zu are read", size,
			JSON_BYTES_MAX);
		return NULL;
	}
	text = without_nan(bytes, size, &size);
	root = text ? json_loadb(text, size, 0, &at) : NULL;
	// Without memory jansson says nothing.
	if (!text || (!root && !*at.text))
		error_set(err, -ENOMEM, "out of memory");
	else if (!root)
		error_set(err, -EINVAL, "line %d, column %d: %.100s", at.line, at.column, at.text);
	free(text);
	return root;
}
