// SPDX-License-Identifier: BSD-3-Clause
// What an importer is told beside the bytes of a model's file.
#pragma once

#include "infer/infer.h"

#include <stdbool.h>
#include <stdint.h>

// What an importer tells of the dimension that batches run along.
struct import_batch {
	// The file leaves it open: one row stands in it, or import_options.rows of them.
	bool open;
	// The first and the second dimension of the first input, where the file fixes it above 1 and
	// all inputs and outputs have it as one of these two: it may be the batch or a part of the
	// row. 0: it is not so.
	int64_t fixed[2];
	// import_options.shapes says that the batch is 1.
	bool given;
};

// Where files beside the model's are opened by somebody else, as for a process that may open none.
struct import_beside {
	// A descriptor for reading, of the file at `location` below the model's folder; -errno with a sentence.
	int (*open)(void *arg, const char *location, struct error *err);
	void *arg;
	uint64_t device, inode; // of the model's own file
};

struct import_options {
	bool labels; // predicted classes are wanted among the outputs, not only the scores
	// Where the file lies: what it says of files beside it is read there. NULL: it has no folder,
	// and such a model is refused.
	const char *path;
	const struct import_beside *beside; // NULL: files beside it are opened at `path`'s folder
	uint32_t rounds;                    // ROUNDS_BEST, ROUNDS_ALL or a number
	enum thresholds_kind thresholds;
	// "NAME=1,50,39;...": all dimensions of inputs whose file leaves some open. NULL: none.
	const char *shapes;
	// "NAME=VALUE,VALUE;...": inputs that no row gives, and their values. NULL: none.
	const char *fixed;
	uint32_t features; // columns of a row, where the file leaves a width open; 0: not said
	int64_t rows;      // that one evaluation takes, for proofs; 0 and 1: one
	// A first or second dimension that is the batch, though fixed: `rows` stand in it. 0: none
	int64_t fixed_batch;
	bool unhashed; // the graph need not bear the hash of what was read: it is known already
	struct import_batch *batch; // filled in on success; NULL: not wanted
	// Filled in as far as the import comes, also where it fails; NULL: not wanted.
	struct deciding_list *deciding; // deciding.h
};
