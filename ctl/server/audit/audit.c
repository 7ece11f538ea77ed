// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/audit/audit.h"

#include "base/clock.h"
#include "base/trust/chain_files.h"
#include "base/version.h"
#include "ctl/server/audit/audit_state.h"
#include "ctl/server/audit/batch.h"
#include "ctl/server/audit/resume.h"
#include "ctl/server/log.h"
#include "ctl/server/store/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECKPOINT_LINES 100

// --- The disk ------------------------------------------------------------------------------------

// The system call of the step at hand.
static void audit_describe(struct audit *a)
{
	const struct audit_batch *batch = a->first;
	struct disk_call call = { .done = a->call.done, .arg = a->call.arg };

	switch (a->step) {
	case AUDIT_OPEN:
		chain_file_name(batch->first, a->name);
		call.kind = DISK_OPEN;
		call.folder = a->folder, call.path = a->name, call.mode = 0600;
		call.flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
		break;
	case AUDIT_SYNC_FOLDER:
		call.kind = DISK_SYNC;
		call.fd = a->folder;
		break;
	case AUDIT_WRITE:
		call.kind = DISK_WRITE;
		call.fd = a->fd, call.offset = a->file_bytes + batch->written;
		call.data = batch->bytes + batch->written;
		call.size = batch->size - batch->written;
		break;
	case AUDIT_SYNC:
		call.kind = DISK_SYNC;
		call.fd = a->fd;
		break;
	case AUDIT_HEAD:
		chain_head_write(&a->key, &a->durable, a->head);
		call.kind = DISK_WRITE;
		call.fd = a->head_fd, call.data = a->head, call.size = sizeof(a->head);
		break;
	case AUDIT_IDLE:
		break;
	}
	a->call = call;
}

// Whoever waits, for these lines or later ones, is refused. What was being written is written once more, from its
// beginning: after a failed fsync nobody knows which of it is on the disk.
static void audit_fail(struct audit *a, int rc)
{
	struct error err;

	if (a->failed.code == 0)
		log_error(
			"audit: %s cannot be written: %s: no changes until it can; tried again "
			"every second",
			a->path, strerror(-rc));
	error_set(&a->failed, rc, "the audit log %s cannot be written: %s", a->path, strerror(-rc));
	a->again_ns = clock_ns() + CLOCK_SECOND_NS;
	a->first->written = 0;
	if (a->step == AUDIT_SYNC)
		a->step = AUDIT_WRITE;
	err = a->failed;
	for (struct audit_batch *batch = a->first; batch; batch = batch->next)
		batch_tell(batch, &err);
}

static void audit_say_place(const struct audit *a, const char *what)
{
	log_info("audit: %s: line %" PRIu64 ", hash %s", what, a->durable.seq, a->durable.hash);
}

static void audit_lasts(struct audit *a)
{
	struct audit_batch *batch = batch_take(a);
	const struct chain_entry omitted = { .kind = CHAIN_OMITTED,
		.by = "martletd",
		.why = "the disk failed, or there was no memory",
		.n = a->omitted };

	a->durable = batch->last;
	a->file_bytes += batch->size;
	a->written += batch->last.seq + 1 - batch->first;
	a->written_bytes += batch->size;
	a->written_at = time(NULL);
	a->step = AUDIT_HEAD;
	if (a->failed.code) {
		log_info("audit: %s can be written again", a->path);
		a->failed.code = 0;
	}
	if (a->omitted && batch_add(a, &omitted, NULL, NULL) == 0)
		a->omitted = 0;
	if (a->since_checkpoint == 0)
		audit_say_place(a, "signed");
	batch_tell(batch, NULL);
	batch_free(batch);
}

static void audit_opened(struct audit *a, int result)
{
	struct audit_batch *batch = a->first;

	// A file that is longer than it should be is better than none.
	if (result < 0 && a->fd >= 0) {
		log_warning("audit: no new file can be made in %s: %s; the last one goes on",
			a->path, strerror(-result));
		batch->begins_file = false;
		a->step = AUDIT_WRITE;
	} else if (result < 0) {
		audit_fail(a, result);
	} else {
		if (a->fd >= 0)
			close(a->fd);
		a->fd = result;
		a->file_bytes = 0;
		batch->begins_file = false;
		a->step = AUDIT_SYNC_FOLDER;
	}
}

// Takes in what the step gave, and moves on.
static void audit_take(struct audit *a, int result)
{
	struct audit_batch *batch = a->first;

	if (result == -EINTR || (a->step == AUDIT_WRITE && result == -EAGAIN))
		return;
	if (a->step == AUDIT_OPEN) {
		audit_opened(a, result);
	} else if (a->step == AUDIT_HEAD) {
		if (result != (int)sizeof(a->head) && !a->said_head)
			log_warning("audit: %s/" CHAIN_HEAD_FILE " cannot be written: %s", a->path,
				result < 0 ? strerror(-result) : "not all of it");
		a->said_head = result != (int)sizeof(a->head);
		a->step = AUDIT_IDLE;
	} else if (result < 0 || (a->step == AUDIT_WRITE && result == 0)) {
		audit_fail(a, result < 0 ? result : -EIO);
	} else if (a->step == AUDIT_SYNC_FOLDER) {
		a->step = AUDIT_WRITE;
	} else if (a->step == AUDIT_SYNC) {
		audit_lasts(a);
	} else {
		batch->written += (size_t)result;
		if (batch->written >= batch->size)
			a->step = AUDIT_SYNC;
	}
}

