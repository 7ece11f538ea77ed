// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/test_rows_XXXXXX";
static struct rows rows;
static struct error err;

static const char *file(const char *name, const void *bytes, size_t n)
{
	static char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
	return path;
}

static int read_text(const char *text, const struct rows_options *options)
{
	rows_fini(&rows);
	err.text[0] = '\0';
	return rows_read(file("rows.csv", text, strlen(text)), options, &rows, &err);
}

static void refused(int rc, const char *part)
{
	assert_true(rc < 0);
	if (!strstr(err.text, part))
		fail_msg("'%s' lacks '%s'", err.text, part);
	assert_null(rows.values);
}

static void csv_with_header_and_labels(void **state)
{
	assert_int_equal(read_text("\xef\xbb\xbf"
				   "a,\"b,\"\"c\",activity,label\r\n1,-2.5e1,web,ok\r\n\r\n 3 "
				   ",nan,\"x,y\",bad",
				 NULL),
		0);
	assert_int_equal(rows.n_rows, 2);
	assert_int_equal(rows.n_columns, 2);
	assert_string_equal(rows.names[0], "a");
	assert_string_equal(rows.names[1], "b,\"c");
	assert_true(rows.values[1] == -25.0f && rows.values[2] == 3.0f && isnan(rows.values[3]));
	assert_string_equal(rows_text(&rows, "label")->values[1], "bad");
	assert_string_equal(rows_text(&rows, "activity")->values[1], "x,y");
	assert_null(rows_text(&rows, "a"));
}

static void csv_label_columns_are_the_callers(void **state)
{
	const struct rows_options options = { .label_columns = "kind", .n_columns = 1 };

	assert_int_equal(read_text("kind,a\nx,1\n", &options), 0);
	assert_string_equal(rows_text(&rows, "kind")->values[0], "x");
	refused(read_text("a,label\n1,x\n", &(struct rows_options){ .label_columns = "" }),
		":2: column 2 ('label') is 'x'");
}

static void csv_without_header(void **state)
{
	assert_int_equal(read_text("1,2\n3,4\n", NULL), 0);
	assert_null(rows.names);
	assert_int_equal(rows.n_rows, 2);
}

static void csv_malformed(void **state)
{
	refused(read_text("a,b,c\n1,2,3\n1,2\n", NULL), "rows.csv:3: 2 values, the header names 3");
	refused(read_text("1,2\n3\n", NULL), ":2: 1 values, the first line has 2");
	refused(read_text("a,b\n1,x\n", NULL), ":2: column 2 ('b') is 'x', not a number");
	refused(read_text("a,b\n\"1,2\n", NULL), ":2: column 1 has a quote that does not close");
	refused(read_text("", NULL), "empty");
	refused(read_text("a,b\n1,2\n", &(struct rows_options){ .n_columns = 3 }),
		"2 feature columns, 3 are expected");
	refused(read_text("a,b\n1,2\n", &(struct rows_options){ .max_bytes = 64 }),
		"rows.csv: needs more than");
	assert_int_equal(
		read_text("a,b\n1,2\n", &(struct rows_options){ .max_bytes = 64 }), -EFBIG);
	assert_int_equal(
		read_text("activity,a\nsomething,2\n", &(struct rows_options){ .max_bytes = 64 }),
		-EFBIG);
	refused(rows_read(file("rows.csv", "1,2\n3\0,4\n", 9), NULL, &rows, &err),
		":2: a NUL byte");
	refused(rows_read("/nowhere/rows.csv", NULL, &rows, &err), "No such file");
	refused(rows_read(file("rows.txt", "1\n", 2), NULL, &rows, &err),
		"ending .csv, .tsv, .npy or .f32");
}

static void csv_missing_values_and_truth(void **state)
{
	assert_int_equal(read_text("a,b,c,d,e,f\n,NA,nan,NULL,None,?\n"
				   "N/A,#N/A,<NA>,True,false,\"\"\n",
				 NULL),
		0);
	assert_int_equal(rows.n_rows, 2);
	for (int i = 0; i < 12; i++)
		if (i != 9 && i != 10)
			assert_true(isnan(rows.values[i]));
	assert_true(rows.values[9] == 1 && rows.values[10] == 0);
}

static void csv_refused_cells_say_why(void **state)
{
	refused(read_text("a;b\n1,5;2\n", NULL),
		":2: column 1 ('a') is '1,5', not a number: it has a decimal comma");
	refused(read_text("1,5;2\n2,5;3\n", NULL), ":1: column 1 is '1,5', not a number: it has");
	refused(read_text("1,tcp\n2,udp\n", NULL),
		":1: column 2 is 'tcp', not a number; if this line names the columns, say "
		"--header");
}

