// SPDX-License-Identifier: BSD-3-Clause
#include "infer/learn/data/dataset_part.h"
#include "tests/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/test_dataset_XXXXXX";
static char path[64];
static struct dataset set;
static struct error err;
static const struct dataset_options CLASSES = { .target = DATASET_CLASSES };

static const char *file(const char *name, const void *bytes, size_t n)
{
	static char given[2][64];
	static unsigned next;
	char *at = given[next++ % 2];
	FILE *to;

	snprintf(at, sizeof(given[0]), "%s/%s", dir, name);
	to = fopen(at, "wb");
	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, n, to), n);
	fclose(to);
	return at;
}

static int read_text(const char *text, const struct dataset_options *options)
{
	dataset_fini(&set);
	err.text[0] = '\0';
	snprintf(path, sizeof(path), "%s", file("rows.csv", text, strlen(text)));
	return dataset_read(path, options, &set, &err);
}

static void taken(const char *text, const struct dataset_options *options)
{
	if (read_text(text, options) != 0)
		fail_msg("%s", err.text);
}

// The sentence behind the path.
static void refused(const char *text, const struct dataset_options *options, const char *sentence)
{
	assert_true(read_text(text, options) < 0);
	assert_ptr_equal(strstr(err.text, path), err.text);
	assert_string_equal(err.text + strlen(path), sentence);
	assert_null(set.values);
	assert_null(set.memory);
}

static void values_are(const float *values, size_t n)
{
	assert_int_equal(set.n_rows * set.n_features, n);
	assert_memory_equal(set.values, values, n * sizeof(*values));
}

static void classes_are(const char *labels, const char *classes)
{
	char text[256] = "", *to = text;

	for (uint32_t c = 0; c < set.n_classes; c++)
		to += sprintf(to, "%s%s", c ? "," : "", set.class_labels[c]);
	assert_string_equal(text, labels);
	to = text;
	for (size_t r = 0; r < set.n_rows; r++)
		to += sprintf(to, "%s%d", r ? " " : "", set.classes[r]);
	assert_string_equal(text, classes);
}

// --- Labels --------------------------------------------------------------------------------------

static void label_by_name_default_and_number(void **state)
{
	const struct dataset_options named = { .target = DATASET_CLASSES, .label = "kind" };
	const struct dataset_options third = { .target = DATASET_CLASSES, .label = "3" };

	taken("a,b,label\n1,2,up\n3,4,down\n5,6,up\n", &CLASSES);
	values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	classes_are("down,up", "1 0 1");
	assert_string_equal(set.feature_names[1], "b");
	taken("kind,a,b\nup,1,2\ndown,3,4\nup,5,6\n", &named);
	values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	classes_are("down,up", "1 0 1");
	taken("1,2,up\n3,4,down\n5,6,up\n", &third);
	values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	assert_string_equal(set.feature_names[0], "x0");
	classes_are("down,up", "1 0 1");
	// "class" is a label where rows are learnt from, and so is the only column called as labels are.
	taken("a,class\n1,up\n2,down\n3,up\n", &CLASSES);
	assert_int_equal(set.n_features, 1);
	taken("a,ground_truth\n1,up\n2,down\n3,up\n", &CLASSES);
	assert_int_equal(set.n_features, 1);
	assert_string_equal(set.notes[0] + strlen(path), ": 'ground_truth' is a label: no feature");
	// Another column of labels is no feature.
	taken("a,activity,label\n1,web,up\n2,web,down\n3,dns,up\n", &CLASSES);
	assert_int_equal(set.n_features, 1);
	classes_are("down,up", "1 0 1");
}

static void label_that_is_not_there(void **state)
{
	const struct dataset_options named = { .target = DATASET_CLASSES, .label = "lable" };
	const struct dataset_options fourth = { .target = DATASET_CLASSES, .label = "4" };
	const struct dataset_options two = {
		.target = DATASET_CLASSES, .label = "c", .weight = "c"
	};
	const struct dataset_options dropped = {
		.target = DATASET_CLASSES, .label = "c", .rows.drop = "c"
	};

	refused("a,b\n1,2\n", &CLASSES,
		": which column is the label? --label says its name or its number, from 1, and "
		"--labels a file of them");
	refused("a,outcome,attack_cat\n1,2,3\n", &CLASSES,
		": several columns may be the label ('outcome', 'attack_cat'); --label says which");
	refused("a,label\n1,2\n", &named,
		": --label 'lable': no column of that name (is 'label' meant?), and no number from "
		"1 to "
		"2");
	refused("1,2,x\n", &fourth,
		": --label '4': no column of that name, for there is no header, and no number from "
		"1 to 3");
	refused("a,b,c\n1,2,3\n", &two, ": --weight: column 3 is named twice");
	refused("a,b,c\n1,2,3\n", &dropped, ": --label: column 3 is dropped by --drop");
}

