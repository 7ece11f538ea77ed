// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/push.h"
#include "tests/cmocka.h"

static int next(const char *answer, const char *name, uint32_t *version, struct error *err)
{
	json_t *json = json_loads(answer, 0, NULL);
	int rc;

	assert_non_null(json);
	rc = push_next_version(json, name, version, err);
	json_decref(json);
	return rc;
}

static void next_version_follows_the_highest(void **state)
{
	static const char answer[] =
		"{\"models\":[{\"name\":\"lab\",\"versions\":[{\"version\":9},{\"version\":2}]},"
		"{\"name\":\"other\",\"versions\":[]},"
		"{\"name\":\"full\",\"versions\":[{\"version\":65535},{\"version\":1}]}]}";
	struct error err;
	uint32_t version = 0;

	assert_int_equal(next(answer, "lab", &version, &err), 0);
	assert_int_equal(version, 10);
	assert_int_equal(next(answer, "other", &version, &err), 0);
	assert_int_equal(version, 1);
	assert_int_equal(next(answer, "new", &version, &err), 0);
	assert_int_equal(version, 1);
	assert_int_equal(next(answer, "full", &version, &err), -ERANGE);
}

static void next_version_of_another_answer(void **state)
{
	struct error err;
	uint32_t version;

	assert_int_equal(next("{}", "lab", &version, &err), -EINVAL);
	assert_int_equal(next("{\"models\":3}", "lab", &version, &err), -EINVAL);
}

static void free_id_is_the_lowest(void **state)
{
	json_t *answer = json_loads(
		"{\"models\":[{\"name\":\"a\",\"id\":1},{\"name\":\"b\",\"id\":null},"
		"{\"name\":\"c\",\"id\":3},{\"name\":\"d\",\"id\":2}]}",
		0, NULL);

	assert_non_null(answer);
	assert_int_equal(push_free_id(answer, "a"), 0);
	assert_int_equal(push_free_id(answer, "b"), 4);
	assert_int_equal(push_free_id(answer, "new"), 4);
	json_array_remove(json_object_get(answer, "models"), 0);
	assert_int_equal(push_free_id(answer, "new"), 1);
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_version_follows_the_highest),
		cmocka_unit_test(next_version_of_another_answer),
		cmocka_unit_test(free_id_is_the_lowest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
