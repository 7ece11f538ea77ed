// SPDX-License-Identifier: BSD-3-Clause
#include "base/trust/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

// Of an entry's texts: a group may have thousands of members.
#define TEXTS_BYTES_MIN 1024
#define TEXTS_BYTES_MAX (1 << 20)

bool account_find_user(const char *name, uid_t *uid)
{
	struct passwd entry, *found = NULL;
	int rc = ERANGE;

	for (size_t bytes = TEXTS_BYTES_MIN; rc == ERANGE && bytes <= TEXTS_BYTES_MAX; bytes *= 4) {
		char *texts = malloc(bytes);

		rc = texts ? getpwnam_r(name, &entry, texts, bytes, &found) : ENOMEM;
		free(texts);
	}
	if (rc != 0 || !found)
		return false;
	*uid = entry.pw_uid;
	return true;
}

bool account_find_group(const char *name, gid_t *gid)
{
	struct group entry, *found = NULL;
	int rc = ERANGE;

	for (size_t bytes = TEXTS_BYTES_MIN; rc == ERANGE && bytes <= TEXTS_BYTES_MAX; bytes *= 4) {
		char *texts = malloc(bytes);

		rc = texts ? getgrnam_r(name, &entry, texts, bytes, &found) : ENOMEM;
		free(texts);
	}
	if (rc != 0 || !found)
		return false;
	*gid = entry.gr_gid;
	return true;
}
