// SPDX-License-Identifier: BSD-3-Clause
#include "base/nearest.h"

#include <string.h>

#define NEAREST_MIN   3 // fewer letters in common are no likeness
#define NEAREST_SLIPS 2 // letters of either name that the other may lack

// Letters in common, in order. An edit distance is not needed: most slips are one letter left out,
// added or exchanged.
static unsigned nearest_count(const char *a, const char *b)
{
	unsigned same = 0;

	while (*a && *b) {
		if (*a == *b) {
			same++, a++, b++;
		} else if (a[1] == *b) {
			a++;
		} else if (*a == b[1]) {
			b++;
		} else {
			a++, b++;
		}
	}
	return same;
}

void nearest_try(struct nearest *nearest, const char *known)
{
	const unsigned same = nearest_count(nearest->wanted, known);

	if (same < NEAREST_MIN || same <= nearest->in_common ||
		strlen(nearest->wanted) > same + NEAREST_SLIPS ||
		strlen(known) > same + NEAREST_SLIPS)
		return;
	nearest->in_common = same;
	nearest->found = known;
}
