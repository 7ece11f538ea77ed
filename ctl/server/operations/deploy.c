// SPDX-License-Identifier: BSD-3-Clause
// A version comes into service. The order, and what a crash leaves behind each step:
//  1. The image is read, checked against what was stored and by its signature, opened, and a deployment of it prepared: all
//     that may be refused is refused here. After a crash the version before is in service.
//  2. The record is written: a temporary file, fsync, rename, fsync of the folder. Until the rename a
//     crash leaves the version before, afterwards (once it is durable) the new one; nobody has been
//     told of either. Where writing fails, what was recorded is put back (recording.h), the version
//     before stays in service and the client hears that it is refused.
//  3. One pointer is published. That cannot fail, so nothing has to be undone behind step 2.
//  4. The client is answered. What it was told is both in service and recorded.
// Unloading is the same: recorded, then retired. What the record says already (at start) begins at 1
// and leaves out 2.
#include "ctl/server/operations/deploy.h"

#include "base/sha256.h"
#include "ctl/server/log.h"
#include "ctl/server/operations/deployment_json.h"
#include "ctl/server/operations/interface.h"
#include "ctl/server/operations/operation.h"
#include "ctl/server/operations/recording.h"
#include "ctl/server/operations/stored_image.h"
#include "ctl/server/operations/warm.h"
#include "ctl/server/store/store.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// --- Opening -------------------------------------------------------------------------------------

// The image must be the one that was stored, or deployed: it may be sound and yet another.
static int deploy_check_image(const struct operation *op, struct operation_part *part,
	const void *image, size_t size, char found[RECORD_SHA256_BYTES])
{
	sha256_text_of(found, image, size);
	if (!part->sha256[0]) // it could not be read at start, and was not recorded
		return 0;
	if (strcmp(found, part->sha256) == 0)
		return 0;
	return error_set(&part->err, -EINVAL,
		"its image in the store is not the one that was %s: its SHA-256 is %.16s..., not "
		"%.16s...",
		op->recorded ? "in service" : "stored", found, part->sha256);
}

// Whether it may be believed, by the signature beside it.
static int deploy_admit(const struct operation *op, struct operation_part *part, const void *image,
	size_t size, const char *sha256)
{
	struct stored_image stored = { .bytes = image,
		.size = size,
		.version = part->version,
		.sha256 = sha256,
		.is_stored = true };
	struct signature_claim claim;
	char *signature;
	int rc = stored_image_signature(op->server, op->model, part->version, &signature,
		&stored.signature_size, &part->err);

	if (rc != 0) {
		part->status = 500;
		return rc;
	}
	stored.signature = signature;
	rc = stored_image_admit(op->server, &op->server->config->trust, op->model, &stored, &claim,
		NULL, &part->err);
	if (rc != 0)
		part->status = stored_image_status(&part->err);
	free(signature);
	return rc;
}

// Timing kernels takes milliseconds of CPU, so an image is timed once in the life of the process: going back
// to it later takes no CPU from the traffic. Warming it checks the model, and touches all that it scores with
// before the first request does.
static void deploy_open_part(struct operation *op, struct operation_part *part)
{
	struct model_options options = op->server->model_options;
	char file[STORE_FILE_MAX], sha256[RECORD_SHA256_BYTES];
	void *image = NULL;
	size_t size;

	store_image_file(file, part->version);
	options.choices = part->choices;
	if (store_read(op->server->store, op->model, file, &image, &size, &part->err) != 0) {
		// It is listed: the disk is not as it was, unless it was missing at the start.
		part->status = part->err.code == -ENOENT ? 409 : 500;
	} else if (deploy_check_image(op, part, image, size, sha256) != 0) {
		part->status = operation_status(&part->err, 422);
	} else if (deploy_admit(op, part, image, size, sha256) != 0) {
		; // its status says why
	} else if (part->is_in_service) {
		part->err.code = 0;
	} else if (stored_image_open(op->server, &op->server->config->trust, image, size, &options,
			   &part->opened, &part->err) != 0) {
		part->status = operation_status(&part->err, 422);
		part->opened = NULL;
	} else if (warm_model(part->opened, &part->err) != 0) {
		part->status = operation_status(&part->err, 422);
	} else {
		part->err.code = 0; // see verify_image()
		if (!part->choices)
			part->timed = model_choices(part->opened);
	}
	free(image);
}

