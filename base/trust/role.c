// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/role.h"

#include <string.h>

static const char *const NAMES[ROLE_COUNT] = { "none", "client", "viewer", "operator", "admin" };

const char *role_name(enum role role)
{
	return NAMES[role];
}

bool role_parse(const char *name, enum role *role)
{
	for (int i = ROLE_CLIENT; i < ROLE_COUNT; i++)
		if (strcmp(NAMES[i], name) == 0) {
			*role = (enum role)i;
			return true;
		}
	return false;
}
