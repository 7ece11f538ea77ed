// SPDX-License-Identifier: BSD-3-Clause
#include "infer/compile/apart.h"

#include "base/align.h"
#include "base/file.h"
#include "base/sandbox/sandbox.h"
#include "infer/graph/report.h"
#include "infer/image/image.h"
#include "infer/import/import.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES_MAX 1024

// Set once, as the tool starts.
static struct model_parse_limits apart_limits;

// What is handed back: this, each line with its NUL, and the image.
struct apart_result {
	uint64_t image_bytes; // of the image here
	uint64_t n_lines, lines_bytes;
	uint64_t report_image_bytes, weights_bytes, scratch_bytes;
};

struct apart { // a run, on both sides
	apart_work *work;
	const char *path;
	const void *bytes;
	size_t size;
	const struct compile_options *options;
	struct apart_rows rows;
	struct import_beside beside;
	struct sandbox_child *child; // in the child
};

static const struct apart *apart_here; // in the child

void model_parse_apart(const struct model_parse_limits *limits)
{
	apart_limits = limits ? *limits : (struct model_parse_limits){ 0 };
	if (limits)
		import_prepare();
}

bool apart_is_wanted(void)
{
	return apart_limits.memory_bytes != 0 && !apart_here;
}

const struct import_beside *apart_beside(void)
{
	return apart_here ? &apart_here->beside : NULL;
}

// --- In the child ----------------------------------------------------------------------------------

static int apart_ask(void *arg, const char *location, struct error *err)
{
	struct apart *apart = arg;

	return sandbox_ask(apart->child, location, err);
}

static int apart_put(struct sandbox_child *child, const void *image, size_t image_size,
	const struct compile_report *report, struct error *err)
{
	struct apart_result result = { .image_bytes = image_size,
		.n_lines = report->n_lines,
		.report_image_bytes = report->image_bytes,
		.weights_bytes = report->weights_bytes,
		.scratch_bytes = report->scratch_bytes };
	int rc;

	for (size_t i = 0; i < report->n_lines; i++)
		result.lines_bytes += strlen(report->lines[i]) + 1;
	rc = sandbox_put(child, &result, sizeof(result), err);
	for (size_t i = 0; rc == 0 && i < report->n_lines; i++)
		rc = sandbox_put(child, report->lines[i], strlen(report->lines[i]) + 1, err);
	return rc == 0 ? sandbox_put(child, image, image_size, err) : rc;
}

static int apart_do(void *arg, struct sandbox_child *child, struct error *err)
{
	struct apart *apart = arg;
	struct compile_report report = { 0 };
	void *image = NULL;
	size_t size = 0;
	int rc;

	apart->child = child;
	apart_here = apart;
	rc = apart->work(apart->path, apart->bytes, apart->size, apart->options, &apart->rows,
		&image, &size, &report, err);
	return rc == 0 ? apart_put(child, image, size, &report, err) : rc;
}

// --- In this process -------------------------------------------------------------------------------

// Files below the model's own folder, and no links: as an importer that is not in a child has them.
static int apart_open(void *arg, const char *name, struct error *err)
{
	const struct apart *apart = arg;
	const char *slash = strrchr(apart->path, '/');
	char folder[4096];
	int at, fd;

	if (slash && (size_t)(slash - apart->path) + 1 >= sizeof(folder))
		return error_set(err, -ENAMETOOLONG, "the model's folder has too long a path");
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - apart->path) + 1 : 1,
		slash ? apart->path : ".");
	at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return error_set(
			err, -errno, "the model's folder cannot be opened: %s", strerror(errno));
	fd = file_open_below(at, name, name, err);
	close(at);
	return fd;
}

static int apart_open_rows(
	const char *path, FILE **file, struct sandbox *sandbox, struct error *err)
{
	if (!path)
		return 0;
	*file = strcmp(path, "-") == 0 ? stdin : file_open(path, err);
	if (!*file)
		return err->code;
	sandbox->keep[sandbox->n_keep++] = fileno(*file);
	return 0;
}

static void apart_close_rows(FILE *file)
{
	if (file && file != stdin)
		fclose(file);
}

static int apart_refuse_result(const char *path, struct error *err)
{
	return error_set(err, -EINVAL, "refused: what reading %s handed back makes no sense", path);
}

// Lines of the child's, which may be anything.
static bool apart_take_lines(
	const char *at, const struct apart_result *result, struct compile_report *report)
{
	const char *end = at + result->lines_bytes;

	for (uint64_t i = 0; i < result->n_lines; i++) {
		const char *stop = memchr(at, '\0', (size_t)(end - at));

		if (!stop || stop - at >= LINE_BYTES_MAX)
			return false;
		report_add(report, "%s", at); // which makes text for people of it
		at = stop + 1;
	}
	return at == end;
}

static int apart_take(const struct apart *apart, const char *bytes, size_t size, void **image,
	size_t *image_size, struct compile_report *report, struct error *err)
{
	struct apart_result result;

	if (size < sizeof(result))
		return apart_refuse_result(apart->path, err);
	memcpy(&result, bytes, sizeof(result));
	size -= sizeof(result);
	if (result.n_lines > REPORT_LINES_MAX || result.lines_bytes > size ||
		result.image_bytes != size - result.lines_bytes ||
		result.image_bytes > IMAGE_BYTES_MAX ||
		!apart_take_lines(bytes + sizeof(result), &result, report))
		return apart_refuse_result(apart->path, err);
	if (report) {
		report->image_bytes = (size_t)result.report_image_bytes;
		report->weights_bytes = (size_t)result.weights_bytes;
		report->scratch_bytes = (size_t)result.scratch_bytes;
	}
	*image = aligned_alloc(64, align_up((size_t)result.image_bytes + 1, 64));
	if (!*image)
		return error_set(err, -ENOMEM, "out of memory for the image of %s", apart->path);
	memcpy(*image, bytes + sizeof(result) + result.lines_bytes, (size_t)result.image_bytes);
	*image_size = (size_t)result.image_bytes;
	return 0;
}

int apart_run(apart_work *work, const char *path, const void *bytes, size_t size,
	const struct compile_options *options, void **image, size_t *image_size,
	struct compile_report *report, struct error *err)
{
	struct apart apart = {
		.work = work, .path = path, .bytes = bytes, .size = size, .options = options
	};
	char doing[300];
	struct sandbox sandbox = { .doing = doing,
		.limits = { apart_limits.memory_bytes, apart_limits.cpu_seconds },
		.work = apart_do,
		.open = apart_open,
		.arg = &apart };
	struct stat model;
	void *result = NULL;
	size_t result_size = 0;
	int rc;

	snprintf(doing, sizeof(doing), "reading %.280s", path);
	apart.beside = (struct import_beside){ .open = apart_ask, .arg = &apart };
	if (stat(path, &model) == 0) {
		apart.beside.device = model.st_dev;
		apart.beside.inode = model.st_ino;
	}
	rc = apart_open_rows(options->rows_path, &apart.rows.rows, &sandbox, err);
	if (rc == 0)
		rc = apart_open_rows(options->reference_path, &apart.rows.reference, &sandbox, err);
	if (rc == 0)
		rc = sandbox_run(&sandbox, &result, &result_size, err);
	apart_close_rows(apart.rows.rows);
	apart_close_rows(apart.rows.reference);
	if (rc == 0)
		rc = apart_take(&apart, result, result_size, image, image_size, report, err);
	free(result);
	return rc;
}
