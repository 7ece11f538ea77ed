// SPDX-License-Identifier: BSD-3-Clause
// A change as a chain of steps, each a system call whose result starts the next.
#include "ctl/server/store/store_change.h"

#include "base/name.h"
#include "ctl/server/store/store.h"
#include "ctl/server/store/store_spare.h"
#include "ctl/server/store/store_state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITE_BYTES_MAX ((size_t)8 << 20) // a call; keeps the event loop's turns short

// X(step, what is said where it fails)
#define STEP_LIST(X)                                                                               \
	X(STEP_MAKE_FOLDER, "its folder cannot be made")                                           \
	X(STEP_SYNC_PARENT, "its folder cannot be made durable")                                   \
	X(STEP_OPEN_FOLDER, "its folder cannot be opened")                                         \
	X(STEP_OPEN_FILE, "a temporary file beside it cannot be made")                             \
	X(STEP_WRITE, "it cannot be written")                                                      \
	X(STEP_SYNC_FILE, "it cannot be made durable")                                             \
	X(STEP_RENAME, "it is written, but cannot take its name")                                  \
	X(STEP_SYNC_FOLDER, "it is there, but its name cannot be made durable")                    \
	X(STEP_REMOVE_OPEN_FOLDER, "its folder cannot be opened")                                  \
	X(STEP_REMOVE_FILE, "it cannot be removed")                                                \
	X(STEP_REMOVE_SYNC_FOLDER, "it is removed, but that cannot be made durable")               \
	X(STEP_REMOVE_FOLDER, "it is removed, but its empty folder cannot be")                     \
	X(STEP_REMOVE_SYNC_PARENT, "its folder is removed, but that cannot be made durable")

enum step {
#define X(step, text) step,
	STEP_LIST(X)
#undef X
		STEP_END,
};

struct change {
	struct store *store;
	enum step step;
	struct disk_call call; // the step's
	char model[NAME_BYTES_MAX + 1];
	char file[STORE_FILE_MAX];
	char temporary[40];
	const char *data;
	size_t size, written;
	int folder, fd; // -1: not open
	bool folder_is_new, temporary_is_there;
	store_done done;
	void *arg;
};

// The system call of the step at hand.
static void change_describe(struct change *c)
{
	static const int FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	static const int FILE_FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const int models = c->store->models;
	size_t left = c->size - c->written;
	struct disk_call call = { .done = c->call.done, .arg = c->call.arg };

	switch (c->step) {
	case STEP_MAKE_FOLDER:
		call.kind = DISK_MAKE_FOLDER;
		call.folder = models, call.path = c->model, call.mode = 0750;
		break;
	case STEP_SYNC_PARENT:
	case STEP_REMOVE_SYNC_PARENT:
		call.kind = DISK_SYNC;
		call.fd = models;
		break;
	case STEP_OPEN_FOLDER:
	case STEP_REMOVE_OPEN_FOLDER:
		call.kind = DISK_OPEN;
		call.folder = models, call.path = c->model, call.flags = FOLDER_FLAGS;
		break;
	case STEP_OPEN_FILE:
		call.kind = DISK_OPEN;
		call.folder = c->folder, call.path = c->temporary;
		call.flags = FILE_FLAGS, call.mode = 0640;
		break;
	case STEP_WRITE:
		call.kind = DISK_WRITE;
		call.fd = c->fd, call.data = c->data + c->written, call.offset = c->written;
		call.size = left < WRITE_BYTES_MAX ? left : WRITE_BYTES_MAX;
		break;
	case STEP_SYNC_FILE:
		call.kind = DISK_SYNC;
		call.fd = c->fd;
		break;
	case STEP_RENAME:
		call.kind = DISK_RENAME;
		call.folder = c->folder, call.path = c->temporary, call.new_path = c->file;
		break;
	case STEP_SYNC_FOLDER:
	case STEP_REMOVE_SYNC_FOLDER:
		call.kind = DISK_SYNC;
		call.fd = c->folder;
		break;
	case STEP_REMOVE_FILE:
		call.kind = DISK_REMOVE;
		call.folder = c->folder, call.path = c->file;
		break;
	case STEP_REMOVE_FOLDER:
		call.kind = DISK_REMOVE;
		call.folder = models, call.path = c->model, call.flags = AT_REMOVEDIR;
		break;
	case STEP_END:
		break;
	}
	c->call = call;
}

// The step that follows where a step failed in a way that is no failure of the change; STEP_END
// where there is none, and *is_failure where it is one.
static enum step change_excuse(enum step step, int result, bool *is_failure)
{
	*is_failure = false;
	if (step == STEP_MAKE_FOLDER && result == -EEXIST)
		return STEP_SYNC_PARENT;
	if (step == STEP_REMOVE_OPEN_FOLDER && result == -ENOENT)
		return STEP_REMOVE_SYNC_PARENT;
	if (step == STEP_REMOVE_FILE && result == -ENOENT)
		return STEP_REMOVE_SYNC_FOLDER;
	if (step == STEP_REMOVE_FOLDER && (result == -ENOTEMPTY || result == -EEXIST))
		return STEP_END; // this was not the last file
	*is_failure = true;
	return STEP_END;
}