// "tcp" and "udp" in the second feature.
static int code(
	const void *codes, uint32_t feature, const char *text, float *value, struct error *code_err)
{
	if (feature != 1)
		return 0;
	*value = text[0] == 't' ? 6 : 17;
	return strcmp(text, "tcp") == 0 || strcmp(text, "udp") == 0
		? 1
		: error_set(code_err, -EINVAL, "'%s' is neither tcp nor udp", text);
}

static void csv_text_by_codes(void **state)
{
	static const char *const NAMES[] = { "bytes", "proto" };
	const struct rows_options options = { .n_columns = 2, .names = NAMES, .code = code };

	assert_int_equal(read_text("proto,bytes\nudp,1\ntcp,2\n", &options), 0);
	assert_true(rows.values[0] == 1 && rows.values[1] == 17 && rows.values[3] == 6);
	refused(read_text("proto,bytes\nicmp,1\n", &options),
		"rows.csv:2: column 1: 'icmp' is neither tcp nor udp");
}

static void formats_and_options(void **state)
{
	const struct rows_options csv = { .format = ROWS_FORMAT_CSV, .n_columns = 2 };

	assert_int_equal(rows_read(file("rows.txt", "1,2\n", 4), &csv, &rows, &err), 0);
	rows_fini(&rows);
	assert_int_equal(rows_read(file("ROWS.CSV", "1,2\n", 4), NULL, &rows, &err), 0);
	rows_fini(&rows);
	refused(rows_read(file("rows.f32", "12345678", 8),
			&(struct rows_options){ .n_columns = 2, .drop = "1" }, &rows, &err),
		"are for CSV");
	refused(read_text("1\n", &(struct rows_options){ .header = true, .no_header = true }),
		"only one of --header and --no-header");
	refused(read_text("1\n", &(struct rows_options){ .drop = "1", .columns = "1" }),
		"only one of --drop and --columns");
	assert_non_null(freopen(file("in", "a,b\n1,2\n", 8), "r", stdin));
	assert_int_equal(rows_read("-", NULL, &rows, &err), 0);
	assert_true(rows.n_rows == 1 && rows.values[1] == 2);
	rows_fini(&rows);
	assert_non_null(freopen(file("in", "12345678", 8), "r", stdin));
	assert_int_equal(
		rows_read("-", &(struct rows_options){ .format = ROWS_FORMAT_F32, .n_columns = 2 },
			&rows, &err),
		0);
	assert_int_equal(rows.n_columns, 2);
}

static size_t npy(char *out, char version, const char *dict, const void *data, size_t n)
{
	size_t length = strlen(dict), at = version == 1 ? 10 : 12;

	memcpy(out, "\x93NUMPY", 6);
	out[6] = version;
	out[7] = 0;
	out[8] = (char)length;
	out[9] = (char)(length >> 8);
	if (version > 1)
		out[10] = out[11] = 0;
	memcpy(out + at, dict, length);
	memcpy(out + at + length, data, n);
	return at + length + n;
}

static int read_npy(char version, const char *dict, const void *data, size_t n, uint32_t columns)
{
	const struct rows_options options = { .n_columns = columns };
	char bytes[512];

	rows_fini(&rows);
	n = npy(bytes, version, dict, data, n);
	return rows_read(file("rows.npy", bytes, n), &options, &rows, &err);
}

static void npy_dtypes_and_orders(void **state)
{
	static const double F8[6] = { 1, 2, 3, 4, 5, 6 };
	static const int16_t I2[4] = { -1, 2, 300, -400 };
	static const uint8_t U1[2] = { 255, 0 };
	// 1.5, the least subnormal, the largest, -infinity, NaN, -0
	static const uint16_t F2[6] = { 0x3e00, 1, 0x7bff, 0xfc00, 0x7e00, 0x8000 };

	assert_int_equal(
		read_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n", F8,
			sizeof(F8), 0),
		0);
	assert_int_equal(rows.n_columns, 3);
	assert_true(rows.values[3] == 4.0f);
	assert_int_equal(read_npy(2, "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }\n",
				 F8, sizeof(F8), 3),
		0);
	assert_true(rows.values[1] == 3.0f && rows.values[3] == 2.0f);
	assert_int_equal(read_npy(3, "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }",
				 I2, sizeof(I2), 0),
		0);
	assert_true(rows.values[0] == -1.0f && rows.values[3] == -400.0f);
	assert_int_equal(
		read_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", U1, 2, 0),
		0);
	assert_int_equal(rows.n_rows, 1);
	assert_true(rows.values[0] == 255.0f);
	assert_int_equal(
		read_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", U1, 2, 1),
		0);
	assert_int_equal(rows.n_rows, 2);
	assert_int_equal(read_npy(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 6), }",
				 F2, sizeof(F2), 6),
		0);
	assert_true(rows.values[0] == 1.5f && rows.values[1] == 0x1p-24f);
	assert_true(rows.values[2] == 65504.0f && rows.values[3] == -INFINITY);
	assert_true(isnan(rows.values[4]) && rows.values[5] == 0 && signbit(rows.values[5]));
}

