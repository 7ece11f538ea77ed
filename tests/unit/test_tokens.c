// SPDX-License-Identifier: BSD-3-Clause
// Bearer tokens: their text, their file, and when they are valid.
#include "base/trust/tokens.h"
#include "base/trust/utc.h"
#include "tests/cmocka.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct tokens tokens;
static struct error err;

static int parse(const char *text)
{
	tokens_fini(&tokens);
	return tokens_parse(text, strlen(text), &tokens, &err);
}

static void text_has_its_form_and_is_found_again(void **state)
{
	struct token token = { .name = "ci", .role = ROLE_VIEWER };
	char text[TOKEN_TEXT_BYTES], other[TOKEN_TEXT_BYTES];
	uint8_t hash[TOKEN_HASH_BYTES];

	tokens_fini(&tokens);
	token_make(text, token.hash);
	token_make(other, hash);
	assert_int_equal(strlen(text), 47);
	assert_memory_equal(text, "mlt_", 4);
	assert_int_equal(strspn(text + 4,
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789-_"),
		43);
	assert_string_not_equal(text, other);
	assert_null(tokens_find(&tokens, text));
	assert_int_equal(tokens_add(&tokens, &token, &err), 0);
	assert_ptr_equal(tokens_find(&tokens, text), &tokens.each[0]);
	assert_null(tokens_find(&tokens, other));
	tokens_fini(&tokens);
}

// Also where it is the hash of what a decoder would make of it: of nothing, of the first bytes, of another last digit.
static void other_lengths_and_letters_are_none(void **state)
{
	static const char LETTERS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct token token = { .name = "ci", .role = ROLE_ADMIN }, zeros = { .name = "z" };
	const uint8_t nothing[32] = { 0 };
	char text[TOKEN_TEXT_BYTES], tried[128];
	const char *last;

	tokens_fini(&tokens);
	token_make(text, token.hash);
	crypto_generichash(zeros.hash, sizeof(zeros.hash), nothing, sizeof(nothing), NULL, 0);
	assert_int_equal(tokens_add(&tokens, &token, &err), 0);
	assert_int_equal(tokens_add(&tokens, &zeros, &err), 0);
	for (size_t n = 0; n <= 100; n++) {
		memset(tried, 'A', sizeof(tried));
		memcpy(tried, text, n < 47 ? n : 47);
		tried[n] = '\0';
		assert_true((tokens_find(&tokens, tried) != NULL) == (n == 47));
	}
	assert_non_null(tokens_find(&tokens, "mlt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	for (size_t at = 0; at < 47; at++)
		for (int c = 1; c < 256; c++) {
			memcpy(tried, text, sizeof(text));
			tried[at] = (char)c;
			if (tried[at] != text[at] && tokens_find(&tokens, tried))
				fail_msg("byte %zu as %d", at, c);
		}
	// Of the last digit two bits stand for nothing, and are zero.
	last = strchr(LETTERS, text[46]);
	assert_int_equal((last - LETTERS) % 4, 0);
	tokens_fini(&tokens);
}

static void file_comes_back(void **state)
{
	static const char TEXT[] = TOKENS_HEAD "\nci-push operator " HASH
					       " 2026-11-29T12:00:00Z 2027-02-28T00:00:00Z\n"
					       "a.b viewer " OTHER " - -\n";
	size_t size;
	char *text;

	assert_int_equal(parse(TEXT), 0);
	assert_int_equal(tokens.n, 2);
	assert_string_equal(tokens.each[0].name, "ci-push");
	assert_int_equal(tokens.each[0].role, ROLE_OPERATOR);
	assert_int_equal(tokens.each[0].hash[1], 0x23);
	assert_int_equal(tokens.each[0].not_before, 1795953600);
	assert_int_equal(tokens.each[0].expires, 1803772800);
	assert_int_equal(tokens.each[1].expires, 0);
	text = tokens_format(&tokens, &size);
	assert_int_equal(size, sizeof(TEXT) - 1);
	assert_string_equal(text, TEXT);
	free(text);
	for (size_t n = 1; n < sizeof(TEXT) - 1;
		n++) { // what is cut off is refused, but between lines
		struct tokens part;
		const int rc = tokens_parse(TEXT, n, &part, &err);

		assert_true((rc == 0) == (TEXT[n - 1] == '\n'));
		tokens_fini(&part);
	}
	assert_int_equal(parse(TOKENS_HEAD "\n"), 0);
	assert_int_equal(tokens.n, 0);
}

static void what_is_no_file_of_tokens_is_refused(void **state)
{
	static const struct {
		const char *text, *sentence;
	} CASES[] = {
		{ "", "is no file of tokens: its first line is '" TOKENS_HEAD "'" },
		{ "\n", "is no file of tokens: its first line is '" TOKENS_HEAD "'" },
		{ TOKENS_HEAD, "is no file of tokens: its first line is '" TOKENS_HEAD "'" },
		{ TOKENS_HEAD "\r\n", "is no file of tokens: its first line is '" TOKENS_HEAD "'" },
		{ TOKENS_HEAD "\n\n",
			"line 2: a token has five fields: name, role, hash, not before, expires" },
		{ TOKENS_HEAD "\na viewer " HASH " -\n",
			"line 2: a token has five fields: name, role, hash, not before, expires" },
		{ TOKENS_HEAD "\na viewer " HASH " - - -\n",
			"line 2: a token has five fields: name, role, hash, not before, expires" },
		{ TOKENS_HEAD "\n-a viewer " HASH " - -\n", "line 2: '-a' is no name" },
		{ TOKENS_HEAD "\na root " HASH " - -\n",
			"line 2: 'root' is no role: client, viewer, operator, admin" },
		{ TOKENS_HEAD "\na none " HASH " - -\n",
			"line 2: 'none' is no role: client, viewer, operator, admin" },
		{ TOKENS_HEAD "\na viewer 0" HASH " - -\n",
			"line 2: the hash has 64 digits, 0 to 9 and a to f" },
		{ TOKENS_HEAD "\na viewer "
			      "A123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      " - -\n",
			"line 2: the hash has 64 digits, 0 to 9 and a to f" },
		{ TOKENS_HEAD "\na viewer " HASH " 2026-02-30T00:00:00Z -\n",
			"line 2: a time is written as 2026-11-29T12:00:00Z, or - where there is "
			"none" },
		{ TOKENS_HEAD "\na viewer " HASH " - 2026-11-29\n",
			"line 2: a time is written as 2026-11-29T12:00:00Z, or - where there is "
			"none" },
		{ TOKENS_HEAD "\na viewer " HASH " - -\na viewer " OTHER " - -\n",
			"line 3: there is a token 'a' already; revoke it first, or choose another "
			"name" },
		{ TOKENS_HEAD "\na viewer " HASH " - -\nb viewer " HASH " - -\n",
			"line 3: 'b' has the hash of 'a'" },
		{ TOKENS_HEAD "\na viewer " HASH " - -", "its last line has no end" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(parse(CASES[i].text), -EINVAL);
		assert_string_equal(err.text, CASES[i].sentence);
		assert_int_equal(tokens.n, 0);
	}
	assert_int_equal(
		tokens_parse(TOKENS_HEAD "\0\n", sizeof(TOKENS_HEAD "\0\n") - 1, &tokens, &err),
		-EINVAL);
}

static void valid_from_its_beginning_until_its_end(void **state)
{
	struct token token = { .not_before = 1000, .expires = 2000 }, always = { .name = "a" };

	assert_int_equal(token_state(&token, 999), TOKEN_EARLY);
	assert_int_equal(token_state(&token, 1000), TOKEN_VALID);
	assert_int_equal(token_state(&token, 1999), TOKEN_VALID);
	assert_int_equal(token_state(&token, 2000), TOKEN_EXPIRED);
	assert_int_equal(token_state(&always, 1), TOKEN_VALID);
	assert_int_equal(token_state(&always, UTC_SECONDS_MAX), TOKEN_VALID);
}

static void times_are_read_as_people_write_them(void **state)
{
	static const char *const WRONG[] = { "", "soon", "1", "d", "0d", "-1d", "1w", "1234567d",
		"2026-13-01", "2026-1-1", "2026-11-29T12:00:00", "2026-11-29T12:00:00z",
		"2026-11-29T24:00:00Z", "2026-11-29T12:00:00Z ", "1970-01-01", "999999999d" };
	int64_t at;

	assert_int_equal(token_time_parse_wish("90d", 1000, &at, &err), 0);
	assert_int_equal(at, 1000 + 90 * 86400);
	assert_int_equal(token_time_parse_wish("30m", 1000, &at, &err), 0);
	assert_int_equal(at, 1000 + 1800);
	assert_int_equal(token_time_parse_wish("12h", 1000, &at, &err), 0);
	assert_int_equal(at, 1000 + 12 * 3600);
	assert_int_equal(token_time_parse_wish("2027-02-28", 1000, &at, &err), 0);
	assert_int_equal(at, 1803772800);
	assert_int_equal(token_time_parse_wish("2026-11-29T12:00:00Z", 1000, &at, &err), 0);
	assert_int_equal(at, 1795953600);
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
		if (token_time_parse_wish(WRONG[i], 1000, &at, &err) != -EINVAL)
			fail_msg("'%s' is taken for %lld", WRONG[i], (long long)at);
	assert_int_equal(token_time_parse_wish("soon", 1000, &at, &err), -EINVAL);
	assert_string_equal(err.text,
		"'soon' is no time: write 90d, 12h or 30m from now on, 2027-01-31, or "
		"2027-01-31T12:00:00Z");
}

static void file_is_written_whole_and_believed_by_its_mode(void **state)
{
	char folder[] = "/tmp/martlet-tokens-XXXXXX", path[64];
	struct token token = { .name = "ci", .role = ROLE_ADMIN };
	struct stat status;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/tokens", folder);
	tokens_fini(&tokens);
	assert_int_equal(tokens_read(path, &tokens, &err), -ENOENT);
	assert_int_equal(tokens_add(&tokens, &token, &err), 0);
	assert_int_equal(tokens_add(&tokens, &token, &err), -EEXIST);
	assert_int_equal(tokens_write(path, &tokens, &err), 0);
	tokens_fini(&tokens);
	assert_int_equal(tokens_read(path, &tokens, &err), 0);
	assert_int_equal(tokens.n, 1);
	assert_int_equal(tokens_remove(&tokens, "nobody", &err), -ENOENT);
	assert_string_equal(err.text, "there is no token 'nobody'");
	assert_int_equal(tokens_remove(&tokens, "ci", &err), 0);
	assert_int_equal(tokens.n, 0);
	tokens_fini(&tokens);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(tokens_read(path, &tokens, &err), -EPERM);
	assert_int_equal(unlink(path) | rmdir(folder), 0);
}

static void there_are_so_many_at_most(void **state)
{
	struct token token = { .role = ROLE_VIEWER };

	tokens_fini(&tokens);
	for (unsigned i = 0; i <= TOKENS_MAX; i++) {
		snprintf(token.name, sizeof(token.name), "t%u", i);
		memcpy(token.hash, &i, sizeof(i));
		assert_int_equal(tokens_add(&tokens, &token, &err), i < TOKENS_MAX ? 0 : -ENOSPC);
	}
	tokens_fini(&tokens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_has_its_form_and_is_found_again),
		cmocka_unit_test(other_lengths_and_letters_are_none),
		cmocka_unit_test(file_comes_back),
		cmocka_unit_test(what_is_no_file_of_tokens_is_refused),
		cmocka_unit_test(valid_from_its_beginning_until_its_end),
		cmocka_unit_test(times_are_read_as_people_write_them),
		cmocka_unit_test(file_is_written_whole_and_believed_by_its_mode),
		cmocka_unit_test(there_are_so_many_at_most),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
