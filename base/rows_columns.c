// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows_columns.h"

#include "base/nearest.h"
#include "base/rows_cell.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// What people call the column that holds the truth, in lower case and without blanks, dashes and
// underscores. The first N_PLAIN also where nothing tells how many features there are, and the first N_LEARNT
// where the rows are to be learnt from: the others could then be scores or features of that name.
static const char *const LABELS[] = { "label", "labels", "activity", "classlabel", "target",
	"attackcat", "outcome", "class", "classes", "targets", "y", "ytrue", "truth", "groundtruth",
	"response", "attack", "attacktype", "attacklabel", "attackname", "attackclass", "isattack",
	"detailedlabel", "category", "subcategory", "anomaly", "isanomaly", "malicious",
	"ismalicious", "malware", "ismalware", "intrusion", "isintrusion", "fraud", "isfraud",
	"churn", "diagnosis", "verdict" };
#define N_LABELS (sizeof(LABELS) / sizeof(LABELS[0]))
#define N_PLAIN  7
#define N_LEARNT 14 // "groundtruth" is the last

#define LIST_MAX    65536 // names in --drop or --columns
#define NAMES_TRIED 64    // columns of a first record that are compared with the model's names

struct decision {
	struct rows_reader *reader;
	const struct csv *csv;
	struct rows_columns *columns;
	const char *const *names; // [n_features] to compare with; NULL: none
	char **cells;             // [columns->n] the first record
};

