// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/dataset.h"

#include "base/rows.h"
#include "infer/graph/arena.h"
#include "infer/learn/data/dataset_finish.h"
#include "infer/learn/data/dataset_take.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DATASET_PIECE_ROWS  256
#define DATASET_ARENA_BYTES ((size_t)256 << 20) // of names and texts

static struct dataset_memory *dataset_of(const void *codes)
{
	return *(struct dataset_memory *const *)codes;
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
		if (rows->names && text_set_check("name", rows->names[f], err) != 0)
			return error_prefix(err, "%s:1", m->path);
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
