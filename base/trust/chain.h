// SPDX-License-Identifier: BSD-3-Clause
// The audit log's format: lines of JSON, each with the hash of the one before. Any thread; nothing here
// allocates or blocks.
//
//     {"seq":12,"at":"2026-11-29T17:00:00.123456Z","kind":"result",...,"prev":"<64>","hash":"<64>"}
//
// A line is one flat object of strings, numbers without a sign, true and false, in the order of CHAIN_FIELDS,
// without blanks, and ends with a newline. Fields that are not known are a later martletd's; none is there
// twice. `hash` is the BLAKE2b of 32 bytes, without a key, of the line's bytes up to and without `,"hash":"`;
// what follows these is `,"hash":"`, the hash in 64 lower-case hexadecimal digits and `"}`. `prev` is the hash
// of the line before, 64 zeros in the first of all, whose `seq` is 1. So every byte of a line is bound by its
// own hash, and every line by all that follow.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_LINE_BYTES_MAX 4096 // with its newline
#define CHAIN_HEX_BYTES      65   // of a hash in hexadecimal, with its NUL
#define CHAIN_TIME_BYTES     28   // "2026-11-29T17:00:00.123456Z", with its NUL

// X(name, what it says)
#define CHAIN_FIELDS(X)                                                                            \
	X(seq)       /* 1, 2, ... */                                                               \
	X(at)        /* UTC */                                                                     \
	X(kind)      /* CHAIN_KINDS */                                                             \
	X(by)        /* "uid 1000", "token ci-push", "certificate CN=gate", "martletd" */          \
	X(from)      /* "unix", "127.0.0.1" */                                                     \
	X(what)      /* "PUT /v1/models/lab/deployment", "end the canary" */                       \
	X(model)     /* its name */                                                                \
	X(version)   /* a number */                                                                \
	X(sha256)    /* of the version's image */                                                  \
	X(allowed)   /* whether it was let through */                                              \
	X(status)    /* HTTP's */                                                                  \
	X(why)       /* a sentence */                                                              \
	X(of)        /* result: the line of its request */                                         \
	X(n)         /* omitted: how many */                                                       \
	X(torn)      /* recovered: bytes between the line before and this one */                   \
	X(torn_hash) /* ... their BLAKE2b of 32 bytes */                                           \
	X(key)       /* checkpoint: the public key */                                              \
	X(signature) /* ... and its signature: chain_sign.h */                                     \
	X(prev)                                                                                    \
	X(hash)

enum chain_field {
#define X(name) CHAIN_##name,
	CHAIN_FIELDS(X)
#undef X
		CHAIN_FIELD_COUNT
};

// X(name, text, what it is)
#define CHAIN_KINDS(X)                                                                             \
	X(START, "start")         /* martletd runs */                                              \
	X(STOP, "stop")           /* ... and ends */                                               \
	X(REQUEST, "request")     /* somebody asks for a change; it is made after this line */     \
	X(RESULT, "result")       /* what became of it */                                          \
	X(REFUSED, "refused")     /* a request that got no further */                              \
	X(OWN, "own")             /* a change that nobody asked for: rollback, retention */        \
	X(OMITTED, "omitted")     /* lines that were not written: too many, or the disk failed */  \
	X(RECOVERED, "recovered") /* a crash left a piece of a line, which stays before this */    \
	X(DAMAGED, "damaged")     /* at its start martletd found lines missing or changed */       \
	X(CHECKPOINT, "checkpoint") /* signed */

enum chain_kind {
#define X(name, text) CHAIN_##name,
	CHAIN_KINDS(X)
#undef X
		CHAIN_KIND_COUNT
};

// A line by its number and hash; {0, "000..."} is before the first.
struct chain_place {
	uint64_t seq;
	char hash[CHAIN_HEX_BYTES];
};

// What a line is to say. NULL, 0 and false: nothing of it.
struct chain_entry {
	enum chain_kind kind;
	int64_t at_us; // since 1970
	const char *by, *from, *what, *model;
	uint32_t version;
	const char *sha256;
	bool says_allowed, allowed;
	int status;
	const char *why;
	uint64_t of, n, torn;
	const char *torn_hash, *key, *signature;
};

struct chain_value {
	const char *at; // a string without its quotes, as it stands in the line, escapes and all
	size_t bytes;
	bool is_string; // else a number, true or false
};

struct chain_line {
	struct chain_value fields[CHAIN_FIELD_COUNT]; // at NULL: not there
	uint64_t seq;
	enum chain_kind kind; // CHAIN_KIND_COUNT: a later martletd's
	char prev[CHAIN_HEX_BYTES], hash[CHAIN_HEX_BYTES];
};

void chain_begin(struct chain_place *place); // before the first line
// Makes the line that follows `place`, newline and all, and moves `place` on to it. Its size. What is too long
// of a text is cut and ends in "..."; bytes that are no UTF-8 become '?'.
size_t chain_write(struct chain_place *place, const struct chain_entry *entry,
	char line[CHAIN_LINE_BYTES_MAX]);
// Reads a line[size] without its newline. -EINVAL where it is none, or its hash is not that of its bytes: then
// with a clause that says so ("its hash is not that of its bytes").
int chain_read(const char *line, size_t size, struct chain_line *out, struct error *err);

// A number of a line; 0 where there is none, or it is none of 64 bits.
uint64_t chain_number(const struct chain_line *line, enum chain_field field);
// Whether a field is there and is a string of these bytes.
bool chain_is(const struct chain_line *line, enum chain_field field, const char *text);
void chain_time(int64_t at_us, char text[CHAIN_TIME_BYTES]);
// The BLAKE2b of 32 bytes in hexadecimal.
void chain_hash(const void *bytes, size_t size, char hex[CHAIN_HEX_BYTES]);
// Whether text[bytes] is of so many lower-case hexadecimal digits.
bool chain_is_hex(const char *text, size_t bytes, size_t digits);
