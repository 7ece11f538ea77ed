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

const char *devargs_next(const char *at, size_t *key_bytes, const char **value, size_t *value_bytes)
{
	at += strcspn(at, ",");
	if (!*at)
		return NULL;
	at++;
	*key_bytes = strcspn(at, "=,");
	*value = at + *key_bytes + (at[*key_bytes] == '=');
	*value_bytes = strcspn(*value, ",");
	return at;
}

const char *devargs_find(const char *device, const char *key, size_t *bytes)
{
	const char *value;
	size_t key_bytes;

	for (const char *at = device; (at = devargs_next(at, &key_bytes, &value, bytes)) != NULL;)
		if (strlen(key) == key_bytes && memcmp(at, key, key_bytes) == 0 &&
			at[key_bytes] == '=')
			return value;
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
