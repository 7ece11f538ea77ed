// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/sealed.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_BYTES ((size_t)2 * SEALED_CHUNK_MIN + 100) // three chunks
#define FILE_MAX    (SEALED_HEADER_BYTES + IMAGE_BYTES + 3 * SEALED_CHUNK_MORE)
#define SMALL_BYTES 200

static struct error err;
static char folder[] = "/tmp/sealed-XXXXXX";
static char path[64], other_path[64];
static struct image_keys *keys, *other_keys;
static uint8_t image[IMAGE_BYTES];

static struct image_keys *read_keys(const char *from)
{
	struct image_keys *read = image_keys_create();

	assert_non_null(read);
	assert_int_equal(image_keys_read(read, from, &err), 0);
	return read;
}

static int setup(void **state)
{
	char id[IMAGE_KEY_ID_TEXT], other[IMAGE_KEY_ID_TEXT];

	if (sodium_init() < 0 || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/image.key", folder);
	snprintf(other_path, sizeof(other_path), "%s/other.key", folder);
	assert_int_equal(image_key_generate(path, id, &err), 0);
	assert_int_equal(image_key_generate(other_path, other, &err), 0);
	assert_string_not_equal(id, other);
	keys = read_keys(path);
	other_keys = read_keys(other_path);
	for (size_t i = 0; i < IMAGE_BYTES; i++)
		image[i] = (uint8_t)(i * 7 + i / 251);
	return 0;
}

static int teardown(void **state)
{
	image_keys_destroy(keys);
	image_keys_destroy(other_keys);
	unlink(path);
	unlink(other_path);
	return rmdir(folder);
}

// A file of the image's first bytes. *size gets its length.
static uint8_t *seal(size_t bytes, size_t *size)
{
	uint8_t *file = malloc(FILE_MAX), *at = file + SEALED_HEADER_BYTES;
	const uint8_t *from = image;
	struct sealed_stream stream;

	assert_non_null(file);
	sealed_encrypt_begin(&stream, image_keys_first(keys), bytes, SEALED_CHUNK_MIN);
	memcpy(file, stream.header, SEALED_HEADER_BYTES);
	for (uint32_t n; (n = sealed_next(&stream)) > 0;) {
		sealed_encrypt(&stream, from, at);
		from += n;
		at += n + SEALED_CHUNK_MORE;
	}
	sealed_end(&stream);
	*size = (size_t)(at - file);
	return file;
}

static int open_with(const struct image_keys *with, const void *file, size_t size, void **plain,
	size_t *plain_size)
{
	return sealed_open(file, size, with, IMAGE_BYTES, SECRECY_TRIED, plain, plain_size, &err);
}

static void refused(const void *file, size_t size)
{
	size_t plain_size = 0;
	void *plain = image;

	err.text[0] = '\0';
	assert_int_not_equal(open_with(keys, file, size, &plain, &plain_size), 0);
	assert_null(plain);
	assert_true(strstr(err.text, "it is ") == err.text);
}

static void opens_what_was_encrypted(void **state)
{
	static const size_t sizes[] = { 1, 2, SMALL_BYTES, SEALED_CHUNK_MIN - 1, SEALED_CHUNK_MIN,
		SEALED_CHUNK_MIN + 1, (size_t)2 * SEALED_CHUNK_MIN, IMAGE_BYTES };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sealed_header header;
		size_t size, plain_size;
		uint8_t *file = seal(sizes[i], &size);
		void *plain;

		assert_true(sealed_is(file, size));
		assert_int_equal(sealed_read_header(file, &header, &err), 0);
		assert_int_equal(header.image_bytes, sizes[i]);
		assert_int_equal(sealed_file_bytes(&header), size);
		assert_memory_equal(header.key_id, image_keys_first(keys)->id, IMAGE_KEY_ID_BYTES);
		assert_int_equal(open_with(keys, file, size, &plain, &plain_size), 0);
		assert_int_equal(plain_size, sizes[i]);
		assert_memory_equal(plain, image, plain_size);
		secret_free(plain, plain_size);
		free(file);
	}
}

