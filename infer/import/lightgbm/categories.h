// SPDX-License-Identifier: BSD-3-Clause
// What the categories of a LightGBM model's features were, as its Python package writes it.
#pragma once

#include "infer/import/lightgbm/lightgbm.h"

// Tables of texts from the line "pandas_categorical" of the file, of which l->infos has been read; a
// text that training never saw is scored as missing, as the package does (basic.py,
// _data_from_pandas). Lists that cannot be given to their features are said in the report. 0, -ENOMEM,
// or -EINVAL where a list has a text twice.
int lightgbm_read_categories(struct lightgbm *l, const char *file, size_t size);
