// SPDX-License-Identifier: BSD-3-Clause
// Rows of a CSV: labels, values, and the columns of a model.
#include "tests/cmocka.h"
#include "tests/unit/dataset_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- Labels --------------------------------------------------------------------------------------

static void label_by_name_default_and_number(void **state)
{
	const struct dataset_options named = { .target = DATASET_CLASSES, .label = "kind" };
	const struct dataset_options third = { .target = DATASET_CLASSES, .label = "3" };

	dataset_taken("a,b,label\n1,2,up\n3,4,down\n5,6,up\n", &DATASET_OF_CLASSES);
	dataset_values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	dataset_classes_are("down,up", "1 0 1");
	assert_string_equal(dataset_set.feature_names[1], "b");
	dataset_taken("kind,a,b\nup,1,2\ndown,3,4\nup,5,6\n", &named);
	dataset_values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	dataset_classes_are("down,up", "1 0 1");
	dataset_taken("1,2,up\n3,4,down\n5,6,up\n", &third);
	dataset_values_are((const float[]){ 1, 2, 3, 4, 5, 6 }, 6);
	assert_string_equal(dataset_set.feature_names[0], "x0");
	dataset_classes_are("down,up", "1 0 1");
	// "class" is a label where rows are learnt from, and so is the only column called as labels are.
	dataset_taken("a,class\n1,up\n2,down\n3,up\n", &DATASET_OF_CLASSES);
	assert_int_equal(dataset_set.n_features, 1);
	dataset_taken("a,ground_truth\n1,up\n2,down\n3,up\n", &DATASET_OF_CLASSES);
	assert_int_equal(dataset_set.n_features, 1);
	assert_string_equal(dataset_set.notes[0] + strlen(dataset_path),
		": 'ground_truth' is a label: no feature");
	// Another column of labels is no feature.
	dataset_taken("a,activity,label\n1,web,up\n2,web,down\n3,dns,up\n", &DATASET_OF_CLASSES);
	assert_int_equal(dataset_set.n_features, 1);
	dataset_classes_are("down,up", "1 0 1");
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

	dataset_refused("a,b\n1,2\n", &DATASET_OF_CLASSES,
		": which column is the label? --label says its name or its number, from 1, and "
		"--labels a file of them");
	dataset_refused("a,outcome,attack_cat\n1,2,3\n", &DATASET_OF_CLASSES,
		": several columns may be the label ('outcome', 'attack_cat'); --label says which");
	dataset_refused("a,label\n1,2\n", &named,
		": --label 'lable': no column of that name (is 'label' meant?), and no number from "
		"1 to "
		"2");
	dataset_refused("1,2,x\n", &fourth,
		": --label '4': no column of that name, for there is no header, and no number from "
		"1 to 3");
	dataset_refused("a,b,c\n1,2,3\n", &two, ": --weight: column 3 is named twice");
	dataset_refused("a,b,c\n1,2,3\n", &dropped, ": --label: column 3 is dropped by --drop");
}

static void labels_are_sorted(void **state)
{
	dataset_taken("a,label\n1,10\n2,9\n3,-1\n4,9.0\n5,1e1\n", &DATASET_OF_CLASSES);
	dataset_classes_are("-1,9,10", "2 1 0 1 2");
	dataset_taken("a,label\n1,10\n2,9\n3,b\n4,B\n5,10\n", &DATASET_OF_CLASSES);
	dataset_classes_are("10,9,B,b", "0 1 3 2 0");
	dataset_taken("a,label\n1,True\n2,False\n3,True\n", &DATASET_OF_CLASSES);
	dataset_classes_are("False,True", "1 0 1");
}

static void labels_in_groups(void **state)
{
	static const char TEXT[] = "a,label\n1,smurf\n2,normal\n3,back\n4,smurf\n5,normal\n";
	struct dataset_options o = { .target = DATASET_CLASSES, .group = "normal;attack=*" };

	dataset_taken(TEXT, &o);
	dataset_classes_are("normal,attack", "1 0 1 1 0");
	o.group = "dos=smurf,back";
	dataset_taken(TEXT, &o);
	dataset_classes_are("dos,normal", "0 1 0 0 1");
	o.group = "z=back";
	dataset_taken(TEXT, &o);
	dataset_classes_are("z,normal,smurf", "2 1 0 2 1");
	o.group = "big=2,3.0;1";
	dataset_taken("a,label\n1,2\n2,3\n3,1\n4,1.0\n", &o);
	dataset_classes_are("big,1", "0 0 1 1");
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
		assert_int_equal(dataset_read_text("a,label\n1,x\n2,y\n3,x\n", &o), -EINVAL);
		assert_string_equal(dataset_err.text, sentence);
	}
	o.group = "a=x;b=z";
	dataset_refused("a,label\n1,x\n2,y\n3,x\n", &o,
		": no row is of the class 'b', which --group names");
}

