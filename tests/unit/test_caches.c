// SPDX-License-Identifier: BSD-3-Clause
// The CPU's caches, as a folder like the kernel's says.
#include "base/caches.h"
#include "tests/cmocka.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[] = "/tmp/martlet-caches-XXXXXX";

static void write_entry(int entry, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/index%d", folder, entry);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/index%d/%s", folder, entry, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void write_cache(int entry, const char *level, const char *type, const char *size)
{
	write_entry(entry, "level", level);
	write_entry(entry, "type", type);
	write_entry(entry, "size", size);
}

static void caches_are_those_of_data(void **state)
{
	struct caches caches;

	write_cache(0, "1\n", "Data\n", "48K\n");
	write_cache(1, "1\n", "Instruction\n", "32K\n");
	write_cache(2, "2\n", "Unified\n", "2M\n");
	write_cache(3, "3\n", "Unified\n", "1G\n");
	caches_read(folder, &caches);
	assert_int_equal(caches.bytes[0], 48 << 10);
	assert_int_equal(caches.bytes[1], 2 << 20);
	assert_int_equal(caches.bytes[2], 1 << 30);
	assert_int_equal(caches.bytes[3], 0);
	assert_int_equal(caches_level(&caches, 0), 1);
	assert_int_equal(caches_level(&caches, 48 << 10), 1);
	assert_int_equal(caches_level(&caches, (48 << 10) + 1), 2);
	assert_int_equal(caches_level(&caches, (1 << 30) + 1), 0);
}

static void caches_of_nonsense_are_not_known(void **state)
{
	struct caches caches;

	write_cache(0, "1\n", "Data\n", "48X\n");
	write_cache(2, "9\n", "Unified\n", "2M\n");
	write_cache(3, "3\n", "Unified\n", "99999999999999999999999K\n");
	caches_read(folder, &caches);
	for (int i = 0; i < CACHES_LEVELS; i++)
		assert_int_equal(caches.bytes[i], 0);
	caches_read("/nowhere", &caches);
	assert_int_equal(caches_level(&caches, 1), 0);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caches_are_those_of_data),
		cmocka_unit_test(caches_of_nonsense_are_not_known),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
