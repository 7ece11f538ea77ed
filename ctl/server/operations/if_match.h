// SPDX-License-Identifier: BSD-3-Clause
// If-Match (RFC 9110, 13.1.1): which states of a resource a change may find. Compared when the change begins,
// not when it is asked for.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define IF_MATCH_TAGS      16
#define IF_MATCH_TAG_BYTES 48 // of ours, with its quotes and the NUL

struct if_match {
	bool is_bound; // there was one
	bool is_any;   // "*": there must be something, whatever it is
	uint32_t n;
	// Strong ones that may be ours: a weak one never matches (8.8.3.2), nor does one that is longer.
	char tags[IF_MATCH_TAGS][IF_MATCH_TAG_BYTES];
};

// Reads the header's value, NULL: there is none. 0 or -EINVAL.
int if_match_parse(const char *header, struct if_match *out, struct error *err);
// Whether what has this tag, as "\"7\"", may be changed; NULL: there is nothing yet.
bool if_match_holds(const struct if_match *match, const char *tag);
