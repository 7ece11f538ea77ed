// SPDX-License-Identifier: BSD-3-Clause
// One distillation while it runs: what distil.c fills and distil_compare.c judges. No file of code belongs to it.
#pragma once

#include "infer/graph/report.h"
#include "infer/learn/data/dataset_part.h"
#include "infer/learn/distil/distil_options.h"
#include "infer/learn/distil/distil_result.h"
#include "infer/learn/distil/lesson.h"
#include "infer/learn/distil/teacher.h"
#include "infer/learn/watch.h"

struct distilling {
	const char *path; // the teacher's
	const struct distil_options *options;
	const struct learn_watch *watch;
	struct compile_report *report;
	struct distil_result *result;
	struct error *err;
	struct teacher teacher;
	struct dataset set;
	struct dataset_part taught, held;
	// What the lesson points into; lesson.x has room for all of them.
	struct lesson lesson;
	float *x, *scores, *weights, *shift, *scale;
	int32_t *classes;
	uint64_t state; // of what is drawn
};