static void labels_missing(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	dataset_refused("a,label\n1,x\n2,\n3,y\n", &o,
		":3: column 2: the label is missing (''); each row needs one here");
	dataset_refused("a,label\n1,x\n2,NA\n3,y\n", &o,
		":3: column 2: the label is missing ('NA'); each row needs one here");
	dataset_refused("a,label\n", &o, ": no rows");
	o.allow_unlabelled = true;
	dataset_taken("a,label\n1,x\n2,?\n3,y\n4,y\n", &o);
	dataset_classes_are("x,y", "0 -1 1 1");
	assert_int_equal(dataset_set.n_unlabelled, 1);
	dataset_taken("a,label\n1,\n2,\n", &o);
	dataset_classes_are("", "-1 -1");
	assert_int_equal(dataset_set.n_unlabelled, 2);
	dataset_taken("a,b\n1,2\n", &o);
	assert_int_equal(dataset_set.target, DATASET_NONE);
	assert_null(dataset_set.classes);
	assert_int_equal(dataset_set.n_features, 2);
}

static void labels_of_one_kind(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	dataset_refused("a,label\n1,x\n2,x\n", &o,
		": all rows have the label 'x'; two different ones at least are needed");
	dataset_refused("a,label\n1,x\n2,y\n3,z\n", &o,
		": each of the 3 rows has a label of its own; there should be more rows than "
		"classes, "
		"or numbers as targets");
	o.allow_one_class = true;
	dataset_taken("a,label\n1,x\n2,x\n", &o);
	dataset_classes_are("x", "0 0");
	o = (struct dataset_options){ .target = DATASET_NUMBERS };
	dataset_refused("a,label\n1,2\n2,2\n", &o,
		": all rows have the target 2; two different ones at least are needed");
}

static void labels_that_are_numbers(void **state)
{
	struct dataset_options o = { .target = DATASET_NUMBERS, .label = "y" };

	dataset_taken("y,a\n1.5,1\n-2,2\n", &o);
	assert_true(dataset_set.numbers[0] == 1.5f && dataset_set.numbers[1] == -2);
	assert_null(dataset_set.classes);
	dataset_refused("y,a\n1.5,1\nx,2\n", &o,
		":3: column 1: the label is 'x', not a number; labels that are text are classes");
	dataset_refused("y,a\n1.5,1\ninf,2\n", &o,
		":3: column 1: the label is infinite; it should be a number");
	dataset_refused("y,a\n1.5,1\n,2\n", &o,
		":3: column 1: the label is missing (''); each row needs one here");
	o.allow_unlabelled = true;
	dataset_taken("y,a\n1.5,1\n,2\n3,3\n", &o);
	assert_true(isnan(dataset_set.numbers[1]));
	assert_int_equal(dataset_set.n_unlabelled, 1);
}

static void rows_alone(void **state)
{
	const struct dataset_options o = { .target = DATASET_NONE };

	dataset_taken("a,b,label\n1,2,x\n3,4,\n", &o);
	dataset_values_are((const float[]){ 1, 2, 3, 4 }, 4);
	assert_null(dataset_set.classes);
	assert_int_equal(dataset_set.n_classes, 0);
}

// --- Values --------------------------------------------------------------------------------------

