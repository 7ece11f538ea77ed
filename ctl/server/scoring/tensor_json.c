// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/scoring/tensor_json.h"

#include <stdio.h>
#include <string.h>

struct parse {
	struct tensor_request *request;
	struct tensor_input *input;   // whose object is read
	struct tensor_wanted *wanted; // likewise
	char *raw;                    // what is left of the bytes behind the JSON
	size_t raw_bytes;
};

// --- Parameters ----------------------------------------------------------------------------------

// Those of the whole request. What is not known is for somebody else.
static int parse_parameter(void *arg, struct json_walk *reader, struct json_walk_text key)
{
	struct tensor_request *request = ((struct parse *)arg)->request;
	uint64_t value;
	int rc;

	if (json_walk_is(key, "binary_data_output"))
		return json_walk_bool(reader, &request->binary);
	if (!json_walk_is(key, "timeout") && !json_walk_is(key, "priority"))
		return json_walk_skip(reader);
	rc = json_walk_u64(reader, &value);
	if (rc != 0)
		return rc;
	if (key.at[0] == 't')
		request->budget_us = tensor_budget(value);
	else
		request->urgent = value == 1;
	return 0;
}

static int parse_shared_memory(struct json_walk *reader)
{
	return json_walk_refuse(reader,
		"shared memory is not offered: send the tensor as \"data\" or as bytes behind the "
		"JSON");
}

static int parse_input_parameter(void *arg, struct json_walk *reader, struct json_walk_text key)
{
	struct tensor_input *input = ((struct parse *)arg)->input;
	uint64_t size;
	int rc;

	if (key.size >= 13 && memcmp(key.at, "shared_memory", 13) == 0)
		return parse_shared_memory(reader);
	if (!json_walk_is(key, "binary_data_size"))
		return json_walk_skip(reader);
	rc = json_walk_u64(reader, &size);
	if (rc != 0)
		return rc;
	input->has_raw = true;
	input->raw_bytes = size;
	return 0;
}

static int parse_output_parameter(void *arg, struct json_walk *reader, struct json_walk_text key)
{
	struct parse *parse = arg;
	uint64_t classes;
	int rc;

	if (key.size >= 13 && memcmp(key.at, "shared_memory", 13) == 0)
		return parse_shared_memory(reader);
	if (json_walk_is(key, "binary_data")) {
		parse->wanted->says_binary = true;
		return json_walk_bool(reader, &parse->wanted->binary);
	}
	if (!json_walk_is(key, "classification"))
		return json_walk_skip(reader);
	rc = json_walk_u64(reader, &classes);
	if (rc == 0 && classes == 0)
		rc = json_walk_refuse(reader, "\"classification\" is a count of classes, from 1");
	parse->wanted->classification = classes < UINT32_MAX ? (uint32_t)classes : UINT32_MAX;
	return rc;
}

// --- Inputs and outputs --------------------------------------------------------------------------

static int parse_dimension(void *arg, struct json_walk *reader, uint64_t index)
{
	struct tensor_input *input = ((struct parse *)arg)->input;

	if (json_walk_next(reader) == '-')
		return json_walk_refuse(reader,
			"input '%.80s': a request's shape says how much there is: -1 stands in a "
			"model's only",
			input->name ? input->name : "");
	if (index == TENSOR_DIMS_MAX)
		return json_walk_refuse(
			reader, "a shape of more than %d dimensions", TENSOR_DIMS_MAX);
	input->n_dims = (uint32_t)index + 1;
	return json_walk_u64(reader, &input->shape[index]);
}

static int parse_type(struct tensor_input *input, struct json_walk *reader)
{
	struct json_walk_text name;
	int rc = json_walk_string(reader, &name);

	if (rc == 0 && !tensor_type_parse(name.at, name.size, &input->type))
		rc = json_walk_refuse(reader,
			"the datatype \"%.20s\" is none; there are FP32, BYTES and others, in "
			"capitals",
			name.at);
	return rc;
}

