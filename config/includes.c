// SPDX-License-Identifier: BSD-3-Clause
#include "config/includes.h"

#include "base/file.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define INCLUDE_DEPTH_MAX 10 // libconfig's own
#define INCLUDE_BYTES_MAX ((size_t)1 << 20)

// The path of an @include that begins a line; false where the line is none. As libconfig's scanner has
// it: blanks, @include, blanks, a string in which \" and \\ stand for " and \.
static bool include_parse(const char *line, char path[PATH_MAX])
{
	size_t n = 0;

	line += strspn(line, " \t");
	if (strncmp(line, "@include", 8) != 0)
		return false;
	line += 8;
	line += strspn(line, " \t");
	if (*line++ != '"')
		return false;
	for (; *line && *line != '"' && n < PATH_MAX - 1; line++) {
		if (*line == '\\' && (line[1] == '"' || line[1] == '\\'))
			line++;
		path[n++] = *line;
	}
	path[n] = '\0';
	return *line == '"';
}

static int includes_check_at(const char *path, const char *text, int depth, struct error *err);

static int include_check(const char *path, int depth, struct error *err)
{
	void *text;
	size_t size;
	int rc = file_read(path, INCLUDE_BYTES_MAX, &text, &size, err);

	if (rc != 0)
		return rc;
	rc = includes_check_at(path, text, depth, err);
	free(text);
	return rc;
}

static int includes_check_at(const char *path, const char *text, int depth, struct error *err)
{
	char included[PATH_MAX];

	for (int line = 1; *text; line++) {
		if (include_parse(text, included)) {
			if (depth == INCLUDE_DEPTH_MAX)
				return error_set(err, -EINVAL,
					"%s:%d: files include each other more than %d deep", path,
					line, INCLUDE_DEPTH_MAX);
			if (include_check(included, depth + 1, err) != 0)
				return depth ? err->code
					     : error_prefix(err, "%s:%d: @include", path, line);
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return 0;
}

int includes_check(const char *path, const char *text, struct error *err)
{
	return includes_check_at(path, text, 0, err);
}
