// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/store/record.h"

#include <jansson.h>
#include <string.h>

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

	if (!json_is_object(root) || json_object_size(root) != 4 || !json_is_array(previous) ||
		!json_is_boolean(loaded) || json_array_size(previous) > RECORD_PREVIOUS_MAX)
		return error_set(err, -EINVAL,
			"must be {\"id\", \"live\", \"previous\": [at most %d], \"loaded\"}",
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

int record_parse(const void *text, size_t size, struct record *record, struct error *err)
{
	json_error_t where;
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
	int rc;

	memset(record, 0, sizeof(*record));
	if (!root)
		return error_set(err, -EINVAL, "is not JSON: line %d: %s", where.line, where.text);
	rc = record_take(root, record, err);
	json_decref(root);
	if (rc != 0)
		memset(record, 0, sizeof(*record));
	return rc;
}

char *record_format(const struct record *record)
{
	json_t *previous = json_array();
	json_t *root;
	char *text;

	for (uint32_t i = 0; i < record->n_previous; i++)
		json_array_append_new(previous, json_integer(record->previous[i]));
	root = json_pack("{s:i, s:i, s:o, s:b}", "id", (int)record->id, "live", (int)record->live,
		"previous", previous, "loaded", (int)record->loaded);
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	return text;
}

void record_promote(struct record *record, uint16_t version)
{
	uint16_t before = record->live;

	record_forget(record, version);
	record->live = version;
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
