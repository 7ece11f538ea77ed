// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows.h"

#include "base/file.h"
#include "base/rows_csv.h"
#include "base/rows_npy.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// The number of rows is not known before the end of the file, so memory grows as they come.
static int rows_read_f32(struct rows_reader *reader)
{
	struct rows *rows = reader->rows;
	uint64_t n_columns = reader->options->n_columns;
	size_t row_bytes = n_columns * sizeof(float);
	size_t capacity = 0, got;
	int rc;

	if (n_columns == 0)
		return error_set(reader->err, -EINVAL,
			"%s: a .f32 file does not say how many columns a row has, so it must be "
			"told",
			reader->path);
	rc = rows_check_columns(reader, n_columns);
	if (rc != 0)
		return rc;
	rows->n_columns = (uint32_t)n_columns;
	for (;;) {
		if (rows->n_rows == capacity) {
			size_t more = capacity ? capacity : 64;
			float *grown;

			rc = rows_reserve(reader, more * row_bytes);
			if (rc != 0)
				return rc;
			grown = realloc(rows->values, (capacity + more) * row_bytes);
			if (!grown)
				return error_set(
					reader->err, -ENOMEM, "%s: out of memory", reader->path);
			rows->values = grown;
			capacity += more;
		}
		got = fread((char *)rows->values + rows->n_rows * row_bytes, 1, row_bytes,
			reader->file);
		if (got < row_bytes)
			break;
		rows->n_rows++;
		rc = rows_piece_is_full(reader) ? rows_hand_over(reader) : 0;
		if (rc != 0)
			return rc;
	}
	if (got != 0)
		return error_set(reader->err, -EINVAL,
			"%s: ends %zu bytes into row %zu; a row of %u columns has %zu bytes",
			reader->path, got, reader->n_taken + rows->n_rows, rows->n_columns,
			row_bytes);
	return 0;
}

static const char *rows_ending(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');

	return dot ? dot : "";
}

enum rows_format rows_tell_format(const char *path, const struct rows_options *options)
{
	const char *ending = rows_ending(path);

	if (options->format != ROWS_FORMAT_ENDING)
		return options->format;
	if (strcmp(path, "-") == 0 || strcasecmp(ending, ".csv") == 0 ||
		strcasecmp(ending, ".tsv") == 0)
		return ROWS_FORMAT_CSV;
	if (strcasecmp(ending, ".npy") == 0)
		return ROWS_FORMAT_NPY;
	return strcasecmp(ending, ".f32") == 0 ? ROWS_FORMAT_F32 : ROWS_FORMAT_ENDING;
}

static int rows_check_options(
	const char *path, enum rows_format format, const struct rows_options *o, struct error *err)
{
	if (format == ROWS_FORMAT_ENDING)
		return error_set(err, -EINVAL,
			"%s: rows are read from files ending .csv, .tsv, .npy or .f32, or as "
			"--rows-format says",
			path);
	if (format != ROWS_FORMAT_CSV &&
		(o->drop || o->columns || o->categories || o->header || o->no_header))
		return error_set(err, -EINVAL,
			"%s: --columns, --drop, %s--header and --no-header are for CSV, whose "
			"columns may have names",
			path, o->categories ? "--categories, " : "");
	if (o->header && o->no_header)
		return error_set(err, -EINVAL, "give only one of --header and --no-header");
	if (o->drop && o->columns)
		return error_set(err, -EINVAL,
			"give only one of --drop and --columns: what --columns does not name is "
			"left out");
	return 0;
}

// Reads an open file, by a format that rows_check_options() has seen.
static int rows_read_file(FILE *file, const char *path, enum rows_format format,
	const struct rows_options *options, const struct rows_pieces *pieces, struct rows *rows,
	struct error *err)
{
	static int (*const READ[])(struct rows_reader *) = { [ROWS_FORMAT_CSV] = rows_read_csv,
		[ROWS_FORMAT_NPY] = rows_read_npy,
		[ROWS_FORMAT_F32] = rows_read_f32 };
	struct rows_reader reader = { .file = file,
		.path = path,
		.options = options,
		.rows = rows,
		.pieces = pieces,
		.err = err };
	int rc;

	reader.max_bytes = options->max_bytes ? options->max_bytes : ROWS_BYTES_MAX;
	rc = READ[format](&reader);
	if (rc == 0 && ferror(file))
		rc = error_set(err, -EIO, "%s: reading it failed", path);
	if (rc == 0 && pieces)
		rc = rows_hand_over(&reader);
	if (rc != 0)
		rows_fini(rows);
	return rc;
}

static const struct rows_options ROWS_OPTIONS_NONE;

