// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/interface.h"
#include "tests/cmocka.h"

#include <string.h>

#define ADVICE                                                                                     \
	"; store it under another name, or say --force (in the API \"force\": true) where all "    \
	"clients know"

static const char *const FEATURES[] = { "a", "b" }, *const SWAPPED[] = { "b", "a" };
static const char *const CLASSES[] = { "benign", "attack" }, *const OTHER[] = { "benign", "scan" };
static const char *const TEXTS[] = { "tcp", "udp" }, *const TURNED[] = { "udp", "tcp" };
static const struct model_texts MAP = { .feature = 1, .n_texts = 2, .texts = TEXTS };
static const struct model_texts TURNED_MAP = { .feature = 1, .n_texts = 2, .texts = TURNED };
static const struct model_info LIVE = { .n_features = 2,
	.n_outputs = 2,
	.feature_names = FEATURES,
	.class_labels = CLASSES,
	.n_class_labels = 2,
	.texts = &MAP,
	.n_texts = 1 };

static void refused(const struct model_info *wanted, const char *sentence)
{
	struct error err;

	assert_int_equal(interface_check(&LIVE, wanted, &err), -EINVAL);
	assert_string_equal(err.text, sentence);
}

static void the_same_is_taken(void **state)
{
	struct model_info wanted = LIVE;
	struct error err;

	wanted.accepts_missing = true;
	assert_int_equal(interface_check(&LIVE, &wanted, &err), 0);
}

static void what_differs_is_named(void **state)
{
	struct model_info wanted = LIVE;

	wanted.n_features = 3;
	wanted.n_outputs = 1;
	refused(&wanted, "it has 3 features and 1 outputs, the live version 2 and 2" ADVICE);
	wanted = LIVE;
	wanted.n_class_labels = 0;
	refused(&wanted, "it has 0 class labels, the live version 2" ADVICE);
	wanted = LIVE;
	wanted.class_labels = OTHER;
	refused(&wanted,
		"its class 1 (from 0) is 'scan', that of the live version 'attack'" ADVICE);
	wanted = LIVE;
	wanted.feature_names = SWAPPED;
	refused(&wanted, "its feature 0 (from 0) is 'b', that of the live version 'a'" ADVICE);
	wanted = LIVE;
	wanted.texts = &TURNED_MAP;
	refused(&wanted,
		"other numbers stand for the texts of its features than in the live "
		"version" ADVICE);
	wanted.n_texts = 0;
	refused(&wanted,
		"other numbers stand for the texts of its features than in the live "
		"version" ADVICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_taken),
		cmocka_unit_test(what_differs_is_named),
	};
	return cmocka_run_group_tests_name("interface", tests, NULL, NULL);
}