#define DECISION_ERROR(d, code, format, ...)                                                       \
	error_set((d)->reader->err, code, "%s: " format, (d)->reader->path, ##__VA_ARGS__)

// --- What a name says ----------------------------------------------------------------------------

static bool decision_is_alike(const char *label, const char *name)
{
	for (;; label++, name++) {
		name += strspn(name, " -_");
		if (tolower((unsigned char)*name) != *label)
			return false;
		if (*label == '\0')
			return true;
	}
}

static bool decision_is_label(const struct decision *d, const char *name)
{
	const char *list = d->reader->options->label_columns;
	const size_t n = strlen(name);
	const size_t n_labels = d->reader->options->n_columns ? N_LABELS
		: d->reader->options->labelled                ? N_LEARNT
							      : N_PLAIN;

	for (size_t i = 0; !list && i < n_labels; i++)
		if (decision_is_alike(LABELS[i], name))
			return true;
	while (list && *list) {
		const size_t one = strcspn(list, ",");

		if (one == n && n > 0 && memcmp(list, name, n) == 0)
			return true;
		list += one + (list[one] == ',');
	}
	return false;
}

// As pandas names, and names again, the index that it writes in front of the columns.
static bool decision_is_index(const struct decision *d, size_t column)
{
	return column == 0 && d->columns->header && d->columns->n > 1 &&
		(d->cells[0][0] == '\0' || strcmp(d->cells[0], "Unnamed: 0") == 0);
}

static bool decision_is_feature(const struct decision *d, const char *name)
{
	const uint32_t n = d->names ? d->reader->options->n_columns : 0;

	for (uint32_t f = 0; f < n; f++)
		if (strcmp(d->names[f], name) == 0)
			return true;
	return false;
}

// --- Is the first record a header? ---------------------------------------------------------------

// A line of numbers is a row. Where it could be the columns' names all the same, since it counts them or
// is made of the model's own names, that is said.
static void decision_note_numbers(const struct decision *d, size_t in_order)
{
	const size_t n = d->columns->n;
	size_t named = 0;

	while (named < n && decision_is_feature(d, d->cells[named]))
		named++;
	if ((in_order == n && n > 2) || (named == n && n > 1))
		rows_note(d->reader->rows,
			"%s: the first line, %s, is read as a row; if it names the columns, "
			"say --header, and otherwise --no-header",
			d->reader->path,
			in_order == n ? "0,1,2,..." : "whose numbers are the model's names");
}

// Numbers and missing values never are. Text among them is a row that was meant for another reader
// or a header with numbers for names: a header only where one of the names is known.
static bool decision_has_header(const struct decision *d)
{
	const struct rows_options *options = d->reader->options;
	size_t n_texts = 0, n_numbers = 0, in_order = 0;
	bool known = false;
	float value;

	for (size_t c = 0; c < d->columns->n; c++) {
		const char *cell = d->cells[c];

		switch (rows_cell_read(cell, &value)) {
		case ROWS_CELL_NUMBER:
			n_numbers++;
			in_order += value == (float)c && !strpbrk(cell, ".eE");
			break;
		case ROWS_CELL_TEXT:
			n_texts++;
			known = known || decision_is_label(d, cell) ||
				(c == 0 && strcmp(cell, "Unnamed: 0") == 0);
			break;
		default:
			break;
		}
	}
	if (options->header || options->no_header)
		return options->header;
	if (n_numbers == d->columns->n)
		decision_note_numbers(d, in_order);
	for (size_t c = 0; c < d->columns->n && c < NAMES_TRIED && n_numbers && !known; c++)
		known = rows_cell_read(d->cells[c], &value) == ROWS_CELL_TEXT &&
			decision_is_feature(d, d->cells[c]);
	return n_texts && (!n_numbers || known);
}

// numpy.savetxt() puts "# " in front of its header.
static void decision_skip_hash(struct decision *d)
{
	if (strncmp(d->cells[0], "# ", 2) == 0 && !decision_is_feature(d, d->cells[0]))
		d->cells[0] += 1 + strspn(d->cells[0] + 1, " ");
}

// --- --drop and --columns ------------------------------------------------------------------------

// "3" or "3-7", from 1, within the columns. Sets the first and the last, from 0.
static bool decision_read_range(
	const struct decision *d, const char *text, size_t *from, size_t *to)
{
	const size_t digits = strspn(text, "0123456789");
	const char *rest = text + digits;
	const char *last = *rest == '-' ? rest + 1 : text;

	if (digits == 0 || digits > 6 || strlen(last) > 6 || (*rest && *rest != '-') || !*last ||
		(*rest && last[strspn(last, "0123456789")]))
		return false;
	*from = strtoul(text, NULL, 10) - 1;
	*to = strtoul(last, NULL, 10) - 1;
	return *from <= *to && *to < d->columns->n; // 0 wraps round and is beyond
}

static int decision_refuse_item(const struct decision *d, const char *option, const char *item)
{
	struct nearest nearest = { .wanted = item };

	for (size_t c = 0; d->columns->header && c < d->columns->n; c++)
		nearest_try(&nearest, d->cells[c]);
	return DECISION_ERROR(d, -EINVAL,
		"%s '%.60s': no column of that name%s%.60s%s, and no number from 1 to %zu", option,
		item,
		nearest.found                ? " (is '"
			: d->columns->header ? ""
					     : ", for there is no header",
		nearest.found ? nearest.found : "", nearest.found ? "' meant?)" : "",
		d->columns->n);
}

// The columns that one item of the list stands for.
static int decision_find_item(
	const struct decision *d, const char *option, const char *item, size_t *from, size_t *to)
{
	size_t n_alike = 0;

	for (size_t c = 0; d->columns->header && c < d->columns->n; c++)
		if (strcmp(d->cells[c], item) == 0 && n_alike++ == 0)
			*from = *to = c;
	if (n_alike > 1)
		return DECISION_ERROR(d, -EINVAL,
			"%s '%.60s': %zu columns have that name; say which by its number, from 1",
			option, item, n_alike);
	if (n_alike == 0 && !decision_read_range(d, item, from, to))
		return decision_refuse_item(d, option, item);
	return 0;
}

// Hands every column of the list to take(), in the list's order.
static int decision_for_list(struct decision *d, const char *option, const char *list,
	int (*take)(struct decision *d, size_t column))
{
	char **items = malloc(LIST_MAX * sizeof(*items));
	char *copy = strdup(list);
	size_t from = 0, to = 0;
	int n = items && copy ? csv_split_list(copy, items, LIST_MAX) : 0, rc = 0;

	if (!items || !copy)
		rc = DECISION_ERROR(d, -ENOMEM, "out of memory");
	else if (n < 0)
		rc = DECISION_ERROR(d, -EINVAL,
			"%s '%.60s': a list \"A,B,...\" of at most %d names is wanted; names with "
			"commas stand in double quotes",
			option, list, LIST_MAX);
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = decision_find_item(d, option, items[i], &from, &to);
		for (size_t c = from; rc == 0 && c <= to; c++)
			rc = take(d, c);
	}
	free(copy);
	free(items);
	return rc;
}

static int decision_drop(struct decision *d, size_t column)
{
	d->columns->role[column] = COLUMN_LEFT_OUT;
	return 0;
}

static int decision_pick(struct decision *d, size_t column)
{
	if (d->columns->role[column] <= COLUMN_TEXT)
		return DECISION_ERROR(d, -EINVAL, "--columns: column %zu is %s", column + 1,
			d->reader->options->kept[COLUMN_TEXT - d->columns->role[column]].option);
	if (d->columns->role[column] != COLUMN_OPEN)
		return DECISION_ERROR(
			d, -EINVAL, "--columns: column %zu is picked twice", column + 1);
	d->columns->role[column] = (int32_t)d->reader->rows->n_columns++;
	return 0;
}

