// SPDX-License-Identifier: BSD-3-Clause
// The files that a configuration takes in by @include "path", looked at before libconfig opens them: it
// would wait for a pipe. Private to config/.
#pragma once

#include "base/error.h"

// Refuses an @include of what is no file, in `text` and in what that includes. -EINVAL, -ENOENT, ...
int includes_check(const char *path, const char *text, struct error *err);
