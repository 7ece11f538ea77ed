// SPDX-License-Identifier: BSD-3-Clause
// The numbers of users and groups, from the system's databases, which may block. Any thread.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

// False: there is none of that name, or the database cannot be asked.
bool account_find_user(const char *name, uid_t *uid);
bool account_find_group(const char *name, gid_t *gid);
