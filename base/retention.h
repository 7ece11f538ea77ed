// SPDX-License-Identifier: BSD-3-Clause
// How many versions of a model are kept, as people say it: "all", or "latest 5". Pure functions, any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RETENTION_BYTES 24 // of the text, with its NUL
#define RETENTION_WANTS "\"all\", or as \"latest 5\" with a number from 1 to 65535"

// False where `text` is neither. *keep is 0 for all.
bool retention_parse(const char *text, uint32_t *keep);
void retention_format(char text[RETENTION_BYTES], uint32_t keep);
