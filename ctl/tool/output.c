// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ".csv" of "a/b.csv"; "" where the name has no ending. The temporary file's name ends alike, because
// some writers tell the format by it.
static const char *output_ending(const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

	return dot && strlen(dot) < 8 ? dot : "";
}

static int output_open_standard(struct output *output, struct error *err)
{
	*output = (struct output){ .standard = true, .file = tmpfile() };
	strcpy(output->path, "standard output");
	if (output->file)
		return 0;
	return error_set(
		err, -errno, "no temporary file for what is to be printed: %s", strerror(errno));
}

int output_open(struct output *output, const char *path, struct error *err)
{
	mode_t mask;
	struct stat st;
	int fd;

	if (!path)
		return output_open_standard(output, err);
	mask = umask(0);
	umask(mask);
	*output = (struct output){ 0 };
	if (strlen(path) >= sizeof(output->path))
		return error_set(err, -ENAMETOOLONG, "%.60s...: path is longer than %zu bytes",
			path, sizeof(output->path) - 1);
	// Renaming over a device or folder would replace it, or fail only after all the work.
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return error_set(
			err, -EINVAL, "%s: is not an ordinary file: name one to write", path);
	strcpy(output->path, path);
	snprintf(output->temporary, sizeof(output->temporary), "%s.XXXXXX%s", path,
		output_ending(path));
	fd = mkstemps(output->temporary, (int)strlen(output_ending(path)));
	if (fd < 0 || fchmod(fd, 0666 & ~mask) || !(output->file = fdopen(fd, "w+b"))) {
		int rc = -errno;

		if (fd >= 0) {
			close(fd);
			unlink(output->temporary);
		}
		output->temporary[0] = '\0';
		return error_set(err, rc, "%s: cannot be written: %s", path, strerror(-rc));
	}
	return 0;
}

int output_finish(struct output *output, struct error *err)
{
	int bad = ferror(output->file) ? EIO : 0;

	if (fflush(output->file) || (!bad && fsync(fileno(output->file))))
		bad = errno;
	if (fclose(output->file) && !bad)
		bad = errno;
	output->file = NULL;
	if (!bad)
		return 0;
	output_abort(output);
	return error_set(err, -bad, "%s: could not be written: %s; nothing was changed",
		output->path, strerror(bad));
}

// 0, or a negative errno.
static int output_copy(FILE *from, FILE *to)
{
	char block[65536];
	size_t bytes;

	if (fflush(from) || ferror(from))
		return -errno;
	rewind(from);
	while ((bytes = fread(block, 1, sizeof(block), from)) > 0)
		if (fwrite(block, 1, bytes, to) != bytes)
			return -errno;
	return ferror(from) || fflush(to) ? -errno : 0;
}

static int output_commit_standard(struct output *output, struct error *err)
{
	int rc = output_copy(output->file, stdout);

	output_abort(output);
	if (rc == 0)
		return 0;
	return error_set(
		err, rc, "%s: could not be written whole: %s", output->path, strerror(-rc));
}

int output_commit(struct output *output, struct error *err)
{
	if (output->standard)
		return output_commit_standard(output, err);
	if (output->file) {
		int rc = output_finish(output, err);

		if (rc != 0)
			return rc;
	}
	if (rename(output->temporary, output->path)) {
		int rc = -errno;

		output_abort(output);
		return error_set(
			err, rc, "%s: could not be replaced: %s", output->path, strerror(-rc));
	}
	output->temporary[0] = '\0';
	return 0;
}

void output_abort(struct output *output)
{
	if (output->file)
		fclose(output->file);
	output->file = NULL;
	if (output->temporary[0])
		unlink(output->temporary);
	output->temporary[0] = '\0';
}
