// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/named_files.h"

#include "base/trust/chain_sign.h"
#include "base/trust/image_keys.h"
#include "ctl/server/access/access.h"
#include "ctl/server/listeners.h"

#include <stdlib.h>
#include <string.h>

static int check_tokens(const struct config *config, struct error *err)
{
	struct access_rules *rules = NULL;
	const int rc = access_prepare(config, &rules, err);

	access_discard(rules);
	return rc;
}

int named_files_check_audit_key(const struct config *config, struct error *err)
{
	const char *path = config->trust.audit_key;
	struct chain_key key;
	const int rc = path[0] ? chain_key_read(path, &key, err) : 0;

	chain_key_wipe(&key);
	return rc == 0 || rc == -ENOENT ? 0 : error_prefix(err, "trust.audit_key");
}

static int check_image_keys(const char *path, struct error *err)
{
	struct image_keys *keys;
	int rc;

	if (strncmp(path, IMAGE_KEY_CREDENTIAL, sizeof(IMAGE_KEY_CREDENTIAL) - 1) == 0 &&
		!getenv("CREDENTIALS_DIRECTORY"))
		return 0;
	keys = image_keys_create();
	if (!keys)
		return error_set(err, -ENOMEM, "no memory for the keys of images");
	rc = image_keys_read(keys, path, err);
	image_keys_destroy(keys);
	return rc == 0 ? 0 : error_prefix(err, "trust.image_keys");
}

static int check_tls(const struct config *config, uint32_t i, struct error *err)
{
	const struct tls_files files =
		listeners_tls_files(&config->control.http[i], &config->trust);
	struct tls *tls = NULL;
	const int rc = files.certificate[0] ? tls_open(&files, &tls, err) : 0;

	tls_close(tls);
	return rc == 0 ? 0 : error_prefix(err, "control.http[%u].tls", i);
}

void named_files_check(
	const struct config *config, void (*refuse)(void *arg, const char *sentence), void *arg)
{
	struct error err;

	if (check_tokens(config, &err) != 0)
		refuse(arg, err.text);
	for (uint32_t i = 0; i < config->trust.n_image_keys; i++)
		if (check_image_keys(config->trust.image_keys[i], &err) != 0)
			refuse(arg, err.text);
	for (uint32_t i = 0; i < config->control.n_http; i++)
		if (check_tls(config, i, &err) != 0)
			refuse(arg, err.text);
}
