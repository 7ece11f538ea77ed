// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "ctl/load/client.h"

// Closed loop: `window` requests outstanding, the next one as soon as one is answered or lost.
void closed_loop_run(struct client *client);
