// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/http.h"

#include "ctl/server/http/request.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

const char *http_reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 409:
		return "Conflict";
	case 411:
		return "Length Required";
	case 413:
		return "Payload Too Large";
	case 414:
		return "URI Too Long";
	case 415:
		return "Unsupported Media Type";
	case 417:
		return "Expectation Failed";
	case 422:
		return "Unprocessable Entity";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	case 505:
		return "HTTP Version Not Supported";
	case 507:
		return "Insufficient Storage";
	default:
		return "Internal Server Error";
	}
}

enum http_method http_method(const struct http_request *request)
{
	return request->head.method;
}

const char *http_path(const struct http_request *request)
{
	return request->text + request->head.path.at;
}

const char *http_query(const struct http_request *request)
{
	return request->text ? request->text + request->head.query.at : "";
}

const char *http_header(const struct http_request *request, const char *name)
{
	const struct parser_field *field = parser_find(&request->head, request->text, name);

	return field ? request->text + field->value.at : NULL;
}

void *http_take_body(struct http_request *request, size_t *size)
{
	char *body = request->body ? request->body : aligned_alloc(64, 64);

	if (!body) {
		http_fail(request, 500, "no memory for a body");
		return NULL;
	}
	*size = request->body_bytes;
	body[*size] = '\0';
	request->body = NULL;
	return body;
}

size_t http_body_bytes(const struct http_request *request)
{
	return (size_t)request->head.body_bytes;
}

const struct who *http_who(const struct http_request *request)
{
	return &request->who;
}

const char *http_peer(const struct http_request *request)
{
	return request->peer;
}

bool http_is_local(const struct http_request *request)
{
	return request->who.uid != (uid_t)-1;
}

bool http_is_late(const struct http_request *request)
{
	return request->is_late;
}

unsigned http_serves(const struct http_request *request)
{
	return request->serves;
}

void http_add_header(struct http_request *request, const char *name, const char *value)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s: %s\r\n", name, value);

	if (n >= (int)sizeof(line) || strpbrk(value, "\r\n") ||
		request->header_bytes + (size_t)n > sizeof(request->headers))
		return;
	memcpy(request->headers + request->header_bytes, line, (size_t)n);
	request->header_bytes += (size_t)n;
}

void http_send(struct http_request *request, int status, const char *type, struct evbuffer *body)
{
	const struct http_response response = { .status = status, .type = type, .buffer = body };

	request->respond(request, &response);
}

static void http_send_json(struct http_request *request, int status, const char *text)
{
	const struct http_response response = {
		.status = status, .type = "application/json", .text = text, .bytes = strlen(text)
	};

	request->respond(request, &response);
}

void http_reply(struct http_request *request, int status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

	json_decref(body);
	if (text)
		http_send_json(request, status, text);
	else
		http_send_json(request, 500, "{\"error\":\"no memory for the reply\"}");
	free(text);
}

json_t *http_sentence(const char *text)
{
	char ascii[ERROR_TEXT_BYTES + 256];
	json_t *sentence = json_string(text);

	if (sentence)
		return sentence;
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c > '~')
			*c = '?';
	return json_string(ascii);
}

void http_fail(struct http_request *request, int status, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES + 256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	http_reply(request, status, json_pack("{s:o}", "error", http_sentence(text)));
}

void http_finish(void *request, int status, json_t *body, const char *refusal)
{
	if (refusal && body) {
		json_object_set_new(body, "error", http_sentence(refusal));
		http_reply(request, status, body);
	} else if (refusal) {
		http_fail(request, status, "%s", refusal);
	} else {
		http_reply(request, status, body);
	}
}
