// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/replay_image.h"

#include "base/file.h"
#include "base/sha256.h"
#include "ctl/tool/api.h"
#include "ctl/tool/image.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool replay_image_is_file(const char *said)
{
	const size_t n = strlen(said);
	struct stat st;

	return strchr(said, '/') || (n > 4 && strcmp(said + n - 4, ".mlt") == 0) ||
		(stat(said, &st) == 0 && S_ISREG(st.st_mode));
}

static const json_t *replay_find(
	const json_t *list, const char *key, const char *name, uint32_t number)
{
	json_t *value;
	size_t i;

	json_array_foreach (list, i, value) {
		if (name ? strcmp(api_text(value, key), name) == 0
			 : api_count(value, key) == number)
			return value;
	}
	return NULL;
}

// The id, the version where none was said, and the hash of the image: "" where it is not known.
static bool replay_image_look_up(struct replay_image *image, char sha256[65])
{
	struct command_target *target = &image->target;
	const json_t *model, *version;
	struct api_reply reply;
	bool ok = false;

	if (!api_call("GET", "/v1/models", NULL, &reply))
		return false;
	model = replay_find(json_object_get(reply.json, "models"), "name", target->model, 0);
	image->id = (uint16_t)api_count(model, "id");
	if (!target->version)
		target->version = (uint32_t)api_count(model, "live");
	version = replay_find(json_object_get(model, "versions"), "version", NULL, target->version);
	if (!model)
		tool_refuse("%s: there is no such file, and the appliance has no model '%s'",
			target->model, target->model);
	else if (!target->version)
		tool_refuse(
			"no version of model '%s' is live: say what decides now, --live FILE "
			"or --live %s:VERSION",
			target->model, target->model);
	else if (!version)
		tool_refuse("there is no version %u of model '%s' in the appliance",
			target->version, target->model);
	else
		ok = true;
	snprintf(sha256, 65, "%s",
		json_is_string(json_object_get(version, "sha256")) ? api_text(version, "sha256")
								   : "");
	api_reply_fini(&reply);
	return ok;
}

// The whole file in memory, and its hash; NULL: refused, and said.
static void *replay_image_read(FILE *file, size_t *size, char hex[65])
{
	uint8_t hash[SHA256_BYTES];
	struct error err;
	void *bytes;
	off_t end;

	if (fseeko(file, 0, SEEK_END) != 0 || (end = ftello(file)) < 0) {
		tool_refuse("the fetched image cannot be read: %m");
		return NULL;
	}
	*size = (size_t)end;
	bytes = malloc(*size + 1);
	if (!bytes) {
		tool_refuse("out of memory for an image of %zu bytes", *size);
		return NULL;
	}
	if (file_read_part(fileno(file), 0, bytes, *size) != 0) {
		error_set(&err, -EIO, "the fetched image cannot be read");
		tool_refuse("%s", err.text);
		free(bytes);
		return NULL;
	}
	sha256_of(hash, bytes, *size);
	image_sha256_hex(hash, hex);
	return bytes;
}

static void replay_image_open_fetched(struct replay_image *image, FILE *file, const char *sha256,
	const struct api_headers *headers)
{
	const struct model_options options = { .keys = image->keys };
	char hex[65], etag[80];
	struct error err;
	size_t size;
	void *bytes = replay_image_read(file, &size, hex);

	if (!bytes)
		return;
	snprintf(etag, sizeof(etag), "\"%s\"", hex);
	if (strcmp(etag, headers->etag) != 0 || (sha256[0] && strcmp(sha256, hex) != 0))
		tool_refuse(
			"%s: what came is not the image that is stored: its SHA-256 is "
			"%.16s..., not %.17s...",
			image->name, hex, sha256[0] ? sha256 : headers->etag);
	else if (model_open(bytes, size, &options, &image->model, &err) != 0) {
		error_prefix(&err, "%s", image->name);
		image_refuse(&options, &err);
	}
	free(bytes);
}

