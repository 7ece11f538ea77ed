// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/reload.h"

#include "base/file.h"
#include "base/sha256.h"
#include "base/trust/image_keys.h"
#include "config/changes.h"
#include "ctl/server/access/access.h"
#include "ctl/server/audit/audit.h"
#include "ctl/server/decryption.h"
#include "ctl/server/http/gate.h"
#include "ctl/server/limits.h"
#include "ctl/server/listeners.h"
#include "ctl/server/log.h"
#include "ctl/server/notify.h"
#include "ctl/server/operations/import.h"
#include "ctl/server/operations/retain.h"
#include "ctl/server/operations/signature.h"
#include "ctl/server/operations/stored_image.h"
#include "ctl/server/scoring/scoring.h"
#include "ctl/server/server_state.h"
#include "dataplane/dataplane.h"

#include <assert.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static_assert((int)LOG_LEVEL_DEBUG == CONFIG_LOG_DEBUG && (int)LOG_LEVEL_INFO == CONFIG_LOG_INFO &&
		(int)LOG_LEVEL_WARNING == CONFIG_LOG_WARNING &&
		(int)LOG_LEVEL_ERROR == CONFIG_LOG_ERROR,
	"the configuration's levels are the log's");

struct reload { // an operation's data
	char by[208];
	bool is_file; // of the configuration; else `wanted` was sent
	bool is_told; // the service manager
	bool is_try;  // nothing is to be changed
	struct if_match match;
	struct config wanted;
	struct config now;  // with the level of the log that is in force
	struct config next; // in force, once it is
};

struct reload_list {
	json_t *changes; // array
	char live[SERVER_REVISION_BYTES - 64], restart[512];
	uint32_t n_live;
};

// --- Who changed what ----------------------------------------------------------------------------

void reload_tag(const struct server *server, char tag[RELOAD_TAG_BYTES])
{
	snprintf(tag, RELOAD_TAG_BYTES, "\"%llx-%u\"", (unsigned long long)server->started_ns,
		server->revision);
}

static void reload_note_revision(struct server *server, const char *by, const char *keys)
{
	const time_t now = time(NULL);
	struct tm tm;
	char when[32];

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%FT%TZ", &tm);
	server->revision++;
	snprintf(server->revised[server->revision % SERVER_REVISIONS], SERVER_REVISION_BYTES,
		"%s %.48s: %.170s", when, by, keys);
}

// What was changed since `seen`, the last ones at the least.
static void reload_say_since(const struct server *server, const char *seen, char *text, size_t size)
{
	char tag[RELOAD_TAG_BYTES], *end;
	const char *dash = strrchr(seen, '-');
	const unsigned long since = dash ? strtoul(dash + 1, &end, 10) : 0;
	uint32_t first =
		server->revision < SERVER_REVISIONS ? 1 : server->revision - SERVER_REVISIONS + 1;
	size_t used = 0;

	reload_tag(server, tag);
	if (!dash || strncmp(seen, tag, (size_t)(dash - seen)) != 0) {
		snprintf(text, size, "martletd was started anew since");
		return;
	}
	if (since + 1 > first)
		first = (uint32_t)since + 1;
	text[0] = '\0';
	for (uint32_t i = first; i <= server->revision && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "; " : "",
			server->revised[i % SERVER_REVISIONS]);
}

// --- Its ends ------------------------------------------------------------------------------------

static void reload_end(struct operation *op)
{
	const struct reload *reload = op->data;

	if (reload->is_told)
		notify("READY=1");
	operation_done(op);
}

// The files of keys are read whatever changed: so are keys rotated. They are used from here on, by the images that
// are tried, too, and given up again where the reload is.
static int reload_take_keys(struct server *server, const struct config *next, struct error *err)
{
	struct image_keys *keys;
	int rc = decryption_keys(next, &keys, err);

	if (rc != 0)
		return rc;
	server->image_keys_before = server->image_keys;
	server->image_keys = keys;
	return 0;
}

static void reload_keep_keys(struct server *server)
{
	image_keys_destroy(server->image_keys_before);
	server->image_keys_before = NULL;
}

static void reload_keys_back(struct server *server)
{
	if (!server->image_keys_before)
		return;
	image_keys_destroy(server->image_keys);
	server->image_keys = server->image_keys_before;
	server->image_keys_before = NULL;
}

