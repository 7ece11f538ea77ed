// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/grpc/services.h"

#include <string.h>

static const char *const SERVICES[] = { SERVICE_INFERENCE, SERVICE_HEALTH, SERVICE_REFLECTION,
	SERVICE_REFLECTION_ALPHA };

bool services_have(const char *name, size_t size)
{
	for (size_t i = 0; i < sizeof(SERVICES) / sizeof(SERVICES[0]); i++)
		if (strlen(SERVICES[i]) == size && memcmp(SERVICES[i], name, size) == 0)
			return true;
	return false;
}

bool services_have_path(const char *path)
{
	const char *end = path[0] == '/' ? strchr(path + 1, '/') : NULL;

	return end && services_have(path + 1, (size_t)(end - path - 1));
}
