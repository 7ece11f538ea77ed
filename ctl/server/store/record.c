// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/store/record.h"

#include "base/sha256.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_TEXT_BYTES                                                                          \
	6144 // 23 versions with sums of 64, 17 names of who changed it, and the keys

static bool record_take_u16(const json_t *value, uint16_t *out)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 1 || number > UINT16_MAX)
		return false;
	*out = (uint16_t)number;
	return true;
}

// Formats 1 and 2.
static int record_take_numbers(const json_t *root, struct record *record, struct error *err)
{
	const json_t *previous = json_object_get(root, "previous");
	const json_t *loaded = json_object_get(root, "loaded");

	if (!json_is_array(previous) || !json_is_boolean(loaded) ||
		json_array_size(previous) > RECORD_PREVIOUS_MAX)
		return error_set(err, -EINVAL,
			"\"previous\" must hold at most %d numbers, \"loaded\" true or false",
			RECORD_PREVIOUS_MAX);
	if (!record_take_u16(json_object_get(root, "id"), &record->id) ||
		!record_take_u16(json_object_get(root, "live"), &record->live.version))
		return error_set(
			err, -EINVAL, "\"id\" and \"live\" must be numbers from 1 to 65535");
	for (size_t i = 0; i < json_array_size(previous); i++)
		if (!record_take_u16(
			    json_array_get(previous, i), &record->previous[i].live.version))
			return error_set(
				err, -EINVAL, "\"previous\" must hold numbers from 1 to 65535");
	record->n_previous = (uint32_t)json_array_size(previous);
	record->loaded = json_is_true(loaded);
	record->key = RECORD_KEY_ID;
	record->revision = 1;
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
	sha256_text_of(out, text, size);
}

struct record_text {
	char at[RECORD_TEXT_BYTES];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void text_add(
	struct record_text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at + text->n, sizeof(text->at) - text->n, format, args);
	va_end(args);
	text->n += (size_t)n;
}

// Format 2, as it was written; to compare its checksum.
static void record_write_2(const struct record *record, struct record_text *text)
{
	text->n = 0;
	text_add(text, "{\"format\":2,\"id\":%u,\"live\":%u,\"sha256\":\"%s\",\"previous\":[",
		record->id, record->live.version, record->live.sha256);
	for (uint32_t i = 0; i < record->n_previous; i++)
		text_add(text, "%s%u", i ? "," : "", record->previous[i].live.version);
	text_add(text, "],\"loaded\":%s", record->loaded ? "true" : "false");
}

// `more` is what stands behind the sum; version 0 is null.
static void text_add_version(
	struct record_text *text, const struct record_version *version, const char *more)
{
	if (version->version)
		text_add(text, "{\"version\":%u,\"sha256\":\"%s\"%s}", version->version,
			version->sha256, more);
	else
		text_add(text, "null");
}

// Written by hand and not by jansson, so that the text which is summed is the same for ever.
static void record_write(const struct record *r, struct record_text *text)
{
	char more[256];
	size_t n;

	text->n = 0;
	text_add(text,
		"{\"format\":3,\"id\":%u,\"loaded\":%s,\"revision\":%" PRIu64
		",\"by\":\"%s\",\"at\":%" PRId64 ",\"change\":\"%s\",\"live\":",
		r->id, r->loaded ? "true" : "false", r->revision, r->by, r->at, r->change);
	text_add_version(text, &r->live, "");
	n = (size_t)snprintf(
		more, sizeof(more), ",\"permille\":%u,\"key\":%d", r->permille, r->key);
	for (int b = 0; b < BOUND_COUNT && bounds_any(&r->bounds); b++) {
		n += (size_t)snprintf(more + n, sizeof(more) - n, b ? "," : ",\"bounds\":[");
		n += (size_t)snprintf(more + n, sizeof(more) - n,
			r->bounds.is_given[b] ? "%.17g" : "null", r->bounds.value[b]);
		n += (size_t)snprintf(more + n, sizeof(more) - n, b == BOUND_COUNT - 1 ? "]" : "");
	}
	text_add(text, ",\"canary\":");
	text_add_version(text, &r->canary, more);
	text_add(text, ",\"shadow\":");
	text_add_version(text, &r->shadow, "");
	text_add(text, ",\"pinned\":[");
	for (uint32_t i = 0; i < r->n_pinned; i++) {
		text_add(text, "%s", i ? "," : "");
		text_add_version(text, &r->pinned[i], "");
	}
	text_add(text, "],\"previous\":[");
	for (uint32_t i = 0; i < r->n_previous; i++) {
		const struct record_previous *p = &r->previous[i];

		snprintf(more, sizeof(more),
			",\"revision\":%" PRIu64 ",\"by\":\"%s\",\"at\":%" PRId64, p->revision,
			p->by, p->at);
		text_add(text, "%s", i ? "," : "");
		text_add_version(text, &p->live, more);
	}
	text_add(text, "]");
}

