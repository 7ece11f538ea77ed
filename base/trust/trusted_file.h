// SPDX-License-Identifier: BSD-3-Clause
// Small files that trust rests on: keys, tokens, policies. One is believed only where nobody but root or
// the process's own user can have written it, and a secret only where nobody else can read it. Blocks;
// any thread. Errors are sentences that name the file and what would be right ("chmod 600 keys").
#pragma once

#include "base/error.h"

#include <stddef.h>

enum trusted_file_kind {
	TRUSTED_SECRET, // others may not read it either: keys. Group root may, as systemd's credentials have it
	TRUSTED_PUBLIC, // anybody may read it: public keys, hashes of tokens
};

#define TRUSTED_BYTES_MAX ((size_t)1 << 20)
// As whom martletd runs: whose files root may read and replace, too.
#define TRUSTED_SERVICE_USER "martlet"

// Another user is it, as the configuration has it; "": nobody is. Once, before there are threads; `name` stays where it
// is.
void trusted_file_set_service_user(const char *name);

// Reads the file whole. It and its folder belong to root or to us, group and others cannot write them (a
// folder with the sticky bit is fine), and its last component is no link.
// *bytes lies between guard pages, is locked where the limits let it be, in no core dump, and is followed by
// a zero byte that does not count; trusted_file_free() wipes it. Call sodium_init() before.
// -EPERM: somebody else could have changed it, or can read it; -ELOOP: a link; -EFBIG; else what opening or
// reading it said. On an error *bytes is NULL.
int trusted_file_read(const char *path, enum trusted_file_kind kind, void **bytes, size_t *size,
	struct error *err);
// The same where martletd is to run as `service`, by a configuration that is not in force yet: the file may be that
// user's, too, whoever asks. "": nobody's; NULL: as it was set above.
int trusted_file_read_of(const char *path, enum trusted_file_kind kind, const char *service,
	void **bytes, size_t *size, struct error *err);
void trusted_file_free(void *bytes); // NULL is fine

// Puts a file with these bytes in the place of the one at `path`, or makes it: 0600 a secret, 0644 otherwise,
// whatever the umask. Where root does it, it belongs to whom the old one belonged to. A crash leaves the old
// one or the new one, whole.
int trusted_file_replace(const char *path, enum trusted_file_kind kind, const void *bytes,
	size_t size, struct error *err);
// Makes it; -EEXIST where there is one.
int trusted_file_create(const char *path, enum trusted_file_kind kind, const void *bytes,
	size_t size, struct error *err);

// Who changes such a file reads it, changes it and replaces it while holding its lock: "<path>.lock" beside
// it, which stays. The descriptor to close() when done; waits for who holds it. A negative errno with a
// sentence.
int trusted_file_lock(const char *path, struct error *err);
