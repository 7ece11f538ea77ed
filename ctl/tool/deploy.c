// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/deploy.h"

#include "base/bounds.h"
#include "ctl/tool/api.h"
#include "ctl/tool/cost.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// --- The command line ----------------------------------------------------------------------------

// What the entries of these commands fill. Each takes some of it.
struct deploy {
	struct command_target target;
	uint32_t version, to; // 0: not said
	uint32_t id;          // 0: the one that it has already
	uint32_t permille;    // PERMILLE_UNSAID
	const char *key;
	double bounds[BOUND_COUNT]; // NaN: not said
	uint64_t revision;          // 0: whichever it is at
	bool force, off, no_cost, all;
};

#define PERMILLE_UNSAID 1001

#define DEPLOY_TARGET(name, text)                                                                  \
	{                                                                                          \
		NULL, 0, name, text, OPTION_TO_OWN(struct deploy, target, command_parse_target),   \
			.required = true                                                           \
	}
#define DEPLOY_MODEL DEPLOY_TARGET("MODEL", "the model's name")
#define DEPLOY_ANY                                                                                 \
	DEPLOY_TARGET("MODEL", "the model's name; MODEL:VERSION with a stored version's number")
#define DEPLOY_VERSION                                                                             \
	{                                                                                          \
		NULL, 0, "VERSION", "the number of a stored version, where MODEL does not say it", \
			OPTION_TO_U32(struct deploy, version, 1, COMMAND_VERSION_MAX)              \
	}
#define DEPLOY_IF                                                                                  \
	{                                                                                          \
		"if-revision", 0, "N", "only where its deployment is still at this revision",      \
			OPTION_TO_U64(struct deploy, revision, 1, UINT32_MAX)                      \
	}
#define DEPLOY_COST                                                                                \
	{                                                                                          \
		"no-cost", 0, NULL, "do not wait for what the change cost those who ask",          \
			OPTION_TO_FLAG(struct deploy, no_cost)                                     \
	}
#define DEPLOY_OFF                                                                                 \
	{                                                                                          \
		"off", 0, NULL, "end it", OPTION_TO_FLAG(struct deploy, off)                       \
	}

static const struct option_entry PROMOTE_ENTRIES[] = {
	DEPLOY_ANY,
	DEPLOY_VERSION,
	{ "id", 0, "N", "the model's id on the wire, 1 to 65535; needed the first time only",
		OPTION_TO_U32(struct deploy, id, 1, 65535) },
	{ "force", 0, NULL, "also where features, outputs or labels are not those of the live one",
		OPTION_TO_FLAG(struct deploy, force) },
	DEPLOY_COST,
	DEPLOY_IF,
	{ 0 },
};

static const struct option_entry CANARY_ENTRIES[] = {
	DEPLOY_ANY,
	DEPLOY_VERSION,
	{ "permille", 0, "N", "so many of 1000 requests, 0 to 1000, are answered by it",
		OPTION_TO_U32(struct deploy, permille, 0, 1000) },
	{ "key", 0, "KEY", "what decides for whom: a feature's name or index, or request_id",
		OPTION_TO_TEXT(struct deploy, key) },
	{ "differ", 0, "SHARE", "it is rolled back where more rows are decided otherwise, as 0.02",
		OPTION_TO_DOUBLE(struct deploy, bounds[BOUND_DIFFER], 0, 1) },
	{ "mean", 0, "D", "... or where scores are further away on average",
		OPTION_TO_DOUBLE(struct deploy, bounds[BOUND_MEAN], 0, 1e30) },
	{ "latency", 0, "TIMES", "... or where it takes so many times longer than live, as 1.5",
		OPTION_TO_DOUBLE(struct deploy, bounds[BOUND_LATENCY], 0, 1e6) },
	{ "alpha", 0, "P", "the probability that it is blamed for what it keeps",
		OPTION_TO_DOUBLE(struct deploy, bounds[BOUND_ALPHA], 1e-9, 0.5) },
	{ "rows-min", 0, "N", "rows to compare before it may be promoted",
		OPTION_TO_DOUBLE(struct deploy, bounds[BOUND_ROWS_MIN], 1, UINT32_MAX) },
	DEPLOY_OFF,
	DEPLOY_COST,
	DEPLOY_IF,
	{ 0 },
};

