// SPDX-License-Identifier: BSD-3-Clause
// Which roles the configuration gives to whom. Any thread.
#pragma once

#include "base/error.h"
#include "base/trust/role.h"
#include "config/settings.h"

#include <sys/types.h>

#define NAMES_MAX (4 * CONFIG_PRINCIPALS_MAX + 1)

struct names {
	struct names_entry {
		enum role role;
		int kind;                          // enum principal_kind
		uint32_t id;                       // of a user or group
		char name[CONFIG_PRINCIPAL_BYTES]; // of a certificate
	} each[NAMES_MAX];
	uint32_t n;
};

// Users and groups are looked up in the system's database. -ENOENT with a sentence.
int names_read(const struct config *config, struct names *names, struct error *err);

// The largest role that somebody is given; ROLE_NONE: none.
enum role names_of_user(const struct names *names, uid_t uid, const gid_t *groups, size_t n);
enum role names_of_certificate(const struct names *names, const char *name);
