// SPDX-License-Identifier: BSD-3-Clause
// A fault table: each system call of a change of the store fails in turn, in each way. Afterwards
// the file is as it was or as it should be, the error says what failed and where, nothing is left
// over, and the same change made again succeeds. Then the calls that read.
#include "ctl/server/store/disk.h"
#include "ctl/server/store/store_change.h"
#include "ctl/server/store/store_state.h"
#include "tests/cmocka.h"
#include "tests/unit/store_case.h"
#include "tests/unit/store_faulty.h"

#include <dirent.h>
#include <dlfcn.h>
#include <event2/event.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OLD "what was there before"
#define NEW "what is to be there"

// --- Calls that this program makes in the library's place, and that fail when told to ------------

static int fail_submits;   // as many of io_uring_submit() fail
static int fail_read_with; // an errno, or 0
static int fail_reads;     // as many of pread() fail
static size_t read_bytes_max = SIZE_MAX;
static int fail_readdir_after = -1; // entries; -1: never

int io_uring_submit(struct io_uring *ring)
{
	int (*real)(struct io_uring *) = (int (*)(struct io_uring *))dlsym(RTLD_NEXT, __func__);

	if (fail_submits == 0)
		return real(ring);
	fail_submits--;
	return -EBUSY;
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
	if (fail_reads > 0) {
		fail_reads--;
		errno = fail_read_with;
		return -1;
	}
	return syscall(
		SYS_pread64, fd, data, size < read_bytes_max ? size : read_bytes_max, offset);
}

struct dirent *readdir(DIR *dir)
{
	struct dirent *(*real)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, __func__);

	if (fail_readdir_after == 0) {
		errno = EIO;
		return NULL;
	}
	if (fail_readdir_after > 0)
		fail_readdir_after--;
	return real(dir);
}

// --- Changes -------------------------------------------------------------------------------------

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static bool holds(struct store_case *c, const char *text)
{
	struct error err;
	void *data;
	size_t size;
	bool same;

	if (store_read(c->store, "lab", "1.mlt", &data, &size, &err) != 0) {
		assert_int_equal(err.code, -ENOENT);
		return text == NULL;
	}
	same = text && size == strlen(text) && memcmp(data, text, size) == 0;
	free(data);
	return same;
}

static bool is_littered(struct store_case *c)
{
	char path[128];
	struct dirent *entry;
	DIR *dir;
	bool found = false;

	snprintf(path, sizeof(path), "%s/models/lab", c->path);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		found |= strncmp(entry->d_name, STORE_TEMPORARY_PREFIX, 5) == 0;
	if (dir)
		closedir(dir);
	return found;
}

// A change of lab/1.mlt: what is there before and after, and its system calls in order.
struct change_case {
	const char *name, *before, *after; // NULL: no such file
	bool has_neighbour;                // another file is in the folder
	unsigned n_calls;
	unsigned n_until_made; // from the failure of a later call on, the new state is there
};

static const struct change_case CHANGES[] = {
	{ "a first version", NULL, NEW, false, 8, 7 },
	{ "a version beside another", NULL, NEW, true, 8, 7 },
	{ "a file replaced", OLD, NEW, false, 8, 7 },
	{ "one of two removed", OLD, NULL, true, 4, 2 },
	{ "the last one removed", OLD, NULL, false, 5, 2 },
};
#define N_CHANGES (sizeof(CHANGES) / sizeof(CHANGES[0]))

static void prepare(struct store_case *c, const struct change_case *change)
{
	assert_int_equal(store_case_remove(c, "lab", "2.mlt"), 0);
	assert_int_equal(store_case_remove(c, "lab", "1.mlt"), 0);
	assert_false(store_case_has(c, "lab"));
	if (change->has_neighbour)
		assert_int_equal(store_case_write(c, "lab", "2.mlt", "neighbour", 9), 0);
	if (change->before)
		assert_int_equal(
			store_case_write(c, "lab", "1.mlt", change->before, strlen(change->before)),
			0);
}