static const struct option_entry SHADOW_ENTRIES[] = {
	DEPLOY_ANY,
	DEPLOY_VERSION,
	DEPLOY_OFF,
	DEPLOY_COST,
	DEPLOY_IF,
	{ 0 },
};

static const struct option_entry VERSION_ENTRIES[] = { DEPLOY_ANY, DEPLOY_VERSION, DEPLOY_COST,
	DEPLOY_IF, { 0 } };
static const struct option_entry DELETE_ENTRIES[] = {
	DEPLOY_ANY,
	DEPLOY_VERSION,
	{ "all", 0, NULL, "all its versions, and all else that the store knows of the model",
		OPTION_TO_FLAG(struct deploy, all) },
	DEPLOY_IF,
	{ 0 },
};
static const struct option_entry MODEL_ENTRIES[] = { DEPLOY_MODEL, DEPLOY_COST, DEPLOY_IF, { 0 } };
static const struct option_entry HISTORY_ENTRIES[] = { DEPLOY_MODEL, { 0 } };

static const struct option_entry ROLLBACK_ENTRIES[] = {
	DEPLOY_MODEL,
	{ "to", 0, "V", "the version to go back to; else the one that was live before this one",
		OPTION_TO_U32(struct deploy, to, 1, COMMAND_VERSION_MAX) },
	DEPLOY_COST,
	DEPLOY_IF,
	{ 0 },
};

// Reads the command line; the version may be said in one of two ways. False: *exit is what to return.
static bool deploy_parse(
	const struct command *command, char **argv, struct deploy *deploy, int *exit)
{
	*deploy = (struct deploy){ .permille = PERMILLE_UNSAID };
	for (int b = 0; b < BOUND_COUNT; b++)
		deploy->bounds[b] = NAN;
	if (!command_parse(command, argv, deploy, exit))
		return false;
	if (deploy->version && deploy->target.version &&
		deploy->version != deploy->target.version) {
		tool_refuse("%s:%u and %u: say one version", deploy->target.model,
			deploy->target.version, deploy->version);
		*exit = TOOL_USAGE;
		return false;
	}
	if (!deploy->version)
		deploy->version = deploy->target.version;
	return true;
}

static int deploy_want_version(const struct deploy *deploy)
{
	tool_refuse("which version? say it as %s:4", deploy->target.model);
	return TOOL_USAGE;
}

// --- What is told --------------------------------------------------------------------------------

// Prints what is in service now, from the answer to a change.
static void deploy_print(const json_t *deployment)
{
	char live[32], id[32], number[32], permille[32];
	const json_t *before = json_object_get(deployment, "previous");
	const json_t *canary = json_object_get(deployment, "canary");
	const json_t *shadow = json_object_get(deployment, "shadow"), *version;
	size_t i;

	printf("%s: version %s is live under id %s", api_text(deployment, "model"),
		api_value(json_object_get(deployment, "live"), live),
		api_value(json_object_get(deployment, "id"), id));
	if (json_is_object(canary))
		printf("; version %s is its canary, for %s of 1000 by %s",
			api_value(json_object_get(canary, "version"), number),
			api_value(json_object_get(canary, "permille"), permille),
			json_is_string(json_object_get(canary, "key")) ? "the request's id"
								       : "a feature");
	if (json_is_integer(shadow))
		printf("; version %s is its shadow", api_value(shadow, number));
	json_array_foreach (json_object_get(deployment, "pinned"), i, version)
		printf("%s %s", i ? "," : "; pinned:", api_value(version, number));
	if (json_is_integer(before))
		printf("; rollback would bring back version %s", api_value(before, number));
	printf("\n");
}

