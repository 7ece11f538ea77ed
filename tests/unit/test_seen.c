// SPDX-License-Identifier: BSD-3-Clause
// seen: the newest counters of keys, written and taken in again as a restart does, whole, cut and bent.
#include "dataplane/auth/seen.h"

#include "tests/cmocka.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static struct seen *seen;

static int setup(void **state)
{
	return sodium_init() < 0 ? -1 : seen_create(&seen, NULL);
}

static int teardown(void **state)
{
	seen_destroy(seen);
	return 0;
}

// The secret is `of`, sixteen times.
static struct wire_key key(uint16_t id, uint8_t of)
{
	struct wire_key key = { .id = id };

	memset(key.secret, of, sizeof(key.secret));
	return key;
}

static struct window *window_of(uint16_t id, uint8_t of)
{
	const struct wire_key wanted = key(id, of);
	struct window *window = seen_window(seen, &wanted);

	assert_non_null(window);
	return window;
}

static bool accept(uint16_t id, uint8_t of, uint64_t counter)
{
	struct window *window = window_of(id, of);

	if (!window_mark(window, counter))
		return false;
	window_raise(window, counter);
	return true;
}

static char *text_of(bool all, size_t *size)
{
	char *text = seen_text(seen, all, size);

	if (text)
		assert_int_equal(strlen(text), *size);
	return text;
}

// Another martletd, which knows the text alone. What seen_take() says of it, or 0.
static int restart(const char *text, size_t size, struct error *err)
{
	seen_destroy(seen);
	assert_int_equal(seen_create(&seen, NULL), 0);
	return seen_take(seen, text, size, err);
}

static void restart_keeps_what_was_seen(void **state)
{
	struct error err;
	size_t size;
	char *text;
	uint16_t id;

	assert_null(text_of(true, &size)); // nothing to say
	window_of(9, 'z');                 // nor of a key that nobody used
	assert_null(text_of(true, &size));
	assert_true(accept(7, 'a', 1764460800000000000));
	assert_true(accept(1, 'b', UINT64_MAX));
	assert_true(accept(65535, 'c', 0));
	text = text_of(false, &size);
	assert_non_null(text);
	assert_int_equal(restart(text, size, &err), 0);
	free(text);
	for (uint64_t i = 0; i < 3000; i++)
		assert_false(accept(7, 'a', 1764460800000000000 - i));
	assert_false(accept(7, 'a', 0));
	assert_true(accept(7, 'a', 1764460800000000001));
	assert_false(accept(1, 'b', UINT64_MAX));
	assert_false(accept(65535, 'c', 0));
	assert_true(accept(65535, 'c', 1));
	assert_true(accept(9, 'z', 5));
	assert_int_equal(seen_strange(seen, &id), 0);
}

// The file's form does not change unnoticed: what another version wrote is read. The tag is Python's, of hashlib.blake2b.
static void text_is_as_described(void **state)
{
	const char *expected =
		"martlet counters 1\n"
		"7 1764460800000000000 ";
	size_t size;
	char *text;

	assert_true(accept(7, 'a', 1764460800000000000));
	text = text_of(false, &size);
	assert_memory_equal(text, expected, strlen(expected));
	assert_int_equal(size, strlen(expected) + 33);
	assert_string_equal(text + strlen(expected), "2f94d5f3e163d8aa7e131ead57a3e217\n");
	free(text);
}

static void text_is_made_where_something_is_new(void **state)
{
	struct error err;
	size_t size;
	char *text;

	assert_true(accept(7, 'a', 5));
	text = text_of(false, &size);
	assert_non_null(text);
	assert_null(text_of(false, &size));
	assert_true(accept(7, 'a', 4)); // older than the newest: nothing that a line would say
	assert_null(text_of(false, &size));
	assert_int_equal(restart(text, size, &err), 0);
	window_of(7, 'a');
	assert_null(text_of(false, &size)); // as the file has it
	free(text);
	text = text_of(true, &size);
	assert_non_null(text);
	free(text);
	assert_true(accept(7, 'a', 6));
	text = text_of(false, &size);
	assert_non_null(text);
	free(text);
}

