// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/response.h"

#include "ctl/server/http/http.h"
#include "ctl/server/http/shared.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <time.h>

// Made once a second. In English: nobody calls setlocale().
const char *response_date(void)
{
	static char text[64];
	static time_t made;
	time_t now = time(NULL);
	struct tm tm;

	if (now != made && gmtime_r(&now, &tm) &&
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
		made = now;
	return text;
}

size_t response_bytes(const struct http_response *response)
{
	return response->buffer ? evbuffer_get_length(response->buffer) : response->bytes;
}

bool response_has_room(const struct connection_shared *shared, const struct connection_peer *peer,
	const struct http_request *request, size_t bytes)
{
	return peer->is_local || request->head.method == HTTP_HEAD ||
		bound_admits(&shared->bound, bytes, request->got);
}

void response_refuse(struct connection_shared *shared, struct http_request *request,
	const struct http_response *response)
{
	if (response->buffer)
		evbuffer_free(response->buffer);
	shared->refused[REFUSAL_BODIES_FULL]++;
	request->header_bytes = 0;
	http_add_header(request, "Retry-After", "1");
	http_fail(request, refusal_status(REFUSAL_BODIES_FULL),
		"there is no room for the answer: uploads and answers under way hold %zu of the "
		"%zu MiB "
		"that control.upload_megabytes allows them together: try again later",
		shared->bound.held >> 20, shared->bound.max >> 20);
}

int response_write(struct evbuffer *out, const struct http_request *request,
	const struct http_response *response, bool is_last)
{
	char head[REQUEST_HEADERS_BYTES + 512];
	const char *kept = "";
	int n;

	if (is_last)
		kept = "Connection: close\r\n";
	else if (request->head.minor == 0)
		kept = "Connection: keep-alive\r\n";
	n = snprintf(head, sizeof(head),
		"HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %.128s\r\nContent-Length: %zu\r\n"
		"%.*s%s\r\n",
		response->status, http_reason(response->status), response_date(), response->type,
		response_bytes(response), (int)request->header_bytes, request->headers, kept);
	if (evbuffer_add(out, head, (size_t)n) != 0)
		return -ENOMEM;
	if (request->head.method == HTTP_HEAD)
		return 0;
	if (response->buffer)
		return evbuffer_add_buffer(out, response->buffer);
	return evbuffer_add(out, response->text, response->bytes);
}
