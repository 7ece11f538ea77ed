// SPDX-License-Identifier: BSD-3-Clause
// Rows of each format: the first byte chooses, the rest is the file. Memory is held to 16 MiB.
#include "base/rows.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ENDINGS[] = { "csv", "npy", "f32" };
	const struct rows_options options = { .max_bytes = (size_t)16 << 20 };
	const struct rows_options three = { .max_bytes = (size_t)16 << 20, .n_columns = 3 };
	static char path[64];
	struct rows rows;
	struct error err = { .text = "" };
	unsigned choice;
	FILE *file;

	if (size == 0)
		return 0;
	choice = data[0] % 3;
	snprintf(path, sizeof(path), "/tmp/fuzz_csv_%d.%s", (int)getpid(), ENDINGS[choice]);
	file = fopen(path, "w");
	if (!file)
		return 0;
	fwrite(data + 1, 1, size - 1, file);
	fclose(file);
	if (rows_read(path, choice == 2 ? &three : &options, &rows, &err) == 0)
		rows_fini(&rows);
	else if (!err.text[0])
		abort(); // refused without a sentence
	remove(path);
	return 0;
}