static int parse_name(struct json_walk *reader, const char **name, size_t *bytes)
{
	struct json_walk_text text = { 0 };
	int rc = json_walk_string(reader, &text);

	*name = text.at;
	*bytes = text.size;
	return rc;
}

static int parse_input_member(void *arg, struct json_walk *reader, struct json_walk_text key)
{
	struct parse *parse = arg;
	struct tensor_input *input = parse->input;
	int rc;

	if (json_walk_is(key, "name"))
		return parse_name(reader, &input->name, &input->name_bytes);
	if (json_walk_is(key, "datatype"))
		return parse_type(input, reader);
	if (json_walk_is(key, "shape")) {
		input->has_shape = true;
		return json_walk_array(reader, parse_dimension, parse);
	}
	if (json_walk_is(key, "parameters"))
		return json_walk_object(reader, JSON_WALK_KEYS_MAX, parse_input_parameter, parse);
	if (!json_walk_is(key, "data"))
		return json_walk_skip(reader);
	if (json_walk_next(reader) != '[')
		return json_walk_refuse(reader, "\"data\" is an array");
	input->json = reader->at;
	input->json_place = (size_t)(reader->at - reader->begin);
	rc = json_walk_pass_array(reader);
	input->json_bytes = (size_t)(reader->at - input->json);
	return rc;
}

// Takes an input's bytes from those behind the JSON.
static int parse_take_raw(struct parse *parse, struct error *err)
{
	struct tensor_input *input = parse->input;

	if (input->raw_bytes > parse->raw_bytes)
		return error_set(err, -EINVAL,
			"unexpected size for input '%.80s', expecting %zu additional bytes",
			input->name, input->raw_bytes - parse->raw_bytes);
	input->raw = parse->raw;
	parse->raw += input->raw_bytes;
	parse->raw_bytes -= input->raw_bytes;
	return 0;
}

static int parse_input(void *arg, struct json_walk *reader, uint64_t index)
{
	struct parse *parse = arg;
	struct tensor_input *input;
	int rc;

	input = parse->input = tensor_request_add(parse->request, reader->err);
	if (!input)
		return reader->err->code;
	rc = json_walk_object(reader, JSON_WALK_KEYS_MAX, parse_input_member, parse);
	if (rc != 0)
		return rc;
	if (!input->name)
		return json_walk_refuse(
			reader, "input %llu (from 0) has no \"name\"", (unsigned long long)index);
	if (!input->has_shape || input->type == TENSOR_TYPE_COUNT)
		return json_walk_refuse(reader, "input '%.80s' has no \"%s\"", input->name,
			input->has_shape ? "datatype" : "shape");
	if (input->has_raw == (input->json != NULL))
		return json_walk_refuse(reader,
			"input '%.80s' must have exactly one of \"data\" and the parameter "
			"\"binary_data_size\"",
			input->name);
	rc = tensor_input_count(input, reader->err);
	return rc == 0 && input->has_raw ? parse_take_raw(parse, reader->err) : rc;
}

static int parse_output_member(void *arg, struct json_walk *reader, struct json_walk_text key)
{
	struct parse *parse = arg;

	if (json_walk_is(key, "name"))
		return parse_name(reader, &parse->wanted->name, &parse->wanted->name_bytes);
	if (json_walk_is(key, "parameters"))
		return json_walk_object(reader, JSON_WALK_KEYS_MAX, parse_output_parameter, parse);
	return json_walk_skip(reader);
}

static int parse_output(void *arg, struct json_walk *reader, uint64_t index)
{
	struct parse *parse = arg;
	int rc;

	if (index == TENSOR_OUTPUTS_MAX)
		return json_walk_refuse(reader, "more than %d outputs", TENSOR_OUTPUTS_MAX);
	parse->wanted = &parse->request->wanted[index];
	*parse->wanted = (struct tensor_wanted){ 0 };
	rc = json_walk_object(reader, JSON_WALK_KEYS_MAX, parse_output_member, parse);
	if (rc == 0 && !parse->wanted->name)
		rc = json_walk_refuse(
			reader, "output %llu (from 0) has no \"name\"", (unsigned long long)index);
	if (rc != 0)
		return rc;
	parse->request->n_wanted = (uint32_t)index + 1;
	return 0;
}

