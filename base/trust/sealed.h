// SPDX-License-Identifier: BSD-3-Clause
// Encrypted images: a header in the clear, then the image in chunks of XChaCha20-Poly1305, as libsodium's
// crypto_secretstream makes them. Little-endian:
//
//	 0	8	"MARTSEAL"
//	 8	4	version, 1
//	12	4	chunk bytes of the image: 64 KiB, 128 KiB, ... 1 MiB
//	16	8	id of the key (base/trust/image_keys.h)
//	24	8	bytes of the image, at least 1
//	32	24	secretstream's header: a random nonce
//	56	8	0
//	64	...	chunks: each as many bytes of the image, the last one what is left, and 17 more
//
// All of the header is associated data of each chunk, and the last chunk alone has TAG_FINAL: a chunk that is
// changed, missing, out of order or another file's, another header, and a byte more or less are all refused,
// before any of the chunk is handed on. The file's length follows from the header. Call sodium_init() before.
// Any thread, each with its own stream.
#pragma once

#include "base/error.h"
#include "base/secret.h"
#include "base/trust/image_keys.h"

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEALED_HEADER_BYTES 64
#define SEALED_CHUNK_MIN    (1u << 16)
#define SEALED_CHUNK_MAX    (1u << 20)
#define SEALED_CHUNK        (1u << 18) // of what is made here
#define SEALED_CHUNK_MORE   crypto_secretstream_xchacha20poly1305_ABYTES
#define SEALED_BYTES_MAX    ((uint64_t)1 << 40) // of the image

// Do these, a file's first bytes, say that it is an encrypted image?
bool sealed_is(const void *bytes, size_t size);

struct sealed_header {
	uint32_t chunk_bytes;
	uint8_t key_id[IMAGE_KEY_ID_BYTES];
	uint64_t image_bytes;
};

// Reads a header of SEALED_HEADER_BYTES. -EINVAL, -ENOTSUP for a later version. Nothing in it is proven yet.
int sealed_read_header(const void *bytes, struct sealed_header *header, struct error *err);
// The length of the whole file.
uint64_t sealed_file_bytes(const struct sealed_header *header);

// For who works on the image itself: refuses an encrypted one with a sentence that names its key.
int sealed_refuse(const void *file, size_t file_bytes, struct error *err);

struct sealed_stream {
	crypto_secretstream_xchacha20poly1305_state state;
	uint8_t header[SEALED_HEADER_BYTES];
	uint32_t chunk_bytes;
	uint64_t left;   // of the image
	uint64_t number; // of the next chunk
};

// Writes the header of an image of so many bytes, at least 1 and at most SEALED_BYTES_MAX. `chunk_bytes` as above.
void sealed_encrypt_begin(struct sealed_stream *stream, const struct image_key *key,
	uint64_t image_bytes, uint32_t chunk_bytes);
// Reads a header. -ENOKEY where the key is not among `keys`, which may be NULL, with the id that is wanted.
int sealed_decrypt_begin(struct sealed_stream *stream, const struct image_keys *keys,
	const uint8_t header[SEALED_HEADER_BYTES], struct error *err);
// Bytes of the image in the next chunk; 0: there is none. In the file it is SEALED_CHUNK_MORE longer.
uint32_t sealed_next(const struct sealed_stream *stream);
// The next chunk.
void sealed_encrypt(struct sealed_stream *stream, const void *plain, void *chunk);
// -EBADMSG: it is not what was encrypted here, and nothing is in `plain` that could be used.
int sealed_decrypt(struct sealed_stream *stream, const void *chunk, void *plain, struct error *err);
void sealed_end(struct sealed_stream *stream); // wipes it

// Decrypts a whole file into *plain, memory by secret_alloc() that the caller gives back with
// secret_free(*plain, *size). At most `bytes_max` bytes of an image. As above, -EFBIG, -ENOMEM, and -EPERM where
// the memory cannot be locked.
int sealed_open(const void *file, size_t file_bytes, const struct image_keys *keys,
	size_t bytes_max, enum secrecy secrecy, void **plain, size_t *size, struct error *err);
