// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/http/listener.h"

#include <endian.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

// Who waits here is let in by the gate. Beyond it a connection is refused, as if nobody listened.
#define BACKLOG SOMAXCONN

// Its own entries of an access list: of the owner, the group, the most of all but the owner, and others.
#define ACL_OWN 4
// Who writes a socket's file connects; to read it, too, is what the file's mode gives.
#define ACL_CONNECTS (ACL_READ | ACL_WRITE)

struct listener {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int lock, fd;
	bool bound;
	bool has_group;
	gid_t group;
	bool has_list; // an access list of ours
};

static int listener_make_parents(const char *path, struct error *err)
{
	char part[sizeof(((struct sockaddr_un *)0)->sun_path)];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return error_set(err, -errno,
				"control.socket: folder %s cannot be created: %s", part,
				strerror(errno));
		*slash = '/';
	}
	return 0;
}

// After a crash the lock file is still there, but nobody holds the lock: whoever gets it may replace
// the socket.
static int listener_take_lock(struct listener *l, struct error *err)
{
	char path[sizeof(l->path) + 8];
	char pid[16] = "";
	ssize_t n;

	snprintf(path, sizeof(path), "%s.lock", l->path);
	l->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (l->lock < 0)
		return error_set(err, -errno, "control.socket: %s cannot be created: %s", path,
			strerror(errno));
	if (flock(l->lock, LOCK_EX | LOCK_NB) != 0) {
		n = pread(l->lock, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		return error_set(err, -EBUSY,
			"control.socket: %s is served by another martletd (pid %ld); stop it, or "
			"name another socket",
			l->path, strtol(pid, NULL, 10));
	}
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(l->lock, 0) != 0 || pwrite(l->lock, pid, (size_t)n, 0) != n)
		return error_set(err, -errno, "control.socket: %s cannot be written: %s", path,
			strerror(errno));
	return 0;
}

