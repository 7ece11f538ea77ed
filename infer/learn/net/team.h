// SPDX-License-Identifier: BSD-3-Clause
// Threads that share out the items of one piece of work after another. What an item computes must not depend on
// the thread that does it; then nothing depends on how many there are.
//
// Owner: the thread that created the team, which works with it, is the only one that calls these.
#pragma once

#include <stdint.h>

struct team;

#define TEAM_THREADS_MAX 256

// n_threads 0: as many as this process may run on. NULL: out of memory, or of threads.
struct team *team_create(uint32_t n_threads);
void team_destroy(struct team *team);           // NULL is fine
uint32_t team_threads(const struct team *team); // the caller among them

// `thread`: which of the team's threads, below team_threads(), for scratch of its own.
typedef void team_work(void *context, uint32_t item, uint32_t thread);
// Returns when all items are done; what they wrote is seen by the caller and by the next items.
void team_run(struct team *team, uint32_t n_items, team_work *work, void *context);
