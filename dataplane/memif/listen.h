// SPDX-License-Identifier: BSD-3-Clause
// The UNIX socket that memif peers connect to.
#pragma once

#include "base/error.h"

#include <stdbool.h>

// Listens on a path or an abstract name; a socket that a killed process left behind is replaced.
// Returns the descriptor. -EADDRINUSE where another process listens there.
int memif_listen(const char *name, bool is_abstract, struct error *err);
