// SPDX-License-Identifier: BSD-3-Clause
// martletctl model push: checks the image here, then stores it in the appliance.
#include "ctl/tool/push.h"

#include "ctl/tool/api.h"
#include "ctl/tool/args.h"
#include "ctl/tool/format.h"
#include "infer/infer.h"

#include <string.h>

#define VERSION_MAX 65535

int push_next_version(const json_t *answer, const char *name, uint32_t *version, struct error *err)
{
	const json_t *models = json_object_get(answer, "models");
	json_t *model, *stored;
	uint64_t highest = 0;
	size_t i, v;

	if (!json_is_array(models))
		return error_set(err, -EINVAL,
			"GET /v1/models: the answer lists no models: is it martletd, and of the "
			"same build?");
	json_array_foreach (models, i, model) {
		if (strcmp(json_text(model, "name"), name))
			continue;
		json_array_foreach (json_object_get(model, "versions"), v, stored)
			if (json_count(stored, "version") > highest)
				highest = json_count(stored, "version");
	}
	if (highest >= VERSION_MAX)
		return error_set(err, -ERANGE,
			"model %s: version %d is stored already and is the last one there is: "
			"choose a free number with --version, or another --name",
			name, VERSION_MAX);
	*version = (uint32_t)highest + 1;
	return 0;
}

static bool ask_next_version(const char *name, uint32_t *version)
{
	struct api_reply reply;
	struct error err;
	int rc;

	if (!api_call("GET", "/v1/models", NULL, &reply))
		return false;
	rc = push_next_version(reply.json, name, version, &err);
	api_reply_fini(&reply);
	if (rc)
		tool_refuse("%s", err.text);
	return !rc;
}

// Opens the image as the appliance will, so that a damaged one is refused before it travels.
static bool check_image(const char *path, char name[MODEL_NAME_MAX + 1])
{
	const struct model_options options = { .no_timing = true };
	struct model *model;
	struct error err;

	if (model_open_file(path, &options, &model, &err)) {
		tool_refuse("%s", err.text);
		return false;
	}
	snprintf(name, MODEL_NAME_MAX + 1, "%s", model_info(model)->name);
	model_close(model);
	return true;
}

static int push(const char *image, const char *name, uint32_t version)
{
	struct api_reply reply;
	char path[160];

	snprintf(path, sizeof(path), "/v1/models/%s/versions/%u", name, version);
	if (!api_upload(path, image, &reply))
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		printf("%s: stored as version %u, %s, SHA-256 %s...; make it live with martletctl "
		       "model promote %s %u\n",
			name, version, format_bytes(json_count(reply.json, "bytes")).s,
			format_sha256_short(json_text(reply.json, "sha256")).s, name, version);
	api_reply_fini(&reply);
	return TOOL_DONE;
}

int model_push_command(int argc, char **argv)
{
	const char *name = NULL, *version_text = NULL;
	const struct args_option options[] = {
		{ .name = "name", .value = &name },
		{ .name = "version", .value = &version_text },
		{ 0 },
	};
	struct args args = { .options = options, .n_min = 1, .n_max = 1 };
	char own_name[MODEL_NAME_MAX + 1];
	uint32_t version;

	if (!args_parse(&args, argc, argv))
		return args.exit;
	if ((name && !args_model_name(name)) ||
		(version_text && !args_number(version_text, "--version", 1, VERSION_MAX, &version)))
		return TOOL_USAGE;
	if (!check_image(args.word[0], own_name))
		return TOOL_REFUSED;
	if (!name)
		name = own_name;
	if (!version_text && !ask_next_version(name, &version))
		return TOOL_REFUSED;
	return push(args.word[0], name, version);
}
