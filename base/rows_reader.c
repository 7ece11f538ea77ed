// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows_reader.h"

#include <stdlib.h>

int rows_reserve(struct rows_reader *reader, size_t bytes)
{
	if (bytes > reader->max_bytes - reader->used_bytes)
		return error_set(reader->err, -EFBIG,
			"%s: needs more than the %zu MiB allowed for rows", reader->path,
			reader->max_bytes >> 20);
	reader->used_bytes += bytes;
	return 0;
}

bool rows_piece_is_full(const struct rows_reader *reader)
{
	return reader->pieces && reader->rows->n_rows >= reader->pieces->rows;
}

int rows_hand_over(struct rows_reader *reader)
{
	struct rows *rows = reader->rows;
	int rc;

	if (rows->n_rows == 0)
		return 0;
	rc = reader->pieces->take(reader->pieces->context, rows, reader->n_taken, reader->err);
	reader->n_taken += rows->n_rows;
	for (uint32_t t = 0; t < rows->n_texts; t++)
		for (size_t r = 0; r < rows->n_rows; r++) {
			char *text = rows->texts[t].values[r];

			reader->used_bytes -= text ? rows_text_bytes(text) : 0;
			free(text);
			rows->texts[t].values[r] = NULL;
		}
	rows->n_rows = 0;
	return rc;
}

int rows_check_columns(struct rows_reader *reader, uint64_t n_columns)
{
	uint32_t expected = reader->options->n_columns;

	if (n_columns == 0 || n_columns > ROWS_COLUMNS_MAX)
		return error_set(reader->err, -EINVAL,
			"%s: %llu feature columns, 1 to %d are possible", reader->path,
			(unsigned long long)n_columns, ROWS_COLUMNS_MAX);
	if (expected != 0 && n_columns != expected)
		return error_set(reader->err, -EINVAL, "%s: %llu feature columns, %u are expected",
			reader->path, (unsigned long long)n_columns, expected);
	return 0;
}