static int make_change(struct store_case *c, const struct change_case *change)
{
	if (change->after)
		return store_case_write(c, "lab", "1.mlt", change->after, strlen(change->after));
	return store_case_remove(c, "lab", "1.mlt");
}

static void check_fault(
	struct store_case *c, const struct change_case *change, enum fault fault, unsigned at)
{
	static const int CODE[FAULT_COUNT] = { -EIO, -ENOSPC, 0, 0, -EIO };
	const bool only_write = fault >= FAULT_SHORT; // the fifth call of a write
	const int want = only_write && (!change->after || at != 5) ? 0 : CODE[fault];
	unsigned descriptors;
	struct faulty faulty;
	int rc;

	prepare(c, change);
	descriptors = open_descriptors();
	faulty_begin(&faulty, c, fault, at);
	rc = make_change(c, change);
	faulty_end(&faulty, c);
	if (rc != want)
		fail_msg("%s, fault %d at call %u: %d (%s), not %d", change->name, (int)fault, at,
			rc, c->err.text, want);
	if (!holds(c, rc == 0 || at > change->n_until_made ? change->after : change->before))
		fail_msg("%s, fault %d at call %u: neither the old file nor the new", change->name,
			(int)fault, at);
	if (rc != 0 &&
		(!strstr(c->err.text, c->path) || !strstr(c->err.text, "/models/lab/1.mlt: ") ||
			!strstr(c->err.text, strerror(-rc))))
		fail_msg("%s, fault %d at call %u is told as '%s'", change->name, (int)fault, at,
			c->err.text);
	if (is_littered(c) || open_descriptors() != descriptors)
		fail_msg("%s, fault %d at call %u: something is left over", change->name,
			(int)fault, at);
	if (rc != 0 && !change->before && !change->has_neighbour && at <= change->n_until_made)
		assert_false(store_case_has(c, "lab")); // nor the folder that was made for it
	assert_int_equal(make_change(c, change), 0);
	assert_true(holds(c, change->after));
	assert_int_equal(store_case_has(c, "lab/2.mlt"), change->has_neighbour);
	assert_int_equal(store_case_has(c, "lab"), change->after || change->has_neighbour);
}

static void change_with_a_failing_call_leaves_old_or_new(void **state)
{
	struct store_case *c = *state;

	for (size_t i = 0; i < N_CHANGES; i++)
		for (int fault = 0; fault < FAULT_COUNT; fault++)
			for (unsigned at = 1; at <= CHANGES[i].n_calls; at++)
				check_fault(c, &CHANGES[i], fault, at);
}

// So that the table above leaves none out.
static void change_makes_as_many_calls_as_the_table_says(void **state)
{
	struct store_case *c = *state;
	struct faulty faulty;

	for (size_t i = 0; i < N_CHANGES; i++) {
		prepare(c, &CHANGES[i]);
		faulty_begin(&faulty, c, FAULT_EIO, 0);
		assert_int_equal(make_change(c, &CHANGES[i]), 0);
		faulty_end(&faulty, c);
		assert_int_equal(faulty.n, CHANGES[i].n_calls);
	}
}

static void submission_that_fails_is_told_and_leaves_no_call_behind(void **state)
{
	struct store_case *c = *state;

	if (!c->store->has_ring)
		skip(); // this kernel has no io_uring
	for (size_t i = 0; i < N_CHANGES; i++) {
		prepare(c, &CHANGES[i]);
		fail_submits = 1;
		assert_int_equal(make_change(c, &CHANGES[i]), -EBUSY);
		assert_true(holds(c, CHANGES[i].before));
		assert_int_equal(make_change(c, &CHANGES[i]), 0); // submits what was left, too
		assert_true(holds(c, CHANGES[i].after));
	}
}

