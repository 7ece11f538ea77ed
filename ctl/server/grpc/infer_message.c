// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/infer_message.h"

#include <stdio.h>
#include <string.h>

#define INFER_REQUEST "ModelInferRequest"

// The numbers of inference.proto.
enum {
	REQUEST_MODEL = 1,
	REQUEST_VERSION = 2,
	REQUEST_ID = 3,
	REQUEST_PARAMETERS = 4,
	REQUEST_INPUTS = 5,
	REQUEST_OUTPUTS = 6,
	REQUEST_RAW = 7
};
enum { INPUT_NAME = 1, INPUT_TYPE = 2, INPUT_SHAPE = 3, INPUT_PARAMETERS = 4, INPUT_CONTENTS = 5 };
enum { OUTPUT_NAME = 1, OUTPUT_PARAMETERS = 2 };
enum { CONTENTS_FP32 = 6, CONTENTS_BYTES = 8 };
enum {
	PARAMETER_BOOL = 1,
	PARAMETER_INT64 = 2,
	PARAMETER_STRING = 3,
	PARAMETER_DOUBLE = 4,
	PARAMETER_UINT64 = 5
};

// --- Parameters ----------------------------------------------------------------------------------

struct parameter {
	struct proto_text key;
	uint32_t kind; // PARAMETER_; 0: none
	uint64_t value;
};

static bool parameter_is(const struct parameter *parameter, const char *key)
{
	return parameter->key.size == strlen(key) &&
		memcmp(parameter->key.at, key, parameter->key.size) == 0;
}

static int parameter_take_value(const struct proto_read *reader, const struct proto_field *field,
	struct parameter *parameter)
{
	struct proto_text text;

	if (field->number < PARAMETER_BOOL || field->number > PARAMETER_UINT64)
		return 0;
	parameter->kind = field->number;
	parameter->value = field->value;
	if (field->number == PARAMETER_STRING)
		return proto_read_string(reader, field, &text);
	if (field->number == PARAMETER_DOUBLE)
		return proto_read_double(reader, field);
	return proto_read_number(reader, field, &parameter->value);
}

// An entry of a map: a key and an InferParameter.
static int parameter_read(struct proto_text entry, struct parameter *parameter, struct error *err)
{
	struct proto_read reader, inner;
	struct proto_field field;
	struct proto_text value = { 0 };
	int rc;

	*parameter = (struct parameter){ 0 };
	proto_read_open(&reader, "InferParameter", entry, err);
	while ((rc = proto_read_next(&reader, &field)) > 0) {
		if (field.number != 1 && field.number != 2)
			continue;
		rc = field.number == 1 ? proto_read_string(&reader, &field, &parameter->key)
				       : proto_read_text(&reader, &field, &value);
		if (rc != 0)
			return rc;
	}
	proto_read_open(&inner, "InferParameter", value, err);
	while (rc == 0 && (rc = proto_read_next(&inner, &field)) > 0)
		rc = parameter_take_value(&inner, &field, parameter);
	return rc;
}

static int parameter_number(const struct parameter *parameter, uint64_t *number, struct error *err)
{
	*number = parameter->value;
	if (parameter->kind == PARAMETER_UINT64 ||
		(parameter->kind == PARAMETER_INT64 && (int64_t)parameter->value >= 0))
		return 0;
	return error_set(err, -EINVAL,
		"the parameter '%.*s' must be a whole number from 0, an int64_param or "
		"uint64_param",
		(int)(parameter->key.size < 40 ? parameter->key.size : 40), parameter->key.at);
}

static int parameter_refuse_shared_memory(const struct parameter *parameter, struct error *err)
{
	if (parameter->key.size < 13 || memcmp(parameter->key.at, "shared_memory", 13) != 0)
		return 0;
	return error_set(err, -EINVAL,
		"shared memory is not offered: send the tensor as raw_input_contents or as "
		"contents");
}

// --- What is read first --------------------------------------------------------------------------

static int head_take_parameter(
	struct infer_message_head *head, struct proto_text entry, struct error *err)
{
	struct parameter parameter;
	uint64_t number;
	int rc = parameter_read(entry, &parameter, err);

