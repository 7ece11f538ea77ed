// SPDX-License-Identifier: BSD-3-Clause
// A password, from the terminal without showing it, or from a file. Never from the command line, which others see.
#pragma once

#include "base/error.h"

#include <stdbool.h>

// Of `file`, its first line, where it is given: the file is trusted_file.h's kind of secret. Else of the terminal,
// asked for `what`, and twice where it is new. *password is wiped and freed by password_free(). A negative errno
// with a sentence; *password is NULL then.
int password_read(
	const char *file, const char *what, bool is_new, char **password, struct error *err);
void password_free(char *password); // NULL is fine
