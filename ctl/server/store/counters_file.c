// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/store/counters_file.h"

#include "base/clock.h"
#include "base/trust/trusted_file.h"
#include "ctl/server/log.h"
#include "ctl/server/store/disk.h"
#include "ctl/server/store/store.h"
#include "ctl/server/store/store_state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER     "wire"
#define NAME       "counters"
#define TEMPORARY  "counters.new" // one that a crash left is written over
#define PATH_BYTES 1024
// Whether it is due is asked every 100 ms, never to the nanosecond.
#define MARGIN_NS (CLOCK_SECOND_NS / 10)

enum counters_step {
	COUNTERS_IDLE,
	COUNTERS_OPEN,
	COUNTERS_WRITE,
	COUNTERS_SYNC,
	COUNTERS_RENAME,
	COUNTERS_SYNC_FOLDER,
	COUNTERS_END,
};

struct counters_file {
	struct store *store;
	char path[PATH_BYTES];
	int folder, fd; // fd: of the temporary file; -1: not open
	void *found;    // at the start
	size_t found_bytes;
	char *text; // that is being written
	size_t size, written;
	enum counters_step step;
	struct disk_call call; // the step's
	bool is_under_way, is_failing;
	uint64_t due_ns;
};

// --- Writing -------------------------------------------------------------------------------------

// The system call of the step at hand.
static void counters_describe(struct counters_file *f)
{
	struct disk_call call = { .done = f->call.done, .arg = f->call.arg };

	switch (f->step) {
	case COUNTERS_OPEN:
		call.kind = DISK_OPEN;
		call.folder = f->folder, call.path = TEMPORARY, call.mode = 0600;
		call.flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
		break;
	case COUNTERS_WRITE:
		call.kind = DISK_WRITE;
		call.fd = f->fd, call.offset = f->written;
		call.data = f->text + f->written, call.size = f->size - f->written;
		break;
	case COUNTERS_SYNC:
		call.kind = DISK_SYNC;
		call.fd = f->fd;
		break;
	case COUNTERS_RENAME:
		call.kind = DISK_RENAME;
		call.folder = f->folder, call.path = TEMPORARY, call.new_path = NAME;
		break;
	case COUNTERS_SYNC_FOLDER:
		call.kind = DISK_SYNC;
		call.fd = f->folder;
		break;
	case COUNTERS_IDLE:
	case COUNTERS_END:
		break;
	}
	f->call = call;
}

// Takes in what the step gave, and moves on. -errno where it failed.
static int counters_take(struct counters_file *f, int result)
{
	if (result == -EINTR || (f->step == COUNTERS_WRITE && result == -EAGAIN))
		return 0; // the same step again
	if (result < 0)
		return result;
	if (f->step == COUNTERS_OPEN)
		f->fd = result;
	if (f->step == COUNTERS_WRITE) {
		if (result == 0)
			return -EIO;
		f->written += (size_t)result;
		if (f->written < f->size)
			return 0;
	}
	f->step++;
	return 0;
}

static void counters_finish(struct counters_file *f, int rc)
{
	if (rc != 0 && !f->is_failing)
		log_error(
			"%s: cannot be written: %s: datagrams that are accepted from here on could "
			"be replayed after a restart; tried again every %s",
			f->path, strerror(-rc), f->store->has_ring ? "second" : "10 seconds");
	if (rc == 0 && f->is_failing)
		log_info("%s: can be written again", f->path);
	f->is_failing = rc != 0;
	f->step = COUNTERS_IDLE;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	free(f->text);
	f->text = NULL;
}

// Until a call is under way, or the text is written, or that has failed.
static void counters_proceed(struct counters_file *f, int rc)
{
	int result;

	while (rc == 0 && f->step != COUNTERS_END) {
		counters_describe(f);
		f->is_under_way = true;
		if (!store_disk(f->store)->make(store_disk(f->store), &f->call, &result))
			return;
		f->is_under_way = false;
		rc = counters_take(f, result);
	}
	counters_finish(f, rc);
}

static void counters_called(void *arg, int result)
{
	struct counters_file *f = arg;

	f->is_under_way = false;
	counters_proceed(f, counters_take(f, result));
}

bool counters_file_is_writing(const struct counters_file *f)
{
	return f->step != COUNTERS_IDLE;
}

bool counters_file_is_due(const struct counters_file *f, uint64_t now_ns)
{
	return !counters_file_is_writing(f) && now_ns >= f->due_ns;
}

bool counters_file_is_failing(const struct counters_file *f)
{
	return f && f->is_failing;
}

void counters_file_write(struct counters_file *f, char *text, size_t size, uint64_t now_ns)
{
	trusted_file_free(f->found);
	f->found = NULL;
	f->text = text;
	f->size = size;
	f->written = 0;
	f->due_ns = now_ns + (f->store->has_ring ? 1 : 10) * CLOCK_SECOND_NS - MARGIN_NS;
	f->step = COUNTERS_OPEN;
	counters_proceed(f, 0);
}

void counters_file_settle(struct counters_file *f)
{
	while (f->is_under_way)
		store_disk(f->store)->settle(store_disk(f->store));
}

// --- Its life ------------------------------------------------------------------------------------

// Rows are scored without it as well: whatever is wrong with it is no reason not to start.
static void counters_read(struct counters_file *f)
{
	struct error err;
	int rc = trusted_file_read(f->path, TRUSTED_PUBLIC, &f->found, &f->found_bytes, &err);

	if (rc != 0 && rc != -ENOENT)
		log_error(
			"%s: nothing is known of what was accepted before, and could be accepted "
			"once more; a new file takes its place",
			err.text);
}

int counters_file_open(struct store *store, struct counters_file **out, struct error *err)
{
	struct counters_file *f = calloc(1, sizeof(*f));
	char folder[PATH_BYTES];

	if (!f)
		return error_set(err, -ENOMEM, "no memory for the counters of keys");
	f->store = store;
	f->fd = -1;
	f->call.done = counters_called;
	f->call.arg = f;
	f->folder = store_open_folder(store, FOLDER, folder, sizeof(folder), err);
	if (f->folder < 0) {
		const int rc = f->folder;

		free(f);
		return rc;
	}
	snprintf(f->path, sizeof(f->path), "%.1000s/" NAME, folder);
	counters_read(f);
	*out = f;
	return 0;
}

void counters_file_close(struct counters_file *f)
{
	if (!f)
		return;
	close(f->folder);
	trusted_file_free(f->found);
	free(f);
}

const char *counters_file_path(const struct counters_file *f)
{
	return f->path;
}

const char *counters_file_found(const struct counters_file *f, size_t *size)
{
	*size = f->found_bytes;
	return f->found;
}