// A kept column becomes the next text column.
static int decision_keep(struct decision *d, size_t column, const char *option)
{
	struct rows *rows = d->reader->rows;

	if (d->columns->role[column] != COLUMN_OPEN)
		return DECISION_ERROR(d, -EINVAL, "%s: column %zu is %s", option, column + 1,
			d->columns->role[column] == COLUMN_LEFT_OUT ? "dropped by --drop"
								    : "named twice");
	d->columns->role[column] = COLUMN_TEXT - (int32_t)rows->n_texts++;
	return 0;
}

static int decision_keep_all(struct decision *d)
{
	const struct rows_options *options = d->reader->options;
	size_t from = 0, to = 0;
	int rc = 0;

	for (uint32_t k = 0; rc == 0 && k < options->n_kept; k++) {
		const struct rows_kept *kept = &options->kept[k];

		rc = decision_find_item(d, kept->option, kept->column, &from, &to);
		if (rc == 0 && from != to)
			rc = DECISION_ERROR(d, -EINVAL, "%s '%.60s': one column is wanted",
				kept->option, kept->column);
		if (rc == 0)
			rc = decision_keep(d, from, kept->option);
	}
	return rc;
}

static int decision_mark(struct decision *d, size_t column)
{
	const int32_t role = d->columns->role[column];

	if (role < 0)
		return DECISION_ERROR(
			d, -EINVAL, "--categories: column %zu is no feature", column + 1);
	d->reader->rows->categories[role] = true;
	return 0;
}

// Once it is known which columns are the features.
static int decision_mark_categories(struct decision *d)
{
	struct rows *rows = d->reader->rows;

	if (!d->reader->options->categories)
		return 0;
	rows->categories = calloc(rows->n_columns, sizeof(*rows->categories));
	if (!rows->categories)
		return DECISION_ERROR(d, -ENOMEM, "out of memory");
	return decision_for_list(d, "--categories", d->reader->options->categories, decision_mark);
}

// The features are what --columns says.
static int decision_pick_features(struct decision *d)
{
	const struct rows_options *options = d->reader->options;
	const struct rows_columns *columns = d->columns;
	const uint32_t wanted = options->n_columns;
	bool other = false;
	int rc = decision_for_list(d, "--columns", options->columns, decision_pick);

	if (rc != 0)
		return rc;
	if (wanted != 0 && d->reader->rows->n_columns != wanted)
		return DECISION_ERROR(d, -EINVAL,
			"--columns picks %u feature columns, %u are expected",
			d->reader->rows->n_columns, wanted);
	for (size_t c = 0; c < columns->n; c++)
		other = other ||
			(columns->role[c] >= 0 && columns->header && d->names &&
				strcmp(d->cells[c], d->names[columns->role[c]]) != 0);
	if (other)
		rows_note(d->reader->rows,
			"%s: features are the columns that --columns names, in that order, though "
			"the model's names are others",
			d->reader->path);
	return 0;
}

// --- What is left over ---------------------------------------------------------------------------

// "'a', 'b', 'c' and 4 more" of the columns that are still open.
static void decision_list_open(const struct decision *d, char *list, size_t size)
{
	size_t used = 0, n = 0;

	list[0] = '\0';
	for (size_t c = 0; c < d->columns->n; c++) {
		if (d->columns->role[c] != COLUMN_OPEN || n++ >= 3)
			continue;
		used += (size_t)snprintf(
			list + used, size - used, "%s'%.40s'", n > 1 ? ", " : "", d->cells[c]);
	}
	if (n > 3)
		snprintf(list + used, size - used, " and %zu more", n - 3);
}

// An open column becomes text and is added to the list of those that did.
static int decision_take_label(struct decision *d, size_t column, char *list, size_t size)
{
	struct rows *rows = d->reader->rows;
	const size_t used = strlen(list);

	if (rows->n_texts == ROWS_TEXT_COLUMNS_MAX)
		return DECISION_ERROR(
			d, -EINVAL, "more than %d label columns", ROWS_TEXT_COLUMNS_MAX);
	d->columns->role[column] = COLUMN_TEXT - (int32_t)rows->n_texts++;
	snprintf(list + used, size - used, "%s'%.40s'", used ? ", " : "", d->cells[column]);
	return 0;
}

