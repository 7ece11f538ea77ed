// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/operation.h"

#include "ctl/server/http/http.h"
#include "ctl/server/log.h"

#include <stdlib.h>
#include <string.h>

static void operation_destroy(struct operation *op)
{
	model_close(op->opened);
	free(op->data);
	free(op->timed);
	free(op);
}

struct operation *operation_create(struct server *server, struct evhttp_request *request,
	const struct route_params *params, const char *what, void (*begin)(struct operation *op))
{
	struct operation *op = calloc(1, sizeof(*op));

	if (!op) {
		if (request)
			http_fail(request, 500, "no memory to %s", what);
		return NULL;
	}
	op->server = server;
	op->request = request;
	op->what = what;
	op->begin = begin;
	if (params) {
		snprintf(op->model, sizeof(op->model), "%s", params->model);
		op->version = params->version;
	}
	return op;
}

void operation_start(struct operation *op)
{
	struct server *server = op->server;

	if (server->phase == SERVER_DRAINING && op->request) {
		http_fail(op->request, 503, "martletd is draining and takes no changes any more");
		operation_destroy(op);
		return;
	}
	if (server->last)
		server->last->next = op;
	else
		server->first = op;
	server->last = op;
	if (server->first == op)
		op->begin(op);
}

static void operation_end(struct operation *op)
{
	struct server *server = op->server;

	server->first = op->next;
	if (!server->first)
		server->last = NULL;
	operation_destroy(op);
	if (server->first)
		server->first->begin(server->first);
	else
		server_idle(server);
}

static void work_done(void *arg)
{
	struct operation *op = arg;

	op->then(op);
}

void operation_work(
	struct operation *op, void (*work)(void *op), void (*then)(struct operation *op))
{
	op->then = then;
	jobs_run(op->server->jobs, work, work_done, op);
}

static void change_done(void *arg, int result)
{
	struct operation *op = arg;

	op->rc = result;
	if (result)
		error_set(
			&op->err, result, "the store could not be written: %s", strerror(-result));
	op->then(op);
}

void operation_write(struct operation *op, const char *file, const void *data, size_t size,
	void (*then)(struct operation *op))
{
	int rc;

	op->then = then;
	rc = store_write(op->server->parts.store, op->model, file, data, size, change_done, op);
	if (rc)
		change_done(op, rc);
}

void operation_remove(struct operation *op, const char *file, void (*then)(struct operation *op))
{
	int rc;

	op->then = then;
	rc = store_remove(op->server->parts.store, op->model, file, change_done, op);
	if (rc)
		change_done(op, rc);
}

void operation_reply(struct operation *op, int status, json_t *body)
{
	if (op->version)
		log_info("%s: model %s, version %u", op->what, op->model, op->version);
	else
		log_info("%s: model %s", op->what, op->model);
	if (op->request)
		http_reply(op->request, status, body);
	else
		json_decref(body);
	operation_end(op);
}

void operation_fail(struct operation *op, int status, const char *format, ...)
{
	char text[ERROR_TEXT_BYTES + 128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_event(op->request ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "%s: model %s: refused: %s",
		op->what, op->model, text);
	if (op->request)
		http_fail(op->request, status, "%s", text);
	operation_end(op);
}
