// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/versions.h"

#include "ctl/server/http/http.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/push.h"
#include "ctl/server/store/store.h"

#include <assert.h>
#include <stdlib.h>

// What can be stored can be sent, and no more. The two rooms do not know each other, so each has its
// own number: NOLINTNEXTLINE(misc-redundant-expression)
static_assert(HTTP_BODY_BYTES_MAX == STORE_IMAGE_BYTES_MAX, "the largest body is an image");

bool version_accepts(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	return true;
}

void version_put(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct operation_client client = { http_finish, request, http_who(request)->name };
	size_t size;
	void *image = http_take_body(request, &size);
	struct operation *op;

	if (!image)
		return;
	op = operation_create(server, client, "push", push_begin, params->model, params->version);
	if (!op) {
		free(image);
		return;
	}
	op->data = image;
	op->size = size;
	operation_start(op);
}
