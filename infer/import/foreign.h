// SPDX-License-Identifier: BSD-3-Clause
// Files that people bring though no importer reads them: what each is, and what to save instead.
#pragma once

#include "base/error.h"

#include <stddef.h>

// Looks whether the bytes, which are no model that we read, are a file of a kind that is known. If
// so, the sentence says which kind, and how to save the model so that it can be read; returns
// -EINVAL. 0: it is none of them, and *err is as it was.
int foreign_refuse(const void *bytes, size_t size, struct error *err);
