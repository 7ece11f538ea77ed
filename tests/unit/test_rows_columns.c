// SPDX-License-Identifier: BSD-3-Clause
#include "base/rows.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const FLOW[] = { "duration", "src_bytes", "dst_bytes" };
static const char *const MADE_UP[] = { "x0", "x1", "x2" };
static const struct rows_options NAMED = { .n_columns = 3, .names = FLOW };
static const struct rows_options UNNAMED = { .n_columns = 3, .names = MADE_UP };

static char path[] = "/tmp/test_rows_columns_XXXXXX.csv";
static struct rows rows;
static struct error err;

static int read_text(const char *text, const struct rows_options *options)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	rows_fini(&rows);
	return rows_read(path, options, &rows, &err);
}

// The first row's values, and what must be noted (NULL: nothing).
static void row_is(float a, float b, float c, const char *note)
{
	assert_int_equal(rows.n_columns, 3);
	assert_true(rows.n_rows > 0);
	assert_true(rows.values[0] == a && rows.values[1] == b && rows.values[2] == c);
	assert_int_equal(rows.n_notes, note != NULL);
	if (note && !strstr(rows.notes[0], note))
		fail_msg("'%s' lacks '%s'", rows.notes[0], note);
}

// The sentence behind "path" must be this.
static void refused(int rc, const char *sentence)
{
	const char *text = strstr(err.text, path);

	assert_int_equal(rc, -EINVAL);
	assert_ptr_equal(text, err.text);
	assert_string_equal(text + strlen(path), sentence);
	assert_null(rows.values);
}

static struct rows_options drop(const struct rows_options *of, const char *columns)
{
	struct rows_options options = *of;

	options.drop = columns;
	return options;
}

static struct rows_options pick(const struct rows_options *of, const char *columns)
{
	struct rows_options options = *of;

	options.columns = columns;
	return options;
}

static void names_decide_the_order(void **state)
{
	assert_int_equal(read_text("duration,src_bytes,dst_bytes\n1,2,3\n", &NAMED), 0);
	row_is(1, 2, 3, NULL);
	assert_int_equal(read_text("dst_bytes,duration,src_bytes\n3,1,2\n", &NAMED), 0);
	row_is(1, 2, 3, "columns are not in the model's order: taken by their names");
	assert_string_equal(rows.names[0], "duration");
	assert_int_equal(read_text("x2;x0;x1\n3;1;2\n", &UNNAMED), 0);
	row_is(1, 2, 3, "taken by their names");
}

static void names_may_be_spelt_alike(void **state)
{
	static const char *const TWO[] = { "Fwd Bytes", "fwd_bytes", "n" };
	const struct rows_options two = { .n_columns = 3, .names = TWO };

	assert_int_equal(read_text("Duration,Src Bytes,dst-bytes\n1,2,3\n", &NAMED), 0);
	row_is(1, 2, 3, "3 of the names differ from the model's in case, blanks or signs only");
	// Both could be either.
	refused(read_text("FWD BYTES,fwd-bytes,n\n1,2,3\n", &two),
		":1: the header lacks 2 of the model's 3 features: 'Fwd Bytes', 'fwd_bytes' (it "
		"has 'fwd-bytes'); rename them, or say by --columns which columns are the "
		"features");
	assert_int_equal(read_text("fwd_bytes,Fwd Bytes,n\n1,2,3\n", &two), 0);
	row_is(2, 1, 3, "taken by their names");
}

static void other_names_are_refused(void **state)
{
	refused(read_text("duration,source_bytes,dts_bytes\n1,2,3\n", &NAMED),
		":1: the header lacks 2 of the model's 3 features: 'src_bytes', 'dst_bytes' (it "
		"has 'dts_bytes'); rename them, or say by --columns which columns are the "
		"features");
	refused(read_text("a,b,c\n1,2,3\n", &NAMED),
		":1: the header lacks 3 of the model's 3 features: 'duration', 'src_bytes', "
		"'dst_bytes'; rename them, or say by --columns which columns are the features");
	// Some of the names that were made up, but not all.
	refused(read_text("x1,x2,x3\n1,2,3\n", &UNNAMED),
		":1: the header lacks 1 of the model's 3 features: 'x0'; rename them, or say by "
		"--columns which columns are the features");
	refused(read_text("duration,src_bytes,dst_bytes,src_bytes\n1,2,3,4\n", &NAMED),
		":1: several columns are named 'src_bytes'; say by --columns which are the "
		"features");
}