	if (rc != 0)
		return rc;
	if (!parameter_is(&parameter, "timeout") && !parameter_is(&parameter, "priority"))
		return 0;
	rc = parameter_number(&parameter, &number, err);
	if (rc != 0)
		return rc;
	if (parameter.key.at[0] == 't')
		head->budget_us = tensor_budget(number);
	else
		head->urgent = number == 1;
	return 0;
}

int infer_message_head(
	struct proto_text message, struct infer_message_head *head, struct error *err)
{
	struct proto_read reader;
	struct proto_field field;
	int rc;

	*head = (struct infer_message_head){ 0 };
	proto_read_open(&reader, INFER_REQUEST, message, err);
	while ((rc = proto_read_next(&reader, &field)) > 0) {
		struct proto_text entry;

		if (field.number == REQUEST_MODEL)
			rc = proto_read_string(&reader, &field, &head->model);
		else if (field.number == REQUEST_VERSION)
			rc = proto_read_string(&reader, &field, &head->version);
		else if (field.number == REQUEST_ID)
			rc = proto_read_string(&reader, &field, &head->id);
		else if (field.number == REQUEST_PARAMETERS) {
			rc = proto_read_text(&reader, &field, &entry);
			if (rc == 0)
				rc = head_take_parameter(head, entry, err);
		} else
			rc = 0;
		if (rc != 0)
			return rc;
	}
	return rc;
}

// --- Inputs --------------------------------------------------------------------------------------

// The typed contents of an input. While they are one piece of the message they stay where they are.
struct contents {
	struct infer_message *infer;
	uint32_t field;  // of InferTensorContents; 0: none
	uint64_t values; // that have been read, of FP32 and BYTES
	char *at;        // [size] in the message; NULL: in infer->own, from `place` on
	size_t size, place;
};

static void contents_own(struct contents *contents)
{
	if (!contents->at)
		return;
	bytes_add(&contents->infer->own, contents->at, contents->size);
	contents->at = NULL;
}

static int contents_take_floats(
	struct contents *contents, const struct proto_field *field, struct error *err)
{
	const uint32_t bits = (uint32_t)field->value;

	if (field->kind == PROTO_32) {
		contents_own(contents);
		bytes_add(&contents->infer->own, &bits, sizeof(bits));
		contents->values++;
		return 0;
	}
	if (field->kind != PROTO_BYTES || field->text.size % sizeof(float) != 0)
		return error_set(err, -EINVAL, "fp32_contents are not numbers of four bytes each");
	if (contents->values == 0) {
		contents->at = field->text.at;
		contents->size = field->text.size;
	} else {
		contents_own(contents);
		bytes_add(&contents->infer->own, field->text.at, field->text.size);
	}
	contents->values += field->text.size / sizeof(float);
	return 0;
}

static int contents_take_text(
	struct contents *contents, const struct proto_field *field, struct error *err)
{
	const uint32_t size = (uint32_t)field->text.size;

	if (field->kind != PROTO_BYTES)
		return error_set(err, -EINVAL, "bytes_contents are not texts");
	bytes_add(&contents->infer->own, &size, sizeof(size));
	bytes_add(&contents->infer->own, field->text.at, size);
	contents->values++;
	return 0;
}

static int contents_take(struct contents *contents, struct proto_text text, struct error *err)
{
	struct proto_read reader;
	struct proto_field field;
	int rc;

	proto_read_open(&reader, "InferTensorContents", text, err);
	while ((rc = proto_read_next(&reader, &field)) > 0) {
		if (contents->field && contents->field != field.number)
			return error_set(err, -EINVAL, "an input's contents are of two kinds");
		contents->field = field.number;
		rc = 0;
		if (field.number == CONTENTS_FP32)
			rc = contents_take_floats(contents, &field, err);
		else if (field.number == CONTENTS_BYTES)
			rc = contents_take_text(contents, &field, err);
		if (rc != 0)
			return rc;
	}
	return rc;
}

