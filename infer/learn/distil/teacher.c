// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/distil/teacher.h"

#include "base/align.h"
#include "base/random.h"
#include "infer/compile/load.h"
#include "infer/graph/trees.h"
#include "infer/learn/data/fill.h"
#include "infer/learn/distil/scaling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DRAW_FEATURES 4  // one of so many moves
#define DRAW_ANYWHERE 16 // one of so many of these moves anywhere
#define DRAW_FAR      8  // cells that a near one is away at most

// --- Cells ----------------------------------------------------------------------------------------

struct edges { // what trees compare a feature with
	float *values;
	size_t n, capacity;
	bool members;
};

static int edges_add(struct edges *edges, float value, struct error *err)
{
	if (!isfinite(value))
		return 0;
	if (edges->n == edges->capacity) {
		const size_t capacity = edges->capacity ? 2 * edges->capacity : 64;
		float *values = realloc(edges->values, capacity * sizeof(*values));

		if (!values)
			return error_set(err, -ENOMEM, "out of memory for the thresholds of trees");
		edges->values = values;
		edges->capacity = capacity;
	}
	edges->values[edges->n++] = value;
	return 0;
}

// The members of the set that a branch of feature `f` asks for.
static int edges_add_set(struct edges *edges, const struct trees *t, uint32_t branch,
	const struct scaling *scaling, struct error *err)
{
	const uint32_t f = (uint32_t)t->feature[branch];
	const int32_t first = t->set_first[t->set[branch]];
	const uint32_t words = (uint32_t)(t->set_first[t->set[branch] + 1] - first);
	int rc = 0;

	edges->members = true;
	for (uint32_t w = 0; w < words && rc == 0; w++) {
		const uint32_t word = t->set_words[(uint32_t)first + w];
		float value;

		if (t->kind[branch] & TREE_SET_FLOATS) {
			memcpy(&value, &word, sizeof(value));
			rc = edges_add(edges, scaling_back(scaling, f, value), err);
			continue;
		}
		for (uint32_t bit = 0; bit < 32 && rc == 0; bit++)
			if (word >> bit & 1)
				rc = edges_add(edges,
					scaling_back(scaling, f, (float)(w * 32 + bit)), err);
	}
	return rc;
}

static int edges_of_trees(struct edges *edges, const struct trees *t, const struct scaling *scaling,
	struct error *err)
{
	int rc = 0;

	for (uint32_t b = 0; b < t->n_branches && rc == 0; b++) {
		const uint8_t test = t->kind[b] & TREE_TEST_BITS;
		struct edges *of = &edges[t->feature[b]];

		if (test == TREE_IN_SET) {
			rc = edges_add_set(of, t, b, scaling, err);
			continue;
		}
		of->members = of->members || test == TREE_EQUAL;
		rc = edges_add(
			of, scaling_back(scaling, (uint32_t)t->feature[b], t->threshold[b]), err);
	}
	return rc;
}

static int compare_floats(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void edges_sort(struct edges *edges)
{
	size_t kept = 0;

	if (edges->n == 0)
		return;
	qsort(edges->values, edges->n, sizeof(*edges->values), compare_floats);
	for (size_t i = 0; i < edges->n; i++)
		if (kept == 0 || edges->values[kept - 1] != edges->values[i])
			edges->values[kept++] = edges->values[i];
	edges->n = kept;
}

// Outer cells have no middle: their values are as far from the last threshold as the next to last one is.
static float cell_value(const struct edges *edges, size_t cell)
{
	const float *at = edges->values;
	const size_t n = edges->n;
	const float low = cell == 0 ? (n > 1 ? 2 * at[0] - at[1] : at[0] - 1) : at[cell - 1];
	const float high = cell < n ? at[cell] : n > 1 ? 2 * at[n - 1] - at[n - 2] : at[0] + 1;
	const float middle = low + (high - low) / 2;

	if (cell == 0)
		return isfinite(low) && low < high ? low : high;
	if (cell == n)
		return isfinite(high) ? high : low;
	return middle < high && middle >= low ? middle : low; // x < threshold is what is asked
}

static int cells_of_edges(struct teacher_cells *cells, const struct edges *edges, struct error *err)
{
	if (edges->n == 0)
		return 0;
	cells->n = (uint32_t)edges->n + !edges->members;
	cells->members = edges->members;
	cells->values = malloc(cells->n * sizeof(*cells->values));
	cells->upper = malloc(edges->n * sizeof(*cells->upper));
	if (!cells->values || !cells->upper)
		return error_set(err, -ENOMEM, "out of memory for the thresholds of trees");
	memcpy(cells->upper, edges->values, edges->n * sizeof(*cells->upper));
	for (uint32_t c = 0; c < cells->n; c++)
		cells->values[c] = edges->members ? edges->values[c] : cell_value(edges, c);
	return 0;
}

// Of the trees that read the rows as they come in, or each feature of them scaled.
static int teacher_find_edges(
	struct teacher *teacher, const struct graph *graph, struct edges *edges, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < graph->n_nodes && rc == 0; i++) {
		const struct node *node = &graph->nodes[i];
		struct scaling scaling;
		struct trees trees;

		if (node->op != OP_TREES)
			continue;
		rc = scaling_of(graph, node->inputs[TREES_X], &scaling, err);
		if (rc == 0 && scaling.is) {
			trees_of_node(graph, node, &trees);
			teacher->trees += trees.n_trees;
			rc = edges_of_trees(edges, &trees, &scaling, err);
		}
		scaling_fini(&scaling);
	}
	return rc;
}

