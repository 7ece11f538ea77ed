// SPDX-License-Identifier: BSD-3-Clause
// An operation changes what is stored or deployed. They run one at a time, in the order they came,
// so none sees another's half. Each is a chain: begin() on the control thread, then, as it needs,
// work on the worker thread and changes of the store, until operation_reply() or operation_fail()
// ends it. At start the same operations run without a client.
#pragma once

#include "ctl/server/server_state.h"

#include <jansson.h>

// Who asked, over whatever protocol; all zero at start. reply() takes `body`; where the operation
// was refused there is a sentence in its place. `status` is HTTP's.
struct operation_client {
	void (*reply)(void *arg, int status, json_t *body, const char *refusal);
	void *arg;
};

struct operation {
	struct server *server;
	struct operation_client client;
	const char *what; // for the log: "deploy"
	void (*begin)(struct operation *op);
	bool has_begun;
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

	// Of the last work or change: what failed (err.code is 0 where nothing did), and the HTTP
	// status that this means for the client.
	struct error err;
	int status;
	void (*then)(struct operation *op);
	struct operation *next;
};

// NULL without memory: the client was replied to.
struct operation *operation_create(struct server *server, struct operation_client client,
	const char *what, void (*begin)(struct operation *op), const char *model, uint16_t version);
// Queues it, and begins it where nothing is before it. While draining a client's is refused.
void operation_start(struct operation *op);

// work(op) on the worker thread, then then(op).
void operation_work(
	struct operation *op, void (*work)(void *op), void (*then)(struct operation *op));
// Changes of the store, then then(op). The first writes op->data.
void operation_write(struct operation *op, const char *file, void (*then)(struct operation *op));
void operation_write_record(struct operation *op, void (*then)(struct operation *op));
void operation_remove(struct operation *op, const char *file, void (*then)(struct operation *op));

// The status of what went wrong: 5xx where it is this machine's memory or disk, else `refusal`.
int operation_status(const struct error *err, int refusal);

// Ends: the reply goes out, the next one begins. `op` is gone.
void operation_reply(struct operation *op, int status, json_t *body);
__attribute__((format(printf, 3, 4))) void operation_fail(
	struct operation *op, int status, const char *format, ...);

// Nothing is begun from operation_hold() to operation_release(): so that those of the start are all
// queued before the first of them can end.
void operation_hold(struct server *server);
void operation_release(struct server *server);
// At the end: the operation under way is given up (its worker is gone already), and those behind it
// are thrown away. Their clients hear nothing.
void operation_give_up_all(struct server *server);