static bool record_sum_is(const json_t *root, const struct record_text *text)
{
	char told[RECORD_SHA256_BYTES], found[RECORD_SHA256_BYTES];

	if (!record_take_sha256(json_object_get(root, "checksum"), told))
		return false;
	record_sum(text->at, text->n, found);
	return strcmp(told, found) == 0;
}

static int record_is_damaged(struct error *err)
{
	return error_set(err, -EINVAL, "is damaged: its checksum is not that of what it says");
}

static bool record_take_sum_or_none(const json_t *value, char out[RECORD_SHA256_BYTES])
{
	return record_take_sha256(value, out) ||
		(json_is_string(value) && json_string_length(value) == 0);
}

// What format 2 has beside format 1.
static int record_take_2(const json_t *root, struct record *record, struct error *err)
{
	struct record_text text;
	char sum[RECORD_SHA256_BYTES];

	if (json_object_size(root) != 7 ||
		!record_take_sha256(json_object_get(root, "checksum"), sum) ||
		!record_take_sum_or_none(json_object_get(root, "sha256"), record->live.sha256))
		return error_set(err, -EINVAL,
			"must be {\"format\": 2, \"id\", \"live\", \"sha256\", \"previous\", "
			"\"loaded\", \"checksum\"}");
	record_write_2(record, &text);
	return record_sum_is(root, &text) ? 0 : record_is_damaged(err);
}

static bool record_take_version(const json_t *value, struct record_version *out)
{
	return record_take_u16(json_object_get(value, "version"), &out->version) &&
		record_take_sum_or_none(json_object_get(value, "sha256"), out->sha256);
}

// Plain text, so that it is the same between quotes.
static bool record_take_text(const json_t *value, char *out, size_t size)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) >= size)
		return false;
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			return false;
	snprintf(out, size, "%s", text);
	return true;
}

