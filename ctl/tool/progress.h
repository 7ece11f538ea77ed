// SPDX-License-Identifier: BSD-3-Clause
// One line of progress on stderr, with the time that is left, while long work runs: only where stderr is a terminal, and only
// once it has taken half a second.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; // "push"
	const char *unit; // "rows", or "bytes" to be shown as such
	uint64_t started_ms, shown_ms;
	bool on, shown;
	char note[80]; // printed behind the rest
};

void progress_start(struct progress *progress, const char *what, const char *unit);
// `total` 0: it is not known.
void progress_update(struct progress *progress, uint64_t done, uint64_t total);
// The same, with what else there is to say, cut to sizeof(progress->note).
void progress_update_note(
	struct progress *progress, uint64_t done, uint64_t total, const char *note);
void progress_end(
	struct progress *progress); // clears the line; works on one that was never started