// Work.
static void deploy_open_stored(void *arg)
{
	struct operation *op = arg;

	for (uint32_t i = 0; i < op->n_parts; i++)
		deploy_open_part(op, &op->parts[i]);
}

// --- Publishing ----------------------------------------------------------------------------------

static bool deploy_is_pinned(const struct operation *op, uint16_t version)
{
	return strcmp(record_role(&op->record, version), "pinned") == 0;
}

// Whether a version is beside the live one, and was before: nobody wishes that now.
static bool deploy_is_kept(
	const struct operation *op, const struct model_entry *entry, uint16_t version)
{
	const char *before = record_role(&entry->record, version);
	const char *after = record_role(&op->record, version);

	return !op->recorded && before && after && strcmp(before, after) == 0 &&
		strcmp(after, "live") != 0;
}

// A version that was in service before stays so.
static void deploy_refused(
	struct operation *op, struct model_entry *entry, uint16_t version, int status)
{
	if (entry->state == MODEL_STATE_LOADING) {
		entry->state = MODEL_STATE_UNAVAILABLE;
		snprintf(entry->reason, sizeof(entry->reason), "version %u: %.480s", version,
			op->err.text);
	}
	if (deploy_is_kept(op, entry, version))
		operation_fail(op, status,
			"version %u, which is %s%s already, cannot be deployed: %s; end that "
			"(martletctl model %s), or push the version again",
			version, deploy_is_pinned(op, version) ? "" : "its ",
			record_role(&op->record, version), op->err.text,
			deploy_is_pinned(op, version) ? "unpin" : "canary or shadow --off");
	else
		operation_fail(
			op, status, "version %u cannot be deployed: %s", version, op->err.text);
}

// Keeps the kernels that were timed for the next time that this version is deployed.
static void deploy_keep_choices(
	struct operation *op, const struct model_entry *entry, struct operation_part *part)
{
	struct model_version *stored = model_entry_version(entry, part->version);

	operation_log(op, LOG_LEVEL_INFO, "version %u, kernels %s", part->version,
		part->choices ? "as timed before" : "timed");
	if (!part->timed || !stored || stored->choices)
		return;
	stored->choices = part->timed;
	part->timed = NULL;
}

static void deploy_commit(struct operation *op, struct model_entry *entry)
{
	dataplane_commit(op->server->dataplane, op->route);
	op->route = NULL;
	for (uint32_t i = 0; i < op->n_parts; i++) {
		struct operation_part *part = &op->parts[i];

		if (!part->prepared)
			continue;
		part->prepared = NULL;
		part->opened = NULL; // it belongs to the dataplane now
		deploy_keep_choices(op, entry, part);
	}
	entry->record = op->record;
	entry->is_damaged = false;
	entry->state = MODEL_STATE_READY;
	if (!op->recorded) // else it says what has not come back
		entry->reason[0] = '\0';
	operation_reply(op, 200, deployment_json(op->model, &op->record));
}

static void deploy_recorded(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	if (op->err.code)
		deploy_refused(op, entry, op->record.live.version, op->status);
	else
		deploy_commit(op, entry);
}

static struct operation_part *deploy_part(struct operation *op, uint16_t version)
{
	for (uint32_t i = 0; i < op->n_parts; i++)
		if (op->parts[i].version == version && !op->parts[i].is_in_service)
			return &op->parts[i];
	return NULL;
}

// The model of a version that is in service, or to be.
static const struct model_info *deploy_info(struct operation *op, uint16_t version)
{
	const struct operation_part *part = deploy_part(op, version);
	const struct model *model = part
		? part->opened
		: dataplane_version_model(op->server->dataplane, op->record.id, version);

	return model ? model_info(model) : NULL;
}

