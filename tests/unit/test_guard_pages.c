// SPDX-License-Identifier: BSD-3-Clause
// No step reads or writes beyond what it is given: each node of each operator's fixture is planned by
// itself, in batches of many sizes, with rows, outputs, scratch and all that the plan allocates
// ending at pages that may not be touched; as it is, and with each of its inputs in turn made a
// constant, which all rows share. A constant read as if there were one for each row would rather
// be wrong than fault, so that results are compared with those of the plain form as well.
#include "infer/graph/arena.h"
#include "infer/image/image.h"
#include "infer/infer.h"
#include "infer/ops/table.h"
#include "infer/plan/plan.h"
#include "tests/cmocka.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BATCH_MAX 64
#define PAGE      4096
#define BLOCKS    4096

// --- Memory that ends at a page that may not be touched -------------------------------------------

static struct block {
	char *memory;
	size_t bytes;
} blocks[BLOCKS];
static size_t n_blocks;
static bool guards; // are the plan's allocations such blocks?

static void *guarded(size_t bytes, size_t align)
{
	const size_t rounded = (bytes + align - 1) / align * align;
	const size_t whole = (rounded + PAGE - 1) / PAGE * PAGE + PAGE;
	char *memory =
		mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || n_blocks == BLOCKS ||
		mprotect(memory + whole - PAGE, PAGE, PROT_NONE) != 0)
		abort();
	blocks[n_blocks++] = (struct block){ memory, whole };
	return memory + whole - PAGE - rounded;
}

static void forget_blocks(void)
{
	while (n_blocks > 0) {
		n_blocks--;
		munmap(blocks[n_blocks].memory, blocks[n_blocks].bytes);
	}
}

// The linker calls these in place of the arena's own (Makefile).
void *__real_arena_alloc(struct arena *arena, size_t bytes);
void *__wrap_arena_alloc(struct arena *arena, size_t bytes);
void *__wrap_arena_alloc(struct arena *arena, size_t bytes)
{
	return guards ? guarded(bytes ? bytes : 1, 64) : __real_arena_alloc(arena, bytes);
}

void *__real_arena_calloc(struct arena *arena, size_t count, size_t bytes);
void *__wrap_arena_calloc(struct arena *arena, size_t count, size_t bytes);
void *__wrap_arena_calloc(struct arena *arena, size_t count, size_t bytes)
{
	return guards ? guarded(count * bytes + (count * bytes == 0), 64)
		      : __real_arena_calloc(arena, count, bytes);
}

void *__real_arena_memdup(struct arena *arena, const void *data, size_t bytes);
void *__wrap_arena_memdup(struct arena *arena, const void *data, size_t bytes);
void *__wrap_arena_memdup(struct arena *arena, const void *data, size_t bytes)
{
	void *copy;

	if (!guards)
		return __real_arena_memdup(arena, data, bytes);
	copy = guarded(bytes ? bytes : 1, 64);
	if (bytes)
		memcpy(copy, data, bytes);
	return copy;
}

// --- One node -------------------------------------------------------------------------------------

#define TENSORS_MAX 64

// A node as a graph of its own: its inputs, then its outputs.
struct single {
	struct graph graph;
	struct node node;
	struct tensor tensors[TENSORS_MAX];
	uint32_t indices[TENSORS_MAX];
	struct graph_port in[TENSORS_MAX], out[TENSORS_MAX];
	float *constant; // of the input that was made one
};

static uint64_t state = 88172645463325252u;

static float draw(void) // -2 to 2
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (float)(state >> 40) / (float)(1 << 22) - 2.0f;
}

// False: something computed is no float32, which a row cannot hold. `made` is the input that becomes
// a constant, or none.
static bool single_init(
	struct single *s, const struct graph *graph, const struct node *node, uint32_t made)
{
	const uint32_t n_in = node->n_inputs, n = n_in + node->n_outputs;

	memset(s, 0, sizeof(*s));
	if (n > TENSORS_MAX)
		return false;
	s->node = *node;
	s->node.inputs = s->indices;
	s->node.outputs = s->indices + n_in;
	s->graph = (struct graph){ .tensors = s->tensors,
		.nodes = &s->node,
		.n_tensors = n,
		.n_nodes = 1,
		.inputs = s->in,
		.outputs = s->out };
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t t = i < n_in ? node->inputs[i] : node->outputs[i - n_in];
		uint32_t *columns = i < n_in ? &s->graph.n_features : &s->graph.n_columns_out;
		struct graph_port port = { i, *columns };

		s->indices[i] = t == GRAPH_NONE ? GRAPH_NONE : i;
		if (t == GRAPH_NONE)
			continue;
		s->tensors[i] = graph->tensors[t];
		if (s->tensors[i].data)
			continue;
		if (s->tensors[i].dtype != DTYPE_F32 || tensor_elements(&s->tensors[i]) == 0)
			return false;
		if (i == made) {
			const size_t count = (size_t)tensor_elements(&s->tensors[i]);

			s->constant = calloc(count, sizeof(float));
			for (size_t e = 0; e < count; e++)
				s->constant[e] = draw();
			s->tensors[i].data = s->constant;
			continue;
		}
		if (i < n_in)
			s->in[s->graph.n_inputs++] = port;
		else
			s->out[s->graph.n_outputs++] = port;
		*columns += (uint32_t)tensor_elements(&s->tensors[i]);
	}
	return true;
}