// Open columns that are labels become text, and pandas' index is left out; both are said. Returns
// how many columns are still open, or a negative errno.
static int decision_take_labels(struct decision *d)
{
	struct rows *rows = d->reader->rows;
	struct rows_columns *columns = d->columns;
	const uint32_t n_kept = rows->n_texts;
	char labels[400] = "";
	int n_open = 0, rc = 0;

	for (size_t c = 0; columns->header && c < columns->n && rc == 0; c++) {
		if (columns->role[c] != COLUMN_OPEN)
			continue;
		if (decision_is_index(d, c)) {
			columns->role[c] = COLUMN_LEFT_OUT;
			rows_note(rows,
				"%s: the first column has no name, as pandas' index: left out",
				d->reader->path);
		} else if (decision_is_label(d, d->cells[c])) {
			rc = decision_take_label(d, c, labels, sizeof(labels));
		} else {
			n_open++;
		}
	}
	if (rows->n_texts > n_kept)
		rows_note(rows, "%s: %s %s: no feature%s", d->reader->path, labels,
			rows->n_texts - n_kept > 1 ? "are labels" : "is a label",
			rows->n_texts - n_kept > 1 ? "s" : "");
	return rc != 0 ? rc : n_open;
}

// --- By name, and by position --------------------------------------------------------------------

static int decision_refuse_missing(const struct decision *d, const struct rows_match *match)
{
	const uint32_t n = d->reader->options->n_columns;
	size_t used = 0, told = 0;
	char list[300] = "";

	for (uint32_t f = 0; f < n && told < 3; f++) {
		struct nearest nearest = { .wanted = d->names[f] };

		if (match->column[f] != ROWS_MATCH_NONE)
			continue;
		for (size_t c = 0; c < d->columns->n; c++)
			if (d->columns->role[c] == COLUMN_OPEN)
				nearest_try(&nearest, d->cells[c]);
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s'%.32s'%s%.32s%s",
			told ? ", " : "", d->names[f], nearest.found ? " (it has '" : "",
			nearest.found ? nearest.found : "", nearest.found ? "')" : "");
		told++;
	}
	if (n - match->n_found > told)
		snprintf(list + used, sizeof(list) - used, ", ...");
	return error_set(d->reader->err, -EINVAL,
		"%s:1: the header lacks %u of the model's %u features: %s; rename them, or say by "
		"--columns which columns are the features",
		d->reader->path, n - match->n_found, n, list);
}

static int decision_take_match(struct decision *d, const struct rows_match *match)
{
	const uint32_t n = d->reader->options->n_columns;
	struct rows *rows = d->reader->rows;
	bool reordered = false;
	char list[160];
	int rc;

	for (uint32_t f = 0; f < n; f++)
		reordered = reordered || (f > 0 && match->column[f] < match->column[f - 1]);
	rows->n_columns = n;
	rc = decision_take_labels(d);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		decision_list_open(d, list, sizeof(list));
		return error_set(d->reader->err, -EINVAL,
			"%s:1: %d columns beyond the model's features: %s; --drop leaves columns "
			"out, --columns picks them",
			d->reader->path, rc, list);
	}
	if (reordered)
		rows_note(rows, "%s: columns are not in the model's order: taken by their names",
			d->reader->path);
	if (match->n_loose > 0)
		rows_note(rows,
			"%s: %u of the names differ from the model's in case, blanks or signs "
			"only, and are taken for them",
			d->reader->path, match->n_loose);
	return 0;
}

// 1 where the header's names decided, 0 where they are not to be compared.
static int decision_by_name(struct decision *d)
{
	const uint32_t n = d->reader->options->n_columns;
	struct rows_match match;
	int rc = rows_match_names(&match, d->names, n, d->cells, d->columns->role, d->columns->n);

	if (rc != 0)
		rc = DECISION_ERROR(d, -ENOMEM, "out of memory");
	else if (match.twice != ROWS_MATCH_NONE)
		rc = error_set(d->reader->err, -EINVAL,
			"%s:1: several columns are named '%.60s'; say by --columns which are the "
			"features",
			d->reader->path, d->cells[match.twice]);
	else if (match.n_found == n)
		rc = decision_take_match(d, &match);
	else if (match.n_found > 0 || !rows_match_made_up(d->names, n))
		rc = decision_refuse_missing(d, &match);
	rows_match_fini(&match);
	return rc == 0 && match.n_found == n ? 1 : rc;
}

