// SPDX-License-Identifier: BSD-3-Clause
// Which kernel of a table runs a step, for each class of batch sizes: the one that an earlier
// opening of the image found to be the fastest; or by rule, where nothing may be timed; or the
// winner of a race (race.h) between all that may run; of an exact model, between those of the order
// that goes by rule. The scalar kernel, the first of a table, takes part only where there is no other.
#pragma once

#include "infer/kernels/kernels.h"
#include "infer/plan/builder.h"

// For kernels that read their weights in a form of their own. Kernels of the same form share them.
struct contest_packing {
	// Bytes of the packed weights. 0: this kernel cannot have them, and is left out.
	size_t (*bytes)(const void *context, const void *kernel);
	// Writes all of them; `packed` is KERNEL_ALIGN-aligned. 0, or -ENOMEM.
	int (*pack)(const void *context, const void *kernel, void *packed);
	bool (*same)(const void *kernel, const void *other);
	// What is packed: steps of the same share the result. `form` is filled in. NULL: nobody shares.
	const struct packed_key *(*key)(const void *context);
};

struct chosen {
	const void *kernel; // entry of the table
	const void *packed; // weights in the plan's memory; NULL without a packing
};

struct contest {
	const struct kernel_table *table;
	// Of the kernel, in a batch of each class; classes of as many rows share one race. 0: such
	// batches do not occur, and the class gets what the one before it has.
	uint32_t rows[MODEL_BATCH_CLASSES];
	double sample_ns; // race.h
	void *context;    // of the functions
	// The choice without timing. NULL: the last kernel allowed.
	const void *(*by_rule)(const void *context, unsigned isa_mask, uint32_t batch_class);
	// Called once, before the first race: memory for the rows, say. 0, or -ENOMEM.
	int (*ready)(void *context);
	// One call over so many rows. `packed`: NULL without a packing.
	void (*call)(void *context, const void *kernel, const void *packed, uint32_t rows);
	const struct contest_packing *packing; // NULL: all read the same weights
	// The outcome of a contest alike, as of a layer of the same dimensions. NULL: there was none.
	const struct chosen *like;
	// Kernels of the same order add up in the same order: a row has the same bits by either.
	// NULL: all have, on all instruction sets.
	unsigned (*order)(const void *kernel);
};

// The order of kernels that compute the same function by the same formula, but for what their
// instruction sets do otherwise: how a result that is less than the least normal number is rounded.
unsigned choose_order_of_isa(const void *kernel);

// Fills in chosen[] and the names that the step shows. What builder_weights() says, or -ENOMEM,
// with err filled in.
int choose(struct builder *builder, struct step *step, const struct contest *contest,
	struct chosen chosen[MODEL_BATCH_CLASSES]);