// Clients know a model by its name and id: what they send, and what they take its answers for, must
// not change under them, and canary and shadow stand for the live one. Returns 0 or the version that does not.
static uint16_t deploy_check_interface(struct operation *op)
{
	const struct model *before = dataplane_model(op->server->dataplane, op->record.id);
	const struct model_info *live = deploy_info(op, op->record.live.version);
	const uint16_t others[] = { op->record.canary.version, op->record.shadow.version };

	if (!op->wish.force && before && live &&
		interface_check(model_info(before), live, &op->err) != 0)
		return op->record.live.version;
	for (int i = 0; i < 2; i++) {
		const struct model_info *other = others[i] ? deploy_info(op, others[i]) : NULL;
		struct error err;

		if (!other || !live || interface_check(live, other, &err) == 0)
			continue;
		error_set(&op->err, -EINVAL,
			"a %s is compared with the live version row by row, and this one has "
			"another interface: %.*s",
			i ? "shadow" : "canary", (int)strcspn(err.text, ";"), err.text);
		return others[i];
	}
	if (live && wish_key(&op->wish, live, &op->record, &op->err) != 0)
		return op->record.canary.version;
	return 0;
}

static struct deployment *deploy_deployment(
	struct operation *op, const struct record_version *version)
{
	const struct operation_part *part = deploy_part(op, version->version);

	if (!version->version)
		return NULL;
	return part ? part->prepared
		    : dataplane_find(op->server->dataplane, op->record.id, version->version);
}

static int deploy_make_route(struct operation *op)
{
	const struct record *r = &op->record;
	struct route_request request = {
		.id = r->id,
		.live = deploy_deployment(op, &r->live),
		.canary = deploy_deployment(op, &r->canary),
		.share = { .permille = r->permille,
			.by_feature = r->key != RECORD_KEY_ID,
			.feature = r->key == RECORD_KEY_ID ? 0 : (uint32_t)r->key },
		.shadow = deploy_deployment(op, &r->shadow),
	};

	for (uint32_t i = 0; i < r->n_pinned; i++) {
		struct deployment *pinned = deploy_deployment(op, &r->pinned[i]);

		if (pinned && pinned != request.live && pinned != request.canary)
			request.pinned[request.n_pinned++] = pinned;
	}
	return dataplane_make_route(op->server->dataplane, &request, &op->route, &op->err);
}

static int deploy_prepare(struct operation *op, struct operation_part *part)
{
	const struct deployment_request request = { .id = op->record.id,
		.name = op->model,
		.version = part->version,
		.model = part->opened };
	int rc = dataplane_prepare(op->server->dataplane, &request, &part->prepared, &part->err);

	if (rc != 0)
		part->status =
			operation_status(&part->err, rc == -EEXIST || rc == -EBUSY ? 409 : 422);
	return rc;
}

// At start, a version beside the live one that cannot come back does not keep the live one away.
static bool deploy_may_miss(const struct operation *op, const struct operation_part *part)
{
	return op->recorded && part->version != op->record.live.version;
}

// False: the operation was refused.
static bool deploy_prepare_parts(struct operation *op, struct model_entry *entry)
{
	for (uint32_t i = 0; i < op->n_parts; i++) {
		struct operation_part *part = &op->parts[i];

		if (!part->err.code && !part->is_in_service)
			deploy_prepare(op, part);
		if (!part->err.code)
			continue;
		op->err = part->err;
		if (!deploy_may_miss(op, part)) {
			deploy_refused(op, entry, part->version, part->status);
			return false;
		}
		snprintf(entry->reason, sizeof(entry->reason),
			"version %u (%s) is not in service: %.400s", part->version,
			record_role(&op->record, part->version), part->err.text);
		operation_log(op, LOG_LEVEL_ERROR, "%s", entry->reason);
	}
	return true;
}

static void deploy_opened(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	uint16_t odd;

	if (op->recorded)
		entry->reason[0] = '\0';
	if (!deploy_prepare_parts(op, entry))
		return;
	memset(&op->err, 0, sizeof(op->err));
	odd = op->recorded ? 0 : deploy_check_interface(op);
	if (odd)
		deploy_refused(op, entry, odd, 409);
	else if (deploy_make_route(op) != 0)
		deploy_refused(op, entry, op->record.live.version, operation_status(&op->err, 422));
	else if (op->recorded)
		deploy_commit(op, entry);
	else {
		operation_sign_record(op, &entry->record);
		recording_begin(op, deploy_recorded);
	}
}

// --- What is to be done --------------------------------------------------------------------------

static bool deploy_has_part(const struct operation *op, uint16_t version)
{
	for (uint32_t i = 0; i < op->n_parts; i++)
		if (op->parts[i].version == version)
			return true;
	return false;
}

