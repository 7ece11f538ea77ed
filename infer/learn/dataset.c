// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/dataset.h"

#include "base/rows.h"
#include "base/rows_cell.h"
#include "base/sha256.h"
#include "infer/graph/arena.h"
#include "infer/graph/text_maps.h"
#include "infer/learn/float_store.h"
#include "infer/learn/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DATASET_PIECE_ROWS  256
#define DATASET_ARENA_BYTES ((size_t)256 << 20) // of names and texts
#define DATASET_EXACT       16777216.0f // up to here every whole number is a float of its own

// What a column is, by its first value, or as --categories says.
enum column_kind { COLUMN_UNDECIDED, COLUMN_NUMBERS, COLUMN_TEXTS, COLUMN_CATEGORIES };

struct dataset_column {
	enum column_kind kind;
	struct text_set categories;
};

// A number for each row, as rows come.
struct dataset_list {
	union {
		int32_t *classes;
		float *numbers;
	};
	size_t n, capacity;
};

struct dataset_memory {
	const struct dataset_options *options;
	const char *path;
	const struct model_info *model;
	bool keep_missing;
	struct dataset *set;
	struct arena *arena;
	struct float_store store;
	struct dataset_column *columns; // [n_features]; NULL: not known yet
	uint32_t n_features;
	struct labels labels;
	struct dataset_list labelled, weights;
	uint32_t label_text, weight_text; // of the file's text columns; UINT32_MAX: none is it
	uint32_t label_at, weight_at;     // of a matrix without names its columns, from 0; likewise
	float *row;                       // [n_features] of such a matrix
};

static struct dataset_memory *dataset_of(const void *codes)
{
	return *(struct dataset_memory *const *)codes;
}

static int dataset_no_memory(const char *path, struct error *err)
{
	return error_set(err, -ENOMEM, "%s: out of memory", path);
}

// --- A row's label, weight and values ------------------------------------------------------------

// Room for one more, of either type.
static int dataset_list_grow(struct dataset_list *list, struct error *err)
{
	const size_t capacity = list->capacity ? 2 * list->capacity : 1024;
	float *grown;

	_Static_assert(sizeof(float) == sizeof(int32_t), "a list holds either");
	if (list->n < list->capacity)
		return 0;
	if (list->n >= UINT32_MAX)
		return error_set(err, -EFBIG, "more than %u rows", UINT32_MAX);
	grown = realloc(list->numbers, capacity * sizeof(*grown));
	if (!grown)
		return error_set(err, -ENOMEM, "out of memory for labels");
	list->numbers = grown;
	list->capacity = capacity;
	return 0;
}

static int dataset_take_number(float value, struct dataset_list *list, struct error *err)
{
	if (isinf(value))
		return error_set(err, -EDOM, "the label is infinite; it should be a number");
	list->numbers[list->n++] = value;
	return 0;
}

// `text`: the label's cell.
static int dataset_take_label(struct dataset_memory *m, const char *text, struct error *err)
{
	struct dataset_list *list = &m->labelled;
	float value;
	const enum rows_cell cell = rows_cell_read(text, &value);
	int rc = dataset_list_grow(list, err);

	if (rc != 0)
		return rc;
	if (cell == ROWS_CELL_MISSING) {
		if (!m->options->allow_unlabelled)
			return error_set(err, -EINVAL,
				"the label is missing ('%.20s'); each row needs one here", text);
		m->set->n_unlabelled++;
		if (m->set->target == DATASET_NUMBERS)
			list->numbers[list->n++] = NAN;
		else
			list->classes[list->n++] = -1;
		return 0;
	}
	if (m->set->target == DATASET_CLASSES) {
		rc = labels_take(&m->labels, text, &list->classes[list->n], err);
		list->n += rc == 0;
		return rc;
	}
	if (cell == ROWS_CELL_TEXT)
		return error_set(err, -EINVAL,
			"the label is '%.40s', not a number; labels that are text are classes",
			text);
	return dataset_take_number(value, list, err);
}

