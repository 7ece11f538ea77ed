// SPDX-License-Identifier: BSD-3-Clause
// What the memif driver leaves to its users: sockets that a killed process left behind.
#pragma once

#include "base/error.h"

// For the socket of a memif server, `device` being "net_memif0,role=server,socket=PATH,...":
// removes it where a server that was killed left it behind, for the driver refuses to start on it.
// Where another server listens, -EADDRINUSE: the driver would fail, and remove the other's socket.
// Control thread.
int memif_take_socket(const char *device, struct error *err);
