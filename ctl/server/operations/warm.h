// SPDX-License-Identifier: BSD-3-Clause
// A model scores before anybody asks it to: what it needs is in memory then, and what it cannot do is known.
// Any thread.
#pragma once

#include "base/error.h"

struct model;

// Scores the golden rows and compares (model_check_golden()). A model without any scores rows of what its
// reference calls usual, of zeros and of ones: -EINVAL with a sentence where no score of any is finite, so
// that nobody would ever get one.
int warm_model(const struct model *model, struct error *err);
