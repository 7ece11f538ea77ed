// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/sealed.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#define VERSION 1

static const uint8_t MAGIC[8] = { 'M', 'A', 'R', 'T', 'S', 'E', 'A', 'L' };

enum { AT_VERSION = 8, AT_CHUNK = 12, AT_KEY = 16, AT_BYTES = 24, AT_NONCE = 32, AT_ZERO = 56 };

_Static_assert(AT_ZERO - AT_NONCE == crypto_secretstream_xchacha20poly1305_HEADERBYTES, "as long");
_Static_assert(IMAGE_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES, "as long");

bool sealed_is(const void *bytes, size_t size)
{
	return size >= sizeof(MAGIC) && memcmp(bytes, MAGIC, sizeof(MAGIC)) == 0;
}

static uint32_t sealed_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static uint64_t sealed_u64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static bool sealed_is_chunk(uint32_t bytes)
{
	return bytes >= SEALED_CHUNK_MIN && bytes <= SEALED_CHUNK_MAX && (bytes & (bytes - 1)) == 0;
}

int sealed_read_header(const void *bytes, struct sealed_header *header, struct error *err)
{
	const uint8_t *at = bytes;

	if (!sealed_is(bytes, SEALED_HEADER_BYTES))
		return error_set(err, -EINVAL, "it is no encrypted image");
	if (sealed_u32(at + AT_VERSION) != VERSION)
		return error_set(err, -ENOTSUP,
			"it is an encrypted image of version %" PRIu32 "; this build reads %d",
			sealed_u32(at + AT_VERSION), VERSION);
	header->chunk_bytes = sealed_u32(at + AT_CHUNK);
	header->image_bytes = sealed_u64(at + AT_BYTES);
	memcpy(header->key_id, at + AT_KEY, sizeof(header->key_id));
	if (!sealed_is_chunk(header->chunk_bytes))
		return error_set(err, -EINVAL,
			"it is a damaged encrypted image: byte %d says that its chunks have "
			"%" PRIu32 " bytes",
			AT_CHUNK, header->chunk_bytes);
	if (header->image_bytes == 0 || header->image_bytes > SEALED_BYTES_MAX)
		return error_set(err, -EINVAL,
			"it is a damaged encrypted image: byte %d says that it has %" PRIu64
			" bytes",
			AT_BYTES, header->image_bytes);
	if (sealed_u64(at + AT_ZERO) != 0)
		return error_set(
			err, -EINVAL, "it is a damaged encrypted image: byte %d is not 0", AT_ZERO);
	return 0;
}

uint64_t sealed_file_bytes(const struct sealed_header *header)
{
	const uint64_t chunks =
		(header->image_bytes + header->chunk_bytes - 1) / header->chunk_bytes;

	return SEALED_HEADER_BYTES + header->image_bytes + chunks * SEALED_CHUNK_MORE;
}

void sealed_encrypt_begin(struct sealed_stream *stream, const struct image_key *key,
	uint64_t image_bytes, uint32_t chunk_bytes)
{
	const uint32_t version = htole32(VERSION), chunk = htole32(chunk_bytes);
	const uint64_t bytes = htole64(image_bytes);

	*stream = (struct sealed_stream){ .chunk_bytes = chunk_bytes, .left = image_bytes };
	memcpy(stream->header, MAGIC, sizeof(MAGIC));
	memcpy(stream->header + AT_VERSION, &version, sizeof(version));
	memcpy(stream->header + AT_CHUNK, &chunk, sizeof(chunk));
	memcpy(stream->header + AT_KEY, key->id, sizeof(key->id));
	memcpy(stream->header + AT_BYTES, &bytes, sizeof(bytes));
	crypto_secretstream_xchacha20poly1305_init_push(
		&stream->state, stream->header + AT_NONCE, key->bytes);
}

int sealed_decrypt_begin(struct sealed_stream *stream, const struct image_keys *keys,
	const uint8_t bytes[SEALED_HEADER_BYTES], struct error *err)
{
	char id[IMAGE_KEY_ID_TEXT];
	const struct image_key *key;
	struct sealed_header header;
	int rc = sealed_read_header(bytes, &header, err);

	if (rc != 0)
		return rc;
	key = image_keys_find(keys, header.key_id);
	if (!key) {
		image_key_id_text(header.key_id, id);
		return error_set(err, -ENOKEY, "it is encrypted with the key %s, which %s", id,
			keys ? "is not among the keys that there are" : "was not given");
	}
	*stream = (struct sealed_stream){ .chunk_bytes = header.chunk_bytes,
		.left = header.image_bytes };
	memcpy(stream->header, bytes, SEALED_HEADER_BYTES);
	if (crypto_secretstream_xchacha20poly1305_init_pull(
		    &stream->state, bytes + AT_NONCE, key->bytes) != 0)
		return error_set(
			err, -EBADMSG, "it is a damaged encrypted image: its nonce is none");
	return 0;
}

