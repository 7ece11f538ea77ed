// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/method.h"

#include <string.h>

static const char *const NAMES[HTTP_METHODS] = { "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH",
	"OPTIONS" };

const char *http_method_name(enum http_method method)
{
	return NAMES[method];
}

enum http_method http_method_find(const char *text, size_t bytes)
{
	for (enum http_method m = 0; m < HTTP_METHODS; m++)
		if (strlen(NAMES[m]) == bytes && memcmp(NAMES[m], text, bytes) == 0)
			return m;
	return HTTP_METHODS;
}
