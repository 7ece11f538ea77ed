// SPDX-License-Identifier: BSD-3-Clause
// deployment.json: what of a model is in service, and what was before.
//     {"format":3,"id":7,"loaded":true,"revision":12,"by":"uid 0","at":1764398000,"change":"live 2 to 3",
//      "live":{"version":3,"sha256":"..."},"canary":{...,"permille":50,"key":-1},"shadow":{...},
//      "pinned":[{...}],"previous":[{...,"revision":9,"by":"uid 0","at":1764390000}],"checksum":"..."}
// `sha256` is of a version's image, "" where it is not known; canary and shadow are null where there is none.
// A canary that bounds were given with has them in the order of base/bounds.h, null where one was not:
// "bounds":[0.02,null,1.5,null,null].
// `key` is the index of the feature that the canary's share goes by, -1: the request's id. `checksum` is the
// SHA-256 of the text as record_format() makes it up to and without `,"checksum"`: what was changed by
// anything but martletd is noticed. Formats 1 and 2, of a martletd before, are read, too: they have but id,
// live, previous (numbers), loaded, and in 2 the live one's sha256 and a checksum. What is written is 3.
#pragma once

#include "base/bounds.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_PREVIOUS_MAX 16
#define RECORD_SHA256_BYTES 65 // hexadecimal, with its NUL

#define RECORD_BY_BYTES     72 // who changed it: "uid 1000", "token ci-push"
#define RECORD_CHANGE_BYTES 96 // what was changed: "live 2 to 3"
#define RECORD_PINNED_MAX   4
#define RECORD_KEY_ID       (-1)

struct record_version {
	uint16_t version; // 0: none
	char sha256[RECORD_SHA256_BYTES];
};

struct record_previous { // a version that was live, and the last change of that time
	struct record_version live;
	uint64_t revision;
	char by[RECORD_BY_BYTES];
	int64_t at; // seconds since 1970
};

struct record {
	uint16_t id;       // on the wire; 0: never deployed
	bool loaded;       // false: unloaded by the operator, and to stay so after a restart
	uint64_t revision; // how many changes there were; 0: not known
	char by[RECORD_BY_BYTES], change[RECORD_CHANGE_BYTES]; // of the last one
	int64_t at;
	struct record_version live, canary, shadow, pinned[RECORD_PINNED_MAX];
	uint16_t permille;    // of requests are the canary's
	int32_t key;          // a feature's index, or RECORD_KEY_ID
	struct bounds bounds; // given with the canary
	uint32_t n_pinned;
	struct record_previous previous[RECORD_PREVIOUS_MAX]; // newest first, each version once
	uint32_t n_previous;
};

// -EINVAL for anything but what record_format() makes, and for what it made and is changed;
// -ENOTSUP for a format, or anything in one, of a later martletd.
int record_parse(const void *text, size_t size, struct record *record, struct error *err);
// malloc'ed text, NULL without memory.
char *record_format(const struct record *record);
bool record_is_same(const struct record *a, const struct record *b);
void record_set_version(struct record_version *to, uint16_t version, const char *sha256);

// The role that it has: "live", "canary", "shadow" or "pinned"; NULL: none.
const char *record_role(const struct record *record, uint16_t version);
// What the version is there for: a role, the live one's where the model is loaded, or "the
// deployment before"; NULL: nothing.
const char *record_holds(const struct record *record, uint16_t version);

// Makes `version`, whose image has this SHA-256, live; what was live becomes the first of the previous
// ones.
void record_promote(struct record *record, uint16_t version, const char *sha256);
// Forgets `version` among the previous ones; true if it was there.
bool record_forget(struct record *record, uint16_t version);
