// SPDX-License-Identifier: BSD-3-Clause
// The signatures of an audit log: Ed25519, by a key that its appliance makes at its first start.
//
// A checkpoint, one of the log's lines, has the public key and a signature of this text, its own number, time and
// `prev` put in, each on a line:
//     martlet audit checkpoint / 12 / 2026-11-29T17:00:00.123456Z / <64 digits>
// The head, a small file beside the log that is written anew after each line, is
//     {"seq":12,"hash":"<64>","key":"<64>","signature":"<128>"}
// with blanks up to CHAIN_HEAD_BYTES, the last one a newline; its signature is of
//     martlet audit head / 12 / <64 digits>
// Each of these lines ends with a newline, the last one too. Key files have one line: "martlet-audit-secret <64 digits>" (the
// seed) and "martlet-audit-public <64 digits>".
//
// sodium_init() is called before. Any thread; files block.
#pragma once

#include "base/trust/chain.h"

#define CHAIN_SIGNATURE_BYTES 129 // in hexadecimal, with its NUL
#define CHAIN_HEAD_BYTES      384 // of the head's file

#define CHAIN_SECRET_FILE "audit.key"
#define CHAIN_PUBLIC_FILE "audit.pub"
#define CHAIN_HEAD_FILE   "head"

struct chain_key {
	unsigned char secret[64];
	char public_hex[CHAIN_HEX_BYTES];
};

// Reads the secret key at `path`. -ENOENT; an error is a sentence with the path.
int chain_key_read(const char *path, struct chain_key *key, struct error *err);
// The same, and makes it where there is no such file. Puts the public half beside it, with .pub in
// the place of its ending, or behind its name, where it is not there or another.
int chain_key_open(const char *path, struct chain_key *key, struct error *err);
void chain_key_wipe(struct chain_key *key);
// Reads a public key's file.
int chain_public_read(const char *path, char hex[CHAIN_HEX_BYTES], struct error *err);

// A checkpoint behind `place`, as chain_write().
size_t chain_checkpoint(const struct chain_key *key, struct chain_place *place, int64_t at_us,
	char line[CHAIN_LINE_BYTES_MAX]);
// Whether a line that chain_read() gave is a checkpoint whose signature is that of the key that it names.
bool chain_checkpoint_holds(const struct chain_line *line);

// The head's file for that place.
void chain_head_write(
	const struct chain_key *key, const struct chain_place *place, char head[CHAIN_HEAD_BYTES]);
// Reads one: the place, and the key that signed it. -EINVAL where it is none, or its signature is not good.
int chain_head_read(const char *head, size_t size, struct chain_place *place,
	char key[CHAIN_HEX_BYTES], struct error *err);
