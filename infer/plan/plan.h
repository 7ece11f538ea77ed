// SPDX-License-Identifier: BSD-3-Clause
// A plan: the graph as steps bound to kernels. Built once, then immutable; any number of threads
// run it, each with its own scratch.
//
// A pass takes n rows through all steps. Each computed tensor has a place: in the caller's rows, in
// the caller's outputs or in the scratch, at `offset * n` bytes, so that the layout fits whatever
// n. Offsets are multiples of 64 and are used again once a tensor's last reader has run. Reshapes
// and identities cost nothing: they share their source's place.
//
// To add an operator: a builder in one of the steps_*.c files and its line in builders.c.
#pragma once

#include "infer/graph/graph.h"
#include "infer/infer.h"
#include "infer/kernels/kernels.h"

#define PLAN_STEPS_MAX         16384u
#define PLAN_ROW_BYTES_MAX     ((size_t)4 << 20)  // scratch for one row
#define PLAN_SCRATCH_BYTES_MAX ((size_t)64 << 20) // for a whole pass
#define PLAN_WEIGHTS_BYTES_MAX ((size_t)2 << 30)
#define PLAN_WORK_MAX          ((uint64_t)1 << 30) // multiply-adds, or values moved, for one row

enum place_base { PLACE_ROWS, PLACE_OUTPUTS, PLACE_SCRATCH, PLACE_BASES };

struct place {
	const void *constant; // the same for all rows; NULL: at base + offset * n + shift
	enum place_base base;
	size_t offset;    // bytes for each row of the pass
	size_t shift;     // bytes: the port's first column
	size_t row_bytes; // from row to row; 0 for a constant
};

struct pass {
	char *base[PLACE_BASES];
	uint32_t n;     // rows, 1 to plan->tile_rows
	uint32_t klass; // index of MODEL_BATCH_CLASS: plan_class_of(n)
};

// The class whose size is nearest to n rows, by ratio.
uint32_t plan_class_of(uint32_t n);

static inline void *place_at(const struct pass *pass, const struct place *place)
{
	if (place->constant)
		return (void *)(uintptr_t)place->constant;
	return pass->base[place->base] + place->offset * pass->n + place->shift;
}

struct step {
	void (*run)(const struct step *step, const struct pass *pass);
	struct place x, x2;     // most steps have one or two inputs
	struct place y, y2, y3; // y2 and y3: LayerNormalization's
	bool has_y2, has_y3;
	struct place scratch; // where the builder asked for some
	uint32_t per_row;     // rows of the kernel for one row of the model, or values for one row
	const void *params;   // of the kernel: its struct
	const void *kernel_run;            // the kernel's function is in here, see the steps_*.c
	const struct dense_choice *choice; // [MODEL_BATCH_CLASSES], Dense only

	// For people.
	const char *op, *node;
	char shape[64];
	const char *kernel[MODEL_BATCH_CLASSES];
	double ns_per_row[MODEL_BATCH_CLASSES];
	size_t bytes_touched;
	uint64_t macs;
};

struct plan {
	struct arena *arena;
	struct step *steps;
	uint32_t n_steps;
	uint32_t tile_rows; // most rows in a pass
	size_t row_bytes;   // scratch for one row
	uint32_t n_features, n_columns_out;
	size_t weights_bytes;
	uint64_t macs;
	unsigned isa_mask;
	bool timed;
};

struct model_choices {
	unsigned isa_mask;
	uint32_t n_steps;
	struct {
		const char *kernel[MODEL_BATCH_CLASSES]; // static strings
		double ns_per_row[MODEL_BATCH_CLASSES];
	} steps[];
};

// The graph must have passed graph_check(); it may be destroyed afterwards. All memory comes from
// `arena`. Kernels are chosen by timing, by rule, or as they were before: see struct model_options,
// whose ISA limits count for nothing here. -ENOTSUP where an operator's form cannot be computed,
// -EINVAL beyond the limits above, -ENOMEM.
int plan_build(struct plan *plan, const struct graph *graph, struct arena *arena, unsigned isa_mask,
	const struct model_options *options, struct error *err);
