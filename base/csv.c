// SPDX-License-Identifier: BSD-3-Clause
#include "base/csv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char CSV_SEPARATORS[] = "\t;,"; // where two would do, the first of them is meant
#define CSV_N_SEPARATORS (sizeof(CSV_SEPARATORS) - 1)

// Where in a record a byte stands.
enum csv_state {
	CSV_BEFORE, // a cell, or blanks in front of it
	CSV_PLAIN,  // in a cell without quotes, or behind a quoted one
	CSV_QUOTED,
	CSV_CLOSED, // behind a quote that ends the cell, unless it is doubled
};

static bool csv_is_separator(const struct csv *csv, char c)
{
	return csv->separator ? c == csv->separator : c && strchr(CSV_SEPARATORS, c);
}

static enum csv_state csv_step(const struct csv *csv, enum csv_state state, char c)
{
	if (state == CSV_QUOTED)
		return c == '"' ? CSV_CLOSED : CSV_QUOTED;
	if (state == CSV_CLOSED && c == '"')
		return CSV_QUOTED;
	if (csv_is_separator(csv, c))
		return CSV_BEFORE;
	if (state == CSV_BEFORE && c == '"')
		return CSV_QUOTED;
	return state == CSV_BEFORE && (c == ' ' || c == '\t') ? CSV_BEFORE : CSV_PLAIN;
}

// --- Reading a record ----------------------------------------------------------------------------

static int csv_append(struct csv *csv, struct csv_record *record, char c)
{
	if (record->bytes + 1 >= record->capacity) {
		size_t capacity = record->capacity ? record->capacity * 2 : 4096;
		char *grown;

		if (capacity > CSV_RECORD_MAX)
			return CSV_ERROR(csv, -EINVAL,
				"a line longer than %zu MiB, or a quote that does not close",
				CSV_RECORD_MAX >> 20);
		grown = realloc(record->text, capacity);
		if (!grown)
			return CSV_ERROR(csv, -ENOMEM, "out of memory");
		record->text = grown;
		record->capacity = capacity;
	}
	assert(record->text);
	record->text[record->bytes++] = c;
	return 0;
}

// LF, CRLF and CR are one line's end.
static int csv_get(struct csv *csv)
{
	int c = getc_unlocked(csv->file);

	if (c != '\r')
		return c;
	c = getc_unlocked(csv->file);
	if (c != '\n' && c != EOF)
		ungetc(c, csv->file);
	return '\n';
}

// One record without its end, maybe an empty one: 1, or 0 at the end of the file.
static int csv_read_one(struct csv *csv, struct csv_record *record)
{
	static const char MARK[] = "\xef\xbb\xbf"; // the byte order mark, as spreadsheets write it
	enum csv_state state = CSV_BEFORE;
	int c, rc;

	record->bytes = 0;
	record->open = false;
	record->line = csv->line_number = csv->n_lines + 1;
	while ((c = csv_get(csv)) != EOF) {
		if (c == '\0')
			return CSV_ERROR(csv, -EINVAL, "a NUL byte; this is not text");
		csv->n_lines += c == '\n';
		if (c == '\n' && state != CSV_QUOTED)
			break;
		rc = csv_append(csv, record, (char)c);
		if (rc != 0)
			return rc;
		state = csv_step(csv, state, (char)c);
		record->open = state == CSV_QUOTED;
		if (record->line == 1 && record->bytes == 3 && memcmp(record->text, MARK, 3) == 0) {
			record->bytes = 0;
			state = CSV_BEFORE;
		}
	}
	rc = csv_append(csv, record, '\0');
	return rc != 0 ? rc : c != EOF || record->bytes > 1;
}

static int csv_read(struct csv *csv, struct csv_record *record)
{
	int rc;

	do
		rc = csv_read_one(csv, record);
	while (rc > 0 && record->text[0] == '\0');
	return rc;
}

// --- Which separator -----------------------------------------------------------------------------

// How often each separator stands outside quotes. A tab beside another separator is a blank.
static void csv_count(const struct csv *csv, const char *text, size_t counts[CSV_N_SEPARATORS])
{
	enum csv_state state = CSV_BEFORE;

	memset(counts, 0, CSV_N_SEPARATORS * sizeof(*counts));
	for (const char *at = text; *at; at++) {
		const char *which = strchr(CSV_SEPARATORS, *at);

		if (state != CSV_QUOTED && which &&
			!(*at == '\t' &&
				((at > text && strchr(",;", at[-1])) ||
					(at[1] && strchr(",;", at[1])))))
			counts[which - CSV_SEPARATORS]++;
		state = csv_step(csv, state, *at);
	}
}

