// SPDX-License-Identifier: BSD-3-Clause
// Which signed images of a model were ever taken, so that none that is older comes afterwards: the number that the signer
// gave (signed_comment.h) may not go back. The file STORE_ACCEPTED beside the model's versions, which stays where
// these are deleted:
//     martlet accepted 1
//     highest 7
//     3 5 <SHA-256>
//     4 7 <SHA-256>
// `highest` is the greatest such number that was ever taken; then a line for each version that is stored: its
// number in the store, the signer's number, and the SHA-256 of the image's bytes as they are stored.
//
// What comes (pushed, or imported from the configuration) needs a number not below `highest`. What lies in the
// store and was taken at its time may be gone back to, as an operator's rollback does: it stands in a line.
#pragma once

#include "base/error.h"
#include "ctl/server/models.h"

#include <stddef.h>
#include <stdint.h>

struct accepted_version {
	uint16_t version; // in the store
	uint64_t number;  // the signer's
	char sha256[RECORD_SHA256_BYTES];
};

struct accepted {
	uint64_t highest;                  // 0: none yet
	struct accepted_version *versions; // [n], in the order in which they were taken
	uint32_t n;
};

// text[size], which a zero follows; NULL: there is no such file. -EINVAL for anything but what accepted_format()
// makes; -ENOMEM.
int accepted_parse(const char *text, size_t size, struct accepted *accepted, struct error *err);
void accepted_fini(struct accepted *accepted);
// Takes one in, in the place of what was known of that version, and forgets those that `entry` (NULL: none) has
// no more. -ENOMEM.
int accepted_add(struct accepted *accepted, const struct accepted_version *version,
	const struct model_entry *entry);
// malloc'ed text; NULL without memory.
char *accepted_format(const struct accepted *accepted);

// Of an image with the signer's `number`, that came as, or lies in the store as, `version` with that SHA-256, which
// was taken at its time if it stands in a line. `is_stored`: it lies there, and was not sent to come anew. -ESTALE
// with a sentence.
int accepted_check(const struct accepted *accepted, const struct accepted_version *version,
	bool is_stored, struct error *err);
