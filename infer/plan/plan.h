// SPDX-License-Identifier: BSD-3-Clause
// A plan: the graph as steps bound to kernels. Built once, then immutable; any number of threads
// run it, each with its own scratch.
//
// A pass takes n rows through all steps. Each computed tensor has a buffer (step.h): in the
// caller's rows, in the caller's outputs or in the scratch, at `offset * n` bytes, so that the
// layout fits whatever n. Offsets are multiples of 64 and are used again once a tensor's last
// reader has run. Reshapes and identities cost nothing: they share their source's buffer.
//
// To add an operator: a builder in one of steps/*.c and its line in table.c.
#pragma once

#include "infer/infer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_STEPS_MAX         16384u
#define PLAN_ROW_BYTES_MAX     ((size_t)4 << 20)  // scratch for one row
#define PLAN_SCRATCH_BYTES_MAX ((size_t)64 << 20) // for a whole pass
#define PLAN_WEIGHTS_BYTES_MAX ((size_t)2 << 30)
#define PLAN_WORK_MAX          ((uint64_t)1 << 30) // multiply-adds, or values moved, for one row

struct arena;
struct graph;
struct step;

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
// Nanoseconds of a clock that only goes forward.
double plan_now_ns(void);
