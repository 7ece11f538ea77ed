// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/principal.h"

#include "base/trust/account.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *principal_after(const char *text, const char *prefix)
{
	const size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

// A number below the one that stands for "no user".
static bool principal_is_number(const char *text, uint32_t *id)
{
	unsigned long long value;

	if (!text[0] || strlen(text) > 10 || strspn(text, "0123456789") != strlen(text))
		return false;
	value = strtoull(text, NULL, 10);
	*id = (uint32_t)value;
	return value < UINT32_MAX;
}

static int principal_find_user(const char *text, const char *name, uint32_t *id, struct error *err)
{
	if (!principal_is_number(name, id) && !account_find_user(name, id))
		return error_set(
			err, -ENOENT, "'%.80s': there is no user '%.64s' here", text, name);
	return 0;
}

static int principal_find_group(const char *text, const char *name, uint32_t *id, struct error *err)
{
	if (!principal_is_number(name, id) && !account_find_group(name, id))
		return error_set(
			err, -ENOENT, "'%.80s': there is no group '%.64s' here", text, name);
	return 0;
}

static bool principal_is_certificate(const char *name)
{
	static const char *const KINDS[] = { "CN=", "DNS:", "URI:", "email:" };

	for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++)
		if (strncmp(name, KINDS[i], strlen(KINDS[i])) == 0)
			return name[strlen(KINDS[i])];
	return false;
}

int principal_parse(const char *text, struct principal *principal, struct error *err)
{
	const char *name;

	*principal = (struct principal){ 0 };
	if ((name = principal_after(text, "user:")) && name[0]) {
		principal->kind = PRINCIPAL_USER;
		return principal_find_user(text, name, &principal->id, err);
	}
	if ((name = principal_after(text, "group:")) && name[0]) {
		principal->kind = PRINCIPAL_GROUP;
		return principal_find_group(text, name, &principal->id, err);
	}
	if ((name = principal_after(text, "certificate:")) && principal_is_certificate(name)) {
		principal->kind = PRINCIPAL_CERTIFICATE;
		principal->name = name;
		return 0;
	}
	return error_set(err, -EINVAL,
		"'%.80s' names nobody: write \"user:NAME\", \"group:NAME\", or a certificate's "
		"name as \"certificate:CN=NAME\", \"certificate:DNS:NAME\", "
		"\"certificate:URI:NAME\" or \"certificate:email:NAME\"",
		text);
}
