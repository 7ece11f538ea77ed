// SPDX-License-Identifier: BSD-3-Clause
// What an importer is told beside the bytes of a model's file.
#pragma once

#include "infer/infer.h"

struct import_options {
	bool labels; // predicted classes are wanted among the outputs, not only the scores
	// Where the file lies: what it says of files beside it is read there. NULL: it has no folder,
	// and such a model is refused.
	const char *path;
	uint32_t rounds; // ROUNDS_BEST, ROUNDS_ALL or a number
	enum thresholds_kind thresholds;
};