static void labels_are_sorted(void **state)
{
	taken("a,label\n1,10\n2,9\n3,-1\n4,9.0\n5,1e1\n", &CLASSES);
	classes_are("-1,9,10", "2 1 0 1 2");
	taken("a,label\n1,10\n2,9\n3,b\n4,B\n5,10\n", &CLASSES);
	classes_are("10,9,B,b", "0 1 3 2 0");
	taken("a,label\n1,True\n2,False\n3,True\n", &CLASSES);
	classes_are("False,True", "1 0 1");
}

static void labels_in_groups(void **state)
{
	static const char TEXT[] = "a,label\n1,smurf\n2,normal\n3,back\n4,smurf\n5,normal\n";
	struct dataset_options o = { .target = DATASET_CLASSES, .group = "normal;attack=*" };

	taken(TEXT, &o);
	classes_are("normal,attack", "1 0 1 1 0");
	o.group = "dos=smurf,back";
	taken(TEXT, &o);
	classes_are("dos,normal", "0 1 0 0 1");
	o.group = "z=back";
	taken(TEXT, &o);
	classes_are("z,normal,smurf", "2 1 0 2 1");
	o.group = "big=2,3.0;1";
	taken("a,label\n1,2\n2,3\n3,1\n4,1.0\n", &o);
	classes_are("big,1", "0 0 1 1");
}

static void groups_refused(void **state)
{
	static const struct {
		const char *group, *sentence;
	} CASES[] = {
		{ "", "--group '': no group is named" },
		{ "a=x;;b=y", "--group '': a group has a name" },
		{ "a=", "--group 'a': a list of labels \"A,B,...\" is wanted" },
		{ "=x", "--group '': a group has a name" },
		{ "*", "--group '*': a group has a name" },
		{ "a=x;a=y", "--group 'a': two groups have that name" },
		{ "a=x;b=x", "--group 'x': that label is named twice" },
		{ "a=*;b=*", "--group 'b': * is in two groups" },
	};
	char sentence[200];
	struct dataset_options o = { .target = DATASET_CLASSES };

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		o.group = CASES[i].group;
		snprintf(sentence, sizeof(sentence),
			"%s; as in 'attack=neptune,smurf;normal;other=*'", CASES[i].sentence);
		assert_int_equal(read_text("a,label\n1,x\n2,y\n3,x\n", &o), -EINVAL);
		assert_string_equal(err.text, sentence);
	}
	o.group = "a=x;b=z";
	refused("a,label\n1,x\n2,y\n3,x\n", &o,
		": no row is of the class 'b', which --group names");
}

static void labels_missing(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	refused("a,label\n1,x\n2,\n3,y\n", &o,
		":3: column 2: the label is missing (''); each row needs one here");
	refused("a,label\n1,x\n2,NA\n3,y\n", &o,
		":3: column 2: the label is missing ('NA'); each row needs one here");
	refused("a,label\n", &o, ": no rows");
	o.allow_unlabelled = true;
	taken("a,label\n1,x\n2,?\n3,y\n4,y\n", &o);
	classes_are("x,y", "0 -1 1 1");
	assert_int_equal(set.n_unlabelled, 1);
	taken("a,label\n1,\n2,\n", &o);
	classes_are("", "-1 -1");
	assert_int_equal(set.n_unlabelled, 2);
	taken("a,b\n1,2\n", &o);
	assert_int_equal(set.target, DATASET_NONE);
	assert_null(set.classes);
	assert_int_equal(set.n_features, 2);
}

static void labels_of_one_kind(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	refused("a,label\n1,x\n2,x\n", &o,
		": all rows have the label 'x'; two different ones at least are needed");
	refused("a,label\n1,x\n2,y\n3,z\n", &o,
		": each of the 3 rows has a label of its own; there should be more rows than "
		"classes, "
		"or numbers as targets");
	o.allow_one_class = true;
	taken("a,label\n1,x\n2,x\n", &o);
	classes_are("x", "0 0");
	o = (struct dataset_options){ .target = DATASET_NUMBERS };
	refused("a,label\n1,2\n2,2\n", &o,
		": all rows have the target 2; two different ones at least are needed");
}