static int decision_refuse_count(const struct decision *d, size_t n)
{
	const uint32_t wanted = d->reader->options->n_columns;
	const bool numbered = !d->columns->header && n == (size_t)wanted + 1 &&
		d->cells[0][0] == '\0' && strcmp(d->cells[1], "0") == 0;
	size_t n_labels = d->reader->rows->n_texts;
	char also[64] = "";

	if (n_labels > 0)
		snprintf(also, sizeof(also), " (and %zu of labels)", n_labels);
	return error_set(d->reader->err, -EINVAL, "%s:1: %zu feature columns%s, %u are expected%s",
		d->reader->path, n, also, wanted,
		numbered                         ? "; if this line names the columns, say --header"
			: n + n_labels >= wanted ? "; --drop leaves columns out, by name or number"
						 : "");
}

static int decision_by_position(struct decision *d)
{
	const struct rows_options *options = d->reader->options;
	struct rows_columns *columns = d->columns;
	struct rows *rows = d->reader->rows;
	int rc = decision_take_labels(d);

	if (rc < 0)
		return rc;
	for (size_t c = 0; c < columns->n; c++)
		if (columns->role[c] == COLUMN_OPEN)
			columns->role[c] = (int32_t)rows->n_columns++;
	if (options->n_columns != 0 && rows->n_columns != options->n_columns)
		return decision_refuse_count(d, rows->n_columns);
	if (columns->header && d->names)
		rows_note(rows,
			"%s: the model's features have no names of their own (%.20s, ...): columns "
			"are taken in the file's order",
			d->reader->path, d->names[0]);
	return 0;
}

// --- All of it -----------------------------------------------------------------------------------

static int decision_keep_name(struct decision *d, const char *text, char **kept)
{
	int rc = rows_reserve(d->reader, rows_text_bytes(text));

	if (rc != 0)
		return rc;
	*kept = strdup(text);
	return *kept ? 0 : DECISION_ERROR(d, -ENOMEM, "out of memory");
}

static int decision_keep_names(struct decision *d)
{
	struct rows *rows = d->reader->rows;
	int rc = 0;

	if (!d->columns->header)
		return 0;
	rows->names = calloc(rows->n_columns, sizeof(*rows->names));
	if (!rows->names)
		return DECISION_ERROR(d, -ENOMEM, "out of memory");
	for (size_t c = 0; rc == 0 && c < d->columns->n; c++) {
		const int32_t role = d->columns->role[c];

		if (role >= 0)
			rc = decision_keep_name(d, d->cells[c], &rows->names[role]);
		else if (role <= COLUMN_TEXT)
			rc = decision_keep_name(
				d, d->cells[c], &rows->texts[COLUMN_TEXT - role].name);
	}
	return rc;
}

int rows_columns_decide(
	struct rows_reader *reader, const struct csv *csv, struct rows_columns *columns)
{
	const struct rows_options *options = reader->options;
	struct decision d = { .reader = reader,
		.csv = csv,
		.columns = columns,
		.names = options->n_columns ? options->names : NULL,
		.cells = csv->cells };
	int rc = 0;

	*columns = (struct rows_columns){ .n = csv->n_cells };
	columns->role = malloc(columns->n * sizeof(*columns->role));
	reader->rows->texts = calloc(ROWS_TEXT_COLUMNS_MAX, sizeof(*reader->rows->texts));
	if (!columns->role || !reader->rows->texts)
		return DECISION_ERROR(&d, -ENOMEM, "out of memory");
	for (size_t c = 0; c < columns->n; c++)
		columns->role[c] = COLUMN_OPEN;
	decision_skip_hash(&d);
	columns->header = decision_has_header(&d);
	if (options->drop)
		rc = decision_for_list(&d, "--drop", options->drop, decision_drop);
	if (rc == 0)
		rc = decision_keep_all(&d);
	if (rc == 0 && options->columns) {
		rc = decision_pick_features(&d);
		if (rc == 0)
			rc = decision_take_labels(&d);
	} else if (rc == 0) {
		if (columns->header && d.names)
			rc = decision_by_name(&d);
		if (rc == 0)
			rc = decision_by_position(&d);
	}
	for (size_t c = 0; c < columns->n; c++)
		if (columns->role[c] == COLUMN_OPEN)
			columns->role[c] = COLUMN_LEFT_OUT;
	if (rc >= 0)
		rc = rows_check_columns(reader, reader->rows->n_columns);
	if (rc >= 0)
		rc = decision_mark_categories(&d);
	return rc < 0 ? rc : decision_keep_names(&d);
}

void rows_columns_fini(struct rows_columns *columns)
{
	free(columns->role);
	*columns = (struct rows_columns){ 0 };
}