// Makes the contents the input's bytes. What the model does not take is refused with the rows.
static int contents_end(struct contents *contents, struct tensor_input *input, struct error *err)
{
	static const char *const NAMES[] = { "none", "bool_contents", "int_contents",
		"int64_contents", "uint_contents", "uint64_contents", "fp32_contents",
		"fp64_contents", "bytes_contents" };
	const uint32_t wanted = input->type == TENSOR_BYTES ? CONTENTS_BYTES : CONTENTS_FP32;
	char shape[TENSOR_SHAPE_TEXT];

	if (input->type == TENSOR_FP16 || input->type == TENSOR_BF16)
		return error_set(err, -EINVAL,
			"input '%.80s': %s has no typed contents: use raw_input_contents",
			input->name, tensor_type_name(input->type));
	if (input->type != TENSOR_FP32 && input->type != TENSOR_BYTES) {
		input->has_raw = true;
		return 0;
	}
	if (contents->field != wanted)
		return error_set(err, -EINVAL, "input '%.80s': %s is sent as %s, not as %s",
			input->name, tensor_type_name(input->type), NAMES[wanted],
			contents->field < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[contents->field]
									   : "what is unknown");
	if (contents->values != input->n_values)
		return error_set(err, -EINVAL,
			"input '%.80s': %llu values where its shape %s says %llu", input->name,
			(unsigned long long)contents->values, tensor_input_shape(input, shape),
			(unsigned long long)input->n_values);
	input->has_raw = true;
	input->raw = contents->at;
	input->raw_bytes =
		contents->at ? contents->size : contents->infer->own.size - contents->place;
	input->json_place = contents->place; // infer->own may move until all inputs are read
	return 0;
}

static int input_take_dimension(struct tensor_input *input, uint64_t value, struct error *err)
{
	if ((int64_t)value < 0)
		return error_set(err, -EINVAL,
			"a request's shape says how much there is: -1 stands in a model's only");
	if (input->n_dims == TENSOR_DIMS_MAX)
		return error_set(
			err, -EINVAL, "a shape of more than %d dimensions", TENSOR_DIMS_MAX);
	input->shape[input->n_dims++] = value;
	return 0;
}

static int input_take_shape(
	struct proto_read *reader, const struct proto_field *field, struct tensor_input *input)
{
	struct proto_text packed = field->text;
	uint64_t value;
	int rc = 0;

	if (field->kind != PROTO_BYTES) {
		rc = proto_read_number(reader, field, &value);
		return rc == 0 ? input_take_dimension(input, value, reader->err) : rc;
	}
	while (rc == 0 && proto_read_packed(&packed, PROTO_VARINT, &value))
		rc = input_take_dimension(input, value, reader->err);
	if (rc == 0 && !packed.at)
		rc = error_set(reader->err, -EINVAL, "a shape's number is cut off");
	return rc;
}

static int input_take_type(struct tensor_input *input, struct proto_text type, struct error *err)
{
	if (tensor_type_parse(type.at, type.size, &input->type))
		return 0;
	return error_set(err, -EINVAL,
		"the datatype \"%.*s\" is none; there are FP32, BYTES and others, in capitals",
		(int)(type.size < 20 ? type.size : 20), type.at);
}

static int input_take(struct proto_read *reader, const struct proto_field *field,
	struct tensor_input *input, struct proto_text *name, bool *has_contents)
{
	struct parameter parameter;
	struct proto_text text;
	int rc;

	if (field->number == INPUT_SHAPE)
		return input_take_shape(reader, field, input);
	if (field->number > INPUT_CONTENTS)
		return 0;
	rc = field->number == INPUT_NAME ? proto_read_string(reader, field, &text)
					 : proto_read_text(reader, field, &text);
	if (rc != 0)
		return rc;
	switch (field->number) {
	case INPUT_NAME:
		*name = text;
		return 0;
	case INPUT_TYPE:
		return input_take_type(input, text, reader->err);
	case INPUT_PARAMETERS:
		rc = parameter_read(text, &parameter, reader->err);
		return rc == 0 ? parameter_refuse_shared_memory(&parameter, reader->err) : rc;
	default:
		*has_contents = true;
		return 0;
	}
}

// The contents of an input whose other fields are read.
static int input_take_contents(struct infer_message *infer, struct proto_text message,
	struct tensor_input *input, struct error *err)
{
	struct contents contents = { .infer = infer, .place = infer->own.size };
	struct proto_read reader;
	struct proto_field field;
	int rc;

	proto_read_open(&reader, "InferInputTensor", message, err);
	while ((rc = proto_read_next(&reader, &field)) > 0) {
		rc = field.number == INPUT_CONTENTS ? contents_take(&contents, field.text, err) : 0;
		if (rc != 0)
			return rc;
	}
	return rc == 0 ? contents_end(&contents, input, err) : rc;
}

