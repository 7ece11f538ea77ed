// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/operation.h"

#include "ctl/server/audit/audit.h"
#include "ctl/server/operations/cost.h"
#include "ctl/server/operations/deployment_json.h"
#include "ctl/server/operations/jobs.h"
#include "ctl/server/store/store.h"
#include "ctl/server/store/store_change.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void operation_destroy(struct operation *op)
{
	dataplane_discard_route(op->route);
	for (uint32_t i = 0; i < op->n_parts; i++) {
		dataplane_discard(op->parts[i].prepared);
		model_close(op->parts[i].opened);
		free(op->parts[i].timed);
	}
	json_decref(op->beside);
	free(op->recording.before);
	accepted_fini(&op->accepted);
	free(op->keeping.accepted);
	free(op->signature);
	free(op->path);
	free(op->data);
	free(op);
}

struct operation *operation_create(struct server *server, struct operation_client client,
	const char *what, void (*begin)(struct operation *op), const char *model, uint16_t version)
{
	struct operation *op = calloc(1, sizeof(*op));
	char refusal[64];

	if (!op) {
		snprintf(refusal, sizeof(refusal), "no memory to %s", what);
		if (client.reply)
			client.reply(client.arg, 500, NULL, refusal);
		return NULL;
	}
	op->server = server;
	op->client = client;
	snprintf(op->by, sizeof(op->by), "%s", client.by ? client.by : "");
	op->client.by = op->by;
	op->what = what;
	op->begin = begin;
	snprintf(op->model, sizeof(op->model), "%s", model);
	op->version = version;
	return op;
}

// --- The queue -----------------------------------------------------------------------------------

// A loop, not a call from one operation's end to the next one's begin: thousands of them may be
// refused one after the other.
static void operation_run_queue(struct server *server)
{
	struct operation_queue *q = &server->operations;

	if (q->is_held)
		return;
	q->is_held = true;
	while (q->first && !q->first->has_begun) {
		q->first->has_begun = true;
		if (q->first->is_change)
			cost_begin(server->cost);
		cost_enter(server->cost);
		q->first->begin(q->first);
		cost_leave(server->cost);
	}
	q->is_held = false;
	if (q->n_starting == 0)
		server_recovered(server);
}

void operation_start(struct operation *op)
{
	struct operation_queue *q = &op->server->operations;

	if (op->server->phase >= SERVER_LEAVING && op->client.reply) {
		op->client.reply(op->client.arg, 503, NULL,
			"martletd is draining and takes no changes any more");
		operation_destroy(op);
		return;
	}
	if (!op->client.reply)
		q->n_starting++;
	if (q->last)
		q->last->next = op;
	else
		q->first = op;
	q->last = op;
	operation_run_queue(op->server);
}

static void operation_end(struct operation *op)
{
	struct server *server = op->server;
	struct operation_queue *q = &server->operations;

	q->first = op->next;
	if (!q->first)
		q->last = NULL;
	if (!op->client.reply)
		q->n_starting--;
	operation_destroy(op);
	operation_run_queue(server);
}

void operation_hold(struct server *server)
{
	server->operations.is_held = true;
}

void operation_release(struct server *server)
{
	server->operations.is_held = false;
	operation_run_queue(server);
}

void operation_give_up_all(struct server *server)
{
	struct operation_queue *q = &server->operations;

	q->is_held = true;
	store_cancel(server->store); // which ends the one under way, where it waits for the disk
	while (q->first) {
		struct operation *op = q->first;

		q->first = op->next;
		if (op->client.reply)
			op->client.reply(op->client.arg, 503, NULL,
				"martletd ends; whether this was done is seen once it runs again");
		operation_destroy(op);
	}
	q->last = NULL;
}

// --- Pieces of a chain ---------------------------------------------------------------------------

int operation_status(const struct error *err, int refusal)
{
	switch (err->code) {
	case -ENOSPC:
	case -EDQUOT:
		return 507;
	case -ENOMEM:
	case -EIO:
		return 500;
	default:
		return refusal;
	}
}

static void operation_worked(void *arg)
{
	struct operation *op = arg;
	struct server *server = op->server;

	cost_enter(server->cost);
	op->then(op);
	cost_leave(server->cost);
}

void operation_work(
	struct operation *op, void (*work)(void *op), void (*then)(struct operation *op))
{
	op->then = then;
	memset(&op->err, 0, sizeof(op->err));
	if (!op->server->jobs) // the server ends: operation_give_up_all() frees the operation
		return;
	jobs_run(op->server->jobs, work, operation_worked, op);
}

static void operation_changed(void *arg, const struct error *err)
{
	struct operation *op = arg;
	struct server *server = op->server;

	cost_enter(server->cost);
	if (err)
		op->err = *err;
	else
		memset(&op->err, 0, sizeof(op->err));
	op->status = operation_status(&op->err, 500);
	op->then(op);
	cost_leave(server->cost);
}

void operation_write(struct operation *op, const char *file, void (*then)(struct operation *op))
{
	op->then = then;
	store_write(op->server->store, op->model, file, op->data, op->size, operation_changed, op);
}

