// SPDX-License-Identifier: BSD-3-Clause
// Which of a signer's numbers were accepted: what comes may not go back, what is stored may be gone back to.
#include "ctl/server/operations/accepted.h"

#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct accepted_version THREE = { .version = 3, .number = 5, .sha256 = A };
static const struct accepted_version FOUR = { .version = 4, .number = 7, .sha256 = B };

static void what_is_written_is_read(void **state)
{
	struct accepted accepted, again;
	struct model_version versions[] = { { .version = 3 }, { .version = 4 } };
	struct model_entry entry = { .versions = versions, .n_versions = 2 };
	struct error err;
	char *text;

	assert_int_equal(accepted_parse(NULL, 0, &accepted, &err), 0);
	assert_int_equal(accepted.highest, 0);
	assert_int_equal(accepted_add(&accepted, &THREE, &entry), 0);
	assert_int_equal(accepted_add(&accepted, &FOUR, &entry), 0);
	text = accepted_format(&accepted);
	assert_string_equal(text, "martlet accepted 1\nhighest 7\n3 5 " A "\n4 7 " B "\n");
	assert_int_equal(accepted_parse(text, strlen(text), &again, &err), 0);
	assert_int_equal(again.highest, 7);
	assert_int_equal(again.n, 2);
	accepted_fini(&again);
	free(text);
	// A version that is stored no more is forgotten; the highest number is not.
	entry.versions = versions;
	entry.n_versions = 1;
	assert_int_equal(accepted_add(&accepted, &(struct accepted_version){ 5, 7, A }, &entry), 0);
	text = accepted_format(&accepted);
	assert_string_equal(text, "martlet accepted 1\nhighest 7\n3 5 " A "\n5 7 " A "\n");
	free(text);
	accepted_fini(&accepted);
}

static void what_is_bent_is_refused(void **state)
{
	static const char *const BENT[] = {
		"",
		"\n",
		"martlet accepted 1\n",
		"martlet accepted 2\nhighest 7\n",
		"martlet accepted 1\nhighest 0\n",
		"martlet accepted 1\nhighest 07\n",
		"martlet accepted 1\nhighest -7\n",
		"martlet accepted 1\nhighest 7",
		"martlet accepted 1\nhighest 9223372036854775808\n",
		"martlet accepted 1\nhighest 7\n\n",
		"martlet accepted 1\nhighest 7\n3 5 " A,
		"martlet accepted 1\nhighest 7\n3 5 aa\n",
		"martlet accepted 1\nhighest 7\n3 8 " A "\n", // more than the highest
		"martlet accepted 1\nhighest 7\n70000 5 " A "\n",
		"martlet accepted 1\nhighest 7\n3 5 " A "\n3 5 " A "\n",
		"martlet accepted 1\nhighest 7\n3  5 " A "\n",
	};
	struct accepted accepted;
	struct error err;

	for (size_t i = 0; i < sizeof(BENT) / sizeof(BENT[0]); i++) {
		assert_int_equal(
			accepted_parse(BENT[i], strlen(BENT[i]), &accepted, &err), -EINVAL);
		assert_null(accepted.versions);
	}
	assert_string_equal(err.text,
		"is no list of accepted versions as martletd writes it; with it goes what keeps "
		"older images away: put back a copy, or remove it to accept any version again");
}

static void check(uint16_t version, uint64_t number, const char *sha256, bool is_stored, int rc)
{
	static const char TEXT[] = "martlet accepted 1\nhighest 7\n3 5 " A "\n4 7 " B "\n";
	struct accepted_version one = { .version = version, .number = number };
	struct accepted accepted;
	struct error err;

	snprintf(one.sha256, sizeof(one.sha256), "%s", sha256);
	assert_int_equal(accepted_parse(TEXT, strlen(TEXT), &accepted, &err), 0);
	assert_int_equal(accepted_check(&accepted, &one, is_stored, &err), rc);
	accepted_fini(&accepted);
}

static void numbers_do_not_go_back(void **state)
{
	check(5, 8, A, false, 0);
	check(5, 7, A, false, 0);
	check(5, 6, A, false, -ESTALE);
	check(3, 5, A, false, -ESTALE); // sent anew, it was accepted once
	check(3, 5, A, true, 0);        // rolled back to
	check(3, 5, B, true, -ESTALE);  // other bytes lie there
	check(3, 4, A, true, -ESTALE);  // another signature lies there
	check(2, 5, A, true, -ESTALE);  // it was put there as another version
	check(2, 9, A, true, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_bent_is_refused),
		cmocka_unit_test(numbers_do_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