static bool record_take_count(const json_t *value, uint64_t *out)
{
	*out = (uint64_t)json_integer_value(value);
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool record_take_bounds(const json_t *array, struct record *record)
{
	if (!array)
		return true;
	if (json_array_size(array) != BOUND_COUNT)
		return false;
	for (int b = 0; b < BOUND_COUNT; b++) {
		const json_t *value = json_array_get(array, (size_t)b);

		if (json_is_null(value))
			continue;
		if (!json_is_number(value) ||
			!bounds_give(&record->bounds, (enum bound_key)b, json_number_value(value)))
			return false;
	}
	return true;
}

static bool record_take_canary(const json_t *canary, struct record *record)
{
	const json_t *permille = json_object_get(canary, "permille");
	const json_t *key = json_object_get(canary, "key");
	const json_int_t share = json_integer_value(permille), feature = json_integer_value(key);

	if (!record_take_version(canary, &record->canary) || !json_is_integer(permille) ||
		share < 0 || share > 1000 || !json_is_integer(key) || feature < RECORD_KEY_ID ||
		feature > UINT16_MAX ||
		!record_take_bounds(json_object_get(canary, "bounds"), record))
		return false;
	record->permille = (uint16_t)share;
	record->key = (int32_t)feature;
	return true;
}

static bool record_take_lists(const json_t *root, struct record *record)
{
	const json_t *pinned = json_object_get(root, "pinned");
	const json_t *previous = json_object_get(root, "previous");

	if (!json_is_array(pinned) || json_array_size(pinned) > RECORD_PINNED_MAX ||
		!json_is_array(previous) || json_array_size(previous) > RECORD_PREVIOUS_MAX)
		return false;
	for (; record->n_pinned < json_array_size(pinned); record->n_pinned++)
		if (!record_take_version(json_array_get(pinned, record->n_pinned),
			    &record->pinned[record->n_pinned]))
			return false;
	for (; record->n_previous < json_array_size(previous); record->n_previous++) {
		struct record_previous *p = &record->previous[record->n_previous];
		const json_t *value = json_array_get(previous, record->n_previous);
		uint64_t at;

		if (!record_take_version(value, &p->live) ||
			!record_take_count(json_object_get(value, "revision"), &p->revision) ||
			!record_take_count(json_object_get(value, "at"), &at) ||
			!record_take_text(json_object_get(value, "by"), p->by, sizeof(p->by)))
			return false;
		p->at = (int64_t)at;
	}
	return true;
}

static int record_take_3(const json_t *root, struct record *record, struct error *err)
{
	const json_t *canary = json_object_get(root, "canary");
	const json_t *shadow = json_object_get(root, "shadow");
	const json_t *loaded = json_object_get(root, "loaded");
	struct record_text text;
	uint64_t at = 0;

	record->key = RECORD_KEY_ID;
	if (json_object_size(root) != 13 || !json_is_boolean(loaded) ||
		!record_take_u16(json_object_get(root, "id"), &record->id) ||
		!record_take_count(json_object_get(root, "revision"), &record->revision) ||
		!record_take_count(json_object_get(root, "at"), &at) ||
		!record_take_text(json_object_get(root, "by"), record->by, sizeof(record->by)) ||
		!record_take_text(
			json_object_get(root, "change"), record->change, sizeof(record->change)) ||
		!record_take_version(json_object_get(root, "live"), &record->live) ||
		(!json_is_null(canary) && !record_take_canary(canary, record)) ||
		(!json_is_null(shadow) && !record_take_version(shadow, &record->shadow)) ||
		!record_take_lists(root, record))
		return error_set(err, -EINVAL,
			"must be {\"format\": 3, \"id\", \"loaded\", \"revision\", \"by\", \"at\", "
			"\"change\", \"live\", \"canary\", \"shadow\", \"pinned\", \"previous\", "
			"\"checksum\"}");
	record->at = (int64_t)at;
	record->loaded = json_is_true(loaded);
	record_write(record, &text);
	return record_sum_is(root, &text) ? 0 : record_is_damaged(err);
}

// A key that no format up to 3 has, at any depth; NULL: none.
static const char *record_unknown_key(const json_t *value)
{
	static const char *const KNOWN[] = { "format", "id", "loaded", "revision", "by", "at",
		"change", "live", "canary", "shadow", "pinned", "previous", "checksum", "version",
		"sha256", "permille", "key", "bounds" };
	const char *key, *unknown = NULL;
	json_t *member;
	size_t i;

	json_array_foreach (value, i, member) {
		unknown = record_unknown_key(member);
		if (unknown)
			return unknown;
	}
	json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
		for (i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
			if (strcmp(KNOWN[i], key) == 0)
				break;
		unknown = i < sizeof(KNOWN) / sizeof(KNOWN[0]) ? record_unknown_key(member) : key;
		if (unknown)
			return unknown;
	}
	return NULL;
}

static int record_take_format(const json_t *root, struct record *record, struct error *err)
{
	const json_t *format = json_object_get(root, "format");
	const char *unknown;
	int rc;

	if (json_is_object(root) && json_is_integer(format) && json_integer_value(format) > 3)
		return error_set(err, -ENOTSUP,
			"is of format %" JSON_INTEGER_FORMAT
			", of a later martletd; this one "
			"reads 1 to 3",
			json_integer_value(format));
	unknown = format ? record_unknown_key(root) : NULL;
	if (unknown)
		return error_set(err, -ENOTSUP,
			"says \"%.32s\", which this martletd does not know: a later one wrote it",
			unknown);

	if (!json_is_object(root) || (!format && json_object_size(root) != 4) ||
		(format && (!json_is_integer(format) || json_integer_value(format) < 2)))
		return error_set(err, -EINVAL,
			"is no record of martletd: it must be an object of \"format\", \"id\", "
			"\"live\", \"previous\", \"loaded\", \"checksum\" and what its format has "
			"beside");
	if (format && json_integer_value(format) == 3)
		return record_take_3(root, record, err);
	rc = record_take_numbers(root, record, err);
	return rc == 0 && format ? record_take_2(root, record, err) : rc;
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
	struct record_text *text = malloc(sizeof(*text));
	char sum[RECORD_SHA256_BYTES];

	if (!text)
		return NULL;
	record_write(record, text);
	record_sum(text->at, text->n, sum);
	text_add(text, ",\"checksum\":\"%s\"}", sum);
	return (char *)text; // whose first member it is
}

bool record_is_same(const struct record *a, const struct record *b)
{
	struct record_text left, right;

	record_write(a, &left);
	record_write(b, &right);
	return strcmp(left.at, right.at) == 0;
}

void record_set_version(struct record_version *to, uint16_t version, const char *sha256)
{
	memset(to, 0, sizeof(*to));
	to->version = version;
	snprintf(to->sha256, sizeof(to->sha256), "%s", sha256);
}

const char *record_role(const struct record *record, uint16_t version)
{
	if (record->live.version == version)
		return "live";
	if (record->canary.version == version)
		return "canary";
	if (record->shadow.version == version)
		return "shadow";
	for (uint32_t i = 0; i < record->n_pinned; i++)
		if (record->pinned[i].version == version)
			return "pinned";
	return NULL;
}

const char *record_holds(const struct record *record, uint16_t version)
{
	const char *role = record_role(record, version);

	if (role && (record->loaded || record->live.version != version))
		return role;
	return record->n_previous && record->previous[0].live.version == version
		? "the deployment before"
		: NULL;
}

void record_promote(struct record *record, uint16_t version, const char *sha256)
{
	struct record_previous before = {
		.live = record->live, .revision = record->revision, .at = record->at
	};

	memcpy(before.by, record->by, sizeof(before.by));
	record_forget(record, version);
	record_set_version(&record->live, version, sha256);
	if (before.live.version == 0 || before.live.version == version)
		return;
	record_forget(record, before.live.version);
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
		if (record->previous[i].live.version != version)
			continue;
		record->n_previous--;
		memmove(record->previous + i, record->previous + i + 1,
			(record->n_previous - i) * sizeof(record->previous[0]));
		return true;
	}
	return false;
}
