// SPDX-License-Identifier: BSD-3-Clause
// The image is read whole, by the worker thread, and compared with what was stored before any of it is sent:
// what goes out is what came in, or a refusal. It goes through the queue of operations, since the store is read
// by one at a time.
#include "ctl/server/resources/version_get.h"

#include "base/sha256.h"
#include "ctl/server/http/http.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/stored_image.h"
#include "ctl/server/store/store.h"

#include <event2/buffer.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// Images that are on their way to clients, each in memory until its client has it all: 512 MiB at the most,
// however slowly clients read. Control thread only.
#define SENDING_MAX 2
static unsigned version_get_sending;

static void version_get_sent(const void *image, size_t size, void *unused)
{
	version_get_sending--;
	free((void *)(uintptr_t)image);
}

// Work.
static void version_get_read(void *arg)
{
	struct operation *op = arg;
	char file[STORE_FILE_MAX], found[RECORD_SHA256_BYTES];

	store_image_file(file, op->version);
	if (store_read(op->server->store, op->model, file, &op->data, &op->size, &op->err) != 0)
		return;
	sha256_text_of(found, op->data, op->size);
	if (strcmp(found, op->stored.sha256) != 0)
		error_set(&op->err, -EIO,
			"its image in the store is not the one that was stored: its SHA-256 is "
			"%.16s..., not %.16s...",
			found, op->stored.sha256);
}

static void version_get_send(struct operation *op)
{
	struct http_request *request = op->client.arg;
	struct evbuffer *body;
	char etag[RECORD_SHA256_BYTES + 2];

	if (op->err.code) {
		operation_fail(op, 500, "version %u cannot be sent: %s", op->version, op->err.text);
		return;
	}
	body = evbuffer_new();
	if (!body ||
		evbuffer_add_reference(body, op->data, op->size, version_get_sent, NULL) != 0) {
		if (body)
			evbuffer_free(body);
		operation_fail(op, 500, "no memory to send version %u", op->version);
		return;
	}
	op->data = NULL; // the buffer frees it
	version_get_sending++;
	snprintf(etag, sizeof(etag), "\"%s\"", op->stored.sha256);
	http_add_header(request, "ETag", etag);
	if (op->stored.signed_by[0])
		http_add_header(request, "Martlet-Signed-By", op->stored.signed_by);
	http_send(request, 200, "application/octet-stream", body);
	operation_log(op, LOG_LEVEL_DEBUG, "%zu bytes", op->size);
	operation_done(op);
}

// The version that is asked for; NULL: the operation failed.
static const struct model_version *version_get_stored(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);
	const struct model_version *stored = entry ? model_entry_version(entry, op->version) : NULL;

	if (!entry)
		operation_fail_unknown(op);
	else if (!stored)
		operation_fail(
			op, 404, "there is no version %u of model '%s'", op->version, op->model);
	return stored;
}

static void version_get_begin(struct operation *op)
{
	const struct model_version *stored = version_get_stored(op);

	if (!stored)
		return;
	if (version_get_sending >= SENDING_MAX) {
		http_add_header(op->client.arg, "Retry-After", "1");
		operation_fail(op, 503,
			"%d images are being sent already, and each takes its memory until its "
			"client has it: try again later",
			SENDING_MAX);
	} else {
		op->stored = *stored;
		op->stored.choices = NULL; // the list's
		operation_work(op, version_get_read, version_get_send);
	}
}

void version_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct operation_client client = { http_finish, request, http_who(request)->name };
	struct operation *op = operation_create(
		server, client, "get", version_get_begin, params->model, params->version);

	if (op)
		operation_start(op);
}

// --- Its signature -------------------------------------------------------------------------------

// Work.
static void signature_get_read(void *arg)
{
	struct operation *op = arg;

	stored_image_signature(
		op->server, op->model, op->version, &op->signature, &op->signature_size, &op->err);
}

static void signature_get_send(struct operation *op)
{
	struct http_request *request = op->client.arg;
	struct evbuffer *body;

	if (op->err.code) {
		operation_fail(op, 500, "the signature of version %u cannot be sent: %s",
			op->version, op->err.text);
		return;
	}
	if (!op->signature) {
		operation_fail(
			op, 404, "version %u of model '%s' is not signed", op->version, op->model);
		return;
	}
	body = evbuffer_new();
	if (!body || evbuffer_add(body, op->signature, op->signature_size) != 0) {
		if (body)
			evbuffer_free(body);
		operation_fail(op, 500, "no memory to send a signature");
		return;
	}
	http_send(request, 200, "text/plain; charset=utf-8", body);
	operation_done(op);
}

static void signature_get_begin(struct operation *op)
{
	if (version_get_stored(op))
		operation_work(op, signature_get_read, signature_get_send);
}

void signature_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const struct operation_client client = { http_finish, request, http_who(request)->name };
	struct operation *op = operation_create(
		server, client, "get", signature_get_begin, params->model, params->version);

	if (op)
		operation_start(op);
}
