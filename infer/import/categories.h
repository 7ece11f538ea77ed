// SPDX-License-Identifier: BSD-3-Clause
// Categories that a booster's file names: rows hold their numbers, and CSV files their texts, by the
// table of texts that the image keeps (infer.h, struct model_texts).
#pragma once

#include "infer/graph/graph.h"
#include "infer/graph/report.h"

#include <jansson.h>

struct categories {
	struct graph *graph;
	struct compile_report *report;
	struct error *err;
	bool takes_unknown;       // the library scores a text that training never saw
	struct model_texts *maps; // [n_features], of which graph->n_texts are filled
	uint64_t n_texts;         // of all of them
};

// `values` is the list of what the feature's numbers from 0 stand for: texts, numbers, bools. Says in
// the report which; a list of texts that can be shown becomes a table. Features are added in ascending
// order. Nothing of an empty list. 0 or -ENOMEM.
int categories_add(struct categories *categories, uint32_t feature, const json_t *values);
// When all are added. 0, -ENOMEM, or -EINVAL where a feature has a category twice.
int categories_keep(struct categories *categories);
