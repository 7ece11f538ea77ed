// SPDX-License-Identifier: BSD-3-Clause
// The signature of minisign that stands beside an image, for the commands that read one. Errors are negative errnos with
// a sentence that names the file. Call tool_has_sodium() before.
#pragma once

#include "base/error.h"
#include "base/trust/minisign.h"

#include <limits.h>

// Where the signature of `image` stands: IMAGE.minisig. -ENAMETOOLONG.
int signature_path(const char *image, char path[PATH_MAX], struct error *err);
// -ENOENT where there is no such file.
int signature_read(const char *path, struct minisign_signature *signature, struct error *err);
int signature_hash_file(const char *path, uint8_t hash[MINISIGN_HASH_BYTES], struct error *err);
// Whether this key signed what has this hash, which sentences call `name`. -EBADMSG.
int signature_check(const char *name, const struct minisign_public *key,
	const uint8_t hash[MINISIGN_HASH_BYTES], const struct minisign_signature *signature,
	struct error *err);