static void labels_that_are_numbers(void **state)
{
	struct dataset_options o = { .target = DATASET_NUMBERS, .label = "y" };

	taken("y,a\n1.5,1\n-2,2\n", &o);
	assert_true(set.numbers[0] == 1.5f && set.numbers[1] == -2);
	assert_null(set.classes);
	refused("y,a\n1.5,1\nx,2\n", &o,
		":3: column 1: the label is 'x', not a number; labels that are text are classes");
	refused("y,a\n1.5,1\ninf,2\n", &o,
		":3: column 1: the label is infinite; it should be a number");
	refused("y,a\n1.5,1\n,2\n", &o,
		":3: column 1: the label is missing (''); each row needs one here");
	o.allow_unlabelled = true;
	taken("y,a\n1.5,1\n,2\n3,3\n", &o);
	assert_true(isnan(set.numbers[1]));
	assert_int_equal(set.n_unlabelled, 1);
}

static void rows_alone(void **state)
{
	const struct dataset_options o = { .target = DATASET_NONE };

	taken("a,b,label\n1,2,x\n3,4,\n", &o);
	values_are((const float[]){ 1, 2, 3, 4 }, 4);
	assert_null(set.classes);
	assert_int_equal(set.n_classes, 0);
}

// --- Values --------------------------------------------------------------------------------------

static void columns_of_text_are_categories(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	taken("a,proto,label\n1,udp,x\n2,tcp,y\n3,udp,x\n4,arp,x\n", &o);
	values_are((const float[]){ 1, 2, 2, 1, 3, 2, 4, 0 }, 8);
	assert_int_equal(set.n_texts, 1);
	assert_int_equal(set.texts[0].feature, 1);
	assert_int_equal(set.texts[0].n_texts, 3);
	assert_string_equal(set.texts[0].texts[0], "arp");
	assert_string_equal(set.texts[0].texts[2], "udp");
	assert_true(set.texts[0].is_category && !set.texts[0].takes_unknown);
	assert_int_equal(set.texts[0].order[1], 1);
	// Numbers that are named, sorted as numbers; of a file without a header by its number.
	o.rows.categories = "2";
	o.label = "3";
	o.take_unknown = true;
	taken("1,10,x\n2,9,y\n3,10,x\n", &o);
	values_are((const float[]){ 1, 1, 2, 0, 3, 1 }, 6);
	assert_string_equal(set.texts[0].texts[0], "9");
	assert_true(set.texts[0].takes_unknown);
	// As NSL-KDD is: categories behind one another, what is dropped behind the label.
	o = (struct dataset_options){ .target = DATASET_CLASSES,
		.label = "4",
		.group = "normal;attack=*",
		.rows = { .drop = "5" } };
	taken("0,tcp,http,normal,20\n1,udp,private,neptune,21\n2,tcp,ftp,smurf,3\n", &o);
	values_are((const float[]){ 0, 0, 1, 1, 1, 2, 2, 0, 0 }, 9);
	classes_are("normal,attack", "0 1 1");
	assert_int_equal(set.n_texts, 2);
}

static void columns_of_text_and_numbers(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	refused("a,b,label\n1,2,x\n3,tcp,y\n", &o,
		":3: column 2: 'tcp' is text, but the rows before it have numbers in this column; "
		"--categories takes it all as text, --drop leaves it out");
	refused("a,b,label\n1,tcp,x\n3,6,y\n", &o,
		":3: column 2: '6' is a number, but the rows before it have text in this column; "
		"--categories takes it all as text, --drop leaves it out");
	refused("a;b;label\n1;1,5;x\n3;2,5;y\n", &o,
		":2: column 2 ('b') is '1,5', not a number: it has a decimal comma; numbers have a "
		"point "
		"(pandas: to_csv(decimal='.'))");
	o.rows.categories = "b";
	taken("a,b,label\n1,tcp,x\n3,6,y\n4,6,y\n", &o);
	values_are((const float[]){ 1, 1, 3, 0, 4, 0 }, 6);
	o.rows.categories = "label";
	refused("a,b,label\n1,2,x\n3,4,y\n", &o, ": --categories: column 3 is no feature");
	o.rows.categories = "c";
	refused("a,b,label\n1,2,x\n3,4,y\n", &o,
		": --categories 'c': no column of that name, and no number from 1 to 3");
}