static void cancel_ends_a_change_under_way(void **state)
{
	struct store_case *c = *state;
	unsigned descriptors = open_descriptors();

	store_write(c->store, "lab", "1.mlt", NEW, strlen(NEW), store_case_done, c);
	assert_int_equal(c->is_done, !c->store->has_ring);
	store_cancel(c->store);
	assert_true(c->is_done);
	assert_int_equal(c->err.code, c->store->has_ring ? -ECANCELED : 0);
	assert_true(holds(c, c->store->has_ring ? NULL : NEW));
	assert_false(is_littered(c));
	assert_int_equal(open_descriptors(), descriptors);
}

// Connections, ports and whatever else may have taken all there are.
static void change_without_descriptors_uses_the_stores_own(void **state)
{
	struct store_case *c = *state;
	struct rlimit before, none;
	int next = dup(0);

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ (rlim_t)next, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(dup(0), -1);
		assert_int_equal(store_case_write(c, "lab", "1.mlt", NEW, strlen(NEW)), 0);
		assert_true(holds(c, NEW));
		assert_int_equal(store_case_remove(c, "lab", "1.mlt"), 0);
		assert_true(holds(c, NULL));
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

// --- Reading -------------------------------------------------------------------------------------

static void read_that_fails_is_told(void **state)
{
	struct store_case *c = *state;
	unsigned descriptors = open_descriptors();
	struct error err = { .text = "" };
	void *data;
	size_t size;

	assert_int_equal(store_case_write(c, "lab", "1.mlt", NEW, strlen(NEW)), 0);
	fail_read_with = EIO;
	fail_reads = 1;
	assert_int_equal(store_read(c->store, "lab", "1.mlt", &data, &size, &err), -EIO);
	assert_int_equal(err.code, -EIO);
	assert_non_null(strstr(err.text, "/models/lab/1.mlt: cannot be read: "));
	assert_non_null(strstr(err.text, strerror(EIO)));
	assert_int_equal(open_descriptors(), descriptors);
}

static void read_goes_on_after_a_signal_and_after_few_bytes(void **state)
{
	struct store_case *c = *state;

	assert_int_equal(store_case_write(c, "lab", "1.mlt", NEW, strlen(NEW)), 0);
	fail_read_with = EINTR;
	fail_reads = 3;
	assert_true(holds(c, NEW));
	assert_int_equal(fail_reads, 0);
	read_bytes_max = 5;
	assert_true(holds(c, NEW));
	read_bytes_max = SIZE_MAX;
}

static void count(void *arg, const char *model, uint16_t version)
{
	(*(unsigned *)arg)++;
}

// Half a list of models must not pass for the whole.
static void scan_of_a_folder_that_fails_is_told(void **state)
{
	struct store_case *c = *state;
	struct error err = { .text = "" };
	unsigned n = 0;

	assert_int_equal(store_case_write(c, "lab", "1.mlt", NEW, strlen(NEW)), 0);
	fail_readdir_after = 0;
	assert_int_equal(store_scan(c->store, count, &n, &err), -EIO);
	fail_readdir_after = -1;
	assert_int_equal(err.code, -EIO);
	assert_non_null(strstr(err.text, "/models cannot be read to its end: "));
	assert_int_equal(store_scan(c->store, count, &n, &err), 0);
	assert_int_equal(n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_CASE_BOTH(change_with_a_failing_call_leaves_old_or_new),
		STORE_CASE_BOTH(change_makes_as_many_calls_as_the_table_says),
		STORE_CASE(submission_that_fails_is_told_and_leaves_no_call_behind, "io_uring",
			store_case_begin_ring),
		STORE_CASE_BOTH(cancel_ends_a_change_under_way),
		STORE_CASE_BOTH(change_without_descriptors_uses_the_stores_own),
		STORE_CASE(read_that_fails_is_told, "synchronous", store_case_begin_plain),
		STORE_CASE(read_goes_on_after_a_signal_and_after_few_bytes, "synchronous",
			store_case_begin_plain),
		STORE_CASE(
			scan_of_a_folder_that_fails_is_told, "synchronous", store_case_begin_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
