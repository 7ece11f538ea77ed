// SPDX-License-Identifier: BSD-3-Clause
// file: whole files read, and each thing that cannot be one refused by its own sentence and code.
#include "base/file.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/martlet-file-XXXXXX";
static int folder_fd = -1;

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
	return folder_fd < 0 || mkfifoat(folder_fd, "pipe", 0600) != 0 ||
			mknodat(folder_fd, "socket", S_IFSOCK | 0600, 0) != 0
		? -1
		: 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "pipe", "socket", "file" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(folder_fd, names[i], 0);
	close(folder_fd);
	return rmdir(folder);
}

static void write_file(const void *bytes, size_t size)
{
	int fd = openat(folder_fd, "file", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static void streams_of_files_alone(void **state)
{
	char path[64];
	struct error err = { 0 };
	FILE *file;

	write_file("some", 4);
	snprintf(path, sizeof(path), "%s/file", folder);
	file = file_open(path, &err);
	assert_non_null(file);
	assert_int_equal(fgetc(file), 's');
	fclose(file);
	snprintf(path, sizeof(path), "%s/pipe", folder); // nobody writes to it
	assert_null(file_open(path, &err));
	assert_int_equal(err.code, -EINVAL);
	assert_non_null(strstr(err.text, "pipe: is not a file but a pipe (FIFO)"));
	assert_null(file_create(path, &err)); // nobody reads from it
	assert_int_equal(err.code, -EINVAL);
	assert_non_null(strstr(err.text, "pipe: is not a file but a pipe (FIFO)"));
	assert_null(file_open(folder, &err));
	assert_int_equal(err.code, -EINVAL);
	snprintf(path, sizeof(path), "%s/nowhere", folder);
	assert_null(file_open(path, &err));
	assert_int_equal(err.code, -ENOENT);
	(void)state;
}

static void bytes_come_aligned_and_with_a_zero_behind(void **state)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 65, 4096, 100000 };
	static char bytes[100000];
	struct error err = { 0 };
	void *got;
	size_t size;

	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		write_file(bytes, sizes[i]);
		assert_int_equal(
			file_read_at(folder_fd, "file", "it", sizes[i], &got, &size, &err), 0);
		assert_int_equal(size, sizes[i]);
		assert_int_equal((uintptr_t)got % 64, 0);
		assert_int_equal(strlen(got), size);
		assert_memory_equal(got, bytes, size);
		free(got);
	}
}

static void refused(const char *path, int code, const char *sentence)
{
	struct error err = { 0 };
	void *got = &err;
	size_t size;

	assert_int_equal(file_read_at(folder_fd, path, "it", 4, &got, &size, &err), code);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, sentence);
	assert_null(got);
}

static void what_is_no_file_is_refused(void **state)
{
	write_file("12345", 5);
	refused("file", -EFBIG, "it: has 5 bytes; at most 4 are possible");
	refused("none", -ENOENT, "it: cannot be opened: No such file or directory");
	refused(".", -EINVAL, "it: is not a file but a folder");
	refused("pipe", -EINVAL, "it: is not a file but a pipe (FIFO)"); // at once: nobody writes
	refused("socket", -EINVAL, "it: is not a file but a socket");
	refused("/dev/zero", -EINVAL, "it: is not a file but a device");
}

static void a_path_is_its_own_name(void **state)
{
	struct error err = { 0 };
	char path[64];
	void *got;
	size_t size;

	snprintf(path, sizeof(path), "%s/file", folder);
	write_file("text", 4);
	assert_int_equal(file_read(path, 4, &got, &size, &err), 0);
	assert_string_equal(got, "text");
	free(got);
	assert_int_equal(file_read("/no/such", 4, &got, &size, &err), -ENOENT);
	assert_string_equal(err.text, "/no/such: cannot be opened: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_of_files_alone),
		cmocka_unit_test(bytes_come_aligned_and_with_a_zero_behind),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(a_path_is_its_own_name),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
