// SPDX-License-Identifier: BSD-3-Clause
// What the kernel tests share: seeded random values, buffers that end at a forbidden page, the
// activations in double, and one cmocka test for each kernel of a list.
#pragma once

#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"
#include "tests/cmocka.h"

// Seeds from MARTLET_TEST_SEED or the clock, and prints the seed. Call it first in main().
void random_init(void);
uint32_t random_below(uint32_t limit);
float random_float(float low, float high);
void random_fill(float *values, size_t count, float low, float high);

// `bytes` that end where a PROT_NONE page begins; before them stand canary bytes, up to a page. A
// read or write past the end faults, a write before the start is found by guarded_check().
struct guarded {
	void *data;
	uint8_t *map;
	size_t bytes, map_bytes;
};
struct guarded guarded_alloc(size_t bytes);        // filled with canary bytes
void guarded_check(const struct guarded *guarded); // fails the test
void guarded_free(struct guarded *guarded);        // checks, too

#define CANARY 0xa5

// Fails unless got is within `relative` * max(1, |expected|), or both are the same infinity or NaN.
void assert_near(double got, double expected, double relative, const char *what, size_t index);

// libm in double.
double activation_double(const struct act *act, double x);

// Runs `test` once for each entry of a table of kernels; the entry is *state. Returns the count of
// failures.
int kernels_run(const char *group, const struct kernel_table *table, void (*test)(void **state));
// First in such a test: reports it as skipped where this CPU cannot run the kernel.
void skip_where_absent(void *const *state);
#define KERNELS_RUN(group, TABLE, test) kernels_run(group, &TABLE##_TABLE, test)
