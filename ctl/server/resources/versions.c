// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/versions.h"

#include "ctl/server/http/http.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/push.h"
#include "ctl/server/store/store.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// What can be stored can be sent, and no more. The two rooms do not know each other, so each has its
// own number: NOLINTNEXTLINE(misc-redundant-expression)
static_assert(HTTP_BODY_BYTES_MAX == STORE_IMAGE_BYTES_MAX, "the largest body is an image");

bool version_accepts(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	return true;
}

// The header's base64 is the text of a .minisig file; *text is malloc'ed, NULL where there is no such header. False: it is
// none, and the client was replied to.
static bool version_take_signature(struct http_request *request, char **text, size_t *size)
{
	const char *header = http_header(request, VERSION_SIGNATURE_HEADER);
	const size_t bytes = header ? strlen(header) : 0;

	*text = NULL;
	*size = 0;
	if (!header)
		return true;
	*text = malloc(bytes + 1);
	if (!*text) {
		http_fail(request, 500, "no memory for a signature");
		return false;
	}
	if (sodium_base642bin((unsigned char *)*text, bytes, header, bytes, NULL, size, NULL,
		    sodium_base64_VARIANT_ORIGINAL) == 0 &&
		*size > 0) {
		(*text)[*size] = '\0';
		return true;
	}
	free(*text);
	http_fail(request, 400,
		VERSION_SIGNATURE_HEADER
		": is no base64 of a signature, the text of a .minisig file");
	return false;
}

void version_put(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct operation_client client = { http_finish, request, http_who(request)->name };
	size_t size, signature_size;
	char *signature;
	struct operation *op;
	void *image;

	if (!version_take_signature(request, &signature, &signature_size))
		return;
	image = http_take_body(request, &size);
	if (!image) {
		free(signature);
		return;
	}
	op = operation_create(server, client, "push", push_begin, params->model, params->version);
	if (!op) {
		free(image);
		free(signature);
		return;
	}
	op->signature = signature;
	op->signature_size = signature_size;
	op->data = image;
	op->size = size;
	operation_start(op);
}
