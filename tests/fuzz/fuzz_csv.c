// SPDX-License-Identifier: BSD-3-Clause
// Rows of each format: the first byte chooses which, and for CSV how it is read; the rest is the
// file. Memory is held to 16 MiB.
#include "base/rows.h"

#include <stdlib.h>
#include <unistd.h>

#define MAX_BYTES ((size_t)16 << 20)

static const char *const NAMES[] = { "a", "b b", "c" }, *const MADE_UP[] = { "x0", "x1", "x2" };

// Ways to read CSV; .f32 is read by the second.
static const struct rows_options WAYS[] = {
	{ .max_bytes = MAX_BYTES },
	{ .max_bytes = MAX_BYTES, .n_columns = 3 },
	{ .max_bytes = MAX_BYTES, .n_columns = 3, .names = NAMES },
	{ .max_bytes = MAX_BYTES, .n_columns = 3, .names = MADE_UP },
	{ .max_bytes = MAX_BYTES, .n_columns = 3, .names = NAMES, .drop = "d,\"e,f\",5-7" },
	{ .max_bytes = MAX_BYTES, .n_columns = 3, .names = NAMES, .columns = "2-3,a" },
	{ .max_bytes = MAX_BYTES, .n_columns = 3, .names = MADE_UP, .header = true },
	{ .max_bytes = MAX_BYTES, .n_columns = 3, .no_header = true, .drop = "1" },
};
#define N_WAYS (sizeof(WAYS) / sizeof(WAYS[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ENDINGS[] = { "csv", "npy", "f32" };
	static char path[64];
	struct rows rows;
	struct error err = { .text = "" };
	unsigned choice, way;
	FILE *file;

	if (size == 0)
		return 0;
	choice = data[0] % 3;
	way = choice == 0 ? data[0] / 3 % N_WAYS : choice - 1;
	snprintf(path, sizeof(path), "/tmp/fuzz_csv_%d.%s", (int)getpid(), ENDINGS[choice]);
	file = fopen(path, "w");
	if (!file)
		return 0;
	fwrite(data + 1, 1, size - 1, file);
	fclose(file);
	if (rows_read(path, &WAYS[way], &rows, &err) == 0) {
		if (WAYS[way].n_columns && rows.n_columns != WAYS[way].n_columns)
			abort(); // not what was asked for
		rows_fini(&rows);
	} else if (!err.text[0]) {
		abort(); // refused without a sentence
	}
	remove(path);
	return 0;
}
