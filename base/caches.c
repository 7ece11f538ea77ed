// SPDX-License-Identifier: BSD-3-Clause
#include "base/caches.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 16 // of a CPU's caches: some have five or six

// The first word of a file; false where it cannot be read.
static bool caches_word(const char *folder, int entry, const char *name, char *word, size_t size)
{
	char path[PATH_MAX];
	FILE *file;
	bool read;

	if (snprintf(path, sizeof(path), "%s/index%d/%s", folder, entry, name) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	read = fgets(word, (int)size, file);
	fclose(file);
	if (read)
		word[strcspn(word, " \n")] = '\0';
	return read;
}

// "32K" in bytes; 0 where it is nothing of the kind.
static size_t caches_bytes(const char *word)
{
	char *end;
	unsigned long long number;
	unsigned shift;

	errno = 0;
	number = strtoull(word, &end, 10);
	shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
	if (errno || end == word || (*end && (!shift || end[1])) || number > SIZE_MAX >> shift)
		return 0;
	return (size_t)number << shift;
}

void caches_read(const char *folder, struct caches *caches)
{
	if (!folder)
		folder = "/sys/devices/system/cpu/cpu0/cache";
	memset(caches, 0, sizeof(*caches));
	for (int i = 0; i < ENTRIES_MAX; i++) {
		char level[32], type[32], size[32];
		unsigned long number;

		if (!caches_word(folder, i, "level", level, sizeof(level)) ||
			!caches_word(folder, i, "type", type, sizeof(type)) ||
			!caches_word(folder, i, "size", size, sizeof(size)))
			continue;
		number = strtoul(level, NULL, 10);
		if (number >= 1 && number <= CACHES_LEVELS && strcmp(type, "Instruction") != 0)
			caches->bytes[number - 1] = caches_bytes(size);
	}
}

unsigned caches_level(const struct caches *caches, size_t bytes)
{
	for (unsigned i = 0; i < CACHES_LEVELS; i++)
		if (caches->bytes[i] && bytes <= caches->bytes[i])
			return i + 1;
	return 0;
}
