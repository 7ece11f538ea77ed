// SPDX-License-Identifier: BSD-3-Clause
// CSV (RFC 4180 without line breaks inside quotes): one pass, one line in memory at a time.
#include "base/rows_csv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_IS_FEATURE -1

struct csv {
	struct rows_reader *reader;
	char *line; // [ROWS_LINE_MAX]
	size_t line_number;
	char **fields; // [n_fields] into `line`
	size_t n_fields, fields_capacity;
	int *column_text; // [n_columns] index of the text column, or COLUMN_IS_FEATURE
	size_t n_columns; // features and texts
	bool has_header;
};

#define CSV_ERROR(csv, code, format, ...)                                                          \
	error_set((csv)->reader->err, code, "%s:%zu: " format, (csv)->reader->path,                \
		(csv)->line_number, ##__VA_ARGS__)

// The next line that is not blank, without its end. 1 where there is one, 0 at the end of the file.
static int csv_next_line(struct csv *csv)
{
	for (;;) {
		size_t n;

		csv->line_number++;
		if (!fgets(csv->line, (int)ROWS_LINE_MAX, csv->reader->file))
			return 0;
		n = strlen(csv->line);
		if (n > 0 && csv->line[n - 1] == '\n')
			csv->line[--n] = '\0';
		else if (n + 1 == ROWS_LINE_MAX)
			return CSV_ERROR(
				csv, -EINVAL, "line longer than %zu MiB", ROWS_LINE_MAX >> 20);
		else if (!feof(csv->reader->file))
			return CSV_ERROR(csv, -EINVAL, "a NUL byte; this is not text");
		if (n > 0 && csv->line[n - 1] == '\r')
			csv->line[--n] = '\0';
		if (n > 0)
			return 1;
	}
}

// Takes out one field, unquoted and trimmed in place. Returns where the next one begins, NULL where
// this was the last.
static char *csv_cut_field(char *at, char **field, bool *bad_quote)
{
	char *end, *out;

	while (*at == ' ' || *at == '\t')
		at++;
	if (*at != '"') {
		*field = at;
		end = at + strcspn(at, ",");
		out = end;
		while (out > at && (out[-1] == ' ' || out[-1] == '\t'))
			out--;
	} else {
		*field = out = ++at;
		while (*at && !(at[0] == '"' && at[1] != '"')) {
			at += at[0] == '"';
			*out++ = *at++;
		}
		*bad_quote |= *at != '"';
		end = at + (*at == '"');
		end += strspn(end, " \t");
		*bad_quote |= *end != '\0' && *end != ',';
		end += strcspn(end, ",");
	}
	at = *end == ',' ? end + 1 : NULL;
	*out = '\0';
	return at;
}

static int csv_split(struct csv *csv)
{
	bool bad_quote = false;
	char *at = csv->line;

	csv->n_fields = 0;
	while (at) {
		if (csv->n_fields == csv->fields_capacity) {
			size_t capacity = csv->fields_capacity ? csv->fields_capacity * 2 : 64;
			char **grown = realloc(csv->fields, capacity * sizeof(*grown));

			if (!grown)
				return CSV_ERROR(csv, -ENOMEM, "out of memory");
			csv->fields = grown;
			csv->fields_capacity = capacity;
		}
		if (csv->n_fields >= ROWS_COLUMNS_MAX + ROWS_TEXT_COLUMNS_MAX)
			return CSV_ERROR(csv, -EINVAL, "more than %d columns", ROWS_COLUMNS_MAX);
		at = csv_cut_field(at, &csv->fields[csv->n_fields++], &bad_quote);
	}
	if (bad_quote)
		return CSV_ERROR(
			csv, -EINVAL, "column %zu has a quote that does not close", csv->n_fields);
	return 0;
}

static bool csv_parse_number(const char *text, float *value)
{
	char *end;

	*value = strtof(text, &end);
	return end != text && *end == '\0';
}

// Is `name` one of the comma-separated names?
static bool csv_is_label(const struct csv *csv, const char *name)
{
	const char *list = csv->reader->options->label_columns;
	size_t n = strlen(name);

	if (!list)
		list = ROWS_LABELS_DEFAULT;
	while (*list) {
		size_t one = strcspn(list, ",");

		if (one == n && n > 0 && memcmp(list, name, n) == 0)
			return true;
		list += one + (list[one] == ',');
	}
	return false;
}

static int csv_keep(struct csv *csv, const char *text, char **kept)
{
	// 32 bytes more are about what malloc() and the pointer to the text take.
	int rc = rows_reserve(csv->reader, strlen(text) + 1 + 32);

	if (rc != 0)
		return rc;
	*kept = strdup(text);
	return *kept ? 0 : CSV_ERROR(csv, -ENOMEM, "out of memory");
}

// Decides for every column of the first line whether it is a feature or text.
static int csv_start(struct csv *csv)
{
	struct rows *rows = csv->reader->rows;
	float ignored;
	int rc;

	csv->has_header = !csv_parse_number(csv->fields[0], &ignored);
	csv->n_columns = csv->n_fields;
	csv->column_text = malloc(csv->n_columns * sizeof(*csv->column_text));
	rows->texts = calloc(ROWS_TEXT_COLUMNS_MAX, sizeof(*rows->texts));
	if (csv->has_header)
		rows->names = calloc(csv->n_columns, sizeof(*rows->names));
	if (!csv->column_text || !rows->texts || (csv->has_header && !rows->names))
		return CSV_ERROR(csv, -ENOMEM, "out of memory");
	for (size_t c = 0; c < csv->n_columns; c++) {
		char **name;

		csv->column_text[c] = COLUMN_IS_FEATURE;
		if (!csv->has_header) {
			rows->n_columns++;
			continue;
		}
		if (csv_is_label(csv, csv->fields[c])) {
			if (rows->n_texts == ROWS_TEXT_COLUMNS_MAX)
				return CSV_ERROR(csv, -EINVAL, "more than %d label columns",
					ROWS_TEXT_COLUMNS_MAX);
			csv->column_text[c] = (int)rows->n_texts;
			name = &rows->texts[rows->n_texts++].name;
		} else {
			name = &rows->names[rows->n_columns++];
		}
		rc = csv_keep(csv, csv->fields[c], name);
		if (rc != 0)
			return rc;
	}
	return rows_check_columns(csv->reader, rows->n_columns);
}

static int csv_grow(struct csv *csv)
{
	struct rows_reader *reader = csv->reader;
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
		return CSV_ERROR(csv, -ENOMEM, "out of memory");
	rows->values = values;
	for (uint32_t t = 0; t < rows->n_texts; t++) {
		char **texts = realloc(rows->texts[t].values, capacity * sizeof(*texts));

		if (!texts)
			return CSV_ERROR(csv, -ENOMEM, "out of memory");
		rows->texts[t].values = texts;
	}
	reader->rows_capacity = capacity;
	return 0;
}

static int csv_take_row(struct csv *csv)
{
	struct rows *rows = csv->reader->rows;
	float *out;
	int rc;

	if (csv->n_fields != csv->n_columns)
		return CSV_ERROR(csv, -EINVAL, "%zu values, the %s %zu", csv->n_fields,
			csv->has_header ? "header names" : "first line has", csv->n_columns);
	rc = rows->n_rows == csv->reader->rows_capacity ? csv_grow(csv) : 0;
	if (rc != 0)
		return rc;
	out = rows->values + rows->n_rows * rows->n_columns;
	for (uint32_t t = 0; t < rows->n_texts; t++)
		rows->texts[t].values[rows->n_rows] = NULL;
	rows->n_rows++; // from here on rows_fini frees its texts
	for (size_t c = 0; c < csv->n_columns; c++) {
		int text = csv->column_text[c];

		if (text == COLUMN_IS_FEATURE) {
			if (!csv_parse_number(csv->fields[c], out++))
				return CSV_ERROR(csv, -EINVAL,
					"column %zu is '%.40s', not a number", c + 1,
					csv->fields[c]);
		} else {
			rc = csv_keep(
				csv, csv->fields[c], &rows->texts[text].values[rows->n_rows - 1]);
			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

int rows_read_csv(struct rows_reader *reader)
{
	struct csv csv = { .reader = reader, .line = malloc(ROWS_LINE_MAX) };
	int rc, got;

	if (!csv.line)
		return error_set(reader->err, -ENOMEM, "%s: out of memory", reader->path);
	while ((got = csv_next_line(&csv)) > 0) {
		bool first = csv.column_text == NULL;

		// A byte order mark, as spreadsheets write it, belongs to no name.
		if (first && memcmp(csv.line, "\xef\xbb\xbf", 3) == 0)
			memmove(csv.line, csv.line + 3, strlen(csv.line + 3) + 1);
		rc = csv_split(&csv);
		if (rc == 0 && first)
			rc = csv_start(&csv);
		if (rc == 0 && !(first && csv.has_header))
			rc = csv_take_row(&csv);
		if (rc != 0)
			goto out;
	}
	rc = got;
	if (rc == 0 && !csv.column_text)
		rc = error_set(reader->err, -EINVAL, "%s: empty; a CSV needs a line at least",
			reader->path);
out:
	free(csv.column_text);
	free(csv.fields);
	free(csv.line);
	return rc;
}
