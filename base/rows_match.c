// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows_match.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The open columns in the order of their keys, which are their names or loose forms of them.
struct match_index {
	char **keys;     // [n_cells]; NULL of columns that are not open
	uint32_t *order; // [n]
	size_t n;
};

// A form that is the same for names that are alike: lower case, one '_' for any run of the signs
// that exporters exchange, none at either end. malloc'ed.
static char *match_loosen(const char *name)
{
	char *key = malloc(strlen(name) + 1), *out = key;

	for (const char *at = name; key && *at; at++) {
		if (!strchr(" _-./:()[],", *at))
			*out++ = (char)tolower((unsigned char)*at);
		else if (out > key && out[-1] != '_')
			*out++ = '_';
	}
	while (key && out > key && out[-1] == '_')
		out--;
	if (key)
		*out = '\0';
	return key;
}

static int match_compare(const void *a, const void *b, void *keys)
{
	const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	const int order = strcmp(((char **)keys)[left], ((char **)keys)[right]);

	return order ? order : (left > right) - (left < right);
}

static void match_index_fini(struct match_index *index, size_t n_cells)
{
	for (size_t c = 0; index->keys && c < n_cells; c++)
		free(index->keys[c]);
	free(index->keys);
	free(index->order);
}

static int match_index_init(struct match_index *index, char *const *cells, const int32_t *role,
	size_t n_cells, bool loose)
{
	index->n = 0;
	index->keys = calloc(n_cells, sizeof(*index->keys));
	index->order = malloc(n_cells * sizeof(*index->order));
	if (!index->keys || !index->order)
		return -ENOMEM;
	for (size_t c = 0; c < n_cells; c++) {
		if (role[c] != COLUMN_OPEN)
			continue;
		index->keys[c] = loose ? match_loosen(cells[c]) : strdup(cells[c]);
		if (!index->keys[c])
			return -ENOMEM;
		index->order[index->n++] = (uint32_t)c;
	}
	qsort_r(index->order, index->n, sizeof(*index->order), match_compare, index->keys);
	return 0;
}

// Where in the order the first column with that key stands; or n.
static size_t match_find(const struct match_index *index, const char *key)
{
	size_t low = 0, high = index->n;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (strcmp(index->keys[index->order[middle]], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->n && strcmp(index->keys[index->order[low]], key) == 0 ? low : index->n;
}

static bool match_has_key(const struct match_index *index, size_t at, const char *key)
{
	return at < index->n && strcmp(index->keys[index->order[at]], key) == 0;
}

static void match_take(struct rows_match *match, int32_t *role, uint32_t name, uint32_t column)
{
	match->column[name] = column;
	role[column] = (int32_t)name;
	match->n_found++;
}

// Two features of one name are two columns of that name, in their order.
static int match_exactly(struct rows_match *match, const char *const *names, uint32_t n_names,
	char *const *cells, int32_t *role, size_t n_cells)
{
	struct match_index index;
	int rc = match_index_init(&index, cells, role, n_cells, false);

	for (uint32_t i = 0; rc == 0 && i < n_names; i++) {
		size_t at = match_find(&index, names[i]);

		while (match_has_key(&index, at, names[i]) && role[index.order[at]] != COLUMN_OPEN)
			at++;
		if (match_has_key(&index, at, names[i]))
			match_take(match, role, i, index.order[at]);
	}
	for (size_t at = 1; rc == 0 && at < index.n; at++)
		if (role[index.order[at]] == COLUMN_OPEN && role[index.order[at - 1]] >= 0 &&
			match_has_key(&index, at - 1, index.keys[index.order[at]]))
			match->twice = index.order[at];
	match_index_fini(&index, n_cells);
	return rc;
}

static int match_loosely(struct rows_match *match, const char *const *names, uint32_t n_names,
	char *const *cells, int32_t *role, size_t n_cells)
{
	struct match_index index;
	int rc = match_index_init(&index, cells, role, n_cells, true);

	for (uint32_t i = 0; rc == 0 && i < n_names; i++) {
		char *key;
		size_t at;

		if (match->column[i] != ROWS_MATCH_NONE)
			continue;
		key = match_loosen(names[i]);
		if (!key) {
			rc = -ENOMEM;
			break;
		}
		at = match_find(&index, key);
		if (*key && at < index.n && !match_has_key(&index, at + 1, key) &&
			role[index.order[at]] == COLUMN_OPEN) {
			match_take(match, role, i, index.order[at]);
			match->n_loose++;
		}
		free(key);
	}
	match_index_fini(&index, n_cells);
	return rc;
}

int rows_match_names(struct rows_match *match, const char *const *names, uint32_t n_names,
	char *const *cells, int32_t *role, size_t n_cells)
{
	int rc;

	*match = (struct rows_match){ .twice = ROWS_MATCH_NONE };
	match->column = malloc(n_names * sizeof(*match->column));
	if (!match->column)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_names; i++)
		match->column[i] = ROWS_MATCH_NONE;
	rc = match_exactly(match, names, n_names, cells, role, n_cells);
	if (rc == 0 && match->n_found < n_names)
		rc = match_loosely(match, names, n_names, cells, role, n_cells);
	return rc;
}

void rows_match_fini(struct rows_match *match)
{
	free(match->column);
	match->column = NULL;
}

bool rows_match_made_up(const char *const *names, uint32_t n_names)
{
	static const char *const PREFIXES[] = { "x", "f", "Column_", "", "input_" };

	for (size_t p = 0; p < sizeof(PREFIXES) / sizeof(PREFIXES[0]); p++) {
		uint32_t i = 0;
		char name[32];

		for (; i < n_names; i++) {
			snprintf(name, sizeof(name), "%s%u", PREFIXES[p], i);
			if (strcmp(names[i], name) != 0)
				break;
		}
		if (i == n_names)
			return true;
	}
	return false;
}
