// SPDX-License-Identifier: BSD-3-Clause
// Rows of each format: the first byte chooses which, and for CSV how it is read; the rest is the
// file. Memory is held to 16 MiB.
#include "base/rows.h"

#include <stdlib.h>
#include <string.h>
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

// Rows in pieces are those of the whole file.
static int take(void *context, const struct rows *piece, size_t first, struct error *err)
{
	const struct rows *all = context;

	if (first + piece->n_rows > all->n_rows || piece->n_columns != all->n_columns ||
		memcmp(piece->values, all->values + first * all->n_columns,
			piece->n_rows * piece->n_columns * sizeof(float)) != 0)
		abort();
	return 0;
}

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
		if (rows_read_pieces(path, NULL, &WAYS[way],
			    &(struct rows_pieces){ 3, take, &rows }, &err) != 0)
			abort();
		rows_fini(&rows);
	} else if (!err.text[0]) {
		abort(); // refused without a sentence
	}
	remove(path);
	return 0;
}