static void npy_malformed(void **state)
{
	refused(read_npy(
			1, "{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1), }", "", 0, 0),
		"its type is '>f4': it is big-endian: save a.astype('<f4')");
	refused(read_npy(1, "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }", "", 0, 0),
		"its type is '|O': its values are Python objects: save a.astype('<f4')");
	refused(read_npy(
			1, "{'descr': '<U5', 'fortran_order': False, 'shape': (1, 1), }", "", 0, 0),
		"its type is '<U5': <f2, <f4, <f8, little-endian integers and bool are read");
	refused(read_npy(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
			"", 0, 0),
		"it has named fields: save a matrix");
	refused(read_npy(1, "{'fortran_order': False, 'shape': (1, 1), }", "", 0, 0),
		"the header has no type");
	refused(read_npy(
			4, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", "", 0, 0),
		"version 4");
	refused(read_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", "abcd",
			4, 0),
		"ends after 1 of the 2");
	refused(read_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", "abcde",
			5, 0),
		"goes on");
	refused(read_npy(1,
			"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999, 8), "
			"}",
			"", 0, 0),
		"needs more than");
	refused(read_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 1), }", "", 0,
			0),
		"shape");
	refused(rows_read(file("rows.npy", "PK", 2), NULL, &rows, &err), "does not begin as");
}

static void f32_needs_columns_and_whole_rows(void **state)
{
	static const float VALUES[5] = { 1, 2, 3, 4, 5 };
	const struct rows_options two = { .n_columns = 2 };

	assert_int_equal(rows_read(file("rows.f32", VALUES, 16), &two, &rows, &err), 0);
	assert_int_equal(rows.n_rows, 2);
	assert_true(rows.values[3] == 4.0f);
	rows_fini(&rows);
	refused(rows_read(file("rows.f32", VALUES, 20), &two, &rows, &err),
		"ends 4 bytes into row 2");
	refused(rows_read(file("rows.f32", VALUES, 16), NULL, &rows, &err), "must be told");
}

static void written_reads_back(void **state)
{
	static const float VALUES[6] = { 1.1f, -2e-30f, 3e30f, 0.1f, 1.0f / 3, 7 };
	static const char *const ENDINGS[] = { "csv", "npy", "f32" };
	static const char *const NAMES[3] = { "a", "b,\"c\"", "c" };
	const struct rows_options options = { .n_columns = 3 };

	for (int i = 0; i < 3; i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/out.%s", dir, ENDINGS[i]);
		assert_int_equal(rows_write(path, VALUES, 2, 3, NAMES, &err), 0);
		assert_int_equal(rows_read(path, &options, &rows, &err), 0);
		assert_int_equal(rows.n_rows, 2);
		assert_memory_equal(rows.values, VALUES, sizeof(VALUES));
		if (i == 0)
			assert_string_equal(rows.names[1], NAMES[1]);
		rows_fini(&rows);
	}
	assert_true(rows_write("/nowhere/out.csv", VALUES, 2, 3, NULL, &err) < 0);
	assert_true(rows_write("out.txt", VALUES, 2, 3, NULL, &err) == -EINVAL);
}

