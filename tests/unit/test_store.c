// SPDX-License-Identifier: BSD-3-Clause
// The model store, by io_uring and by ordinary calls: what was written is there, whole; what a
// crash left is gone; nothing gets out of its folder.
#include "ctl/server/store/store.h"
#include "tests/cmocka.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char path[64];
	struct event_base *base;
	struct store *store;
	int result; // of the last change; 1: none came yet
};

static int begin(void **state, bool synchronous)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;

	strcpy(f->path, "/tmp/test_store.XXXXXX");
	*state = f;
	if (!mkdtemp(f->path))
		return -1;
	f->base = event_base_new();
	return store_open(f->path, f->base, synchronous, &f->store, &err);
}

static int begin_ring(void **state)
{
	return begin(state, false);
}

static int begin_synchronous(void **state)
{
	return begin(state, true);
}

static int end(void **state)
{
	struct fixture *f = *state;
	char command[128];
	int rc;

	store_close(f->store);
	event_base_free(f->base);
	snprintf(command, sizeof(command), "rm -rf %s", f->path);
	rc = system(command);
	free(f);
	return rc;
}

static void done(void *arg, int result)
{
	((struct fixture *)arg)->result = result;
}

static int finished(struct fixture *f, int rc)
{
	if (rc)
		return rc;
	while (f->result == 1)
		event_base_loop(f->base, EVLOOP_ONCE);
	return f->result;
}

static int put(
	struct fixture *f, const char *model, const char *file, const void *data, size_t size)
{
	f->result = 1;
	return finished(f, store_write(f->store, model, file, data, size, done, f));
}

static int drop(struct fixture *f, const char *model, const char *file)
{
	f->result = 1;
	return finished(f, store_remove(f->store, model, file, done, f));
}

static void assert_holds(struct fixture *f, const char *file, const void *want, size_t size)
{
	struct error err = { .text = "" };
	void *data;
	size_t got;

	assert_int_equal(store_read(f->store, "lab", file, &data, &got, &err), 0);
	assert_int_equal(got, size);
	assert_memory_equal(data, want, size);
	assert_int_equal((uintptr_t)data % 64, 0);
	free(data);
}

static void write_then_read_gives_the_same(void **state)
{
	struct fixture *f = *state;
	size_t size = (20 << 20) + 7; // more than one write takes
	char *large = malloc(size);

	for (size_t i = 0; i < size; i++)
		large[i] = (char)(i * 2654435761u >> 24);
	assert_int_equal(put(f, "lab", "1.mlt", large, size), 0);
	assert_int_equal(put(f, "lab", STORE_DEPLOYMENT, "one", 3), 0);
	assert_int_equal(put(f, "lab", STORE_DEPLOYMENT, "second", 6), 0); // replaced whole
	assert_holds(f, "1.mlt", large, size);
	assert_holds(f, STORE_DEPLOYMENT, "second", 6);
	free(large);
}

static void write_bad_name_is_refused(void **state)
{
	struct fixture *f = *state;
	struct error err;
	void *data;
	size_t size;

	assert_int_equal(put(f, "../x", "1.mlt", "a", 1), -EINVAL);
	assert_int_equal(put(f, "lab", "1.mlt", "", 0), -EINVAL);
	assert_int_equal(store_read(f->store, "..", "1.mlt", &data, &size, &err), -EINVAL);
	assert_int_equal(store_read(f->store, "lab", "1.mlt", &data, &size, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/models/lab/1.mlt cannot be opened"));
}

static void write_failure_is_told_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;

	assert_int_equal(put(f, "lab", "1.mlt", "a", 1), 0);
	snprintf(path, sizeof(path), "%s/models/lab/2.mlt", f->path);
	assert_int_equal(mkdir(path, 0700), 0); // a rename onto a folder cannot succeed
	assert_int_equal(put(f, "lab", "2.mlt", "b", 1), -EISDIR);
	snprintf(path, sizeof(path), "%s/models/lab/.tmp-2", f->path);
	assert_int_equal(stat(path, &st), -1);
	assert_holds(f, "1.mlt", "a", 1);
}

static void remove_last_file_removes_the_folder(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/models/lab", f->path);
	assert_int_equal(put(f, "lab", "1.mlt", "a", 1), 0);
	assert_int_equal(put(f, "lab", "2.mlt", "b", 1), 0);
	assert_int_equal(drop(f, "lab", "1.mlt"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(drop(f, "lab", "1.mlt"), -ENOENT);
	assert_int_equal(drop(f, "lab", "2.mlt"), 0);
	assert_int_equal(stat(path, &st), -1);
}

struct seen {
	int images, deployments;
	uint16_t version;
};

static void found(void *arg, const char *model, uint16_t version)
{
	struct seen *seen = arg;

	assert_string_equal(model, "lab");
	if (version)
		seen->images++, seen->version = version;
	else
		seen->deployments++;
}

static void litter(struct fixture *f, const char *file)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/models/%s", f->path, file);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void scan_removes_leftovers_and_passes_strangers(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	struct error err;
	char path[128];
	struct stat st;

	assert_int_equal(put(f, "lab", "65535.mlt", "a", 1), 0);
	assert_int_equal(put(f, "lab", STORE_DEPLOYMENT, "{}", 2), 0);
	litter(f, "lab/.tmp-77");
	litter(f, "lab/01.mlt");
	litter(f, "lab/65536.mlt");
	litter(f, "lab/notes.txt");
	litter(f, "a-file");
	snprintf(path, sizeof(path), "%s/models/begun", f->path);
	assert_int_equal(mkdir(path, 0700), 0); // a crash before the first file
	assert_int_equal(store_scan(f->store, found, &seen, &err), 0);
	assert_int_equal(seen.images, 1);
	assert_int_equal(seen.version, 65535);
	assert_int_equal(seen.deployments, 1);
	assert_int_equal(stat(path, &st), -1);
	snprintf(path, sizeof(path), "%s/models/lab/.tmp-77", f->path);
	assert_int_equal(stat(path, &st), -1);
	snprintf(path, sizeof(path), "%s/models/lab/notes.txt", f->path);
	assert_int_equal(stat(path, &st), 0);
}

static void open_twice_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *second;
	struct error err;

	assert_int_equal(store_open(f->path, f->base, true, &second, &err), -EBUSY);
	assert_non_null(strstr(err.text, f->path));
}

#define BOTH(test)                                                                                 \
	{ #test " (io_uring)", test, begin_ring, end, NULL },                                      \
	{                                                                                          \
#test " (synchronous)", test, begin_synchronous, end, NULL                         \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(write_then_read_gives_the_same),
		BOTH(write_bad_name_is_refused),
		BOTH(write_failure_is_told_and_leaves_nothing),
		BOTH(remove_last_file_removes_the_folder),
		BOTH(scan_removes_leftovers_and_passes_strangers),
		BOTH(open_twice_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
