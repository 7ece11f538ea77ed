// SPDX-License-Identifier: BSD-3-Clause
#include "base/device_text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char SECRET[] = ",secret=";

// An argument ends at a comma; a list of them, which DPDK's drivers take in brackets, at the bracket before one.
static size_t value_bytes(const char *value)
{
	const char *end = value;

	if (*value != '[')
		return strcspn(value, ",");
	while ((end = strchr(end, ']')) && end[1] && end[1] != ',')
		end++;
	return end ? (size_t)(end - value) + 1 : strlen(value);
}

void device_text_hide(char *text)
{
	for (char *at = text; (at = strstr(at, SECRET));) {
		char *value = at + sizeof(SECRET) - 1;
		const size_t bytes = value_bytes(value);

		if (bytes > 0) {
			*value = '*';
			memmove(value + 1, value + bytes, strlen(value + bytes) + 1);
		}
		at = value;
	}
}

struct device_told device_told(const char *device)
{
	struct device_told told;
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s", device);
	device_text_hide(whole);
	snprintf(told.s, sizeof(told.s), "%.*s", (int)sizeof(told.s) - 1, whole);
	return told;
}
