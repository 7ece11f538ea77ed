// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/turn.h"

#include "base/clock.h"
#include "tests/cmocka.h"

#include <event2/event.h>
#include <string.h>

#define LONG_NS 2000000 // more than all turns of one turn of the event loop may take

struct one {
	struct turn turn;
	char name;
	int again; // times that it waits anew
	bool is_long;
};

static struct event_base *base;
static struct turns turns;
static char order[32];

static void go(void *arg)
{
	struct one *one = arg;
	const uint64_t begin = clock_ns();

	order[strlen(order)] = one->name;
	while (one->is_long && clock_ns() - begin < LONG_NS)
		;
	if (one->again-- > 0)
		assert_true(turn_wait(&turns, base, &one->turn));
}

static struct one make(char name, int again, bool is_long)
{
	return (struct one){ .turn.go = go, .name = name, .again = again, .is_long = is_long };
}

static void wait_for(struct one *one)
{
	one->turn.arg = one;
	assert_true(turn_wait(&turns, base, &one->turn));
}

static int set_up(void **state)
{
	base = event_base_new();
	turns = (struct turns){ 0 };
	memset(order, 0, sizeof(order));
	return base ? 0 : -1;
}

static int tear_down(void **state)
{
	turns_fini(&turns);
	event_base_free(base);
	return 0;
}

static void loop_until(size_t n)
{
	while (strlen(order) < n)
		event_base_loop(base, EVLOOP_ONCE);
}

static void they_come_one_after_the_other(void **state)
{
	struct one a = make('a', 2, false), b = make('b', 1, false), c = make('c', 0, false);

	wait_for(&a);
	wait_for(&b);
	wait_for(&c);
	wait_for(&a); // it keeps its place
	loop_until(6);
	assert_string_equal(order, "abcaba");
	assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 1); // nothing is left to do
}

static void long_ones_leave_the_loop_to_others(void **state)
{
	struct one a = make('a', 2, true), b = make('b', 2, true);

	wait_for(&a);
	wait_for(&b);
	for (size_t i = 1; i <= 6; i++) {
		loop_until(i);
		assert_int_equal(strlen(order), i);
	}
	assert_string_equal(order, "ababab");
}

static void who_has_left_is_not_called(void **state)
{
	struct one a = make('a', 0, false), b = make('b', 0, false);

	wait_for(&a);
	wait_for(&b);
	turn_leave(&turns, &a.turn);
	turn_leave(&turns, &a.turn);
	loop_until(1);
	assert_string_equal(order, "b");
	wait_for(&a);
	loop_until(2);
	assert_string_equal(order, "ba");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(they_come_one_after_the_other),
		CASE(long_ones_leave_the_loop_to_others), CASE(who_has_left_is_not_called) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
