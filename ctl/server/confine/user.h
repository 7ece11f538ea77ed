// SPDX-License-Identifier: BSD-3-Clause
// Whom martletd becomes once what only root may do is done.
#pragma once

#include "base/error.h"
#include "config/settings.h"

#include <stdbool.h>
#include <sys/types.h>

struct confine_user {
	char name[CONFIG_NAME_MAX]; // "": nobody else
	uid_t uid;
	gid_t gid;
};

// Whom process.user means: nobody where it is "" or that user already is who we are, or where it is "auto" and
// there is no user martlet, or not root asks. -ENOENT where there is no such user, -EPERM where only root could
// become it. To be asked while files of the system's can still be read.
int user_find(const char *wanted, struct confine_user *user, struct error *err);
// Becomes that user, its groups included, in all threads. Capabilities are gone then, but for what threads keep
// (PR_SET_KEEPCAPS).
int user_become(const struct confine_user *user, struct error *err);

// Gives what root left in the folder at `path` to the user, the folder included: files with one name and folders,
// and follows no link. What somebody else than root owns stays. -errno with a sentence.
int user_give_tree(const struct confine_user *user, const char *path, struct error *err);
// Gives one path, whatever it is, to the user; a link itself. A path that is not there is fine.
int user_give(const struct confine_user *user, const char *path, struct error *err);