// The name's zero byte is written when all is read: for now a name is where it lies, and its size.
static int infer_take_input(
	struct infer_message *infer, struct proto_text message, bool has_raw, struct error *err)
{
	struct tensor_request *request = &infer->request;
	struct tensor_input *input = tensor_request_add(request, err);
	struct proto_text name = { 0 };
	struct proto_read reader;
	struct proto_field field;
	bool has_contents = false;
	char quoted[81];
	int rc;

	if (!input)
		return err->code;
	proto_read_open(&reader, "InferInputTensor", message, err);
	while ((rc = proto_read_next(&reader, &field)) > 0) {
		rc = input_take(&reader, &field, input, &name, &has_contents);
		if (rc != 0)
			break;
	}
	if (rc != 0)
		return error_prefix(err, "input %u (from 0), '%.*s'", request->n_inputs - 1,
			(int)(name.size < 80 ? name.size : 80), name.size ? name.at : "");
	if (name.size == 0)
		return error_set(
			err, -EINVAL, "input %u (from 0) has no name", request->n_inputs - 1);
	snprintf(quoted, sizeof(quoted), "%.*s", (int)(name.size < 80 ? name.size : 80), name.at);
	input->name = quoted;
	if (input->n_dims == 0 || input->type == TENSOR_TYPE_COUNT)
		return error_set(err, -EINVAL, "input '%.80s' has no %s", quoted,
			input->n_dims ? "datatype" : "shape");
	input->has_shape = true;
	rc = tensor_input_count(input, err);
	if (rc == 0 && has_raw && has_contents)
		rc = error_set(err, -EINVAL,
			"contents field must not be specified when using raw_input_contents for "
			"input '%.80s'",
			quoted);
	if (rc == 0 && !has_raw && !has_contents && input->n_values > 0)
		rc = error_set(err, -EINVAL,
			"input '%.80s' must have exactly one of contents and raw_input_contents",
			quoted);
	if (rc == 0 && !has_raw && !has_contents)
		input->has_raw = true;
	if (rc == 0 && has_contents)
		rc = input_take_contents(infer, message, input, err);
	input->name = name.at;
	input->name_bytes = name.size;
	return rc;
}

// --- Outputs -------------------------------------------------------------------------------------

static int output_take_parameter(
	struct tensor_wanted *wanted, struct proto_text entry, struct error *err)
{
	struct parameter parameter;
	uint64_t classes;
	int rc = parameter_read(entry, &parameter, err);

	if (rc == 0)
		rc = parameter_refuse_shared_memory(&parameter, err);
	if (rc != 0 || !parameter_is(&parameter, "classification"))
		return rc;
	rc = parameter_number(&parameter, &classes, err);
	if (rc == 0 && classes == 0)
		rc = error_set(err, -EINVAL, "\"classification\" is a count of classes, from 1");
	wanted->classification = classes < UINT32_MAX ? (uint32_t)classes : UINT32_MAX;
	return rc;
}

static int infer_take_output(
	struct infer_message *infer, struct proto_text message, struct error *err)
{
	struct tensor_request *request = &infer->request;
	struct tensor_wanted *wanted = &request->wanted[request->n_wanted];
	struct proto_read reader;
	struct proto_field field;
	struct proto_text text = { 0 };
	int rc;

	if (request->n_wanted == TENSOR_OUTPUTS_MAX)
		return error_set(err, -EINVAL, "more than %d outputs", TENSOR_OUTPUTS_MAX);
	*wanted = (struct tensor_wanted){ .binary = true, .says_binary = true };
	proto_read_open(&reader, "InferRequestedOutputTensor", message, err);
	while ((rc = proto_read_next(&reader, &field)) > 0) {
		rc = 0;
		if (field.number == OUTPUT_NAME) {
			rc = proto_read_string(&reader, &field, &text);
			wanted->name = text.at;
			wanted->name_bytes = text.size;
		} else if (field.number == OUTPUT_PARAMETERS) {
			rc = proto_read_text(&reader, &field, &text);
			if (rc == 0)
				rc = output_take_parameter(wanted, text, err);
		}
		if (rc != 0)
			return rc;
	}
	if (rc == 0 && wanted->name_bytes == 0)
		return error_set(err, -EINVAL, "output %u (from 0) has no name", request->n_wanted);
	request->n_wanted++;
	return rc;
}

