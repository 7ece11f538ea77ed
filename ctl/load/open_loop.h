// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "ctl/load/client.h"

// Open loop: `rate` requests a second, whatever the answers do. Each is timed from when it should
// have left; if the loop falls behind it catches up, and the delay counts (no coordinated
// omission).
void open_loop_run(struct client *client);