static int dataset_take_weight(struct dataset_memory *m, const char *text, struct error *err)
{
	float value;
	const enum rows_cell cell = rows_cell_read(text, &value);
	int rc = dataset_list_grow(&m->weights, err);

	if (rc != 0)
		return rc;
	if (cell != ROWS_CELL_NUMBER || !isfinite(value) || value <= 0)
		return error_set(
			err, -EDOM, "the weight is '%.40s'; it should be a number above 0", text);
	m->weights.numbers[m->weights.n++] = value;
	return 0;
}

static int dataset_take_text(
	const void *codes, uint32_t column, const char *text, struct error *err)
{
	struct dataset_memory *m = dataset_of(codes);

	if (column == m->weight_text)
		return dataset_take_weight(m, text, err);
	return column == m->label_text ? dataset_take_label(m, text, err) : 0;
}

// Is that value one that may stay? `text` is how the file has it.
static int dataset_check_value(
	const struct dataset_memory *m, float value, const char *text, struct error *err)
{
	if (isfinite(value) || (m->keep_missing && (isnan(value) || m->model)))
		return 0;
	if (isnan(value))
		return error_set(err, -EDOM,
			"the value is missing ('%.20s'), which is not taken here", text);
	return error_set(
		err, -EDOM, "the value is infinite ('%.20s'), or too big for a float", text);
}

static int dataset_refuse_kind(const char *text, bool is_text, struct error *err)
{
	return error_set(err, -EINVAL,
		"'%.40s' is %s, but the rows before it have %s in this column; --categories takes "
		"it all as "
		"text, --drop leaves it out",
		text, is_text ? "text" : "a number", is_text ? "numbers" : "text");
}

static int dataset_take_category(
	struct dataset_column *column, const char *text, float *value, struct error *err)
{
	const uint32_t most =
		column->kind == COLUMN_CATEGORIES ? MODEL_TEXTS_MAX : DATASET_TEXTS_MAX;
	uint32_t number;
	int rc = text_set_add(&column->categories, text, most, &number);

	if (rc == -EFBIG)
		return error_set(err, rc,
			"more than %u different texts in this column; --drop leaves it out%s", most,
			column->kind == COLUMN_CATEGORIES ? ""
							  : ", --categories takes it all the same");
	if (rc != 0)
		return error_set(err, rc, "out of memory for texts");
	*value = (float)number;
	return 1;
}

// rows_options.code: a cell of a feature.
static int dataset_code(
	const void *codes, uint32_t feature, const char *text, float *value, struct error *err)
{
	struct dataset_memory *m = dataset_of(codes);
	struct dataset_column *column = &m->columns[feature];
	enum rows_cell cell;
	int rc = m->model ? model_text_code(m->model, feature, text, value, err) : 0;

	if (rc != 0)
		return rc;
	cell = rows_cell_read(text, value);
	if (cell == ROWS_CELL_MISSING || m->model) {
		if (cell == ROWS_CELL_TEXT)
			return 0; // the reader refuses it
		rc = dataset_check_value(m, *value, text, err);
		return rc == 0 ? 1 : rc;
	}
	if (column->kind == COLUMN_UNDECIDED)
		column->kind = cell == ROWS_CELL_TEXT ? COLUMN_TEXTS : COLUMN_NUMBERS;
	if (cell == ROWS_CELL_TEXT && rows_cell_has_decimal_comma(text))
		return 0;
	if (column->kind == COLUMN_CATEGORIES ||
		(column->kind == COLUMN_TEXTS && cell == ROWS_CELL_TEXT))
		return dataset_take_category(column, text, value, err);
	if (column->kind == COLUMN_TEXTS || cell == ROWS_CELL_TEXT)
		return dataset_refuse_kind(text, cell == ROWS_CELL_TEXT, err);
	rc = dataset_check_value(m, *value, text, err);
	return rc == 0 ? 1 : rc;
}

// --- What the file's columns are -----------------------------------------------------------------