static void too_many_texts(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };
	char *text = malloc(65536), *to = text;

	assert_non_null(text);
	to += sprintf(to, "at,label\n");
	for (int i = 0; i < DATASET_TEXTS_MAX + 1; i++)
		to += sprintf(to, "t%d,%c\n", i, 'x' + i % 2);
	refused(text, &o,
		":1026: column 1: more than 1024 different texts in this column; --drop leaves it "
		"out, "
		"--categories takes it all the same");
	o.rows.categories = "at";
	taken(text, &o);
	assert_int_equal(set.texts[0].n_texts, DATASET_TEXTS_MAX + 1);
	for (size_t r = 0; r < set.n_rows; r++) {
		char one[24];

		snprintf(one, sizeof(one), "t%zu", r);
		assert_string_equal(set.texts[0].texts[(int)set.values[r]], one);
	}
	free(text);
}

// The image could not hold them as they are, and later rows would not match.
static void texts_that_no_image_holds(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	refused("a,p,label\n1,tcp,x\n2,t\xe9l,y\n", &o,
		":3: column 2: the text 't?l' is not UTF-8, which iconv makes of other files");
	refused("a,p,label\n1,tcp,x\n2,\"t\nl\",y\n", &o,
		":3: column 2: the text 't?l' has a line break or another control character in it");
	refused("a,label\n1,x\n2,\xe9\n", &o,
		":3: column 2: the label '?' is not UTF-8, which iconv makes of other files");
	refused("a\xe9,label\n1,x\n2,y\n", &o,
		":1: the name 'a?' is not UTF-8, which iconv makes of other files");
	taken("\xc3\xa9,p,label\n1,t\xc3\xa9l,x\n2,udp,\xc3\xa9\n3,udp,x\n", &o);
	assert_string_equal(set.texts[0].texts[0], "t\xc3\xa9l");
	o.group = "ok=x;other=*";
	taken("a,label\n1,x\n2,\xe9\n3,x\n", &o);
	classes_are("ok,other", "0 1 0");
}

static void values_missing_and_infinite(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	refused("a,b,label\n1,,x\n3,4,y\n", &o,
		":2: column 2: the value is missing (''): --missing mean fills it in, --kind "
		"boosted has "
		"branches for it; or leave the row out");
	refused("a,b,label\n1,2,x\n3,nan,y\n", &o,
		":3: column 2: the value is missing ('nan'): --missing mean fills it in, --kind "
		"boosted "
		"has branches for it; or leave the row out");
	refused("a,b,label\n1,2,x\n3,-inf,y\n", &o,
		":3: column 2: the value is infinite ('-inf'), or too big for a float");
	refused("a,b,label\n1,2,x\n3,1e39,y\n", &o,
		":3: column 2: the value is infinite ('1e39'), or too big for a float");
	o.keep_missing = true;
	taken("a,b,label\n,tcp,x\n3,NA,y\n5,udp,y\n", &o);
	assert_true(isnan(set.values[0]) && isnan(set.values[3]));
	assert_true(set.values[1] == 0 && set.values[5] == 1);
	refused("a,b,label\n1,2,x\n3,inf,y\n", &o,
		":3: column 2: the value is infinite ('inf'), or too big for a float");
	o.rows.categories = "b";
	refused("a,b,label\n1,,x\n3,,y\n4,NA,y\n", &o,
		": column 'b' has no categories, for all its values are missing");
	// The smallest float, and what is below it.
	taken("a,label\n1e-45,x\n-1e-40,y\n1e-60,y\n", &CLASSES);
	values_are((const float[]){ 1e-45f, -1e-40f, 0 }, 3);
}

static void weights(void **state)
{
	const struct dataset_options o = { .target = DATASET_CLASSES, .weight = "w" };

	taken("w,a,label\n0.5,1,x\n2,2,y\n1,3,y\n", &o);
	values_are((const float[]){ 1, 2, 3 }, 3);
	assert_true(set.weights[0] == 0.5f && set.weights[1] == 2);
	refused("w,a,label\n1,1,x\n0,2,y\n", &o,
		":3: column 1: the weight is '0'; it should be a number above 0");
	refused("w,a,label\n1,1,x\n,2,y\n", &o,
		":3: column 1: the weight is ''; it should be a number above 0");
	taken("w,a,label\n1,1,x\n2,2,y\n3,3,y\n", &CLASSES);
	assert_int_equal(set.n_features, 2);
	assert_null(set.weights);
}