void operation_write_bytes(struct operation *op, const char *file, const void *bytes, size_t size,
	void (*then)(struct operation *op))
{
	op->then = then;
	store_write(op->server->store, op->model, file, bytes, size, operation_changed, op);
}

void operation_write_record(struct operation *op, void (*then)(struct operation *op))
{
	struct error err;

	free(op->data);
	op->data = record_format(&op->record);
	if (op->data) {
		op->size = strlen(op->data);
		operation_write(op, STORE_DEPLOYMENT, then);
		return;
	}
	error_set(&err, -ENOMEM, "no memory to write " STORE_DEPLOYMENT);
	op->then = then;
	operation_changed(op, &err);
}

void operation_remove(struct operation *op, const char *file, void (*then)(struct operation *op))
{
	op->then = then;
	store_remove(op->server->store, op->model, file, operation_changed, op);
}

// --- Its end -------------------------------------------------------------------------------------

void operation_log(const struct operation *op, enum log_level level, const char *format, ...)
{
	char version[24] = "", by[sizeof(op->by) + 8] = "", text[ERROR_TEXT_BYTES + 128] = "";
	va_list args;

	if (op->version)
		snprintf(version, sizeof(version), ", version %u", op->version);
	if (op->client.reply) // what the start does is nobody's wish but the configuration's
		snprintf(by, sizeof(by), ", by %s", op->by);
	if (format) {
		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
	}
	log_event(level, "%s: model %s%s%s%s%s", op->what, op->model, version, by,
		format ? ": " : "", text);
}

// What a client asked for is recorded with its request. What the start brings back is no change.
static void operation_audit(const struct operation *op, int status, const char *why)
{
	const struct chain_entry entry = { .kind = CHAIN_OWN,
		.by = "martletd",
		.what = op->what,
		.model = op->model,
		.version = op->version,
		.sha256 = op->stored.sha256[0] ? op->stored.sha256 : NULL,
		.says_allowed = true,
		.allowed = status < 400,
		.status = status,
		.why = why };

	if (!op->client.reply && !op->recorded)
		audit_own(op->server->audit, &entry);
}

void operation_done(struct operation *op)
{
	operation_end(op);
}

void operation_reply(struct operation *op, int status, json_t *body)
{
	operation_log(op, LOG_LEVEL_INFO, NULL);
	operation_audit(op, status, op->record.change[0] ? op->record.change : NULL);
	if (op->is_change)
		cost_end(op->server->cost, op->model, op->what, op->version);
	if (op->client.reply)
		op->client.reply(op->client.arg, status, body, NULL);
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
	operation_log(
		op, op->client.reply ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "refused: %s", text);
	operation_audit(op, status, text);
	if (op->client.reply) {
		op->client.reply(op->client.arg, status, op->beside, text);
		op->beside = NULL;
	}
	operation_end(op);
}

bool operation_may_change(struct operation *op, const struct model_entry *entry)
{
	if (!entry->is_later)
		return true;
	operation_fail(op, 409,
		"the deployment of model '%s' stays as it is: %.300s. Run that martletd, or take "
		"the file out of the store and start this one again",
		op->model, entry->reason);
	return false;
}

bool operation_matches(struct operation *op, const struct model_entry *entry)
{
	const struct record *r = &entry->record;
	char when[32] = "at a time not known";
	const time_t at = (time_t)r->at;
	struct tm tm;
	char tag[32];

	snprintf(tag, sizeof(tag), "\"%" PRIu64 "\"", r->revision);
	if (if_match_holds(&op->if_match, r->id ? tag : NULL))
		return true;
	op->beside = json_pack("{s:o}", "deployment", deployment_json(op->model, r));
	if (r->at && gmtime_r(&at, &tm))
		strftime(when, sizeof(when), "at %Y-%m-%dT%H:%M:%SZ", &tm);
	operation_fail(op, 412,
		"the deployment of model '%s' is not as you saw it: it was at revision %s then and "
		"is "
		"at %" PRIu64
		" now; the last change, by %s %s: %s. Look at it again, "
		"then say what is to be changed",
		op->model, op->if_match.n ? op->if_match.tags[0] : "another", r->revision,
		r->by[0] ? r->by : "somebody", when, r->change[0] ? r->change : "not known");
	return false;
}

void operation_sign_record(struct operation *op, const struct record *before)
{
	struct record *r = &op->record;

	r->revision = before->revision + 1;
	r->at = (int64_t)time(NULL);
	if (!op->client.reply)
		snprintf(r->by, sizeof(r->by), "martletd");
	else
		snprintf(r->by, sizeof(r->by), "%.*s", (int)sizeof(r->by) - 1, op->by);
	wish_say_change(before, r);
}

void operation_fail_unknown(struct operation *op)
{
	const char *nearest = models_nearest(&op->server->models, op->model);

	if (nearest)
		operation_fail(
			op, 404, "there is no model '%s'; did you mean '%s'?", op->model, nearest);
	else
		operation_fail(op, 404, "there is no model '%s'", op->model);
}
