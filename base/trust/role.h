// SPDX-License-Identifier: BSD-3-Clause
// What somebody may do: each role may what those before it may. Any thread.
#pragma once

#include <stdbool.h>

enum role {
	ROLE_NONE,     // nothing but to hear whether the service lives
	ROLE_CLIENT,   // to score, to read what models take and give, and to scrape metrics
	ROLE_VIEWER,   // to read everything else but the images
	ROLE_OPERATOR, // to take images, push, deploy, drain: what changes the appliance in service
	ROLE_ADMIN,    // to change its configuration, and to see who has tokens
	ROLE_COUNT
};

const char *role_name(enum role role); // "viewer"
// False where there is no role of that name, or none that can be given: "none" cannot.
bool role_parse(const char *name, enum role *role);
