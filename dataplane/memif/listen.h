// SPDX-License-Identifier: BSD-3-Clause
// The UNIX socket that memif peers connect to.
#pragma once

#include "base/error.h"

struct memif_device;

// Listens on the device's path or abstract name; a socket that a killed process left behind is
// replaced. Where the device names a group, its members may connect beside our own user and root;
// without, whoever the umask lets write to the path. Returns the descriptor. -EADDRINUSE where another
// process listens there, -ENOENT where there is no such group.
int memif_listen(const struct memif_device *device, struct error *err);
