// SPDX-License-Identifier: BSD-3-Clause
// Operators that move values and compute none: any dtype, by its size.
#include "infer/general/general.h"
#include "infer/general/values.h"

#include <string.h>

// Walks over y, taking x at walk->at[0].
static void move(const struct general *general, struct walk *walk, const void *x, void *y)
{
	const size_t bytes = dtype_bytes(general->out[0].dtype);
	char *to = y;

	for (; walk->left > 0; walk_next(walk), to += bytes)
		memcpy(to, (const char *)x + (size_t)walk->at[0] * bytes, bytes);
}

void general_transpose(
	const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct attr *perm = node_attr(general->node, ATTR_PERM);
	int64_t strides[GRAPH_RANK_MAX];
	struct walk walk;

	(void)scratch;
	walk_init(&walk, &general->out[0]);
	tensor_strides(&general->in[0], strides);
	for (uint32_t d = 0; d < walk.rank; d++)
		walk.stride[0][d] = strides[perm ? perm->ints[d] : walk.rank - 1 - d];
	move(general, &walk, x[0], y[0]);
}
