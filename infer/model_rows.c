// SPDX-License-Identifier: BSD-3-Clause
// A model's rows as users give them: how a file of them is read, and which values it takes.
#include "infer/infer.h"

#include <math.h>

void model_rows_options(const struct model_info *info, struct rows_options *options)
{
	options->n_columns = info->n_features;
	options->names = info->feature_names;
	options->code = model_text_code;
	options->codes = info;
}

int model_check_rows(const struct model_info *info, const char *path, const float *rows, size_t n,
	struct error *err)
{
	return model_check_more_rows(info, path, rows, n, 0, err);
}

int model_check_more_rows(const struct model_info *info, const char *path, const float *rows,
	size_t n, size_t first, struct error *err)
{
	for (size_t r = 0; r < n && !info->accepts_missing; r++)
		for (uint32_t f = 0; f < info->n_features; f++) {
			const float value = rows[r * info->n_features + f];

			if (isfinite(value))
				continue;
			return error_set(err, -EDOM,
				"%s%srow %zu (the first is 1), feature %.80s: %s, and model %s "
				"takes finite numbers only: fill the value in, leave the row out, "
				"or compile with --accept-missing",
				path ? path : "", path ? ": " : "", first + r + 1,
				info->feature_names[f],
				isnan(value) ? "a missing value (NaN)" : "infinite", info->name);
		}
	return 0;
}