// Removes a socket that nobody listens on any more: its process is dead. Anything else at that path
// is somebody's, and stays.
static int listener_clear_stale(
	const struct listener *l, const struct sockaddr_un *address, struct error *err)
{
	struct stat st;
	int fd, rc;

	if (lstat(l->path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST,
			"control.socket: %s exists and is no socket; remove it, or name another "
			"path",
			l->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (rc != 0 && errno == EAGAIN) // somebody listens, but its backlog is full
		rc = 0;
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		return error_set(err, -EBUSY,
			"control.socket: %s is served by another process; stop it, or name another "
			"socket",
			l->path);
	unlink(l->path);
	return 0;
}

static int listener_bind_and_listen(struct listener *l, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t before;
	int rc;

	memcpy(address.sun_path, l->path, sizeof(l->path));
	rc = listener_clear_stale(l, &address, err);
	if (rc != 0)
		return rc;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	before = umask(0177); // nobody can connect before group and mode are set
	rc = l->fd < 0 ? -1 : bind(l->fd, (struct sockaddr *)&address, sizeof(address));
	umask(before);
	l->bound = rc == 0;
	if (rc == 0 && l->has_group)
		rc = chown(l->path, (uid_t)-1, l->group);
	if (rc == 0)
		rc = chmod(l->path, 0660);
	if (rc == 0)
		rc = listen(l->fd, BACKLOG);
	if (rc != 0)
		return error_set(err, -errno, "control.socket: %s cannot be served: %s", l->path,
			strerror(errno));
	return 0;
}

int listener_open(const char *path, const char *group, struct listener **out, struct error *err)
{
	struct listener *l = calloc(1, sizeof(*l));
	struct group *entry = NULL;
	int rc = 0;

	if (!l)
		return error_set(err, -ENOMEM, "control.socket: no memory");
	l->lock = l->fd = -1;
	if (strlen(path) >= sizeof(l->path))
		rc = error_set(err, -ENAMETOOLONG,
			"control.socket: %.120s... is too long: %zu bytes are possible", path,
			sizeof(l->path) - 1);
	snprintf(l->path, sizeof(l->path), "%s", path);
	if (rc == 0 && group[0]) {
		entry = getgrnam(group);
		l->has_group = entry != NULL;
		l->group = entry ? entry->gr_gid : 0;
		if (!entry)
			rc = error_set(
				err, -ENOENT, "control.group: there is no group '%s' here", group);
	}
	if (rc == 0)
		rc = listener_make_parents(path, err);
	if (rc == 0)
		rc = listener_take_lock(l, err);
	if (rc == 0)
		rc = listener_bind_and_listen(l, err);
	if (rc != 0) {
		listener_close(l);
		return rc;
	}
	*out = l;
	return 0;
}

static void acl_add(
	struct posix_acl_xattr_entry **entry, unsigned tag, unsigned permissions, uint32_t id)
{
	*(*entry)++ = (struct posix_acl_xattr_entry){ .e_tag = htole16((uint16_t)tag),
		.e_perm = htole16((uint16_t)permissions),
		.e_id = htole32(id) };
}

// Whom an entry is due: the file's own group has its already, and so has who was named before.
static bool acl_is_due(const struct listener *l, const struct listener_guest *guests, size_t i)
{
	if (guests[i].is_group && l->has_group && guests[i].id == l->group)
		return false;
	for (size_t k = 0; k < i; k++)
		if (guests[k].is_group == guests[i].is_group && guests[k].id == guests[i].id)
			return false;
	return true;
}

// Returns the entry behind the last one.
static struct posix_acl_xattr_entry *acl_add_guests(const struct listener *l,
	struct posix_acl_xattr_entry *entry, const struct listener_guest *guests, size_t n,
	bool are_groups)
{
	for (size_t i = 0; i < n; i++)
		if (guests[i].is_group == are_groups && acl_is_due(l, guests, i))
			acl_add(&entry, are_groups ? ACL_GROUP : ACL_USER, ACL_CONNECTS,
				guests[i].id);
	return entry;
}

// The kernel wants the owner first, then users, the group, groups, the mask and others. Returns how many entries.
static size_t acl_fill(const struct listener *l, struct posix_acl_xattr_entry *entries,
	const struct listener_guest *guests, size_t n)
{
	struct posix_acl_xattr_entry *entry = entries;

	acl_add(&entry, ACL_USER_OBJ, ACL_CONNECTS, (uint32_t)ACL_UNDEFINED_ID);
	entry = acl_add_guests(l, entry, guests, n, false);
	acl_add(&entry, ACL_GROUP_OBJ, ACL_CONNECTS, (uint32_t)ACL_UNDEFINED_ID);
	entry = acl_add_guests(l, entry, guests, n, true);
	acl_add(&entry, ACL_MASK, ACL_CONNECTS, (uint32_t)ACL_UNDEFINED_ID);
	acl_add(&entry, ACL_OTHER, 0, (uint32_t)ACL_UNDEFINED_ID);
	return (size_t)(entry - entries);
}

// A list that is not ours (setfacl's, or its folder's) stays.
static int acl_remove(struct listener *l, struct error *err)
{
	if (l->has_list && lremovexattr(l->path, XATTR_NAME_POSIX_ACL_ACCESS) != 0 &&
		errno != ENODATA)
		return error_set(err, -errno, "control.socket: the access list of %s stays: %s",
			l->path, strerror(errno));
	l->has_list = false;
	return 0;
}

static int acl_set(
	struct listener *l, const struct listener_guest *guests, size_t n, struct error *err)
{
	struct posix_acl_xattr_header *acl =
		malloc(sizeof(*acl) + (n + ACL_OWN) * sizeof(struct posix_acl_xattr_entry));
	size_t entries;
	int rc = 0;

	if (!acl)
		return error_set(err, -ENOMEM, "control.socket: no memory for an access list");
	acl->a_version = htole32(POSIX_ACL_XATTR_VERSION);
	entries = acl_fill(l, (struct posix_acl_xattr_entry *)(acl + 1), guests, n);
	if (entries == ACL_OWN)
		rc = acl_remove(l, err);
	else if (lsetxattr(l->path, XATTR_NAME_POSIX_ACL_ACCESS, acl,
			 sizeof(*acl) + entries * sizeof(struct posix_acl_xattr_entry), 0) == 0)
		l->has_list = true;
	else
		rc = error_set(err, -errno, "control.socket: %s cannot have an access list: %s",
			l->path, strerror(errno));
	free(acl);
	return rc;
}

// One that a user namespace does not know spoils the list: it is made of the others, one after the other.
static int acl_set_known(
	struct listener *l, const struct listener_guest *guests, size_t n, struct error *err)
{
	struct listener_guest *known = malloc(n * sizeof(*known));
	struct error why;
	size_t used = 0;
	int rc = 0;

	if (!known)
		return err->code;
	for (size_t i = 0; i < n; i++) {
		known[used] = guests[i];
		if (acl_set(l, known, used + 1, &why) == 0)
			used++;
		else if (rc == 0)
			rc = error_set(err, why.code,
				"control.socket: %s %u cannot be on the access list of %s: %s",
				guests[i].is_group ? "gid" : "uid", (unsigned)guests[i].id, l->path,
				strerror(-why.code));
	}
	free(known);
	if (used == 0)
		acl_remove(l, &why); // that of before
	return rc;
}

int listener_admit(
	struct listener *l, const struct listener_guest *guests, size_t n, struct error *err)
{
	const int rc = acl_set(l, guests, n, err);

	return rc == -EINVAL ? acl_set_known(l, guests, n, err) : rc;
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	if (l->bound)
		unlink(l->path);
	if (l->lock >= 0)
		close(l->lock); // the file stays: removing it would race with the next holder
	free(l);
}

int listener_fd(const struct listener *l)
{
	return l->fd;
}
