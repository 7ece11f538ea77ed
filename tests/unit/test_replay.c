// SPDX-License-Identifier: BSD-3-Clause
// Requests that wait for their replies while a capture is replayed. What the rest of a replay says is proved by
// tests/smoke/replay.py, beside a count by hand.
#include "ctl/tool/replay_pending.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>

static struct replay_pending *pending;
static struct error err;

static struct replay_pending_key key(uint64_t id, uint16_t port)
{
	struct replay_pending_key key = { .request_id = id, .model = 7, .ip_version = 4 };

	key.client.port = port;
	return key;
}

static bool put(uint64_t id, uint16_t port, const char *bytes, size_t size)
{
	const struct replay_pending_key k = key(id, port);

	return replay_pending_put(pending, &k, id + 1, bytes, size);
}

static char *take(uint64_t id, uint16_t port)
{
	const struct replay_pending_key k = key(id, port);
	uint64_t packet = 0;
	size_t size = 0;
	char *bytes = replay_pending_take(pending, &k, &packet, &size);

	if (bytes)
		assert_int_equal(packet, id + 1);
	return bytes;
}

static int create(void **state)
{
	return replay_pending_create(0, &pending, &err);
}

static int destroy(void **state)
{
	replay_pending_destroy(pending);
	return 0;
}

static void each_reply_finds_its_request_once(void **state)
{
	char *bytes;

	assert_true(put(1, 10, "a", 2));
	assert_true(put(1, 11, "b", 2)); // another client with the same id
	assert_true(put(2, 10, "c", 2));
	assert_null(take(3, 10));
	bytes = take(1, 11);
	assert_string_equal(bytes, "b");
	free(bytes);
	assert_null(take(1, 11));
	bytes = take(1, 10);
	assert_string_equal(bytes, "a");
	free(bytes);
	assert_int_equal(replay_pending_left(pending), 1);
	assert_int_equal(replay_pending_forgotten(pending), 0);
}

static void a_retry_takes_the_place_of_its_first(void **state)
{
	char *bytes;

	assert_true(put(1, 10, "first", 6));
	assert_true(put(1, 10, "again", 6));
	assert_int_equal(replay_pending_left(pending), 1);
	bytes = take(1, 10);
	assert_string_equal(bytes, "again");
	free(bytes);
	assert_null(take(1, 10));
}

static void beyond_their_number_the_oldest_go(void **state)
{
	for (uint64_t i = 0; i < REPLAY_PENDING_MAX + 5; i++)
		assert_true(put(i, 10, "x", 2));
	assert_int_equal(replay_pending_left(pending), REPLAY_PENDING_MAX);
	assert_int_equal(replay_pending_forgotten(pending), 5);
	assert_null(take(4, 10));
	free(take(5, 10));
	assert_int_equal(replay_pending_left(pending), REPLAY_PENDING_MAX - 1);
}

static void beyond_their_bytes_the_oldest_go(void **state)
{
	const size_t size = REPLAY_PENDING_BYTES / 4;
	char *large = calloc(1, size);
	void *bytes;

	for (uint64_t i = 0; i < 6; i++)
		assert_true(put(i, 10, large, size));
	assert_int_equal(replay_pending_left(pending), 4);
	assert_int_equal(replay_pending_forgotten(pending), 2);
	assert_null(take(1, 10));
	bytes = take(2, 10);
	assert_non_null(bytes);
	free(bytes);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_reply_finds_its_request_once, create, destroy),
		cmocka_unit_test_setup_teardown(
			a_retry_takes_the_place_of_its_first, create, destroy),
		cmocka_unit_test_setup_teardown(beyond_their_number_the_oldest_go, create, destroy),
		cmocka_unit_test_setup_teardown(beyond_their_bytes_the_oldest_go, create, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