static int deploy_finish(
	const struct deploy *deploy, struct api_reply *reply, const char *done, bool has_cost)
{
	json_t *cost = NULL;

	if (!tool.json && done)
		printf("%s: %s\n", deploy->target.model, done);
	else if (!tool.json)
		deploy_print(reply->json);
	fflush(stdout); // it is done, whoever has no time to wait
	if (has_cost)
		cost = cost_get(deploy->target.model, api_count(reply->json, "revision"));
	if (cost && tool.json)
		json_object_set(reply->json, "cost", cost);
	else if (cost)
		cost_print(cost);
	if (tool.json)
		tool_print_json(json_incref(reply->json));
	json_decref(cost);
	api_reply_fini(reply);
	return TOOL_DONE;
}

// A change by `body`, which it takes, to a path with the model's name between `before` and `after`.
static int deploy_change(const struct deploy *deploy, const char *method, const char *before,
	const char *after, json_t *body, const char *done)
{
	struct api_reply reply;
	char path[160];
	int exit;

	snprintf(path, sizeof(path), "%s%s%s", before, deploy->target.model, after);
	exit = api_change(method, path, body, deploy->revision, &reply)
		? deploy_finish(
			  deploy, &reply, done, !deploy->no_cost && strcmp(method, "DELETE") != 0)
		: TOOL_REFUSED;
	json_decref(body);
	return exit;
}

static int deploy_put(const struct deploy *deploy, json_t *body)
{
	return deploy_change(deploy, "PUT", "/v1/models/", "/deployment", body, NULL);
}

// What is in service now; the change that follows is done only where it is still that.
static bool deploy_get(struct deploy *deploy, struct api_reply *reply)
{
	char path[160];

	snprintf(path, sizeof(path), "/v1/models/%s/deployment", deploy->target.model);
	if (!api_call("GET", path, NULL, reply))
		return false;
	if (!deploy->revision)
		deploy->revision = api_count(reply->json, "revision");
	return true;
}

// --- The commands --------------------------------------------------------------------------------

// Without a version, the canary is promoted.
static bool deploy_take_canary(struct deploy *deploy)
{
	struct api_reply reply;

	if (!deploy_get(deploy, &reply))
		return false;
	deploy->version = (uint32_t)api_count(json_object_get(reply.json, "canary"), "version");
	api_reply_fini(&reply);
	if (deploy->version)
		return true;
	tool_refuse("%s has no canary: say which version to promote, as %s:4", deploy->target.model,
		deploy->target.model);
	return false;
}

static int deploy_promote_run(const struct command *command, char **argv)
{
	struct deploy deploy;
	json_t *body;
	int exit;

	if (!deploy_parse(command, argv, &deploy, &exit))
		return exit;
	if (!deploy.version && !deploy_take_canary(&deploy))
		return TOOL_REFUSED;
	body = json_pack("{s:i}", "live", (int)deploy.version);
	if (deploy.id)
		json_object_set_new(body, "id", json_integer(deploy.id));
	if (deploy.force)
		json_object_set_new(body, "force", json_true());
	return deploy_put(&deploy, body);
}

// NULL: none was said.
static json_t *deploy_bounds_json(const struct deploy *deploy)
{
	json_t *bounds = NULL;

	for (int b = 0; b < BOUND_COUNT; b++) {
		if (isnan(deploy->bounds[b]))
			continue;
		bounds = bounds ? bounds : json_object();
		json_object_set_new(bounds, BOUND_KINDS[b].name,
			BOUND_KINDS[b].whole ? json_integer((json_int_t)deploy->bounds[b])
					     : json_real(deploy->bounds[b]));
	}
	return bounds;
}

