// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/store/record.h"

#include "base/sha256.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_TEXT_BYTES 512 // 17 versions of 6 characters, two sums of 64, and the names

static bool record_take_u16(const json_t *value, uint16_t *out)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 1 || number > UINT16_MAX)
		return false;
	*out = (uint16_t)number;
	return true;
}

static int record_take(const json_t *root, struct record *record, struct error *err)
{
	const json_t *previous = json_object_get(root, "previous");
	const json_t *loaded = json_object_get(root, "loaded");

	if (!json_is_array(previous) || !json_is_boolean(loaded) ||
		json_array_size(previous) > RECORD_PREVIOUS_MAX)
		return error_set(err, -EINVAL,
			"\"previous\" must hold at most %d numbers, \"loaded\" true or false",
			RECORD_PREVIOUS_MAX);
	if (!record_take_u16(json_object_get(root, "id"), &record->id) ||
		!record_take_u16(json_object_get(root, "live"), &record->live))
		return error_set(
			err, -EINVAL, "\"id\" and \"live\" must be numbers from 1 to 65535");
	for (size_t i = 0; i < json_array_size(previous); i++)
		if (!record_take_u16(json_array_get(previous, i), &record->previous[i]))
			return error_set(
				err, -EINVAL, "\"previous\" must hold numbers from 1 to 65535");
	record->n_previous = (uint32_t)json_array_size(previous);
	record->loaded = json_is_true(loaded);
	return 0;
}

static bool record_take_sha256(const json_t *value, char out[RECORD_SHA256_BYTES])
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) != RECORD_SHA256_BYTES - 1 ||
		strspn(text, "0123456789abcdef") != RECORD_SHA256_BYTES - 1)
		return false;
	memcpy(out, text, RECORD_SHA256_BYTES);
	return true;
}

static void record_sum(const void *text, size_t size, char out[RECORD_SHA256_BYTES])
{
	unsigned char hash[SHA256_BYTES];

	sha256_of(hash, text, size);
	sodium_bin2hex(out, RECORD_SHA256_BYTES, hash, sizeof(hash));
}

// Written by hand and not by jansson, so that the text which is summed is the same for ever. Returns
// its length, without the checksum.
static size_t record_write(const struct record *record, char text[RECORD_TEXT_BYTES])
{
	int n = snprintf(text, RECORD_TEXT_BYTES,
		"{\"format\":2,\"id\":%u,\"live\":%u,\"sha256\":\"%s\",\"previous\":[", record->id,
		record->live, record->sha256);

	for (uint32_t i = 0; i < record->n_previous; i++)
		n += snprintf(text + n, RECORD_TEXT_BYTES - (size_t)n, "%s%u", i ? "," : "",
			record->previous[i]);
	n += snprintf(text + n, RECORD_TEXT_BYTES - (size_t)n, "],\"loaded\":%s",
		record->loaded ? "true" : "false");
	return (size_t)n;
}

// What format 2 has beside format 1.
static int record_take_sums(const json_t *root, struct record *record, struct error *err)
{
	const json_t *sha256 = json_object_get(root, "sha256");
	char told[RECORD_SHA256_BYTES], found[RECORD_SHA256_BYTES], text[RECORD_TEXT_BYTES];

	if (json_object_size(root) != 7 ||
		!record_take_sha256(json_object_get(root, "checksum"), told) ||
		(!record_take_sha256(sha256, record->sha256) &&
			strcmp(json_is_string(sha256) ? json_string_value(sha256) : "?", "") != 0))
		return error_set(err, -EINVAL,
			"must be {\"format\": 2, \"id\", \"live\", \"sha256\", \"previous\", "
			"\"loaded\", \"checksum\"}");
	record_sum(text, record_write(record, text), found);
	if (strcmp(told, found) != 0)
		return error_set(
			err, -EINVAL, "is damaged: its checksum is not that of what it says");
	return 0;
}

static int record_take_format(const json_t *root, struct record *record, struct error *err)
{
	const json_t *format = json_object_get(root, "format");
	int rc;

	if (!json_is_object(root) || (!format && json_object_size(root) != 4) ||
		(format && (!json_is_integer(format) || json_integer_value(format) < 2)))
		return error_set(err, -EINVAL,
			"is no record of martletd: it must be an object of \"format\", \"id\", "
			"\"live\", \"sha256\", \"previous\", \"loaded\" and \"checksum\"");
	if (format && json_integer_value(format) > 2)
		return error_set(err, -ENOTSUP,
			"is of format %" JSON_INTEGER_FORMAT
			", of a later martletd; this one "
			"reads 1 and 2",
			json_integer_value(format));
	rc = record_take(root, record, err);
	return rc == 0 && format ? record_take_sums(root, record, err) : rc;
}

int record_parse(const void *text, size_t size, struct record *record, struct error *err)
{
	json_error_t where;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
	int rc;

	memset(record, 0, sizeof(*record));
	if (!root)
		return error_set(
			err, -EINVAL, "is damaged: not JSON: line %d: %s", where.line, where.text);
	rc = record_take_format(root, record, err);
	json_decref(root);
	if (rc != 0)
		memset(record, 0, sizeof(*record));
	return rc;
}

char *record_format(const struct record *record)
{
	char sum[RECORD_SHA256_BYTES];
	char *text = malloc(RECORD_TEXT_BYTES);
	size_t n;

	if (!text)
		return NULL;
	n = record_write(record, text);
	record_sum(text, n, sum);
	snprintf(text + n, RECORD_TEXT_BYTES - n, ",\"checksum\":\"%s\"}", sum);
	return text;
}

bool record_is_same(const struct record *a, const struct record *b)
{
	return a->id == b->id && a->live == b->live && a->loaded == b->loaded &&
		a->n_previous == b->n_previous && strcmp(a->sha256, b->sha256) == 0 &&
		memcmp(a->previous, b->previous, a->n_previous * sizeof(a->previous[0])) == 0;
}

void record_promote(struct record *record, uint16_t version, const char *sha256)
{
	uint16_t before = record->live;

	record_forget(record, version);
	record->live = version;
	snprintf(record->sha256, sizeof(record->sha256), "%s", sha256);
	if (before == 0 || before == version)
		return;
	record_forget(record, before);
	if (record->n_previous == RECORD_PREVIOUS_MAX)
		record->n_previous--;
	memmove(record->previous + 1, record->previous,
		record->n_previous * sizeof(record->previous[0]));
	record->previous[0] = before;
	record->n_previous++;
}

bool record_forget(struct record *record, uint16_t version)
{
	for (uint32_t i = 0; i < record->n_previous; i++) {
		if (record->previous[i] != version)
			continue;
		record->n_previous--;
		memmove(record->previous + i, record->previous + i + 1,
			(record->n_previous - i) * sizeof(record->previous[0]));
		return true;
	}
	return false;
}
