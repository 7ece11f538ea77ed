// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/batch.h"

#include "infer/compile/proof.h"
#include "infer/compile/sizes.h"
#include "infer/graph/arena.h"

#include <string.h>

#define FIXED_BATCH_MAX 4096
#define SEEN_BYTES_MAX  ((size_t)1 << 26) // of what is decided for one size

// --- The two kinds of batch ---------------------------------------------------------------------

struct batch_source {
	const void *bytes;
	size_t size;
	const struct import_options *options;
};

// The same file for other rows; NULL: it cannot be imported so, for the reason *code. That says nothing
// of the model: what takes one row at a time alone is such a file.
static struct graph *batch_import_again(const struct batch_source *source, int64_t rows,
	int64_t fixed_batch, struct deciding_list *deciding, struct compile_report *report,
	int *code)
{
	struct import_options options = *source->options;
	struct error err = { .text = "" };
	struct graph *graph;

	options.rows = rows;
	options.fixed_batch = fixed_batch;
	options.batch = NULL;
	options.unhashed = true;
	options.deciding = deciding;
	*code = import_model(source->bytes, source->size, &options, &graph, report, &err);
	return *code == 0 ? graph : NULL;
}

static int batch_refuse(const struct graph *one, const char *name, const char *type,
	const char *why, struct error *err)
{
	const struct tensor *x = &one->tensors[one->inputs[0].tensor];
	char dims[GRAPH_RANK_MAX * 12 + 2] = "";

	for (uint32_t d = 0; d < x->rank; d++)
		snprintf(dims + strlen(dims), sizeof(dims) - strlen(dims), "%s%lld", d ? "," : "",
			(long long)x->dims[d]);
	return error_set(err, -ENOTSUP,
		"%s%.80s%s%.40s%s %s; rows are scored by themselves only where you say so: "
		"--shape '%.80s=%s'",
		name ? "node '" : "the model:", name ? name : "", name ? "' (" : "",
		name ? type : "", name ? "):" : "", why, x->name, dims);
}

// --- What is decided by the size of a batch ------------------------------------------------------

static bool batch_see(struct sizes_seen *seen, uint32_t rows)
{
	*seen = (struct sizes_seen){ .rows = rows };
	seen->list.arena = arena_create(SEEN_BYTES_MAX);
	return seen->list.arena != NULL;
}

static const uint32_t MORE_ROWS[2] = { 3, 7 };

struct batch_sizes {
	struct sizes_seen seen[2], more[2]; // for one row and for two; for MORE_ROWS
	struct graph *three;                // the graph for the first of them; NULL: there is none
};

// The first node that does not decide the same for every batch of one row and more; where that is so
// of two rows and more, two and three rows must give what one gives, and then all do: what is
// computed of sizes goes on in a straight line. `holds` is what two rows have proved.
static const struct deciding *batch_find(
	const struct batch_sizes *sizes, const struct graph *one, bool holds, bool *no_memory)
{
	const struct sizes_seen *by_one[3] = { &sizes->seen[0], &sizes->more[0], &sizes->more[1] };
	const struct sizes_seen *by_two[3] = { &sizes->seen[1], &sizes->more[0], &sizes->more[1] };
	struct proof proof = { .one = one, .all = sizes->three, .rows = MORE_ROWS[0] };
	const struct deciding *node = sizes_find(by_one, no_memory), *later = node;

	if (node && holds && sizes->three && !*no_memory)
		later = sizes_find(by_two, no_memory);
	return later || (node && proof_of(&proof) != PROOF_HOLDS) ? node : NULL;
}

// Is there a size of which not all that is decided had room?
static bool batch_is_full(const struct batch_sizes *sizes)
{
	bool full = false;

	for (size_t k = 0; k < 2; k++)
		full |= sizes->seen[k].list.full || sizes->more[k].list.full;
	return full;
}

static int batch_check_sizes(const struct batch_source *source, const struct import_batch *batch,
	const struct graph *graph, struct batch_sizes *sizes, bool holds,
	struct compile_report *report, struct error *err)
{
	const struct deciding *node = NULL;
	struct graph *made[2] = { NULL, NULL };
	bool no_memory = false;
	const bool differ = sizes_differ(&sizes->seen[0], &sizes->seen[1], &no_memory);
	int code;

	for (size_t k = 0; k < 2 && differ && !no_memory; k++) {
		no_memory = !batch_see(&sizes->more[k], MORE_ROWS[k]);
		if (!no_memory)
			made[k] = batch_import_again(
				source, MORE_ROWS[k], 0, &sizes->more[k].list, NULL, &code);
	}
	sizes->three = made[0];
	if (differ && !no_memory)
		node = batch_find(sizes, graph, holds, &no_memory);
	graph_destroy(made[0]);
	graph_destroy(made[1]);
	if (no_memory)
		return error_set(err, -ENOMEM, "out of memory for sizes of batches");
	if (batch_is_full(sizes))
		report_add(report,
			"too large to prove that the size of a batch decides nothing: taken to be "
			"so");
	if (node && batch->given)
		report_add(report,
			"node '%.80s' (%.40s) decides by how many rows a batch has: scores are "
			"those of a row by itself",
			node->name, node->type);
	else if (node)
		return batch_refuse(graph, node->name, node->type,
			"it decides by how many rows a batch has, and not the same for every batch",
			err);
	return 0;
}