static int set_up(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[300];

	rows_fini(&rows);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

// Sums what comes, and how it comes.
struct pieces_seen {
	size_t rows, pieces, most;
	double sum;
	size_t stop_at; // 0: nowhere
	char text[8];
};

static int see_piece(void *context, const struct rows *piece, size_t first, struct error *why)
{
	struct pieces_seen *seen = context;

	assert_int_equal(first, seen->rows);
	for (size_t i = 0; i < piece->n_rows * piece->n_columns; i++)
		seen->sum += (double)piece->values[i];
	seen->rows += piece->n_rows;
	seen->pieces++;
	seen->most = piece->n_rows > seen->most ? piece->n_rows : seen->most;
	if (piece->n_texts)
		snprintf(seen->text, sizeof(seen->text), "%s", piece->texts[0].values[0]);
	return seen->stop_at && seen->rows >= seen->stop_at ? error_set(why, -ECANCELED, "enough")
							    : 0;
}

static int read_pieces(
	const char *path, size_t n, const struct rows_options *options, struct pieces_seen *seen)
{
	const struct rows_pieces pieces = { n, see_piece, seen };

	err.text[0] = '\0';
	return rows_read_pieces(path, NULL, options, &pieces, &err);
}

static void pieces_of_a_csv_with_texts(void **state)
{
	const char *path;
	struct pieces_seen seen = { 0 };
	struct rows_options options = { .max_bytes = 4096 };
	char text[65536], *to = text + sprintf(text, "a,b,label\n");

	for (int i = 0; i < 1001; i++)
		to += sprintf(to, "%d,1,t%d\n", i, i);
	path = file("pieces.csv", text, (size_t)(to - text));
	assert_int_equal(read_pieces(path, 10, &options, &seen), 0);
	assert_int_equal(seen.rows, 1001);
	assert_int_equal(seen.pieces, 101);
	assert_int_equal(seen.most, 10);
	assert_true(seen.sum == 500500.0 + 1001);
	assert_string_equal(seen.text, "t1000");
	// All at once they need more than that.
	rows_fini(&rows);
	assert_int_equal(rows_read(path, &options, &rows, &err), -EFBIG);
	seen = (struct pieces_seen){ .stop_at = 20 };
	assert_int_equal(read_pieces(path, 10, &options, &seen), -ECANCELED);
	assert_int_equal(seen.rows, 20);
	assert_string_equal(err.text, "enough");
}

static void pieces_of_f32_and_npy(void **state)
{
	static const char *const ORDER[] = { "False", "True" };
	const struct rows_options options = { .n_columns = 2 };
	float values[2 * 25];
	struct pieces_seen seen = { 0 };

	for (int i = 0; i < 50; i++)
		values[i] = (float)i;
	assert_int_equal(
		read_pieces(file("p.f32", values, sizeof(values)), 10, &options, &seen), 0);
	assert_int_equal(seen.rows, 25);
	assert_int_equal(seen.most, 10);
	assert_true(seen.sum == 49 * 25);
	seen = (struct pieces_seen){ 0 };
	assert_int_equal(
		read_pieces(file("p.f32", values, sizeof(values) - 1), 10, &options, &seen),
		-EINVAL);
	assert_non_null(strstr(err.text, "row 24"));
	for (int fortran = 0; fortran < 2; fortran++) {
		static const char MAGIC[10] = { '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, 0x76, 0 };
		char npy[128 + sizeof(values)];

		memset(npy, ' ', 128);
		memcpy(npy, MAGIC, sizeof(MAGIC));
		npy[10 +
			sprintf(npy + 10,
				"{'descr': '<f4', 'fortran_order': %s, 'shape': (25, 2), }",
				ORDER[fortran])] = ' ';
		npy[127] = '\n';
		memcpy(npy + 128, values, sizeof(values));
		seen = (struct pieces_seen){ 0 };
		assert_int_equal(
			read_pieces(file("p.npy", npy, sizeof(npy)), 10, &options, &seen), 0);
		assert_int_equal(seen.rows, 25);
		assert_int_equal(seen.most, fortran ? 25 : 10);
		assert_true(seen.sum == 49 * 25);
		seen = (struct pieces_seen){ 0 };
		assert_int_equal(
			read_pieces(file("p.npy", npy, sizeof(npy) - 4), 10, &options, &seen),
			-EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_with_header_and_labels),
		cmocka_unit_test(pieces_of_a_csv_with_texts),
		cmocka_unit_test(pieces_of_f32_and_npy),
		cmocka_unit_test(csv_label_columns_are_the_callers),
		cmocka_unit_test(csv_without_header),
		cmocka_unit_test(csv_malformed),
		cmocka_unit_test(csv_missing_values_and_truth),
		cmocka_unit_test(csv_refused_cells_say_why),
		cmocka_unit_test(csv_text_by_codes),
		cmocka_unit_test(formats_and_options),
		cmocka_unit_test(npy_dtypes_and_orders),
		cmocka_unit_test(npy_malformed),
		cmocka_unit_test(f32_needs_columns_and_whole_rows),
		cmocka_unit_test(written_reads_back),
	};
	return cmocka_run_group_tests_name("rows", tests, set_up, tear_down);
}
