// SPDX-License-Identifier: BSD-3-Clause
// What evhttp refuses by itself, before any callback of ours: headers that are none, bodies that
// are too large, methods it does not know. libevent 2.1 has no hook for its error page, but it
// calls this public function by name: ours takes the place of the library's, and speaks JSON like
// everything else here. tests/unit/test_http.c fails should a libevent ever bind it otherwise.
#include "ctl/server/http.h"
#include "ctl/server/store.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

void evhttp_send_error(struct evhttp_request *request, int status, const char *reason)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_clear_headers(headers);
	evhttp_add_header(headers, "Connection", "close"); // what follows cannot be told apart
	switch (status) {
	case 413:
		http_fail(request, 413,
			"the body is too large: an image has at most %zu bytes, headers at most %d",
			STORE_IMAGE_BYTES_MAX, HTTP_HEADERS_BYTES_MAX);
		break;
	case 417:
		http_fail(
			request, 417, "of expectations only 'Expect: 100-continue' is understood");
		break;
	case 501:
		http_fail(request, 501, "unknown method; there are GET, PUT, POST and DELETE");
		break;
	default:
		http_fail(request, status, "this is no HTTP/1.1 request: %s",
			reason ? reason : "its first line, a header or its length is malformed");
	}
}
