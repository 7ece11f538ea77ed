// SPDX-License-Identifier: BSD-3-Clause
// A change of the store as a chain of steps, each an io_uring operation whose completion starts the
// next. See store.h for what the chain promises.
#include "ctl/server/store/store_state.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING_ENTRIES    16
#define WRITE_BYTES_MAX ((size_t)8 << 20) // an operation; keeps the event loop's turns short

enum step {
	STEP_MAKE_FOLDER,
	STEP_SYNC_PARENT,
	STEP_OPEN_FOLDER,
	STEP_OPEN_FILE,
	STEP_WRITE,
	STEP_SYNC_FILE,
	STEP_RENAME,
	STEP_SYNC_FOLDER,
	STEP_REMOVE_OPEN_FOLDER,
	STEP_REMOVE_FILE,
	STEP_REMOVE_SYNC_FOLDER,
	STEP_REMOVE_FOLDER,
	STEP_REMOVE_SYNC_PARENT,
	STEP_END,
};

struct change {
	struct store *store;
	enum step step;
	char model[64];
	char file[STORE_FILE_MAX];
	char temporary[40];
	const char *data;
	size_t size, written;
	int folder, fd; // -1: not open
	bool temporary_is_there;
	store_done done;
	void *arg;
};

static void prepare(const struct change *c, struct io_uring_sqe *sqe)
{
	const int models = c->store->models;
	size_t left = c->size - c->written;

	switch (c->step) {
	case STEP_MAKE_FOLDER:
		io_uring_prep_mkdirat(sqe, models, c->model, 0750);
		break;
	case STEP_SYNC_PARENT:
	case STEP_REMOVE_SYNC_PARENT:
		io_uring_prep_fsync(sqe, models, 0);
		break;
	case STEP_OPEN_FOLDER:
	case STEP_REMOVE_OPEN_FOLDER:
		io_uring_prep_openat(
			sqe, models, c->model, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
		break;
	case STEP_OPEN_FILE:
		io_uring_prep_openat(sqe, c->folder, c->temporary,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
		break;
	case STEP_WRITE:
		io_uring_prep_write(sqe, c->fd, c->data + c->written,
			(unsigned)(left < WRITE_BYTES_MAX ? left : WRITE_BYTES_MAX), c->written);
		break;
	case STEP_SYNC_FILE:
		io_uring_prep_fsync(sqe, c->fd, 0);
		break;
	case STEP_RENAME:
		io_uring_prep_renameat(sqe, c->folder, c->temporary, c->folder, c->file, 0);
		break;
	case STEP_SYNC_FOLDER:
	case STEP_REMOVE_SYNC_FOLDER:
		io_uring_prep_fsync(sqe, c->folder, 0);
		break;
	case STEP_REMOVE_FILE:
		io_uring_prep_unlinkat(sqe, c->folder, c->file, 0);
		break;
	case STEP_REMOVE_FOLDER:
		io_uring_prep_unlinkat(sqe, models, c->model, AT_REMOVEDIR);
		break;
	case STEP_END:
		break;
	}
}

// The same by ordinary calls.
static int perform(const struct change *c)
{
	const int models = c->store->models;
	size_t left = c->size - c->written;
	long rc = 0;

	switch (c->step) {
	case STEP_MAKE_FOLDER:
		rc = mkdirat(models, c->model, 0750);
		break;
	case STEP_SYNC_PARENT:
	case STEP_REMOVE_SYNC_PARENT:
		rc = fsync(models);
		break;
	case STEP_OPEN_FOLDER:
	case STEP_REMOVE_OPEN_FOLDER:
		rc = openat(models, c->model, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		break;
	case STEP_OPEN_FILE:
		rc = openat(c->folder, c->temporary,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
		break;
	case STEP_WRITE:
		rc = pwrite(c->fd, c->data + c->written,
			left < WRITE_BYTES_MAX ? left : WRITE_BYTES_MAX, (off_t)c->written);
		break;
	case STEP_SYNC_FILE:
		rc = fsync(c->fd);
		break;
	case STEP_RENAME:
		rc = renameat(c->folder, c->temporary, c->folder, c->file);
		break;
	case STEP_SYNC_FOLDER:
	case STEP_REMOVE_SYNC_FOLDER:
		rc = fsync(c->folder);
		break;
	case STEP_REMOVE_FILE:
		rc = unlinkat(c->folder, c->file, 0);
		break;
	case STEP_REMOVE_FOLDER:
		rc = unlinkat(models, c->model, AT_REMOVEDIR);
		break;
	case STEP_END:
		break;
	}
	return rc < 0 ? -errno : (int)rc;
}

// Takes in what a step gave, and moves on. Returns -errno where the change has failed.
static int advance(struct change *c, int result)
{
	switch (c->step) {
	case STEP_MAKE_FOLDER:
		if (result < 0 && result != -EEXIST)
			return result;
		break;
	case STEP_REMOVE_FOLDER: // not the last file: nothing more to do
		if (result == -ENOTEMPTY || result == -EEXIST) {
			c->step = STEP_END;
			return 0;
		}
		if (result < 0)
			return result;
		break;
	case STEP_OPEN_FOLDER:
	case STEP_REMOVE_OPEN_FOLDER:
		if (result < 0)
			return result;
		c->folder = result;
		break;
	case STEP_OPEN_FILE:
		if (result < 0)
			return result;
		c->fd = result;
		c->temporary_is_there = true;
		break;
	case STEP_WRITE:
		if (result == -EINTR || result == -EAGAIN)
			return 0;
		if (result <= 0)
			return result ? result : -EIO;
		c->written += (size_t)result;
		if (c->written < c->size)
			return 0;
		break;
	default:
		if (result < 0)
			return result;
		if (c->step == STEP_RENAME)
			c->temporary_is_there = false;
		if (c->step == STEP_SYNC_FOLDER) {
			c->step = STEP_END;
			return 0;
		}
	}
	c->step++;
	return 0;
}

static void finish(struct change *c, int result)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->temporary_is_there)
		unlinkat(c->folder, c->temporary, 0);
	if (c->folder >= 0)
		close(c->folder);
	c->done(c->arg, result);
	free(c);
}

static int submit(struct change *c)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&c->store->ring);
	int rc;

	if (!sqe)
		return -EBUSY;
	prepare(c, sqe);
	io_uring_sqe_set_data(sqe, c);
	do
		rc = io_uring_submit(&c->store->ring);
	while (rc == -EINTR);
	return rc < 0 ? rc : 0;
}