// Another secret under the id begins anew, says so, and the line of the old one stays, for it may come back.
static void another_secret_inherits_nothing(void **state)
{
	struct error err;
	size_t size;
	char *text;
	uint16_t id;

	assert_true(accept(7, 'a', 1000));
	text = text_of(false, &size);
	assert_int_equal(restart(text, size, &err), 0);
	free(text);
	assert_true(accept(7, 'b', 5));
	assert_int_equal(seen_strange(seen, &id), 1);
	assert_int_equal(id, 7);
	text = text_of(false, &size);
	assert_int_equal(restart(text, size, &err), 0);
	free(text);
	assert_false(accept(7, 'b', 5));
	assert_true(accept(7, 'b', 6));
	assert_false(accept(7, 'a', 1000)); // the operator took a change back
	assert_true(accept(7, 'a', 1001));
	assert_int_equal(seen_strange(seen, &id), 0);
}

static void secret_under_another_id_is_another_key(void **state)
{
	struct error err;
	size_t size;
	char *text;

	assert_true(accept(7, 'a', 1000));
	text = text_of(false, &size);
	strchr(text, '\n')[1] = '8';
	assert_int_equal(restart(text, size, &err), 0);
	free(text);
	assert_true(accept(8, 'a', 1000));
	assert_true(accept(7, 'a', 1000));
}

// A key that is in no file of keys for a time, over several restarts.
static void key_that_is_away_keeps_its_line(void **state)
{
	struct error err;
	size_t size;
	char *text;

	assert_true(accept(7, 'a', 1000));
	assert_true(accept(8, 'b', 1000));
	text = text_of(false, &size);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(restart(text, size, &err), 0);
		free(text);
		assert_true(accept(8, 'b', 1000 + i));
		text = text_of(false, &size);
	}
	assert_int_equal(restart(text, size, &err), 0);
	free(text);
	assert_false(accept(7, 'a', 1000));
	assert_false(accept(8, 'b', 1003));
}

// Each byte of a line turned, in each bit: the line counts for nothing, whatever it says; the other one stays good.
static void bent_line_counts_for_nothing(void **state)
{
	struct error err;
	size_t size, bent_size;
	char *text, *bent;

	assert_true(accept(7, 'a', 1000));
	assert_true(accept(8, 'b', 2000)); // the last key comes first
	text = text_of(false, &size);
	for (char *at = strchr(text, '\n') + 1; *at != '\n'; at++)
		for (int bit = 0; bit < 8; bit++) {
			*at ^= (char)(1 << bit);
			// Upper case digits of the tag are the same ones.
			if (!(bit == 5 && *at >= 'A' && *at <= 'F')) {
				restart(text, size, &err);
				assert_true(accept(8, 'b', 1));
				assert_false(accept(7, 'a', 1000));
				bent = text_of(true, &bent_size);
				assert_int_equal(restart(bent, bent_size, &err), 0);
				free(bent);
				assert_false(accept(8, 'b', 1));
			}
			*at ^= (char)(1 << bit);
		}
	free(text);
}

static void cut_file_says_what_is_whole(void **state)
{
	const char *foreign =
		"is no list of counters as martletd writes it: nothing is known of "
		"what was accepted before, and could be accepted once more";
	const char *lines =
		"1 of its lines cannot be read: of their keys nothing is known of what "
		"was accepted before, and could be accepted once more";
	struct error err;
	size_t size;
	char *text;

	assert_true(accept(7, 'a', 1000));
	assert_true(accept(8, 'b', 2000));
	text = text_of(false, &size);
	const size_t head = (size_t)(strchr(text, '\n') + 1 - text);
	const size_t first = head + (size_t)(strchr(text + head, '\n') + 1 - (text + head));

	for (size_t n = 0; n < size; n++) {
		char *cut = malloc(n ? n : 1); // whose end the sanitizer sees
		const bool is_whole = n == head || n == first;

		memcpy(cut, text, n);
		assert_int_equal(restart(cut, n, &err), is_whole ? 0 : -EINVAL);
		free(cut);
		if (!is_whole)
			assert_string_equal(err.text, n < head ? foreign : lines);
		assert_int_equal(accept(8, 'b', 1000), n < first);
		assert_true(accept(7, 'a', 999));
	}
	assert_int_equal(restart("", 0, &err), -EINVAL);
	assert_int_equal(restart("martlet counters 2\n", 19, &err), -EINVAL);
	assert_string_equal(err.text, foreign);
	free(text);
}

