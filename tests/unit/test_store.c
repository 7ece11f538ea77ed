// SPDX-License-Identifier: BSD-3-Clause
// The model store, by io_uring and by ordinary calls: what was written is there, whole; what a
// crash left is gone; nothing gets out of its folder.
#include "ctl/server/store/store.h"
#include "ctl/server/store/store_change.h"
#include "tests/cmocka.h"
#include "tests/unit/store_case.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_holds(struct store_case *c, const char *file, const void *want, size_t size)
{
	struct error err = { .text = "" };
	void *data;
	size_t got;

	assert_int_equal(store_read(c->store, "lab", file, &data, &got, &err), 0);
	assert_int_equal(got, size);
	assert_memory_equal(data, want, size);
	assert_int_equal((uintptr_t)data % 64, 0);
	free(data);
}

static void write_then_read_gives_the_same(void **state)
{
	struct store_case *c = *state;
	size_t size = (20 << 20) + 7; // more than one write takes
	char *large = malloc(size);

	for (size_t i = 0; i < size; i++)
		large[i] = (char)(i * 2654435761u >> 24);
	assert_int_equal(store_case_write(c, "lab", "1.mlt", large, size), 0);
	assert_int_equal(store_case_write(c, "lab", STORE_DEPLOYMENT, "one", 3), 0);
	assert_int_equal(
		store_case_write(c, "lab", STORE_DEPLOYMENT, "second", 6), 0); // replaced whole
	assert_holds(c, "1.mlt", large, size);
	assert_holds(c, STORE_DEPLOYMENT, "second", 6);
	free(large);
}

static void write_bad_name_is_refused(void **state)
{
	struct store_case *c = *state;
	struct error err;
	void *data;
	size_t size;

	assert_int_equal(store_case_write(c, "../x", "1.mlt", "a", 1), -EINVAL);
	assert_int_equal(store_case_write(c, "lab", "1.mlt", "", 0), -EINVAL);
	assert_int_equal(store_read(c->store, "..", "1.mlt", &data, &size, &err), -EINVAL);
	assert_int_equal(store_read(c->store, "lab", "1.mlt", &data, &size, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/models/lab/1.mlt: cannot be opened"));
}

static void write_failure_is_told_and_leaves_nothing(void **state)
{
	struct store_case *c = *state;
	char path[128];

	assert_int_equal(store_case_write(c, "lab", "1.mlt", "a", 1), 0);
	snprintf(path, sizeof(path), "%s/models/lab/2.mlt", c->path);
	assert_int_equal(mkdir(path, 0700), 0); // a rename onto a folder cannot succeed
	assert_int_equal(store_case_write(c, "lab", "2.mlt", "b", 1), -EISDIR);
	assert_non_null(strstr(
		c->err.text, "/models/lab/2.mlt: it is written, but cannot take its name: "));
	assert_false(store_case_has(c, "lab/.tmp-2"));
	assert_holds(c, "1.mlt", "a", 1);
}

static void remove_last_file_removes_the_folder(void **state)
{
	struct store_case *c = *state;
	assert_int_equal(store_case_write(c, "lab", "1.mlt", "a", 1), 0);
	assert_int_equal(store_case_write(c, "lab", "2.mlt", "b", 1), 0);
	assert_int_equal(store_case_remove(c, "lab", "1.mlt"), 0);
	assert_true(store_case_has(c, "lab"));
	assert_int_equal(store_case_remove(c, "lab", "1.mlt"), 0); // gone already: no failure
	assert_int_equal(store_case_remove(c, "lab", "2.mlt"), 0);
	assert_false(store_case_has(c, "lab"));
	assert_int_equal(store_case_remove(c, "lab", "2.mlt"), 0);
}

struct store_seen {
	int images, deployments;
	uint16_t version;
};

static void found(void *arg, const char *model, uint16_t version)
{
	struct store_seen *seen = arg;

	assert_string_equal(model, "lab");
	if (version)
		seen->images++, seen->version = version;
	else
		seen->deployments++;
}

static void litter(struct store_case *c, const char *file)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/models/%s", c->path, file);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void scan_removes_leftovers_and_passes_strangers(void **state)
{
	struct store_case *c = *state;
	struct store_seen seen = { 0 };
	struct error err;
	char path[128];

	assert_int_equal(store_case_write(c, "lab", "65535.mlt", "a", 1), 0);
	assert_int_equal(store_case_write(c, "lab", STORE_DEPLOYMENT, "{}", 2), 0);
	litter(c, "lab/.tmp-77");
	litter(c, "lab/01.mlt");
	litter(c, "lab/65536.mlt");
	litter(c, "lab/notes.txt");
	litter(c, "a-file");
	snprintf(path, sizeof(path), "%s/models/begun", c->path);
	assert_int_equal(mkdir(path, 0700), 0); // a crash before the first file
	assert_int_equal(store_scan(c->store, found, &seen, &err), 0);
	assert_int_equal(seen.images, 1);
	assert_int_equal(seen.version, 65535);
	assert_int_equal(seen.deployments, 1);
	assert_false(store_case_has(c, "begun"));
	assert_false(store_case_has(c, "lab/.tmp-77"));
	assert_true(store_case_has(c, "lab/notes.txt"));
}

static void open_twice_is_refused(void **state)
{
	struct store_case *c = *state;
	struct store *second;
	struct error err;

	assert_int_equal(store_open(c->path, c->base, true, &second, &err), -EBUSY);
	assert_non_null(strstr(err.text, c->path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_CASE_BOTH(write_then_read_gives_the_same),
		STORE_CASE_BOTH(write_bad_name_is_refused),
		STORE_CASE_BOTH(write_failure_is_told_and_leaves_nothing),
		STORE_CASE_BOTH(remove_last_file_removes_the_folder),
		STORE_CASE_BOTH(scan_removes_leftovers_and_passes_strangers),
		STORE_CASE_BOTH(open_twice_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
