// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/one_hot.h"

#include "infer/graph/arena.h"
#include "infer/import/build.h"
#include "infer/learn/data/float_store.h"
#include "infer/learn/describe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct one_hot_memory {
	struct float_store store;
	struct arena *names;
};

// A wide column: the feature that it is of, and which category of it; texts NULL: a number.
struct one_hot_column {
	uint32_t feature;
	const struct model_texts *texts;
	uint32_t category;
};

static const struct model_texts *one_hot_texts(const struct dataset *of, uint32_t feature)
{
	for (uint32_t t = 0; t < of->n_texts; t++) {
		if (of->texts[t].feature == feature)
			return &of->texts[t];
	}
	return NULL;
}

// How many columns there are, of which *n_numbers are numbers.
static uint64_t one_hot_count(const struct dataset *of, uint32_t *n_numbers)
{
	uint64_t n = of->n_features - of->n_texts;

	*n_numbers = of->n_features - of->n_texts;
	for (uint32_t t = 0; t < of->n_texts; t++)
		n += of->texts[t].n_texts;
	return n;
}

static void one_hot_list(const struct dataset *of, struct one_hot_column *columns)
{
	uint32_t n = 0;

	for (uint32_t f = 0; f < of->n_features; f++) {
		if (!one_hot_texts(of, f))
			columns[n++] = (struct one_hot_column){ .feature = f };
	}
	for (uint32_t t = 0; t < of->n_texts; t++) {
		for (uint32_t c = 0; c < of->texts[t].n_texts; c++)
			columns[n++] =
				(struct one_hot_column){ of->texts[t].feature, &of->texts[t], c };
	}
}

static int one_hot_name(
	struct one_hot *wide, const struct one_hot_column *columns, struct error *err)
{
	struct one_hot_memory *memory = wide->memory;
	const uint32_t n = wide->set.n_features;
	const char **names = arena_calloc(memory->names, n, sizeof(*names));

	for (uint32_t i = 0; names && i < n; i++) {
		const struct one_hot_column *c = &columns[i];
		char name[512];

		snprintf(name, sizeof(name), "%.200s%s%.200s", wide->of->feature_names[c->feature],
			c->texts ? "=" : "", c->texts ? c->texts->texts[c->category] : "");
		names[i] = arena_strdup(memory->names, name);
		if (!names[i])
			names = NULL;
	}
	wide->set.feature_names = names;
	return names ? 0 : error_set(err, -ENOMEM, "out of memory for %u names", n);
}

static int one_hot_fill(
	struct one_hot *wide, const struct one_hot_column *columns, struct error *err)
{
	struct one_hot_memory *memory = wide->memory;
	const uint32_t n = wide->set.n_features;
	float *row = malloc(n * sizeof(*row));
	int rc = row ? 0 : error_set(err, -ENOMEM, "out of memory for a row of %u columns", n);

	for (size_t r = 0; rc == 0 && r < wide->of->n_rows; r++) {
		const float *x = wide->of->values + r * wide->of->n_features;

		for (uint32_t i = 0; i < n; i++) {
			const struct one_hot_column *c = &columns[i];

			row[i] = !c->texts ? x[c->feature] : x[c->feature] == (float)c->category;
		}
		rc = float_store_add(&memory->store, row, n, err);
	}
	free(row);
	if (rc == 0)
		rc = float_store_done(&memory->store, err);
	wide->set.values = memory->store.values;
	return rc;
}

int one_hot_make(
	struct one_hot *wide, const struct dataset *of, uint32_t memory_mib, struct error *err)
{
	uint32_t n_numbers;
	const uint64_t n = one_hot_count(of, &n_numbers);
	struct one_hot_column *columns;
	struct one_hot_memory *memory;
	int rc;

	*wide = (struct one_hot){ .of = of, .set = *of };
	wide->set.memory = NULL;
	if (of->n_texts == 0)
		return 0;
	if (n > MODEL_FEATURES_MAX)
		return error_set(err, -EFBIG,
			"%s: its categories make %" PRIu64
			" columns, more than %d: leave the column with most of them out, or learn "
			"trees",
			of->path, n, MODEL_FEATURES_MAX);
	wide->set.n_features = (uint32_t)n;
	wide->set.n_texts = 0;
	wide->set.texts = NULL;
	wide->set.n_one_hot = (uint32_t)n - n_numbers;
	memory = calloc(1, sizeof(*memory));
	columns = calloc(n, sizeof(*columns));
	if (memory) {
		float_store_init(&memory->store,
			(size_t)(memory_mib ? memory_mib : DATASET_MEMORY_MIB) << 20);
		memory->names = arena_create((size_t)64 << 20);
	}
	wide->memory = memory;
	if (!memory || !memory->names || !columns) {
		rc = error_set(err, -ENOMEM, "out of memory for %" PRIu64 " columns", n);
	} else {
		one_hot_list(of, columns);
		rc = one_hot_name(wide, columns, err);
		if (rc == 0)
			rc = one_hot_fill(wide, columns, err);
	}
	free(columns);
	return rc;
}

