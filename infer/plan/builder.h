// SPDX-License-Identifier: BSD-3-Clause
// What the builders of steps (steps/*.c) fill in and call. One thread; everything but the plan's
// own memory is freed once the plan is built.
#pragma once

#include "infer/graph/graph.h"
#include "infer/plan/packed.h"
#include "infer/plan/plan.h"
#include "infer/plan/step.h"

struct builder;
struct groups;

// Fills in builder->step for builder->node. -ENOTSUP where there is no kernel of this form; 0,
// -EINVAL or -ENOMEM. err is filled in.
typedef int plan_builder(struct builder *builder);
// Can a node, any of the graph, take its input 0 channels last (steps/layout.h)? A pool can if its
// own reader can, and so on through at most `pools` of them.
typedef bool channels_last_fn(
	const struct builder *builder, const struct node *node, uint32_t pools);

struct builder {
	struct plan *plan;
	const struct graph *graph;
	const struct node *node;     // being built
	struct step *step;           // being filled
	uint32_t *root;              // [n_tensors] whose buffer a tensor shares
	struct buffer *buffers;      // [n_tensors], of roots
	uint32_t *sole_reader;       // [n_tensors] the node; GRAPH_NONE: several, none or a port
	bool *channels_last;         // [n_tensors], of roots: steps/layout.h
	const struct groups *groups; // groups.h
	channels_last_fn *takes_channels_last; // table.h's, to ask about other nodes
	struct dense_layer *layers, **layers_end;
	size_t dense_bytes;         // of the layers' weights, as yet unpacked
	struct packed_table packed; // weights, by their constants
	size_t scratch_bytes;       // of a row, for the node being built, beside its outputs
	bool has_trees;
	bool no_timing;
	bool exact; // the same bits in batches of any size: struct model_options; without AVX-512 always
	const struct model_choices *known; // NULL: none
	bool failed;                       // builder_input_buffer() could not: err tells why
	struct error *err;
};

const struct tensor *builder_input(const struct builder *builder, uint32_t i); // NULL: left out
const struct tensor *builder_output(const struct builder *builder, uint32_t o);
// Where input i is; a constant moves into the plan's memory at the first call.
struct buffer builder_input_buffer(struct builder *builder, uint32_t i);
// Zeroed memory that counts as weights. NULL with err filled in: -EINVAL where there are too many,
// -ENOMEM.
void *builder_weights(struct builder *builder, size_t bytes);
// The weights that an earlier step has under that key; NULL: none.
const void *builder_packed(const struct builder *builder, const struct packed_key *key);
// Lets later steps find them. -ENOMEM with err filled in.
int builder_share(struct builder *builder, const struct packed_key *key, const void *packed);
// A copy of `params` in the plan's memory. NULL with err filled.
void *builder_params(struct builder *builder, const void *params, size_t bytes);
// Ends a builder: gives the step a copy of its parameters. -ENOMEM with err filled.
int builder_finish(struct builder *builder, const void *params, size_t bytes);
// A constant input's values broadcast to `shape`, as weights. -ENOTSUP with err where not constant.
int builder_expand(
	struct builder *builder, uint32_t i, const struct tensor *shape, const float **values);
// The kernel that an earlier opening of the image chose for a step; NULL: nothing is known.
const char *builder_known(
	const struct builder *builder, const struct step *step, uint32_t batch_class);
// May vectors be used? Where not, operators with long sums take their plain form, which adds in
// double: its results are the golden rows of a model.
bool builder_has_vectors(const struct builder *builder);
