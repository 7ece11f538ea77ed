// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/tensor_rows.h"

#include "base/half.h"
#include "base/rows_cell.h"
#include "ctl/server/scoring/scoring.h"
#include "ctl/server/scoring/tensor_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Where an input's values go: all features of a row, or one of them.
struct target {
	const struct model_info *info;
	const struct tensor_input *input;
	float *rows;      // [n][n_features]
	uint32_t first;   // feature
	uint32_t columns; // features of the input: all, or 1
};

// Without a division, for each of thousands of values.
static float *target_at(const struct target *t, uint64_t index)
{
	return t->columns == 1 ? t->rows + index * t->info->n_features + t->first : t->rows + index;
}

static int target_place(const struct target *t, uint64_t index, struct error *err)
{
	tensor_rows_place(
		t->info, index / t->columns, t->first + (uint32_t)(index % t->columns), err);
	return error_prefix(err, "input '%.80s'", t->input->name);
}

int tensor_rows_place(
	const struct model_info *info, uint64_t row, uint32_t feature, struct error *err)
{
	return error_prefix(err, "row %llu (the first is 1), column %u ('%.80s')",
		(unsigned long long)row + 1, feature + 1, info->feature_names[feature]);
}

// --- One value -----------------------------------------------------------------------------------

int tensor_rows_text(const struct model_info *info, uint32_t feature, const char *text,
	float *value, struct error *err)
{
	const int rc = model_text_code(info, feature, text, value, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (rows_cell_read(text, value) != ROWS_CELL_TEXT)
		return 0;
	return error_set(err, -EINVAL, "'%.40s' is not a number", text);
}

static bool rows_feature_is_text(const struct model_info *info, uint32_t feature)
{
	for (uint32_t i = 0; i < info->n_texts; i++)
		if (info->texts[i].feature == feature)
			return true;
	return false;
}

static int rows_take_string(const struct model_info *info, uint32_t feature, bool texts,
	struct json_walk *reader, float *value)
{
	struct json_walk_text text;
	int rc = json_walk_string(reader, &text);

	if (rc != 0)
		return rc;
	if (!texts && !rows_feature_is_text(info, feature))
		return error_set(reader->err, -EINVAL,
			"\"%.40s\" is text, where a number must stand", text.at);
	if (strlen(text.at) != text.size)
		return error_set(reader->err, -EINVAL, "a text with a zero byte in it");
	return tensor_rows_text(info, feature, text.at, value, reader->err);
}

int tensor_rows_value(const struct model_info *info, uint32_t feature, bool texts,
	struct json_walk *reader, float *value)
{
	struct json_walk_text number;
	const char c = json_walk_next(reader);
	int rc;

	switch (c) {
	case '"':
		return rows_take_string(info, feature, texts, reader, value);
	case 'n':
		*value = NAN;
		if (!info->accepts_missing)
			return error_set(reader->err, -EDOM,
				"null, and model %s takes finite numbers only", info->name);
		return json_walk_null(reader);
	case '[':
	case '{':
		return error_set(reader->err, -EINVAL, "an %s, where a value must stand",
			c == '[' ? "array" : "object");
	case 't':
	case 'f':
		return error_set(reader->err, -EINVAL, "true or false, where a number must stand");
	case 'N':
	case 'I':
		return error_set(reader->err, -EDOM, "NaN and Infinity are no JSON%s",
			info->accepts_missing ? ": a missing value is null" : "");
	default:
		break;
	}
	if (c == '-' && reader->end - reader->at > 1 && reader->at[1] == 'I')
		return error_set(reader->err, -EDOM, "-Infinity is no JSON");
	rc = json_walk_float(reader, value, &number);
	if (rc == 0 && isinf(*value))
		rc = error_set(reader->err, -EDOM, "%.*s is beyond the range of FP32",
			(int)(number.size < 40 ? number.size : 40), number.at);
	// A number may be the name of a category, too: as it stands.
	if (rc == 0 && texts) {
		const char behind = number.at[number.size];

		number.at[number.size] = '\0';
		rc = tensor_rows_text(info, feature, number.at, value, reader->err);
		number.at[number.size] = behind;
	}
	return rc;
}

static int target_take(struct tensor_json_values *values, struct json_walk *reader, uint64_t index)
{
	const struct target *t = values->arg;
	const uint32_t feature = t->first + (uint32_t)(index % t->columns);
	int rc = tensor_rows_value(
		t->info, feature, t->input->type == TENSOR_BYTES, reader, target_at(t, index));

	return rc == 0 ? 0 : target_place(t, index, reader->err);
}

// --- An input ------------------------------------------------------------------------------------

// Elements of a u32 length and so many bytes, one behind the other.
static int target_take_texts(const struct target *t, struct error *err)
{
	char *at = t->input->raw, *end = at + t->input->raw_bytes;
	uint64_t n;

	for (n = 0; n < t->input->n_values && end - at >= 4; n++) {
		uint32_t size;
		char behind;
		int rc = 0;

		memcpy(&size, at, sizeof(size));
		at += sizeof(size);
		if (size > (size_t)(end - at))
			break;
		behind = at[size];
		at[size] = '\0';
		if (strlen(at) != size)
			rc = error_set(err, -EINVAL, "a text with a zero byte in it");
		else
			rc = tensor_rows_text(t->info, t->first + (uint32_t)(n % t->columns), at,
				target_at(t, n), err);
		at[size] = behind;
		if (rc != 0)
			return target_place(t, n, err);
		at += size;
	}
	if (n == t->input->n_values && at == end)
		return 0;
	return error_set(err, -EINVAL,
		"unexpected size for input '%.80s': %zu bytes are not %llu texts of a u32 length "
		"and as many bytes each",
		t->input->name, t->input->raw_bytes, (unsigned long long)t->input->n_values);
}

static void target_widen(const struct target *t)
{
	if (t->input->type == TENSOR_FP32 && t->columns == t->info->n_features) {
		memcpy(t->rows, t->input->raw, t->input->n_values * sizeof(float));
		return;
	}
	for (uint64_t i = 0; i < t->input->n_values; i++) {
		const char *from = t->input->raw + i * (t->input->type == TENSOR_FP32 ? 4 : 2);
		float *to = target_at(t, i);
		uint16_t half;
		uint32_t bits;

		switch (t->input->type) {
		case TENSOR_FP32:
			memcpy(to, from, sizeof(*to));
			break;
		case TENSOR_FP16:
			memcpy(&half, from, sizeof(half));
			*to = half_to(half);
			break;
		default:
			memcpy(&half, from, sizeof(half));
			bits = (uint32_t)half << 16;
			memcpy(to, &bits, sizeof(bits));
		}
	}
}

static int target_take_raw(const struct target *t, struct error *err)
{
	const uint64_t bytes = t->input->n_values * (t->input->type == TENSOR_FP32 ? 4 : 2);

	if (t->input->type == TENSOR_BYTES)
		return target_take_texts(t, err);
	if (t->input->raw_bytes != bytes)
		return error_set(err, -EINVAL,
			"unexpected size for input '%.80s': %zu bytes, its shape and datatype say "
			"%llu",
			t->input->name, t->input->raw_bytes, (unsigned long long)bytes);
	target_widen(t);
	return 0;
}

static int target_fill(struct target *t, struct error *err)
{
	struct tensor_json_values values = { .input = t->input,
		// A number in BYTES may be the name of a category.
		.values = t->input->type == TENSOR_BYTES ? NULL : target_at(t, 0),
		.stride = t->columns == 1 ? t->info->n_features : 1,
		.take = target_take,
		.arg = t };

	if (t->input->has_raw)
		return target_take_raw(t, err);
	if (t->input->type == TENSOR_FP16 || t->input->type == TENSOR_BF16)
		return error_set(err, -EINVAL,
			"input '%.80s': %s has no form in JSON: use binary data", t->input->name,
			tensor_type_name(t->input->type));
	return tensor_json_each(&values, err);
}

// Has a tensor of that shape `columns` features of each of its rows? If so, *rows; else says which shape
// would be right.
static int rows_check_shape(const struct tensor_input *input, const struct model_info *info,
	uint32_t columns, uint64_t *rows, struct error *err)
{
	const bool named = columns == 1 && strcmp(input->name, TENSOR_ROWS) != 0;
	const uint64_t n = input->n_values;
	char shape[TENSOR_SHAPE_TEXT], right[64];
	uint64_t per_row = 1;

	for (uint32_t d = 1; d < input->n_dims; d++)
		if (__builtin_mul_overflow(per_row, input->shape[d], &per_row))
			per_row = 0;
	if (input->n_dims > (named ? 0u : 1u) && per_row == columns) {
		*rows = input->shape[0];
		return 0;
	}
	snprintf(right, sizeof(right), "[%llu,%u]",
		(unsigned long long)(n > 0 && n % columns == 0 ? n / columns : 1), columns);
	return error_set(err, -EINVAL,
		"input '%.80s' has the shape %s; model %s takes [rows,%u], as in %s", input->name,
		tensor_input_shape(input, shape), info->name, columns, right);
}

static int rows_check_type(const struct tensor_input *input, const struct model_info *info,
	bool texts, struct error *err)
{
	if (input->type == TENSOR_FP32 || input->type == TENSOR_FP16 ||
		input->type == TENSOR_BF16 || input->type == TENSOR_BYTES)
		return 0;
	return error_set(err, -EINVAL,
		"input '%.80s' has the datatype %s; model %s takes FP32 (FP16 and BF16 as bytes, "
		"BYTES for cells of text)%s",
		input->name, tensor_type_name(input->type), info->name,
		texts ? ", and this column is text" : "");
}

int tensor_rows_check(const struct model_info *info, uint64_t n, struct error *err)
{
	if (n <= SCORING_ROWS_MAX && n * info->n_features <= SCORING_VALUES_MAX)
		return 0;
	return error_set(err, -E2BIG,
		"%llu rows of %u features are too many for one request: at most %u rows, and %llu "
		"values in all",
		(unsigned long long)n, info->n_features, SCORING_ROWS_MAX,
		(unsigned long long)SCORING_VALUES_MAX);
}

// --- All inputs ----------------------------------------------------------------------------------

static int tensor_columns_compare(const void *a, const void *b)
{
	return strcmp(
		((const struct tensor_column *)a)->name, ((const struct tensor_column *)b)->name);
}

struct tensor_column *tensor_columns_create(const struct model_info *info, struct error *err)
{
	struct tensor_column *columns = malloc(info->n_features * sizeof(*columns));

	if (!columns) {
		error_set(err, -ENOMEM, "no memory for %u names", info->n_features);
		return NULL;
	}
	for (uint32_t f = 0; f < info->n_features; f++)
		columns[f] = (struct tensor_column){ info->feature_names[f], f };
	qsort(columns, info->n_features, sizeof(*columns), tensor_columns_compare);
	return columns;
}

struct tensor_column *tensor_columns_find(
	struct tensor_column *columns, const struct model_info *info, const char *name)
{
	const struct tensor_column wanted = { .name = name };

	return bsearch(
		&wanted, columns, info->n_features, sizeof(*columns), tensor_columns_compare);
}

static int rows_refuse_name(
	const struct tensor_input *input, const struct model_info *info, struct error *err)
{
	return error_set(err, -EINVAL,
		"unexpected inference input '%.80s': model %s takes '" TENSOR_ROWS
		"', [rows,%u], or its %u features by name, as '%.80s'",
		input->name, info->name, info->n_features, info->n_features,
		info->feature_names[0]);
}

static int rows_take_column(const struct tensor_input *input, const struct model_info *info,
	struct tensor_column *columns, uint64_t n, float *rows, struct error *err)
{
	struct tensor_column *column = tensor_columns_find(columns, info, input->name);
	struct target target = { info, input, rows, 0, 1 };
	uint64_t its = 0;
	int rc;

	if (!column || strlen(input->name) != input->name_bytes)
		return rows_refuse_name(input, info, err);
	if (column->feature == UINT32_MAX)
		return error_set(err, -EINVAL, "input '%.80s' is there twice", input->name);
	target.first = column->feature;
	column->feature = UINT32_MAX;
	rc = rows_check_shape(input, info, 1, &its, err);
	if (rc == 0)
		rc = rows_check_type(input, info, rows_feature_is_text(info, target.first), err);
	if (rc == 0 && its != n)
		rc = error_set(err, -EINVAL, "input '%.80s' has %llu rows, the first input %llu",
			input->name, (unsigned long long)its, (unsigned long long)n);
	return rc == 0 ? target_fill(&target, err) : rc;
}

static const char *rows_first_left(const struct tensor_column *columns, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (columns[i].feature != UINT32_MAX)
			return columns[i].name;
	return "";
}

// Each feature by its name.
static int rows_take_columns(const struct tensor_request *request, const struct model_info *info,
	uint64_t n, float *rows, struct error *err)
{
	struct tensor_column *columns = tensor_columns_create(info, err);
	int rc = 0;

	if (!columns)
		return err->code;
	for (uint32_t i = 0; rc == 0 && i < request->n_inputs; i++)
		rc = rows_take_column(&request->inputs[i], info, columns, n, rows, err);
	if (rc == 0 && request->n_inputs < info->n_features)
		rc = error_set(err, -EINVAL,
			"%u inputs for the %u features of model %s: '%.80s' is missing",
			request->n_inputs, info->n_features, info->name,
			rows_first_left(columns, info->n_features));
	free(columns);
	return rc;
}

int tensor_rows(const struct tensor_request *request, const struct model_info *info, float **rows,
	uint32_t *n, struct error *err)
{
	const struct tensor_input *first = &request->inputs[0];
	// A name may have a zero byte in it, and then is another one.
	const bool whole = request->n_inputs == 1 && strcmp(first->name, TENSOR_ROWS) == 0 &&
		first->name_bytes == strlen(TENSOR_ROWS);
	struct target target = { info, first, NULL, 0, info->n_features };
	uint64_t count = first->n_dims ? first->shape[0] : 0;
	int rc = 0;

	*rows = NULL;
	if (whole)
		rc = rows_check_shape(first, info, info->n_features, &count, err);
	if (rc == 0 && whole)
		rc = rows_check_type(first, info, false, err);
	if (rc == 0)
		rc = tensor_rows_check(info, count, err);
	if (rc != 0)
		return rc;
	target.rows = malloc(count * info->n_features * sizeof(float) + 1);
	if (!target.rows)
		return error_set(
			err, -ENOMEM, "no memory for %llu rows", (unsigned long long)count);
	rc = whole ? target_fill(&target, err)
		   : rows_take_columns(request, info, count, target.rows, err);
	if (rc != 0) {
		free(target.rows);
		return rc;
	}
	*rows = target.rows;
	*n = (uint32_t)count;
	return 0;
}