// With a ring: the next step is under way when this returns. Without: all of them are made.
static void proceed(struct change *c)
{
	int rc = 0;

	if (c->step != STEP_END && c->store->has_ring) {
		rc = submit(c);
		if (rc == 0)
			return;
	}
	while (rc == 0 && c->step != STEP_END)
		rc = advance(c, perform(c));
	finish(c, rc);
}

static void ring_completed(int fd, short what, void *arg)
{
	struct store *store = arg;
	struct io_uring_cqe *cqe;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
	while (io_uring_peek_cqe(&store->ring, &cqe) == 0) {
		struct change *c = io_uring_cqe_get_data(cqe);
		int rc = advance(c, cqe->res);

		io_uring_cqe_seen(&store->ring, cqe);
		if (rc)
			finish(c, rc);
		else
			proceed(c);
	}
}

static int begin(struct store *store, enum step first, const char *model, const char *file,
	const void *data, size_t size, store_done done, void *arg)
{
	struct change *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->store = store;
	c->step = first;
	snprintf(c->model, sizeof(c->model), "%s", model);
	snprintf(c->file, sizeof(c->file), "%s", file);
	snprintf(c->temporary, sizeof(c->temporary), STORE_TEMPORARY_PREFIX "%llu",
		(unsigned long long)++store->n_temporary);
	c->data = data;
	c->size = size;
	c->folder = c->fd = -1;
	c->done = done;
	c->arg = arg;
	proceed(c);
	return 0;
}

int store_write(struct store *store, const char *model, const char *file, const void *data,
	size_t size, store_done done, void *arg)
{
	if (!store_name_is_valid(model) || size == 0)
		return -EINVAL;
	return begin(store, STEP_MAKE_FOLDER, model, file, data, size, done, arg);
}

int store_remove(
	struct store *store, const char *model, const char *file, store_done done, void *arg)
{
	if (!store_name_is_valid(model))
		return -EINVAL;
	return begin(store, STEP_REMOVE_OPEN_FOLDER, model, file, NULL, 0, done, arg);
}

int store_ring_init(struct store *store, struct event_base *base)
{
	int rc = io_uring_queue_init(RING_ENTRIES, &store->ring, 0);

	if (rc)
		return rc;
	store->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = store->eventfd < 0 ? -errno : io_uring_register_eventfd(&store->ring, store->eventfd);
	if (rc == 0) {
		store->completed = event_new(
			base, store->eventfd, EV_READ | EV_PERSIST, ring_completed, store);
		rc = store->completed && event_add(store->completed, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (rc) {
		if (store->completed)
			event_free(store->completed);
		if (store->eventfd >= 0)
			close(store->eventfd);
		io_uring_queue_exit(&store->ring);
		store->completed = NULL;
		return rc;
	}
	store->has_ring = true;
	return 0;
}

// Else they run on any CPU, and an fsync takes one that polls. A kernel that does not know how
// (before 5.14) leaves it at that.
void store_stay_here(struct store *store)
{
	cpu_set_t cpus;

	if (store->has_ring && sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		io_uring_register_iowq_aff(&store->ring, sizeof(cpus), &cpus);
}

void store_ring_fini(struct store *store)
{
	if (!store->has_ring)
		return;
	event_free(store->completed);
	io_uring_queue_exit(&store->ring);
	close(store->eventfd);
	store->has_ring = false;
}