static int teacher_find_cells(struct teacher *teacher, const struct graph *graph, struct error *err)
{
	const uint32_t n = graph->n_features;
	struct edges *edges = calloc(n + 1u, sizeof(*edges));
	int rc;

	teacher->cells = calloc(n + 1u, sizeof(*teacher->cells));
	if (!edges || !teacher->cells)
		rc = error_set(err, -ENOMEM, "out of memory for %u features", n);
	else
		rc = teacher_find_edges(teacher, graph, edges, err);
	for (uint32_t f = 0; f < n && rc == 0; f++) {
		edges_sort(&edges[f]);
		rc = cells_of_edges(&teacher->cells[f], &edges[f], err);
	}
	for (uint32_t f = 0; f < n && edges; f++)
		free(edges[f].values);
	free(edges);
	return rc;
}

// --- The model --------------------------------------------------------------------------------------

static int teacher_open_model(const char *path, bool is_image,
	const struct compile_options *options, struct teacher *teacher, struct error *err)
{
	void *image = NULL;
	size_t size;
	int rc;

	if (is_image)
		return model_open_file(path, NULL, &teacher->model, err);
	rc = model_compile(path, options, &image, &size, NULL, err);
	if (rc == 0)
		rc = model_open(image, size, NULL, &teacher->model, err);
	free(image);
	return rc;
}

// What scoring needs of an open model.
static int teacher_prepare(struct teacher *teacher, struct error *err)
{
	teacher->info = model_info(teacher->model);
	teacher->bytes = teacher->info->image_bytes;
	teacher->scratch = aligned_alloc(
		64, align_up(model_scratch_bytes(teacher->model, MODEL_BATCH_MAX) + 1, 64));
	return teacher->scratch ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int teacher_open_image(const void *image, size_t size, struct teacher *teacher, struct error *err)
{
	int rc;

	*teacher = (struct teacher){ 0 };
	rc = model_open(image, size, NULL, &teacher->model, err);
	if (rc == 0)
		rc = teacher_prepare(teacher, err);
	if (rc != 0)
		teacher_close(teacher);
	return rc;
}

static int teacher_find_fill(struct teacher *teacher, const struct graph *graph, struct error *err)
{
	const float *fill = fill_of_graph(graph);
	const size_t bytes = graph->n_features * sizeof(*fill);

	if (!fill)
		return 0;
	teacher->fill = malloc(bytes);
	if (!teacher->fill)
		return error_set(err, -ENOMEM, "out of memory for %u features", graph->n_features);
	memcpy(teacher->fill, fill, bytes);
	return 0;
}

int teacher_open(const char *path, const struct compile_options *options, struct teacher *teacher,
	struct error *err)
{
	struct loaded_graph loaded;
	int rc = graph_load(path, options, &loaded, NULL, err);

	*teacher = (struct teacher){ 0 };
	if (rc != 0)
		return rc;
	rc = teacher_open_model(path, loaded.is_image, options, teacher, err);
	if (rc == 0)
		rc = teacher_prepare(teacher, err);
	if (rc == 0)
		rc = teacher_find_cells(teacher, loaded.graph, err);
	if (rc == 0)
		rc = teacher_find_fill(teacher, loaded.graph, err);
	memcpy(teacher->sha256, loaded.sha256, sizeof(teacher->sha256));
	graph_unload(&loaded);
	if (rc != 0)
		teacher_close(teacher);
	return rc;
}

void teacher_close(struct teacher *teacher)
{
	for (uint32_t f = 0; teacher->cells && f < teacher->info->n_features; f++) {
		free(teacher->cells[f].values);
		free(teacher->cells[f].upper);
	}
	free(teacher->cells);
	free(teacher->fill);
	free(teacher->scratch);
	model_close(teacher->model);
	*teacher = (struct teacher){ 0 };
}

void teacher_score(const struct teacher *teacher, const float *rows, size_t n, float *scores)
{
	const struct model_info *info = teacher->info;

	for (size_t r = 0; r < n; r += MODEL_BATCH_MAX)
		model_score(teacher->model, rows + r * info->n_features,
			scores + r * info->n_outputs,
			(uint32_t)(n - r < MODEL_BATCH_MAX ? n - r : MODEL_BATCH_MAX),
			teacher->scratch, MODEL_BATCH_MAX);
}

// --- Rows between thresholds ----------------------------------------------------------------------

static uint32_t draw_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((random_next(state) >> 32) * n >> 32);
}

// The cell that x lies in; a missing one lies in the first.
static uint32_t cell_of(const struct teacher_cells *cells, float x)
{
	uint32_t low = 0, high = cells->n - 1;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (x >= cells->upper[middle])
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static float draw_value(const struct teacher_cells *cells, float x, uint64_t *state)
{
	uint32_t cell, by = 1;

	if (cells->members || draw_below(state, DRAW_ANYWHERE) == 0)
		return cells->values[draw_below(state, cells->n)];
	cell = cell_of(cells, x);
	while (by < DRAW_FAR && draw_below(state, 2) == 0)
		by++;
	if (draw_below(state, 2) == 0)
		cell = cell > by ? cell - by : 0;
	else
		cell = cell + by < cells->n ? cell + by : cells->n - 1;
	return cells->values[cell];
}

void teacher_draw(const struct teacher *teacher, const float *row, uint64_t *state, float *drawn)
{
	for (uint32_t f = 0; f < teacher->info->n_features; f++) {
		const struct teacher_cells *cells = &teacher->cells[f];

		drawn[f] = row[f];
		if (cells->n > 0 && draw_below(state, DRAW_FEATURES) == 0)
			drawn[f] = draw_value(cells, row[f], state);
	}
}
