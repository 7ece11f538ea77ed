// SPDX-License-Identifier: BSD-3-Clause
// Files of other kinds and of any size, what they are known by, and parts of the rows.
#include "infer/learn/data/dataset_part.h"
#include "tests/cmocka.h"
#include "tests/unit/dataset_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- .npy, .f32 and files of labels --------------------------------------------------------------

// A .npy of little-endian floats of that shape.
static size_t npy(char *to, const float *values, int rows, int columns)
{
	char dict[118];
	const int n = columns
		? snprintf(dict, sizeof(dict),
			  "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d)}", rows,
			  columns)
		: snprintf(dict, sizeof(dict),
			  "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,)}", rows);
	const size_t bytes = sizeof(float) * (size_t)rows * (columns ? (size_t)columns : 1);

	// Bytes, no text: NOLINTNEXTLINE(bugprone-not-null-terminated-result)
	memcpy(to, "\x93NUMPY\x01\x00\x76\x00", 10);
	memset(to + 10, ' ', 118);
	memcpy(to + 10, dict, (size_t)n);
	to[127] = '\n';
	memcpy(to + 128, values, bytes);
	return 128 + bytes;
}

static void file_refused(
	const char *at, const struct dataset_options *options, const char *sentence)
{
	assert_true(dataset_read_file(at, options) < 0);
	assert_string_equal(dataset_err.text + strlen(dataset_path), sentence);
}

static const float MATRIX[] = { 1, 0, 2, 0.5f, 3, 1, 4, 1, 5, 0, 6, 2 };

static void matrices(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES, .label = "2", .weight = "4" };
	float bad[12];
	char bytes[512];
	const char *at;

	memcpy(bad, MATRIX, sizeof(bad));
	at = dataset_file("m.npy", bytes, npy(bytes, MATRIX, 3, 4));
	assert_int_equal(dataset_read_file(at, &o), 0);
	dataset_values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	dataset_classes_are("0,1", "0 1 0");
	assert_true(dataset_set.weights[0] == 0.5f && dataset_set.weights[2] == 2);
	assert_string_equal(dataset_set.feature_names[1], "x1");
	o.label = "5";
	file_refused(at, &o, ": --label '5': its columns have no names, but numbers from 1 to 4");
	o.label = NULL;
	file_refused(at, &o,
		": which column is the label? --label says its name or its number, from 1, and "
		"--labels a "
		"file of them");
	o.label = "4";
	assert_int_equal(dataset_read_file(at, &o), -EINVAL);
	assert_string_equal(dataset_err.text, "--weight: column 4 is --label's");
	o.label = "2";
	bad[4] = NAN;
	at = dataset_file("m.npy", bytes, npy(bytes, bad, 3, 4));
	file_refused(at, &o,
		": row 2: column 1: the value is missing ('nan'): --missing mean fills it in, "
		"--kind boosted "
		"has branches for it; or leave the row out");
	bad[4] = 3;
	bad[5] = 3e7f;
	at = dataset_file("m.npy", bytes, npy(bytes, bad, 3, 4));
	file_refused(at, &o,
		": row 2: column 2: the label is 30000000; beyond 16777216 whole numbers are not "
		"told "
		"apart");
	at = dataset_file("m.f32", MATRIX, sizeof(MATRIX));
	file_refused(at, &o, ": a .f32 file does not say how many columns a row has; a .npy does");
	o.model = &DATASET_INFO;
	o.group = "benign=0;attack=1";
	assert_int_equal(dataset_read_file(at, &o), 0);
	dataset_values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	dataset_classes_are("benign,attack", "0 1 0");
}

static void labels_in_a_file(void **state)
{
	static const char TEXT[] = "label\nx\ny\nx\n";
	struct dataset_options o = { .target = DATASET_CLASSES };
	char bytes[512], labels[64];
	const char *at;

	snprintf(labels, sizeof(labels), "%s", dataset_file("y.csv", TEXT, strlen(TEXT)));
	o.labels_path = labels;
	dataset_taken("a,b\n1,2\n3,4\n5,6\n", &o);
	dataset_values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	dataset_classes_are("x,y", "0 1 0");
	assert_int_equal(dataset_read_text("a,b\n1,2\n3,4\n", &o), -EINVAL);
	assert_string_equal(
		dataset_err.text + strlen(labels), strstr(dataset_err.text, ": 3 labels"));
	assert_non_null(strstr(dataset_err.text, "/rows.csv has 2 rows"));
	snprintf(labels, sizeof(labels), "%s",
		dataset_file("y.npy", bytes, npy(bytes, (const float[]){ 1, 0, 1 }, 3, 0)));
	at = dataset_file("x.npy", bytes, npy(bytes, MATRIX, 3, 4));
	assert_int_equal(dataset_read_file(at, &o), 0);
	assert_int_equal(dataset_set.n_features, 4);
	dataset_classes_are("0,1", "1 0 1");
	o.label = "1";
	assert_int_equal(dataset_read_file(at, &o), -EINVAL);
	assert_string_equal(dataset_err.text, "give only one of --label and --labels");
}

// --- Big files, the hash, and parts --------------------------------------------------------------

