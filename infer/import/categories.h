// SPDX-License-Identifier: BSD-3-Clause
// Categories that a booster's file names: rows hold their numbers.
#pragma once

#include "infer/graph/report.h"

#include <jansson.h>

// Says in the report which numbers stand for the values of `feature`, a list of texts and numbers;
// nothing of an empty list.
void categories_report(struct compile_report *report, const char *feature, const json_t *values);
