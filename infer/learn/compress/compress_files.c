// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/compress/compress_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// All that there is, with the lock of leftovers held.
static void files_remove(void *arg)
{
	const struct compress_files *files = arg;
	char path[PATH_MAX];

	for (uint32_t n = 0; n < files->n; n++) {
		compress_files_path(files, n, path);
		unlink(path);
		*strrchr(path, '/') = '\0';
		rmdir(path);
	}
	if (files->rows[0])
		unlink(files->rows);
	if (files->labels[0])
		unlink(files->labels);
	rmdir(files->folder);
}

static bool files_make_folder(struct compress_files *files)
{
	bool made;

	leftovers_lock();
	made = mkdtemp(files->folder) != NULL;
	files->leftover = (struct leftover){ .remove = files_remove, .arg = files };
	if (made)
		leftovers_add(&files->leftover);
	leftovers_unlock();
	return made;
}

int compress_files_begin(struct compress_files *files, const char *model, struct error *err)
{
	const char *tmp = getenv("TMPDIR"), *slash = strrchr(model, '/');
	const char *name = slash && slash[1] ? slash + 1 : model;
	const int length = snprintf(files->folder, sizeof(files->folder),
		"%s/martlet-compress-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	char *dot;

	if (length < 0 || length > PATH_MAX - NAME_MAX - 32 || !files_make_folder(files)) {
		const int code = errno ? errno : ENAMETOOLONG;

		files->folder[0] = '\0';
		return error_set(err, -code, "no folder below %s can be made: %s",
			tmp && *tmp ? tmp : "/tmp", strerror(code));
	}
	snprintf(files->stem, sizeof(files->stem), "%.200s", name);
	dot = strrchr(files->stem, '.');
	if (dot && dot != files->stem)
		*dot = '\0';
	return 0;
}

void compress_files_path(const struct compress_files *files, uint32_t n, char *path)
{
	if (snprintf(path, PATH_MAX, "%s/%u/%s.mlt", files->folder, n, files->stem) >= PATH_MAX)
		path[0] = '\0'; // compress_files_begin() sees to it that it is not
}

void compress_files_end(struct compress_files *files)
{
	if (!files->folder[0])
		return;
	leftovers_lock();
	files_remove(files);
	leftovers_drop(&files->leftover);
	leftovers_unlock();
	*files = (struct compress_files){ 0 };
}

// Closes a file that was written; a failure of any write shows here.
static int files_close(FILE *file, const char *path, struct error *err)
{
	const bool failed = ferror(file) != 0;

	if (fclose(file) != 0 || failed)
		return error_set(err, -EIO, "%s could not be written: %s", path, strerror(errno));
	return 0;
}

static FILE *files_open(const char *path, struct error *err)
{
	FILE *file;

	leftovers_lock();
	file = fopen(path, "wxe");
	leftovers_unlock();
	if (!file)
		error_set(err, -errno, "%s cannot be made: %s", path, strerror(errno));
	return file;
}

int compress_files_add(
	struct compress_files *files, const void *image, size_t size, struct error *err)
{
	char path[PATH_MAX];
	char *slash;
	FILE *file;
	bool made;

	compress_files_path(files, files->n, path);
	slash = strrchr(path, '/');
	*slash = '\0';
	leftovers_lock();
	made = mkdir(path, 0700) == 0;
	files->n += made;
	leftovers_unlock();
	if (!made)
		return error_set(err, -errno, "%s cannot be made: %s", path, strerror(errno));
	*slash = '/';
	file = files_open(path, err);
	if (!file)
		return err->code;
	fwrite(image, 1, size, file); // a short write shows when it is closed
	return files_close(file, path, err);
}

// --- The rows that teach --------------------------------------------------------------------------

// numpy's format 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
static void files_npy_header(FILE *file, size_t rows, uint32_t columns)
{
	char text[118 + 1];
	const int length = snprintf(text, sizeof(text),
		"{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %u), }", rows, columns);

	fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file);
	fwrite(text, 1, (size_t)length, file);
	for (int i = length; i < 117; i++)
		fputc(' ', file);
	fputc('\n', file);
}

static void files_write_rows(const struct exam *exam, FILE *file)
{
	const struct dataset *set = &exam->set;

	files_npy_header(file, exam->train.n, set->n_features + (set->weights ? 1 : 0));
	for (size_t i = 0; i < exam->train.n; i++) {
		const uint32_t row = exam->train.index[i];

		fwrite(set->values + (size_t)row * set->n_features, sizeof(float), set->n_features,
			file);
		if (set->weights)
			fwrite(&set->weights[row], sizeof(float), 1, file);
	}
}

static void files_write_labels(const struct exam *exam, FILE *file)
{
	const struct dataset *set = &exam->set;

	fputs("label\n", file);
	for (size_t i = 0; i < exam->train.n; i++) {
		const uint32_t row = exam->train.index[i];

		if (exam->numbers) {
			fprintf(file, "%.9g\n", (double)set->numbers[row]);
			continue;
		}
		fputc('"', file);
		for (const char *at = set->class_labels[set->classes[row]]; *at; at++) {
			if (*at == '"')
				fputc('"', file);
			fputc(*at, file);
		}
		fputs("\"\n", file);
	}
}

int compress_files_teach(struct compress_files *files, const struct exam *exam, struct error *err)
{
	const char *slash = strrchr(exam->set.path, '/');
	FILE *file;
	int rc;

	snprintf(files->rows, sizeof(files->rows), "%.3800s/%.200s-taught.npy", files->folder,
		slash && slash[1] ? slash + 1 : exam->set.path);
	file = files_open(files->rows, err);
	if (!file)
		return err->code;
	files_write_rows(exam, file);
	rc = files_close(file, files->rows, err);
	if (rc != 0)
		return rc;
	snprintf(files->labels, sizeof(files->labels), "%.3800s/labels.csv", files->folder);
	file = files_open(files->labels, err);
	if (!file)
		return err->code;
	files_write_labels(exam, file);
	rc = files_close(file, files->labels, err);
	files->read.labels_path = files->labels;
	if (exam->set.weights) {
		snprintf(files->weight, sizeof(files->weight), "%u", exam->set.n_features + 1);
		files->read.weight = files->weight;
	}
	return rc;
}
