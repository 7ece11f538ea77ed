// SPDX-License-Identifier: BSD-3-Clause
// A change of the store that fails has mostly changed nothing. But its last step makes a name durable
// that is there already: where that fails, a restart would find what the client was told is refused. So
// what was there before is read first, and put back if need be.
#include "ctl/server/operations/recording.h"

#include "ctl/server/log.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/store/store.h"

#include <stdlib.h>
#include <string.h>

static void recording_end(struct operation *op)
{
	void (*then)(struct operation * op) = op->recording.then;

	free(op->recording.before);
	op->recording.before = NULL;
	then(op);
}

// Work: what deployment.json says. NULL and 0 bytes where there is none.
static void recording_read_before(void *arg)
{
	struct operation *op = arg;
	struct recording *r = &op->recording;
	int rc = store_read(op->server->store, op->model, STORE_DEPLOYMENT, &r->before,
		&r->before_size, &op->err);

	r->is_known = rc == 0 || rc == -ENOENT;
}

// Work: whether it says the same.
static void recording_compare(void *arg)
{
	struct operation *op = arg;
	struct recording *r = &op->recording;
	struct error err;
	void *text;
	size_t size;
	int rc = store_read(op->server->store, op->model, STORE_DEPLOYMENT, &text, &size, &err);

	if (rc == 0)
		r->is_as_before =
			r->before && size == r->before_size && memcmp(text, r->before, size) == 0;
	else
		r->is_as_before = rc == -ENOENT && !r->before;
	free(text);
}

static void recording_put_back_compared(struct operation *op)
{
	const struct recording *r = &op->recording;
	char failed[ERROR_TEXT_BYTES];

	snprintf(failed, sizeof(failed), "%s", r->failed.text);
	op->err = r->failed;
	op->status = operation_status(&op->err, 500);
	if (!r->is_as_before || r->is_doubtful)
		error_set(&op->err, r->failed.code,
			"%.300s; nor could what was recorded before be put back: which of the two "
			"a restart finds is not known",
			failed);
	recording_end(op);
}

// What reads as before may still be lost with the power, where the last step of putting it back failed.
static void recording_put_back(struct operation *op)
{
	op->recording.is_doubtful = op->err.code != 0;
	operation_work(op, recording_compare, recording_put_back_compared);
}

static void recording_failed_compared(struct operation *op)
{
	struct recording *r = &op->recording;

	if (r->is_as_before || !r->is_known) {
		recording_put_back_compared(op);
		return;
	}
	log_warning("store: %s: putting back what was recorded before", r->failed.text);
	if (!r->before) {
		operation_remove(op, STORE_DEPLOYMENT, recording_put_back);
		return;
	}
	free(op->data);
	op->data = malloc(r->before_size + 1);
	op->size = r->before_size;
	if (op->data) {
		memcpy(op->data, r->before, r->before_size);
		operation_write(op, STORE_DEPLOYMENT, recording_put_back);
	} else {
		recording_put_back_compared(op);
	}
}

static void recording_written(struct operation *op)
{
	if (!op->err.code) {
		recording_end(op);
		return;
	}
	op->recording.failed = op->err;
	operation_work(op, recording_compare, recording_failed_compared);
}

static void recording_write(struct operation *op)
{
	if (op->record.id)
		operation_write_record(op, recording_written);
	else
		operation_remove(op, STORE_DEPLOYMENT, recording_written);
}

void recording_begin(struct operation *op, void (*then)(struct operation *op))
{
	op->recording.then = then;
	operation_work(op, recording_read_before, recording_write);
}