static void same_image_twice_is_not_the_same(void **state)
{
	size_t size, other_size;
	uint8_t *file = seal(SMALL_BYTES, &size), *other = seal(SMALL_BYTES, &other_size);

	assert_int_equal(size, other_size);
	assert_memory_not_equal(file + 32, other + 32, 24);
	assert_memory_not_equal(
		file + SEALED_HEADER_BYTES, other + SEALED_HEADER_BYTES, SMALL_BYTES);
	free(file);
	free(other);
}

static void any_bit_changed_is_refused(void **state)
{
	size_t size;
	uint8_t *file = seal(SMALL_BYTES, &size);

	for (size_t i = 0; i < size; i++)
		for (int bit = 0; bit < 8; bit++) {
			file[i] ^= (uint8_t)(1 << bit);
			refused(file, size);
			file[i] ^= (uint8_t)(1 << bit);
		}
	free(file);
}

static void any_length_but_its_own_is_refused(void **state)
{
	size_t size;
	uint8_t *file = seal(SMALL_BYTES, &size);

	for (size_t i = 0; i < size; i++)
		refused(file, i);
	file[size] = 0;
	refused(file, size + 1);
	free(file);
}

// Byte 24 says how long the image is.
static void set_length(uint8_t *file, uint64_t bytes)
{
	memcpy(file + 24, &bytes, sizeof(bytes));
}

static void cut_at_a_chunk_is_refused(void **state)
{
	const size_t chunk = SEALED_CHUNK_MIN + SEALED_CHUNK_MORE;
	size_t size;
	uint8_t *file = seal(IMAGE_BYTES, &size);

	refused(file, SEALED_HEADER_BYTES + chunk);
	refused(file, SEALED_HEADER_BYTES + 2 * chunk);
	set_length(file, (uint64_t)2 * SEALED_CHUNK_MIN); // and the header says so, too
	refused(file, SEALED_HEADER_BYTES + 2 * chunk);
	assert_string_equal(err.text,
		"it is a damaged or forged encrypted image: its chunk 1 is not what was encrypted");
	free(file);
}

static void chunks_out_of_order_are_refused(void **state)
{
	const size_t chunk = SEALED_CHUNK_MIN + SEALED_CHUNK_MORE;
	size_t size;
	uint8_t *file = seal(IMAGE_BYTES, &size), *swapped = malloc(size);

	assert_non_null(swapped);
	memcpy(swapped, file, size);
	memcpy(swapped + SEALED_HEADER_BYTES, file + SEALED_HEADER_BYTES + chunk, chunk);
	memcpy(swapped + SEALED_HEADER_BYTES + chunk, file + SEALED_HEADER_BYTES, chunk);
	refused(swapped, size);
	memcpy(swapped, file, size); // the first one twice
	memcpy(swapped + SEALED_HEADER_BYTES + chunk, file + SEALED_HEADER_BYTES, chunk);
	refused(swapped, size);
	assert_string_equal(err.text,
		"it is a damaged or forged encrypted image: its chunk 2 is not what was encrypted");
	free(swapped);
	free(file);
}

static void parts_of_another_file_are_refused(void **state)
{
	const size_t first = SEALED_HEADER_BYTES + SEALED_CHUNK_MIN + SEALED_CHUNK_MORE;
	size_t size, other_size;
	uint8_t *file = seal(IMAGE_BYTES, &size), *other = seal(IMAGE_BYTES, &other_size);
	uint8_t *mixed = malloc(size);

	assert_non_null(mixed);
	memcpy(mixed, file, size);
	memcpy(mixed, other, SEALED_HEADER_BYTES); // another header
	refused(mixed, size);
	memcpy(mixed, file, size);
	memcpy(mixed + first, other + first, size - first); // other chunks from the second on
	refused(mixed, size);
	free(mixed);
	free(other);
	free(file);
}

