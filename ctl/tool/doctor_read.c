// SPDX-License-Identifier: BSD-3-Clause
// Reading below the root, and noting findings.
#include "ctl/tool/doctor.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void doctor_find(struct doctor *doctor, const char *area, const char *name, enum doctor_level level,
	const char *fix, const char *format, ...)
{
	struct doctor_finding *finding;
	va_list args;

	if (doctor->n_findings == DOCTOR_FINDINGS_MAX)
		return;
	finding = &doctor->findings[doctor->n_findings++];
	finding->area = area;
	finding->name = name;
	finding->level = level;
	snprintf(finding->fix, sizeof(finding->fix), "%s", fix ? fix : "");
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

static bool place(const struct doctor *doctor, const char *path, char full[PATH_MAX])
{
	int n = snprintf(full, PATH_MAX, "%s%s", doctor->root, path);

	return n > 0 && n < PATH_MAX;
}

bool doctor_read(const struct doctor *doctor, char *text, size_t size, const char *path)
{
	char full[PATH_MAX];
	FILE *file = place(doctor, path, full) ? fopen(full, "re") : NULL;
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

	return place(doctor, path, full) && !access(full, F_OK);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

uint32_t doctor_list(const struct doctor *doctor, const char *path, char names[][64], uint32_t max)
{
	char full[PATH_MAX];
	DIR *folder = place(doctor, path, full) ? opendir(full) : NULL;
	struct dirent *entry;
	uint32_t n = 0;

	while (folder && n < max && (entry = readdir(folder)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < 64)
			strcpy(names[n++], entry->d_name);
	if (folder)
		closedir(folder);
	qsort(names, n, 64, by_name);
	return n;
}

bool doctor_link(const struct doctor *doctor, const char *path, char *name, size_t size)
{
	char full[PATH_MAX], target[PATH_MAX];
	ssize_t n = place(doctor, path, full) ? readlink(full, target, sizeof(target) - 1) : -1;
	const char *slash;

	if (n < 0)
		return false;
	target[n] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, size, "%s", slash ? slash + 1 : target);
	return true;
}

bool doctor_cpu_in(const char *list, uint32_t cpu)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list) { // "domain," and the like of isolcpus=
			list = strchr(list, ',');
			if (!list++)
				return false;
			continue;
		}
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (cpu >= first && cpu <= last)
			return true;
		list = end + strcspn(end, ",");
		list += *list == ',';
	}
	return false;
}
