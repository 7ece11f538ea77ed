// SPDX-License-Identifier: BSD-3-Clause
// The bearer tokens that are valid, read from their file, and when each was used last. Control thread only.
#pragma once

#include "base/trust/tokens.h"
#include "config/settings.h"

#include <stdbool.h>
#include <sys/stat.h>

struct bearer_use {
	uint64_t id;  // bearer_id() of the token
	int64_t at;   // of time(); 0: never
	bool is_over; // it was seen to have expired
};

struct bearer {
	char path[CONFIG_PATH_MAX]; // "": there are none
	struct tokens tokens;
	struct bearer_use *used; // one of each token
	struct stat seen;        // the file, as it was when it was read last, or tried to be
};

// What a token is known by while it is valid; never 0.
uint64_t bearer_id(const struct token *token);

// Reads the file; that there is none yet means that there are no tokens. An error leaves nothing to free.
int bearer_read(const char *path, struct bearer *bearer, struct error *err);
void bearer_fini(struct bearer *bearer);
// Takes over from `before` when tokens were used and which are over, but for those that expire at another time now.
void bearer_inherit(struct bearer *bearer, const struct bearer *before);
// Remembers how the file is now.
void bearer_look(struct bearer *bearer);
// Whether the file is another than when it was read last.
bool bearer_is_outdated(const struct bearer *bearer);

// The time of the use of tokens->each[i].
void bearer_use(struct bearer *bearer, const struct token *token, int64_t at);
// Notes which tokens have expired: a clock that is set back later makes them good no more.
void bearer_watch(struct bearer *bearer, int64_t now);
enum token_state bearer_state(const struct bearer *bearer, const struct token *token, int64_t now);
const struct token *bearer_find_id(const struct bearer *bearer, uint64_t id);

// The times are kept in a file of their own, so that a restart does not lose them: a line "ID TIME" each. What cannot
// be read of it is passed over. Writing takes the memory's time alone, since nothing waits for the disk.
void bearer_load_uses(struct bearer *bearer, const char *path);
int bearer_save_uses(const struct bearer *bearer, const char *path, struct error *err);
