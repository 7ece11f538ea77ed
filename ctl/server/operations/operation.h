// SPDX-License-Identifier: BSD-3-Clause
// An operation changes what is stored or deployed. They run one at a time, in the order they came,
// so none sees another's half. Each is a chain: begin() on the control thread, then, as it needs,
// work on the worker thread and changes of the store, until operation_reply() or operation_fail()
// ends it. At start the same operations run without a request.
#pragma once

#include "ctl/server/routes.h"
#include "ctl/server/server_state.h"

#include <jansson.h>

struct operation {
	struct server *server;
	struct evhttp_request *request; // NULL: at start
	const char *what;               // for the log: "deploy"
	void (*begin)(struct operation *op);
	char model[MODEL_NAME_MAX + 1];
	uint16_t id, version;
	const char *path; // image to import, at start

	void *data; // image or JSON text, until it is written
	size_t size;
	struct model_version stored;         // as it will be listed
	struct record record;                // as it will be
	bool recorded;                       // deployment.json says so already
	struct model *opened;                // until the dataplane takes it
	const struct model_choices *choices; // as timed before; the list of versions owns them
	struct model_choices *timed;         // now, until the list takes them
	int rc;                              // of the work
	struct error err;
	void (*then)(struct operation *op);
	struct operation *next;
};

// Takes the model and version out of `params` (NULL: none). NULL without memory (replied to).
struct operation *operation_create(struct server *server, struct evhttp_request *request,
	const struct route_params *params, const char *what, void (*begin)(struct operation *op));
// Queues it; refused while draining.
void operation_start(struct operation *op);

// work(op) on the worker thread, then then(op).
void operation_work(
	struct operation *op, void (*work)(void *op), void (*then)(struct operation *op));
// A change of the store, then then(op) with the result in op->rc and op->err.
void operation_write(struct operation *op, const char *file, const void *data, size_t size,
	void (*then)(struct operation *op));
void operation_remove(struct operation *op, const char *file, void (*then)(struct operation *op));

// Ends: the reply goes out, the next one begins. `op` is gone.
void operation_reply(struct operation *op, int status, json_t *body);
__attribute__((format(printf, 3, 4))) void operation_fail(
	struct operation *op, int status, const char *format, ...);

// The chain's pieces that several operations share.
void work_open_image(void *op);          // op->data: hash, open without timing, golden rows
void deploy_begin(struct operation *op); // op->version (op->id 0: the known one) into service