// A stream whose header is libsodium's own alone, without ours as associated data, is none of ours.
static void a_stream_without_our_header_is_refused(void **state)
{
	crypto_secretstream_xchacha20poly1305_state state_of;
	size_t size;
	uint8_t *file = seal(SMALL_BYTES, &size);

	crypto_secretstream_xchacha20poly1305_init_push(
		&state_of, file + 32, image_keys_first(keys)->bytes);
	crypto_secretstream_xchacha20poly1305_push(&state_of, file + SEALED_HEADER_BYTES, NULL,
		image, SMALL_BYTES, NULL, 0, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
	refused(file, size);
	free(file);
}

static void a_last_chunk_not_marked_so_is_refused(void **state)
{
	crypto_secretstream_xchacha20poly1305_state state_of;
	size_t size;
	uint8_t *file = seal(SMALL_BYTES, &size);

	crypto_secretstream_xchacha20poly1305_init_push(
		&state_of, file + 32, image_keys_first(keys)->bytes);
	crypto_secretstream_xchacha20poly1305_push(&state_of, file + SEALED_HEADER_BYTES, NULL,
		image, SMALL_BYTES, file, SEALED_HEADER_BYTES,
		crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
	refused(file, size);
	free(file);
}

static void other_keys_are_refused_by_the_id_that_is_wanted(void **state)
{
	char id[IMAGE_KEY_ID_TEXT], wanted[256];
	size_t size, plain_size;
	uint8_t *file = seal(SMALL_BYTES, &size);
	void *plain;

	image_key_id_text(image_keys_first(keys)->id, id);
	assert_int_equal(open_with(other_keys, file, size, &plain, &plain_size), -ENOKEY);
	assert_null(plain);
	snprintf(wanted, sizeof(wanted),
		"it is encrypted with the key %s, which is not among the keys that there are", id);
	assert_string_equal(err.text, wanted);
	assert_int_equal(open_with(NULL, file, size, &plain, &plain_size), -ENOKEY);
	snprintf(
		wanted, sizeof(wanted), "it is encrypted with the key %s, which was not given", id);
	assert_string_equal(err.text, wanted);
	assert_int_equal(sealed_refuse(file, size, &err), -EACCES);
	free(file);
}

// Another key under the id that is wanted: only somebody who forges the header's id comes so far.
static void another_key_of_the_same_id_is_refused(void **state)
{
	size_t size, plain_size;
	uint8_t *file = seal(SMALL_BYTES, &size);
	void *plain;

	memcpy(file + 16, image_keys_first(other_keys)->id, IMAGE_KEY_ID_BYTES);
	assert_int_equal(open_with(other_keys, file, size, &plain, &plain_size), -EBADMSG);
	assert_null(plain);
	free(file);
}

static void an_image_beyond_the_limit_is_refused(void **state)
{
	size_t size, plain_size;
	uint8_t *file = seal(SMALL_BYTES, &size);
	void *plain;

	assert_int_equal(sealed_open(file, size, keys, SMALL_BYTES - 1, SECRECY_TRIED, &plain,
				 &plain_size, &err),
		-EFBIG);
	set_length(file, UINT64_MAX);
	refused(file, size);
	set_length(file, 0);
	refused(file, size);
	free(file);
}

static void several_keys_are_found_by_their_ids(void **state)
{
	size_t size, plain_size;
	uint8_t *file = seal(SMALL_BYTES, &size);
	struct image_keys *both = read_keys(other_path);
	void *plain;

	assert_int_equal(image_keys_read(both, path, &err), 0);
	assert_int_equal(image_keys_read(both, path, &err), 0); // again: it is not added twice
	assert_int_equal(image_keys_count(both), 2);
	assert_int_equal(open_with(both, file, size, &plain, &plain_size), 0);
	secret_free(plain, plain_size);
	image_keys_destroy(both);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_what_was_encrypted),
		cmocka_unit_test(same_image_twice_is_not_the_same),
		cmocka_unit_test(any_bit_changed_is_refused),
		cmocka_unit_test(any_length_but_its_own_is_refused),
		cmocka_unit_test(cut_at_a_chunk_is_refused),
		cmocka_unit_test(chunks_out_of_order_are_refused),
		cmocka_unit_test(parts_of_another_file_are_refused),
		cmocka_unit_test(a_stream_without_our_header_is_refused),
		cmocka_unit_test(a_last_chunk_not_marked_so_is_refused),
		cmocka_unit_test(other_keys_are_refused_by_the_id_that_is_wanted),
		cmocka_unit_test(another_key_of_the_same_id_is_refused),
		cmocka_unit_test(an_image_beyond_the_limit_is_refused),
		cmocka_unit_test(several_keys_are_found_by_their_ids),
	};

	return cmocka_run_group_tests_name("sealed", tests, setup, teardown);
}
