// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/keys_change.h"

#include "base/trust/datagram.h"
#include "base/trust/trusted_file.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "000102030405060708090a0b0c0d0e0f"

static char folder[] = "/tmp/martlet-keys-XXXXXX";
static char path[64];

static int setup(void **state)
{
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/keys", folder);
	return 0;
}

static int teardown(void **state)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

// What keys_parse() says; keys NULL: it is refused.
static struct wire_keys *parse(const char *text, char sentence[ERROR_TEXT_BYTES])
{
	struct wire_keys *keys;
	struct error err = { .text = "" };

	keys_parse("keys", text, strlen(text), &keys, &err);
	snprintf(sentence, ERROR_TEXT_BYTES, "%s", err.text);
	return keys;
}

static void good_file_is_read(void **state)
{
	char sentence[ERROR_TEXT_BYTES], models[KEY_MODELS_BYTES];
	struct wire_keys *keys = parse("# remark\n\n 1 " SECRET
				       " gate-a * - -\n"
				       "65535\t" SECRET
				       "  b fraud,lab 2026-11-29T16:00:00Z "
				       "2026-12-01T00:00:00Z",
		sentence);

	assert_string_equal(sentence, "");
	assert_non_null(keys);
	assert_int_equal(keys->n, 2);
	assert_int_equal(keys->keys[0].id, 1);
	assert_int_equal(keys->keys[0].line, 3);
	assert_int_equal(keys->keys[0].n_models, 0);
	for (uint8_t i = 0; i < KEY_SECRET_BYTES; i++)
		assert_int_equal(keys->keys[0].secret[i], i);
	assert_int_equal(keys->keys[1].n_models, 2);
	assert_string_equal(keys->keys[1].models[1], "lab");
	wire_key_models_text(&keys->keys[1], models);
	assert_string_equal(models, "fraud,lab");
	assert_int_equal(keys->keys[1].not_before, 1795968000);
	assert_int_equal(keys->keys[1].retires, 1796083200);
	assert_ptr_equal(keys_find(keys, 65535), &keys->keys[1]);
	assert_null(keys_find(keys, 2));
	keys_free(keys);
	keys = parse("", sentence);
	assert_int_equal(keys->n, 0);
	keys_free(keys);
}

static void mistakes_are_named_with_their_line(void **state)
{
	static const char *const CASES[][2] = {
		{ "1 " SECRET " a * -\n",
			"keys:1: has 5 fields; a key has six: ID SECRET NAME MODELS NOT-BEFORE "
			"RETIRES" },
		{ "\n1 " SECRET " a * - - -\n",
			"keys:2: has 7 fields; a key has six: ID SECRET NAME MODELS NOT-BEFORE "
			"RETIRES" },
		{ "1 " SECRET " a * - - # gate\n",
			"keys:1: has 6 fields and a remark, which takes a line of its own; a key "
			"has "
			"six: ID SECRET NAME MODELS NOT-BEFORE RETIRES" },
		{ "0 " SECRET " a * - -\n",
			"keys:1: '0' is no id of a key: a number from 1 to 65535" },
		{ "01 " SECRET " a * - -\n",
			"keys:1: '01' is no id of a key: a number from 1 to 65535" },
		{ "65536 " SECRET " a * - -\n",
			"keys:1: '65536' is no id of a key: a number from 1 to 65535" },
		{ "-1 " SECRET " a * - -\n",
			"keys:1: '-1' is no id of a key: a number from 1 to 65535" },
		{ "1 00 a * - -\n", "keys:1: key 1: its secret is not 32 hexadecimal digits" },
		{ "1 " SECRET "0 a * - -\n",
			"keys:1: key 1: its secret is not 32 hexadecimal digits" },
		{ "1 0001020304050607:8090a0b0c0d0e0f a * - -\n",
			"keys:1: key 1: its secret is not 32 hexadecimal digits" },
		{ "1 " SECRET " a/b * - -\n",
			"keys:1: key 1: 'a/b' is no name: letters, digits, '_', '.' and '-', the "
			"first one a letter or digit" },
		{ "1 " SECRET " a b,,c - -\n",
			"keys:1: key 1: '' is no model's name; models are a list as in fraud,lab, "
			"or "
			"* for all" },
		{ "1 " SECRET " a b,* - -\n",
			"keys:1: key 1: '*' is no model's name; models are a list as in fraud,lab, "
			"or * for all" },
		{ "1 " SECRET " a a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q - -\n",
			"keys:1: key 1: more than 16 models; * stands for all of them" },
		{ "1 " SECRET " a * 2026-02-30T00:00:00Z -\n",
			"keys:1: key 1: '2026-02-30T00:00:00Z' is no time, as "
			"2026-11-29T16:00:00Z, "
			"nor - for none" },
		{ "1 " SECRET " a * - 2026-02-01\n",
			"keys:1: key 1: '2026-02-01' is no time, as 2026-11-29T16:00:00Z, nor - "
			"for "
			"none" },
		{ "1 " SECRET " a * - 1969-12-31T23:59:59Z\n",
			"keys:1: key 1: '1969-12-31T23:59:59Z' is no time, as "
			"2026-11-29T16:00:00Z, "
			"nor - for none" },
		{ "1 " SECRET " a * 2026-02-02T00:00:00Z 2026-02-02T00:00:00Z\n",
			"keys:1: key 1: retires before it is valid" },
		{ "1 " SECRET " a * - -\n#\n1 " SECRET " b * - -\n",
			"keys:3: key 1 stands in line 1 already" },
		{ "1 " SECRET " a * - -\r\n",
			"keys:1: key 1: '-\r' is no time, as 2026-11-29T16:00:00Z, nor - for "
			"none" },
	};
	char sentence[ERROR_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_null(parse(CASES[i][0], sentence));
		assert_string_equal(sentence, CASES[i][1]);
	}
}

