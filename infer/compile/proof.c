// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/proof.h"

#include "base/random.h"
#include "infer/graph/arena.h"
#include "infer/ops/fold.h"
#include "infer/ops/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PROOF_SEED      UINT64_C(0x62617463686573)
#define PROOF_WORK      ((uint64_t)1 << 31) // operations of all evaluations
#define PROOF_BYTES_MAX ((size_t)1 << 28)   // of one evaluation's values
#define PROOF_TOLERANCE 1e-6 // plain forms add up in the same order: more than enough

// --- Which values are whose ---------------------------------------------------------------------

static bool proof_same(enum dtype dtype, const void *a, size_t i, const void *b, size_t k)
{
	const double x = value_number(dtype, a, i), y = value_number(dtype, b, k);

	return x == y || (isnan(x) && isnan(y)) ||
		fabs(x - y) <= PROOF_TOLERANCE * fmax(1, fabs(y));
}

// Is value [p, r, i] of `all`, [n / inner, rows, inner], value [p, i] of row r, for all of them?
static bool proof_interleaves(enum dtype dtype, const void *all, const void *const *ones,
	uint32_t rows, size_t n, size_t inner)
{
	for (size_t at = 0; at < n * rows; at++) {
		const size_t i = at % inner, r = at / inner % rows, p = at / inner / rows;

		if (!proof_same(dtype, all, at, ones[r], p * inner + i))
			return false;
	}
	return true;
}

// Do the values of `all` consist of those of each row, wherever in the shape the batch stands? Or
// are they those of one row, as where the file keeps the first alone?
static bool proof_consists(const struct tensor *one, const struct tensor *all,
	const void *all_values, const void *const *ones, uint32_t rows)
{
	const size_t n = (size_t)tensor_elements(one), n_all = (size_t)tensor_elements(all);

	if (one->dtype != all->dtype)
		return false;
	for (uint32_t r = 0; r < rows && n_all == n; r++) {
		if (proof_interleaves(one->dtype, all_values, &ones[r], 1, n, n ? n : 1))
			return true;
	}
	if (n_all != n * rows)
		return false;
	for (size_t inner = n; inner > 0; inner--) {
		if (n % inner == 0 &&
			proof_interleaves(one->dtype, all_values, ones, rows, n, inner))
			return true;
	}
	return n == 0;
}

// Where an input's dimensions differ: the batch. *axis is its rank where they do not.
static bool proof_axis(const struct proof *proof, uint32_t input, uint32_t *axis)
{
	const struct tensor *one = &proof->one->tensors[proof->one->inputs[input].tensor];
	const struct tensor *all = &proof->all->tensors[proof->all->inputs[input].tensor];
	uint32_t differing = 0;

	*axis = one->rank;
	for (uint32_t d = 0; d < one->rank && all->rank == one->rank; d++) {
		if (one->dims[d] == all->dims[d])
			continue;
		*axis = d;
		differing += one->dims[d] == 1 && all->dims[d] == proof->rows ? 1 : 2;
	}
	return all->rank == one->rank && differing <= 1;
}

// Does the file take an input as whole numbers? They are indices and lengths: 1 and 2 will do as such.
static bool proof_is_whole(const struct graph *graph, uint32_t tensor)
{
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		const struct node *node = &graph->nodes[n];

		if (node->op == OP_CAST && node->inputs[0] == tensor &&
			!dtype_is_float((enum dtype)node_int(node, ATTR_TO, 0)))
			return true;
	}
	return false;
}

static void proof_draw(struct proof *proof)
{
	const struct graph *one = proof->one;
	uint64_t state = PROOF_SEED;

	for (uint32_t p = 0; p < one->n_inputs; p++) {
		const bool whole = proof_is_whole(one, one->inputs[p].tensor);
		const size_t n = (size_t)tensor_elements(&one->tensors[one->inputs[p].tensor]);

		for (size_t i = 0; i < n * proof->rows; i++) {
			const uint64_t bits = random_next(&state) >> 40;
			float *at = proof->row_of_one + i / n * one->n_features +
				one->inputs[p].first_column + i % n;

			*at = whole ? (float)(1 + (bits & 1)) : (float)bits / (float)(1 << 22) - 2;
		}
	}
}

