// SPDX-License-Identifier: BSD-3-Clause
// What scoring promises, for every instruction set and with every dense kernel taking its turn in
// the plan: it neither calls the kernel (a process that may do nothing but write and exit survives
// it) nor allocates, and threads that score at once get, bit for bit, what one alone gets.
#include "infer/graph/arena.h"
#include "infer/kernels/kernels.h"
#include "infer/kernels/product/dense.h"
#include "infer/plan/choose/dense.h"
#include "infer/plan/plan.h"
#include "infer/plan/step.h"
#include "tests/kernels/harness.h"
#include "tests/unit/graph_build.h"

#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS  8
#define ROWS    256

static const uint32_t SMALL[] = { 41, 64, 32, 5 }, WIDE[] = { 120, 200, 65, 17 };

// --- Counting allocations ------------------------------------------------------------------------

static atomic_int allocations;

#ifdef __SANITIZE_ADDRESS__
// Of sanitizer/allocator_interface.h, which Debian packages with clang only.
int __sanitizer_install_malloc_and_free_hooks(
	void (*on_malloc)(const volatile void *block, size_t bytes),
	void (*on_free)(const volatile void *block));

static void count_malloc(const volatile void *block, size_t bytes)
{
	allocations++;
}

static void count_free(const volatile void *block)
{
	allocations++;
}

static void allocations_count(void)
{
	__sanitizer_install_malloc_and_free_hooks(count_malloc, count_free);
}
#else // the C library's own names for what stands behind malloc()
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

void *malloc(size_t bytes)
{
	allocations++;
	return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	allocations++;
	return __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
	allocations++;
	return __libc_realloc(block, bytes);
}

static void allocations_count(void)
{
}
#endif

// --- A model with each kernel --------------------------------------------------------------------

struct scored {
	struct arena *arena;
	struct plan plan;
	float *rows, *expected; // [ROWS][features], [ROWS][outputs]
};

// All dense layers by `kernel`, whatever timing would choose.
static void force(struct plan *plan, const struct dense_kernel *kernel, struct graph *graph)
{
	for (uint32_t s = 0; s < plan->n_steps; s++) {
		struct dense_choice *choice =
			(struct dense_choice *)(uintptr_t)plan->steps[s].choice;
		const struct node *node = &graph->nodes[s]; // a step each, in this order
		void *packed;

		if (!choice)
			continue;
		packed = arena_alloc(
			plan->arena, kernel->packed_bytes(choice->dense.k, choice->dense.n));
		assert_non_null(packed);
		kernel->pack(packed, graph->tensors[node->inputs[1]].data,
			graph->tensors[node->inputs[2]].data, choice->dense.k, choice->dense.n);
		for (int c = 0; c < MODEL_BATCH_CLASSES; c++) {
			choice[c].run = kernel->run;
			choice[c].dense.packed = packed;
		}
	}
}

static void *scratch_of(const struct plan *plan)
{
	void *scratch = aligned_alloc(64, (plan->row_bytes * ROWS + 127) & ~(size_t)63);

	assert_non_null(scratch);
	return scratch;
}

static struct scored scored_init(const uint32_t *sizes, const struct dense_kernel *kernel)
{
	struct graph *graph = graph_mlp(4, sizes, true, 7);
	struct scored scored = { .arena = arena_create((size_t)64 << 20) };
	struct error err = { .text = "" };
	void *scratch;

	assert_non_null(scored.arena);
	if (plan_build(&scored.plan, graph, scored.arena, kernel->isa,
		    &(struct model_options){ .no_timing = true }, &err) != 0)
		fail_msg("%s", err.text);
	force(&scored.plan, kernel, graph);
	graph_destroy(graph);
	scored.rows = malloc(ROWS * sizes[0] * sizeof(float));
	scored.expected = malloc(ROWS * sizes[3] * sizeof(float));
	scratch = scratch_of(&scored.plan);
	assert_true(scored.rows && scored.expected);
	random_fill(scored.rows, (size_t)ROWS * sizes[0], -2.0f, 2.0f);
	plan_run(&scored.plan, scored.rows, scored.expected, ROWS, scratch, ROWS);
	free(scratch);
	return scored;
}

static void scored_fini(struct scored *scored)
{
	free(scored->rows);
	free(scored->expected);
	arena_destroy(scored->arena);
}

// --- Neither the kernel nor the allocator --------------------------------------------------------

static const uint32_t BATCHES[] = { 1, 5, 16, 64, 256 };
#define FOR_EACH_BATCH(batch)                                                                      \
	for (const uint32_t *batch = BATCHES;                                                      \
		batch < BATCHES + sizeof(BATCHES) / sizeof(*BATCHES); batch++)

// In a process that dies at any system call but read, write and exit. Never returns.
static void score_alone(const struct scored *scored, float *outputs, void *scratch)
{
	long status = 2;
	int before;

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0) {
		before = allocations;
		FOR_EACH_BATCH(batch)
		plan_run(&scored->plan, scored->rows, outputs, *batch, scratch, ROWS);
		status = allocations != before;
	}
	syscall(SYS_exit, status);
}

static void scores_without_calls(const uint32_t *sizes, const struct dense_kernel *kernel)
{
	struct scored scored = scored_init(sizes, kernel);
	float *outputs = malloc(ROWS * sizes[3] * sizeof(float));
	void *scratch = scratch_of(&scored.plan);
	pid_t child;
	int status;

	assert_non_null(outputs);
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		score_alone(&scored, outputs, scratch);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		fail_msg("%s: scoring called the kernel", kernel->name);
	if (WEXITSTATUS(status) == 2) {
		ARM(print_message("an emulator has no seccomp\n"); skip();)
		fail_msg("no seccomp in this kernel");
	}
	if (WEXITSTATUS(status) != 0)
		fail_msg("%s: scoring allocated memory", kernel->name);
	free(outputs);
	free(scratch);
	scored_fini(&scored);
}

static void no_calls(void **state)
{
	skip_where_absent(state);
	scores_without_calls(SMALL, *state);
	scores_without_calls(WIDE, *state);
}

// --- Threads -------------------------------------------------------------------------------------

struct worker {
	const struct scored *scored;
	int rounds;
	size_t differences;
};

static void *worker_run(void *argument)
{
	struct worker *worker = argument;
	const struct plan *plan = &worker->scored->plan;
	const size_t bytes = (size_t)ROWS * plan->n_columns_out * sizeof(float);
	float *outputs = malloc(bytes);
	void *scratch = scratch_of(plan);

	assert_non_null(outputs);
	for (int round = 0; round < worker->rounds; round++) {
		memset(outputs, 0xff, bytes);
		plan_run(plan, worker->scored->rows, outputs, ROWS, scratch, ROWS);
		worker->differences += memcmp(outputs, worker->scored->expected, bytes) != 0;
	}
	free(outputs);
	free(scratch);
	return NULL;
}

static void threads_agree(void **state)
{
	const struct dense_kernel *kernel = *state;
	const int rounds = kernel->isa == ISA_SCALAR ? 2 : ROUNDS; // it is slow
	struct scored scored;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	skip_where_absent(state);
	scored = scored_init(WIDE, kernel);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .scored = &scored, .rounds = rounds };
		assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(workers[i].differences, 0);
	scored_fini(&scored);
}

int main(void)
{
	int failures;

	random_init();
	allocations_count();
	failures = KERNELS_RUN("scoring_calls_nothing", DENSE, no_calls);
	return failures + KERNELS_RUN("threads_get_the_same", DENSE, threads_agree);
}
