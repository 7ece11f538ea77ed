// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "ctl/load/client.h"

// Open loop: `rate` requests a second, however fast the answers come. Each is timed from when it
// should have left: where the loop falls behind it catches up, and the delay counts (no coordinated
// omission).
void open_loop_run(struct client *client);
