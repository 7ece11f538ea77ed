// SPDX-License-Identifier: BSD-3-Clause
// Who is meant by an entry of a list of roles: "user:noc", "user:1000", "group:ops", "certificate:CN=gate",
// "certificate:DNS:gate.example". Any thread; may ask the system's user database.
#pragma once

#include "base/error.h"

#include <stdint.h>

enum principal_kind { PRINCIPAL_USER, PRINCIPAL_GROUP, PRINCIPAL_CERTIFICATE };

struct principal {
	enum principal_kind kind;
	uint32_t id;      // of a user or a group
	const char *name; // of a certificate, as tls.h writes its names; points into the text
};

// -EINVAL: it is none of these; -ENOENT: there is no such user or group here. The sentence begins with the text.
int principal_parse(const char *text, struct principal *principal, struct error *err);