uint32_t sealed_next(const struct sealed_stream *stream)
{
	return stream->left < stream->chunk_bytes ? (uint32_t)stream->left : stream->chunk_bytes;
}

// What the next chunk is to say of itself.
static uint8_t sealed_tag(const struct sealed_stream *stream)
{
	return stream->left <= stream->chunk_bytes
		? crypto_secretstream_xchacha20poly1305_TAG_FINAL
		: crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
}

void sealed_encrypt(struct sealed_stream *stream, const void *plain, void *chunk)
{
	const uint32_t bytes = sealed_next(stream);

	crypto_secretstream_xchacha20poly1305_push(&stream->state, chunk, NULL, plain, bytes,
		stream->header, SEALED_HEADER_BYTES, sealed_tag(stream));
	stream->left -= bytes;
	stream->number++;
}

int sealed_decrypt(struct sealed_stream *stream, const void *chunk, void *plain, struct error *err)
{
	const uint32_t bytes = sealed_next(stream);
	uint8_t tag = 0;

	if (crypto_secretstream_xchacha20poly1305_pull(&stream->state, plain, NULL, &tag, chunk,
		    bytes + SEALED_CHUNK_MORE, stream->header, SEALED_HEADER_BYTES) != 0 ||
		tag != sealed_tag(stream)) {
		sodium_memzero(plain, bytes);
		return error_set(err, -EBADMSG,
			"it is a damaged or forged encrypted image: its chunk %" PRIu64
			" is not what was encrypted",
			stream->number + 1);
	}
	stream->left -= bytes;
	stream->number++;
	return 0;
}

void sealed_end(struct sealed_stream *stream)
{
	sodium_memzero(stream, sizeof(*stream));
}

static int sealed_check_size(
	size_t file_bytes, const struct sealed_header *header, size_t bytes_max, struct error *err)
{
	const uint64_t wanted = sealed_file_bytes(header);

	if (wanted != file_bytes)
		return error_set(err, -EINVAL,
			"it is a damaged encrypted image: it has %zu bytes, and its header says "
			"%" PRIu64,
			file_bytes, wanted);
	if (header->image_bytes > bytes_max)
		return error_set(err, -EFBIG,
			"it is an encrypted image of %" PRIu64 " bytes, at most %zu are supported",
			header->image_bytes, bytes_max);
	return 0;
}

static int sealed_decrypt_all(
	struct sealed_stream *stream, const uint8_t *chunk, uint8_t *plain, struct error *err)
{
	for (uint32_t bytes; (bytes = sealed_next(stream)) > 0;) {
		const int rc = sealed_decrypt(stream, chunk, plain, err);

		if (rc != 0)
			return rc;
		chunk += bytes + SEALED_CHUNK_MORE;
		plain += bytes;
	}
	return 0;
}

int sealed_open(const void *file, size_t file_bytes, const struct image_keys *keys,
	size_t bytes_max, enum secrecy secrecy, void **plain, size_t *size, struct error *err)
{
	struct sealed_header header;
	struct sealed_stream stream;
	int rc;

	*plain = NULL;
	if (file_bytes < SEALED_HEADER_BYTES)
		return error_set(err, -EINVAL,
			"it is a damaged encrypted image: it has %zu bytes, and its header alone "
			"%d",
			file_bytes, SEALED_HEADER_BYTES);
	rc = sealed_read_header(file, &header, err);
	if (rc == 0)
		rc = sealed_check_size(file_bytes, &header, bytes_max, err);
	if (rc == 0)
		rc = sealed_decrypt_begin(&stream, keys, file, err);
	if (rc != 0)
		return rc;
	*size = (size_t)header.image_bytes;
	*plain = secret_alloc(*size, secrecy);
	if (!*plain)
		rc = error_set(err, errno == EPERM ? -EPERM : -ENOMEM,
			"no memory for the %zu bytes of the decrypted image", *size);
	else
		rc = sealed_decrypt_all(
			&stream, (const uint8_t *)file + SEALED_HEADER_BYTES, *plain, err);
	sealed_end(&stream);
	if (rc != 0) {
		secret_free(*plain, *size);
		*plain = NULL;
	}
	return rc;
}

int sealed_refuse(const void *file, size_t file_bytes, struct error *err)
{
	struct sealed_header header;
	char id[IMAGE_KEY_ID_TEXT];

	if (file_bytes < SEALED_HEADER_BYTES)
		return error_set(err, -EINVAL, "it is a damaged encrypted image");
	if (sealed_read_header(file, &header, err) != 0)
		return err->code;
	image_key_id_text(header.key_id, id);
	return error_set(err, -EACCES,
		"it is encrypted with the key %s: decrypt it first, with martletctl model decrypt",
		id);
}