static void zero_bytes_and_long_lines_are_refused(void **state)
{
	static char text[4096];
	struct wire_keys *keys;
	struct error err;

	memset(text, 'x', sizeof(text));
	assert_int_equal(keys_parse("keys", text, 3000, &keys, &err), -EINVAL);
	assert_string_equal(err.text, "keys:1: has 3000 bytes, 2047 are possible");
	assert_int_equal(keys_parse("keys", "\0\n", 2, &keys, &err), -EINVAL);
	assert_string_equal(err.text, "keys:1: holds a zero byte; it must be text");
}

static void more_keys_than_possible_are_refused(void **state)
{
	char *text = malloc((KEYS_MAX + 1) * 64), *at = text;
	struct wire_keys *keys;
	struct error err;

	for (int i = 1; i <= KEYS_MAX + 1; i++)
		at += sprintf(at, "%d " SECRET " a * - -\n", i);
	assert_int_equal(keys_parse("keys", text, (size_t)(at - text), &keys, &err), -EINVAL);
	assert_string_equal(err.text, "keys:4097: more than 4096 keys");
	free(text);
}

static void states_follow_the_clock(void **state)
{
	const struct wire_key always = { .id = 1 }, some = { .not_before = 10, .retires = 20 };

	assert_int_equal(wire_key_state(&always, 0), WIRE_KEY_VALID);
	assert_int_equal(wire_key_state(&some, 9), WIRE_KEY_NOT_YET);
	assert_int_equal(wire_key_state(&some, 10), WIRE_KEY_VALID);
	assert_int_equal(wire_key_state(&some, 19), WIRE_KEY_VALID);
	assert_int_equal(wire_key_state(&some, 20), WIRE_KEY_RETIRED);
}

static void choose_wants_to_be_told_of_several(void **state)
{
	char sentence[ERROR_TEXT_BYTES];
	struct wire_keys *keys = parse("1 " SECRET " a * - -\n2 " SECRET " a * - -\n", sentence);
	struct error err;

	assert_int_equal(keys_choose(keys, "keys", 2, &err)->id, 2);
	assert_null(keys_choose(keys, "keys", 3, &err));
	assert_string_equal(err.text, "keys: has no key 3");
	assert_null(keys_choose(keys, "keys", 0, &err));
	assert_string_equal(err.text, "keys: has 2 keys; say which by --key-id");
	keys->n = 1;
	assert_int_equal(keys_choose(keys, "keys", 0, &err)->id, 1);
	keys_free(keys);
}

// Adds a key and says how it stands in the file; 0: refused.
static uint16_t add(uint16_t id, struct error *err)
{
	struct wire_key key = { .id = id, .name = "gate", .models = { "lab" }, .n_models = 1 };
	struct wire_keys *keys;
	const struct wire_key *found;

	if (keys_add(path, &key, err) != 0)
		return 0;
	assert_int_equal(keys_read(path, &keys, err), 0);
	found = keys_find(keys, key.id);
	assert_non_null(found);
	assert_memory_equal(found->secret, key.secret, sizeof(key.secret));
	assert_string_equal(found->models[0], "lab");
	keys_free(keys);
	return key.id;
}