static void lines_of_any_form_but_one_are_passed_over(void **state)
{
	static const char *const LINES[] = { "", " ", "7", "7 1", "7 1 ", "x 1 TAG", "0 1 TAG",
		"07 1 TAG", "65536 1 TAG", "18446744073709551623 1 TAG", "7 01 TAG", "7 TAG",
		"7 -1 TAG", "7 +1 TAG", "7 18446744073709551616 TAG", "7 99999999999999999999 TAG",
		" 7 1 TAG", "7  1 TAG", "7\t1 TAG", "7 1 TAG ", "7 1 TAG0", "7 1 TAG\r", "7 1 0TAG",
		"7 1 0g0102030405060708090a0b0c0d0e0f", "# 7 1 TAG" };
	struct error err;

	for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
		const char *tag = strstr(LINES[i], "TAG");
		char text[256];
		int n;

		n = tag ? snprintf(text, sizeof(text), "martlet counters 1\n%.*s%s%s\n",
				  (int)(tag - LINES[i]), LINES[i],
				  "000102030405060708090a0b0c0d0e0f", tag + 3)
			: snprintf(text, sizeof(text), "martlet counters 1\n%s\n", LINES[i]);
		if (restart(text, (size_t)n, &err) != -EINVAL)
			fail_msg("taken: '%s'", LINES[i]);
	}
}

static void greatest_of_several_lines_holds(void **state)
{
	char *first, *second, *both;
	struct error err;
	size_t size;

	assert_true(accept(7, 'a', 1000));
	first = text_of(false, &size);
	assert_true(accept(7, 'a', 2000));
	second = text_of(false, &size);
	assert_true(asprintf(&both, "%s%s", second, strchr(first, '\n') + 1) > 0);
	assert_int_equal(restart(both, strlen(both), &err), 0);
	assert_false(accept(7, 'a', 2000));
	assert_true(accept(7, 'a', 2001));
	free(both);
	both = text_of(false, &size);
	assert_null(strchr(strchr(strchr(both, '\n') + 1, '\n') + 1, '\n')); // one line of it
	free(both);
	free(first);
	free(second);
}

// Of more keys than a file holds those stay that were asked for last.
static void file_has_its_most_lines(void **state)
{
	struct error err;
	size_t size;
	uint32_t n = 0;
	char *text;

	for (uint32_t i = 1; i <= SEEN_LINES_MAX; i++)
		assert_true(accept((uint16_t)i, 'a', 1000));
	text = text_of(false, &size);
	assert_int_equal(restart(text, size, &err), 0);
	free(text);
	for (uint32_t i = 1; i <= 100; i++)
		assert_true(accept((uint16_t)i, 'b', 2000));
	text = text_of(false, &size);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	assert_int_equal(n, SEEN_LINES_MAX + 1);
	assert_int_equal(restart(text, size, &err), 0);
	for (uint32_t i = 1; i <= 100; i++)
		assert_false(accept((uint16_t)i, 'b', 2000));
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(restart_keeps_what_was_seen),
		TEST(text_is_as_described),
		TEST(text_is_made_where_something_is_new),
		TEST(another_secret_inherits_nothing),
		TEST(secret_under_another_id_is_another_key),
		TEST(key_that_is_away_keeps_its_line),
		TEST(bent_line_counts_for_nothing),
		TEST(cut_file_says_what_is_whole),
		TEST(lines_of_any_form_but_one_are_passed_over),
		TEST(greatest_of_several_lines_holds),
		TEST(file_has_its_most_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
