// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/doctor_read.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The whole path, below the root. False where it is too long.
static bool read_path(const struct doctor *doctor, const char *path, char full[PATH_MAX])
{
	int n = snprintf(full, PATH_MAX, "%s%s", doctor->root, path);

	return n > 0 && n < PATH_MAX;
}

bool doctor_read(const struct doctor *doctor, char *text, size_t size, const char *path)
{
	char full[PATH_MAX];
	FILE *file = read_path(doctor, path, full) ? fopen(full, "re") : NULL;
	size_t n = file ? fread(text, 1, size - 1, file) : 0;

	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	text[n] = '\0';
	if (!file)
		return false;
	fclose(file);
	return true;
}

bool doctor_read_number(const struct doctor *doctor, const char *path, uint64_t *n)
{
	char text[64], *end;

	if (!doctor_read(doctor, text, sizeof(text), path))
		return false;
	*n = strtoull(text, &end, 10);
	return end != text;
}

bool doctor_exists(const struct doctor *doctor, const char *path)
{
	char full[PATH_MAX];

	return read_path(doctor, path, full) && access(full, F_OK) == 0;
}

static int read_compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

uint32_t doctor_list(const struct doctor *doctor, const char *path, char names[][DOCTOR_NAME_BYTES],
	uint32_t max)
{
	char full[PATH_MAX];
	DIR *folder = read_path(doctor, path, full) ? opendir(full) : NULL;
	struct dirent *entry;
	uint32_t n = 0;

	while (folder && n < max && (entry = readdir(folder)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < DOCTOR_NAME_BYTES)
			strcpy(names[n++], entry->d_name);
	if (folder)
		closedir(folder);
	qsort(names, n, DOCTOR_NAME_BYTES, read_compare_names);
	return n;
}

bool doctor_link(const struct doctor *doctor, const char *path, char *name, size_t size)
{
	char full[PATH_MAX], target[PATH_MAX];
	ssize_t n = read_path(doctor, path, full) ? readlink(full, target, sizeof(target) - 1) : -1;
	const char *slash;

	if (n < 0)
		return false;
	target[n] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, size, "%s", slash ? slash + 1 : target);
	return true;
}
