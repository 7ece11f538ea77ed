// SPDX-License-Identifier: BSD-3-Clause
// The reference: every test, aggregate and leaf that infer/graph/trees.h has, one branch after the
// other.
#include "base/align.h"
#include "infer/kernels/trees/trees_kernels.h"
#include "infer/kernels/trees/trees_ranks.h"

#include <assert.h>
#include <string.h>

// Copies an array to offset *at of the packed ensemble, or only adds its bytes to *at.
static const void *trees_plain_keep(char *packed, size_t *at, const void *array, size_t bytes)
{
	const void *kept = packed && array ? memcpy(packed + *at, array, bytes) : NULL;

	*at += array ? align_up(bytes, 8) : 0;
	return kept;
}

static size_t trees_plain_copy(char *packed, const struct trees *t)
{
	struct trees own = *t;
	size_t at = align_up(sizeof(own), 8);

#define KEEP(field, count)                                                                         \
	own.field = trees_plain_keep(packed, &at, t->field, (count) * sizeof(*t->field))
	KEEP(root, t->n_trees);
	KEEP(feature, t->n_branches);
	KEEP(threshold, t->n_branches);
	KEEP(kind, t->n_branches);
	KEEP(children, t->n_branches);
	KEEP(weight_first, t->n_leaves + 1);
	KEEP(weight_target, t->n_weights);
	KEEP(weight, t->n_weights);
	KEEP(base, t->n_targets);
	KEEP(set, t->n_branches);
	KEEP(set_first, t->n_sets + 1);
	KEEP(set_words, t->n_set_words);
	KEEP(linear_first, t->n_leaves + 1);
	KEEP(linear_constant, t->n_leaves);
	KEEP(linear_feature, t->n_linear_terms);
	KEEP(linear_coefficient, t->n_linear_terms);
#undef KEEP
	if (packed)
		memcpy(packed, &own, sizeof(own));
	return at;
}

size_t trees_plain_bytes(const struct trees *trees)
{
	return trees_plain_copy(NULL, trees);
}

int trees_plain_pack(void *packed, const struct trees *trees)
{
	trees_plain_copy(packed, trees);
	return 0;
}

void f32_trees_1x1__scalar(
	const void *packed, uint32_t m, const float *x, size_t ldx, float *y, size_t ldy)
{
	const struct trees *t = packed;

	assert(t->n_trees >= 1 && t->n_targets >= 1);
	for (uint32_t row = 0; row < m; row++)
		trees_score(t, x + row * ldx, y + row * ldy);
}
