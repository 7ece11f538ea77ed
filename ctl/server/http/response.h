// SPDX-License-Identifier: BSD-3-Clause
// An answer as HTTP/1.1 has it on the wire. Control thread only.
#pragma once

#include "ctl/server/http/request.h"

#include <stdbool.h>
#include <stddef.h>

size_t response_bytes(const struct http_response *response); // of its body
// Adds head and body to `out`; is_last: the connection ends behind it. 0, or not without memory.
int response_write(struct evbuffer *out, const struct http_request *request,
	const struct http_response *response, bool is_last);