static int batch_say(const struct proof *proof, enum proof_result result,
	const struct import_batch *batch, struct compile_report *report, struct error *err)
{
	const struct node *node = proof->culprit;

	if (result == PROOF_FAILS && batch->given)
		report_add(report,
			"rows of a batch depend on each other%s%.80s%s: scores are those of a row "
			"by itself",
			node ? " by node '" : "", node ? node->name : "", node ? "'" : "");
	else if (result == PROOF_FAILS)
		return batch_refuse(proof->one, node ? node->name : NULL,
			node ? op_name(node->op) : NULL,
			"what it gives for a row depends on the other rows of its batch", err);
	else if (proof->too_large)
		report_add(report,
			"too large to prove that rows of a batch do not depend on each other: "
			"taken to be so");
	return 0;
}

// sizes->seen[0] is what the graph was imported by; the others are made here.
static int batch_prove_open(const struct batch_source *source, const struct import_batch *batch,
	const struct graph *graph, struct batch_sizes *sizes, struct compile_report *report,
	struct error *err)
{
	struct proof proof = { .one = graph, .rows = 2 };
	enum proof_result result = PROOF_OPEN;
	struct graph *both;
	int code, rc = 0;

	if (!batch_see(&sizes->seen[1], proof.rows))
		return error_set(err, -ENOMEM, "out of memory for sizes of batches");
	both = batch_import_again(source, proof.rows, 0, &sizes->seen[1].list, NULL, &code);
	if (!both && code == -EINVAL)
		return 0; // the file takes no two rows
	proof.all = both;
	if (both) {
		result = proof_of(&proof);
		rc = batch_say(&proof, result, batch, report, err);
		graph_destroy(both);
	}
	if (rc == 0 && result != PROOF_FAILS)
		rc = batch_check_sizes(
			source, batch, graph, sizes, result == PROOF_HOLDS, report, err);
	return rc;
}

// Takes dimension `axis` of the first input, `fixed` long, as the batch where that can be proved.
static bool batch_take_fixed(const struct batch_source *source, uint32_t axis, int64_t fixed,
	struct graph **graph, struct compile_report *report)
{
	const struct tensor *x = &(*graph)->tensors[(*graph)->inputs[0].tensor];
	struct compile_report own = { .lines = NULL };
	int code;
	struct graph *one = fixed > 1 && fixed <= FIXED_BATCH_MAX
		? batch_import_again(source, 1, fixed, NULL, &own, &code)
		: NULL;
	struct proof proof = { .one = one, .all = *graph, .rows = (uint32_t)fixed };
	const bool holds = one && proof_of(&proof) == PROOF_HOLDS;

	if (holds) {
		report_add(&own,
			"input '%.80s' %s: its %s dimension is taken as the batch, a row is "
			"%u feature%s (--shape makes it a part of the row)",
			x->name, tensor_shape_text(x).text, axis ? "second" : "first",
			one->n_features, one->n_features > 1 ? "s" : "");
		memcpy(one->source_sha256, (*graph)->source_sha256, sizeof(one->source_sha256));
		graph_destroy(*graph);
		*graph = one;
		if (report) {
			struct compile_report old = *report;

			*report = own;
			own = old;
		}
	} else {
		graph_destroy(one);
	}
	compile_report_fini(&own);
	return holds;
}

static void batch_look_for_fixed(const struct batch_source *source, const int64_t fixed[2],
	struct graph **graph, struct compile_report *report)
{
	const struct tensor *x = &(*graph)->tensors[(*graph)->inputs[0].tensor];

	for (uint32_t axis = 0; axis < 2; axis++) {
		if (batch_take_fixed(source, axis, fixed[axis], graph, report))
			return;
	}
	if (fixed[0] > 1)
		report_add(report,
			"input '%.80s' %s is one row of %u features; export with an open first "
			"dimension if %lld is the batch",
			x->name, tensor_shape_text(x).text, (*graph)->n_features,
			(long long)fixed[0]);
}

int batch_import(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err)
{
	struct import_batch batch = { .open = false };
	struct batch_sizes sizes = { .three = NULL };
	struct import_options own = *options;
	const struct batch_source source = { bytes, size, options };
	int rc;

	if (!batch_see(&sizes.seen[0], 1))
		return error_set(err, -ENOMEM, "out of memory for sizes of batches");
	own.batch = &batch;
	own.deciding = &sizes.seen[0].list;
	rc = import_model(bytes, size, &own, graph, report, err);
	if (rc == 0 && batch.open) {
		rc = batch_prove_open(&source, &batch, *graph, &sizes, report, err);
		if (rc != 0) {
			graph_destroy(*graph);
			*graph = NULL;
		}
	} else if (rc == 0) {
		batch_look_for_fixed(&source, batch.fixed, graph, report);
	}
	for (size_t k = 0; k < 2; k++) {
		arena_destroy(sizes.seen[k].list.arena);
		arena_destroy(sizes.more[k].list.arena);
	}
	return rc;
}
