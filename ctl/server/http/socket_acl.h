// SPDX-License-Identifier: BSD-3-Clause
// The access list (acl(5)) of a UNIX socket's file: who may connect beside its owner and its group. The kernel keeps it
// in an extended attribute, whose form is that of linux/posix_acl_xattr.h.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A user, or the members of a group.
struct socket_guest {
	bool is_group;
	uint32_t id;
};

struct socket_acl {
	const char *path; // the socket's
	bool has_group;
	gid_t group;  // that the file has, which connects by the file's mode
	bool is_ours; // there is a list, and socket_acl_set() made it
};

// Makes the list of these, instead of what it was. Without any, one that is not ours stays as it is.
// -EOPNOTSUPP where the file system has no such lists, or what the kernel says, with a sentence; where that is -EINVAL,
// of one whom a user namespace does not know, the others are on it.
int socket_acl_set(
	struct socket_acl *acl, const struct socket_guest *guests, size_t n, struct error *err);