// Which text column of a file that names them is the label, if none is said: UINT32_MAX, or which.
static int dataset_find_label(struct dataset_memory *m, const struct rows *rows, struct error *err)
{
	static const char *const NAMES[] = { "label", "class", "target" };
	const uint32_t n_kept = m->options->rows.n_kept;

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		for (uint32_t t = n_kept; t < rows->n_texts; t++)
			if (strcasecmp(rows->texts[t].name, NAMES[i]) == 0) {
				m->label_text = t;
				return 0;
			}
	if (rows->n_texts == n_kept + 1)
		m->label_text = n_kept;
	if (rows->n_texts > n_kept + 1)
		return error_set(err, -EINVAL,
			"%s: several columns may be the label ('%.40s', '%.40s'); --label says "
			"which",
			m->path, rows->texts[n_kept].name, rows->texts[n_kept + 1].name);
	return 0;
}

static int dataset_keep_names(struct dataset_memory *m, const struct rows *rows, struct error *err)
{
	const char **names = arena_calloc(m->arena, m->n_features, sizeof(*names));
	char made_up[16];

	if (!names)
		return dataset_no_memory(m->path, err);
	for (uint32_t f = 0; f < m->n_features; f++) {
		snprintf(made_up, sizeof(made_up), "x%u", f);
		names[f] = arena_strdup(m->arena, rows->names ? rows->names[f] : made_up);
		if (!names[f])
			return dataset_no_memory(m->path, err);
	}
	m->set->feature_names = names;
	return 0;
}

static int dataset_keep_notes(struct dataset_memory *m, const struct rows *rows, struct error *err)
{
	const char **notes = arena_calloc(m->arena, rows->n_notes + 1ull, sizeof(*notes));

	for (uint32_t i = 0; notes && i < rows->n_notes; i++) {
		notes[i] = arena_strdup(m->arena, rows->notes[i]);
		if (!notes[i])
			return dataset_no_memory(m->path, err);
	}
	if (!notes)
		return dataset_no_memory(m->path, err);
	m->set->notes = notes;
	m->set->n_notes = rows->n_notes;
	return 0;
}

// `n`: features alone.
static int dataset_know_columns(
	struct dataset_memory *m, const struct rows *rows, uint32_t n, struct error *err)
{
	int rc;

	if (n == 0 || n > MODEL_FEATURES_MAX)
		return error_set(err, -EINVAL, "%s: %u columns of features; 1 to %d are possible",
			m->path, n, MODEL_FEATURES_MAX);
	m->n_features = m->set->n_features = n;
	m->columns = calloc(n, sizeof(*m->columns));
	m->row = malloc(n * sizeof(*m->row));
	if (!m->columns || !m->row)
		return dataset_no_memory(m->path, err);
	for (uint32_t f = 0; rows->categories && f < n; f++)
		if (rows->categories[f])
			m->columns[f].kind = COLUMN_CATEGORIES;
	rc = dataset_keep_notes(m, rows, err);
	return rc == 0 && !m->model ? dataset_keep_names(m, rows, err) : rc;
}

// The file has no column of labels, and there is no file of them.
static int dataset_lacks_label(struct dataset_memory *m, struct error *err)
{
	if (!m->options->allow_unlabelled)
		return error_set(err, -EINVAL,
			"%s: which column is the label? --label says its name or its number, from "
			"1, and "
			"--labels a file of them",
			m->path);
	m->set->target = DATASET_NONE;
	return 0;
}

// rows_options.begin: a CSV's columns are decided.
static int dataset_begin(const void *codes, const struct rows *rows, struct error *err)
{
	struct dataset_memory *m = dataset_of(codes);
	const struct dataset_options *o = m->options;
	int rc = 0;

	if (o->label)
		m->label_text = 0;
	if (o->weight)
		m->weight_text = o->label ? 1 : 0;
	if (m->set->target == DATASET_NONE || o->labels_path)
		m->label_text = UINT32_MAX;
	else if (!o->label)
		rc = dataset_find_label(m, rows, err);
	if (rc == 0 && m->set->target != DATASET_NONE && !o->labels_path &&
		m->label_text == UINT32_MAX)
		rc = dataset_lacks_label(m, err);
	return rc == 0 ? dataset_know_columns(m, rows, rows->n_columns, err) : rc;
}

