// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/output.h"

#include "ctl/tool/interrupts.h"

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

static void output_remove(void *arg)
{
	const struct output *output = arg;

	unlink(output->temporary);
}

// The temporary file is gone, or has its name.
static void output_forget(struct output *output)
{
	output->temporary[0] = '\0';
	leftovers_drop(&output->leftover);
	leftovers_unlock();
	interrupts_end();
}

// A descriptor, or a negative errno.
static int output_make(struct output *output)
{
	int fd;

	interrupts_begin(NULL);
	leftovers_lock();
	fd = mkstemps(output->temporary, (int)strlen(output_ending(output->path)));
	if (fd < 0) {
		fd = -errno;
		output_forget(output);
		return fd;
	}
	output->leftover = (struct leftover){ .remove = output_remove, .arg = output };
	leftovers_add(&output->leftover);
	leftovers_unlock();
	return fd;
}

int output_open(struct output *output, const char *path, struct error *err)
{
	mode_t mask;
	struct stat st;
	int fd, rc;

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
	fd = output_make(output);
	if (fd >= 0 && fchmod(fd, 0666 & ~mask) == 0 && (output->file = fdopen(fd, "w+b")))
		return 0;
	rc = fd < 0 ? fd : -errno;
	if (fd >= 0)
		close(fd);
	output_abort(output);
	return error_set(err, rc, "%s: cannot be written: %s", path, strerror(-rc));
}

static const char *output_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool output_stat_folder(const char *path, struct stat *st)
{
	char folder[4096];

	snprintf(folder, sizeof(folder), "%.*s.", (int)(output_base(path) - path), path);
	return stat(folder, st) == 0;
}

// Is it the same file, or would it be?
static bool output_is_same(const char *a, const char *b)
{
	struct stat x, y;

	if (stat(a, &x) == 0)
		return stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
	return strcmp(output_base(a), output_base(b)) == 0 && output_stat_folder(a, &x) &&
		output_stat_folder(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int output_check_folder(const char *path, const struct output_other *other, struct error *err)
{
	struct stat x, y;

	if (!path || !other->path || !output_stat_folder(path, &x) || stat(other->path, &y) != 0 ||
		x.st_dev != y.st_dev || x.st_ino != y.st_ino)
		return 0;
	return error_set(err, -EEXIST,
		"%s: is to be written, and lies in %s: name a file that is elsewhere", path,
		other->what);
}

int output_check(const char *path, const struct output_other *others, size_t n, struct error *err)
{
	struct output output;
	int rc;

	if (!path)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (others[i].path && output_is_same(path, others[i].path))
			return error_set(err, -EEXIST,
				"%s: is to be written, and is %s, too, which would be lost: name "
				"another file",
				path, others[i].what);
	rc = output_open(&output, path, err);
	if (rc == 0)
		output_abort(&output);
	return rc;
}

// Why a write failed, of which the errno is gone: writing more says it again. What is written is thrown away.
static int output_why(FILE *file)
{
	static const char MORE[65536];

	for (int i = 0; i < 2; i++)
		if (write(fileno(file), MORE, sizeof(MORE)) < 0)
			return errno;
	return EIO;
}

int output_finish(struct output *output, struct error *err)
{
	int bad = ferror(output->file) ? output_why(output->file) : 0;

	if (!bad && (fflush(output->file) || fsync(fileno(output->file))))
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
	int rc = 0;

	if (output->standard)
		return output_commit_standard(output, err);
	if (output->file)
		rc = output_finish(output, err);
	if (rc != 0)
		return rc;
	leftovers_lock();
	if (rename(output->temporary, output->path) == 0) {
		output_forget(output);
		return 0;
	}
	rc = -errno;
	leftovers_unlock();
	output_abort(output);
	return error_set(err, rc, "%s: could not be replaced: %s", output->path, strerror(-rc));
}

void output_abort(struct output *output)
{
	if (output->file)
		fclose(output->file);
	output->file = NULL;
	if (!output->temporary[0])
		return;
	leftovers_lock();
	unlink(output->temporary);
	output_forget(output);
}
