// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device/devargs.h"

#include <stdlib.h>
#include <string.h>

bool devargs_is_of(const char *device, const char *driver)
{
	return strncmp(device, driver, strlen(driver)) == 0;
}

size_t devargs_name_bytes(const char *device)
{
	return strcspn(device, ",");
}

const char *devargs_find(const char *device, const char *key, size_t *bytes)
{
	const size_t key_bytes = strlen(key);

	for (const char *at = strchr(device, ','); at; at = strchr(at, ',')) {
		at++;
		if (strncmp(at, key, key_bytes) != 0 || at[key_bytes] != '=')
			continue;
		*bytes = strcspn(at + key_bytes + 1, ",");
		return at + key_bytes + 1;
	}
	return NULL;
}

bool devargs_text(const char *device, const char *key, char *text, size_t size)
{
	size_t bytes;
	const char *value = devargs_find(device, key, &bytes);

	text[0] = '\0';
	if (!value || bytes >= size)
		return false;
	memcpy(text, value, bytes);
	text[bytes] = '\0';
	return true;
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
