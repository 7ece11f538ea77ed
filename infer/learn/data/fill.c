// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/fill.h"

#include "infer/import/build.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FILL_NODES 2 // IsNaN(x); Where(that, values, x)

const char *const FILL_NAMES[] = {
	[FILL_NONE] = "refuse",
	[FILL_MEAN] = "mean",
	[FILL_MEDIAN] = "median",
};

// --- What is put there ---------------------------------------------------------------------------

static int compare_floats(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static float fill_mean(const float *values, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)values[i];
	return (float)(sum / (double)n);
}

static float fill_median(float *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_floats);
	return (float)(((double)values[(n - 1) / 2] + (double)values[n / 2]) / 2);
}

static const struct model_texts *fill_texts(const struct dataset *set, uint32_t feature)
{
	for (uint32_t t = 0; t < set->n_texts; t++) {
		if (set->texts[t].feature == feature)
			return &set->texts[t];
	}
	return NULL;
}

// The values that the part's rows have of a feature, [part->n] at most.
static size_t fill_gather(const struct dataset_part *part, uint32_t feature, float *column)
{
	size_t n = 0;

	for (size_t i = 0; i < part->n; i++) {
		const float x =
			part->set->values[(size_t)part->index[i] * part->set->n_features + feature];

		if (!isnan(x))
			column[n++] = x;
	}
	return n;
}

int fill_learn(const struct dataset_part *part, enum fill how, float **values, struct error *err)
{
	const struct dataset *set = part->set;
	float *column = malloc((part->n + 1) * sizeof(*column));
	int rc = 0;

	*values = malloc((set->n_features + 1ull) * sizeof(**values));
	if (!column || !*values)
		rc = error_set(err, -ENOMEM, "out of memory for %zu values", part->n);
	for (uint32_t f = 0; f < set->n_features && rc == 0; f++) {
		const struct model_texts *texts = fill_texts(set, f);
		const size_t n = fill_gather(part, f, column);

		if (texts)
			(*values)[f] = (float)texts->n_texts;
		else if (n == 0)
			rc = error_set(err, -EINVAL,
				"%s: %s is missing in all rows that are learnt from, so that it "
				"has no "
				"%s: --drop leaves it out",
				set->path, set->feature_names[f], FILL_NAMES[how]);
		else
			(*values)[f] =
				how == FILL_MEAN ? fill_mean(column, n) : fill_median(column, n);
	}
	free(column);
	if (rc != 0) {
		free(*values);
		*values = NULL;
	}
	return rc;
}

// --- Rows ----------------------------------------------------------------------------------------

// The rows belong to the set, whose readers may not change them.
static float *fill_writable(struct dataset *set)
{
	return (float *)(uintptr_t)set->values;
}

static int fill_note(struct fill_places *places, uint64_t at, struct error *err)
{
	if (places->n == places->capacity) {
		const size_t capacity = places->capacity ? 2 * places->capacity : 256;
		uint64_t *grown = realloc(places->at, capacity * sizeof(*grown));

		if (!grown)
			return error_set(err, -ENOMEM, "out of memory for missing values");
		places->at = grown;
		places->capacity = capacity;
	}
	places->at[places->n++] = at;
	return 0;
}

static int fill_find(const struct dataset *set, struct fill_places *places, struct error *err)
{
	const uint64_t n = (uint64_t)set->n_rows * set->n_features;
	bool *has = calloc(set->n_features + 1ull, sizeof(*has));
	int rc = has ? 0 : error_set(err, -ENOMEM, "out of memory for missing values");

	for (uint64_t i = 0; i < n && rc == 0; i++) {
		if (isinf(set->values[i]))
			rc = error_set(err, -EDOM,
				"row %" PRIu64 ", feature %" PRIu64
				": the value is infinite, which is none to learn or to judge from: "
				"leave the row out",
				i / set->n_features + 1, i % set->n_features + 1);
		if (rc != 0 || !isnan(set->values[i]))
			continue;
		rc = fill_note(places, i, err);
		has[i % set->n_features] = true;
	}
	for (uint32_t f = 0; rc == 0 && f < set->n_features; f++)
		places->n_features += has[f];
	free(has);
	return rc;
}

