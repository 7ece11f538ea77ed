// SPDX-License-Identifier: BSD-3-Clause
#include "infer/import/onnx/given.h"
#include "base/nearest.h"
#include "infer/import/onnx/tensor.h"
#include "infer/import/onnx/texts.h"
#include "infer/import/onnx/values.h"
#include "infer/ops/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES_MAX 80 // of one value

bool onnx_is_initializer(struct onnx *onnx, const Onnx__ValueInfoProto *info)
{
	const char *name = onnx_text(info->name);

	return onnx_value_exists(onnx, name) && onnx_value(onnx, name)->tensor != GRAPH_NONE &&
		onnx->graph->tensors[onnx_value(onnx, name)->tensor].data;
}

const char *onnx_given(const char *list, const char *name)
{
	for (const char *at = list; at && *at; at += strcspn(at, ";"), at += *at == ';') {
		const size_t bytes = strcspn(at, ";");
		const char *equals = memrchr(at, '=', bytes);

		if (equals && strlen(name) == (size_t)(equals - at) &&
			memcmp(at, name, (size_t)(equals - at)) == 0)
			return equals + 1;
	}
	return NULL;
}

static int given_check_name(
	struct onnx *onnx, const char *entry, size_t bytes, const struct onnx_given *given)
{
	struct nearest nearest = { .wanted = arena_strndup(onnx->scratch, entry, bytes) };
	const char *only = NULL;

	if (!nearest.wanted)
		return error_set(onnx->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < onnx->proto->n_input; i++) {
		const Onnx__ValueInfoProto *info = onnx->proto->input[i];

		if (onnx_is_initializer(onnx, info))
			continue;
		only = onnx_text(info->name);
		if (strcmp(only, nearest.wanted) == 0)
			return 0;
		nearest_try(&nearest, only);
	}
	return error_set(onnx->err, -EINVAL,
		"a %s is given for input '%.80s', which is not there; did you mean '%.80s'?",
		given->what, nearest.wanted,
		nearest.found  ? nearest.found
			: only ? only
			       : "");
}

int onnx_given_check(struct onnx *onnx, const char *list, const struct onnx_given *given)
{
	for (const char *at = list; at && *at; at += strcspn(at, ";"), at += *at == ';') {
		const size_t bytes = strcspn(at, ";");
		const char *equals = memrchr(at, '=', bytes);
		int rc;

		if (!equals || equals == at)
			return error_set(onnx->err, -EINVAL,
				"%s '%.*s' should be an input's name, =, and %s", given->what,
				(int)(bytes < 80 ? bytes : 80), at, given->example);
		rc = given_check_name(onnx, at, (size_t)(equals - at), given);
		if (rc != 0)
			return rc;
	}
	return 0;
}

// --- Values -------------------------------------------------------------------------------------

static const struct onnx_given VALUES = { "value", "one value or all, as in sr=16000" };

// A list as it stands on the command line.
struct given_values {
	const char *name; // of the input
	const char *text;
	size_t bytes;
	int64_t n;
};

static int given_refuse(struct onnx *onnx, const struct given_values *values, const char *why)
{
	return error_set(onnx->err, -EINVAL, "value '%.*s' of input '%.80s' %s",
		(int)(values->bytes < 60 ? values->bytes : 60), values->text, values->name, why);
}