// --- Rows of .npy and .f32 -----------------------------------------------------------------------

static bool dataset_is_csv(const struct dataset_memory *m)
{
	return rows_tell_format(m->path, &m->options->rows) == ROWS_FORMAT_CSV;
}

// A column of a matrix by its number, from 1. *at from 0; UINT32_MAX: none is asked for.
static int dataset_read_place(const struct dataset_memory *m, const char *option, const char *text,
	uint32_t n_columns, uint32_t *at, struct error *err)
{
	char *end;
	unsigned long number;

	*at = UINT32_MAX;
	if (!text)
		return 0;
	number = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || number == 0 || number > n_columns)
		return error_set(err, -EINVAL,
			"%s: %s '%.40s': its columns have no names, but numbers from 1 to %u",
			m->path, option, text, n_columns);
	*at = (uint32_t)number - 1;
	return 0;
}

static int dataset_begin_matrix(
	struct dataset_memory *m, const struct rows *rows, struct error *err)
{
	const struct dataset_options *o = m->options;
	const uint32_t n = rows->n_columns;
	int rc = dataset_read_place(m, "--label", o->label, n, &m->label_at, err);

	if (rc == 0)
		rc = dataset_read_place(m, "--weight", o->weight, n, &m->weight_at, err);
	if (rc == 0 && m->label_at != UINT32_MAX && m->label_at == m->weight_at)
		rc = error_set(err, -EINVAL, "--weight: column %u is --label's", m->label_at + 1);
	if (rc == 0 && !o->label && !o->labels_path && m->set->target != DATASET_NONE)
		rc = dataset_lacks_label(m, err);
	return rc == 0
		? dataset_know_columns(m, rows, n - (o->label != NULL) - (o->weight != NULL), err)
		: rc;
}

// A label or a weight as a matrix has it.
static int dataset_take_float(
	struct dataset_memory *m, float value, bool is_label, struct error *err)
{
	char text[32];

	if (is_label && m->set->target == DATASET_CLASSES && fabsf(value) > DATASET_EXACT)
		return error_set(err, -EINVAL,
			"the label is %.9g; beyond %.0f whole numbers are not told apart",
			(double)value, (double)DATASET_EXACT);
	snprintf(text, sizeof(text), "%.9g", (double)value);
	return is_label ? dataset_take_label(m, text, err) : dataset_take_weight(m, text, err);
}

static int dataset_take_matrix_row(
	struct dataset_memory *m, const float *from, uint32_t n_columns, struct error *err)
{
	uint32_t f = 0;
	char text[32];
	int rc = 0;

	for (uint32_t c = 0; rc == 0 && c < n_columns; c++) {
		const bool is_label = c == m->label_at;

		if (!is_label && c != m->weight_at) {
			m->row[f++] = from[c];
			if (isfinite(from[c]))
				continue;
			snprintf(text, sizeof(text), "%.9g", (double)from[c]);
			rc = dataset_check_value(m, from[c], text, err);
		} else if (!is_label ||
			(m->set->target != DATASET_NONE && !m->options->labels_path)) {
			rc = dataset_take_float(m, from[c], is_label, err);
		}
		if (rc != 0)
			rc = error_prefix(err, "column %u", c + 1);
	}
	return rc == 0 ? float_store_add(&m->store, m->row, f, err) : rc;
}

static int dataset_take_matrix(
	struct dataset_memory *m, const struct rows *rows, size_t first, struct error *err)
{
	int rc = m->columns ? 0 : dataset_begin_matrix(m, rows, err);

	for (size_t r = 0; rc == 0 && r < rows->n_rows; r++) {
		rc = dataset_take_matrix_row(
			m, rows->values + r * rows->n_columns, rows->n_columns, err);
		if (rc != 0)
			return error_prefix(err, "%s: row %zu", m->path, first + r + 1);
	}
	return rc;
}

