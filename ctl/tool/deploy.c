// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/deploy.h"

#include "ctl/tool/api.h"
#include "ctl/tool/tool.h"

#include <stdio.h>

// Prints what is live now, from the answer to a promotion or rollback.
static void deploy_print(const json_t *deployment)
{
	char live[32], id[32], previous[32];
	const json_t *before = json_object_get(deployment, "previous");

	printf("%s: version %s is live under id %s", api_text(deployment, "model"),
		api_value(json_object_get(deployment, "live"), live),
		api_value(json_object_get(deployment, "id"), id));
	if (json_is_integer(before))
		printf("; rollback would bring back version %s", api_value(before, previous));
	printf("\n");
}

static int deploy_finish(bool ok, struct api_reply *reply, const char *done, const char *model)
{
	if (!ok)
		return TOOL_REFUSED;
	if (!api_print_json(reply)) {
		if (done)
			printf("%s: %s\n", model, done);
		else
			deploy_print(reply->json);
	}
	api_reply_fini(reply);
	return TOOL_DONE;
}

// What the entries of these commands fill. Some take the model alone.
struct deploy {
	const char *model;
	uint32_t version;
	uint32_t id; // 0: the one that it has already
	bool force;
};

static const struct option_entry DEPLOY_PROMOTE[] = {
	COMMAND_MODEL(struct deploy),
	COMMAND_VERSION(struct deploy),
	{ "id", 0, "N", "the model's id on the wire, 1 to 65535; needed the first time only",
		OPTION_TO_U32(struct deploy, id, 1, 65535) },
	{ "force", 0, NULL, "also where features, outputs or labels are not those of the live one",
		OPTION_TO_FLAG(struct deploy, force) },
	{ 0 },
};

static const struct option_entry DEPLOY_MODEL[] = {
	COMMAND_MODEL(struct deploy),
	{ 0 },
};

static const struct option_entry DEPLOY_VERSION[] = {
	COMMAND_MODEL(struct deploy),
	COMMAND_VERSION(struct deploy),
	{ 0 },
};

static int deploy_promote_run(const struct command *command, char **argv)
{
	struct deploy deploy = { 0 };
	struct api_reply reply;
	char path[160];
	json_t *body;
	int exit;

	if (!command_parse(command, argv, &deploy, &exit))
		return exit;
	body = json_pack("{s:i}", "live", (int)deploy.version);
	if (deploy.id)
		json_object_set_new(body, "id", json_integer(deploy.id));
	if (deploy.force)
		json_object_set_new(body, "force", json_true());
	snprintf(path, sizeof(path), "/v1/models/%s/deployment", deploy.model);
	exit = deploy_finish(api_call("PUT", path, body, &reply), &reply, NULL, deploy.model);
	json_decref(body);
	return exit;
}

// A POST without a body to a path with the model's name between `before` and `after`.
static int deploy_post(const struct command *command, char **argv, const char *before,
	const char *after, const char *done)
{
	struct deploy deploy = { 0 };
	struct api_reply reply;
	char path[160];
	int exit;

	if (!command_parse(command, argv, &deploy, &exit))
		return exit;
	snprintf(path, sizeof(path), "%s%s%s", before, deploy.model, after);
	return deploy_finish(api_call("POST", path, NULL, &reply), &reply, done, deploy.model);
}

static int deploy_rollback_run(const struct command *command, char **argv)
{
	return deploy_post(command, argv, "/v1/models/", "/rollback", NULL);
}

static int deploy_unload_run(const struct command *command, char **argv)
{
	return deploy_post(command, argv, "/v2/repository/models/", "/unload",
		"out of service: requests for it are answered NO_MODEL");
}

static int deploy_load_run(const struct command *command, char **argv)
{
	return deploy_post(command, argv, "/v2/repository/models/", "/load", "in service");
}

static int deploy_delete_run(const struct command *command, char **argv)
{
	struct deploy deploy = { 0 };
	struct api_reply reply;
	char path[160], done[64];
	int exit;

	if (!command_parse(command, argv, &deploy, &exit))
		return exit;
	snprintf(path, sizeof(path), "/v1/models/%s/versions/%u", deploy.model, deploy.version);
	snprintf(done, sizeof(done), "version %u is deleted", deploy.version);
	return deploy_finish(api_call("DELETE", path, NULL, &reply), &reply, done, deploy.model);
}

const struct command model_promote_command = {
	.words = "model promote",
	.summary = "make a stored version the live one",
	.entries = DEPLOY_PROMOTE,
	.run = deploy_promote_run,
};

const struct command model_rollback_command = {
	.words = "model rollback",
	.summary = "back to the version that was live before",
	.entries = DEPLOY_MODEL,
	.run = deploy_rollback_run,
};

const struct command model_unload_command = {
	.words = "model unload",
	.summary = "take a model out of service",
	.entries = DEPLOY_MODEL,
	.run = deploy_unload_run,
};

const struct command model_load_command = {
	.words = "model load",
	.summary = "put an unloaded model back in service",
	.entries = DEPLOY_MODEL,
	.run = deploy_load_run,
};

const struct command model_delete_command = {
	.words = "model delete",
	.summary = "delete a stored version that is not live",
	.entries = DEPLOY_VERSION,
	.run = deploy_delete_run,
};