static int rows_read_path(const char *path, FILE *given, const struct rows_options *options,
	const struct rows_pieces *pieces, struct rows *rows, struct error *err)
{
	const struct rows_options *how = options ? options : &ROWS_OPTIONS_NONE;
	const enum rows_format format = rows_tell_format(path, how);
	const bool piped = strcmp(path, "-") == 0;
	struct error why = { .text = "" };
	FILE *file;
	int rc = rows_check_options(path, format, how, err);

	memset(rows, 0, sizeof(*rows));
	if (rc != 0)
		return rc;
	file = given ? given : piped ? stdin : file_open(path, &why);
	if (!file)
		return error_set(err, why.code, "%s", why.text);
	rc = rows_read_file(file, piped ? "standard input" : path, format, how, pieces, rows, err);
	if (file != given && !piped)
		fclose(file);
	return rc;
}

int rows_read(
	const char *path, const struct rows_options *options, struct rows *rows, struct error *err)
{
	return rows_read_path(path, NULL, options, NULL, rows, err);
}

int rows_read_open(const char *path, FILE *file, const struct rows_options *options,
	struct rows *rows, struct error *err)
{
	return rows_read_path(path, file, options, NULL, rows, err);
}

int rows_read_pieces(const char *path, FILE *file, const struct rows_options *options,
	const struct rows_pieces *pieces, struct error *err)
{
	struct rows rows;
	int rc = rows_read_path(path, file, options, pieces, &rows, err);

	rows_fini(&rows);
	return rc;
}

// Not fmemopen(), which ends at the first zero byte.
struct rows_bytes {
	const char *at;
	size_t size;
};

static ssize_t rows_take_bytes(void *cookie, char *to, size_t size)
{
	struct rows_bytes *left = cookie;

	size = size < left->size ? size : left->size;
	memcpy(to, left->at, size);
	left->at += size;
	left->size -= size;
	return (ssize_t)size;
}

int rows_read_bytes(const char *name, const void *bytes, size_t size,
	const struct rows_options *options, struct rows *rows, struct error *err)
{
	const enum rows_format format =
		options->format == ROWS_FORMAT_ENDING ? ROWS_FORMAT_CSV : options->format;
	struct rows_bytes left = { bytes, size };
	FILE *file;
	int rc = rows_check_options(name, format, options, err);

	memset(rows, 0, sizeof(*rows));
	if (rc != 0)
		return rc;
	file = fopencookie(&left, "r", (cookie_io_functions_t){ .read = rows_take_bytes });
	if (!file)
		return error_set(err, -ENOMEM, "%s: out of memory", name);
	rc = rows_read_file(file, name, format, options, NULL, rows, err);
	fclose(file);
	return rc;
}

void rows_write_csv(FILE *file, const float *values, size_t n_rows, uint32_t n_columns,
	const char *const *names)
{
	for (uint32_t c = 0; names && c < n_columns; c++) {
		const char *quote = strpbrk(names[c], ",\"\r\n") ? "\"" : "";

		fputs(quote, file);
		for (const char *p = names[c]; *p; p++) {
			if (*p == '"')
				fputc('"', file);
			fputc(*p == '\n' || *p == '\r' ? ' ' : *p, file);
		}
		fputs(quote, file);
		fputc(c + 1 < n_columns ? ',' : '\n', file);
	}
	for (size_t r = 0; r < n_rows; r++) {
		for (uint32_t c = 0; c < n_columns; c++)
			fprintf(file, c + 1 < n_columns ? "%.9g," : "%.9g\n",
				values[r * n_columns + c]);
	}
}

// NumPy's format 1.0: magic, version, header length, a Python dict padded so that data starts at a
// multiple of 64 (numpy.lib.format).
void rows_write_npy_header(FILE *file, size_t n_rows, uint32_t n_columns)
{
	char dict[128 - 10];
	int n = snprintf(dict, sizeof(dict),
		"{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %u), }", n_rows,
		n_columns);

	memset(dict + n, ' ', sizeof(dict) - (size_t)n - 1);
	dict[sizeof(dict) - 1] = '\n';
	fwrite("\x93NUMPY\x01\x00", 1, 8, file);
	fputc(sizeof(dict), file);
	fputc(0, file);
	fwrite(dict, 1, sizeof(dict), file);
}

int rows_write(const char *path, const float *values, size_t n_rows, uint32_t n_columns,
	const char *const *names, struct error *err)
{
	const char *ending = rows_ending(path);
	bool csv = strcmp(ending, ".csv") == 0, npy = strcmp(ending, ".npy") == 0;
	bool failed;
	FILE *file;

	if (!csv && !npy && strcmp(ending, ".f32") != 0)
		return error_set(err, -EINVAL,
			"%s: rows are written to files ending .csv, .npy or .f32", path);
	file = file_create(path, err);
	if (!file)
		return err->code;
	if (csv)
		rows_write_csv(file, values, n_rows, n_columns, names);
	if (npy)
		rows_write_npy_header(file, n_rows, n_columns);
	if (!csv && n_rows != 0)
		fwrite(values, sizeof(float) * n_columns, n_rows, file);
	errno = EIO;
	failed = ferror(file) != 0;
	if (fclose(file) != 0 || failed) {
		int rc = -errno;

		remove(path);
		return error_set(err, rc, "%s: writing it failed: %s", path, strerror(-rc));
	}
	return 0;
}