static int parse_member(void *arg, struct json_walk *reader, struct json_walk_text key)
{
	struct parse *parse = arg;
	struct tensor_request *request = parse->request;

	if (json_walk_is(key, "id"))
		return parse_name(reader, &request->id, &request->id_bytes);
	if (json_walk_is(key, "parameters"))
		return json_walk_object(reader, JSON_WALK_KEYS_MAX, parse_parameter, parse);
	if (json_walk_is(key, "inputs"))
		return json_walk_array(reader, parse_input, parse);
	if (json_walk_is(key, "outputs"))
		return json_walk_array(reader, parse_output, parse);
	return json_walk_skip(reader);
}

// A body without JSON: as many rows of the model's features as there are.
static int parse_raw(char *body, size_t size, const struct model_info *info,
	struct tensor_request *request, struct error *err)
{
	const size_t row_bytes = info->n_features * sizeof(float);
	struct tensor_input *input = tensor_request_add(request, err);

	if (!input)
		return err->code;
	if (size == 0 || size % row_bytes != 0)
		return error_set(err, -EINVAL,
			"unexpected size for input '" TENSOR_ROWS
			"', %zu bytes: a row of %u "
			"features in FP32 has %zu",
			size, info->n_features, row_bytes);
	*input = (struct tensor_input){ .name = TENSOR_ROWS,
		.name_bytes = strlen(TENSOR_ROWS),
		.type = TENSOR_FP32,
		.shape = { size / row_bytes, info->n_features },
		.n_dims = 2,
		.n_values = size / sizeof(float),
		.has_shape = true,
		.raw = body,
		.raw_bytes = size,
		.has_raw = true };
	request->binary = true;
	return 0;
}

int tensor_json_parse(char *body, size_t size, size_t json_bytes, unsigned depth_max,
	const struct model_info *info, struct tensor_request *request, struct error *err)
{
	struct parse parse = {
		.request = request, .raw = body + json_bytes, .raw_bytes = size - json_bytes
	};
	struct json_walk reader;
	int rc;

	*request = (struct tensor_request){ 0 };
	if (json_bytes == 0 && size > 0)
		return parse_raw(body, size, info, request, err);
	json_walk_open(&reader, body, json_bytes, depth_max, err);
	rc = json_walk_object(&reader, JSON_WALK_KEYS_MAX, parse_member, &parse);
	if (rc == 0)
		rc = json_walk_close(&reader);
	// What is said of all outputs may stand behind them.
	for (uint32_t i = 0; i < request->n_wanted; i++)
		if (!request->wanted[i].says_binary)
			request->wanted[i].binary = request->binary;
	if (rc == 0 && parse.raw_bytes > 0)
		rc = error_set(err, -EINVAL,
			"%zu bytes are left behind the JSON and the inputs' binary_data_size",
			parse.raw_bytes);
	if (rc == 0 && request->n_inputs == 0)
		rc = error_set(err, -EINVAL,
			"there are no inputs: as in {\"inputs\":[{\"name\":\"" TENSOR_ROWS
			"\",\"datatype\":\"FP32\",\"shape\":[1,%u],\"data\":[...]}]}",
			info->n_features);
	return rc;
}

bool tensor_json_is_urgent(const char *json, size_t size)
{
	static const char KEY[] = "\"priority\"";
	const char *at = json, *const end = json + size;

	// Most of it is numbers, and has no quote.
	while ((at = memchr(at, '"', (size_t)(end - at)))) {
		if ((size_t)(end - at) < sizeof(KEY) || memcmp(at, KEY, sizeof(KEY) - 1) != 0) {
			at++;
			continue;
		}
		at += sizeof(KEY) - 1;
		while (at < end && (*at == ' ' || *at == ':' || *at == '\n' || *at == '\t'))
			at++;
		if (at < end && *at == '1' && (at + 1 == end || at[1] < '0' || at[1] > '9'))
			return true;
	}
	return false;
}