static void made_up_names_are_positions(void **state)
{
	static const char *const FS[] = { "f0", "f1", "f2" };
	static const char *const COLUMNS[] = { "Column_0", "Column_1", "Column_2" };

	assert_int_equal(read_text("c,b,a\n1,2,3\n", &UNNAMED), 0);
	row_is(1, 2, 3, "no names of their own (x0, ...): columns are taken in the file's order");
	assert_int_equal(
		read_text("c,b,a\n1,2,3\n", &(struct rows_options){ .n_columns = 3, .names = FS }),
		0);
	row_is(1, 2, 3, "no names of their own");
	assert_int_equal(read_text("c,b,a\n1,2,3\n",
				 &(struct rows_options){ .n_columns = 3, .names = COLUMNS }),
		0);
	row_is(1, 2, 3, "no names of their own");
	assert_int_equal(read_text("1,2,3\n", &UNNAMED), 0);
	row_is(1, 2, 3, NULL);
	refused(read_text("c,b\n1,2\n", &UNNAMED), ":1: 2 feature columns, 3 are expected");
	refused(read_text("d,c,b,a\n1,2,3,4\n", &UNNAMED),
		":1: 4 feature columns, 3 are expected; --drop leaves columns out, by name or "
		"number");
}

static void numbers_are_no_header(void **state)
{
	assert_int_equal(read_text("1,,3\n4,5,6\n", &NAMED), 0);
	assert_int_equal(rows.n_rows, 2);
	assert_true(isnan(rows.values[1]));
	assert_int_equal(read_text("NA,2,?\n4,5,6\n", &NAMED), 0);
	assert_int_equal(rows.n_rows, 2);
	assert_int_equal(read_text(",,\n4,5,6\n", &NAMED), 0);
	assert_int_equal(rows.n_rows, 2);
	assert_int_equal(read_text("inf,nan,-1e3\n4,5,6\n", &NAMED), 0);
	assert_int_equal(rows.n_rows, 2);
	// Text among numbers is a mistake, or a row with a label, and no header.
	refused(read_text("1,2,3,normal\n4,5,6,attack\n", &NAMED),
		":1: 4 feature columns, 3 are expected; --drop leaves columns out, by name or "
		"number");
	refused(read_text("1,oops,3\n4,5,6\n", &NAMED),
		":1: column 2 is 'oops', not a number; if this line names the columns, say "
		"--header");
}

static void headers_of_numbers_are_asked_for(void **state)
{
	static const char *const PORTS[] = { "22", "80", "443" };
	struct rows_options options = UNNAMED;

	assert_int_equal(read_text("0,1,2\n4,5,6\n", &options), 0);
	assert_int_equal(rows.n_rows, 2);
	row_is(0, 1, 2,
		"the first line, 0,1,2,..., is read as a row; if it names the columns, say "
		"--header, and otherwise --no-header");
	options.no_header = true;
	assert_int_equal(read_text("0,1,2\n4,5,6\n", &options), 0);
	row_is(0, 1, 2, NULL);
	options.no_header = false;
	refused(read_text(",0,1,2\n0,4,5,6\n", &options),
		":1: 4 feature columns, 3 are expected; if this line names the columns, say "
		"--header");
	options.header = true;
	assert_int_equal(read_text("0,1,2\n4,5,6\n", &options), 0);
	assert_int_equal(rows.n_rows, 1);
	row_is(4, 5, 6, "in the file's order");
	assert_int_equal(read_text(",0,1,2\n7,4,5,6\n", &options), 0);
	assert_true(rows.n_rows == 1 && rows.values[0] == 4);
	// The model's own names are numbers.
	options = (struct rows_options){ .n_columns = 3, .names = PORTS };
	assert_int_equal(read_text("443,22,80\n4,5,6\n", &options), 0);
	assert_int_equal(rows.n_rows, 2);
	row_is(443, 22, 80,
		"the first line, whose numbers are the model's names, is read as a row");
	options.header = true;
	assert_int_equal(read_text("443,22,80\n4,5,6\n", &options), 0);
	assert_true(rows.n_rows == 1 && rows.values[0] == 5 && rows.values[2] == 4);
	options = UNNAMED;
	// One known name among the numbers is enough.
	options.header = false;
	assert_int_equal(read_text("0,1,2,label\n4,5,6,1\n", &options), 0);
	assert_true(rows.n_rows == 1 && rows.values[2] == 6);
	assert_string_equal(rows_text(&rows, "label")->values[0], "1");
}

