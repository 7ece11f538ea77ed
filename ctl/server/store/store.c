// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/store/store.h"

#include "base/file.h"
#include "base/name.h"
#include "base/trust/minisign.h"
#include "ctl/server/log.h"
#include "ctl/server/store/disk_plain.h"
#include "ctl/server/store/disk_ring.h"
#include "ctl/server/store/store_spare.h"
#include "ctl/server/store/store_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void store_image_file(char file[STORE_FILE_MAX], uint16_t version)
{
	snprintf(file, STORE_FILE_MAX, "%u.mlt", version);
}

void store_signature_file(char file[STORE_FILE_MAX], uint16_t version)
{
	snprintf(file, STORE_FILE_MAX, "%u.mlt" MINISIGN_SUFFIX, version);
}

// As mkdir -p does, each new folder with mode 0755.
static int store_make_folders(const char *path, struct error *err)
{
	char part[1024];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part + 1;; slash++) {
		char was = *slash;

		if (was && was != '/')
			continue;
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return error_set(err, -errno, "store: %s cannot be created: %s", part,
				strerror(errno));
		*slash = was;
		if (!was)
			return 0;
	}
}

// Opens a folder itself, not one that a link leads to; links above it are the operator's. -ELOOP at one.
static int store_open_own(int at, const char *path)
{
	char clean[1024];
	struct stat status;
	size_t bytes;
	int fd;

	snprintf(clean, sizeof(clean), "%s", path);
	bytes = strlen(clean);
	while (bytes > 1 && clean[bytes - 1] == '/') // behind which a link would be followed
		clean[--bytes] = '\0';
	fd = openat(at, clean, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOTDIR && fstatat(at, clean, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISLNK(status.st_mode))
		return -ELOOP;
	return -errno;
}

static const char *store_why_not(int rc)
{
	return rc == -ELOOP ? "it is a symbolic link; the store's folders may be none"
			    : strerror(-rc);
}

static int store_open_folders(struct store *store, struct error *err)
{
	int root, rc = store_make_folders(store->path, err);

	if (rc != 0)
		return rc;
	root = store_open_own(AT_FDCWD, store->path);
	if (root < 0)
		return error_set(err, root, "store: %s cannot be opened: %s", store->path,
			store_why_not(root));
	store->lock = openat(root, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (store->lock < 0)
		rc = error_set(err, -errno, "store: %s cannot be written: %s", store->path,
			strerror(errno));
	else if (flock(store->lock, LOCK_EX | LOCK_NB) != 0)
		rc = error_set(err, -EBUSY,
			"store: %s is in use by another martletd; stop it, or name another "
			"store.path",
			store->path);
	else if (mkdirat(root, "models", 0750) != 0 && errno != EEXIST)
		rc = error_set(err, -errno, "store: %s/models cannot be created: %s", store->path,
			strerror(errno));
	else if ((store->models = store_open_own(root, "models")) < 0)
		rc = error_set(err, store->models, "store: %s/models cannot be opened: %s",
			store->path, store_why_not(store->models));
	else if (fsync(root) != 0)
		rc = error_set(err, -errno, "store: %s cannot be written: %s", store->path,
			strerror(errno));
	close(root);
	return rc;
}

int store_open(const char *path, struct event_base *base, bool synchronous, struct store **out,
	struct error *err)
{
	struct store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store || !(store->path = strdup(path))) {
		free(store);
		return error_set(err, -ENOMEM, "no memory for the store");
	}
	store->lock = store->models = -1;
	store_spare_init(store);
	store->disk = disk_plain();
	rc = store_open_folders(store, err);
	if (rc != 0) {
		store_close(store);
		return rc;
	}
	if (!synchronous) {
		rc = disk_ring_create(base, &store->disk);
		store->has_ring = rc == 0;
		if (rc != 0)
			log_warning(
				"store: io_uring cannot be used here (%s): writing synchronously; "
				"status may be late while a model is stored",
				strerror(-rc));
	}
	store_spare_fill(store);
	*out = store;
	return 0;
}

int store_open_folder(
	struct store *store, const char *name, char *path, size_t path_bytes, struct error *err)
{
	const int root = store_open_own(AT_FDCWD, store->path);
	int fd = root;

	snprintf(path, path_bytes, "%.900s/%.64s", store->path, name);
	if (root >= 0) {
		if ((mkdirat(root, name, 0700) != 0 && errno != EEXIST) || fsync(root) != 0)
			fd = -errno;
		else
			fd = store_open_own(root, name);
		close(root);
	}
	return fd >= 0
		? fd
		: error_set(err, fd, "store: %s cannot be opened: %s", path, store_why_not(fd));
}

struct disk *store_disk(struct store *store)
{
	return store->disk;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store->disk->destroy(store->disk);
	store_spare_fini(store);
	if (store->models >= 0)
		close(store->models);
	if (store->lock >= 0)
		close(store->lock);
	free(store->path);
	free(store);
}

void store_stay_here(struct store *store)
{
	if (store->has_ring)
		disk_ring_stay_here(store->disk);
}

static int store_read_once(struct store *store, const char *model, const char *file,
	const char *what, void **data, size_t *size, struct error *err)
{
	const int folder = store_open_own(store->models, model);
	int rc;

	*data = NULL;
	*size = 0;
	if (folder < 0)
		return error_set(err, folder, "%s: cannot be opened: %s", what,
			folder == -ELOOP ? "its folder is a symbolic link" : strerror(-folder));
	rc = file_read_here(folder, file, what, STORE_IMAGE_BYTES_MAX, data, size, err);
	close(folder);
	return rc;
}

int store_read(struct store *store, const char *model, const char *file, void **data, size_t *size,
	struct error *err)
{
	char path[NAME_BYTES_MAX + 1 + STORE_FILE_MAX], what[1024];
	int rc;

	if (!name_is_valid(model))
		return error_set(err, -EINVAL, "'%.64s' is no model's name", model);
	snprintf(path, sizeof(path), "%s/%s", model, file);
	snprintf(what, sizeof(what), "%.800s/models/%s", store->path, path);
	do
		rc = store_read_once(store, model, file, what, data, size, err);
	while (store_spare_give(store, rc));
	store_spare_fill(store);
	return rc;
}

int64_t store_written_at(const struct store *store, const char *model, const char *file)
{
	char path[NAME_BYTES_MAX + 1 + STORE_FILE_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", model, file);
	return fstatat(store->models, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mtime : 0;
}

// The version that a file's name says: 12 of "12.mlt". 0 where the name is not exactly what
// store_image_file() makes of a version, as "012.mlt", "0.mlt" and "70000.mlt".
static uint16_t store_version_of(const char *file)
{
	char canonical[STORE_FILE_MAX];
	unsigned long version = strtoul(file, NULL, 10);

	if (version == 0 || version > UINT16_MAX)
		return 0;
	store_image_file(canonical, (uint16_t)version);
	return strcmp(file, canonical) == 0 ? (uint16_t)version : 0;
}

// The same of its signature's: 12 of "12.mlt.minisig".
static uint16_t store_signed_version_of(const char *file)
{
	char canonical[STORE_FILE_MAX];
	unsigned long version = strtoul(file, NULL, 10);

	if (version == 0 || version > UINT16_MAX)
		return 0;
	store_signature_file(canonical, (uint16_t)version);
	return strcmp(file, canonical) == 0 ? (uint16_t)version : 0;
}

// The folder's next entry. NULL at its end, and where it cannot be read any further: then *rc is
// -errno, else 0.
static struct dirent *store_next_entry(DIR *dir, int *rc)
{
	struct dirent *entry;

	errno = 0;
	entry = readdir(dir);
	*rc = entry ? 0 : -errno;
	return entry;
}

// A folder without a version or deployment was made for a file whose writing a crash ended, or its model was
// being deleted.
static void store_scan_remove(const struct store *store, int folder, const char *model)
{
	unlinkat(folder, STORE_COMPARE, 0);
	unlinkat(folder, STORE_RETENTION, 0);
	unlinkat(store->models, model, AT_REMOVEDIR); // it stays where there is a STORE_ACCEPTED
}

// A signature is written before its image, and goes after it: one alone was left by a crash.
static void store_scan_signature(int folder, const char *model, uint16_t version, const char *file)
{
	char image[STORE_FILE_MAX];
	struct stat status;

	store_image_file(image, version);
	if (fstatat(folder, image, &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
		return;
	unlinkat(folder, file, 0);
	log_info("store: removed %s/%s, the signature of an image that is not there", model, file);
}

static void store_scan_model(struct store *store, const char *model,
	void (*found)(void *, const char *, uint16_t), void *arg)
{
	int fd = openat(store->models, model, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	unsigned kept = 0;
	int rc;

	if (!dir) {
		log_warning("store: %s/models/%s is passed over: %s", store->path, model,
			strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = store_next_entry(dir, &rc))) {
		const char *file = entry->d_name;
		uint16_t version = store_version_of(file);

		if (strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
			continue;
		if (strncmp(file, STORE_TEMPORARY_PREFIX, strlen(STORE_TEMPORARY_PREFIX)) == 0) {
			unlinkat(fd, file, 0);
			log_info("store: removed %s/%s, left half-written by a crash", model, file);
			continue;
		}
		if (strcmp(file, STORE_COMPARE) == 0 || strcmp(file, STORE_RETENTION) == 0 ||
			strcmp(file, STORE_ACCEPTED) == 0)
			continue;
		if (store_signed_version_of(file)) {
			store_scan_signature(fd, model, store_signed_version_of(file), file);
			continue;
		}
		kept++;
		if (version || strcmp(file, STORE_DEPLOYMENT) == 0)
			found(arg, model, version);
		else
			log_warning("store: %s/%s is none of ours, passed over", model, file);
	}
	if (rc != 0)
		log_error("store: %s/models/%s cannot be read to its end: %s", store->path, model,
			strerror(-rc));
	else if (kept == 0)
		store_scan_remove(store, fd, model);
	closedir(dir);
}

int store_scan(struct store *store, void (*found)(void *arg, const char *model, uint16_t version),
	void *arg, struct error *err)
{
	int fd = openat(store->models, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc;

	if (!dir) {
		rc = error_set(err, -errno, "store: %s/models cannot be read: %s", store->path,
			strerror(errno));

		if (fd >= 0)
			close(fd);
		return rc;
	}
	while ((entry = store_next_entry(dir, &rc)))
		if (name_is_valid(entry->d_name))
			store_scan_model(store, entry->d_name, found, arg);
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			log_warning("store: %s/models/%.64s is no model's name, passed over",
				store->path, entry->d_name);
	closedir(dir);
	if (rc != 0)
		return error_set(err, rc, "store: %s/models cannot be read to its end: %s",
			store->path, strerror(-rc));
	return 0;
}
