// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/request.h"

#include "base/align.h"

#include <event2/buffer.h>
#include <stdlib.h>

struct http_request *request_create(void)
{
	return calloc(1, sizeof(struct http_request));
}

void request_destroy(struct http_request *request)
{
	if (!request)
		return;
	bound_share_set(&request->share, 0);
	free(request->text);
	free(request->body);
	free(request);
}

// Behind each there is a byte that is read no more: a blank, '?', or CR.
static void request_end_text(struct http_request *request, struct parser_span span)
{
	request->text[span.at + span.bytes] = '\0';
}

static void request_end_texts(struct http_request *request)
{
	request_end_text(request, request->head.path);
	request_end_text(request, request->head.query);
	for (uint16_t i = 0; i < request->head.n_fields; i++)
		request_end_text(request, request->head.fields[i].value);
}

int request_read_head(
	struct http_request *request, struct evbuffer *input, enum refusal *why, struct error *err)
{
	size_t bytes = evbuffer_get_length(input);
	const char *head;
	int rc;

	if (bytes == 0)
		return 0;
	bytes = bytes < request->head.bytes_max ? bytes : request->head.bytes_max;
	head = (const char *)evbuffer_pullup(input, (ev_ssize_t)bytes);
	rc = head ? parser_read(&request->head, head, bytes, why, err) : 1;
	if (rc != 1)
		return rc;
	request->text = head ? malloc(request->head.scanned) : NULL;
	if (!request->text) {
		*why = REFUSAL_NO_MEMORY;
		error_set(err, -ENOMEM, "no memory for the header");
		return -1;
	}
	evbuffer_remove(input, request->text, request->head.scanned);
	request_end_texts(request);
	return 1;
}

bool request_make_body(struct http_request *request, size_t bytes)
{
	request->body = aligned_alloc(64, align_up(bytes + 1, 64));
	if (!request->body)
		return false;
	request->body[bytes] = '\0';
	request->body_bytes = bytes;
	return true;
}