// --- The request ---------------------------------------------------------------------------------

static int infer_take_parameter(
	struct infer_message *infer, struct proto_text entry, struct error *err)
{
	struct parameter parameter;
	int rc = parameter_read(entry, &parameter, err);

	if (rc == 0 && parameter_is(&parameter, "martlet_typed"))
		infer->typed = parameter.kind == PARAMETER_BOOL && parameter.value;
	return rc;
}

static int infer_take(struct infer_message *infer, struct proto_read *reader,
	const struct proto_field *field, bool has_raw)
{
	struct proto_text text;
	int rc;

	if (field->number < REQUEST_PARAMETERS || field->number > REQUEST_RAW)
		return 0;
	rc = proto_read_text(reader, field, &text);
	if (rc != 0)
		return rc;
	switch (field->number) {
	case REQUEST_PARAMETERS:
		return infer_take_parameter(infer, text, reader->err);
	case REQUEST_INPUTS:
		return infer_take_input(infer, text, has_raw, reader->err);
	case REQUEST_OUTPUTS:
		return infer_take_output(infer, text, reader->err);
	default:
		return 0;
	}
}

// How many raw_input_contents there are. With a `request` they are given to its inputs, in order.
static uint32_t infer_give_raw(struct proto_text message, struct tensor_request *request)
{
	struct proto_read reader;
	struct proto_field field;
	struct error unused;
	uint32_t n = 0;

	proto_read_open(&reader, INFER_REQUEST, message, &unused);
	while (proto_read_next(&reader, &field) > 0) {
		if (field.number != REQUEST_RAW)
			continue;
		if (request && n < request->n_inputs) {
			struct tensor_input *input = &request->inputs[n];

			input->has_raw = true;
			input->raw = field.text.at;
			input->raw_bytes = field.text.size;
		}
		n++;
	}
	return n;
}

static void infer_end_text(const char *text, size_t size)
{
	((char *)(uintptr_t)text)[size] = '\0';
}

// Behind a name there is a field's number and kind, which have been read, or the message's end.
static void infer_end_texts(struct tensor_request *request)
{
	for (uint32_t i = 0; i < request->n_inputs; i++)
		infer_end_text(request->inputs[i].name, request->inputs[i].name_bytes);
	for (uint32_t i = 0; i < request->n_wanted; i++)
		infer_end_text(request->wanted[i].name, request->wanted[i].name_bytes);
}

int infer_message_parse(struct proto_text message, struct infer_message *infer, struct error *err)
{
	struct tensor_request *request = &infer->request;
	const uint32_t n_raw = infer_give_raw(message, NULL);
	struct infer_message_head head;
	struct proto_read reader;
	struct proto_field field;
	int rc = infer_message_head(message, &head, err);

	*infer = (struct infer_message){
		.request = { .binary = true, .budget_us = head.budget_us, .urgent = head.urgent }
	};
	if (rc != 0)
		return rc;
	request->id = head.id.size ? head.id.at : NULL;
	request->id_bytes = head.id.size;
	proto_read_open(&reader, INFER_REQUEST, message, err);
	while ((rc = proto_read_next(&reader, &field)) > 0) {
		rc = infer_take(infer, &reader, &field, n_raw > 0);
		if (rc != 0)
			return rc;
	}
	if (rc != 0)
		return rc;
	if (request->n_inputs == 0)
		return error_set(err, -EINVAL,
			"there are no inputs: as in inputs { name: \"" TENSOR_ROWS
			"\" datatype: \"FP32\" shape: [1, ...] } and raw_input_contents");
	if (n_raw > 0 && n_raw != request->n_inputs)
		return error_set(err, -EINVAL,
			"expected %u raw_input_contents, one for each input; there are %u",
			request->n_inputs, n_raw);
	infer_give_raw(message, request);
	bytes_add(&infer->own, "", 1); // texts are ended there while they are read
	rc = bytes_check(&infer->own, err);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < request->n_inputs; i++)
		if (!request->inputs[i].raw)
			request->inputs[i].raw = infer->own.at + request->inputs[i].json_place;
	infer_end_texts(request);
	return 0;
}

void infer_message_fini(struct infer_message *infer)
{
	tensor_request_fini(&infer->request);
	bytes_fini(&infer->own);
}
