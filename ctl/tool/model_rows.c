// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_rows.h"

#include "ctl/tool/tool.h"

#include <math.h>

static int model_rows_check_finite(
	const struct model_info *info, const char *path, const struct rows *rows, struct error *err)
{
	for (size_t r = 0; r < rows->n_rows && !info->accepts_missing; r++)
		for (uint32_t f = 0; f < info->n_features; f++) {
			float value = rows->values[r * info->n_features + f];

			if (isfinite(value))
				continue;
			return error_set(err, -EINVAL,
				"%s: row %zu (the first is 1), feature %.80s: %s, and model %s "
				"takes finite numbers only: fill the value in, leave the row out, "
				"or compile "
				"with --accept-missing",
				path, r + 1, info->feature_names[f],
				isnan(value) ? "a missing value (NaN)" : "infinite", info->name);
		}
	return 0;
}

int model_rows_read(const struct model_info *info, const char *path,
	const struct rows_options *given, struct rows *rows, struct error *err)
{
	struct rows_options options = *given;
	int rc;

	options.n_columns = info->n_features;
	options.names = info->feature_names;
	options.code = model_text_code;
	options.codes = info;
	rc = rows_read(path, &options, rows, err);
	for (uint32_t i = 0; i < rows->n_notes; i++)
		tool_note("%s", rows->notes[i]);
	if (rc == 0)
		rc = model_rows_check_finite(info, path, rows, err);
	if (rc != 0)
		rows_fini(rows);
	return rc;
}
