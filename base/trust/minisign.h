// SPDX-License-Identifier: BSD-3-Clause
// Signatures of files as minisign makes and checks them (https://jedisct1.github.io/minisign/): Ed25519 over the
// BLAKE2b-512 of the file, "ED". The older "Ed", over the file itself, is refused, as by minisign -H. Texts are
// read strictly: one form alone is taken, and nothing may follow it. Any thread, once sodium_init() was called.
//
// A public key is a line of comment and a line of base64; or, where it stands in a configuration or on a command
// line, the latter by itself. A signature has four lines: "untrusted comment: ...", base64 of the signature,
// "trusted comment: ...", base64 of a second signature over the first one and this comment.
//
// A key's id says which key to try, and no more: anybody can make a key with the same one.
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define MINISIGN_ID_BYTES        8
#define MINISIGN_ID_TEXT         17 // 16 hexadecimal digits and the NUL
#define MINISIGN_HASH_BYTES      64
#define MINISIGN_COMMENT_BYTES   8192       // of a trusted comment, with the NUL
#define MINISIGN_PUBLIC_BYTES    57         // of a public key as base64, with the NUL
#define MINISIGN_SIGNATURE_BYTES (16 << 10) // no text of a signature is longer
#define MINISIGN_UNTRUSTED                                                                         \
	"untrusted comment: "         // what the first line of each text but a bare key begins with
#define MINISIGN_UNTRUSTED_BYTES 1024 // of that line, with the NUL, as minisign reads it
#define MINISIGN_SUFFIX          ".minisig" // of a signature's file, behind the name of what it signs

extern const uint8_t MINISIGN_ALGORITHM[2]; // "Ed", of keys

struct minisign_public {
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t key[32];
};

struct minisign_secret { // to be wiped by minisign_secret_fini()
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t key[64];
};

struct minisign_signature {
	uint8_t id[MINISIGN_ID_BYTES];
	uint8_t of_hash[64];
	uint8_t of_comment[64];
	char comment[MINISIGN_COMMENT_BYTES]; // UTF-8 without control characters but tabs
};

// As minisign shows it: the id read as a little-endian number.
void minisign_id_text(const uint8_t id[MINISIGN_ID_BYTES], char text[MINISIGN_ID_TEXT]);

// text[size] need not be terminated. -EINVAL, and -ENOTSUP for "Ed", with a sentence that names no file.
int minisign_public_parse(
	const char *text, size_t size, struct minisign_public *key, struct error *err);
// Of what an operator gives: the key itself, as base64, or the file of it, which trusted_file_read() must believe. Its
// errors, too; `service` as trusted_file_read_of() has it. Call sodium_init() before.
int minisign_public_read(
	const char *given, const char *service, struct minisign_public *key, struct error *err);
int minisign_signature_parse(
	const char *text, size_t size, struct minisign_signature *signature, struct error *err);

// The base64 alone.
void minisign_public_text(const struct minisign_public *key, char text[MINISIGN_PUBLIC_BYTES]);
// malloc'ed; NULL without memory.
char *minisign_public_format(const struct minisign_public *key);
char *minisign_signature_format(const struct minisign_signature *signature);

void minisign_hash(const void *bytes, size_t size, uint8_t hash[MINISIGN_HASH_BYTES]);
// Of the open file, from where it stands to its end. What reading said.
int minisign_hash_file(int fd, uint8_t hash[MINISIGN_HASH_BYTES]);

void minisign_sign(const struct minisign_secret *secret, const uint8_t hash[MINISIGN_HASH_BYTES],
	const char *comment, struct minisign_signature *signature);
// Both signatures, whatever the ids say. -EBADMSG with a sentence that says which one is wrong.
int minisign_check(const struct minisign_public *key, const uint8_t hash[MINISIGN_HASH_BYTES],
	const struct minisign_signature *signature, struct error *err);
