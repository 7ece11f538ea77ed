// SPDX-License-Identifier: BSD-3-Clause
// Keys of encrypted images. A file of them is a text with a line for each:
//     martlet-image-key: 0123456789abcdef <64 hexadecimal digits>
// Blank lines and lines that begin with # are passed over. The first number is the key's id, which an encrypted
// image names: the first 8 bytes of BLAKE2b, keyed with the key, over "martlet image key 1". It says nothing of
// the key, and a digit of either that is wrong is noticed. Call sodium_init() before. Blocks; one thread at a time.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_KEY_BYTES      32
#define IMAGE_KEY_ID_BYTES   8
#define IMAGE_KEY_ID_TEXT    (2 * IMAGE_KEY_ID_BYTES + 1) // hexadecimal, with its NUL
#define IMAGE_KEYS_MAX       64
#define IMAGE_KEY_CREDENTIAL "credential:" // in front of a systemd credential's name

struct image_key {
	uint8_t id[IMAGE_KEY_ID_BYTES];
	uint8_t bytes[IMAGE_KEY_BYTES];
};

struct image_keys; // in locked memory, out of core dumps, read-only but while they are added to

// NULL without memory.
struct image_keys *image_keys_create(void);
void image_keys_destroy(struct image_keys *keys); // NULL is fine; wipes them

// Adds those of a file, which must be a secret as base/trust/trusted_file.h has it and hold one at least.
// `path` is a path, or "credential:NAME" for the file NAME in the folder $CREDENTIALS_DIRECTORY, where systemd
// puts those of LoadCredential= and LoadCredentialEncrypted=. A key that is there already is not added again.
// 0, or a negative errno with a sentence; none is added then.
int image_keys_read(struct image_keys *keys, const char *path, struct error *err);

uint32_t image_keys_count(const struct image_keys *keys);
// The first of them; NULL where there is none.
const struct image_key *image_keys_first(const struct image_keys *keys);
// NULL: there is none of that id. `keys` may be NULL.
const struct image_key *image_keys_find(
	const struct image_keys *keys, const uint8_t id[IMAGE_KEY_ID_BYTES]);

void image_key_id_text(const uint8_t id[IMAGE_KEY_ID_BYTES], char text[IMAGE_KEY_ID_TEXT]);

// Makes a file with a new key; -EEXIST where there is one. `text` gets its id.
int image_key_generate(const char *path, char text[IMAGE_KEY_ID_TEXT], struct error *err);
