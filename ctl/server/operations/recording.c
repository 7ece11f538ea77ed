// SPDX-License-Identifier: BSD-3-Clause
// A change of the store that fails has mostly changed nothing. But its last step makes a name durable
// that is there already: where that fails, a restart would find what the client was told is refused. So
// what was there before is read first, and put back if need be. Where that fails, too, it is owed to the
// store: written again by the model's next change, and until then every few seconds, so that what is in
// service and what a restart finds become one again as soon as the disk lets them.
#include "ctl/server/operations/recording.h"

#include "base/clock.h"
#include "ctl/server/log.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/store/store.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_S 10 // after which what is owed is written once more

static uint64_t recording_next_ns(void)
{
	return clock_ns() + AGAIN_S * CLOCK_SECOND_NS;
}

static void recording_settle(struct model_entry *entry)
{
	free(entry->owed.text);
	entry->owed = (struct model_owed){ 0 };
}

// It takes over what was there before. Where that is neither known nor to be told from what is in
// service, for it was damaged, nothing can be owed.
static void recording_owe(struct operation *op, struct model_entry *entry)
{
	struct recording *r = &op->recording;

	recording_settle(entry);
	if (!r->is_known && entry->is_damaged)
		return;
	entry->owed = (struct model_owed){ .is = true, .text = r->before, .size = r->before_size };
	r->before = NULL;
	snprintf(entry->owed.why, sizeof(entry->owed.why),
		"what the store says of it may be another than what is in service, for it could "
		"not be put back: %.200s; that is tried again every %d s",
		op->err.text, AGAIN_S);
	op->server->record_again_ns = recording_next_ns();
}

// A copy of what deployment.json has to say; NULL where it is not to be there. False without memory.
static bool recording_owed_text(const struct model_entry *entry, void **text, size_t *size)
{
	const struct model_owed *owed = &entry->owed;
	const bool is_wanted = owed->text || entry->record.id;

	*text = NULL;
	*size = owed->size;
	if (owed->text) {
		*text = malloc(owed->size + 1);
		if (*text)
			memcpy(*text, owed->text, owed->size);
	} else if (is_wanted) {
		*text = record_format(&entry->record);
		*size = *text ? strlen(*text) : 0;
	}
	return *text || !is_wanted;
}

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
	struct model_entry *entry = models_find(&op->server->models, op->model);
	char failed[ERROR_TEXT_BYTES];

	snprintf(failed, sizeof(failed), "%s", r->failed.text);
	op->err = r->failed;
	op->status = operation_status(&op->err, 500);
	if (!r->is_as_before || r->is_doubtful) {
		recording_owe(op, entry);
		error_set(&op->err, r->failed.code,
			"%.300s; nor could what was recorded before be put back: which of the two "
			"a restart finds is not known until that is done",
			failed);
	} else {
		recording_settle(entry);
	}
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
		recording_settle(models_find(&op->server->models, op->model));
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
	const struct model_entry *entry = models_find(&op->server->models, op->model);
	struct recording *r = &op->recording;

	r->then = then;
	if (!entry->owed.is) {
		operation_work(op, recording_read_before, recording_write);
		return;
	}
	r->is_known = recording_owed_text(entry, &r->before, &r->before_size);
	recording_write(op);
}

// --- What is owed --------------------------------------------------------------------------------

static void recording_written_again(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->err.code) {
		op->server->record_again_ns = recording_next_ns();
		operation_fail(op, op->status, "%s", op->err.text);
		return;
	}
	recording_settle(entry);
	models_drop_empty(&op->server->models, entry);
	operation_reply(op, 200, NULL);
}

static void recording_again_begin(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!recording_owed_text(entry, &op->data, &op->size)) {
		error_set(&op->err, -ENOMEM, "no memory to write " STORE_DEPLOYMENT);
		recording_written_again(op);
	} else if (op->data) {
		operation_write(op, STORE_DEPLOYMENT, recording_written_again);
	} else {
		operation_remove(op, STORE_DEPLOYMENT, recording_written_again);
	}
}

void recording_again(struct server *server)
{
	const struct models *models = &server->models;
	struct operation *op;
	uint32_t i = 0;

	while (i < models->n && !models->entries[i]->owed.is)
		i++;
	if (i == models->n || server->operations.first || clock_ns() < server->record_again_ns)
		return;
	op = operation_create(server, (struct operation_client){ 0 }, "record again",
		recording_again_begin, models->entries[i]->name, 0);
	if (op)
		operation_start(op);
}
