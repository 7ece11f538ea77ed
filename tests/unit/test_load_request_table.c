// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/load/request_table.h"
#include "tests/cmocka.h"

#include <stdlib.h>

static struct request_table table;

static int setup(void **state)
{
	return request_table_init(&table, 4);
}

static int teardown(void **state)
{
	request_table_fini(&table);
	return 0;
}

static uint64_t add(uint64_t sent_cycles)
{
	struct request *request = request_add(&table);

	assert_non_null(request);
	request->sent_cycles = sent_cycles;
	return request->id;
}

static void ids_never_repeat_while_slots_do(void **state)
{
	struct request out;
	uint64_t before = 0;

	for (int i = 0; i < 100; i++) {
		const uint64_t id = add(1);

		assert_true(id > before);
		before = id;
		assert_int_equal(request_take(&table, id, &out), REQUEST_FOUND);
		assert_true(out.id == id);
	}
	assert_int_equal(table.outstanding, 0);
}

static void slots_run_out_and_come_back(void **state)
{
	uint64_t ids[4];
	struct request out;

	for (int i = 0; i < 4; i++)
		ids[i] = add(1);
	assert_null(request_add(&table));
	assert_int_equal(table.outstanding, 4);
	assert_int_equal(request_take(&table, ids[2], &out), REQUEST_FOUND);
	assert_non_null(request_add(&table));
	assert_null(request_add(&table));
}

static void answers_are_told_apart(void **state)
{
	const uint64_t answered = add(1), lost = add(2), waiting = add(3);
	struct request out;

	assert_int_equal(request_take(&table, answered, &out), REQUEST_FOUND);
	assert_int_equal(request_take(&table, answered, &out), REQUEST_DUPLICATE);
	assert_true(request_expire(&table, 2, &out));
	assert_true(out.id == lost);
	assert_int_equal(request_take(&table, lost, &out), REQUEST_LATE);
	assert_int_equal(request_take(&table, waiting, &out), REQUEST_FOUND);
	assert_int_equal(request_take(&table, 0, &out), REQUEST_UNKNOWN);
	assert_int_equal(request_take(&table, UINT64_MAX, &out), REQUEST_UNKNOWN);
	assert_int_equal(request_take(&table, REQUEST_SLOTS_MAX - 1, &out), REQUEST_UNKNOWN);
	// A slot that exists, under a sequence number that does not yet.
	assert_int_equal(request_take(&table, waiting + (1ull << REQUEST_SLOT_BITS) * 9, &out),
		REQUEST_UNKNOWN);
}

static void oldest_expires_first_and_only_when_due(void **state)
{
	const uint64_t first = add(10), middle = add(20), last = add(30);
	struct request out;

	assert_false(request_expire(&table, 9, &out));
	assert_int_equal(request_take(&table, middle, &out), REQUEST_FOUND); // out of order
	assert_true(request_expire(&table, 10, &out));
	assert_true(out.id == first);
	assert_false(request_expire(&table, 29, &out));
	assert_true(request_expire(&table, UINT64_MAX, &out));
	assert_true(out.id == last);
	assert_false(request_expire(&table, UINT64_MAX, &out));
}

// Against a plain list that does the same slowly.
static void random_order_keeps_the_list_whole(void **state)
{
	uint64_t waiting[4], stamp = 0;
	unsigned seed = 3;
	uint32_t n = 0;

	for (int i = 0; i < 20000; i++) {
		struct request out;

		seed = seed * 1103515245 + 12345;
		if (n < 4 && (seed >> 16 & 1)) {
			waiting[n++] = add(++stamp);
		} else if (n && (seed >> 17 & 1)) {
			const uint32_t at = (seed >> 18) % n;

			assert_int_equal(request_take(&table, waiting[at], &out), REQUEST_FOUND);
			for (uint32_t k = at; k + 1 < n; k++)
				waiting[k] = waiting[k + 1];
			n--;
		} else if (n) {
			assert_true(request_expire(&table, UINT64_MAX, &out));
			assert_true(out.id == waiting[0]);
			for (uint32_t k = 0; k + 1 < n; k++)
				waiting[k] = waiting[k + 1];
			n--;
		}
		assert_int_equal(table.outstanding, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ids_never_repeat_while_slots_do, setup, teardown),
		cmocka_unit_test_setup_teardown(slots_run_out_and_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(
			oldest_expires_first_and_only_when_due, setup, teardown),
		cmocka_unit_test_setup_teardown(random_order_keeps_the_list_whole, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
