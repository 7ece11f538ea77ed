// SPDX-License-Identifier: BSD-3-Clause
// NumPy's .npy, format versions 1 to 3 (numpy.lib.format): magic, version, header length, a Python
// dict literal with descr, fortran_order and shape, then the values.
#include "base/rows_npy.h"

#include "base/half.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NPY_HEADER_MAX 65536
#define NPY_RANK_MAX   8

struct npy {
	char kind;    // f, i, u, b
	size_t width; // bytes of a value
	bool fortran;
	uint32_t rank;
	uint64_t dims[NPY_RANK_MAX];
};

#define NPY_ERROR(reader, code, format, ...)                                                       \
	error_set((reader)->err, code, "%s: " format, (reader)->path, ##__VA_ARGS__)

// Where the value of a key of the dict begins, past the colon; NULL where the key is missing.
static const char *npy_value(const char *dict, const char *key)
{
	const char *at = strstr(dict, key);

	if (!at)
		return NULL;
	at += strlen(key);
	at += strspn(at, "'\": ");
	return at;
}

// What to save instead of a type that is not read.
static const char *npy_advice(char order, char kind)
{
	if (order == '[')
		return "it has named fields: save a matrix, "
		       "numpy.lib.recfunctions.structured_to_unstructured(a)";
	if (kind == 'O')
		return "its values are Python objects: save a.astype('<f4')";
	if (order == '>')
		return "it is big-endian: save a.astype('<f4')";
	return "<f2, <f4, <f8, little-endian integers and bool are read: save a.astype('<f4')";
}

// `at`: the type as NumPy spells it, "<f4'" and what follows.
static int npy_parse_descr(struct rows_reader *reader, const char *at, struct npy *npy)
{
	static const char KNOWN[] = " f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 ";
	const size_t length = at ? strcspn(at, "'\"") : 0;
	char one[] = " xx ";

	if (length == 0)
		return NPY_ERROR(reader, -EINVAL, "the header has no type");
	if (length == 3 && (at[0] == '<' || at[0] == '|')) {
		one[1] = at[1];
		one[2] = at[2];
		if (strstr(KNOWN, one)) {
			npy->kind = at[1];
			npy->width = (size_t)(at[2] - '0');
			return 0;
		}
	}
	if (at[0] == '[')
		return NPY_ERROR(reader, -EINVAL, "%s", npy_advice('[', 0));
	return NPY_ERROR(reader, -EINVAL, "its type is '%.*s': %s", length < 20 ? (int)length : 20,
		at, npy_advice(at[0], length > 1 ? at[1] : '\0'));
}

static int npy_parse_shape(struct rows_reader *reader, const char *at, struct npy *npy)
{
	if (!at || *at != '(')
		return NPY_ERROR(reader, -EINVAL, "the header has no shape");
	at++;
	for (;;) {
		char *end;

		at += strspn(at, " ,");
		if (*at == ')')
			return 0;
		if (*at < '0' || *at > '9' || npy->rank == NPY_RANK_MAX)
			return NPY_ERROR(reader, -EINVAL,
				"the header's shape is not up to %d numbers in parentheses",
				NPY_RANK_MAX);
		npy->dims[npy->rank++] = strtoull(at, &end, 10);
		at = *end == 'L' ? end + 1 : end; // Python 2 wrote 3L
	}
}

static int npy_parse_header(struct rows_reader *reader, struct npy *npy)
{
	unsigned char fixed[12];
	size_t length, n = fread(fixed, 1, 10, reader->file);
	const char *at;
	char *dict;
	int rc;

	if (n != 10 || memcmp(fixed, "\x93NUMPY", 6) != 0)
		return NPY_ERROR(reader, -EINVAL, "does not begin as a .npy file does");
	if (fixed[6] < 1 || fixed[6] > 3)
		return NPY_ERROR(
			reader, -EINVAL, ".npy format version %u, 1 to 3 are known", fixed[6]);
	length = fixed[8] | (size_t)fixed[9] << 8;
	if (fixed[6] > 1) {
		if (fread(fixed + 10, 1, 2, reader->file) != 2)
			return NPY_ERROR(reader, -EINVAL, "ends inside its header");
		length |= (size_t)fixed[10] << 16 | (size_t)fixed[11] << 24;
	}
	if (length > NPY_HEADER_MAX)
		return NPY_ERROR(reader, -EINVAL, "a header of %zu bytes, at most %d are possible",
			length, NPY_HEADER_MAX);
	dict = calloc(1, length + 1);
	if (!dict)
		return NPY_ERROR(reader, -ENOMEM, "out of memory");
	if (fread(dict, 1, length, reader->file) != length) {
		rc = NPY_ERROR(reader, -EINVAL, "ends inside its header");
		goto out;
	}
	at = npy_value(dict, "fortran_order");
	npy->fortran = at && strncmp(at, "True", 4) == 0;
	rc = npy_parse_descr(reader, npy_value(dict, "descr"), npy);
	if (rc == 0)
		rc = npy_parse_shape(reader, npy_value(dict, "shape"), npy);
out:
	free(dict);
	return rc;
}

static float npy_float(const struct npy *npy, const unsigned char *at)
{
	uint64_t bits = 0;
	unsigned shift = (unsigned)(64 - 8 * npy->width);

	for (size_t b = npy->width; b-- > 0;)
		bits = bits << 8 | at[b];
	if (npy->kind == 'f' && npy->width == 4) {
		uint32_t word = (uint32_t)bits;
		float f;

		memcpy(&f, &word, sizeof(f));
		return f;
	}
	if (npy->kind == 'f' && npy->width == 2)
		return half_to((uint16_t)bits);
	if (npy->kind == 'f') {
		double d;

		memcpy(&d, &bits, sizeof(d));
		return (float)d;
	}
	if (npy->kind == 'i')
		return (float)((int64_t)(bits << shift) >> shift);
	return npy->kind == 'b' ? (float)(bits != 0) : (float)bits;
}

// How many rows and columns the shape stands for: rows_read() says.
static int npy_layout(struct rows_reader *reader, const struct npy *npy, uint64_t *n_rows)
{
	uint64_t n_columns = 1, rows = 1;
	int rc;

	if (npy->rank == 1 && reader->options->n_columns == 1) {
		rows = npy->dims[0];
	} else if (npy->rank == 1) {
		n_columns = npy->dims[0];
	} else {
		rows = npy->rank ? npy->dims[0] : 1;
		for (uint32_t d = 1; d < npy->rank; d++) {
			if (npy->dims[d] > ROWS_COLUMNS_MAX)
				return rows_check_columns(reader, npy->dims[d]);
			n_columns *= npy->dims[d];
			if (n_columns > ROWS_COLUMNS_MAX)
				return rows_check_columns(reader, n_columns);
		}
	}
	if (npy->rank > 2 && npy->fortran)
		return NPY_ERROR(reader, -EINVAL,
			"Fortran order with %u dimensions, at most 2 are read", npy->rank);
	rc = rows_check_columns(reader, n_columns);
	if (rc != 0)
		return rc;
	// What is larger could overflow when it is multiplied; max_bytes refuses much less than
	// that.
	if (rows > SIZE_MAX / 16 / n_columns)
		return NPY_ERROR(
			reader, -EFBIG, "%llu rows are too many", (unsigned long long)rows);
	reader->rows->n_columns = (uint32_t)n_columns;
	*n_rows = rows;
	return 0;
}

// Reads the values one after another. Pieces need them row after row. 0, or what take() said.
static int npy_read_values(
	struct rows_reader *reader, const struct npy *npy, uint64_t n_rows, uint64_t *n_read)
{
	const uint64_t n_columns = reader->rows->n_columns, n_values = n_rows * n_columns;
	const bool by_pieces = reader->pieces && !npy->fortran;
	float *values = reader->rows->values;
	unsigned char chunk[4096];
	uint64_t i = 0, at = 0; // of all, and of those that are kept
	size_t got;
	int rc = 0;

	while (i < n_values) {
		size_t wanted = sizeof(chunk) / npy->width;

		got = fread(chunk, npy->width, n_values - i < wanted ? n_values - i : wanted,
			reader->file);
		if (got == 0)
			break;
		for (size_t v = 0; rc == 0 && v < got; v++, i++, at++) {
			uint64_t to = npy->fortran ? i % n_rows * n_columns + i / n_rows : at;

			values[to] = npy_float(npy, chunk + v * npy->width);
			if (!by_pieces || at + 1 < reader->pieces->rows * n_columns)
				continue;
			reader->rows->n_rows = reader->pieces->rows;
			rc = rows_hand_over(reader);
			at = (uint64_t)-1; // which the loop makes 0
		}
		if (rc != 0)
			return rc;
	}
	*n_read = i;
	if (i == n_values)
		reader->rows->n_rows = by_pieces && n_columns ? at / n_columns : n_rows;
	return 0;
}

int rows_read_npy(struct rows_reader *reader)
{
	struct rows *rows = reader->rows;
	struct npy npy = { 0 };
	uint64_t n_rows = 0, n_columns, n_values, n_kept, i = 0;
	int rc = npy_parse_header(reader, &npy);

	if (rc == 0)
		rc = npy_layout(reader, &npy, &n_rows);
	if (rc != 0)
		return rc;
	n_columns = rows->n_columns;
	n_values = n_rows * n_columns;
	n_kept = reader->pieces && !npy.fortran && n_rows > reader->pieces->rows
		? reader->pieces->rows * n_columns
		: n_values;
	rc = rows_reserve(reader, n_kept * sizeof(float));
	if (rc != 0)
		return rc;
	rows->values = malloc(n_kept ? n_kept * sizeof(float) : 1);
	if (!rows->values)
		return NPY_ERROR(reader, -ENOMEM, "out of memory");
	rc = npy_read_values(reader, &npy, n_rows, &i);
	if (rc != 0)
		return rc;
	if (i < n_values)
		return NPY_ERROR(reader, -EINVAL,
			"ends after %llu of the %llu values its header promises",
			(unsigned long long)i, (unsigned long long)n_values);
	if (fgetc(reader->file) != EOF)
		return NPY_ERROR(reader, -EINVAL,
			"goes on after the %llu values its header promises",
			(unsigned long long)n_values);
	return 0;
}