static void csv_tell_separator(struct csv *csv, const char *first, const char *second)
{
	size_t in_first[CSV_N_SEPARATORS], in_second[CSV_N_SEPARATORS];
	char any = ',', alike = '\0';

	csv_count(csv, first, in_first);
	csv_count(csv, second, in_second);
	for (size_t s = CSV_N_SEPARATORS; s-- > 0;) {
		if (in_first[s])
			any = CSV_SEPARATORS[s];
		if (in_first[s] && in_first[s] == in_second[s])
			alike = CSV_SEPARATORS[s];
	}
	csv->separator = alike ? alike : any;
}

// --- Cutting it into cells -----------------------------------------------------------------------

static bool csv_is_blank(char c, char separator)
{
	return c == ' ' || (c == '\t' && separator != '\t');
}

// Takes out one cell, in place. Returns where the next one begins, NULL where this was the last.
static char *csv_cut(char *at, char separator, char **cell, bool *bad_quote)
{
	const char ends[2] = { separator, '\0' };
	char *end, *out;

	while (csv_is_blank(*at, separator))
		at++;
	if (*at != '"') {
		*cell = at;
		end = at + strcspn(at, ends);
		out = end;
		while (out > at && csv_is_blank(out[-1], separator))
			out--;
	} else {
		*cell = out = ++at;
		while (*at && !(at[0] == '"' && at[1] != '"')) {
			at += at[0] == '"';
			*out++ = *at++;
		}
		*bad_quote |= *at != '"';
		end = at + (*at == '"');
		while (csv_is_blank(*end, separator))
			end++;
		*bad_quote |= *end != '\0' && *end != separator;
		end += strcspn(end, ends);
	}
	at = *end == separator ? end + 1 : NULL;
	*out = '\0';
	return at;
}

static int csv_split(struct csv *csv)
{
	bool bad_quote = false;
	char *at = csv->now.text;

	csv->n_cells = 0;
	while (at) {
		if (csv->n_cells == CSV_CELLS_MAX)
			return CSV_ERROR(csv, -EINVAL, "more than %d columns", CSV_CELLS_MAX);
		if (csv->n_cells == csv->cells_capacity) {
			size_t capacity = csv->cells_capacity ? csv->cells_capacity * 2 : 64;
			char **grown = realloc(csv->cells, capacity * sizeof(*grown));

			if (!grown)
				return CSV_ERROR(csv, -ENOMEM, "out of memory");
			csv->cells = grown;
			csv->cells_capacity = capacity;
		}
		at = csv_cut(at, csv->separator, &csv->cells[csv->n_cells++], &bad_quote);
		if (bad_quote)
			return CSV_ERROR(csv, -EINVAL, "column %zu has a quote that does not close",
				csv->n_cells);
	}
	return 0;
}

// --- What others call ----------------------------------------------------------------------------

void csv_init(struct csv *csv, FILE *file, const char *path, struct error *err)
{
	*csv = (struct csv){ .file = file, .path = path, .err = err };
}

void csv_fini(struct csv *csv)
{
	free(csv->now.text);
	free(csv->ahead.text);
	free(csv->cells);
	memset(csv, 0, sizeof(*csv));
}

int csv_next(struct csv *csv)
{
	int rc;

	if (csv->ahead.text) {
		free(csv->now.text);
		csv->now = csv->ahead;
		csv->ahead = (struct csv_record){ 0 };
		rc = csv->now.text[0] != '\0';
	} else {
		rc = csv_read(csv, &csv->now);
	}
	if (rc <= 0)
		return rc;
	if (!csv->separator) {
		rc = csv_read(csv, &csv->ahead);
		if (rc < 0)
			return rc;
		csv_tell_separator(csv, csv->now.text, csv->ahead.text);
	}
	csv->line_number = csv->now.line;
	rc = csv_split(csv);
	return rc != 0 ? rc : 1;
}

int csv_split_list(char *list, char **cells, size_t capacity)
{
	bool bad_quote = false;
	size_t n = 0;

	while (list) {
		if (n == capacity)
			return -EINVAL;
		list = csv_cut(list, ',', &cells[n++], &bad_quote);
	}
	return bad_quote ? -EINVAL : (int)n;
}
