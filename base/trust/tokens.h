// SPDX-License-Identifier: BSD-3-Clause
// Bearer tokens of the API: 32 random bytes, as "mlt_" and base64url, which is 47 characters. Who made one has seen
// it once; a file keeps its BLAKE2b-256 alone, whom it is for, its role, and when it is valid. From the hash of so
// many random bytes nobody finds them, so that the file is no secret; but who can write it can give himself a role.
// Any thread, once sodium_init() was called.
//
// The file's first line is TOKENS_HEAD; each other one has five fields, between single blanks:
//   NAME ROLE HASH NOT_BEFORE EXPIRES
// HASH: 64 lower hexadecimal digits. Times are UTC, as 2026-11-29T12:00:00Z; "-": there is none.
#pragma once

#include "base/error.h"
#include "base/name.h"
#include "base/trust/role.h"

#include <stddef.h>
#include <stdint.h>

#define TOKENS_HEAD      "# martlet tokens 1: martletctl token create, list, revoke"
#define TOKENS_MAX       1024
#define TOKEN_TEXT_BYTES 48 // with the NUL
#define TOKEN_HASH_BYTES 32

struct token {
	char name[NAME_BYTES_MAX + 1];
	enum role role;
	uint8_t hash[TOKEN_HASH_BYTES];
	int64_t not_before,
		expires; // of time(); 0: none. Valid from the first one on, before the second one
};

struct tokens {
	struct token *each;
	size_t n;
};

// -EINVAL with a sentence that names the line.
int tokens_parse(const char *text, size_t size, struct tokens *tokens, struct error *err);
char *tokens_format(const struct tokens *tokens, size_t *size); // malloc'ed; NULL without memory
void tokens_fini(struct tokens *tokens);

// The file of them, as trusted_file.h reads and writes one (TRUSTED_PUBLIC). -ENOENT where there is none.
int tokens_read(const char *path, struct tokens *tokens, struct error *err);
int tokens_write(const char *path, const struct tokens *tokens, struct error *err);

// -EEXIST where there is one of that name, -ENOSPC where there are TOKENS_MAX.
int tokens_add(struct tokens *tokens, const struct token *token, struct error *err);
// -ENOENT where there is none of that name.
int tokens_remove(struct tokens *tokens, const char *name, struct error *err);

// A token that is new: its text, to be shown once and wiped, and its hash.
void token_make(char text[TOKEN_TEXT_BYTES], uint8_t hash[TOKEN_HASH_BYTES]);
// The one whose text this is; NULL: none, or it has not even the form. The time that it takes says neither of these.
const struct token *tokens_find(const struct tokens *tokens, const char *text);

enum token_state { TOKEN_VALID, TOKEN_EARLY, TOKEN_EXPIRED };
enum token_state token_state(const struct token *token, int64_t now);
const char *token_state_name(enum token_state state); // "valid"

// A time as people write one: as the file has it, or "2026-11-29", or "90d", "12h", "30m", from `now` on.
int token_time_parse_wish(const char *text, int64_t now, int64_t *at, struct error *err);
