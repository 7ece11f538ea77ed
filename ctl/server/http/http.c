// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/http.h"

#include "base/align.h"
#include "ctl/server/http/gate.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const char *http_reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	case 413:
		return "Payload Too Large";
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
	case 507:
		return "Insufficient Storage";
	default:
		return "Internal Server Error";
	}
}

// To handlers a request is ours; here it is still evhttp's.
static struct evhttp_request *http_evhttp(const struct http_request *request)
{
	return (struct evhttp_request *)request;
}

const char *http_header(const struct http_request *request, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(http_evhttp(request)), name);
}

void http_add_header(struct http_request *request, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(http_evhttp(request)), name, value);
}

void http_send(struct http_request *request, int status, const char *type, struct evbuffer *body)
{
	http_add_header(request, "Content-Type", type);
	evhttp_send_reply(http_evhttp(request), status, http_reason(status), body);
	if (body)
		evbuffer_free(body);
}

static void http_send_json(struct http_request *request, int status, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	if (body)
		evbuffer_add(body, text, strlen(text));
	http_send(request, status, "application/json", body);
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

void http_fail(struct http_request *request, int status, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES + 256];
	json_t *sentence;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sentence = json_string(text);
	if (!sentence) // it is not UTF-8: it quotes the client, or is cut within a character
		for (char *c = text; *c; c++)
			if ((unsigned char)*c > '~')
				*c = '?';
	http_reply(request, status,
		json_pack("{s:o}", "error", sentence ? sentence : json_string(text)));
}

void http_finish(void *request, int status, json_t *body, const char *refusal)
{
	if (refusal)
		http_fail(request, status, "%s", refusal);
	else
		http_reply(request, status, body);
}

uid_t http_uid(struct http_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(http_evhttp(request));
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = connection ? bufferevent_getfd(evhttp_connection_get_bufferevent(connection)) : -1;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : (uid_t)-1;
}

void *http_take_body(struct http_request *request, size_t *size)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(http_evhttp(request));
	size_t bytes = evbuffer_get_length(body);
	char *copy = aligned_alloc(64, align_up(bytes + 1, 64));

	if (!copy) {
		http_fail(request, 500, "no memory for a body of %zu bytes", bytes);
		return NULL;
	}
	evbuffer_remove(body, copy, bytes);
	copy[bytes] = '\0';
	*size = bytes;
	return copy;
}

struct evhttp *http_create(struct event_base *base)
{
	struct evhttp *http = evhttp_new(base);

	if (!http)
		return NULL;
	// Every method, so that the routes can say which ones fit.
	evhttp_set_allowed_methods(http,
		EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
			EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_max_headers_size(http, HTTP_HEADERS_BYTES_MAX);
	evhttp_set_max_body_size(http, (ev_ssize_t)HTTP_BODY_BYTES_MAX);
	evhttp_set_timeout(http, HTTP_TIMEOUT_S);
	return http;
}

// What evhttp refuses by itself, before any callback of ours: headers that are none, bodies that
// are too large, methods it does not know. libevent 2.1 has no hook for its error page, but it
// calls this public function by name: ours takes the place of the library's, and speaks JSON like
// everything else here. tests/unit/test_http.c fails should a libevent ever bind it otherwise. It
// stands in this file because a linker takes from a library only what somebody asks for.
void evhttp_send_error(struct evhttp_request *request, int status, const char *reason)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct error err;

	evhttp_clear_headers(headers);
	evhttp_add_header(headers, "Connection", "close"); // what follows cannot be told apart
	switch (status) {
	case 413:
		if (gate_is_full(request, &err)) {
			http_fail((struct http_request *)request, 503, "%s", err.text);
			break;
		}
		http_fail((struct http_request *)request, 413,
			"the body is too large: an image has at most %zu bytes, headers at most %d",
			HTTP_BODY_BYTES_MAX, HTTP_HEADERS_BYTES_MAX);
		break;
	case 417:
		http_fail((struct http_request *)request, 417,
			"of expectations only 'Expect: 100-continue' is understood");
		break;
	case 501:
		http_fail((struct http_request *)request, 501,
			"unknown method; there are GET, PUT, POST and DELETE");
		break;
	default:
		http_fail((struct http_request *)request, status, "this is no HTTP/1.1 request: %s",
			reason ? reason : "its first line, a header or its length is malformed");
	}
}
