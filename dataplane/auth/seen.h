// SPDX-License-Identifier: BSD-3-Clause
// What has been seen of every key's counters: a window for each id and secret, which outlives the tables of keys, and
// the newest counters as text, which outlives martletd. Control thread only; lcores have the windows alone.
//
//     martlet counters 1
//     7 1764460800000000000 0f1e2d3c4b5a69788796a5b4c3d2e1f0
//
// A line a key: its id, the newest counter that was accepted of it, and a tag in hexadecimal digits, BLAKE2b of 16
// bytes over id and counter under a key that BLAKE2b makes of the secret. So a line is of one secret under its id and
// says nothing of another, only who has the secret can write one, and whoever reads it has less than a datagram
// gives him. A line that was true once stays true: the order does not matter, and of several the greatest counter
// holds. Lines of secrets that are in no file of keys at present are kept, too, for it may come back.
#pragma once

#include "base/error.h"
#include "base/trust/keys.h"
#include "dataplane/auth/window.h"

#include <stddef.h>
#include <stdint.h>

#define SEEN_LINES_MAX (2 * KEYS_MAX)

struct seen;

int seen_create(struct seen **out, struct error *err); // -ENOMEM
void seen_destroy(struct seen *seen);                  // NULL is fine; no lcore may run any more

// Takes in a text, before there are windows. -EINVAL with a clause that says what cannot be read of it, the rest being
// taken; -ENOMEM.
int seen_take(struct seen *seen, const char *text, size_t size, struct error *err);

// The key's window. It is made where there is none, and closed up to the counter that was kept of this secret. NULL: no
// memory.
struct window *seen_window(struct seen *seen, const struct wire_key *key);
// How many windows were made of whose ids there were lines, but none of their secrets; the id of one.
uint32_t seen_strange(const struct seen *seen, uint16_t *id);

// The text, malloc'ed, of *size bytes and a NUL. NULL where it says no more than the last one, or, with `all`, where
// nothing was seen yet; or without memory: then the next call says it. Of more than SEEN_LINES_MAX lines those go that
// were in no file of keys for longest.
char *seen_text(struct seen *seen, bool all, size_t *size);
