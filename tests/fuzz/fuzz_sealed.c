// SPDX-License-Identifier: BSD-3-Clause
// Encrypted images and files of keys. The first byte says which. Of an encrypted image the header's magic, version, chunk
// and length are made right where the input's second byte is odd, so that what is behind them is reached, and so is
// its key: nothing but what was encrypted may then be handed out.
#include "base/trust/sealed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/fuzz-sealed-XXXXXX";

static void remove_file(void)
{
	unlink(path);
}

static struct image_keys *keys_of(const void *text, size_t size, struct error *err)
{
	static int fd = -1;
	struct image_keys *keys = image_keys_create();

	if (fd < 0) {
		fd = mkstemp(path);
		atexit(remove_file);
	}
	if (!keys || fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, text, size, 0) != (ssize_t)size)
		abort();
	if (image_keys_read(keys, path, err) == 0)
		return keys;
	if (image_keys_count(keys) != 0 || !err->text[0])
		abort();
	image_keys_destroy(keys);
	return NULL;
}

static void make_right(uint8_t *file, size_t size, const struct image_key *key)
{
	struct sealed_stream stream;
	uint64_t plain = size - SEALED_HEADER_BYTES;

	// As many bytes as there are behind the header hold, in chunks of the least size.
	plain -= (plain + SEALED_CHUNK_MIN + SEALED_CHUNK_MORE - 1) /
		(SEALED_CHUNK_MIN + SEALED_CHUNK_MORE) * SEALED_CHUNK_MORE;
	sealed_encrypt_begin(&stream, key, plain, SEALED_CHUNK_MIN);
	memcpy(file, stream.header, 32); // the nonce stays the input's
	memset(file + 56, 0, 8);
}

static void open_it(const uint8_t *data, size_t size, bool right)
{
	static const char LINE[] =
		"martlet-image-key: b1bd56f0b76a535b "
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
	static struct image_keys *keys;
	struct error err = { .text = "" };
	uint8_t *file = malloc(size + 1);
	size_t plain_size;
	void *plain;

	if (!keys)
		keys = keys_of(LINE, sizeof(LINE) - 1, &err);
	if (!file || !keys)
		abort();
	memcpy(file, data, size);
	if (right && size > SEALED_HEADER_BYTES + SEALED_CHUNK_MORE)
		make_right(file, size, image_keys_first(keys));
	if (sealed_open(file, size, keys, 1 << 20, SECRECY_TRIED, &plain, &plain_size, &err) == 0) {
		// The corpus holds files of zeros that were encrypted with the key; no other ones can be made.
		for (size_t i = 0; i < plain_size; i++)
			if (((const uint8_t *)plain)[i] != 0)
				abort();
		secret_free(plain, plain_size);
	} else if (plain || !err.text[0]) {
		abort();
	}
	sealed_refuse(file, size, &err);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { .text = "" };

	if (sodium_init() < 0)
		abort();
	if (size < 2)
		return 0;
	if (data[0] == 'k')
		image_keys_destroy(keys_of(data + 1, size - 1, &err));
	else
		open_it(data + 2, size - 2, data[1] & 1);
	return 0;
}
