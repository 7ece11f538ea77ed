// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/stored_image.h"

#include "base/file.h"
#include "config/config.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/server_state.h"
#include "ctl/server/store/store.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

int stored_image_read_file(const char *path, struct stored_image_file *file, struct error *err)
{
	char beside[PATH_MAX];
	struct error own;
	void *signature;
	int rc;

	memset(file, 0, sizeof(*file));
	if (snprintf(beside, sizeof(beside), "%s" MINISIGN_SUFFIX, path) >= (int)sizeof(beside))
		return error_set(err, -ENAMETOOLONG, "%.200s...: the path is too long", path);
	rc = file_read(path, STORE_IMAGE_BYTES_MAX, &file->bytes, &file->size, err);
	if (rc != 0)
		return rc;
	rc = file_read(beside, MINISIGN_SIGNATURE_BYTES, &signature, &file->signature_size, &own);
	file->signature = signature;
	if (rc == 0 || rc == -ENOENT) // it need not have one, and then nothing is wrong
		return 0;
	stored_image_file_fini(file);
	return error_set(err, rc, "%s", own.text);
}

void stored_image_file_fini(struct stored_image_file *file)
{
	free(file->bytes);
	free(file->signature);
	memset(file, 0, sizeof(*file));
}

int stored_image_signature(const struct server *server, const char *model, uint16_t version,
	char **text, size_t *size, struct error *err)
{
	char file[STORE_FILE_MAX];
	struct error own;
	void *bytes;
	int rc;

	store_signature_file(file, version);
	rc = store_read(server->store, model, file, &bytes, size, &own);
	*text = bytes;
	return rc == 0 || rc == -ENOENT ? 0 : error_set(err, rc, "%s", own.text);
}

static int stored_image_accepted(const struct server *server, const char *model,
	struct accepted *accepted, struct error *err)
{
	struct error own;
	void *text;
	size_t size;
	int rc = store_read(server->store, model, STORE_ACCEPTED, &text, &size, &own);

	if (rc != 0 && rc != -ENOENT) // whatever it is, the store is at fault
		return error_set(err, -EIO, "%s", own.text);
	rc = accepted_parse(text, size, accepted, err);
	free(text);
	return rc ? error_prefix(err, "%s/" STORE_ACCEPTED, model) : 0;
}

int stored_image_admit(const struct server *server, const struct config_trust *trust,
	const char *model, const struct stored_image *image, struct signature_claim *claim,
	struct accepted *accepted, struct error *err)
{
	struct accepted own = { 0 }, *known = accepted ? accepted : &own;
	struct accepted_version version = { .version = image->version };
	int rc;

	memset(known, 0, sizeof(*known));
	rc = signature_check(trust, model, image->bytes, image->size, image->signature,
		image->signature_size, claim, err);
	if (rc != 0 || !claim->is_good)
		return rc;
	version.number = claim->version;
	snprintf(version.sha256, sizeof(version.sha256), "%s", image->sha256);
	rc = stored_image_accepted(server, model, known, err);
	if (rc == 0)
		rc = accepted_check(known, &version, image->is_stored, err);
	accepted_fini(&own);
	if (rc != 0)
		memset(claim, 0, sizeof(*claim));
	return rc;
}

int stored_image_status(const struct error *err)
{
	return operation_status(err, err->code == -EACCES || err->code == -ENOKEY ? 403 : 422);
}

int stored_image_open(const struct server *server, const struct config_trust *trust,
	const void *bytes, size_t size, const struct model_options *options, struct model **model,
	struct error *err)
{
	struct model_options with_keys = *options;

	with_keys.keys = server->image_keys;
	with_keys.only_encrypted = trust->require_encryption;
	with_keys.must_lock = true;
	return model_open(bytes, size, &with_keys, model, err);
}

int stored_image_source(const struct server *server, const void *bytes, size_t size,
	struct model_source *source, struct error *err)
{
	return model_source(bytes, size, server->image_keys, source, err);
}
