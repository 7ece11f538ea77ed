// SPDX-License-Identifier: BSD-3-Clause
// What is known of a dataset once all its rows are read. Private to infer/learn, for dataset.c.
#pragma once

#include "infer/learn/data/dataset_memory.h"

// Sorts the categories and the classes, refuses what nothing can be learnt from, fills m->set. -EINVAL, -ENOMEM,
// or what mapping the rows says.
int dataset_finish(struct dataset_memory *m, struct error *err);