static void labels_are_known_and_said(void **state)
{
	static const char *const Y[] = { "x", "y", "Class" };
	static const char *const NAMES[] = { "label", "Class", "TARGET", "y", "activity", "Outcome",
		"attack_cat", "isFraud", "Attack Type", "detailed-label", " Attack_label",
		"Is_Malicious" };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		char text[128], note[64];

		snprintf(text, sizeof(text), "duration,%s,src_bytes,dst_bytes\n1,some,2,3\n",
			NAMES[i]);
		snprintf(note, sizeof(note), ": '%s' is a label: no feature",
			NAMES[i] + strspn(NAMES[i], " "));
		assert_int_equal(read_text(text, &NAMED), 0);
		row_is(1, 2, 3, note);
		assert_string_equal(
			rows_text(&rows, NAMES[i] + strspn(NAMES[i], " "))->values[0], "some");
	}
	// Where the model has such a feature it is no label.
	assert_int_equal(read_text("x,y,Class\n1,2,3\n",
				 &(struct rows_options){ .n_columns = 3, .names = Y }),
		0);
	row_is(1, 2, 3, NULL);
	// Where nothing says how many features there are, only the plainest names are.
	assert_int_equal(read_text("a,b,attack,label\n1,2,3,4\n", NULL), 0);
	row_is(1, 2, 3, ": 'label' is a label: no feature");
	refused(read_text("a,b,y\n1,2,3\n", &UNNAMED),
		":1: 2 feature columns (and 1 of labels), 3 are expected; --drop leaves columns "
		"out, by name or number");
}

static void the_index_of_pandas_is_left_out(void **state)
{
	assert_int_equal(read_text(",duration,src_bytes,dst_bytes\n17,1,2,3\n", &NAMED), 0);
	row_is(1, 2, 3, "the first column has no name, as pandas' index: left out");
	assert_int_equal(read_text("Unnamed: 0,a,b,c\n0,1,2,3\n", &UNNAMED), 0);
	assert_true(rows.values[0] == 1 && rows.n_notes == 2);
	// A second one is not known for one.
	refused(read_text("duration,,src_bytes,dst_bytes\n1,9,2,3\n", &NAMED),
		":1: 1 columns beyond the model's features: ''; --drop leaves columns out, "
		"--columns picks them");
}

