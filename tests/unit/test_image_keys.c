// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/image_keys.h"
#include "base/trust/trusted_file.h"
#include "tests/cmocka.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct error err;
static char folder[] = "/tmp/image-keys-XXXXXX";
static char path[64];
static struct image_keys *keys;

// By Python's BLAKE2b, the first 16 digits of: hashlib.blake2b(b"martlet image key 1", key=bytes(range(32)), digest_size=16).
#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ID  "b1bd56f0b76a535b"

static int setup(void **state)
{
	if (sodium_init() < 0 || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/image.key", folder);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static int each(void **state)
{
	keys = image_keys_create();
	return keys ? 0 : -1;
}

static int after_each(void **state)
{
	image_keys_destroy(keys);
	return 0;
}

static int read_text(const char *text)
{
	assert_int_equal(trusted_file_replace(path, TRUSTED_SECRET, text, strlen(text), &err), 0);
	return image_keys_read(keys, path, &err);
}

static void refused(const char *text, const char *why)
{
	char wanted[512];

	assert_int_equal(read_text(text), -EINVAL);
	snprintf(wanted, sizeof(wanted), "%s: %s", path, why);
	assert_string_equal(err.text, wanted);
	assert_int_equal(image_keys_count(keys), 0);
	assert_null(image_keys_first(keys));
}

static void reads_keys_and_comments(void **state)
{
	uint8_t id[IMAGE_KEY_ID_BYTES], bytes[IMAGE_KEY_BYTES];
	char text[IMAGE_KEY_ID_TEXT];

	for (int i = 0; i < IMAGE_KEY_BYTES; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(read_text("# of 2026\r\n\nmartlet-image-key: " ID " " KEY "\r\n"), 0);
	assert_int_equal(image_keys_count(keys), 1);
	assert_memory_equal(image_keys_first(keys)->bytes, bytes, sizeof(bytes));
	image_key_id_text(image_keys_first(keys)->id, text);
	assert_string_equal(text, ID);
	memcpy(id, image_keys_first(keys)->id, sizeof(id));
	assert_ptr_equal(image_keys_find(keys, id), image_keys_first(keys));
	id[7] ^= 1;
	assert_null(image_keys_find(keys, id));
	assert_null(image_keys_find(NULL, id));
}

static void last_line_needs_no_newline(void **state)
{
	assert_int_equal(read_text("martlet-image-key: " ID " " KEY), 0);
}

#define PATTERN "\"martlet-image-key: ID KEY, of 16 and 64 hexadecimal digits\""

static void other_lines_are_refused(void **state)
{
	static const char *const lines[] = {
		"martlet-image-key: " ID " " KEY "0\n",
		"martlet-image-key: " ID " 0001\n",
		"martlet-image-key: " ID "  " KEY "\n",
		" martlet-image-key: " ID " " KEY "\n",
		"martlet-image-key:" ID " " KEY " \n",
		"martlet-image-key: " ID
		" "
		"g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
		"martlet-wire-key: " ID " " KEY "\n",
		"-----BEGIN PRIVATE KEY-----\n",
		KEY "\n",
	};
	char text[512];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		refused(lines[i], "line 1: is not " PATTERN);
		snprintf(text, sizeof(text), "martlet-image-key: " ID " " KEY "\n%s", lines[i]);
		refused(text, "line 2: is not " PATTERN);
	}
	refused("", "has no line " PATTERN);
	refused("# none\n\n", "has no line " PATTERN);
}

static void a_wrong_digit_is_noticed(void **state)
{
	char text[] = "martlet-image-key: " ID " " KEY "\n";
	const size_t first = strlen("martlet-image-key: ");

	for (size_t i = first; i < sizeof(text) - 2; i++) {
		const char was = text[i];

		if (was == ' ')
			continue;
		text[i] = was == '0' ? '1' : '0';
		refused(text,
			"line 1: its id is not the key's: a digit of one of them is wrong; "
			"take the file from where it was made");
		text[i] = was;
	}
}

static void one_key_too_many_adds_none(void **state)
{
	char *text = calloc(IMAGE_KEYS_MAX + 1, 128), id[IMAGE_KEY_ID_TEXT], wanted[256];
	void *line;
	size_t size, used = 0;

	assert_non_null(text);
	for (int i = 0; i <= IMAGE_KEYS_MAX; i++) {
		unlink(path);
		assert_int_equal(image_key_generate(path, id, &err), 0);
		assert_int_equal(trusted_file_read(path, TRUSTED_SECRET, &line, &size, &err), 0);
		memcpy(text + used, line, size);
		used += size;
		trusted_file_free(line);
	}
	assert_int_equal(read_text(text), -E2BIG);
	snprintf(wanted, sizeof(wanted), "%s: line %d: is one key too many: %d are possible", path,
		IMAGE_KEYS_MAX + 1, IMAGE_KEYS_MAX);
	assert_string_equal(err.text, wanted);
	assert_int_equal(image_keys_count(keys), 0);
	free(text);
}

static void generates_a_file_that_it_reads(void **state)
{
	char id[IMAGE_KEY_ID_TEXT], again[IMAGE_KEY_ID_TEXT];
	struct stat status;

	unlink(path);
	assert_int_equal(image_key_generate(path, id, &err), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(image_keys_read(keys, path, &err), 0);
	image_key_id_text(image_keys_first(keys)->id, again);
	assert_string_equal(id, again);
	assert_int_equal(image_key_generate(path, id, &err), -EEXIST);
}

static void others_may_neither_read_nor_write_it(void **state)
{
	static const mode_t modes[] = { 0604, 0620, 0666, 0644 };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(read_text("martlet-image-key: " ID " " KEY "\n"), 0);
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(image_keys_read(keys, path, &err), -EPERM);
	}
}

static void a_credential_is_read_from_systemds_folder(void **state)
{
	assert_int_equal(
		trusted_file_replace(path, TRUSTED_SECRET, "martlet-image-key: " ID " " KEY "\n",
			strlen("martlet-image-key: " ID " " KEY "\n"), &err),
		0);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(image_keys_read(keys, "credential:image.key", &err), -ENOENT);
	assert_string_equal(err.text,
		"credential:image.key: this process has no credentials: systemd hands them over "
		"where the unit has LoadCredential= or LoadCredentialEncrypted=");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_int_equal(image_keys_read(keys, "credential:image.key", &err), 0);
	assert_int_equal(image_keys_count(keys), 1);
	assert_int_equal(image_keys_read(keys, "credential:../x", &err), -EINVAL);
	assert_int_equal(image_keys_read(keys, "credential:", &err), -EINVAL);
	assert_int_equal(image_keys_read(keys, "credential:..", &err), -EINVAL);
	assert_int_equal(image_keys_read(keys, "credential:other", &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_keys_and_comments, each, after_each),
		cmocka_unit_test_setup_teardown(last_line_needs_no_newline, each, after_each),
		cmocka_unit_test_setup_teardown(other_lines_are_refused, each, after_each),
		cmocka_unit_test_setup_teardown(a_wrong_digit_is_noticed, each, after_each),
		cmocka_unit_test_setup_teardown(one_key_too_many_adds_none, each, after_each),
		cmocka_unit_test_setup_teardown(generates_a_file_that_it_reads, each, after_each),
		cmocka_unit_test_setup_teardown(
			others_may_neither_read_nor_write_it, each, after_each),
		cmocka_unit_test_setup_teardown(
			a_credential_is_read_from_systemds_folder, each, after_each),
	};

	return cmocka_run_group_tests_name("image keys", tests, setup, teardown);
}
