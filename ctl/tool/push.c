// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/push.h"

#include "base/file.h"
#include "base/trust/sealed.h"
#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/image.h"
#include "ctl/tool/signature.h"
#include "ctl/tool/tool.h"
#include "infer/infer.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

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
		if (strcmp(api_text(model, "name"), name) != 0)
			continue;
		json_array_foreach (json_object_get(model, "versions"), v, stored)
			if (api_count(stored, "version") > highest)
				highest = api_count(stored, "version");
	}
	if (highest >= COMMAND_VERSION_MAX)
		return error_set(err, -ERANGE,
			"model %s: version %d is stored already and is the last one there is: "
			"choose a free number with --version, or another --name",
			name, COMMAND_VERSION_MAX);
	*version = (uint32_t)highest + 1;
	return 0;
}

uint32_t push_free_id(const json_t *answer, const char *name)
{
	const json_t *models = json_object_get(answer, "models");
	json_t *model;
	size_t i, highest = json_array_size(models) + 1; // one of so many is free

	for (uint32_t id = 1; id <= highest; id++) {
		bool taken = false;

		json_array_foreach (models, i, model) {
			const uint64_t its = api_count(model, "id");

			if (its && strcmp(api_text(model, "name"), name) == 0)
				return 0;
			taken = taken || its == id;
		}
		if (!taken)
			return id;
	}
	return 0;
}

// Asks what is stored: for the next version where *version is 0, and for an id where the model has
// none.
static bool push_ask(const char *name, uint32_t *version, uint32_t *id)
{
	struct api_reply reply;
	struct error err;
	int rc;

	if (!api_call("GET", "/v1/models", NULL, &reply))
		return false;
	rc = *version ? 0 : push_next_version(reply.json, name, version, &err);
	*id = push_free_id(reply.json, name);
	api_reply_fini(&reply);
	if (rc != 0)
		tool_refuse("%s", err.text);
	return rc == 0;
}

// Opens the image as the appliance will, so that a damaged one is refused before it travels.
static bool push_check(
	const char *path, const struct image_keys *keys, char name[MODEL_NAME_MAX + 1])
{
	const struct model_options options = { .no_timing = true, .keys = keys };
	struct model *model = image_load(path, &options);

	if (!model)
		return false;
	snprintf(name, MODEL_NAME_MAX + 1, "%s", model_info(model)->name);
	model_close(model);
	return true;
}

// The header that brings IMAGE.minisig along: malloc'ed, NULL where there is no such file. False: it cannot be read, and
// that was said.
static bool push_signature(const char *image, char **header)
{
	static const char NAME[] = "Martlet-Signature: ";
	char path[PATH_MAX];
	struct error err;
	size_t size, bytes;
	void *text;
	int rc;

	*header = NULL;
	rc = signature_path(image, path, &err);
	if (rc == 0)
		rc = file_read(path, MINISIGN_SIGNATURE_BYTES, &text, &size, &err);
	if (rc == -ENOENT)
		return true;
	if (rc != 0) {
		tool_refuse("%s", err.text);
		return false;
	}
	bytes = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
	*header = malloc(sizeof(NAME) + bytes);
	if (*header) {
		memcpy(*header, NAME, sizeof(NAME));
		sodium_bin2base64(*header + sizeof(NAME) - 1, bytes, text, size,
			sodium_base64_VARIANT_ORIGINAL);
	} else {
		tool_refuse("no memory to send %s", path);
	}
	free(text);
	return *header;
}

static bool push_is_signed(const json_t *answer)
{
	return json_is_string(json_object_get(answer, "signed_by"));
}

// `id`: to promote it under; 0: it has one.
static int push_store(const char *image, const char *name, uint32_t version, uint32_t id)
{
	struct api_reply reply;
	char path[160], with_id[32] = "", *header;
	bool is_sent;

	if (id)
		snprintf(with_id, sizeof(with_id), " --id %u", id);

	snprintf(path, sizeof(path), "/v1/models/%s/versions/%u", name, version);
	if (!push_signature(image, &header))
		return TOOL_REFUSED;
	is_sent = api_upload(path, image, header, &reply);
	free(header);
	if (!is_sent)
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		printf("%s: stored as version %u, %s, SHA-256 %s...%s%s; make it live with "
		       "martletctl "
		       "model promote %s %u%s\n",
			name, version, format_bytes(api_count(reply.json, "bytes")).s,
			format_sha256_short(api_text(reply.json, "sha256")).s,
			push_is_signed(reply.json) ? ", signed by " : "",
			push_is_signed(reply.json) ? api_text(reply.json, "signed_by") : "", name,
			version, with_id);
	api_reply_fini(&reply);
	return TOOL_DONE;
}

struct push {
	const char *image;
	const char *name; // NULL: the image's own
	uint32_t version; // 0: the next one
	struct image_keys *keys;
};

// Who pushes an encrypted image need not have its key, if the name is said; martletd looks at it in any case.
static bool push_may_go_unseen(const struct push *push)
{
	uint8_t magic[8];
	struct error err;
	FILE *file = push->name && !push->keys ? file_open(push->image, &err) : NULL;
	bool sealed = false;

	if (file) {
		sealed = sealed_is(magic, fread(magic, 1, sizeof(magic), file));
		fclose(file);
	}
	return sealed;
}

static const struct option_entry PUSH[] = {
	COMMAND_IMAGE(struct push),
	{ "name", 0, "N", "store it under this name, not under its own",
		OPTION_TO_OWN(struct push, name, command_parse_model) },
	{ "version", 0, "V", "store it as this version, 1 to 65535; else as the next one",
		OPTION_TO_U32(struct push, version, 1, COMMAND_VERSION_MAX) },
	{ "key", 0, "FILE",
		"a file with the key of an encrypted image, which is then looked at before it "
		"travels; "
		"without it --name must be given",
		OPTION_TO_OWN(struct push, keys, image_parse_keys) },
	{ 0 },
};

static int push_run(const struct command *command, char **argv)
{
	char own_name[MODEL_NAME_MAX + 1];
	struct push push = { 0 };
	uint32_t id;
	int exit;

	if (!command_parse(command, argv, &push, &exit))
		return exit;
	if (!push_may_go_unseen(&push) && !push_check(push.image, push.keys, own_name))
		return TOOL_REFUSED;
	if (!push.name)
		push.name = own_name;
	if (!push_ask(push.name, &push.version, &id))
		return TOOL_REFUSED;
	return push_store(push.image, push.name, push.version, id);
}

const struct command model_push_command = {
	.words = "model push",
	.summary = "store an image in the appliance, as the next version",
	.entries = PUSH,
	.run = push_run,
};
