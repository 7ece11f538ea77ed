// SPDX-License-Identifier: BSD-3-Clause
// Members of the file's objects by name, refused with a sentence where they are missing or of another
// kind. `where` is the object's path in the file, for the sentence.
#pragma once

#include "infer/import/xgboost/xgboost.h"

// NULL: refused, -EINVAL.
json_t *xgboost_object(struct xgboost *x, const json_t *in, const char *where, const char *name);
json_t *xgboost_array(struct xgboost *x, const json_t *in, const char *where, const char *name);
// A number, or a text that is one, as XGBoost writes its parameters: 0 or -EINVAL. *value stays
// where it is missing.
int xgboost_integer(struct xgboost *x, const json_t *in, const char *where, const char *name,
	int64_t low, int64_t high, int64_t *value);
// The whole file, JSON or (`binary`) UBJSON, for json_decref(). NULL: refused, -EINVAL, -EFBIG or
// -ENOMEM in err->code.
json_t *xgboost_parse(const void *bytes, size_t size, bool binary, struct error *err);