static int dataset_take_rows(
	void *context, const struct rows *rows, size_t first, struct error *err)
{
	struct dataset_memory *m = context;
	int rc;

	m->set->n_rows = first + rows->n_rows;
	if (m->set->n_rows >= UINT32_MAX)
		return error_set(err, -EFBIG, "%s: more than %u rows", m->path, UINT32_MAX);
	if (!dataset_is_csv(m))
		return dataset_take_matrix(m, rows, first, err);
	rc = float_store_add(&m->store, rows->values, rows->n_rows * rows->n_columns, err);
	return rc == 0 ? 0 : error_prefix(err, "%s", m->path);
}

// --- Reading -------------------------------------------------------------------------------------

// How many columns a matrix without a header has.
static int dataset_matrix_columns(
	const struct dataset_memory *m, struct rows_options *how, struct error *err)
{
	const struct dataset_options *o = m->options;

	if (m->model)
		how->n_columns = m->model->n_features + (o->label != NULL) + (o->weight != NULL);
	if (rows_tell_format(m->path, how) == ROWS_FORMAT_F32 && how->n_columns == 0)
		return error_set(err, -EINVAL,
			"%s: a .f32 file does not say how many columns a row has; a .npy does",
			m->path);
	return 0;
}

static int dataset_read_rows(struct dataset_memory *m, struct error *err)
{
	const struct dataset_options *o = m->options;
	const struct rows_pieces pieces = { DATASET_PIECE_ROWS, dataset_take_rows, m };
	struct rows_options how = o->rows;
	struct rows_kept kept[2];
	int rc = 0;

	if (o->label && o->labels_path)
		return error_set(err, -EINVAL, "give only one of --label and --labels");
	if (!dataset_is_csv(m)) {
		rc = dataset_matrix_columns(m, &how, err);
		return rc == 0 ? rows_read_pieces(m->path, NULL, &how, &pieces, err) : rc;
	}
	if (m->model)
		model_rows_options(m->model, &how);
	how.n_kept = 0;
	if (o->label)
		kept[how.n_kept++] = (struct rows_kept){ o->label, "--label" };
	if (o->weight)
		kept[how.n_kept++] = (struct rows_kept){ o->weight, "--weight" };
	how.kept = kept;
	how.labelled = true;
	how.code = dataset_code;
	how.begin = dataset_begin;
	how.take_text = dataset_take_text;
	how.codes = &m;
	return rows_read_pieces(m->path, NULL, &how, &pieces, err);
}

// rows_options.code of a file of labels: its one column.
static int dataset_code_label(
	const void *codes, uint32_t feature, const char *text, float *value, struct error *err)
{
	const int rc = dataset_take_label(dataset_of(codes), text, err);

	(void)feature;
	*value = 0;
	return rc == 0 ? 1 : rc;
}

static int dataset_take_labels(
	void *context, const struct rows *rows, size_t first, struct error *err)
{
	struct dataset_memory *m = context;
	int rc = 0;

	if (rows_tell_format(m->options->labels_path, &(struct rows_options){ 0 }) ==
		ROWS_FORMAT_CSV)
		return 0;
	for (size_t r = 0; rc == 0 && r < rows->n_rows; r++) {
		rc = dataset_take_float(m, rows->values[r], true, err);
		if (rc != 0)
			return error_prefix(
				err, "%s: row %zu", m->options->labels_path, first + r + 1);
	}
	return rc;
}

static int dataset_read_labels(struct dataset_memory *m, struct error *err)
{
	const char *path = m->options->labels_path;
	const struct rows_pieces pieces = { DATASET_PIECE_ROWS, dataset_take_labels, m };
	const struct rows_options how = {
		.n_columns = 1, .label_columns = "", .code = dataset_code_label, .codes = &m
	};
	int rc = rows_read_pieces(path, NULL, &how, &pieces, err);

	if (rc == 0 && m->labelled.n != m->set->n_rows)
		rc = error_set(err, -EINVAL, "%s: %zu labels, but %s has %zu rows", path,
			m->labelled.n, m->path, m->set->n_rows);
	return rc;
}

// --- What is known once all is read --------------------------------------------------------------