// The shape that so many values have, one standing for as many as there are: an open first dimension
// is the batch, which has the same values in each row, and of others the last is what is left.
static int given_dims(struct onnx *onnx, const struct given_values *values,
	const Onnx__TensorShapeProto *shape, uint32_t *rank, int64_t *dims)
{
	int64_t known = 1;
	uint32_t last = GRAPH_RANK_MAX;

	*rank = shape ? (uint32_t)shape->n_dim : values->n > 1;
	if (!shape)
		dims[0] = values->n;
	if (!shape || shape->n_dim > GRAPH_RANK_MAX)
		return shape ? given_refuse(onnx, values, "is for too many dimensions") : 0;
	for (uint32_t d = 0; d < *rank; d++) {
		const Onnx__TensorShapeProto__Dimension *dim = shape->dim[d];
		const bool fixed =
			dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
			dim->dim_value >= 0;

		dims[d] = fixed ? dim->dim_value : 1;
		if (!fixed && (d > 0 || *rank == 1))
			last = d;
		if (dims[d] > MODEL_FEATURES_MAX || (known *= dims[d]) > MODEL_FEATURES_MAX)
			return given_refuse(onnx, values, "is for more values than a row may have");
	}
	if (last < *rank && known > 0 && values->n % known == 0) {
		dims[last] = values->n / known;
		known = values->n;
	}
	if (values->n != known && values->n != 1)
		return error_set(onnx->err, -EINVAL,
			"%lld values are given for input '%.80s', which has %lld",
			(long long)values->n, values->name, (long long)known);
	if (*rank > 1 &&
		shape->dim[0]->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
		dims[0] = onnx_rows(onnx);
	return 0;
}

// One value of the list into data[i]; false: it is none of its type's.
static bool given_parse(const char *word, enum dtype dtype, void *data, size_t i)
{
	char *end;

	if (dtype == DTYPE_F32) {
		((float *)data)[i] = strtof(word, &end);
		return *word && !*end;
	}
	if (dtype == DTYPE_BOOL && (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)) {
		((uint8_t *)data)[i] = *word == 't';
		return true;
	}
	errno = 0;
	if (dtype == DTYPE_U64 && *word != '-') {
		((uint64_t *)data)[i] = strtoull(word, &end, 10);
		return *word && !*end && errno == 0;
	}
	const long long number = strtoll(word, &end, 10);

	value_set_integer(dtype, data, i, (uint64_t)number);
	return *word && !*end && errno == 0 && (int64_t)value_integer(dtype, data, i) == number &&
		(dtype != DTYPE_BOOL || number == 0 || number == 1);
}

static int given_fill(struct onnx *onnx, const struct given_values *values, bool text,
	const struct tensor *tensor, void *data)
{
	const size_t n = (size_t)tensor_elements(tensor);
	const size_t width = dtype_bytes(tensor->dtype);
	const char *at = values->text;
	char word[WORD_BYTES_MAX + 1];

	for (size_t i = 0; i < n && i < (size_t)values->n; i++) {
		const size_t bytes = strcspn(at, ",;");

		if (bytes > WORD_BYTES_MAX)
			return given_refuse(onnx, values, "is too long");
		memcpy(word, at, bytes);
		word[bytes] = '\0';
		at += bytes + (at[bytes] == ',');
		if (text && onnx_text_add(onnx, word, bytes, &((int64_t *)data)[i]) != 0)
			return onnx_refused(onnx);
		if (!text && !given_parse(word, tensor->dtype, data, i))
			return error_set(onnx->err, -EINVAL,
				"value '%.60s' of input '%.80s' is no %s", word, values->name,
				tensor->dtype == DTYPE_F32 ? "number" : dtype_name(tensor->dtype));
	}
	// One for all, or a row's for each row.
	for (size_t i = (size_t)values->n; i < n; i++)
		memcpy((char *)data + i * width, (char *)data + (i - (size_t)values->n) * width,
			width);
	return 0;
}

static int given_make(struct onnx *onnx, const Onnx__ValueInfoProto *info, const char *text)
{
	const Onnx__TypeProto *type = info->type;
	struct given_values values = { info->name, text, strcspn(text, ";"), 1 };
	struct onnx_value *value = onnx_define(onnx, info->name, "an input");
	enum dtype dtype = DTYPE_I64;
	int64_t dims[GRAPH_RANK_MAX] = { 0 };
	uint32_t rank = 0, tensor;
	bool is_text;
	void *data;
	int rc;

	if (!value)
		return onnx_refused(onnx);
	if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type)
		return given_refuse(onnx, &values, "is for no tensor");
	is_text = type->tensor_type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
	if (!is_text && !onnx_dtype(type->tensor_type->elem_type, &dtype))
		return given_refuse(onnx, &values, "is for a type that is not supported");
	for (size_t i = 0; i < values.bytes; i++)
		values.n += text[i] == ',';
	rc = given_dims(onnx, &values, type->tensor_type->shape, &rank, dims);
	if (rc != 0)
		return rc;
	tensor = onnx_constant(onnx, info->name, dtype, rank, dims, &data);
	if (tensor == GRAPH_NONE)
		return onnx_refused(onnx);
	rc = given_fill(onnx, &values, is_text, &onnx->graph->tensors[tensor], data);
	if (rc == 0 && is_text)
		rc = onnx_mark_text(onnx, tensor);
	if (rc != 0)
		return rc;
	onnx_value(onnx, info->name)->tensor = tensor;
	report_add(onnx->report, "input '%.80s' is fixed: %.*s", info->name,
		(int)(values.bytes < 60 ? values.bytes : 60), text);
	return 0;
}

int onnx_read_fixed(struct onnx *onnx)
{
	const char *list = onnx->options->fixed;
	int rc = onnx_given_check(onnx, list, &VALUES);

	for (size_t i = 0; i < onnx->proto->n_input && rc == 0; i++) {
		const Onnx__ValueInfoProto *info = onnx->proto->input[i];
		const char *given = onnx_given(list, onnx_text(info->name));

		if (given && !onnx_is_initializer(onnx, info))
			rc = given_make(onnx, info, given);
	}
	return rc;
}