// Fills row_of_all; what an input without a batch holds is the same in every row.
static bool proof_lay_out(struct proof *proof)
{
	const struct graph *one = proof->one;

	for (uint32_t p = 0; p < one->n_inputs; p++) {
		const struct tensor *tensor = &one->tensors[one->inputs[p].tensor];
		const size_t n = (size_t)tensor_elements(tensor);
		float *to = proof->row_of_all + proof->all->inputs[p].first_column;
		uint32_t axis;
		size_t inner = 1;

		if (!proof_axis(proof, p, &axis))
			return false;
		for (uint32_t d = axis + 1; d < tensor->rank; d++)
			inner *= (size_t)tensor->dims[d];
		for (uint32_t r = 0; r < proof->rows; r++) {
			float *row = proof->row_of_one + (size_t)r * one->n_features +
				one->inputs[p].first_column;

			if (axis == tensor->rank) {
				memcpy(row, proof->row_of_one + one->inputs[p].first_column,
					n * sizeof(float));
				memcpy(to, row, n * sizeof(float));
				continue;
			}
			for (size_t i = 0; i < n; i++)
				to[(i / inner * proof->rows + r) * inner + i % inner] = row[i];
		}
	}
	return true;
}

// --- Evaluations --------------------------------------------------------------------------------

// Have the values room? Looked at before anything is computed, which would be in vain.
static bool proof_fits(const struct graph *graph)
{
	uint64_t bytes = 0;

	for (uint32_t t = 0; t < graph->n_tensors; t++)
		bytes += graph->tensors[t].data ? 0 : tensor_bytes(&graph->tensors[t]);
	return bytes <= PROOF_BYTES_MAX;
}

static int proof_evaluate(struct proof *proof, const struct graph *graph, const float *row,
	struct arena **arena, const void ***values)
{
	int rc = -ENOMEM;

	*arena = arena_create(PROOF_BYTES_MAX);
	*values = *arena && proof_fits(graph)
		? arena_calloc(*arena, graph->n_tensors, sizeof(**values))
		: NULL;
	if (*values)
		rc = graph_evaluate(graph, row, &proof->work, *arena, *values);
	proof->too_large |= rc != 0;
	return rc;
}

// Each row by itself.
static int proof_score(struct proof *proof)
{
	const struct graph *one = proof->one;
	int rc = 0;

	for (uint32_t r = 0; r < proof->rows && rc == 0; r++) {
		float *scores = proof->scores + (size_t)r * one->n_columns_out;
		struct arena *arena;
		const void **values;

		// proof_of() frees the rows: NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
		rc = proof_evaluate(proof, one, proof->row_of_one + (size_t)r * one->n_features,
			&arena, &values);
		for (uint32_t o = 0; o < one->n_outputs && rc == 0; o++) {
			const uint32_t t = one->outputs[o].tensor;

			memcpy(scores + one->outputs[o].first_column, values[t],
				tensor_bytes(&one->tensors[t]));
		}
		arena_destroy(arena);
	}
	return rc;
}

static bool proof_compare(const struct proof *proof, const void *const *values)
{
	const struct graph *one = proof->one, *all = proof->all;
	const void **ones = calloc(proof->rows, sizeof(*ones));
	bool holds = ones != NULL;

	for (uint32_t o = 0; o < one->n_outputs && holds; o++) {
		const uint32_t t = all->outputs[o].tensor;

		for (uint32_t r = 0; r < proof->rows; r++)
			ones[r] = proof->scores + (size_t)r * one->n_columns_out +
				one->outputs[o].first_column;
		holds = proof_consists(&one->tensors[one->outputs[o].tensor], &all->tensors[t],
			values[t], ones, proof->rows);
	}
	free(ones);
	return holds;
}

// --- Who mixes them -----------------------------------------------------------------------------