// Until a call is under way, or nothing is to be done.
static void audit_proceed(struct audit *a)
{
	int result;

	if (a->is_advancing || a->is_under_way)
		return;
	a->is_advancing = true;
	for (;;) {
		if (a->step == AUDIT_IDLE && a->first && a->first->size > 0)
			a->step = a->first->begins_file ? AUDIT_OPEN : AUDIT_WRITE;
		if (a->step == AUDIT_IDLE || (a->failed.code && clock_ns() < a->again_ns))
			break;
		audit_describe(a);
		a->is_under_way = true;
		if (!store_disk(a->store)->make(store_disk(a->store), &a->call, &result))
			break;
		a->is_under_way = false;
		audit_take(a, result);
	}
	a->is_advancing = false;
}

static void audit_called(void *arg, int result)
{
	struct audit *a = arg;

	a->is_under_way = false;
	a->is_advancing = true;
	audit_take(a, result);
	a->is_advancing = false;
	audit_proceed(a);
}

// --- Lines ---------------------------------------------------------------------------------------

// A file that is long enough ends in a checkpoint.
static void audit_look_after(struct audit *a)
{
	const bool is_long = a->file_bytes_planned >= a->file_bytes_max;

	if (a->since_checkpoint >= CHECKPOINT_LINES || (is_long && a->since_checkpoint > 0))
		batch_add(a, NULL, NULL, NULL);
	if (is_long)
		batch_begin_file(a);
}

static void audit_lose(struct audit *a)
{
	a->omitted++;
	a->omitted_all++;
}

uint64_t audit_write(struct audit *a, const struct chain_entry *entry, audit_done done, void *arg)
{
	struct error err;
	uint64_t seq;
	int rc;

	if (!a) {
		if (done)
			done(arg, NULL);
		return 0;
	}
	rc = batch_add(a, entry, done, arg);
	seq = rc == 0 ? a->made.seq : 0;
	if (done) // somebody waits: the disk may be well by now
		a->again_ns = 0;
	if (rc == 0)
		audit_look_after(a);
	else
		audit_lose(a);
	if (rc != 0 && done) { // before others are told, who may have more to be written
		error_set(&err, rc, "the audit log %s cannot be written: %s", a->path,
			rc == -EBUSY ? "too much waits to be" : strerror(-rc));
		done(arg, a->failed.code ? &a->failed : &err);
	}
	audit_proceed(a);
	return seq;
}

uint64_t audit_next(const struct audit *a)
{
	return a ? a->made.seq + 1 : 0;
}

void audit_own(struct audit *audit, const struct chain_entry *entry)
{
	audit_write(audit, entry, NULL, NULL);
}

void audit_reread(struct audit *a, const char *key, const char *path, const char *refusal)
{
	char what[PATH_MAX + 64];
	const struct chain_entry entry = { .kind = CHAIN_OWN,
		.by = "martletd",
		.what = what,
		.says_allowed = true,
		.allowed = !refusal,
		.why = refusal };

	snprintf(what, sizeof(what), "%s: read %s anew", key, path);
	audit_own(a, &entry);
}

void audit_refused(struct audit *a, const struct chain_entry *entry)
{
	char source[REFUSALS_TEXT_BYTES];

	if (!a)
		return;
	a->refused++;
	snprintf(source, sizeof(source), "%s, %s", entry->by ? entry->by : "",
		entry->from ? entry->from : "");
	if (refusals_admit(&a->refusals, source, clock_ns()))
		audit_write(a, entry, NULL, NULL);
	else
		a->omitted_all++;
}

static void audit_report_refusals(struct audit *a, bool all)
{
	char most[REFUSALS_TEXT_BYTES], why[REFUSALS_TEXT_BYTES + 64] = "refusals";
	const struct chain_entry entry = { .kind = CHAIN_OMITTED,
		.by = "martletd",
		.why = why,
		.n = refusals_report(&a->refusals, clock_ns(), all, most) };

	if (entry.n == 0)
		return;
	if (most[0])
		snprintf(why, sizeof(why), "refusals that came too fast, most of them of %s", most);
	if (audit_write(a, &entry, NULL, NULL) == 0)
		a->omitted += entry.n - 1; // which counted it as one
}

void audit_tick(struct audit *a)
{
	if (!a)
		return;
	audit_report_refusals(a, false);
	audit_proceed(a);
}

// --- Its life ------------------------------------------------------------------------------------

