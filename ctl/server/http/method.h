// SPDX-License-Identifier: BSD-3-Clause
// The methods of HTTP that a route may have, and those that are known to have none here.
#pragma once

#include <stddef.h>

enum http_method {
	HTTP_GET,
	HTTP_HEAD, // answered as GET is, without the body
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_PATCH,
	HTTP_OPTIONS,
	HTTP_METHODS
};

const char *http_method_name(enum http_method method); // "GET"
// The method of a name, text[bytes]; HTTP_METHODS where it is none of them.
enum http_method http_method_find(const char *text, size_t bytes);
