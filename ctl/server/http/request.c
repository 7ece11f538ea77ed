// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/request.h"

#include <stdlib.h>

struct http_request *request_create(void)
{
	return calloc(1, sizeof(struct http_request));
}

void request_destroy(struct http_request *request)
{
	if (!request)
		return;
	if (request->held_of)
		*request->held_of -= request->held_bytes;
	free(request->text);
	free(request->body);
	free(request);
}

// Behind each there is a byte that is read no more: a blank, '?', or CR.
static void request_end_text(struct http_request *request, struct parser_span span)
{
	request->text[span.at + span.bytes] = '\0';
}

void request_end_texts(struct http_request *request)
{
	request_end_text(request, request->head.path);
	for (uint16_t i = 0; i < request->head.n_fields; i++)
		request_end_text(request, request->head.fields[i].value);
}
