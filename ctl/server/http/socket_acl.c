// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/socket_acl.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

// Its own entries of an access list: of the owner, the group, the most of all but the owner, and others.
#define ACL_OWN 4
// Who writes a socket's file connects; to read it, too, is what the file's mode gives.
#define ACL_CONNECTS (ACL_READ | ACL_WRITE)

static void acl_add(
	struct posix_acl_xattr_entry **entry, unsigned tag, unsigned permissions, uint32_t id)
{
	*(*entry)++ = (struct posix_acl_xattr_entry){ .e_tag = htole16((uint16_t)tag),
		.e_perm = htole16((uint16_t)permissions),
		.e_id = htole32(id) };
}

// Whom an entry is due: the file's own group has its already, and so has who was named before.
static bool acl_is_due(const struct socket_acl *acl, const struct socket_guest *guests, size_t i)
{
	if (guests[i].is_group && acl->has_group && guests[i].id == acl->group)
		return false;
	for (size_t k = 0; k < i; k++)
		if (guests[k].is_group == guests[i].is_group && guests[k].id == guests[i].id)
			return false;
	return true;
}

// Returns the entry behind the last one.
static struct posix_acl_xattr_entry *acl_add_guests(const struct socket_acl *acl,
	struct posix_acl_xattr_entry *entry, const struct socket_guest *guests, size_t n,
	bool are_groups)
{
	for (size_t i = 0; i < n; i++)
		if (guests[i].is_group == are_groups && acl_is_due(acl, guests, i))
			acl_add(&entry, are_groups ? ACL_GROUP : ACL_USER, ACL_CONNECTS,
				guests[i].id);
	return entry;
}

// The kernel wants the owner first, then users, the group, groups, the mask and others. Returns how many entries.
static size_t acl_fill(const struct socket_acl *acl, struct posix_acl_xattr_entry *entries,
	const struct socket_guest *guests, size_t n)
{
	struct posix_acl_xattr_entry *entry = entries;

	acl_add(&entry, ACL_USER_OBJ, ACL_CONNECTS, (uint32_t)ACL_UNDEFINED_ID);
	entry = acl_add_guests(acl, entry, guests, n, false);
	acl_add(&entry, ACL_GROUP_OBJ, ACL_CONNECTS, (uint32_t)ACL_UNDEFINED_ID);
	entry = acl_add_guests(acl, entry, guests, n, true);
	acl_add(&entry, ACL_MASK, ACL_CONNECTS, (uint32_t)ACL_UNDEFINED_ID);
	acl_add(&entry, ACL_OTHER, 0, (uint32_t)ACL_UNDEFINED_ID);
	return (size_t)(entry - entries);
}

// A list that is not ours (setfacl's, or its folder's) stays.
static int acl_remove(struct socket_acl *acl, struct error *err)
{
	if (acl->is_ours && lremovexattr(acl->path, XATTR_NAME_POSIX_ACL_ACCESS) != 0 &&
		errno != ENODATA)
		return error_set(err, -errno, "control.socket: the access list of %s stays: %s",
			acl->path, strerror(errno));
	acl->is_ours = false;
	return 0;
}

static int acl_set(
	struct socket_acl *acl, const struct socket_guest *guests, size_t n, struct error *err)
{
	struct posix_acl_xattr_header *list =
		malloc(sizeof(*list) + (n + ACL_OWN) * sizeof(struct posix_acl_xattr_entry));
	size_t entries;
	int rc = 0;

	if (!list)
		return error_set(err, -ENOMEM, "control.socket: no memory for an access list");
	list->a_version = htole32(POSIX_ACL_XATTR_VERSION);
	entries = acl_fill(acl, (struct posix_acl_xattr_entry *)(list + 1), guests, n);
	if (entries == ACL_OWN)
		rc = acl_remove(acl, err);
	else if (lsetxattr(acl->path, XATTR_NAME_POSIX_ACL_ACCESS, list,
			 sizeof(*list) + entries * sizeof(struct posix_acl_xattr_entry), 0) == 0)
		acl->is_ours = true;
	else
		rc = error_set(err, -errno, "control.socket: %s cannot have an access list: %s",
			acl->path, strerror(errno));
	free(list);
	return rc;
}

// One that a user namespace does not know spoils the list: it is made of the others, one after the other.
static int acl_set_known(
	struct socket_acl *acl, const struct socket_guest *guests, size_t n, struct error *err)
{
	struct socket_guest *known = malloc(n * sizeof(*known));
	struct error why;
	size_t used = 0;
	int rc = 0;

	if (!known)
		return err->code;
	for (size_t i = 0; i < n; i++) {
		known[used] = guests[i];
		if (acl_set(acl, known, used + 1, &why) == 0)
			used++;
		else if (rc == 0)
			rc = error_set(err, why.code,
				"control.socket: %s %u cannot be on the access list of %s: %s",
				guests[i].is_group ? "gid" : "uid", (unsigned)guests[i].id,
				acl->path, strerror(-why.code));
	}
	free(known);
	if (used == 0)
		acl_remove(acl, &why); // that of before
	return rc;
}

int socket_acl_set(
	struct socket_acl *acl, const struct socket_guest *guests, size_t n, struct error *err)
{
	const int rc = acl_set(acl, guests, n, err);

	return rc == -EINVAL ? acl_set_known(acl, guests, n, err) : rc;
}