static int audit_open_files(struct audit *a, const struct audit_options *options, struct error *err)
{
	char key[PATH_MAX];
	int rc;

	a->folder = store_open_folder(a->store, "audit", a->path, sizeof(a->path), err);
	if (a->folder < 0)
		return a->folder;
	snprintf(key, sizeof(key), "%s/" CHAIN_SECRET_FILE, a->path);
	rc = chain_key_open(options->key[0] ? options->key : key, &a->key, err);
	if (rc != 0)
		return error_prefix(err, "audit");
	a->head_fd =
		openat(a->folder, CHAIN_HEAD_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (a->head_fd < 0)
		return error_set(err, -errno, "audit: %s/" CHAIN_HEAD_FILE " cannot be opened: %s",
			a->path, strerror(errno));
	return 0;
}

static void audit_free(struct audit *a)
{
	while (a->first) {
		struct audit_batch *batch = batch_take(a);

		batch_tell(batch, &a->failed);
		batch_free(batch);
	}
	if (a->fd >= 0)
		close(a->fd);
	if (a->head_fd >= 0)
		close(a->head_fd);
	if (a->folder >= 0)
		close(a->folder);
	chain_key_wipe(&a->key);
	free(a);
}

static void audit_begin_file(struct audit *a, bool *is_wanted, bool now)
{
	if (*is_wanted && now) {
		batch_begin_file(a);
		*is_wanted = false;
	}
}

// What a crash left is bound, or the last line ended, by one line more in the same file: so each file is whole by itself,
// and can be verified without the others. A file that is damaged stays as it is.
static void audit_record_start(struct audit *a, const struct audit_resumed *resumed)
{
	const struct chain_entry found = { .kind = resumed->kind,
		.by = "martletd",
		.why = resumed->why,
		.torn = resumed->kind == CHAIN_RECOVERED ? resumed->torn : 0,
		.torn_hash = resumed->kind == CHAIN_RECOVERED ? resumed->torn_hash : NULL };
	const struct chain_entry start = { .kind = CHAIN_START,
		.by = "martletd",
		.what = martlet_version,
		.why = resumed->note[0] ? resumed->note : NULL };
	const bool stays_before = resumed->kind == CHAIN_RECOVERED ||
		(resumed->kind != CHAIN_DAMAGED && a->lacks_newline);
	bool begins = resumed->begins_file;

	if (resumed->kind != CHAIN_KIND_COUNT)
		log_event(resumed->kind == CHAIN_DAMAGED ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
			"audit: %s: %s; the log goes on at line %" PRIu64, a->path, resumed->why,
			a->made.seq + 1);
	if (resumed->note[0])
		log_warning("audit: %s: %s", a->path, resumed->note);
	audit_begin_file(a, &begins, !stays_before);
	if (resumed->kind != CHAIN_KIND_COUNT) {
		batch_add(a, &found, NULL, NULL);
		audit_begin_file(a, &begins, true);
	}
	batch_add(a, &start, NULL, NULL);
	audit_begin_file(a, &begins, true);
	batch_add(a, NULL, NULL, NULL);
	audit_proceed(a);
}

int audit_open(struct store *store, const struct audit_options *options, struct audit **out,
	struct error *err)
{
	struct audit *a = calloc(1, sizeof(*a));
	struct audit_resumed resumed;
	int rc;

	if (!a || sodium_init() < 0) {
		free(a);
		return error_set(err, -ENOMEM, "no memory for the audit log");
	}
	a->store = store;
	a->folder = a->fd = a->head_fd = -1;
	a->file_bytes_max = options->file_bytes;
	a->call.done = audit_called;
	a->call.arg = a;
	rc = audit_open_files(a, options, err);
	if (rc == 0)
		rc = audit_resume(a, &resumed, err);
	if (rc != 0) {
		audit_free(a);
		return rc;
	}
	audit_record_start(a, &resumed);
	*out = a;
	return 0;
}

// Until nothing waits any more, or the disk fails.
static void audit_settle(struct audit *a)
{
	a->again_ns = 0;
	audit_proceed(a);
	while (a->is_under_way)
		store_disk(a->store)->settle(store_disk(a->store));
}

void audit_close(struct audit *a)
{
	const struct chain_entry stop = { .kind = CHAIN_STOP, .by = "martletd" };

	if (!a)
		return;
	a->is_closing = true;
	audit_settle(a); // what is told then may have more to say
	audit_report_refusals(a, true);
	batch_add(a, &stop, NULL, NULL);
	batch_add(a, NULL, NULL, NULL);
	audit_settle(a);
	if (a->failed.code)
		log_error("audit: %s: what happened since line %" PRIu64 " is lost: %s", a->path,
			a->durable.seq, a->failed.text);
	audit_say_place(a, "ended");
	audit_free(a);
}

bool audit_is_closing(const struct audit *a)
{
	return a && a->is_closing;
}

void audit_figures(const struct audit *a, struct audit_figures *figures)
{
	if (!a) {
		*figures = (struct audit_figures){ 0 };
		return;
	}
	*figures = (struct audit_figures){ .lines = a->durable.seq,
		.written = a->written,
		.written_bytes = a->written_bytes,
		.written_at = a->written_at,
		.refused = a->refused,
		.omitted = a->omitted_all,
		.is_failing = a->failed.code != 0 };
	memcpy(figures->hash, a->durable.hash, sizeof(figures->hash));
	if (a->failed.code)
		memcpy(figures->why, a->failed.text, sizeof(figures->why));
}
