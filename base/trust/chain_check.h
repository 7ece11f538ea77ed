// SPDX-License-Identifier: BSD-3-Clause
// Reads an audit log as it comes, in pieces of any size, and finds the first line that was changed, removed, added
// or put elsewhere. What comes may be anything; memory is that of one line. Any thread.
//
// A log may begin with any line: what was before it is not here, and *first says so; what a crash left before it neither. The last line may be the
// beginning of one that a crash cut: that is told by chain_check_end(). In the midst of a log such a piece is
// good where a line of kind "recovered" follows at once that tells its size and hash.
#pragma once

#include "base/trust/chain.h"

struct chain_check;

// A good line, without its newline.
typedef void (*chain_taken)(
	void *arg, const char *text, size_t bytes, const struct chain_line *line);

struct chain_found {
	struct chain_place first,
		last; // the first line that was read, and the last good one; seq 0: none
	char before[CHAIN_HEX_BYTES];                    // the first line's `prev`
	uint64_t lines, checkpoints, recovered, omitted; // so many; omitted: the sum of their `n`
	uint64_t signed_seq;       // a checkpoint binds the lines up to it; 0: there is none
	char key[CHAIN_HEX_BYTES]; // the checkpoints'; "": there is none
	// Behind the last good line, up to the end: a piece of a line, and its hash, a newline added where it has none.
	uint64_t torn;
	char torn_hash[CHAIN_HEX_BYTES];
	bool lacks_newline; // of the piece; or, where there is no piece, of the last line
};

// `key`: the public key in hexadecimal that checkpoints must have; NULL: all of them the first one's. `taken` may be NULL.
// NULL without memory.
struct chain_check *chain_check_create(const char *key, chain_taken taken, void *arg);
void chain_check_destroy(struct chain_check *check); // NULL is fine
// The next bytes of the log. -EINVAL, once and for all: what is wrong with which line, and what then may have happened.
int chain_check_take(struct chain_check *check, const char *bytes, size_t size, struct error *err);
// The log goes on in another file: no line does, nor does what a crash left. -EINVAL as before.
int chain_check_file_ends(struct chain_check *check, struct error *err);
// No more comes. -EINVAL as before; a torn end is no error.
int chain_check_end(struct chain_check *check, struct error *err);
const struct chain_found *chain_check_found(const struct chain_check *check);
