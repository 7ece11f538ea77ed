// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/dataset_part.h"

#include "base/random.h"

#include <stdbool.h>
#include <stdlib.h>

int dataset_all(const struct dataset *set, struct dataset_part *part, struct error *err)
{
	*part = (struct dataset_part){ .set = set, .n = set->n_rows };
	part->index = malloc((set->n_rows + 1) * sizeof(*part->index));
	if (!part->index)
		return error_set(err, -ENOMEM, "out of memory for %zu rows", set->n_rows);
	for (size_t r = 0; r < set->n_rows; r++)
		part->index[r] = (uint32_t)r;
	return 0;
}

void dataset_part_fini(struct dataset_part *part)
{
	free(part->index);
	*part = (struct dataset_part){ 0 };
}

// A number below n, from the high bits, each of them as often but for one part in 2^32.
static size_t part_below(uint64_t *state, size_t n)
{
	return (size_t)((random_next(state) >> 32) * n >> 32);
}

// Marks `share` of the rows [n] of one class, drawn without putting back, and at least one of two.
static void part_draw(uint32_t *rows, size_t n, double share, uint64_t *state, bool *drawn)
{
	size_t wanted = (size_t)(share * (double)n + 0.5);

	if (n >= 2 && wanted == 0)
		wanted = 1;
	if (n >= 2 && wanted == n)
		wanted = n - 1;
	if (n < 2)
		wanted = 0;
	for (size_t i = 0; i < wanted; i++) {
		const size_t at = i + part_below(state, n - i);
		const uint32_t row = rows[at];

		rows[at] = rows[i];
		rows[i] = row;
		drawn[row] = true;
	}
}

// Class by class, in their order.
static int part_draw_all(
	const struct dataset *set, double share, uint64_t seed, bool *drawn, struct error *err)
{
	const uint32_t n_classes = set->classes ? set->n_classes : 1;
	uint32_t *rows = calloc(set->n_rows + 1, sizeof(*rows));
	size_t *end = calloc(n_classes + 1ull, sizeof(*end)); // of each class in rows
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x2545f4914f6cdd1d);

	if (!rows || !end) {
		free(rows);
		free(end);
		return error_set(err, -ENOMEM, "out of memory for %zu rows", set->n_rows);
	}
	state = state ? state : 1;
	for (size_t r = 0; r < set->n_rows; r++)
		if (!set->classes || set->classes[r] >= 0)
			end[set->classes ? set->classes[r] + 1 : 1]++;
	for (uint32_t c = 0; c < n_classes; c++)
		end[c + 1] += end[c];
	// end[c] is where class c begins until its rows are there.
	for (size_t r = 0; r < set->n_rows; r++)
		if (!set->classes || set->classes[r] >= 0)
			rows[end[set->classes ? set->classes[r] : 0]++] = (uint32_t)r;
	for (uint32_t c = 0; c < n_classes; c++) {
		const size_t from = c ? end[c - 1] : 0;

		part_draw(rows + from, end[c] - from, share, &state, drawn);
	}
	free(rows);
	free(end);
	return 0;
}

int dataset_split(const struct dataset *set, double share, uint64_t seed,
	struct dataset_part *first, struct dataset_part *second, struct error *err)
{
	bool *drawn = calloc(set->n_rows + 1, sizeof(*drawn));
	int rc = drawn ? part_draw_all(set, share, seed, drawn, err)
		       : error_set(err, -ENOMEM, "out of memory for %zu rows", set->n_rows);

	*first = *second = (struct dataset_part){ .set = set };
	if (rc == 0) {
		first->index = malloc((set->n_rows + 1) * sizeof(*first->index));
		second->index = malloc((set->n_rows + 1) * sizeof(*second->index));
	}
	if (rc == 0 && (!first->index || !second->index))
		rc = error_set(err, -ENOMEM, "out of memory for %zu rows", set->n_rows);
	for (size_t r = 0; rc == 0 && r < set->n_rows; r++) {
		struct dataset_part *part = drawn[r] ? second : first;

		part->index[part->n++] = (uint32_t)r;
	}
	if (rc == 0 && (first->n == 0 || second->n == 0))
		rc = error_set(err, -EINVAL,
			"%s: %zu rows cannot be divided; two of a class at least are needed",
			set->path, set->n_rows);
	free(drawn);
	if (rc != 0) {
		dataset_part_fini(first);
		dataset_part_fini(second);
	}
	return rc;
}
