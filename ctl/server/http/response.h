// SPDX-License-Identifier: BSD-3-Clause
// An answer: whether there is room for it, and how HTTP/1.1 has it on the wire. Control thread only.
#pragma once

#include "ctl/server/http/request.h"

#include <stdbool.h>
#include <stddef.h>

struct connection_shared;
struct connection_peer;

const char *response_date(void);                             // "Sun, 06 Nov 1994 08:49:37 GMT": now
size_t response_bytes(const struct http_response *response); // of its body
// Whether an answer may wait to be sent: there is room for its `bytes` beside all the others. Those of the
// operator always may. Where not, response_refuse() replies to the request in its place.
bool response_has_room(const struct connection_shared *shared, const struct connection_peer *peer,
	const struct http_request *request, size_t bytes);
void response_refuse(struct connection_shared *shared, struct http_request *request,
	const struct http_response *response);
// Adds head and body to `out`; is_last: the connection ends behind it. 0, or not without memory.
int response_write(struct evbuffer *out, const struct http_request *request,
	const struct http_response *response, bool is_last);
