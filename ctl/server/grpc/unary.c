// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/unary.h"

#include "ctl/server/audited.h"
#include "ctl/server/grpc/call.h"
#include "ctl/server/grpc/proto_write.h"

#include <jansson.h>
#include <string.h>

struct asked {
	struct proto_text first, second; // the texts of fields 1 and 2
	uint64_t number;                 // of field 2, where that is one
};

static int unary_read(const struct unary *unary, struct proto_text message, struct asked *asked,
	struct error *err)
{
	struct proto_read reader;
	struct proto_field field;
	int rc;

	*asked = (struct asked){ 0 };
	proto_read_open(&reader, "request", message, err);
	while ((rc = proto_read_next(&reader, &field)) > 0) {
		rc = 0;
		if (unary->asks == UNARY_NOTHING)
			continue;
		if (field.number == 1)
			rc = proto_read_string(&reader, &field, &asked->first);
		else if (field.number == 2 && unary->asks == UNARY_INDEX)
			rc = proto_read_number(&reader, &field, &asked->number);
		else if (field.number == 2)
			rc = proto_read_string(&reader, &field, &asked->second);
		if (rc != 0)
			return rc;
	}
	return rc;
}

int unary_take_model(struct proto_text name, struct proto_text version, struct route_params *params,
	struct error *err)
{
	uint32_t number = 0;

	*params = (struct route_params){ 0 };
	if (name.size <= NAME_BYTES_MAX && memchr(name.at ? name.at : "", '\0', name.size) == NULL)
		memcpy(params->model, name.at ? name.at : "", name.size);
	if (!name_is_valid(params->model))
		return error_set(err, -EINVAL,
			"'%.*s' is no name of a model: 1 to %d letters, digits, '_', '.' and '-', "
			"the "
			"first one a letter or a digit",
			(int)(name.size < 80 ? name.size : 80), name.at ? name.at : "",
			NAME_BYTES_MAX);
	for (size_t i = 0; i < version.size && number <= UINT16_MAX; i++)
		number = version.at[i] >= '0' && version.at[i] <= '9'
			? number * 10 + (uint32_t)(version.at[i] - '0')
			: UINT32_MAX;
	if (version.size > 0 && (number < 1 || number > UINT16_MAX))
		return error_set(err, -EINVAL, "'%.*s' is no version: a number from 1 to %d",
			(int)(version.size < 20 ? version.size : 20), version.at, UINT16_MAX);
	params->version = (uint16_t)number;
	return 0;
}

void unary_refuse(struct call *call, int status, const char *text, size_t size)
{
	json_t *body = json_loadb(text, size, 0, NULL);
	const char *sentence = json_string_value(json_object_get(body, "error"));

	call_end(call, grpc_status_of_http(status), "%s", sentence ? sentence : "refused");
	json_decref(body);
}

static void unary_answer(struct call *call, const struct unary *unary, json_t *body)
{
	struct bytes message = { 0 };
	struct error err;

	if (unary->within)
		body = json_pack("{s:o}", unary->within, body);
	proto_write_json(&message, unary->answer, body);
	json_decref(body);
	if (bytes_check(&message, &err) == 0) {
		call_send(call, message.at ? message.at : "", message.size);
		call_end(call, GRPC_OK, "%s", "");
	} else {
		call_end(call, GRPC_INTERNAL, "%s", err.text);
	}
	bytes_fini(&message);
}

static void unary_reply(struct call *call, int status, const char *text, size_t size)
{
	const struct unary *unary = call->method->arg;

	if (unary->no_is_answer && (status == 404 || status == 503))
		unary_answer(call, unary, json_object());
	else if (status != 200)
		unary_refuse(call, status, text, size);
	else
		unary_answer(call, unary, json_loadb(text, size, 0, NULL));
}

// The model is changed: the answer says which.
static void unary_reply_change(struct call *call, int status, const char *text, size_t size)
{
	const struct unary *unary = call->method->arg;
	const char *done = unary->answer->n_fields > 1 ? unary->answer->fields[1].name : "";
	json_t *body;

	if (status != 200) {
		unary_refuse(call, status, text, size);
		return;
	}
	body = json_loadb(text, size, 0, NULL);
	unary_answer(call, unary,
		json_pack("{s:O?, s:b}", "model_name", json_object_get(body, "name"), done, 1));
	json_decref(body);
}

void unary_message(struct call *call, struct proto_text message)
{
	const struct unary *unary = call->method->arg;
	const bool changes = call->method->changes;
	struct route_params params = { 0 };
	route_handler *handle = unary->handle;
	struct http_request *request;
	const char *body = NULL;
	struct asked asked;
	struct error err;
	int rc = unary_read(unary, message, &asked, &err);

	if (rc == 0 && unary->handle_all && asked.first.size == 0)
		handle = unary->handle_all;
	else if (rc == 0 && unary->asks == UNARY_MODEL)
		rc = unary_take_model(asked.first, asked.second, &params, &err);
	else if (rc == 0 && changes)
		rc = unary_take_model(asked.second.size ? asked.second : asked.first,
			(struct proto_text){ 0 }, &params, &err);
	else if (rc == 0 && unary->asks == UNARY_INDEX && asked.number)
		body = "{\"ready\":true}";
	if (rc != 0) {
		call_end(call, GRPC_INVALID_ARGUMENT, "%s", err.text);
		return;
	}
	request = call_request(call, changes ? unary_reply_change : unary_reply, body);
	if (request && changes)
		audited_handle(call->server, request, handle, &params, call->method->path);
	else if (request)
		handle(call->server, request, &params);
}