// Takes in what a step gave, and moves on. Returns -errno where the change has failed.
static int change_advance(struct change *c, int result)
{
	bool is_failure;

	if (result == -EINTR || (c->step == STEP_WRITE && result == -EAGAIN) ||
		store_spare_give(c->store, result))
		return 0; // the same step again
	if (result < 0) {
		enum step next = change_excuse(c->step, result, &is_failure);

		if (is_failure)
			return result;
		c->step = next;
		return 0;
	}
	switch (c->step) {
	case STEP_MAKE_FOLDER:
		c->folder_is_new = true;
		break;
	case STEP_OPEN_FOLDER:
	case STEP_REMOVE_OPEN_FOLDER:
		c->folder = result;
		break;
	case STEP_OPEN_FILE:
		c->fd = result;
		c->temporary_is_there = true;
		break;
	case STEP_WRITE:
		if (result == 0)
			return -EIO;
		c->written += (size_t)result;
		if (c->written < c->size)
			return 0;
		break;
	case STEP_RENAME:
		c->temporary_is_there = false;
		c->folder_is_new = false; // it holds the file
		break;
	case STEP_SYNC_FOLDER:
		c->step = STEP_END;
		return 0;
	default:
		break;
	}
	c->step++;
	return 0;
}

static void change_say(const struct change *c, int rc, struct error *err)
{
	static const char *const TEXTS[] = {
#define X(step, text) text,
		STEP_LIST(X)
#undef X
	};

	error_set(err, rc, "%.300s/models/%s/%s: %s: %s", c->store->path, c->model, c->file,
		TEXTS[c->step], strerror(-rc));
}

// What a failed change has made is taken away again.
static void change_finish(struct change *c, int rc)
{
	struct error err;

	if (rc != 0)
		change_say(c, rc, &err);
	if (c->fd >= 0)
		close(c->fd);
	if (c->temporary_is_there)
		unlinkat(c->folder, c->temporary, 0);
	if (c->folder >= 0)
		close(c->folder);
	if (rc != 0 && c->folder_is_new)
		unlinkat(c->store->models, c->model, AT_REMOVEDIR);
	store_spare_fill(c->store);
	c->done(c->arg, rc != 0 ? &err : NULL);
	free(c);
}

// Until a step is under way, the change is made or it has failed.
static void change_proceed(struct change *c)
{
	int result, rc = 0;

	while (rc == 0 && c->step != STEP_END) {
		change_describe(c);
		if (!c->store->disk->make(c->store->disk, &c->call, &result))
			return;
		rc = change_advance(c, result);
	}
	change_finish(c, rc);
}

static void change_called(void *arg, int result)
{
	struct change *c = arg;
	int rc = change_advance(c, result);

	if (rc == 0 && c->step != STEP_END && c->store->is_cancelled)
		rc = -ECANCELED;
	if (rc != 0)
		change_finish(c, rc);
	else
		change_proceed(c);
}

static void change_begin(struct store *store, enum step first, const char *model, const char *file,
	const void *data, size_t size, store_done done, void *arg)
{
	struct change *c = calloc(1, sizeof(*c));
	struct error err;

	if (!c) {
		error_set(&err, -ENOMEM, "no memory to change %s/%s in the store", model, file);
		done(arg, &err);
		return;
	}
	if (store->is_cancelled) {
		free(c);
		error_set(&err, -ECANCELED, "%s/%s: the store is being closed", model, file);
		done(arg, &err);
		return;
	}
	c->store = store;
	c->step = first;
	c->call.done = change_called;
	c->call.arg = c;
	snprintf(c->model, sizeof(c->model), "%s", model);
	snprintf(c->file, sizeof(c->file), "%s", file);
	snprintf(c->temporary, sizeof(c->temporary), STORE_TEMPORARY_PREFIX "%llu",
		(unsigned long long)++store->n_temporary);
	c->data = data;
	c->size = size;
	c->folder = c->fd = -1;
	c->done = done;
	c->arg = arg;
	change_proceed(c);
}

static void change_refuse(store_done done, void *arg, const char *model, const char *what)
{
	struct error err;

	error_set(&err, -EINVAL, "'%.64s' %s", model, what);
	done(arg, &err);
}

void store_write(struct store *store, const char *model, const char *file, const void *data,
	size_t size, store_done done, void *arg)
{
	if (!name_is_valid(model))
		change_refuse(done, arg, model, "is no model's name");
	else if (size == 0)
		change_refuse(done, arg, model, "cannot be given an empty file");
	else
		change_begin(store, STEP_MAKE_FOLDER, model, file, data, size, done, arg);
}

void store_remove(
	struct store *store, const char *model, const char *file, store_done done, void *arg)
{
	if (!name_is_valid(model))
		change_refuse(done, arg, model, "is no model's name");
	else
		change_begin(store, STEP_REMOVE_OPEN_FOLDER, model, file, NULL, 0, done, arg);
}

void store_cancel(struct store *store)
{
	store->is_cancelled = true;
	store->disk->settle(store->disk);
}
