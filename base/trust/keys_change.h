// SPDX-License-Identifier: BSD-3-Clause
// Changes of a file of keys (keys.h). What it says beside is kept, remarks included. Each holds the file's
// lock and puts a whole file in the old one's place. Blocks; sodium_init() comes before.
#pragma once

#include "base/trust/keys.h"

// Adds a key with a secret of its own, which is written to it, and makes the file where there is none. `id` 0:
// the one above the highest, or the lowest that is free. -EEXIST where the id is taken; -ENOSPC; what keys_read()
// returns.
int keys_add(const char *path, struct wire_key *key, struct error *err);
// The key is good until `when` (seconds since 1970). One that has retired before stays so. *key is what
// becomes of it. -ENOENT where there is no such key.
int keys_retire(
	const char *path, uint16_t id, int64_t when, struct wire_key *key, struct error *err);
// Makes a file with this key alone, for a client. -EEXIST.
int keys_create(const char *path, const struct wire_key *key, struct error *err);
