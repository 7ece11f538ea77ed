// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/csv_rows.h"

#include "base/rows.h"
#include "ctl/server/scoring/tensor_rows.h"

#include <stdlib.h>
#include <string.h>

// Of all that reading takes: the rows, which grow by doubling, and columns of text beside them.
#define CSV_BYTES_MAX ((size_t)512 << 20)

static void csv_rows_note(const struct rows *rows, char note[CSV_NOTE_BYTES])
{
	size_t used = 0;

	note[0] = '\0';
	for (uint32_t i = 0; i < rows->n_notes && used < CSV_NOTE_BYTES; i++)
		used += (size_t)snprintf(
			note + used, CSV_NOTE_BYTES - used, "%s%s", i ? "; " : "", rows->notes[i]);
	for (char *c = note; *c; c++)
		if (*c < ' ' || *c > '~') // it becomes a header
			*c = '?';
}

int csv_rows_parse(const char *body, size_t size, enum csv_header header,
	const struct model_info *info, float **rows, uint32_t *n, char note[CSV_NOTE_BYTES],
	struct error *err)
{
	struct rows_options options = { .header = header == CSV_HEADER_PRESENT,
		.no_header = header == CSV_HEADER_ABSENT,
		.max_bytes = CSV_BYTES_MAX };
	struct rows read;
	int rc;

	model_rows_options(info, &options);
	rc = rows_read_bytes("the body", body, size, &options, &read, err);
	csv_rows_note(&read, note);
	if (rc == 0)
		rc = tensor_rows_check(info, read.n_rows, err);
	if (rc == 0) {
		*rows = read.values;
		*n = (uint32_t)read.n_rows;
		read.values = NULL;
	}
	rows_fini(&read);
	return rc == -EFBIG ? -E2BIG : rc;
}

int csv_rows_write(const struct model_info *info, const float *scores, uint32_t n,
	struct bytes *answer, struct error *err)
{
	FILE *file = open_memstream(&answer->at, &answer->size);
	bool failed;

	if (!file)
		return error_set(err, -ENOMEM, "no memory for the answer");
	rows_write_csv(file, scores, n, info->n_outputs, info->output_names);
	failed = ferror(file) != 0;
	if (fclose(file) != 0 || failed)
		return error_set(err, -ENOMEM, "no memory for the answer");
	answer->capacity = answer->size;
	return 0;
}