// Gives the categories of a column their numbers by place, in all rows.
static int dataset_sort_categories(
	struct dataset_memory *m, uint32_t feature, uint32_t *place, const char **texts)
{
	const struct text_set *set = &m->columns[feature].categories;
	float *at = m->store.values + feature;

	if (text_set_places(set, place) != 0)
		return -ENOMEM;
	for (size_t r = 0; r < m->set->n_rows; r++, at += m->n_features)
		if (!isnan(*at))
			*at = (float)place[(uint32_t)*at];
	for (uint32_t t = 0; t < set->n; t++) {
		texts[place[t]] = arena_strdup(m->arena, set->texts[t]);
		if (!texts[place[t]])
			return -ENOMEM;
	}
	return 0;
}

static int dataset_make_texts(struct dataset_memory *m, struct error *err)
{
	struct model_texts *maps = arena_calloc(m->arena, m->n_features, sizeof(*maps));
	uint32_t n = 0, total = 0;
	int rc = maps ? 0 : -ENOMEM;

	for (uint32_t f = 0; rc == 0 && f < m->n_features; f++) {
		const uint32_t n_texts = m->columns[f].categories.n;
		uint32_t *place;
		const char **texts;

		if (m->columns[f].kind < COLUMN_TEXTS)
			continue;
		place = malloc((n_texts + 1ull) * sizeof(*place));
		texts = arena_calloc(m->arena, n_texts + 1ull, sizeof(*texts));
		rc = place && texts ? dataset_sort_categories(m, f, place, texts) : -ENOMEM;
		free(place);
		total += n_texts;
		if (rc == 0 && (n_texts == 0 || total > MODEL_TEXTS_MAX))
			return error_set(err, -EINVAL,
				n_texts == 0 ? "%s: column '%.60s' has no categories, for all its "
					       "values are missing"
					     : "%s: with column '%.60s' there are more categories "
					       "than a "
					       "model can have",
				m->path, m->set->feature_names[f]);
		maps[n++] = (struct model_texts){ .feature = f,
			.n_texts = n_texts,
			.takes_unknown = m->options->take_unknown,
			.is_category = true,
			.texts = texts };
	}
	if (rc == 0)
		rc = text_maps_order(maps, n, m->arena, err);
	m->set->texts = maps;
	m->set->n_texts = n;
	return rc == -ENOMEM ? dataset_no_memory(m->path, err) : rc;
}

// Labels from which nothing can be learnt.
static int dataset_check_classes(const struct dataset_memory *m, struct error *err)
{
	const struct dataset *set = m->set;
	const size_t n_labelled = set->n_rows - set->n_unlabelled;

	if (n_labelled == 0 && !m->options->allow_unlabelled)
		return error_set(err, -EINVAL, "%s: no row has a label", m->path);
	if (m->model || n_labelled == 0)
		return 0;
	if (set->n_classes == 1 && !m->options->allow_one_class)
		return error_set(err, -EINVAL,
			"%s: all rows have the label '%.60s'; two different ones at least are "
			"needed",
			m->path, set->class_labels[0]);
	if (set->n_classes == n_labelled && n_labelled > 1)
		return error_set(err, -EINVAL,
			"%s: each of the %zu rows has a label of its own; there should be more "
			"rows "
			"than classes, or numbers as targets",
			m->path, n_labelled);
	return 0;
}

static int dataset_check_numbers(const struct dataset_memory *m, struct error *err)
{
	const float *numbers = m->set->numbers;
	size_t r = 0, same;

	while (r < m->set->n_rows && isnan(numbers[r]))
		r++;
	for (same = r; same < m->set->n_rows; same++)
		if (!isnan(numbers[same]) && numbers[same] != numbers[r])
			return 0;
	if (r == m->set->n_rows || m->model || m->options->allow_one_class)
		return 0;
	return error_set(err, -EINVAL,
		"%s: all rows have the target %.9g; two different ones at least are needed",
		m->path, (double)numbers[r]);
}

