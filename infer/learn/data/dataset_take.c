// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/dataset_take.h"

#include "base/rows_cell.h"

#include <math.h>
#include <stdlib.h>

#define DATASET_EXACT 16777216.0f // up to here every whole number is a float of its own

static struct dataset_memory *dataset_of(const void *codes)
{
	return *(struct dataset_memory *const *)codes;
}

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

int dataset_take_label(struct dataset_memory *m, const char *text, struct error *err)
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

int dataset_take_text(const void *codes, uint32_t column, const char *text, struct error *err)
{
	struct dataset_memory *m = dataset_of(codes);

	if (column == m->weight_text)
		return dataset_take_weight(m, text, err);
	return column == m->label_text ? dataset_take_label(m, text, err) : 0;
}

int dataset_check_value(
	const struct dataset_memory *m, float value, const char *text, struct error *err)
{
	if (isfinite(value) || (m->keep_missing && (isnan(value) || m->model)))
		return 0;
	if (isnan(value) && m->model)
		return error_set(err, -EDOM,
			"the value is missing ('%.20s'), and what is done here with this model "
			"wants "
			"it: fill it in, or leave the row out",
			text);
	if (isnan(value))
		return error_set(err, -EDOM,
			"the value is missing ('%.20s'): --missing mean fills it in, --kind "
			"boosted "
			"has branches for it; or leave the row out",
			text);
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
	const uint32_t before = column->categories.n;
	uint32_t number;
	int rc = text_set_add(&column->categories, text, most, &number);

	if (rc == -EFBIG)
		return error_set(err, rc,
			"more than %u different texts in this column; --drop leaves it out%s", most,
			column->kind == COLUMN_CATEGORIES ? ""
							  : ", --categories takes it all the same");
	if (rc != 0)
		return error_set(err, rc, "out of memory for texts");
	if (number == before)
		rc = text_set_check("text", text, err);
	if (rc != 0)
		return rc;
	*value = (float)number;
	return 1;
}

int dataset_code(
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

int dataset_take_float(struct dataset_memory *m, float value, bool is_label, struct error *err)
{
	char text[32];

	if (is_label && m->set->target == DATASET_CLASSES && fabsf(value) > DATASET_EXACT)
		return error_set(err, -EINVAL,
			"the label is %.9g; beyond %.0f whole numbers are not told apart",
			(double)value, (double)DATASET_EXACT);
	snprintf(text, sizeof(text), "%.9g", (double)value);
	return is_label ? dataset_take_label(m, text, err) : dataset_take_weight(m, text, err);
}
