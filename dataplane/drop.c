// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/drop.h"

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
