// SPDX-License-Identifier: BSD-3-Clause
// XGBoost's own binary form, which Booster.save_model of 0.x to 3.0 wrote under any name that ends in
// neither .json nor .ubj, as the values that its JSON would have.
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

// Does the objective's name stand behind a header of the right length?
bool xgboost_binary_recognises(const void *bytes, size_t size);
// For json_decref(). *margin: base_score is a margin, as before 1.0, and no score. NULL with a
// sentence that names the byte: -EINVAL, -ENOTSUP, -ENOMEM in err->code.
json_t *xgboost_binary_parse(const void *bytes, size_t size, bool *margin, struct error *err);