static void added_keys_stand_in_the_file(void **state)
{
	struct stat status;
	struct error err;
	char text[64];

	umask(0);
	assert_int_equal(add(0, &err), 1);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	umask(022);
	assert_int_equal(add(0, &err), 2);
	assert_int_equal(add(65535, &err), 65535);
	assert_int_equal(add(0, &err), 3);
	assert_int_equal(add(2, &err), 0);
	snprintf(text, sizeof(text), "%s: key 2 is there already (gate)", path);
	assert_memory_equal(err.text, text, strlen(text));
	assert_int_equal(err.code, -EEXIST);
}

static void retired_key_keeps_its_place_and_all_else(void **state)
{
	static const char TEXT[] = "# of gate a\n1 " SECRET " a * - -\n  # of b\n2 " SECRET
				   " b lab 2099-01-01T00:00:00Z -";
	struct wire_key key;
	struct error err;
	size_t size;
	void *text;

	assert_int_equal(
		trusted_file_create(path, TRUSTED_SECRET, TEXT, sizeof(TEXT) - 1, &err), 0);
	assert_int_equal(keys_retire(path, 1, 1796000000, &key, &err), 0);
	assert_int_equal(key.retires, 1796000000);
	// Later than it would: it stays.
	assert_int_equal(keys_retire(path, 1, 1797000000, &key, &err), 0);
	assert_int_equal(key.retires, 1796000000);
	// One that was not valid yet.
	assert_int_equal(keys_retire(path, 2, 1796000000, &key, &err), 0);
	assert_int_equal(keys_retire(path, 3, 1796000000, &key, &err), -ENOENT);
	assert_int_equal(trusted_file_read(path, TRUSTED_SECRET, &text, &size, &err), 0);
	assert_string_equal(text,
		"# of gate a\n1 " SECRET " a * - 2026-11-30T00:53:20Z\n  # of b\n2 " SECRET
		" b lab - 2026-11-30T00:53:20Z\n");
	trusted_file_free(text);
	// What is behind a last line without an end.
	assert_int_equal(add(0, &err), 3);
}

static void file_that_others_can_read_is_refused(void **state)
{
	struct wire_keys *keys;
	struct error err;
	char text[256];

	assert_int_equal(add(0, &err), 1);
	assert_int_equal(chmod(path, 0640) + chown(path, (uid_t)-1, 12), 0);
	assert_int_equal(keys_read(path, &keys, &err), -EPERM);
	snprintf(text, sizeof(text), "%s: others can read this secret (mode 0640); chmod 600 %s",
		path, path);
	assert_string_equal(err.text, text);
}

static void sealed_datagram_is_told_from_any_other(void **state)
{
	uint8_t secret[KEY_SECRET_BYTES] = { 1, 2, 3 }, datagram[100] = { 7 };

	for (size_t bytes = 0; bytes <= sizeof(datagram) - DATAGRAM_TRAILER_BYTES; bytes += 7) {
		const size_t all = bytes + DATAGRAM_TRAILER_BYTES;

		datagram_seal(datagram, bytes, secret, 0x1122334455667788);
		assert_true(datagram_is_sealed(datagram, all, secret, 0x1122334455667788));
		assert_false(datagram_is_sealed(datagram, all, secret, 0x1122334455667789));
		assert_false(datagram_is_sealed(datagram, all - 1, secret, 0x1122334455667788));
		for (size_t bit = 0; bit < all * 8; bit++) {
			datagram[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_false(datagram_is_sealed(datagram, all, secret, 0x1122334455667788));
			datagram[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
	assert_false(datagram_is_sealed(datagram, 15, secret, 0x1122334455667788));
	assert_false(datagram_is_sealed(datagram, 0, secret, 0x1122334455667788));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file_is_read),
		cmocka_unit_test(mistakes_are_named_with_their_line),
		cmocka_unit_test(zero_bytes_and_long_lines_are_refused),
		cmocka_unit_test(more_keys_than_possible_are_refused),
		cmocka_unit_test(states_follow_the_clock),
		cmocka_unit_test(choose_wants_to_be_told_of_several),
		cmocka_unit_test_setup_teardown(added_keys_stand_in_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(
			retired_key_keeps_its_place_and_all_else, setup, teardown),
		cmocka_unit_test_setup_teardown(
			file_that_others_can_read_is_refused, setup, teardown),
		cmocka_unit_test(sealed_datagram_is_told_from_any_other),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
