// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/auth/siphash.h"

#include "infer/infer.h"
#include "tests/cmocka.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LENGTH_MAX 300

// Of the key 00 01 ... 0f and the messages "", 00, 00 01, ...: Appendix A of the paper has the last one of these
// 16, the reference implementation's vectors.h all (github.com/veorq/SipHash, vectors_sip64).
static const uint64_t VECTORS[] = {
	0x726fdb47dd0e0e31,
	0x74f839c593dc67fd,
	0x0d6c8009d9a94f5a,
	0x85676696d7fb7e2d,
	0xcf2794e0277187b7,
	0x18765564cd99a68d,
	0xcbc9466e58fee3ce,
	0xab0200f58b01d137,
	0x93f5f5799a932462,
	0x9e0082df0ba9e4b0,
	0x7a5dbbc594ddb9f3,
	0xf4b32f46226bada7,
	0x751e8fbc860ee5fb,
	0x14ea5627c0843d90,
	0xf723ca908e7af2ee,
	0xa129ca6149be45e5,
};
#define N_VECTORS (sizeof(VECTORS) / sizeof(VECTORS[0]))

static const uint64_t VECTOR_KEY[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

struct kernel {
	const char *name;
	siphash_kernel *run;
	unsigned needs;
};

static const struct kernel KERNELS[] = {
	{ "scalar", siphash_8__scalar, ISA_SCALAR },
#if defined(__x86_64__)
	{ "avx2", siphash_8__avx2, ISA_AVX2 },
	{ "avx512", siphash_8__avx512, ISA_AVX512 },
#endif
};
#define N_KERNELS (sizeof(KERNELS) / sizeof(KERNELS[0]))

static bool kernel_runs(const struct kernel *kernel)
{
	const bool runs = (isa_detected() & kernel->needs) == kernel->needs;

	if (!runs)
		print_message("skipped: this CPU has no %s\n", kernel->name);
	return runs;
}

static void siphash_of_official_vectors(void **state)
{
	uint8_t message[N_VECTORS];

	for (size_t i = 0; i < N_VECTORS; i++) {
		message[i] = (uint8_t)i;
		assert_int_equal(siphash(message, i, VECTOR_KEY), VECTORS[i]);
	}
}

static void kernels_of_official_vectors(void **state)
{
	uint8_t message[N_VECTORS];
	struct siphash_job jobs[N_VECTORS];

	for (size_t i = 0; i < N_VECTORS; i++)
		message[i] = (uint8_t)i;
	for (size_t k = 0; k < N_KERNELS; k++) {
		if (!kernel_runs(&KERNELS[k]))
			continue;
		for (uint32_t i = 0; i < N_VECTORS; i++)
			jobs[i] = (struct siphash_job){ .bytes = message,
				.length = i,
				.key = { VECTOR_KEY[0], VECTOR_KEY[1] } };
		siphash_many(KERNELS[k].run, jobs, N_VECTORS);
		for (size_t i = 0; i < N_VECTORS; i++)
			assert_int_equal(jobs[i].tag, VECTORS[i]);
	}
}

// Libsodium has another implementation of the same.
static void siphash_as_libsodium(void **state)
{
	uint8_t message[LENGTH_MAX];
	uint64_t key[2], tag;

	randombytes_buf(message, sizeof(message));
	randombytes_buf(key, sizeof(key));
	for (size_t i = 0; i <= LENGTH_MAX; i++) {
		crypto_shorthash((uint8_t *)&tag, message, i, (const uint8_t *)key);
		assert_int_equal(siphash(message, i, key), tag);
	}
}

// A page behind which nothing may be read.
static uint8_t *guarded_page(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *at =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at + page, page, PROT_NONE), 0);
	return at;
}

// Messages of all lengths, mixed at random, each with a key of its own and ending at the page's end.
static void kernels_of_mixed_lengths(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const unsigned seed =
		getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)time(NULL);
	uint8_t *pages[SIPHASH_LANES];
	struct siphash_job jobs[SIPHASH_LANES];

	print_message("SEED=%u\n", seed);
	srand(seed);
	for (int i = 0; i < SIPHASH_LANES; i++)
		randombytes_buf(pages[i] = guarded_page(), page);
	for (size_t k = 0; k < N_KERNELS; k++) {
		if (!kernel_runs(&KERNELS[k]))
			continue;
		for (uint32_t run = 0; run < 20 * (LENGTH_MAX + 1); run++) {
			const uint32_t n = 1 + (uint32_t)rand() % SIPHASH_LANES;

			for (uint32_t i = 0; i < n; i++) {
				jobs[i].length = i ? (uint32_t)rand() % (LENGTH_MAX + 1)
						   : run % (LENGTH_MAX + 1);
				jobs[i].bytes = pages[i] + page - jobs[i].length;
				randombytes_buf(jobs[i].key, sizeof(jobs[i].key));
				jobs[i].tag = 0;
			}
			KERNELS[k].run(jobs, n);
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(jobs[i].tag,
					siphash(jobs[i].bytes, jobs[i].length, jobs[i].key));
		}
	}
	for (int i = 0; i < SIPHASH_LANES; i++)
		munmap(pages[i], 2 * page);
}

// Any number of messages, also of those that vectors are not worth it for.
static void many_of_any_number(void **state)
{
	uint8_t message[LENGTH_MAX];
	struct siphash_job jobs[3 * SIPHASH_LANES];

	randombytes_buf(message, sizeof(message));
	for (uint32_t n = 0; n <= 3 * SIPHASH_LANES; n++) {
		for (uint32_t i = 0; i < n; i++)
			jobs[i] = (struct siphash_job){
				.bytes = message, .length = LENGTH_MAX - i, .key = { n, i }
			};
		siphash_many(siphash_pick(isa_detected()), jobs, n);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(
				jobs[i].tag, siphash(message, LENGTH_MAX - i, jobs[i].key));
	}
}

static void pick_by_instruction_set(void **state)
{
	assert_ptr_equal(siphash_pick(ISA_SCALAR), siphash_8__scalar);
#if defined(__x86_64__)
	assert_ptr_equal(siphash_pick(ISA_AVX2), siphash_8__avx2);
	assert_ptr_equal(siphash_pick(ISA_AVX2 | ISA_AVX512), siphash_8__avx512);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_of_official_vectors),
		cmocka_unit_test(kernels_of_official_vectors),
		cmocka_unit_test(siphash_as_libsodium),
		cmocka_unit_test(kernels_of_mixed_lengths),
		cmocka_unit_test(many_of_any_number),
		cmocka_unit_test(pick_by_instruction_set),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
