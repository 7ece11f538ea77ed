// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/model_rows.h"

#include "ctl/tool/tool.h"

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