// Measures each step of each batch class, for people; known choices are taken over if they fit.
int plan_time_steps(struct plan *plan, const struct model_choices *known, struct error *err);
struct model_choices *plan_choices(const struct plan *plan); // malloc'ed, or NULL
void plan_run(const struct plan *plan, const float *rows, float *outputs, uint32_t n, void *scratch,
	uint32_t scratch_rows);

// --- For the builders of steps -------------------------------------------------------------------

struct builder {
	struct plan *plan;
	const struct graph *graph;
	const struct node *node; // being built
	struct step *step;       // being filled; run NULL after build: no step needed
	uint32_t *root;          // [n_tensors] whose place a tensor shares
	struct place *places;    // [n_tensors], of roots
	uint32_t *sole_reader;   // [n_tensors] the node; GRAPH_NONE: several, none or a port
	bool *channels_last;     // [n_tensors], of roots: layout.h
	struct dense_layer *layers, **layers_end;
	size_t dense_bytes;   // of the layers' weights, as yet unpacked
	size_t scratch_bytes; // a row, that the node being built wants beside its outputs
	bool has_trees;
	bool no_timing;
	const struct model_choices *known; // NULL: none
	bool failed;                       // no memory for a constant
	struct error *err;
};

typedef int plan_builder(struct builder *builder);
plan_builder build_dense, build_gemm, build_matmul, build_activation, build_affine,
	build_batch_norm, build_prelu, build_binary, build_softmax, build_layer_norm,
	build_normalizer, build_concat, build_general, build_conv, build_pool, build_recurrent,
	build_trees, build_qdense, build_qconv, build_quantise, build_dequantise,
	build_dynamic_quantise, build_dynamic_qdense, build_bf16_dense, build_reduce,
	build_transpose;

// The step of the node at hand, by the operator's own builder, or where it has none or no kernel
// for this form, by the general path.
int build_step(struct builder *builder);

const struct tensor *builder_input(const struct builder *builder, uint32_t i); // NULL: left out
const struct tensor *builder_output(const struct builder *builder, uint32_t o);
// Where input i stands; a constant moves into the plan's memory at the first call.
struct place builder_input_place(struct builder *builder, uint32_t i);
// Zeroed memory that counts as weights. NULL with err filled.
void *builder_weights(struct builder *builder, size_t bytes);
void *builder_params(struct builder *builder, const void *params, size_t bytes);
// A constant input's values broadcast to `shape`, as weights. -ENOTSUP with err where not constant.
int builder_expand(
	struct builder *builder, uint32_t i, const struct tensor *shape, const float **values);
struct act builder_act(const struct builder *builder, enum activation kind);
void step_set_kernel(struct step *step, const char *name); // the same for all classes
// The kernel that an earlier opening of the image chose for a step; NULL: nothing is known.
const char *builder_known(const struct builder *builder, const struct step *step, uint32_t klass);
// A step that copies one row's `bytes` between ports' columns and a place.
void step_copy(const struct step *step, const struct pass *pass);

// Dense: which kernel runs each class, and its packed weights.
struct dense_choice {
	struct dense dense;
	void (*run)(const struct dense *dense, uint32_t m, const float *x, size_t ldx, float *y,
		size_t ldy);
};
// A layer whose kernels are chosen once all steps are there: which batch classes occur depends on
// the memory that a row needs.
struct dense_layer {
	struct dense_layer *next;
	struct step *step;
	const float *w, *b; // [k][n], [n] or NULL
	float *own;         // NULL, or what w and b point into
	struct dense dense;
};
// w and b must live as long as the graph, or stand in `own`, which is taken over, also on failure.
int build_dense_of(struct builder *builder, const float *w, const float *b, float *own, uint32_t k,
	uint32_t n, struct act act);
// Gives each layer kernels, by timing or by rule, and packs the weights that those read.
int dense_choose_all(struct builder *builder);
void dense_forget_all(struct builder *builder);

double plan_now_ns(void);
