// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/store/disk_ring.h"

#include <event2/event.h>
#include <liburing.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RING_ENTRIES 16

struct disk_ring {
	struct disk disk; // first: what others hold points here
	struct io_uring ring;
	int eventfd;
	struct event *completed;
	unsigned n_under_way;
};

// What the ring takes: the operations below, and no more. A filter of system calls (confine/filter.h) sees only that
// the ring is entered, not what it is asked to do.
static const uint8_t OPERATIONS[] = { IORING_OP_NOP, IORING_OP_MKDIRAT, IORING_OP_OPENAT,
	IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_RENAMEAT, IORING_OP_UNLINKAT };
#define N_OPERATIONS (sizeof(OPERATIONS) / sizeof(OPERATIONS[0]))

static void disk_ring_prepare(const struct disk_call *call, struct io_uring_sqe *sqe)
{
	switch (call->kind) {
	case DISK_MAKE_FOLDER:
		io_uring_prep_mkdirat(sqe, call->folder, call->path, call->mode);
		break;
	case DISK_OPEN:
		io_uring_prep_openat(sqe, call->folder, call->path, call->flags, call->mode);
		break;
	case DISK_WRITE:
		io_uring_prep_write(sqe, call->fd, call->data, (unsigned)call->size, call->offset);
		break;
	case DISK_SYNC:
		io_uring_prep_fsync(sqe, call->fd, 0);
		break;
	case DISK_RENAME:
		io_uring_prep_renameat(
			sqe, call->folder, call->path, call->folder, call->new_path, 0);
		break;
	case DISK_REMOVE:
		io_uring_prep_unlinkat(sqe, call->folder, call->path, call->flags);
		break;
	}
}

static bool disk_ring_make(struct disk *disk, struct disk_call *call, int *result)
{
	struct disk_ring *r = (struct disk_ring *)disk;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
	int rc;

	if (!sqe) {
		*result = -EBUSY;
		return true;
	}
	disk_ring_prepare(call, sqe);
	io_uring_sqe_set_data(sqe, call);
	do
		rc = io_uring_submit(&r->ring);
	while (rc == -EINTR);
	if (rc >= 0) {
		r->n_under_way++;
		return false;
	}
	// The kernel has not taken the entry, but will take it together with the next one that is
	// submitted. By then `call` may be freed: make it an entry that does nothing and that
	// nobody waits for.
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data(sqe, NULL);
	*result = rc;
	return true;
}

static void disk_ring_take_completions(struct disk_ring *r)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&r->ring, &cqe) == 0) {
		struct disk_call *call = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&r->ring, cqe);
		if (!call)
			continue;
		r->n_under_way--;
		call->done(call->arg, result);
	}
}

static void disk_ring_completed(int fd, short what, void *arg)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == sizeof(count))
		disk_ring_take_completions(arg);
}

static void disk_ring_settle(struct disk *disk)
{
	struct disk_ring *r = (struct disk_ring *)disk;
	struct io_uring_cqe *cqe;

	while (r->n_under_way > 0) {
		io_uring_wait_cqe(&r->ring, &cqe); // a signal may end this: then once more
		disk_ring_take_completions(r);
	}
}

static void disk_ring_destroy(struct disk *disk)
{
	struct disk_ring *r = (struct disk_ring *)disk;

	if (r->completed)
		event_free(r->completed);
	if (r->eventfd >= 0)
		close(r->eventfd);
	io_uring_queue_exit(&r->ring);
	free(r);
}

// The ring must not be enabled yet. (liburing 2.3 declares functions for this and for enabling, and exports neither.) A kernel before 5.10 has no restrictions: the store does without a ring.
static int disk_ring_restrict(struct io_uring *ring)
{
	struct io_uring_restriction allowed[N_OPERATIONS + 1] = { { 0 } };

	for (size_t i = 0; i < N_OPERATIONS; i++) {
		allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
		allowed[i].sqe_op = OPERATIONS[i];
	}
	// Of what may be registered: disk_ring_stay_here()'s.
	allowed[N_OPERATIONS].opcode = IORING_RESTRICTION_REGISTER_OP;
	allowed[N_OPERATIONS].register_op = IORING_REGISTER_IOWQ_AFF;
	return io_uring_register(
		(unsigned)ring->ring_fd, IORING_REGISTER_RESTRICTIONS, allowed, N_OPERATIONS + 1);
}

int disk_ring_create(struct event_base *base, struct disk **out)
{
	struct disk_ring *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	rc = io_uring_queue_init(RING_ENTRIES, &r->ring, IORING_SETUP_R_DISABLED);
	if (rc != 0) {
		free(r);
		return rc;
	}
	r->disk = (struct disk){ disk_ring_make, disk_ring_settle, disk_ring_destroy };
	r->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = r->eventfd < 0 ? -errno : io_uring_register_eventfd(&r->ring, r->eventfd);
	if (rc == 0)
		rc = disk_ring_restrict(&r->ring);
	if (rc == 0)
		rc = io_uring_register(
			(unsigned)r->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (rc == 0) {
		r->completed =
			event_new(base, r->eventfd, EV_READ | EV_PERSIST, disk_ring_completed, r);
		rc = r->completed && event_add(r->completed, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (rc != 0) {
		disk_ring_destroy(&r->disk);
		return rc;
	}
	*out = &r->disk;
	return 0;
}

// Otherwise they may run on any CPU, and an fsync would take time from an lcore that polls there. A
// kernel that cannot do this (before 5.14) refuses, and nothing is lost but that.
void disk_ring_stay_here(struct disk *disk)
{
	struct disk_ring *r = (struct disk_ring *)disk;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		io_uring_register_iowq_aff(&r->ring, sizeof(cpus), &cpus);
}
