// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/devargs.h"

#include <stdlib.h>
#include <string.h>

bool devargs_is_of(const char *device, const char *driver)
{
	size_t bytes = strlen(driver);
	char next;

	if (strncmp(device, driver, bytes) != 0)
		return false;
	next = device[bytes];
	return next == '\0' || next == ',' || (next >= '0' && next <= '9');
}

bool devargs_text(const char *device, const char *key, char *text, size_t size)
{
	size_t key_bytes = strlen(key);

	text[0] = '\0';
	for (const char *at = strchr(device, ','); at; at = strchr(at, ',')) {
		at++;
		if (strncmp(at, key, key_bytes) == 0 && at[key_bytes] == '=') {
			const char *value = at + key_bytes + 1;
			size_t bytes = strcspn(value, ",");

			if (bytes >= size)
				return false;
			memcpy(text, value, bytes);
			text[bytes] = '\0';
			return true;
		}
	}
	return false;
}

uint32_t devargs_number(const char *device, const char *key, uint32_t otherwise)
{
	char text[16];
	long number;

	if (!devargs_text(device, key, text, sizeof(text)))
		return otherwise;
	number = strtol(text, NULL, 10); // as the drivers read it
	return number > 0 && number <= INT32_MAX ? (uint32_t)number : 0;
}