// --- A model's columns ---------------------------------------------------------------------------

static const char *const NAMES[] = { "bytes", "proto" }, *const PROTOS[] = { "udp", "tcp" },
			 *const LABELS[] = { "benign", "attack" };
static const uint32_t ORDER[] = { 1, 0 };
static const struct model_texts TEXTS = {
	.feature = 1, .n_texts = 2, .texts = PROTOS, .order = ORDER, .is_category = true
};
static const struct model_info INFO = { .name = "m",
	.n_features = 2,
	.feature_names = NAMES,
	.class_labels = LABELS,
	.n_class_labels = 2,
	.texts = &TEXTS,
	.n_texts = 1 };

static void rows_for_a_model(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES, .model = &INFO };

	taken("label,proto,bytes\nattack,tcp,10\nattack,udp,20\n", &o);
	values_are((const float[]){ 10, 1, 20, 0 }, 4);
	classes_are("benign,attack", "1 1");
	assert_ptr_equal(set.texts, &TEXTS);
	refused("label,proto,bites\nattack,tcp,10\n", &o,
		":1: the header lacks 1 of the model's 2 features: 'bytes' (it has 'bites'); "
		"rename them, "
		"or say by --columns which columns are the features");
	refused("label,proto,bytes\nattack,tpc,10\n", &o,
		":2: column 2: 'tpc' is none of the 2 texts that the model knows");
	refused("label,proto,bytes\natack,tcp,10\n", &o,
		":2: column 1: the label 'atack' is none of the model's 2 classes: 'benign', "
		"'attack'; did "
		"you mean 'attack'?; --group says which labels are one class");
	refused("label,proto,bytes\nattack,tcp,x\n", &o,
		":2: column 3 ('bytes') is 'x', not a number");
	refused("label,proto,bytes\nattack,tcp,\n", &o,
		":2: column 3: the value is missing (''), and what is done here with this model "
		"wants it: "
		"fill it in, or leave the row out");
	o.keep_missing = true; // but the model takes none
	refused("label,proto,bytes\nattack,tcp,\n", &o,
		":2: column 3: the value is missing (''), and what is done here with this model "
		"wants it: "
		"fill it in, or leave the row out");
	o.group = "benign=normal;attack=*";
	taken("label,proto,bytes\nneptune,tcp,10\nnormal,udp,20\n", &o);
	classes_are("benign,attack", "1 0");
}

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

	memcpy(to, "\x93NUMPY\x01\x00\x76\x00", 10);
	memset(to + 10, ' ', 118);
	memcpy(to + 10, dict, (size_t)n);
	to[127] = '\n';
	memcpy(to + 128, values, bytes);
	return 128 + bytes;
}

static int read_file(const char *at, const struct dataset_options *options)
{
	dataset_fini(&set);
	err.text[0] = '\0';
	snprintf(path, sizeof(path), "%s", at);
	return dataset_read(path, options, &set, &err);
}

static void file_refused(
	const char *at, const struct dataset_options *options, const char *sentence)
{
	assert_true(read_file(at, options) < 0);
	assert_string_equal(err.text + strlen(path), sentence);
}

static const float MATRIX[] = { 1, 0, 2, 0.5f, 3, 1, 4, 1, 5, 0, 6, 2 };

static void matrices(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES, .label = "2", .weight = "4" };
	float bad[12];
	char bytes[512];
	const char *at;

	memcpy(bad, MATRIX, sizeof(bad));
	at = file("m.npy", bytes, npy(bytes, MATRIX, 3, 4));
	assert_int_equal(read_file(at, &o), 0);
	values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	classes_are("0,1", "0 1 0");
	assert_true(set.weights[0] == 0.5f && set.weights[2] == 2);
	assert_string_equal(set.feature_names[1], "x1");
	o.label = "5";
	file_refused(at, &o, ": --label '5': its columns have no names, but numbers from 1 to 4");
	o.label = NULL;
	file_refused(at, &o,
		": which column is the label? --label says its name or its number, from 1, and "
		"--labels a "
		"file of them");
	o.label = "4";
	assert_int_equal(read_file(at, &o), -EINVAL);
	assert_string_equal(err.text, "--weight: column 4 is --label's");
	o.label = "2";
	bad[4] = NAN;
	at = file("m.npy", bytes, npy(bytes, bad, 3, 4));
	file_refused(at, &o,
		": row 2: column 1: the value is missing ('nan'): --missing mean fills it in, "
		"--kind boosted "
		"has branches for it; or leave the row out");
	bad[4] = 3;
	bad[5] = 3e7f;
	at = file("m.npy", bytes, npy(bytes, bad, 3, 4));
	file_refused(at, &o,
		": row 2: column 2: the label is 30000000; beyond 16777216 whole numbers are not "
		"told "
		"apart");
	at = file("m.f32", MATRIX, sizeof(MATRIX));
	file_refused(at, &o, ": a .f32 file does not say how many columns a row has; a .npy does");
	o.model = &INFO;
	o.group = "benign=0;attack=1";
	assert_int_equal(read_file(at, &o), 0);
	values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	classes_are("benign,attack", "0 1 0");
}