int fill_rows(
	struct dataset *set, const float *values, struct fill_places *places, struct error *err)
{
	struct fill_places found = { 0 };
	int rc = fill_find(set, &found, err);

	for (size_t i = 0; i < found.n && rc == 0; i++)
		fill_writable(set)[found.at[i]] = values[found.at[i] % set->n_features];
	if (rc == 0 && places)
		*places = found;
	else
		fill_places_fini(&found);
	return rc;
}

void fill_undo(struct dataset *set, const struct fill_places *places)
{
	for (size_t i = 0; i < places->n; i++)
		fill_writable(set)[places->at[i]] = NAN;
}

void fill_places_fini(struct fill_places *places)
{
	free(places->at);
	*places = (struct fill_places){ 0 };
}

// --- A graph -------------------------------------------------------------------------------------

int fill_graph(struct graph *graph, const float *values, struct error *err)
{
	const uint32_t n = graph->n_features, first = graph->n_nodes;
	const int64_t dims[2] = { 1, n };
	uint32_t before, x, inputs[3], where;
	float *data;

	if (graph->n_inputs != 1)
		return error_set(
			err, -EINVAL, "the model has %u inputs, should have one", graph->n_inputs);
	before = graph->inputs[0].tensor;
	graph->tensors[before].name = "filled";
	x = build_input(graph, n, graph->feature_names, err);
	if (x == GRAPH_NONE)
		return err->code;
	inputs[0] = graph_add_tensor(graph, "is_missing", DTYPE_BOOL, 2, dims, NULL, err);
	inputs[1] = build_constant(graph, 2, dims, &data, err);
	inputs[2] = x;
	if (inputs[0] == GRAPH_NONE || inputs[1] == GRAPH_NONE)
		return err->code;
	memcpy(data, values, n * sizeof(*data));
	if (graph_add_node(graph, OP_IS_NAN, "is_missing", 1, &x, 1, &inputs[0], err) == GRAPH_NONE)
		return err->code;
	where = graph_add_node(graph, OP_WHERE, "filled", 3, inputs, 1, &before, err);
	if (where == GRAPH_NONE)
		return err->code;
	graph->accepts_missing = true;
	return build_to_front(graph, first, err);
}

uint32_t fill_front(const struct graph *graph, uint32_t *tensor)
{
	const struct node *found, *where;
	const struct tensor *values;

	if (graph->n_inputs != 1 || graph->n_nodes < FILL_NODES)
		return 0;
	found = &graph->nodes[0];
	where = &graph->nodes[1];
	if (found->op != OP_IS_NAN || found->inputs[0] != graph->inputs[0].tensor ||
		where->op != OP_WHERE || where->inputs[0] != found->outputs[0] ||
		where->inputs[2] != graph->inputs[0].tensor || where->inputs[1] == GRAPH_NONE)
		return 0;
	values = &graph->tensors[where->inputs[1]];
	if (!values->data || values->dtype != DTYPE_F32 ||
		tensor_elements(values) != graph->n_features)
		return 0;
	for (uint32_t n = FILL_NODES; n < graph->n_nodes; n++) {
		for (uint32_t i = 0; i < graph->nodes[n].n_inputs; i++) {
			if (graph->nodes[n].inputs[i] == graph->inputs[0].tensor)
				return 0; // something else looks at what is missing
		}
	}
	*tensor = where->outputs[0];
	return FILL_NODES;
}

const float *fill_of_graph(const struct graph *graph)
{
	uint32_t tensor;

	return fill_front(graph, &tensor) > 0 ? graph->tensors[graph->nodes[1].inputs[1]].data
					      : NULL;
}