static int dataset_make_labels(struct dataset_memory *m, struct error *err)
{
	struct dataset *set = m->set;
	int rc = 0;

	if (set->target == DATASET_NUMBERS) {
		set->numbers = m->labelled.numbers;
		return dataset_check_numbers(m, err);
	}
	if (set->target != DATASET_CLASSES)
		return 0;
	rc = labels_done(&m->labels, m->labelled.classes, m->labelled.n, err);
	if (rc != 0)
		return error_prefix(err, "%s", m->path);
	set->classes = m->labelled.classes;
	set->class_labels = (const char *const *)m->labels.classes.texts;
	set->n_classes = m->labels.classes.n;
	if (m->labels.model) {
		set->class_labels = m->model->class_labels;
		set->n_classes = m->model->n_class_labels;
	}
	return dataset_check_classes(m, err);
}

static void dataset_hash(struct dataset *set)
{
	const uint64_t shape[] = { set->n_rows, set->n_features, set->target,
		set->weights != NULL };
	const void *const columns[] = { set->classes, set->numbers, set->weights };
	struct sha256 sha;

	sha256_begin(&sha);
	sha256_add(&sha, shape, sizeof(shape));
	sha256_add(&sha, set->values, set->n_rows * set->n_features * sizeof(*set->values));
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (columns[i])
			sha256_add(&sha, columns[i], set->n_rows * sizeof(float));
	sha256_end(&sha, set->sha256);
}

static int dataset_finish(struct dataset_memory *m, struct error *err)
{
	struct dataset *set = m->set;
	int rc;

	if (set->n_rows == 0)
		return error_set(err, -EINVAL, "%s: no rows", m->path);
	rc = float_store_done(&m->store, err);
	if (rc != 0)
		return error_prefix(err, "%s", m->path);
	set->values = m->store.values;
	if (m->model) {
		set->feature_names = m->model->feature_names;
		set->texts = m->model->texts;
		set->n_texts = m->model->n_texts;
	} else {
		rc = dataset_make_texts(m, err);
	}
	if (rc == 0)
		rc = dataset_make_labels(m, err);
	if (m->options->weight)
		set->weights = m->weights.numbers;
	if (rc == 0)
		dataset_hash(set);
	return rc;
}

int dataset_read(const char *path, const struct dataset_options *options, struct dataset *set,
	struct error *err)
{
	struct dataset_memory *m = calloc(1, sizeof(*m));
	const uint32_t mib = options->memory_mib ? options->memory_mib : DATASET_MEMORY_MIB;
	int rc;

	*set = (struct dataset){ .target = options->target, .memory = m };
	if (!m)
		return dataset_no_memory(path, err);
	float_store_init(&m->store, (size_t)mib << 20);
	m->options = options;
	m->model = options->model;
	m->keep_missing = options->keep_missing && (!m->model || m->model->accepts_missing);
	m->set = set;
	m->label_text = m->weight_text = m->label_at = m->weight_at = UINT32_MAX;
	m->arena = arena_create(DATASET_ARENA_BYTES);
	set->path = m->path = m->arena ? arena_strdup(m->arena, path) : NULL;
	rc = m->path ? labels_init(&m->labels, options->group, options->model, err)
		     : dataset_no_memory(path, err);
	if (rc == 0)
		rc = dataset_read_rows(m, err);
	if (rc == 0 && options->labels_path && set->target != DATASET_NONE)
		rc = dataset_read_labels(m, err);
	if (rc == 0)
		rc = dataset_finish(m, err);
	m->options = NULL; // the caller's, and not needed any more
	if (rc != 0)
		dataset_fini(set);
	return rc;
}

void dataset_fini(struct dataset *set)
{
	struct dataset_memory *m = set->memory;

	if (m) {
		for (uint32_t f = 0; m->columns && f < m->n_features; f++)
			text_set_fini(&m->columns[f].categories);
		free(m->columns);
		free(m->row);
		free(m->labelled.numbers);
		free(m->weights.numbers);
		labels_fini(&m->labels);
		float_store_fini(&m->store);
		arena_destroy(m->arena);
		free(m);
	}
	*set = (struct dataset){ 0 };
}
