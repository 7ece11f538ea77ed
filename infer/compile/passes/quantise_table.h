// SPDX-License-Identifier: BSD-3-Clause
// Functions of one value between layers of 8 bits as tables (QLookup): a part of quantise_layers().
#pragma once

#include "infer/compile/passes/quantiser.h"

// Finds them; none where the options say so. -ENOMEM. quantise_tables_fini() in any case.
int quantise_tables_find(struct quantise_tables *tables, const struct graph *graph,
	const struct quantise_options *options, struct error *err);
void quantise_tables_fini(struct quantise_tables *tables); // a zeroed one is fine
// Is the function a table now: is its source given as bytes, and its sink taken as bytes alone?
bool quantise_is_table(const struct quantiser *q, uint32_t table);
// How the tensor is quantised for those who read it. Where that is a table alone, of the range that calibration saw no
// more than changes the table's bytes: a Sigmoid needs nothing from far away.
struct quantum quantise_table_source(const struct quantiser *q, uint32_t tensor);
// Adds the table to the new graph. -ENOMEM.
int quantise_table(struct quantiser *q, uint32_t table);
