// SPDX-License-Identifier: BSD-3-Clause
// The keys of authenticated datagrams (docs/wire.md), in a file of their own. One key a line, in six fields
// that blanks part; lines that begin with '#', and empty ones, are remarks:
//
//   ID  SECRET                            NAME    MODELS      NOT-BEFORE            RETIRES
//   7   000102030405060708090a0b0c0d0e0f  gate-a  fraud,lab   -                     2026-12-01T00:00:00Z
//
// ID is what datagrams name it by, 1 to 65535; SECRET its 16 bytes in hexadecimal digits; NAME is for people.
// MODELS are those it may use, or * for all. It is good from NOT-BEFORE on, until RETIRES, both UTC; - is no
// limit. A key that has retired stays in the file, so that its id is given to no other.
#pragma once

#include "base/error.h"
#include "base/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_SECRET_BYTES 16
#define KEY_MODELS_MAX   16   // of one key
#define KEYS_MAX         4096 // of a file

struct wire_key {
	uint16_t id;
	uint8_t secret[KEY_SECRET_BYTES];
	char name[NAME_BYTES_MAX + 1];
	char models[KEY_MODELS_MAX][NAME_BYTES_MAX + 1];
	uint32_t n_models;           // 0: all
	int64_t not_before, retires; // seconds since 1970; 0: no limit
	int line;                    // in the file, from 1
};

struct wire_keys {
	uint32_t n;
	struct wire_key keys[]; // as the file has them
};

enum wire_key_state { WIRE_KEY_VALID, WIRE_KEY_NOT_YET, WIRE_KEY_RETIRED };

// What the file says, parsed. `text` ends with a NUL behind its `size` bytes; `path` is for the sentences.
// *out is wiped by keys_free(). sodium_init() comes before. -EINVAL with the line; -ENOMEM.
int keys_parse(
	const char *path, const char *text, size_t size, struct wire_keys **out, struct error *err);
// Reads and parses a file that trusted_file_read() believes; what that returns, or keys_parse().
int keys_read(const char *path, struct wire_keys **out, struct error *err);
void keys_free(struct wire_keys *keys); // NULL is fine

const struct wire_key *keys_find(const struct wire_keys *keys, uint32_t id); // NULL: there is none
// The one that a client is to use: of that id, or with id 0 the file's only one. NULL with a sentence.
const struct wire_key *keys_choose(
	const struct wire_keys *keys, const char *path, uint32_t id, struct error *err);

enum wire_key_state wire_key_state(const struct wire_key *key, int64_t now);
const char *wire_key_state_name(enum wire_key_state state); // "valid", "not yet", "retired"

// The models as the file has them: "*", "fraud,lab". Reads them into a key: -EINVAL, naming none of the file.
int wire_key_models_parse(struct wire_key *key, const char *text, struct error *err);
#define KEY_MODELS_BYTES (KEY_MODELS_MAX * (NAME_BYTES_MAX + 1) + 1)
void wire_key_models_text(const struct wire_key *key, char text[KEY_MODELS_BYTES]);