static void labels_in_a_file(void **state)
{
	static const char TEXT[] = "label\nx\ny\nx\n";
	struct dataset_options o = { .target = DATASET_CLASSES };
	char bytes[512], labels[64];
	const char *at;

	snprintf(labels, sizeof(labels), "%s", file("y.csv", TEXT, strlen(TEXT)));
	o.labels_path = labels;
	taken("a,b\n1,2\n3,4\n5,6\n", &o);
	values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	classes_are("x,y", "0 1 0");
	assert_int_equal(read_text("a,b\n1,2\n3,4\n", &o), -EINVAL);
	assert_string_equal(err.text + strlen(labels), strstr(err.text, ": 3 labels"));
	assert_non_null(strstr(err.text, "/rows.csv has 2 rows"));
	snprintf(labels, sizeof(labels), "%s",
		file("y.npy", bytes, npy(bytes, (const float[]){ 1, 0, 1 }, 3, 0)));
	at = file("x.npy", bytes, npy(bytes, MATRIX, 3, 4));
	assert_int_equal(read_file(at, &o), 0);
	assert_int_equal(set.n_features, 4);
	classes_are("0,1", "1 0 1");
	o.label = "1";
	assert_int_equal(read_file(at, &o), -EINVAL);
	assert_string_equal(err.text, "give only one of --label and --labels");
}

// --- Big files, the hash, and parts --------------------------------------------------------------

// 300000 rows of 4 columns, and a category that is sorted in the mapped file.
static void beyond_memory_the_same(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES, .memory_mib = 1 };
	const size_t n_rows = 100000;
	uint8_t hash[32];
	FILE *to;

	snprintf(path, sizeof(path), "%s/big.csv", dir);
	to = fopen(path, "w");
	assert_non_null(to);
	fprintf(to, "a,b,proto,label\n");
	for (size_t r = 0; r < n_rows; r++)
		fprintf(to, "%zu,%zu,%s,%c\n", r, r % 7, r % 3 ? "udp" : "zzz", 'x' + (int)(r % 2));
	fclose(to);
	assert_int_equal(dataset_read(path, &o, &set, &err), 0);
	assert_int_equal(set.n_rows, n_rows);
	memcpy(hash, set.sha256, sizeof(hash));
	for (size_t r = 0; r < n_rows; r++) {
		assert_true(set.values[3 * r] == (float)r);
		assert_true(set.values[3 * r + 2] == (float)(r % 3 == 0));
	}
	dataset_fini(&set);
	o.memory_mib = 64;
	assert_int_equal(dataset_read(path, &o, &set, &err), 0);
	assert_memory_equal(hash, set.sha256, sizeof(hash));
	dataset_fini(&set);
	o.memory_mib = 1;
	setenv("TMPDIR", "/nowhere", 1);
	assert_int_equal(dataset_read(path, &o, &set, &err), -ENOENT);
	assert_non_null(strstr(err.text,
		"/big.csv: /nowhere: no temporary file for the rows can be made there: No such "
		"file or "
		"directory; TMPDIR says where"));
	unsetenv("TMPDIR");
}

static void hash_is_of_what_is_read(void **state)
{
	uint8_t hash[32];

	taken("a,label\n1,x\n2,y\n3,x\n", &CLASSES);
	memcpy(hash, set.sha256, sizeof(hash));
	taken("label,other\n\"x\",1.0\ny,2\nx,3e0\n", &CLASSES);
	assert_memory_equal(hash, set.sha256, sizeof(hash));
	taken("a,label\n1,x\n2,x\n3,y\n", &CLASSES);
	assert_memory_not_equal(hash, set.sha256, sizeof(hash));
}

