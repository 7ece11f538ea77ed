// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dataplane.h"

#include <stddef.h>

static const struct {
	const char *name, *text;
} DROPS[] = {
#define X(drop, name, text) [drop] = { name, text },
	DROP_LIST(X)
#undef X
};

const char *drop_name(enum drop drop)
{
	return (unsigned)drop < DROP_COUNT ? DROPS[drop].name : "unknown";
}

const char *drop_text(enum drop drop)
{
	return (unsigned)drop < DROP_COUNT ? DROPS[drop].text : "no such drop reason";
}

const char *lcore_role_name(enum lcore_role role)
{
	static const char *const NAMES[] = {
		[LCORE_IO] = "io",
		[LCORE_WORKER] = "worker",
		[LCORE_COMPLETE] = "run-to-completion",
	};

	return (unsigned)role < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[role] : "unknown";
}
