// SPDX-License-Identifier: BSD-3-Clause
// Operators that make one value of many along axes.
#include "infer/general/general.h"
#include "infer/general/values.h"

#include <math.h>

// Is a to be taken before b, the best yet? NaN comes before all numbers, as in NumPy.
static bool is_better(enum op op, double a, double b, bool last)
{
	if (isnan(b))
		return last && isnan(a);
	if (isnan(a))
		return true;
	if (a == b)
		return last;
	return op == OP_ARG_MAX ? a > b : a < b;
}

// Which of the values along the axis is the largest, or smallest.
void general_arg(const struct general *general, const void *const *x, void *const *y, void *scratch)
{
	const struct tensor *in = &general->in[0];
	const bool last = node_int(general->node, ATTR_LAST, 0) != 0;
	int64_t *to = y[0], inner = 1, outer = 1, n;
	uint32_t axis = 0;

	(void)scratch;
	op_axis(general->node, in->rank, 0, &axis); // the shape rule has seen to it
	for (uint32_t d = 0; d < in->rank; d++)
		*(d < axis ? &outer : &inner) *= d == axis ? 1 : in->dims[d];
	n = in->dims[axis];
	for (int64_t o = 0; o < outer; o++) {
		for (int64_t i = 0; i < inner; i++) {
			const int64_t at = o * n * inner + i;
			int64_t best = 0;

			for (int64_t k = 1; k < n; k++) {
				if (is_better(general->node->op,
					    value_number(in->dtype, x[0], (size_t)(at + k * inner)),
					    value_number(
						    in->dtype, x[0], (size_t)(at + best * inner)),
					    last))
					best = k;
			}
			*to++ = best;
		}
	}
}