void one_hot_fini(struct one_hot *wide)
{
	struct one_hot_memory *memory = wide->memory;

	if (memory) {
		float_store_fini(&memory->store);
		arena_destroy(memory->names);
	}
	free(memory);
	*wide = (struct one_hot){ 0 };
}

// --- The operators that do the same -----------------------------------------------------------------

// The wide row's columns of a row x, [1, n], as the operators make them: in two parts, numbers and categories;
// GRAPH_NONE for a part that is empty.
static int one_hot_emit(struct graph *graph, const struct dataset *of, uint32_t x,
	const struct one_hot_column *columns, uint32_t n, uint32_t parts[2], struct error *err)
{
	const uint32_t n_numbers = of->n_features - of->n_texts, n_hot = n - n_numbers;
	uint32_t *index = calloc(n, sizeof(*index));
	const int64_t dims[2] = { 1, n_hot };
	float *category;
	uint32_t codes;

	if (!index)
		return error_set(err, -ENOMEM, "out of memory for %u columns", n);
	for (uint32_t i = 0; i < n; i++)
		index[i] = columns[i].feature;
	parts[0] = n_numbers > 0 ? build_columns(graph, x, n_numbers, index, err) : GRAPH_NONE;
	codes = build_constant(graph, 2, dims, &category, err);
	for (uint32_t i = 0; codes != GRAPH_NONE && i < n_hot; i++)
		category[i] = (float)columns[n_numbers + i].category;
	parts[1] = build_columns(graph, x, n_hot, index + n_numbers, err);
	parts[1] = build_cast(
		graph, build_pair(graph, OP_EQUAL, parts[1], codes, err), DTYPE_F32, err);
	free(index);
	return parts[1] == GRAPH_NONE || (n_numbers > 0 && parts[0] == GRAPH_NONE) ? err->code : 0;
}

static int one_hot_front(struct graph *graph, const struct dataset *of,
	const struct one_hot_column *columns, struct error *err)
{
	const uint32_t wide = graph->inputs[0].tensor, n_wide = graph->n_features;
	const uint32_t first = graph->n_nodes;
	uint32_t parts[2], x, node;
	int rc;

	graph->tensors[wide].name = "columns";
	x = build_input(graph, of->n_features, NULL, err);
	if (x == GRAPH_NONE)
		return err->code;
	rc = one_hot_emit(graph, of, x, columns, n_wide, parts, err);
	if (rc != 0)
		return rc;
	node = graph_add_node(graph, OP_CONCAT, "columns", parts[0] == GRAPH_NONE ? 1 : 2,
		parts[0] == GRAPH_NONE ? parts + 1 : parts, 1, &wide, err);
	if (node == GRAPH_NONE)
		return err->code;
	if (node_set_int(graph, &graph->nodes[node], ATTR_AXIS, -1) != 0)
		return error_set(err, -ENOMEM, "out of memory for the model");
	rc = build_to_front(graph, first, err);
	return rc != 0 ? rc : describe_features(graph, of, err);
}

int one_hot_graph(struct graph *graph, const struct dataset *of, struct error *err)
{
	uint32_t n_numbers;
	const uint64_t n = one_hot_count(of, &n_numbers);
	struct one_hot_column *columns;
	int rc;

	if (of->n_texts == 0)
		return 0;
	if (graph->n_inputs != 1 || graph->n_features != n)
		return error_set(err, -EINVAL, "the model takes %u columns, should be %" PRIu64,
			graph->n_features, n);
	columns = calloc(n, sizeof(*columns));
	if (!columns)
		return error_set(err, -ENOMEM, "out of memory for %" PRIu64 " columns", n);
	one_hot_list(of, columns);
	rc = one_hot_front(graph, of, columns, err);
	free(columns);
	return rc;
}
