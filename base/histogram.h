// SPDX-License-Identifier: BSD-3-Clause
// A log-linear latency histogram: 32 linear buckets per power of two, so a value is known to about
// 3 %. From 0 to 2^40 - 1 (18 minutes in ns); larger values count in the last bucket. One writer,
// no atomics; readers may merge while it is written and see a count or two missing.
// The idea is HdrHistogram's (hdrhistogram.org); the code is ours.
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 5
#define HISTOGRAM_MAX_BITS 40
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t min; // UINT64_MAX while empty
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline uint32_t histogram_bucket(uint64_t value)
{
	const uint64_t top = ((uint64_t)1 << HISTOGRAM_MAX_BITS) - 1;
	uint32_t shift;

	if (value > top)
		value = top;
	if (value < (1u << HISTOGRAM_SUB_BITS))
		return (uint32_t)value;
	shift = 63u - (uint32_t)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return ((shift + 1) << HISTOGRAM_SUB_BITS) +
		(uint32_t)((value >> shift) & ((1u << HISTOGRAM_SUB_BITS) - 1));
}

// `n` samples of one value.
static inline void histogram_record_many(struct histogram *h, uint64_t value, uint32_t n)
{
	h->buckets[histogram_bucket(value)] += n;
	h->count += n;
	h->sum += value * n;
	if (value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
}

static inline void histogram_record(struct histogram *h, uint64_t value)
{
	histogram_record_many(h, value, 1);
}

void histogram_reset(struct histogram *h);
void histogram_merge(struct histogram *into, const struct histogram *from);
// Largest value of bucket `bucket`.
uint64_t histogram_bucket_top(uint32_t bucket);
// The value that `share` (0..1) of the samples do not exceed; 0 while empty; never above max.
uint64_t histogram_percentile(const struct histogram *h, double share);