static int proof_by_name(const void *a, const void *b)
{
	const struct tensor *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

// Finds the first node of `all` whose values do not consist of those of two rows, by the names of
// tensors, which both graphs have from the file.
static const struct node *proof_find(
	const struct proof *proof, const void *const *of_all, const void *const *const of_rows[2])
{
	const struct graph *one = proof->one, *all = proof->all;
	const struct tensor **sorted = calloc(one->n_tensors, sizeof(*sorted));
	const struct node *found = NULL;

	for (uint32_t t = 0; sorted && t < one->n_tensors; t++)
		sorted[t] = &one->tensors[t];
	if (sorted)
		qsort(sorted, one->n_tensors, sizeof(*sorted), proof_by_name);
	for (uint32_t n = 0; sorted && n < all->n_nodes && !found; n++) {
		for (uint32_t o = 0; o < all->nodes[n].n_outputs && !found; o++) {
			const uint32_t t = all->nodes[n].outputs[o];
			const struct tensor *key, *const *same;
			const void *ones[2];

			if (t == GRAPH_NONE)
				continue;
			key = &all->tensors[t];
			same = bsearch(
				&key, sorted, one->n_tensors, sizeof(*sorted), proof_by_name);
			if (!same || strpbrk(key->name, ":#"))
				continue;
			for (uint32_t r = 0; r < 2; r++)
				ones[r] = of_rows[r][*same - one->tensors];
			if (ones[0] && ones[1] && of_all[t] &&
				!proof_consists(*same, key, of_all[t], ones, 2))
				found = &all->nodes[n];
		}
	}
	free(sorted);
	return found;
}

static void proof_blame(struct proof *proof, const void *const *of_all)
{
	const void **values[2] = { NULL, NULL };
	struct arena *arenas[2] = { NULL, NULL };
	int rc = 0;

	for (uint32_t r = 0; r < 2 && rc == 0; r++)
		rc = proof_evaluate(proof, proof->one,
			proof->row_of_one + (size_t)r * proof->one->n_features, &arenas[r],
			&values[r]);
	if (rc == 0 && proof->rows == 2)
		proof->culprit = proof_find(
			proof, of_all, (const void *const *const[2]){ values[0], values[1] });
	arena_destroy(arenas[0]);
	arena_destroy(arenas[1]);
}

static enum proof_result proof_lead(struct proof *proof)
{
	struct arena *arena = NULL;
	const void **values;
	enum proof_result result = PROOF_OPEN;

	proof->work = PROOF_WORK;
	proof_draw(proof);
	if (!proof_lay_out(proof) || proof_score(proof) != 0)
		return PROOF_OPEN;
	if (proof_evaluate(proof, proof->all, proof->row_of_all, &arena, &values) == 0) {
		result = proof_compare(proof, values) ? PROOF_HOLDS : PROOF_FAILS;
		if (result == PROOF_FAILS)
			proof_blame(proof, values);
	}
	arena_destroy(arena);
	return result;
}

// The scale that a node of DynamicQuantizeLinear takes is of all rows by its definition, and meant to
// be of each: no proof can hold for it.
static bool proof_is_meant(const struct graph *graph)
{
	for (uint32_t n = 0; n < graph->n_nodes; n++) {
		if (graph->nodes[n].op == OP_DYNAMIC_QUANTIZE_LINEAR)
			return false;
	}
	return true;
}

enum proof_result proof_of(struct proof *proof)
{
	const struct graph *one = proof->one, *all = proof->all;
	enum proof_result result = PROOF_OPEN;

	if (one->n_inputs != all->n_inputs || one->n_outputs != all->n_outputs ||
		!proof_is_meant(one))
		return PROOF_OPEN;
	proof->row_of_one = calloc((size_t)proof->rows * one->n_features, sizeof(float));
	proof->row_of_all = calloc(all->n_features, sizeof(float));
	proof->scores = calloc((size_t)proof->rows * one->n_columns_out, sizeof(float));
	if (proof->row_of_one && proof->row_of_all && proof->scores)
		result = proof_lead(proof);
	else
		proof->too_large = true;
	free(proof->row_of_one);
	free(proof->row_of_all);
	free(proof->scores);
	return result;
}
