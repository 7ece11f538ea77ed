// SPDX-License-Identifier: BSD-3-Clause
// Work of infer/learn that a terminal waits for: its line of progress, and SIGINT and SIGTERM, which end the process at
// once, or where the work says that it has more to lose than that, the work at its next step; a second one ends the
// process then, too. One at a time, one thread.
#pragma once

#include "ctl/tool/interrupts.h"
#include "ctl/tool/progress.h"
#include "infer/learn/watch.h"

struct watched {
	struct learn_watch watch; // hand this on
	struct progress progress;
	struct interrupts_end end;
	const char *image, *checkpoint;
};

// `what` stands in front of the line: "model train". `image`, which is to be written, and `checkpoint` are named where the
// process is ended, which returns TOOL_INTERRUPTED; NULL: there is none. `watched` stays where it is until watched_end().
void watched_begin(
	struct watched *watched, const char *what, const char *image, const char *checkpoint);
// Has a signal come that the work was spared? Then what it gives, once written, is to return TOOL_INTERRUPTED, too.
bool watched_interrupted(void);
// Clears the line; signals do again what they did before. To be called once all is written.
void watched_end(struct watched *watched);
