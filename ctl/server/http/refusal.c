// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/refusal.h"

static const struct {
	const char *name;
	int status;
} KINDS[REFUSAL_COUNT] = {
#define REFUSAL_KIND(name, text, status) { text, status },
	REFUSALS(REFUSAL_KIND)
#undef REFUSAL_KIND
};

const char *refusal_name(enum refusal refusal)
{
	return KINDS[refusal].name;
}

int refusal_status(enum refusal refusal)
{
	return KINDS[refusal].status;
}
