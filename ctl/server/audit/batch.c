// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/audit/batch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_BYTES_MAX   65536
#define WAITING_BYTES_MAX ((size_t)1 << 20)

static struct audit_batch *batch_append(struct audit *a)
{
	struct audit_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->first = a->made.seq + 1;
	if (a->last)
		a->last->next = batch;
	else
		a->first = batch;
	a->last = batch;
	return batch;
}

int batch_begin_file(struct audit *a)
{
	struct audit_batch *batch = a->last && a->last->size == 0 ? a->last : batch_append(a);

	if (!batch)
		return -ENOMEM;
	batch->begins_file = true;
	a->file_bytes_planned = 0;
	a->lacks_newline = false;
	return 0;
}

// Bytes that are being written stay as they are: they may have to be written again. Of an empty one none are.
static bool batch_is_open(const struct audit *a, const struct audit_batch *batch)
{
	return batch && batch->size < BATCH_BYTES_MAX &&
		!(batch == a->first && a->step != AUDIT_IDLE && batch->size > 0);
}

static int batch_grow(struct audit_batch *batch, bool waits)
{
	void *more;

	if (batch->capacity - batch->size < CHAIN_LINE_BYTES_MAX + 1) {
		more = realloc(batch->bytes, batch->capacity + 4 * CHAIN_LINE_BYTES_MAX);
		if (!more)
			return -ENOMEM;
		batch->bytes = more;
		batch->capacity += 4 * CHAIN_LINE_BYTES_MAX;
	}
	if (waits && batch->n_waiters == batch->capacity_waiters) {
		more = reallocarray(
			batch->waiters, batch->capacity_waiters + 16, sizeof(*batch->waiters));
		if (!more)
			return -ENOMEM;
		batch->waiters = more;
		batch->capacity_waiters += 16;
	}
	return 0;
}

static int64_t batch_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void batch_put(struct audit *a, struct audit_batch *batch, const struct chain_entry *entry)
{
	const size_t before = batch->size;
	struct chain_entry timed;

	if (a->lacks_newline)
		batch->bytes[batch->size++] = '\n';
	a->lacks_newline = false;
	if (entry) {
		timed = *entry;
		timed.at_us = batch_now_us();
		batch->size += chain_write(&a->made, &timed, batch->bytes + batch->size);
		a->since_checkpoint++;
	} else {
		batch->size += chain_checkpoint(
			&a->key, &a->made, batch_now_us(), batch->bytes + batch->size);
		a->since_checkpoint = 0;
	}
	batch->last = a->made;
	a->waiting_bytes += batch->size - before;
	a->file_bytes_planned += batch->size - before;
}

int batch_add(struct audit *a, const struct chain_entry *entry, audit_done done, void *arg)
{
	struct audit_batch *batch = a->last;

	if (a->waiting_bytes > WAITING_BYTES_MAX)
		return -EBUSY;
	if (!batch_is_open(a, batch))
		batch = batch_append(a);
	if (!batch || batch_grow(batch, done) != 0)
		return -ENOMEM;
	batch_put(a, batch, entry);
	if (done)
		batch->waiters[batch->n_waiters++] = (struct audit_waiter){ done, arg };
	return 0;
}

struct audit_batch *batch_take(struct audit *a)
{
	struct audit_batch *batch = a->first;

	a->first = batch->next;
	if (!a->first)
		a->last = NULL;
	a->waiting_bytes -= batch->size;
	return batch;
}

void batch_free(struct audit_batch *batch)
{
	free(batch->bytes);
	free(batch->waiters);
	free(batch);
}

// Who is told may have more to be written.
void batch_tell(struct audit_batch *batch, const struct error *err)
{
	struct audit_waiter *waiters = batch->waiters;
	const uint32_t n = batch->n_waiters;

	batch->waiters = NULL;
	batch->n_waiters = batch->capacity_waiters = 0;
	for (uint32_t i = 0; i < n; i++)
		waiters[i].done(waiters[i].arg, err);
	free(waiters);
}
