// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/lightgbm/text.h"

#include "infer/graph/arena.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// The next line, its end cut off; NULL: the text is over.
static char *next_line(struct lightgbm *l)
{
	char *line = l->at, *end;

	if (!*line)
		return NULL;
	end = line + strcspn(line, "\n");
	l->at = *end ? end + 1 : end;
	while (end > line && (end[-1] == '\r' || end[-1] == ' '))
		end--;
	*end = '\0';
	return line;
}

void lightgbm_read_section(struct lightgbm *l, struct lightgbm_section *section, char **next)
{
	char *line;

	section->n = 0;
	*next = NULL;
	while ((line = next_line(l))) {
		char *equals = strchr(line, '=');

		if (strncmp(line, "Tree=", 5) == 0 || strcmp(line, "end of trees") == 0 ||
			strncmp(line, "feature importances", 19) == 0 ||
			strncmp(line, "feature_importances", 19) == 0) {
			*next = line;
			return;
		}
		if (!equals || section->n == LIGHTGBM_KEYS_MAX)
			continue;
		*equals = '\0';
		section->entries[section->n].key = line;
		section->entries[section->n++].value = equals + 1;
	}
}

const char *lightgbm_find(const struct lightgbm_section *section, const char *key)
{
	for (uint32_t i = 0; i < section->n; i++) {
		if (strcmp(section->entries[i].key, key) == 0)
			return section->entries[i].value;
	}
	return NULL;
}

static int refuse_count(
	struct lightgbm *l, const struct lightgbm_section *section, const char *key, uint32_t count)
{
	return error_set(l->err, -EINVAL, "%s: %s should have %" PRIu32 " number%s", section->name,
		key, count, count == 1 ? "" : "s");
}

// The value of the key and memory for its numbers; *text NULL: left out.
static int begin(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const char **text, void **memory)
{
	*text = lightgbm_find(section, key);
	*memory = NULL;
	if (!*text)
		return optional
			? 0
			: error_set(l->err, -EINVAL, "%s: %s is missing", section->name, key);
	// Each number takes two bytes, but for the last one: no memory is taken for what is not
	// there.
	if (count > strlen(*text) / 2 + 1)
		return refuse_count(l, section, key, count);
	*memory = arena_calloc(l->graph->arena, count + 1ul, 8);
	return *memory ? 0 : error_set(l->err, -ENOMEM, "out of memory");
}

int lightgbm_integers(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const int64_t **values)
{
	const char *at;
	void *memory;
	int rc = begin(l, section, key, count, optional, &at, &memory);
	int64_t *to;

	if (rc != 0)
		return rc;
	*values = to = memory;
	for (uint32_t i = 0; at && to && i < count; i++) {
		char *end;

		errno = 0;
		to[i] = strtoll(at, &end, 10);
		if (end == at || errno || (*end && *end != ' '))
			return refuse_count(l, section, key, count);
		at = end;
	}
	return at && at[strspn(at, " ")] ? refuse_count(l, section, key, count) : 0;
}

int lightgbm_doubles(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const double **values)
{
	const char *at;
	void *memory;
	int rc = begin(l, section, key, count, optional, &at, &memory);
	double *to;

	if (rc != 0)
		return rc;
	*values = to = memory;
	for (uint32_t i = 0; at && to && i < count; i++) {
		char *end;

		to[i] = strtod(at, &end);
		if (end == at || (*end && *end != ' '))
			return refuse_count(l, section, key, count);
		at = end;
	}
	return at && at[strspn(at, " ")] ? refuse_count(l, section, key, count) : 0;
}

int lightgbm_integer(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	int64_t low, int64_t high, bool optional, int64_t *value)
{
	const int64_t *read;
	int rc = lightgbm_integers(l, section, key, 1, optional, &read);

	if (rc != 0)
		return rc;
	*value = read ? *read : *value;
	if (*value < low || *value > high)
		return error_set(l->err, -EINVAL,
			"%s: %s is %" PRId64 ", should be %" PRId64 " to %" PRId64, section->name,
			key, *value, low, high);
	return 0;
}