static int deploy_canary_run(const struct command *command, char **argv)
{
	struct deploy deploy;
	json_t *canary, *bounds;
	int exit;

	if (!deploy_parse(command, argv, &deploy, &exit))
		return exit;
	if (deploy.off)
		return deploy_put(&deploy, json_pack("{s:n}", "canary"));
	bounds = deploy_bounds_json(&deploy);
	if (deploy.permille == PERMILLE_UNSAID && (deploy.version || (!deploy.key && !bounds))) {
		tool_refuse("how many of 1000 requests? say --permille 50, or --off to end it");
		return TOOL_USAGE;
	}
	canary = json_object();
	if (deploy.version)
		json_object_set_new(canary, "version", json_integer(deploy.version));
	if (deploy.permille != PERMILLE_UNSAID)
		json_object_set_new(canary, "permille", json_integer(deploy.permille));
	if (deploy.key)
		json_object_set_new(canary, "key", json_string(deploy.key));
	if (bounds)
		json_object_set_new(canary, "bounds", bounds);
	return deploy_put(&deploy, json_pack("{s:o}", "canary", canary));
}

static int deploy_shadow_run(const struct command *command, char **argv)
{
	struct deploy deploy;
	int exit;

	if (!deploy_parse(command, argv, &deploy, &exit))
		return exit;
	if (deploy.off)
		return deploy_put(&deploy, json_pack("{s:n}", "shadow"));
	if (!deploy.version)
		return deploy_want_version(&deploy);
	return deploy_put(&deploy, json_pack("{s:i}", "shadow", (int)deploy.version));
}

static int deploy_pins_run(const struct command *command, char **argv, bool pin)
{
	struct api_reply reply;
	struct deploy deploy;
	json_t *pinned, *value;
	int exit;
	size_t i;

	if (!deploy_parse(command, argv, &deploy, &exit))
		return exit;
	if (!deploy.version)
		return deploy_want_version(&deploy);
	if (!deploy_get(&deploy, &reply))
		return TOOL_REFUSED;
	pinned = json_array();
	json_array_foreach (json_object_get(reply.json, "pinned"), i, value)
		if (json_integer_value(value) != deploy.version)
			json_array_append(pinned, value);
	if (pin)
		json_array_append_new(pinned, json_integer(deploy.version));
	api_reply_fini(&reply);
	return deploy_put(&deploy, json_pack("{s:o}", "pinned", pinned));
}

static int deploy_pin_run(const struct command *command, char **argv)
{
	return deploy_pins_run(command, argv, true);
}

static int deploy_unpin_run(const struct command *command, char **argv)
{
	return deploy_pins_run(command, argv, false);
}

static int deploy_rollback_run(const struct command *command, char **argv)
{
	struct deploy deploy;
	int exit;

	if (!deploy_parse(command, argv, &deploy, &exit))
		return exit;
	return deploy_change(&deploy, "POST", "/v1/models/", "/rollback",
		deploy.to ? json_pack("{s:i}", "to", (int)deploy.to) : NULL, NULL);
}

static void deploy_add_history(
	struct table *table, const json_t *live, const json_t *entry, const char *change)
{
	const time_t at = (time_t)api_count(entry, "at");
	char number[32], when[32] = "-";
	struct tm tm;

