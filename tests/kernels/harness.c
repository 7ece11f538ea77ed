// SPDX-License-Identifier: BSD-3-Clause
#include "tests/kernels/harness.h"
#include "infer/graph/act.h"
#include "infer/kernels/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint64_t random_state;

void random_init(void)
{
	const char *given = getenv("MARTLET_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	printf("# MARTLET_TEST_SEED=%llu\n", (unsigned long long)seed);
	random_state = seed * 0x9e3779b97f4a7c15u + 1;
}

// Marsaglia's xorshift64, its upper half.
static uint32_t random_bits(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

uint32_t random_below(uint32_t limit)
{
	return (uint32_t)((uint64_t)random_bits() * limit >> 32);
}

float random_float(float low, float high)
{
	return low + (high - low) * ((float)(random_bits() >> 8) * 0x1p-24f);
}

void random_fill(float *values, size_t count, float low, float high)
{
	for (size_t i = 0; i < count; i++)
		values[i] = random_float(low, high);
}

struct guarded guarded_alloc(size_t bytes)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct guarded g = { .bytes = bytes };

	g.map_bytes = (bytes + page) / page * page + page;
	g.map = mmap(NULL, g.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(g.map != MAP_FAILED);
	memset(g.map, CANARY, g.map_bytes - page);
	assert_int_equal(mprotect(g.map + g.map_bytes - page, page, PROT_NONE), 0);
	g.data = g.map + g.map_bytes - page - bytes;
	return g;
}

void guarded_check(const struct guarded *guarded)
{
	for (const uint8_t *p = guarded->map; p < (const uint8_t *)guarded->data; p++)
		if (*p != CANARY)
			fail_msg("wrote %td bytes before the start",
				(const uint8_t *)guarded->data - p);
}

void guarded_free(struct guarded *guarded)
{
	guarded_check(guarded);
	munmap(guarded->map, guarded->map_bytes);
}

void assert_near(double got, double expected, double relative, const char *what, size_t index)
{
	double magnitude = fabs(expected) > 1.0 ? fabs(expected) : 1.0;

	if (isnan(expected) ? isnan(got)
			    : got == expected || fabs(got - expected) <= relative * magnitude)
		return;
	fail_msg("%s: value %zu is %.9g, expected %.9g", what, index, got, expected);
}

double activation_double(const struct act *act, double x)
{
	double alpha = act->alpha, beta = act->beta, linear;

	switch (act->kind) {
	case ACTIVATION_RELU:
		return x < 0.0 ? 0.0 : x;
	case ACTIVATION_LEAKY_RELU:
		return x < 0.0 ? alpha * x : x;
	case ACTIVATION_CLIP:
		return x < alpha ? alpha : x > beta ? beta : x;
	case ACTIVATION_SIGMOID:
		return 1.0 / (1.0 + exp(-x));
	case ACTIVATION_TANH:
		return tanh(x);
	case ACTIVATION_HARD_SIGMOID:
		linear = alpha * x + beta;
		return linear < 0.0 ? 0.0 : linear > 1.0 ? 1.0 : linear;
	case ACTIVATION_ELU:
		return x < 0.0 ? alpha * expm1(x) : x;
	case ACTIVATION_SELU:
		return beta * (x < 0.0 ? alpha * expm1(x) : x);
	case ACTIVATION_SOFTPLUS:
		return x > 30.0 ? x + exp(-x) : log1p(exp(x));
	case ACTIVATION_SOFTSIGN:
		return x / (1.0 + fabs(x));
	case ACTIVATION_GELU:
		return x * 0.5 * erfc(-x * M_SQRT1_2);
	case ACTIVATION_GELU_TANH:
		return x / (1.0 + exp(-2.0 * sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
	default:
		return x;
	}
}

void skip_where_absent(void *const *state)
{
	const struct kernel *kernel = *state;

	if (!kernel_allowed(kernel->isa, isa_detected()))
		skip(); // this CPU lacks it
}

int kernels_run(const char *group, const struct kernel_table *table, void (*test)(void **state))
{
	struct CMUnitTest *tests = calloc(table->count, sizeof(*tests));
	int failures;

	if (!tests)
		return 1;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct kernel *kernel = kernel_at(table, i);

		tests[i] = (struct CMUnitTest){
			.name = kernel->name,
			.test_func = test,
			.initial_state = (void *)(uintptr_t)kernel,
		};
	}
	failures = _cmocka_run_group_tests(group, tests, table->count, NULL, NULL);
	free(tests);
	return failures;
}