// What is in service stays there, whatever the policy has become since; but it gets no other role without what
// the policy asks for now.
static bool deploy_gets_role(
	const struct operation *op, const struct model_entry *entry, uint16_t version)
{
	const char *before = record_role(&entry->record, version);
	const char *after = record_role(&op->record, version);

	return !op->recorded && after && (!before || strcmp(before, after) != 0);
}

static void deploy_add_part(
	struct operation *op, const struct model_entry *entry, const struct record_version *version)
{
	const struct model_version *stored = model_entry_version(entry, version->version);
	struct operation_part *part = &op->parts[op->n_parts];
	const bool is_in_service = version->version && entry->record.id &&
		dataplane_find(op->server->dataplane, entry->record.id, version->version);

	if (!version->version || deploy_has_part(op, version->version) ||
		(is_in_service &&
			!(op->server->config->trust.require_signature &&
				deploy_gets_role(op, entry, version->version))))
		return;
	op->n_parts++;
	part->is_in_service = is_in_service;
	part->version = version->version;
	snprintf(part->sha256, sizeof(part->sha256), "%s",
		version->sha256[0] || !stored ? version->sha256 : stored->sha256);
	part->choices = stored ? stored->choices : NULL;
}

static void deploy_open(struct operation *op, struct model_entry *entry)
{
	const struct record *r = &op->record;

	deploy_add_part(op, entry, &r->live);
	deploy_add_part(op, entry, &r->canary);
	deploy_add_part(op, entry, &r->shadow);
	for (uint32_t i = 0; i < r->n_pinned; i++)
		deploy_add_part(op, entry, &r->pinned[i]);
	if (entry->state != MODEL_STATE_READY)
		entry->state = MODEL_STATE_LOADING;
	operation_work(op, deploy_open_stored, deploy_opened);
}

void deploy_begin(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);
	int status;

	if (!entry) {
		operation_fail_unknown(op);
		return;
	}
	if (!operation_may_change(op, entry) || !operation_matches(op, entry))
		return;
	status = wish_record(&op->server->models, entry, &op->wish, &op->record, &op->err);
	if (status) {
		if (status == 404 && entry->state != MODEL_STATE_READY)
			snprintf(entry->reason, sizeof(entry->reason), "%s", op->err.text);
		operation_fail(op, status, "%s", op->err.text);
		return;
	}
	deploy_open(op, entry);
}

// What the record says, sums and all: the images are to be those that were in service.
void deploy_begin_recorded(struct operation *op)
{
	struct model_entry *entry = models_find(&op->server->models, op->model);

	op->recorded = true;
	op->record = entry->record;
	if (!model_entry_version(entry, op->record.live.version)) {
		snprintf(entry->reason, sizeof(entry->reason),
			"there is no version %u of model '%s' in the store; push it first",
			op->record.live.version, op->model);
		operation_fail(op, 404, "%s", entry->reason);
		return;
	}
	deploy_open(op, entry);
}

// The entry of a model whose record says what is to be done; NULL: there is none, and the operation failed.
static const struct model_entry *deploy_recorded_entry(struct operation *op)
{
	const struct model_entry *entry = models_find(&op->server->models, op->model);

	if (!entry)
		operation_fail_unknown(op);
	else if (!operation_may_change(op, entry))
		return NULL;
	else if (entry->is_damaged)
		operation_fail(op, 409, "what the store says of model '%s' cannot be read: %s",
			op->model, entry->reason);
	return entry && !entry->is_damaged ? entry : NULL;
}

void deploy_begin_rollback(struct operation *op)
{
	const struct model_entry *entry = deploy_recorded_entry(op);
	int status;

	if (!entry || !operation_matches(op, entry))
		return;
	status = wish_back(entry, op->version, &op->wish, &op->err);
	if (status) {
		operation_fail(op, status, "%s", op->err.text);
		return;
	}
	op->version = op->wish.live;
	op->if_match.is_bound = false; // it was looked at
	deploy_begin(op);
}

void deploy_begin_load(struct operation *op)
{
	const struct model_entry *entry = deploy_recorded_entry(op);

	if (!entry)
		return;
	if (entry->record.id == 0) {
		operation_fail(op, 409,
			"model '%s' was never deployed: PUT /v1/models/%s/deployment says which "
			"version and id",
			op->model, op->model);
		return;
	}
	deploy_begin(op);
}