	if (at && gmtime_r(&at, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	table_add(table, "%s", api_value(json_object_get(entry, "revision"), number));
	table_add(table, "%s", api_value(live, number));
	table_add(table, "%s", when);
	table_add(table, "%s", api_text(entry, "by"));
	table_add(table, "%s", change);
}

static void deploy_print_history(const json_t *answer)
{
	const json_t *now = json_object_get(answer, "now");
	struct table table;
	json_t *entry;
	size_t i;

	TABLE_INIT(&table, ">REVISION", ">LIVE", "LAST CHANGED", "BY", "CHANGE");
	deploy_add_history(&table, json_object_get(now, "live"), now, api_text(now, "change"));
	json_array_foreach (json_object_get(answer, "before"), i, entry)
		deploy_add_history(&table, json_object_get(entry, "live"), entry, "-");
	table_print(&table, stdout, 0);
}

static int deploy_history_run(const struct command *command, char **argv)
{
	struct deploy deploy;
	char path[160];
	int exit;

	if (!deploy_parse(command, argv, &deploy, &exit))
		return exit;
	snprintf(path, sizeof(path), "/v1/models/%s/deployments", deploy.target.model);
	return api_show(path, deploy_print_history);
}

static int deploy_unload_run(const struct command *command, char **argv)
{
	struct deploy deploy;
	int exit;

	if (!deploy_parse(command, argv, &deploy, &exit))
		return exit;
	return deploy_change(&deploy, "POST", "/v2/repository/models/", "/unload", NULL,
		"out of service: requests for it are answered NO_MODEL");
}

static int deploy_load_run(const struct command *command, char **argv)
{
	struct deploy deploy;
	int exit;

	if (!deploy_parse(command, argv, &deploy, &exit))
		return exit;
	return deploy_change(
		&deploy, "POST", "/v2/repository/models/", "/load", NULL, "in service");
}

static int deploy_delete_run(const struct command *command, char **argv)
{
	struct deploy deploy;
	char after[32], done[64];
	int exit;

	if (!deploy_parse(command, argv, &deploy, &exit))
		return exit;
	if (deploy.all && deploy.version) {
		tool_refuse("--all deletes every version: say %s without one", deploy.target.model);
		return TOOL_USAGE;
	}
	if (deploy.all)
		return deploy_change(&deploy, "DELETE", "/v1/models/", "", NULL,
			"deleted, with all its versions");
	if (!deploy.version) {
		tool_refuse("which version? say it as %s:4, or --all for the whole model",
			deploy.target.model);
		return TOOL_USAGE;
	}
	snprintf(after, sizeof(after), "/versions/%u", deploy.version);
	snprintf(done, sizeof(done), "version %u is deleted", deploy.version);
	return deploy_change(&deploy, "DELETE", "/v1/models/", after, NULL, done);
}

const struct command model_promote_command = {
	.words = "model promote",
	.summary = "make a stored version the live one; without one, the canary",
	.entries = PROMOTE_ENTRIES,
	.run = deploy_promote_run,
};

const struct command model_canary_command = {
	.words = "model canary",
	.summary = "answer a share of a model's requests by another version",
	.entries = CANARY_ENTRIES,
	.run = deploy_canary_run,
};

const struct command model_shadow_command = {
	.words = "model shadow",
	.summary = "score a model's requests by another version, too, and answer none by it",
	.entries = SHADOW_ENTRIES,
	.run = deploy_shadow_run,
};

const struct command model_pin_command = {
	.words = "model pin",
	.summary = "keep a version in service for who asks for it by number",
	.entries = VERSION_ENTRIES,
	.run = deploy_pin_run,
};

const struct command model_unpin_command = {
	.words = "model unpin",
	.summary = "end that",
	.entries = VERSION_ENTRIES,
	.run = deploy_unpin_run,
};

const struct command model_rollback_command = {
	.words = "model rollback",
	.summary = "back to the version that was live before, or to an earlier one",
	.entries = ROLLBACK_ENTRIES,
	.run = deploy_rollback_run,
};

const struct command model_history_command = {
	.words = "model history",
	.summary = "what was live before, since when, and who changed it",
	.entries = HISTORY_ENTRIES,
	.run = deploy_history_run,
};

const struct command model_unload_command = {
	.words = "model unload",
	.summary = "take a model out of service",
	.entries = MODEL_ENTRIES,
	.run = deploy_unload_run,
};

const struct command model_load_command = {
	.words = "model load",
	.summary = "put an unloaded model back in service",
	.entries = MODEL_ENTRIES,
	.run = deploy_load_run,
};

const struct command model_delete_command = {
	.words = "model delete",
	.summary = "delete a stored version that is not in service, or all of a model",
	.entries = DELETE_ENTRIES,
	.run = deploy_delete_run,
};
