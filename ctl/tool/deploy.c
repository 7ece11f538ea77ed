// SPDX-License-Identifier: BSD-3-Clause
// martletctl model promote, rollback, unload, load, delete: one request each.
#include "ctl/tool/api.h"
#include "ctl/tool/args.h"

// Prints what is live now, from the answer to a promotion or rollback.
static void print_deployment(const json_t *deployment)
{
	char live[32], id[32], previous[32];
	const json_t *before = json_object_get(deployment, "previous");

	printf("%s: version %s is live under id %s", json_text(deployment, "model"),
		json_show(json_object_get(deployment, "live"), live),
		json_show(json_object_get(deployment, "id"), id));
	if (json_is_integer(before))
		printf("; rollback would bring back version %s", json_show(before, previous));
	printf("\n");
}

static int finish(bool ok, struct api_reply *reply, const char *done, const char *model)
{
	if (!ok)
		return TOOL_REFUSED;
	if (!api_print_json(reply)) {
		if (done)
			printf("%s: %s\n", model, done);
		else
			print_deployment(reply->json);
	}
	api_reply_fini(reply);
	return TOOL_DONE;
}

int model_promote_command(int argc, char **argv)
{
	const char *id_text = NULL;
	const struct args_option options[] = { { .name = "id", .value = &id_text }, { 0 } };
	struct args args = { .options = options, .n_min = 2, .n_max = 2 };
	struct api_reply reply;
	uint32_t version, id;
	char path[160];
	json_t *body;
	int code;

	if (!args_parse(&args, argc, argv))
		return args.exit;
	if (!args_model_name(args.word[0]) ||
		!args_number(args.word[1], "version", 1, 65535, &version) ||
		(id_text && !args_number(id_text, "--id", 1, 65535, &id)))
		return TOOL_USAGE;
	body = json_pack("{s:i}", "live", (int)version);
	if (id_text)
		json_object_set_new(body, "id", json_integer(id));
	snprintf(path, sizeof(path), "/v1/models/%s/deployment", args.word[0]);
	code = finish(api_call("PUT", path, body, &reply), &reply, NULL, args.word[0]);
	json_decref(body);
	return code;
}

// A POST without a body to `format` with the model's name in it.
static int post(int argc, char **argv, const char *before, const char *after, const char *done)
{
	struct args args = { .n_min = 1, .n_max = 1 };
	struct api_reply reply;
	char path[160];

	if (!args_parse(&args, argc, argv))
		return args.exit;
	if (!args_model_name(args.word[0]))
		return TOOL_USAGE;
	snprintf(path, sizeof(path), "%s%s%s", before, args.word[0], after);
	return finish(api_call("POST", path, NULL, &reply), &reply, done, args.word[0]);
}

int model_rollback_command(int argc, char **argv)
{
	return post(argc, argv, "/v1/models/", "/rollback", NULL);
}

int model_unload_command(int argc, char **argv)
{
	return post(argc, argv, "/v2/repository/models/", "/unload",
		"out of service: requests for it are answered NO_MODEL");
}

int model_load_command(int argc, char **argv)
{
	return post(argc, argv, "/v2/repository/models/", "/load", "in service");
}

int model_delete_command(int argc, char **argv)
{
	struct args args = { .n_min = 2, .n_max = 2 };
	struct api_reply reply;
	uint32_t version;
	char path[160], done[64];

	if (!args_parse(&args, argc, argv))
		return args.exit;
	if (!args_model_name(args.word[0]) ||
		!args_number(args.word[1], "version", 1, 65535, &version))
		return TOOL_USAGE;
	snprintf(path, sizeof(path), "/v1/models/%s/versions/%u", args.word[0], version);
	snprintf(done, sizeof(done), "version %u is deleted", version);
	return finish(api_call("DELETE", path, NULL, &reply), &reply, done, args.word[0]);
}