// Of SIGHUP; what is sent to the API is recorded with its request.
static void reload_audit(const struct operation *op, int status, const char *why)
{
	const struct reload *reload = op->data;
	const struct chain_entry entry = { .kind = CHAIN_OWN,
		.by = "martletd",
		.what = reload->by,
		.says_allowed = true,
		.allowed = status < 400,
		.status = status,
		.why = why };

	if (reload->is_file)
		audit_own(op->server->audit, &entry);
}

static void reload_refuse(struct operation *op, int status, const char *sentence)
{
	const struct reload *reload = op->data;

	reload_keys_back(op->server);

	if (reload->is_file)
		log_error("%s: %s; everything stays as it is", reload->by, sentence);
	else if (!reload->is_try)
		log_warning("%s: refused: %s", reload->by, sentence);
	reload_audit(op, status, sentence);
	if (op->client.reply)
		op->client.reply(op->client.arg, status, NULL, sentence);
	reload_end(op);
}

// --- What is another -----------------------------------------------------------------------------

static void reload_add_name(char *list, size_t size, const char *name)
{
	const size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static void reload_note(void *arg, const struct config_change *change)
{
	struct reload_list *list = arg;

	json_array_append_new(list->changes,
		json_pack("{s:s, s:s, s:s, s:b, s:s}", "key", change->key, "now", change->now,
			"then", change->then, "live", change->is_live, "why", change->why));
	list->n_live += change->is_live;
	if (change->is_live)
		reload_add_name(list->live, sizeof(list->live), change->key);
	else
		reload_add_name(list->restart, sizeof(list->restart), change->key);
}

// --- In force ------------------------------------------------------------------------------------

static void reload_import(struct server *server, const struct config *before)
{
	struct error err;

	for (uint32_t i = 0; i < server->config->n_models; i++)
		if (!config_has_model(before, server->config->models[i].name) &&
			import_start(server, &server->config->models[i], &err) != 0)
			log_error("models: %s", err.text);
	if (server->config->store.keep_versions != before->store.keep_versions)
		retain(server, NULL, 0);
}

// What is in service stays there, but a restart would not bring it back.
static void reload_warn_unsigned(const struct server *server, const struct config_trust *trust)
{
	for (uint32_t i = 0; trust->require_signature && i < server->models.n; i++) {
		const struct model_entry *entry = server->models.entries[i];
		const struct record *record = &entry->record;
		const struct model_version *live = entry->state == MODEL_STATE_READY
			? model_entry_version(entry, record->live.version)
			: NULL;

		if (live && !signature_is_trusted(trust, entry->name, live->signed_by))
			log_warning(
				"model %s: version %u is in service and stays, but is %s%s%s: a "
				"restart will refuse it",
				entry->name, live->version,
				live->signed_by[0] ? "signed by key " : "not signed",
				live->signed_by,
				live->signed_by[0] ? ", which is not trusted" : "");
	}
}

static void reload_tell_file(const struct server *server, const char *key, const char *path)
{
	if (!path[0])
		return;
	log_info("%s: %s was read", key, path);
	audit_reread(server->audit, key, path, NULL);
}

// Which files of keys and tokens are in force as they were read now, whatever else was changed.
static void reload_tell_files(const struct server *server, const struct config_trust *trust)
{
	reload_tell_file(server, "trust.keys", trust->keys);
	reload_tell_file(server, "trust.tokens", trust->tokens);
	for (uint32_t i = 0; i < trust->n_image_keys; i++)
		reload_tell_file(server, "trust.image_keys", trust->image_keys[i]);
}

static void reload_take(struct server *server, struct reload *reload, struct config *own,
	struct listeners *listeners, struct access_rules *rules, struct auth_table *trust,
	const struct reload_list *list)
{
	const enum log_level before = log_get_level(), level = (enum log_level)own->log.level;
	const struct gate_limits limits = limits_of(own);
	struct config *old = server->own_config;

	if (list->restart[0])
		log_warning("%s: another than before, which takes a restart: %s", reload->by,
			list->restart);
	server->config = server->own_config = own;
	listeners_commit(server, listeners);
	access_commit(server->access, rules);
	access_admit(server->access, server->listener);
	dataplane_commit_trust(server->dataplane, trust);
	reload_keep_keys(server);
	reload_tell_files(server, &own->trust);
	gate_limit(server->gate, &limits);
	scoring_limit(server->scoring, own->scoring.queue);
	if (list->n_live)
		reload_note_revision(server, reload->by, list->live);
	log_set_level(level < before ? level : before); // said by whichever lets it through
	reload_warn_unsigned(server, &own->trust);
	log_info("%s: %s%s", reload->by,
		list->n_live ? "taken over: " : "nothing was to be changed", list->live);
	log_set_level(level);
	free(old);
}

static void reload_reply(struct operation *op, json_t *changes)
{
	char tag[RELOAD_TAG_BYTES];

	reload_tag(op->server, tag);
	if (op->client.reply)
		op->client.reply(op->client.arg, 200,
			json_pack("{s:s, s:o}", "etag", tag, "changes", changes), NULL);
	else
		json_decref(changes);
}

// The last that may fail. Clients keep what they are known by; their limits begin anew.
static int reload_limit_clients(
	struct server *server, const struct reload *reload, struct error *err)
{
	// Between members there are zeros, as in all of a configuration: NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
	if (memcmp(&reload->now.clients, &reload->next.clients, sizeof(reload->now.clients)) == 0)
		return 0;
	return dataplane_limit_clients(server->dataplane, &reload->next.clients, err);
}

// Everything that may fail, and then everything that cannot.
static void reload_commit(struct operation *op)
{
	struct server *server = op->server;
	struct reload *reload = op->data;
	struct reload_list list = { .changes = json_array() };
	struct config *own = malloc(sizeof(*own));
	struct access_rules *rules = NULL;
	struct listeners *listeners = NULL;
	struct auth_table *trust = NULL;
	struct error err = op->err;

	if (err.code == 0 && (!own || !list.changes))
		error_set(&err, -ENOMEM, "no memory for another configuration");
	if (err.code == 0)
		access_prepare(&reload->next, &rules, &err);
	if (err.code == 0)
		listeners_prepare(server, &reload->next, &listeners, &err);
	if (err.code == 0 &&
		dataplane_prepare_trust(server->dataplane, &reload->next.trust, &trust, &err) != 0)
		listeners_discard(server, listeners);
	if (err.code == 0 && !reload->is_try && reload_limit_clients(server, reload, &err) != 0) {
		listeners_discard(server, listeners);
		dataplane_discard_trust(trust);
	}
	if (err.code != 0 || !own) {
		free(own);
		access_discard(rules);
		json_decref(list.changes);
		reload_refuse(op, operation_status(&err, 422), err.text);
		return;
	}
	config_changes(&reload->now, &reload->wanted, reload_note, &list);
	if (reload->is_try) {
		listeners_discard(server, listeners);
		access_discard(rules);
		dataplane_discard_trust(trust);
		reload_keys_back(server);
		free(own);
	} else {
		*own = reload->next;
		reload_take(server, reload, own, listeners, rules, trust, &list);
		reload_import(server, &reload->now);
	}
	reload_audit(op, 200, list.live);
	reload_reply(op, list.changes);
	reload_end(op);
}

// --- Models that are new -------------------------------------------------------------------------

// By the policy that is to be in force.
static int reload_admit(const struct server *server, const struct config_trust *trust,
	const char *model, const struct stored_image_file *file, struct error *err)
{
	char sha256[RECORD_SHA256_BYTES];
	const struct stored_image image = { .bytes = file->bytes,
		.size = file->size,
		.signature = file->signature,
		.signature_size = file->signature_size,
		.sha256 = sha256 };
	struct signature_claim claim;

	sha256_text_of(sha256, file->bytes, file->size);
	return stored_image_admit(server, trust, model, &image, &claim, NULL, err);
}

static int reload_try_image(const struct server *server, const struct reload *reload,
	const struct config_model *wanted, struct error *err)
{
	struct model_options options = server->model_options;
	struct stored_image_file file;
	struct model *model = NULL;
	int rc = stored_image_read_file(wanted->image, &file, err);

	options.no_timing = true;
	if (rc == 0) {
		rc = reload_admit(server, &reload->next.trust, wanted->name, &file, err);
		if (rc == 0)
			rc = stored_image_open(server, &reload->next.trust, file.bytes, file.size,
				&options, &model, err);
		if (rc == 0)
			rc = model_check_golden(model, err) == -EINVAL ? -EINVAL : 0;
		model_close(model);
		stored_image_file_fini(&file);
		if (rc != 0)
			error_prefix(err, "%.200s", wanted->image);
	}
	return rc ? error_prefix(err, "models[%s].image", wanted->name) : 0;
}

// Work.
static void reload_try_images(void *arg)
{
	struct operation *op = arg;
	struct reload *reload = op->data;
	struct error err;

	for (uint32_t i = reload->now.n_models; i < reload->next.n_models; i++)
		if (reload_try_image(op->server, reload, &reload->next.models[i], &err) != 0) {
			op->err = err;
			return;
		}
	op->err.code = 0;
}

static int reload_check_ids(struct server *server, const struct reload *reload, struct error *err)
{
	for (uint32_t i = reload->now.n_models; i < reload->next.n_models; i++) {
		const struct config_model *model = &reload->next.models[i];
		const struct model_entry *entry = models_find_id(&server->models, model->id);

		if (entry && strcmp(entry->name, model->name) != 0)
			return error_set(err, -EINVAL,
				"models[%s].id: %u is the id of model '%s' already", model->name,
				model->id, entry->name);
	}
	return 0;
}

// --- Its beginning -------------------------------------------------------------------------------

static void reload_begin(struct operation *op)
{
	struct server *server = op->server;
	struct reload *reload = op->data;
	char tag[RELOAD_TAG_BYTES], since[ERROR_TEXT_BYTES], text[ERROR_TEXT_BYTES + 128];
	struct error err;

	op->err.code = 0;
	if (reload->is_told)
		notify_reloading();
	reload_tag(server, tag);
	if (!if_match_holds(&reload->match, tag)) {
		reload_say_since(
			server, reload->match.n ? reload->match.tags[0] : "", since, sizeof(since));
		snprintf(text, sizeof(text),
			"the configuration is another than the one you saw: %s: look at it again",
			since);
		reload_refuse(op, 412, text);
		return;
	}
	if (reload->is_file && config_load(server->config->path, &reload->wanted, &err) != 0) {
		reload_refuse(op, 422, err.text);
		return;
	}
	reload->now = *server->config;
	reload->now.log.level = (enum config_log_level)log_get_level();
	reload->next = *server->config;
	config_take_live(&reload->next, &reload->wanted);
	if (reload_check_ids(server, reload, &err) != 0 ||
		reload_take_keys(server, &reload->next, &err) != 0)
		reload_refuse(op, operation_status(&err, 422), err.text);
	else if (reload->next.n_models > reload->now.n_models)
		operation_work(op, reload_try_images, reload_commit);
	else
		reload_commit(op);
}

static void reload_start(
	struct server *server, struct operation_client client, struct reload *reload)
{
	struct operation *op = operation_create(server, client, "config", reload_begin, "", 0);

	if (!op) {
		free(reload);
		return;
	}
	op->data = reload;
	op->size = sizeof(*reload);
	operation_start(op);
}

void reload(struct server *server, const char *by)
{
	struct reload *reload = calloc(1, sizeof(*reload));

	if (!reload) {
		log_error("reload, %s: no memory; everything stays as it is", by);
		return;
	}
	snprintf(reload->by, sizeof(reload->by), "reload, %.40s", by);
	reload->is_file = true;
	// Its end is told as READY=1, which at start is said when every model is back, and not before.
	reload->is_told = server->phase == SERVER_READY;
	reload_start(server, (struct operation_client){ 0 }, reload);
}

void reload_apply(struct server *server, struct operation_client client,
	const struct config *wanted, bool is_try, const struct if_match *match)
{
	struct reload *reload = calloc(1, sizeof(*reload));

	if (!reload) {
		client.reply(client.arg, 500, NULL, "no memory for another configuration");
		return;
	}
	snprintf(reload->by, sizeof(reload->by), "config, by %s", client.by);
	reload->is_try = is_try;
	reload->match = *match;
	reload->wanted = *wanted;
	reload_start(server, client, reload);
}
