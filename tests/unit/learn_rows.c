// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/learn_rows.h"

#include "tests/cmocka.h"

#include <stdio.h>

struct dataset learn_rows(const float *values, size_t n_rows, uint32_t n_features)
{
	static char names[LEARN_FEATURES_MAX][8];
	static const char *list[LEARN_FEATURES_MAX];

	assert_true(n_features <= LEARN_FEATURES_MAX);
	for (uint32_t f = 0; f < n_features; f++) {
		snprintf(names[f], sizeof(names[f]), "f%u", f % LEARN_FEATURES_MAX);
		list[f] = names[f];
	}
	return (struct dataset){ .n_rows = n_rows,
		.n_features = n_features,
		.values = values,
		.feature_names = list,
		.path = "rows.csv" };
}

struct dataset_part learn_part(
	const struct dataset *set, uint32_t *index, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		index[i] = first + i;
	return (struct dataset_part){ .set = set, .index = index, .n = n };
}
