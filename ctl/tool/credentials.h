// SPDX-License-Identifier: BSD-3-Clause
// The token that martletctl shows over TCP. One thread; the process is short-lived.
#pragma once

#include "base/error.h"

// The line of the header for the token in the file, "Authorization: Bearer mlt_...", read once and kept. -EPERM where
// others can read the file; -EINVAL where it is no token.
int credentials_header(const char *path, const char **line, struct error *err);