static void columns_beyond_are_dropped_when_told(void **state)
{
	struct rows_options options = drop(&NAMED, "id, \"a,b\"");
	static const char TEXT[] = "id,duration,src_bytes,\"a,b\",dst_bytes\nz,1,2,x,3\n";

	refused(read_text(TEXT, &NAMED),
		":1: 2 columns beyond the model's features: 'id', 'a,b'; --drop leaves columns "
		"out, --columns picks them");
	assert_int_equal(read_text(TEXT, &options), 0);
	row_is(1, 2, 3, NULL);
	options = drop(&NAMED, "1,4");
	assert_int_equal(read_text(TEXT, &options), 0);
	row_is(1, 2, 3, NULL);
	options = drop(&NAMED, "ID");
	refused(read_text(TEXT, &options),
		": --drop 'ID': no column of that name, and no number from 1 to 5");
	options = drop(&NAMED, "duratoin");
	refused(read_text(TEXT, &options),
		": --drop 'duratoin': no column of that name (is 'duration' meant?), and no number "
		"from 1 to 5");
	options = drop(&UNNAMED, "4-5");
	assert_int_equal(read_text("1,2,3,normal,21\n4,5,6,neptune,19\n", &options), 0);
	row_is(1, 2, 3, NULL);
	options = drop(&UNNAMED, "4-6");
	refused(read_text("1,2,3,normal,21\n", &options),
		": --drop '4-6': no column of that name, for there is no header, and no number "
		"from 1 to 5");
}

static void columns_are_picked_in_order(void **state)
{
	struct rows_options options = pick(&NAMED, "b,a,3");

	assert_int_equal(read_text("a,b,c,d\n1,2,3,x\n", &options), 0);
	row_is(2, 1, 3, "features are the columns that --columns names, in that order");
	options = pick(&NAMED, "duration,src_bytes,dst_bytes");
	assert_int_equal(read_text("dst_bytes,x,duration,src_bytes\n3,9,1,2\n", &options), 0);
	row_is(1, 2, 3, NULL);
	options = pick(&NAMED, "2-4");
	assert_int_equal(read_text("9,1,2,3\n", &options), 0);
	row_is(1, 2, 3, NULL);
	options = pick(&NAMED, "a,b");
	refused(read_text("a,b,c\n1,2,3\n", &options),
		": --columns picks 2 feature columns, 3 are expected");
	options = pick(&NAMED, "a,b,1");
	refused(read_text("a,b,c\n1,2,3\n", &options), ": --columns: column 1 is picked twice");
	options = pick(&NAMED, "a,b,c");
	refused(read_text("a,a,b,c\n1,2,3,4\n", &options),
		": --columns 'a': 2 columns have that name; say which by its number, from 1");
	options = pick(&NAMED, "\"a");
	refused(read_text("a,b,c\n1,2,3\n", &options),
		": --columns '\"a': a list \"A,B,...\" of at most 65536 names is wanted; names "
		"with commas stand in double quotes");
	// A number that is a name is one.
	options = pick(&NAMED, "1,3,2");
	assert_int_equal(read_text("1,2,3,label\n7,8,9,0\n", &options), 0);
	assert_true(rows.values[0] == 7 && rows.values[1] == 9 && rows.values[2] == 8);
}

static void a_hash_is_of_numpy(void **state)
{
	static const char *const HASH[] = { "# a", "b", "c" };

	assert_int_equal(read_text("# duration,src_bytes,dst_bytes\n1,2,3\n", &NAMED), 0);
	row_is(1, 2, 3, NULL);
	assert_int_equal(read_text("# a,b,c\n1,2,3\n",
				 &(struct rows_options){ .n_columns = 3, .names = HASH }),
		0);
	row_is(1, 2, 3, NULL);
}

static int set_up(void **state)
{
	int fd = mkstemps(path, 4);

	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	rows_fini(&rows);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_decide_the_order),
		cmocka_unit_test(names_may_be_spelt_alike),
		cmocka_unit_test(other_names_are_refused),
		cmocka_unit_test(made_up_names_are_positions),
		cmocka_unit_test(numbers_are_no_header),
		cmocka_unit_test(headers_of_numbers_are_asked_for),
		cmocka_unit_test(labels_are_known_and_said),
		cmocka_unit_test(the_index_of_pandas_is_left_out),
		cmocka_unit_test(columns_beyond_are_dropped_when_told),
		cmocka_unit_test(columns_are_picked_in_order),
		cmocka_unit_test(a_hash_is_of_numpy),
	};
	return cmocka_run_group_tests_name("rows_columns", tests, set_up, tear_down);
}
