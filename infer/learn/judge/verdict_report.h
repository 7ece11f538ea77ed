// SPDX-License-Identifier: BSD-3-Clause
// What verdicts found, as one drawing (base/svg.h): ROC, precision and recall, thresholds, calibration and confusion
// of classes, several models over one another; of numbers what was foreseen beside the truth.
#pragma once

#include "infer/learn/judge/verdict.h"

#include <stdio.h>

// Whether writing failed, ferror() of the file tells.
void verdict_draw(FILE *file, const char *rows_path, const struct verdict *verdicts, uint32_t n);
