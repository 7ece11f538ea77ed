// SPDX-License-Identifier: BSD-3-Clause
#include "base/retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATEST "latest "

bool retention_parse(const char *text, uint32_t *keep)
{
	const char *digits = text + strlen(LATEST);
	unsigned long n;
	char *end;

	*keep = 0;
	if (strcmp(text, "all") == 0)
		return true;
	if (strncmp(text, LATEST, strlen(LATEST)) != 0 || digits[0] < '1' || digits[0] > '9')
		return false;
	n = strtoul(digits, &end, 10);
	if (*end || n > UINT16_MAX)
		return false;
	*keep = (uint32_t)n;
	return true;
}

void retention_format(char text[RETENTION_BYTES], uint32_t keep)
{
	if (keep)
		snprintf(text, RETENTION_BYTES, LATEST "%" PRIu32, keep);
	else
		snprintf(text, RETENTION_BYTES, "all");
}
