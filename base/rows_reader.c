// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows_reader.h"

int rows_reserve(struct rows_reader *reader, size_t bytes)
{
	if (bytes > reader->max_bytes - reader->used_bytes)
		return error_set(reader->err, -EFBIG,
			"%s: needs more than the %zu MiB allowed for rows", reader->path,
			reader->max_bytes >> 20);
	reader->used_bytes += bytes;
	return 0;
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