static bool replay_image_fetch(struct replay_image *image)
{
	struct api_headers headers = { 0 };
	char path[160], sha256[65];
	FILE *file;

	if (!replay_image_look_up(image, sha256))
		return false;
	snprintf(image->name, sizeof(image->name), "%s:%u", image->target.model,
		image->target.version);
	snprintf(path, sizeof(path), "/v1/models/%s/versions/%u", image->target.model,
		image->target.version);
	file = tmpfile();
	if (!file) {
		tool_refuse("no temporary file for %s: %m", image->name);
		return false;
	}
	if (api_download(path, file, &headers))
		replay_image_open_fetched(image, file, sha256, &headers);
	fclose(file);
	return image->model != NULL;
}

bool replay_image_open(const char *said, const struct image_keys *keys, struct replay_image *image)
{
	const struct model_options options = { .keys = keys };
	struct error err;

	*image = (struct replay_image){ .keys = keys };
	snprintf(image->name, sizeof(image->name), "%s", said);
	if (replay_image_is_file(said)) {
		image->model = image_load(said, &options);
		return image->model != NULL;
	}
	if (command_parse_target(&image->target, said, &err) != 0) {
		tool_refuse(
			"%.100s: there is no such file, and as MODEL:VERSION: %s", said, err.text);
		return false;
	}
	return replay_image_fetch(image);
}

void replay_image_fini(struct replay_image *image)
{
	model_close(image->model);
	image->model = NULL;
}

// --- Do both mean the same? ----------------------------------------------------------------------

// The first that differs, or -1.
static int64_t replay_names_differ(
	const char *const *a, uint32_t n_a, const char *const *b, uint32_t n_b)
{
	for (uint32_t i = 0; i < n_a && i < n_b; i++)
		if (strcmp(a[i], b[i]) != 0)
			return i;
	return n_a == n_b ? -1 : (int64_t)(n_a < n_b ? n_a : n_b);
}

static bool replay_texts_differ(const struct model_info *a, const struct model_info *b)
{
	if (a->n_texts != b->n_texts)
		return true;
	for (uint32_t i = 0; i < a->n_texts; i++) {
		const struct model_texts *x = &a->texts[i], *y = &b->texts[i];

		if (x->feature != y->feature ||
			replay_names_differ(x->texts, x->n_texts, y->texts, y->n_texts) >= 0)
			return true;
	}
	return false;
}

bool replay_images_match(
	const struct replay_image *live, const struct replay_image *other, bool force)
{
	const struct model_info *a = model_info(live->model), *b = model_info(other->model);
	const int64_t name = replay_names_differ(
		a->feature_names, a->n_features, b->feature_names, b->n_features);
	char what[256] = "";

	if (a->n_features != b->n_features || a->n_outputs != b->n_outputs) {
		tool_refuse(
			"%s has %u features and %u outputs, %s %u and %u: only models of as "
			"many are compared",
			live->name, a->n_features, a->n_outputs, other->name, b->n_features,
			b->n_outputs);
		return false;
	}
	if (name >= 0)
		snprintf(what, sizeof(what),
			"feature %d is '%.60s' in one and '%.60s' in the other", (int)name + 1,
			a->feature_names[name], b->feature_names[name]);
	else if (replay_names_differ(a->class_labels, a->n_class_labels, b->class_labels,
			 b->n_class_labels) >= 0)
		snprintf(what, sizeof(what), "their class labels differ");
	else if (replay_texts_differ(a, b))
		snprintf(what, sizeof(what), "the numbers of their texts differ");
	if (!what[0])
		return true;
	if (force) {
		tool_note("%s and %s: %s; columns and scores are taken in the order of %s",
			live->name, other->name, what, live->name);
		return true;
	}
	tool_refuse(
		"%s and %s: %s, so that the same columns may mean another thing; --force "
		"compares them all the same, column by column",
		live->name, other->name, what);
	return false;
}
