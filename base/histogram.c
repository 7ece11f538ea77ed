// SPDX-License-Identifier: BSD-3-Clause
#include "base/histogram.h"

#include <string.h>

void histogram_reset(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

// `from` may be written meanwhile by its lcore: each word is read once and whole.
void histogram_merge(struct histogram *into, const struct histogram *from)
{
	uint64_t min = __atomic_load_n(&from->min, __ATOMIC_RELAXED);
	uint64_t max = __atomic_load_n(&from->max, __ATOMIC_RELAXED);

	into->count += __atomic_load_n(&from->count, __ATOMIC_RELAXED);
	into->sum += __atomic_load_n(&from->sum, __ATOMIC_RELAXED);
	if (min < into->min)
		into->min = min;
	if (max > into->max)
		into->max = max;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += __atomic_load_n(&from->buckets[i], __ATOMIC_RELAXED);
}

uint64_t histogram_bucket_top(uint32_t bucket)
{
	const uint32_t sub = 1u << HISTOGRAM_SUB_BITS;
	uint32_t shift;
	uint64_t base;

	if (bucket < sub)
		return bucket;
	if (bucket >= HISTOGRAM_BUCKETS)
		bucket = HISTOGRAM_BUCKETS - 1;
	shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
	base = (uint64_t)(sub + (bucket & (sub - 1))) << shift;
	return base + (((uint64_t)1 << shift) - 1);
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
	uint64_t total = 0, seen = 0, rank;

	// Not h->count: a histogram merged while it was written may hold a sample more or less.
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += h->buckets[i];
	if (!total)
		return 0;
	if (!(share > 0))
		share = 0;
	if (share > 1)
		share = 1;
	rank = (uint64_t)(share * (double)total);
	if ((double)rank < share * (double)total)
		rank++;
	if (!rank)
		rank = 1;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= rank) {
			uint64_t top = histogram_bucket_top(i);

			// The last bucket also holds what was too large for it.
			return top > h->max || i == HISTOGRAM_BUCKETS - 1 ? h->max : top;
		}
	}
	return h->max;
}
