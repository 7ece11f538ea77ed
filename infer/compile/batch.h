// SPDX-License-Identifier: BSD-3-Clause
// Which dimension of a model is its batch, and the proof that rows of a batch do not depend on each
// other: a graph scores one row, so that nothing else may be imported.
#pragma once

#include "infer/graph/report.h"
#include "infer/import/import.h"

// As import_model(), whose contract it has. Where the file leaves the batch open, the same file is
// imported for two rows too and computed by the operators' plain forms: what it gives must be what
// the graph gives for each row, or the node that mixes them is refused (-ENOTSUP). Where the file
// fixes a first dimension above 1, it is taken as the batch if the same proof holds, and as a part
// of the row if not; the report says which.
int batch_import(const void *bytes, size_t size, const struct import_options *options,
	struct graph **graph, struct compile_report *report, struct error *err);
