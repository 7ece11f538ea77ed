// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/operations/recover.h"

#include "base/sha256.h"
#include "ctl/server/log.h"
#include "ctl/server/operations/deploy.h"
#include "ctl/server/operations/import.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/retain.h"
#include "ctl/server/operations/stored_image.h"
#include "ctl/server/store/store.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// Not deployed, and not taken for never deployed: nothing else may take its place.
static void recover_is_damaged(struct model_entry *entry, const char *why)
{
	log_error("store: %s: model %s is not deployed", why, entry->name);
	entry->is_damaged = true;
	snprintf(entry->reason, sizeof(entry->reason), "%s", why);
}

static void recover_found_deployment(
	struct server *server, struct model_entry *entry, const void *text, size_t size)
{
	char why[ERROR_TEXT_BYTES];
	struct error err;

	if (record_parse(text, size, &entry->record, &err) != 0) {
		snprintf(why, sizeof(why), "%s/" STORE_DEPLOYMENT " %.400s", entry->name, err.text);
		entry->is_later = err.code == -ENOTSUP;
		recover_is_damaged(entry, why);
	} else if (!entry->record.loaded) {
		snprintf(entry->reason, sizeof(entry->reason), "unloaded by the operator");
	} else { // answered NOT_READY until it is back
		dataplane_expect(server->dataplane, entry->record.id);
	}
}

// Its hash, and who signed it. False where it may not be believed: it is listed all the same, so that it can be
// deleted, and to deploy it says why not.
static bool recover_admits(const struct server *server, const struct model_entry *entry,
	struct model_version *stored, const void *bytes)
{
	struct stored_image image = { .bytes = bytes,
		.size = stored->bytes,
		.version = stored->version,
		.sha256 = stored->sha256,
		.is_stored = true };
	struct signature_claim claim;
	struct error err;
	char *signature;
	int rc;

	sha256_text_of(stored->sha256, bytes, stored->bytes);
	rc = stored_image_signature(
		server, entry->name, stored->version, &signature, &image.signature_size, &err);
	image.signature = signature;
	if (rc == 0)
		rc = stored_image_admit(
			server, &server->config->trust, entry->name, &image, &claim, NULL, &err);
	free(signature);
	if (rc != 0) {
		log_warning("store: version %u of model %s is not to be deployed: %s",
			stored->version, entry->name, err.text);
		return false;
	}
	memcpy(stored->signed_by, claim.key, sizeof(stored->signed_by));
	stored->signed_version = claim.version;
	return true;
}

// `image` is NULL where it cannot be read: it is listed all the same, so that to deploy it says why.
static void recover_found_version(struct server *server, struct model_entry *entry,
	uint16_t version, const void *image, size_t size)
{
	struct model_version stored = { .version = version, .bytes = size };
	char file[STORE_FILE_MAX];
	struct error err;

	if (image && recover_admits(server, entry, &stored, image)) {
		stored_image_source(
			server, image, size, &stored.source, &err); // else it is not known
	}
	store_image_file(file, version);
	stored.at = store_written_at(server->store, entry->name, file);
	if (model_entry_add(entry, &stored) != 0)
		log_error("store: no memory to list version %u of %s", version, entry->name);
}

static void recover_found(void *arg, const char *model, uint16_t version)
{
	struct server *server = arg;
	struct model_entry *entry = models_get(&server->models, model);
	char file[STORE_FILE_MAX] = STORE_DEPLOYMENT;
	struct error err;
	void *data = NULL;
	size_t size = 0;

	if (!entry) {
		log_error("store: more than %d models; %s is passed over", MODELS_MAX, model);
		return;
	}
	if (version)
		store_image_file(file, version);
	if (store_read(server->store, model, file, &data, &size, &err) != 0) {
		if (version == 0) {
			recover_is_damaged(entry, err.text);
			return;
		}
		log_error("store: %s", err.text);
		if (err.code == -EINVAL || err.code == -ELOOP) // it is no file, but a link, say
			return;
	}
	if (version)
		recover_found_version(server, entry, version, data, size);
	else
		recover_found_deployment(server, entry, data, size);
	free(data);
}

static int recover_queue(struct server *server, struct error *err)
{
	const struct config *config = server->config;

	for (uint32_t i = 0; i < server->models.n; i++) {
		const struct model_entry *entry = server->models.entries[i];
		struct operation *op;

		if (!entry->record.id || !entry->record.loaded)
			continue;
		op = operation_create(server, (struct operation_client){ 0 }, "bring back",
			deploy_begin_recorded, entry->name, entry->record.live.version);
		if (!op)
			return error_set(
				err, -ENOMEM, "no memory to bring back model %s", entry->name);
		operation_start(op);
	}
	for (uint32_t i = 0; i < config->n_models; i++)
		if (import_start(server, &config->models[i], err) != 0)
			return err->code;
	retain(server, NULL, 0); // when all of that is in service
	return 0;
}

int recover(struct server *server, struct error *err)
{
	int rc = store_scan(server->store, recover_found, server, err);

	if (rc != 0)
		return rc;
	retain_recover(server);
	operation_hold(server);
	rc = recover_queue(server, err);
	if (rc == 0)
		operation_release(server);
	return rc;
}