// 300000 rows of 4 columns, and a category that is sorted in the mapped file.
static void beyond_memory_the_same(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES, .memory_mib = 1 };
	const size_t n_rows = 100000;
	uint8_t hash[32];
	FILE *to;

	snprintf(dataset_path, sizeof(dataset_path), "%s/big.csv", dataset_dir);
	to = fopen(dataset_path, "w");
	assert_non_null(to);
	fprintf(to, "a,b,proto,label\n");
	for (size_t r = 0; r < n_rows; r++)
		fprintf(to, "%zu,%zu,%s,%c\n", r, r % 7, r % 3 ? "udp" : "zzz", 'x' + (int)(r % 2));
	fclose(to);
	assert_int_equal(dataset_read(dataset_path, &o, &dataset_set, &dataset_err), 0);
	assert_int_equal(dataset_set.n_rows, n_rows);
	memcpy(hash, dataset_set.sha256, sizeof(hash));
	for (size_t r = 0; r < n_rows; r++) {
		assert_true(dataset_set.values[3 * r] == (float)r);
		assert_true(dataset_set.values[3 * r + 2] == (float)(r % 3 == 0));
	}
	dataset_fini(&dataset_set);
	o.memory_mib = 64;
	assert_int_equal(dataset_read(dataset_path, &o, &dataset_set, &dataset_err), 0);
	assert_memory_equal(hash, dataset_set.sha256, sizeof(hash));
	dataset_fini(&dataset_set);
	o.memory_mib = 1;
	setenv("TMPDIR", "/nowhere", 1);
	assert_int_equal(dataset_read(dataset_path, &o, &dataset_set, &dataset_err), -ENOENT);
	assert_non_null(strstr(dataset_err.text,
		"/big.csv: /nowhere: no temporary file for the rows can be made there: No such "
		"file or "
		"directory; TMPDIR says where"));
	unsetenv("TMPDIR");
}

static void hash_is_of_what_is_read(void **state)
{
	uint8_t hash[32];

	dataset_taken("a,label\n1,x\n2,y\n3,x\n", &DATASET_OF_CLASSES);
	memcpy(hash, dataset_set.sha256, sizeof(hash));
	dataset_taken("label,other\n\"x\",1.0\ny,2\nx,3e0\n", &DATASET_OF_CLASSES);
	assert_memory_equal(hash, dataset_set.sha256, sizeof(hash));
	dataset_taken("a,label\n1,x\n2,x\n3,y\n", &DATASET_OF_CLASSES);
	assert_memory_not_equal(hash, dataset_set.sha256, sizeof(hash));
}

static void split_by_seed(void **state)
{
	struct dataset_part first, second, again, rest;
	char text[4096], *to = text + sprintf(text, "a,label\n");
	size_t n[3] = { 0 };

	for (int i = 0; i < 100; i++)
		to += sprintf(to, "%d,%s\n", i, i == 5 ? "once" : i % 10 ? "often" : "seldom");
	dataset_taken(text, &DATASET_OF_CLASSES);
	assert_int_equal(dataset_split(&dataset_set, 0.25, 7, &first, &second, &dataset_err), 0);
	assert_int_equal(first.n + second.n, 100);
	for (size_t i = 0; i < second.n; i++) {
		n[dataset_set.classes[second.index[i]]]++;
		assert_true(i == 0 || second.index[i] > second.index[i - 1]);
	}
	assert_int_equal(n[0], 22); // of 89
	assert_int_equal(n[1], 0);  // of 1
	assert_int_equal(n[2], 3);  // of 10
	assert_int_equal(dataset_split(&dataset_set, 0.25, 7, &rest, &again, &dataset_err), 0);
	assert_int_equal(again.n, second.n);
	assert_memory_equal(again.index, second.index, second.n * sizeof(*second.index));
	dataset_part_fini(&again);
	dataset_part_fini(&rest);
	assert_int_equal(dataset_split(&dataset_set, 0.25, 8, &rest, &again, &dataset_err), 0);
	assert_memory_not_equal(again.index, second.index, second.n * sizeof(*second.index));
	// These rows by this seed, on every machine.
	assert_memory_equal(second.index, ((const uint32_t[]){ 1, 4, 9, 11, 13 }), 20);
	dataset_part_fini(&again);
	dataset_part_fini(&rest);
	dataset_part_fini(&first);
	dataset_part_fini(&second);
	assert_int_equal(dataset_all(&dataset_set, &first, &dataset_err), 0);
	assert_int_equal(first.n, 100);
	assert_int_equal(first.index[99], 99);
	dataset_part_fini(&first);
}

static void split_that_cannot_be(void **state)
{
	const struct dataset_options o = { .target = DATASET_CLASSES, .allow_unlabelled = true };
	const struct dataset_options none = { .target = DATASET_NONE };
	struct dataset_part first, second;

	dataset_taken("a\n1\n", &none);
	assert_int_equal(
		dataset_split(&dataset_set, 0.5, 1, &first, &second, &dataset_err), -EINVAL);
	assert_string_equal(dataset_err.text + strlen(dataset_path),
		": 1 rows cannot be divided; two of a class at least are needed");
	assert_null(first.index);
	// Each class is in both, however small the share; rows without a label are in the first.
	dataset_taken("a,label\n1,x\n2,x\n3,y\n4,y\n5,\n6,\n7,\n", &o);
	assert_int_equal(dataset_split(&dataset_set, 1e-9, 1, &first, &second, &dataset_err), 0);
	assert_int_equal(second.n, 2);
	assert_int_not_equal(
		dataset_set.classes[second.index[0]], dataset_set.classes[second.index[1]]);
	assert_true(dataset_set.classes[second.index[0]] >= 0 &&
		dataset_set.classes[second.index[1]] >= 0);
	assert_int_equal(first.n, 5);
	dataset_part_fini(&first);
	dataset_part_fini(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matrices),
		cmocka_unit_test(labels_in_a_file),
		cmocka_unit_test(beyond_memory_the_same),
		cmocka_unit_test(hash_is_of_what_is_read),
		cmocka_unit_test(split_by_seed),
		cmocka_unit_test(split_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, dataset_set_up, dataset_tear_down);
}
