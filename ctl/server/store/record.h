// SPDX-License-Identifier: BSD-3-Clause
// deployment.json: what of a model is in service, and what was before.
//     {"format":2,"id":7,"live":3,"sha256":"...","previous":[2,1],"loaded":true,"checksum":"..."}
// `sha256` is of version 3's image, `checksum` the SHA-256 of the text as record_format() makes it up to
// and without `,"checksum"`: what was changed by anything but martletd is noticed. Format 1, of a
// martletd before, is read, too: it has neither of these three keys. What is written is format 2.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_PREVIOUS_MAX 16
#define RECORD_SHA256_BYTES 65 // hexadecimal, with its NUL

struct record {
	uint16_t id;                            // on the wire; 0: never deployed
	uint16_t live;                          // the version in service
	uint16_t previous[RECORD_PREVIOUS_MAX]; // newest first
	uint32_t n_previous;
	char sha256[RECORD_SHA256_BYTES]; // of the live image; "" where it is not known
	bool loaded; // false: unloaded by the operator, and to stay so after a restart
};

// -EINVAL for anything but what record_format() makes, and for what it made and is changed;
// -ENOTSUP for a format of a later martletd.
int record_parse(const void *text, size_t size, struct record *record, struct error *err);
// malloc'ed text, NULL without memory.
char *record_format(const struct record *record);
bool record_is_same(const struct record *a, const struct record *b);

// Makes `version`, whose image has this SHA-256, live; what was live becomes the first of the previous
// ones.
void record_promote(struct record *record, uint16_t version, const char *sha256);
// Forgets `version` among the previous ones; true if it was there.
bool record_forget(struct record *record, uint16_t version);
