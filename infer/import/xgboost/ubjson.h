// SPDX-License-Identifier: BSD-3-Clause
// Universal Binary JSON (ubjson.org, draft 12), as XGBoost writes it, to the same values as JSON.
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define UBJSON_NESTING_MAX 64
#define UBJSON_VALUES_MAX  (1u << 25)

// The value that the bytes are, for json_decref(); NULL with a sentence that names the byte: -EINVAL,
// -ENOMEM in err->code.
json_t *ubjson_parse(const void *bytes, size_t size, struct error *err);