static void columns_of_text_are_categories(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	dataset_taken("a,proto,label\n1,udp,x\n2,tcp,y\n3,udp,x\n4,arp,x\n", &o);
	dataset_values_are((const float[]){ 1, 2, 2, 1, 3, 2, 4, 0 }, 8);
	assert_int_equal(dataset_set.n_texts, 1);
	assert_int_equal(dataset_set.texts[0].feature, 1);
	assert_int_equal(dataset_set.texts[0].n_texts, 3);
	assert_string_equal(dataset_set.texts[0].texts[0], "arp");
	assert_string_equal(dataset_set.texts[0].texts[2], "udp");
	assert_true(dataset_set.texts[0].is_category && !dataset_set.texts[0].takes_unknown);
	assert_int_equal(dataset_set.texts[0].order[1], 1);
	// Numbers that are named, sorted as numbers; of a file without a header by its number.
	o.rows.categories = "2";
	o.label = "3";
	o.take_unknown = true;
	dataset_taken("1,10,x\n2,9,y\n3,10,x\n", &o);
	dataset_values_are((const float[]){ 1, 1, 2, 0, 3, 1 }, 6);
	assert_string_equal(dataset_set.texts[0].texts[0], "9");
	assert_true(dataset_set.texts[0].takes_unknown);
	// As NSL-KDD is: categories behind one another, what is dropped behind the label.
	o = (struct dataset_options){ .target = DATASET_CLASSES,
		.label = "4",
		.group = "normal;attack=*",
		.rows = { .drop = "5" } };
	dataset_taken("0,tcp,http,normal,20\n1,udp,private,neptune,21\n2,tcp,ftp,smurf,3\n", &o);
	dataset_values_are((const float[]){ 0, 0, 1, 1, 1, 2, 2, 0, 0 }, 9);
	dataset_classes_are("normal,attack", "0 1 1");
	assert_int_equal(dataset_set.n_texts, 2);
}

static void columns_of_text_and_numbers(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	dataset_refused("a,b,label\n1,2,x\n3,tcp,y\n", &o,
		":3: column 2: 'tcp' is text, but the rows before it have numbers in this column; "
		"--categories takes it all as text, --drop leaves it out");
	dataset_refused("a,b,label\n1,tcp,x\n3,6,y\n", &o,
		":3: column 2: '6' is a number, but the rows before it have text in this column; "
		"--categories takes it all as text, --drop leaves it out");
	dataset_refused("a;b;label\n1;1,5;x\n3;2,5;y\n", &o,
		":2: column 2 ('b') is '1,5', not a number: it has a decimal comma; numbers have a "
		"point "
		"(pandas: to_csv(decimal='.'))");
	o.rows.categories = "b";
	dataset_taken("a,b,label\n1,tcp,x\n3,6,y\n4,6,y\n", &o);
	dataset_values_are((const float[]){ 1, 1, 3, 0, 4, 0 }, 6);
	o.rows.categories = "label";
	dataset_refused("a,b,label\n1,2,x\n3,4,y\n", &o, ": --categories: column 3 is no feature");
	o.rows.categories = "c";
	dataset_refused("a,b,label\n1,2,x\n3,4,y\n", &o,
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
	dataset_refused(text, &o,
		":1026: column 1: more than 1024 different texts in this column; --drop leaves it "
		"out, "
		"--categories takes it all the same");
	o.rows.categories = "at";
	dataset_taken(text, &o);
	assert_int_equal(dataset_set.texts[0].n_texts, DATASET_TEXTS_MAX + 1);
	for (size_t r = 0; r < dataset_set.n_rows; r++) {
		char one[24];

		snprintf(one, sizeof(one), "t%zu", r);
		assert_string_equal(dataset_set.texts[0].texts[(int)dataset_set.values[r]], one);
	}
	free(text);
}

// The image could not hold them as they are, and later rows would not match.
static void texts_that_no_image_holds(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	dataset_refused("a,p,label\n1,tcp,x\n2,t\xe9l,y\n", &o,
		":3: column 2: the text 't?l' is not UTF-8, which iconv makes of other files");
	dataset_refused("a,p,label\n1,tcp,x\n2,\"t\nl\",y\n", &o,
		":3: column 2: the text 't?l' has a line break or another control character in it");
	dataset_refused("a,label\n1,x\n2,\xe9\n", &o,
		":3: column 2: the label '?' is not UTF-8, which iconv makes of other files");
	dataset_refused("a\xe9,label\n1,x\n2,y\n", &o,
		":1: the name 'a?' is not UTF-8, which iconv makes of other files");
	dataset_taken("\xc3\xa9,p,label\n1,t\xc3\xa9l,x\n2,udp,\xc3\xa9\n3,udp,x\n", &o);
	assert_string_equal(dataset_set.texts[0].texts[0], "t\xc3\xa9l");
	o.group = "ok=x;other=*";
	dataset_taken("a,label\n1,x\n2,\xe9\n3,x\n", &o);
	dataset_classes_are("ok,other", "0 1 0");
}

static void values_missing_and_infinite(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES };

	dataset_refused("a,b,label\n1,,x\n3,4,y\n", &o,
		":2: column 2: the value is missing (''): --missing mean fills it in, --kind "
		"boosted has "
		"branches for it; or leave the row out");
	dataset_refused("a,b,label\n1,2,x\n3,nan,y\n", &o,
		":3: column 2: the value is missing ('nan'): --missing mean fills it in, --kind "
		"boosted "
		"has branches for it; or leave the row out");
	dataset_refused("a,b,label\n1,2,x\n3,-inf,y\n", &o,
		":3: column 2: the value is infinite ('-inf'), or too big for a float");
	dataset_refused("a,b,label\n1,2,x\n3,1e39,y\n", &o,
		":3: column 2: the value is infinite ('1e39'), or too big for a float");
	o.keep_missing = true;
	dataset_taken("a,b,label\n,tcp,x\n3,NA,y\n5,udp,y\n", &o);
	assert_true(isnan(dataset_set.values[0]) && isnan(dataset_set.values[3]));
	assert_true(dataset_set.values[1] == 0 && dataset_set.values[5] == 1);
	dataset_refused("a,b,label\n1,2,x\n3,inf,y\n", &o,
		":3: column 2: the value is infinite ('inf'), or too big for a float");
	o.rows.categories = "b";
	dataset_refused("a,b,label\n1,,x\n3,,y\n4,NA,y\n", &o,
		": column 'b' has no categories, for all its values are missing");
	// The smallest float, and what is below it.
	dataset_taken("a,label\n1e-45,x\n-1e-40,y\n1e-60,y\n", &DATASET_OF_CLASSES);
	dataset_values_are((const float[]){ 1e-45f, -1e-40f, 0 }, 3);
}

