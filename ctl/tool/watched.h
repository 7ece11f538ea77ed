// SPDX-License-Identifier: BSD-3-Clause
// Work of infer/learn that a terminal waits for: its line of progress, and SIGINT and SIGTERM, which end it at
// its next step instead of the program at once; a second one ends that. One at a time, one thread.
#pragma once

#include "ctl/tool/progress.h"
#include "infer/learn/watch.h"

struct watched {
	struct learn_watch watch; // hand this on
	struct progress progress;
};

// `what` stands in front of the line: "model train".
void watched_begin(struct watched *watched, const char *what);
// Clears the line; signals do again what they did before.
void watched_end(struct watched *watched);
// Has a signal come since watched_begin()? Then the command returns TOOL_INTERRUPTED.
bool watched_interrupted(void);
