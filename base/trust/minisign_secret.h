// SPDX-License-Identifier: BSD-3-Clause
// minisign's secret keys, and the text of their files: by itself, or encrypted by a password that scrypt makes
// slow to guess. Any thread, once sodium_init() was called; with a password each call takes a second and
// up to 1 GiB of memory.
#pragma once

#include "base/trust/minisign.h"

#include <stdbool.h>

// What scrypt spends on a password: minisign's own figures, and what a file may ask for at most. Where there is
// not so much memory a new file asks for half of both, down to the least.
struct minisign_cost {
	uint64_t operations, memory_bytes;
};
extern const struct minisign_cost MINISIGN_COST;

// A new pair.
void minisign_make(struct minisign_secret *secret, struct minisign_public *key);
void minisign_public_of(const struct minisign_secret *secret, struct minisign_public *key);
void minisign_secret_fini(struct minisign_secret *secret); // wipes it

// Whether text[size] is a secret key that takes a password. -EINVAL where it is none at all.
int minisign_secret_is_locked(const char *text, size_t size, bool *is_locked, struct error *err);
// `password` is of use where it is locked, and may be NULL else. -EACCES: it is the wrong one; -ENOMEM: scrypt has
// not the memory that the file asks for; -EINVAL.
int minisign_secret_parse(const char *text, size_t size, const char *password,
	struct minisign_secret *secret, struct error *err);

#define MINISIGN_SECRET_BYTES 512 // of a file's text, with its NUL
// `password` NULL: the key stands in it as it is. The caller wipes the text. -ENOMEM.
int minisign_secret_format(const struct minisign_secret *secret, const char *password,
	const struct minisign_cost *cost, char text[MINISIGN_SECRET_BYTES], struct error *err);