static void weights(void **state)
{
	const struct dataset_options o = { .target = DATASET_CLASSES, .weight = "w" };

	dataset_taken("w,a,label\n0.5,1,x\n2,2,y\n1,3,y\n", &o);
	dataset_values_are((const float[]){ 1, 2, 3 }, 3);
	assert_true(dataset_set.weights[0] == 0.5f && dataset_set.weights[1] == 2);
	dataset_refused("w,a,label\n1,1,x\n0,2,y\n", &o,
		":3: column 1: the weight is '0'; it should be a number above 0");
	dataset_refused("w,a,label\n1,1,x\n,2,y\n", &o,
		":3: column 1: the weight is ''; it should be a number above 0");
	dataset_taken("w,a,label\n1,1,x\n2,2,y\n3,3,y\n", &DATASET_OF_CLASSES);
	assert_int_equal(dataset_set.n_features, 2);
	assert_null(dataset_set.weights);
}

// --- A model's columns ---------------------------------------------------------------------------

static void rows_for_a_model(void **state)
{
	struct dataset_options o = { .target = DATASET_CLASSES, .model = &DATASET_INFO };

	dataset_taken("label,proto,bytes\nattack,tcp,10\nattack,udp,20\n", &o);
	dataset_values_are((const float[]){ 10, 1, 20, 0 }, 4);
	dataset_classes_are("benign,attack", "1 1");
	assert_ptr_equal(dataset_set.texts, DATASET_INFO.texts);
	dataset_refused("label,proto,bites\nattack,tcp,10\n", &o,
		":1: the header lacks 1 of the model's 2 features: 'bytes' (it has 'bites'); "
		"rename them, "
		"or say by --columns which columns are the features");
	dataset_refused("label,proto,bytes\nattack,tpc,10\n", &o,
		":2: column 2: 'tpc' is none of the 2 texts that the model knows");
	dataset_refused("label,proto,bytes\natack,tcp,10\n", &o,
		":2: column 1: the label 'atack' is none of the model's 2 classes: 'benign', "
		"'attack'; did "
		"you mean 'attack'?; --group says which labels are one class");
	dataset_refused("label,proto,bytes\nattack,tcp,x\n", &o,
		":2: column 3 ('bytes') is 'x', not a number");
	dataset_refused("label,proto,bytes\nattack,tcp,\n", &o,
		":2: column 3: the value is missing (''), and what is done here with this model "
		"wants it: "
		"fill it in, or leave the row out");
	o.keep_missing = true; // but the model takes none
	dataset_refused("label,proto,bytes\nattack,tcp,\n", &o,
		":2: column 3: the value is missing (''), and what is done here with this model "
		"wants it: "
		"fill it in, or leave the row out");
	o.group = "benign=normal;attack=*";
	dataset_taken("label,proto,bytes\nneptune,tcp,10\nnormal,udp,20\n", &o);
	dataset_classes_are("benign,attack", "1 0");
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
	};

	return cmocka_run_group_tests(tests, dataset_set_up, dataset_tear_down);
}
