// SPDX-License-Identifier: BSD-3-Clause
// When to send: the two ways of loading a server.
#pragma once

#include "ctl/load/client.h"

// Closed loop: `window` requests outstanding, the next one as soon as one is answered or lost.
void closed_loop_run(struct client *client);
// Open loop: `rate` requests a second, whatever the answers do. Each is timed from when it should
// have left; if the loop falls behind it catches up, and the delay counts (no coordinated
// omission).
void open_loop_run(struct client *client);
