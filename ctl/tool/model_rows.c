// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_rows.h"

#include "ctl/tool/output.h"
#include "ctl/tool/tool.h"

#include <string.h>

int model_rows_read(const struct model_info *info, const char *path,
	const struct rows_options *given, struct rows *rows, struct error *err)
{
	struct rows_options options = *given;
	int rc;

	model_rows_options(info, &options);
	rc = rows_read(path, &options, rows, err);
	for (uint32_t i = 0; i < rows->n_notes; i++)
		tool_note("%s", rows->notes[i]);
	if (rc == 0)
		rc = model_check_rows(info, path, rows->values, rows->n_rows, err);
	if (rc != 0)
		rows_fini(rows);
	return rc;
}

int model_rows_write(const char *path, const float *scores, size_t n_rows, uint32_t n_columns,
	const char *const *names, struct error *err)
{
	struct output output;
	int rc = output_open(&output, path, err);

	if (rc != 0)
		return rc;
	rc = rows_write(output.temporary, scores, n_rows, n_columns, names, err);
	if (rc != 0) {
		output_abort(&output);
		return rc;
	}
	return output_commit(&output, err);
}

int model_rows_parse_output(void *field, const char *text, struct error *err)
{
	const char *dot = strrchr(text, '.');
	const bool known = dot &&
		(strcmp(dot, ".csv") == 0 || strcmp(dot, ".npy") == 0 || strcmp(dot, ".f32") == 0);

	if (strcmp(text, "-") != 0 && !known)
		return error_set(
			err, -EINVAL, "'%s': the ending says the format: .csv, .npy or .f32", text);
	*(const char **)field = text;
	return 0;
}
