// SPDX-License-Identifier: BSD-3-Clause
// Sections of the text, and the numbers behind their keys.
#pragma once

#include "infer/import/lightgbm/lightgbm.h"

#define LIGHTGBM_KEYS_MAX 64

struct lightgbm_section {
	const char *name; // for sentences: "the header", "Tree=3"
	struct {
		const char *key, *value;
	} entries[LIGHTGBM_KEYS_MAX];
	uint32_t n;
};

// Lines "key=value" from l->at on, up to a line that begins the next section: *next, or NULL where
// the text is over. Keys and values point into the text, which is cut up.
void lightgbm_read_section(struct lightgbm *l, struct lightgbm_section *section, char **next);
// The key's value; NULL: it is not there.
const char *lightgbm_find(const struct lightgbm_section *section, const char *key);
// Whole numbers or doubles, `count` of them, into memory of the graph's. 0, -EINVAL or -ENOMEM. A
// missing key: -EINVAL, or with `optional` *values NULL.
int lightgbm_integers(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const int64_t **values);
int lightgbm_doubles(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	uint32_t count, bool optional, const double **values);
// One whole number from `low` to `high`; *value stays where it is missing and `optional`.
int lightgbm_integer(struct lightgbm *l, const struct lightgbm_section *section, const char *key,
	int64_t low, int64_t high, bool optional, int64_t *value);