// --- The values of an input ----------------------------------------------------------------------

struct each {
	struct tensor_json_values *values;
	uint32_t dim;
	uint64_t row;    // of dimension 0
	uint64_t first;  // value of the array at hand
	uint64_t n, max; // elements of it, and how many there should be
};

static int each_refuse(const struct each *each, struct error *err)
{
	const struct tensor_input *input = each->values->input;
	char shape[TENSOR_SHAPE_TEXT], row[64] = "";

	if (each->dim > 0)
		snprintf(row, sizeof(row), ", row %llu (the first is 1)",
			(unsigned long long)each->row + 1);
	return error_set(err, -EINVAL, "input '%.80s'%s: %llu %s where its shape %s says %llu",
		input->name, row, (unsigned long long)each->n,
		each->dim + 1 == input->n_dims ? "values" : "arrays",
		tensor_input_shape(input, shape), (unsigned long long)input->shape[each->dim]);
}

static int each_value(void *arg, struct json_walk *reader, uint64_t index)
{
	struct each *each = arg;

	if (index >= each->max) // counted to the end, and refused there
		return json_walk_skip(reader);
	return each->values->take(each->values, reader, each->first + index);
}

// The array at hand has values, of which there should be `max`.
static int each_values(struct each *each, struct json_walk *reader, uint64_t max)
{
	const struct tensor_json_values *values = each->values;
	struct json_walk_numbers numbers = { .stride = values->stride,
		.max = values->values ? max : 0 };
	int rc;

	if (values->values)
		numbers.values = values->values + each->first * values->stride;
	each->max = max;
	rc = json_walk_numbers(reader, &numbers, each_value, each);
	each->n = numbers.n;
	return rc;
}

static int each_nested(void *arg, struct json_walk *reader, uint64_t index)
{
	struct each *each = arg;
	const struct tensor_input *input = each->values->input;
	struct each inner = { each->values, each->dim + 1, each->dim ? each->row : index,
		each->first, 0, 0 };
	int rc;

	each->n = index + 1;
	if (index >= input->shape[each->dim]) // counted to the end, and refused there
		return json_walk_skip(reader);
	if (json_walk_next(reader) != '[')
		return error_set(reader->err, -EINVAL,
			"input '%.80s', row %llu (the first is 1): a value among arrays: \"data\" "
			"is flat, or nested as its shape is",
			input->name, (unsigned long long)inner.row + 1);
	if (inner.dim + 1 == input->n_dims)
		rc = each_values(&inner, reader, input->shape[inner.dim]);
	else
		rc = json_walk_array(reader, each_nested, &inner);
	if (rc == 0 && inner.n != input->shape[inner.dim])
		rc = each_refuse(&inner, reader->err);
	each->first = inner.dim + 1 == input->n_dims ? inner.first + inner.n : inner.first;
	return rc;
}

int tensor_json_each(struct tensor_json_values *values, struct error *err)
{
	const struct tensor_input *input = values->input;
	struct each each = { .values = values };
	struct json_walk reader, peek;
	char shape[TENSOR_SHAPE_TEXT];
	int rc;

	json_walk_open(&reader, input->json, input->json_bytes, JSON_WALK_DEPTH_MAX, err);
	reader.begin -= input->json_place; // bytes are counted from the body's first one
	peek = reader;
	peek.at++;
	if (input->n_dims > 1 && json_walk_next(&peek) == '[') {
		rc = json_walk_array(&reader, each_nested, &each);
		return rc == 0 && each.n != input->shape[0] ? each_refuse(&each, err) : rc;
	}
	rc = each_values(&each, &reader, input->n_values);
	if (rc == 0 && each.n != input->n_values)
		rc = error_set(err, -EINVAL,
			"input '%.80s': %llu values where its shape %s says %llu", input->name,
			(unsigned long long)each.n, tensor_input_shape(input, shape),
			(unsigned long long)input->n_values);
	return rc;
}
