// SPDX-License-Identifier: BSD-3-Clause
// Who asks, and in which role.
#pragma once

#include "base/trust/role.h"

#include <stdint.h>
#include <sys/types.h>

#define WHO_NAME_BYTES 176 // with the NUL: a whole name of a certificate (tls.h) has room

struct who {
	enum role role;
	uid_t uid;     // of the process at the other end of a UNIX socket; else (uid_t)-1
	bool is_known; // by a user, a certificate or a token
	uint64_t
		token; // what its token is known by while it is valid (access.h); 0: it came with none
	// "uid 1000", "token ci-push", "certificate CN=gate", "anonymous": printable ASCII. Where from,
	// http_peer() has.
	char name[WHO_NAME_BYTES];
};