// The outputs of one row by the plain form.
static void plain_row(const struct single *s, const float *row, float *outputs)
{
	const struct plain_op *op = op_plain(s->node.op);
	const struct plain plain = { &s->node, s->tensors, s->tensors + s->node.n_inputs,
		s->node.n_inputs, s->node.n_outputs };
	const void *x[TENSORS_MAX] = { 0 };
	void *y[TENSORS_MAX] = { 0 };
	void *scratch = malloc((op->scratch_bytes ? op->scratch_bytes(&plain) : 0) + 1);

	for (uint32_t i = 0; i < s->node.n_inputs; i++)
		x[i] = s->indices[i] == GRAPH_NONE ? NULL : s->tensors[i].data;
	for (uint32_t p = 0; p < s->graph.n_inputs; p++)
		x[s->in[p].tensor] = row + s->in[p].first_column;
	for (uint32_t p = 0; p < s->graph.n_outputs; p++)
		y[s->out[p].tensor - s->node.n_inputs] = outputs + s->out[p].first_column;
	op->run(&plain, x, y, scratch);
	free(scratch);
}

static void check_rows(const struct single *s, const char *path, const float *rows,
	const float *outputs, uint32_t batch)
{
	const uint32_t k = s->graph.n_features, m = s->graph.n_columns_out;
	float *expected = calloc(m, sizeof(*expected));

	for (size_t r = 0; r < batch; r++) {
		plain_row(s, rows + r * k, expected);
		for (size_t c = 0; c < m; c++) {
			const float got = outputs[r * m + c], want = expected[c];

			if ((isnan(want) && isnan(got)) || got == want ||
				fabsf(got - want) <= 1e-3f * fmaxf(1.0f, fabsf(want)))
				continue;
			fail_msg("%s: %s, row %zu of %u, column %zu: %g, should be %g", path,
				op_name(s->node.op), r, batch, c, (double)got, (double)want);
		}
	}
	free(expected);
}

static void run_single(struct single *s, const char *path, unsigned isa_mask)
{
	static const struct model_options OPTIONS = { .no_timing = true };
	const size_t k = s->graph.n_features, m = s->graph.n_columns_out;
	struct arena *arena = arena_create((size_t)1 << 28); // for names
	struct plan plan;
	struct error err;

	guards = true;
	if (plan_build(&plan, &s->graph, arena, isa_mask, &OPTIONS, &err) != 0)
		fail_msg("%s: %s: %s", path, op_name(s->node.op), err.text);
	guards = false;
	for (uint32_t batch = 1; batch <= BATCH_MAX; batch += batch < 17 ? 1 : BATCH_MAX - 17) {
		const uint32_t tile = batch < plan.tile_rows ? batch : plan.tile_rows;
		float *rows = guarded(batch * k * sizeof(float), 4);
		float *outputs = guarded(batch * m * sizeof(float), 4);
		char *scratch = guarded(plan.row_bytes * tile + 1, 64);

		for (size_t i = 0; i < batch * k; i++)
			rows[i] = draw();
		plan_run(&plan, rows, outputs, batch, scratch, tile);
		check_rows(s, path, rows, outputs, batch);
	}
	forget_blocks();
	arena_destroy(arena);
}

static void check_graph(const struct graph *graph, const char *path)
{
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		for (uint32_t made = 0; made <= node->n_inputs; made++) {
			struct single s;

			if (single_init(
				    &s, graph, node, made < node->n_inputs ? made : UINT32_MAX) &&
				(made == node->n_inputs || s.constant)) {
				run_single(&s, path, ISA_SCALAR);
				run_single(&s, path, isa_detected() & (ISA_AVX2 | ISA_NEON));
				run_single(&s, path, isa_detected());
			}
			free(s.constant);
		}
	}
}

static void no_step_leaves_its_memory(void **test)
{
	glob_t paths;

	assert_int_equal(glob("tests/fixtures/operators/models/*.onnx", 0, NULL, &paths), 0);
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		const char *path = paths.gl_pathv[i];
		struct compile_report report;
		struct error err;
		struct graph *graph;
		void *image, *aligned;
		size_t size;

		int rc = model_compile(path, NULL, &image, &size, &report, &err);

		compile_report_fini(&report);
		if (rc != 0)
			continue; // by an option only
		aligned = aligned_alloc(64, (size + 63) / 64 * 64);
		memcpy(aligned, image, size);
		free(image);
		assert_int_equal(image_open(aligned, size, &graph, &err), 0);
		check_graph(graph, path);
		graph_destroy(graph);
		free(aligned);
	}
	assert_true(paths.gl_pathc > 100);
	globfree(&paths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_step_leaves_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
