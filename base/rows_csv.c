// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows_csv.h"

#include "base/csv.h"
#include "base/rows_cell.h"
#include "base/rows_columns.h"

#include <stdlib.h>
#include <string.h>

struct rows_csv {
	struct rows_reader *reader;
	struct csv csv;
	struct rows_columns columns;
};

static int rows_csv_grow(struct rows_csv *r)
{
	struct rows_reader *reader = r->reader;
	struct rows *rows = reader->rows;
	size_t capacity = reader->rows_capacity ? reader->rows_capacity * 2 : 64;
	size_t more = capacity - reader->rows_capacity;
	float *values;
	int rc;

	rc = rows_reserve(reader, more * (rows->n_columns * sizeof(float)));
	if (rc != 0)
		return rc;
	values = realloc(rows->values, capacity * (rows->n_columns * sizeof(float)));
	if (!values)
		return CSV_ERROR(&r->csv, -ENOMEM, "out of memory");
	rows->values = values;
	for (uint32_t t = 0; t < rows->n_texts; t++) {
		char **texts = realloc(rows->texts[t].values, capacity * sizeof(*texts));

		if (!texts)
			return CSV_ERROR(&r->csv, -ENOMEM, "out of memory");
		rows->texts[t].values = texts;
	}
	reader->rows_capacity = capacity;
	return 0;
}

static int rows_csv_keep_text(struct rows_csv *r, const char *text, char **kept)
{
	int rc = rows_reserve(r->reader, rows_text_bytes(text));

	if (rc != 0)
		return rc;
	*kept = strdup(text);
	return *kept ? 0 : CSV_ERROR(&r->csv, -ENOMEM, "out of memory");
}

// A cell that is no number: says which, and what would be right.
static int rows_csv_refuse_cell(const struct rows_csv *r, size_t column, uint32_t feature)
{
	const char *text = r->csv.cells[column], *hint = "";
	char **names = r->reader->rows->names;

	if (rows_cell_has_decimal_comma(text))
		hint = ": it has a decimal comma; numbers have a point (pandas: "
		       "to_csv(decimal='.'))";
	else if (r->csv.line_number == 1 && !names && !r->reader->options->no_header)
		hint = "; if this line names the columns, say --header";
	return CSV_ERROR(&r->csv, -EINVAL, "column %zu%s%.60s%s is '%.40s', not a number%s",
		column + 1, names ? " ('" : "", names ? names[feature] : "", names ? "')" : "",
		text, hint);
}

static int rows_csv_take_cell(struct rows_csv *r, size_t column, uint32_t feature, float *value)
{
	const struct rows_options *options = r->reader->options;
	const char *text = r->csv.cells[column];
	int rc = 0;

	if (options->code)
		rc = options->code(options->codes, feature, text, value, r->reader->err);
	if (rc < 0)
		return error_prefix(r->reader->err, "%s:%zu: column %zu", r->csv.path,
			r->csv.line_number, column + 1);
	if (rc > 0 || rows_cell_read(text, value) != ROWS_CELL_TEXT)
		return 0;
	return rows_csv_refuse_cell(r, column, feature);
}

static int rows_csv_take_text(struct rows_csv *r, size_t column, uint32_t text)
{
	const struct rows_options *options = r->reader->options;
	struct rows *rows = r->reader->rows;
	int rc;

	if (!options->take_text)
		return rows_csv_keep_text(
			r, r->csv.cells[column], &rows->texts[text].values[rows->n_rows - 1]);
	rc = options->take_text(options->codes, text, r->csv.cells[column], r->reader->err);
	return rc == 0 ? 0
		       : error_prefix(r->reader->err, "%s:%zu: column %zu", r->csv.path,
				 r->csv.line_number, column + 1);
}

static int rows_csv_take_row(struct rows_csv *r)
{
	struct rows *rows = r->reader->rows;
	float *out;
	int rc;

	if (r->csv.n_cells != r->columns.n)
		return CSV_ERROR(&r->csv, -EINVAL, "%zu values, the %s %zu", r->csv.n_cells,
			r->columns.header ? "header names" : "first line has", r->columns.n);
	rc = rows->n_rows == r->reader->rows_capacity ? rows_csv_grow(r) : 0;
	if (rc != 0)
		return rc;
	out = rows->values + rows->n_rows * rows->n_columns;
	for (uint32_t t = 0; t < rows->n_texts; t++)
		rows->texts[t].values[rows->n_rows] = NULL;
	rows->n_rows++; // from here on rows_fini frees its texts
	for (size_t c = 0; c < r->columns.n; c++) {
		const int32_t role = r->columns.role[c];

		if (role >= 0)
			rc = rows_csv_take_cell(r, c, (uint32_t)role, &out[role]);
		else if (role <= COLUMN_TEXT)
			rc = rows_csv_take_text(r, c, (uint32_t)(COLUMN_TEXT - role));
		if (rc != 0)
			return rc;
	}
	return 0;
}

int rows_read_csv(struct rows_reader *reader)
{
	struct rows_csv r = { .reader = reader };
	int rc, got;

	csv_init(&r.csv, reader->file, reader->path, reader->err);
	rc = got = csv_next(&r.csv);
	if (got == 0)
		rc = error_set(reader->err, -EINVAL, "%s: empty; a CSV needs a line at least",
			reader->path);
	if (got > 0)
		rc = rows_columns_decide(reader, &r.csv, &r.columns);
	if (rc == 0 && got > 0 && reader->options->begin)
		rc = reader->options->begin(reader->options->codes, reader->rows, reader->err);
	if (rc == 0 && r.columns.header)
		got = csv_next(&r.csv);
	for (; rc == 0 && got > 0; got = csv_next(&r.csv)) {
		rc = rows_csv_take_row(&r);
		if (rc == 0 && rows_piece_is_full(reader))
			rc = rows_hand_over(reader);
		if (rc != 0)
			break;
	}
	rows_columns_fini(&r.columns);
	csv_fini(&r.csv);
	return rc == 0 && got < 0 ? got : rc;
}