static void split_by_seed(void **state)
{
	struct dataset_part first, second, again, rest;
	char text[4096], *to = text + sprintf(text, "a,label\n");
	size_t n[3] = { 0 };

	for (int i = 0; i < 100; i++)
		to += sprintf(to, "%d,%s\n", i, i == 5 ? "once" : i % 10 ? "often" : "seldom");
	taken(text, &CLASSES);
	assert_int_equal(dataset_split(&set, 0.25, 7, &first, &second, &err), 0);
	assert_int_equal(first.n + second.n, 100);
	for (size_t i = 0; i < second.n; i++) {
		n[set.classes[second.index[i]]]++;
		assert_true(i == 0 || second.index[i] > second.index[i - 1]);
	}
	assert_int_equal(n[0], 22); // of 89
	assert_int_equal(n[1], 0);  // of 1
	assert_int_equal(n[2], 3);  // of 10
	assert_int_equal(dataset_split(&set, 0.25, 7, &rest, &again, &err), 0);
	assert_int_equal(again.n, second.n);
	assert_memory_equal(again.index, second.index, second.n * sizeof(*second.index));
	dataset_part_fini(&again);
	dataset_part_fini(&rest);
	assert_int_equal(dataset_split(&set, 0.25, 8, &rest, &again, &err), 0);
	assert_memory_not_equal(again.index, second.index, second.n * sizeof(*second.index));
	// These rows by this seed, on every machine.
	assert_memory_equal(second.index, ((const uint32_t[]){ 1, 4, 9, 11, 13 }), 20);
	dataset_part_fini(&again);
	dataset_part_fini(&rest);
	dataset_part_fini(&first);
	dataset_part_fini(&second);
	assert_int_equal(dataset_all(&set, &first, &err), 0);
	assert_int_equal(first.n, 100);
	assert_int_equal(first.index[99], 99);
	dataset_part_fini(&first);
}

static void split_that_cannot_be(void **state)
{
	const struct dataset_options o = { .target = DATASET_CLASSES, .allow_unlabelled = true };
	const struct dataset_options none = { .target = DATASET_NONE };
	struct dataset_part first, second;

	taken("a\n1\n", &none);
	assert_int_equal(dataset_split(&set, 0.5, 1, &first, &second, &err), -EINVAL);
	assert_string_equal(err.text + strlen(path),
		": 1 rows cannot be divided; two of a class at least are needed");
	assert_null(first.index);
	// Each class is in both, however small the share; rows without a label are in the first.
	taken("a,label\n1,x\n2,x\n3,y\n4,y\n5,\n6,\n7,\n", &o);
	assert_int_equal(dataset_split(&set, 1e-9, 1, &first, &second, &err), 0);
	assert_int_equal(second.n, 2);
	assert_int_not_equal(set.classes[second.index[0]], set.classes[second.index[1]]);
	assert_true(set.classes[second.index[0]] >= 0 && set.classes[second.index[1]] >= 0);
	assert_int_equal(first.n, 5);
	dataset_part_fini(&first);
	dataset_part_fini(&second);
}

static int set_up(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[300];

	dataset_fini(&set);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label_by_name_default_and_number),
		cmocka_unit_test(label_that_is_not_there),
		cmocka_unit_test(labels_are_sorted),
		cmocka_unit_test(labels_in_groups),
		cmocka_unit_test(groups_refused),
		cmocka_unit_test(labels_missing),
		cmocka_unit_test(labels_of_one_kind),
		cmocka_unit_test(labels_that_are_numbers),
		cmocka_unit_test(rows_alone),
		cmocka_unit_test(columns_of_text_are_categories),
		cmocka_unit_test(columns_of_text_and_numbers),
		cmocka_unit_test(too_many_texts),
		cmocka_unit_test(texts_that_no_image_holds),
		cmocka_unit_test(values_missing_and_infinite),
		cmocka_unit_test(weights),
		cmocka_unit_test(rows_for_a_model),
		cmocka_unit_test(matrices),
		cmocka_unit_test(labels_in_a_file),
		cmocka_unit_test(beyond_memory_the_same),
		cmocka_unit_test(hash_is_of_what_is_read),
		cmocka_unit_test(split_by_seed),
		cmocka_unit_test(split_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
