// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/signature.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int signature_path(const char *image, char path[PATH_MAX], struct error *err)
{
	if (snprintf(path, PATH_MAX, "%s" MINISIGN_SUFFIX, image) < PATH_MAX)
		return 0;
	return error_set(err, -ENAMETOOLONG,
		"%.60s...: with " MINISIGN_SUFFIX " behind it, it is too long for a path", image);
}

int signature_read(const char *path, struct minisign_signature *signature, struct error *err)
{
	void *text;
	size_t size;
	int rc = file_read(path, MINISIGN_SIGNATURE_BYTES, &text, &size, err);

	if (rc != 0)
		return rc;
	rc = minisign_signature_parse(text, size, signature, err);
	free(text);
	return rc ? error_prefix(err, "%.200s", path) : 0;
}

int signature_hash_file(const char *path, uint8_t hash[MINISIGN_HASH_BYTES], struct error *err)
{
	const int fd = file_open_at(AT_FDCWD, path, path, err);
	int rc;

	if (fd < 0)
		return fd;
	rc = minisign_hash_file(fd, hash);
	close(fd);
	return rc == 0 ? 0 : error_set(err, rc, "%s: cannot be read: %s", path, strerror(-rc));
}

int signature_check(const char *name, const struct minisign_public *key,
	const uint8_t hash[MINISIGN_HASH_BYTES], const struct minisign_signature *signature,
	struct error *err)
{
	char wants[MINISIGN_ID_TEXT], has[MINISIGN_ID_TEXT];
	int rc;

	minisign_id_text(key->id, wants);
	minisign_id_text(signature->id, has);
	if (strcmp(wants, has) != 0)
		return error_set(
			err, -EBADMSG, "%s: is signed by key %s, not by %s", name, has, wants);
	rc = minisign_check(key, hash, signature, err);
	return rc ? error_prefix(err, "%.200s", name) : 0;
}
