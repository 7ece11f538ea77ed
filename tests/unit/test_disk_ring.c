// SPDX-License-Identifier: BSD-3-Clause
// The store's io_uring takes the store's operations and no others, whoever holds it.
#include "ctl/server/store/disk_ring.h"
#include "tests/cmocka.h"

#include <errno.h>
#include <event2/event.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRIES 16 // of the store's ring
#define FD_MAX  256

// The descriptor of the only ring of this process; -1: there is none.
static int find_ring(void)
{
	char path[64], target[64];

	for (int fd = 0; fd < FD_MAX; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		const ssize_t n = readlink(path, target, sizeof(target) - 1);

		if (n < 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, "anon_inode:[io_uring]") == 0)
			return fd;
	}
	return -1;
}

// What the kernel says to one entry of that opcode, whose arguments are of no use to it.
static int submit(struct io_uring *ring, uint8_t opcode)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int result;

	assert_non_null(sqe);
	io_uring_prep_rw(opcode, sqe, -1, NULL, 0, 0);
	assert_int_equal(io_uring_submit(ring), 1);
	assert_int_equal(io_uring_wait_cqe(ring, &cqe), 0);
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

static void what_the_store_does_not_need_is_refused(void **state)
{
	static const uint8_t ALLOWED[] = { IORING_OP_NOP, IORING_OP_MKDIRAT, IORING_OP_OPENAT,
		IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_RENAMEAT, IORING_OP_UNLINKAT };
	struct event_base *base = event_base_new();
	struct io_uring_params params = { 0 };
	struct io_uring other, same = { 0 };
	struct io_uring_restriction more = { .opcode = IORING_RESTRICTION_SQE_OP,
		.sqe_op = IORING_OP_READ };
	struct disk *disk;
	int fd;

	assert_non_null(base);
	if (disk_ring_create(base, &disk) != 0) {
		event_base_free(base);
		skip(); // the kernel has none, or none with restrictions
	}
	fd = find_ring();
	assert_true(fd >= 0);
	// Of a ring of the same size, for how the memory of one is laid out.
	assert_int_equal(io_uring_queue_init_params(ENTRIES, &other, &params), 0);
	io_uring_queue_exit(&other);
	assert_int_equal(io_uring_queue_mmap(fd, &params, &same), 0);

	for (int opcode = 0; opcode < IORING_OP_LAST; opcode++) {
		const int result = submit(&same, (uint8_t)opcode);
		const bool allowed = memchr(ALLOWED, opcode, sizeof(ALLOWED)) != NULL;

		if ((result == -EACCES) == allowed)
			fail_msg("operation %d: %d", opcode, result);
	}
	// Nor can it be allowed more, or have other things registered.
	assert_int_equal(
		io_uring_register((unsigned)fd, IORING_REGISTER_RESTRICTIONS, &more, 1), -EACCES);
	assert_int_equal(io_uring_register_files(&same, &fd, 1), -EACCES);

	munmap(same.sq.sqes, params.sq_entries * sizeof(struct io_uring_sqe));
	munmap(same.sq.ring_ptr, same.sq.ring_sz);
	disk->destroy(disk);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_store_does_not_need_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
