// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/models.h"

#include "base/retention.h"
#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void models_join_versions(const json_t *versions, char *text, size_t size)
{
	size_t i, used = 0;
	json_t *version;

	text[0] = '\0';
	json_array_foreach (versions, i, version) {
		int n = snprintf(text + used, size - used, "%s%ju", i ? " " : "",
			(uintmax_t)api_count(version, "version"));

		if (n < 0 || (size_t)n >= size - used)
			break;
		used += (size_t)n;
	}
}

// "4 (50 of 1000)".
static void models_add_canary(struct table *table, const json_t *canary)
{
	if (json_is_object(canary))
		table_add(table, "%ju (%ju of 1000)", (uintmax_t)api_count(canary, "version"),
			(uintmax_t)api_count(canary, "permille"));
	else
		table_add(table, "-");
}

void models_print_table(const json_t *models)
{
	struct table table;
	json_t *model;
	size_t i;

	if (!json_array_size(models)) {
		printf("no models: store one with martletctl model push IMAGE\n");
		return;
	}
	TABLE_INIT(&table, "MODEL", ">ID", ">LIVE", ">CANARY", ">SHADOW", ">PREVIOUS", "STATE",
		"STORED", ">REQUESTS", ">ROWS", ">NOT FINITE");
	json_array_foreach (models, i, model) {
		char number[32], versions[256];

		models_join_versions(
			json_object_get(model, "versions"), versions, sizeof(versions));
		table_add(&table, "%s", api_text(model, "name"));
		table_add(&table, "%s", api_value(json_object_get(model, "id"), number));
		table_add(&table, "%s", api_value(json_object_get(model, "live"), number));
		models_add_canary(&table, json_object_get(model, "canary"));
		table_add(&table, "%s", api_value(json_object_get(model, "shadow"), number));
		table_add(&table, "%s", api_value(json_object_get(model, "previous"), number));
		table_add(&table, "%s", api_text(model, "state"));
		table_add(&table, "%s", versions);
		table_add(&table, "%s", format_count(api_count(model, "requests")).s);
		table_add(&table, "%s", format_count(api_count(model, "rows")).s);
		table_add(&table, "%s", format_count(api_count(model, "not_finite")).s);
	}
	table_print(&table, stdout, 0);
	json_array_foreach (models, i, model) {
		const char *reason = api_text(model, "reason");

		if (*reason && strcmp(reason, "-") != 0)
			printf("%s: %s\n", api_text(model, "name"), reason);
	}
}

static void models_print(const json_t *answer)
{
	models_print_table(json_object_get(answer, "models"));
}

static int models_list_run(const struct command *command, char **argv)
{
	int exit;

	return command_parse(command, argv, NULL, &exit) ? api_show("/v1/models", models_print)
							 : exit;
}

const struct command model_list_command = {
	.words = "model list",
	.summary = "models stored and deployed",
	.run = models_list_run,
};

// Prints a line for each tensor, its shape as "[-1, 41]".
static void models_print_tensors(const char *what, const json_t *tensors)
{
	json_t *tensor, *dim;
	size_t i, d;

	json_array_foreach (tensors, i, tensor) {
		printf("%-10s %s %s [", what, api_text(tensor, "name"),
			api_text(tensor, "datatype"));
		json_array_foreach (json_object_get(tensor, "shape"), d, dim)
			printf("%s%" JSON_INTEGER_FORMAT, d ? ", " : "", json_integer_value(dim));
		printf("]\n");
	}
}

// Adds a cell with a plan step's kernels by batch: "1: f32_dense_14x32__avx512, 16: ...".
static void models_add_kernels(struct table *table, const json_t *kernels)
{
	char text[512] = "";
	size_t i, used = 0;
	json_t *kernel;

	json_array_foreach (kernels, i, kernel) {
		int n = snprintf(text + used, sizeof(text) - used, "%s%ju: %s", i ? ", " : "",
			(uintmax_t)api_count(kernel, "batch"), api_text(kernel, "kernel"));

		if (n < 0 || (size_t)n >= sizeof(text) - used)
			break;
		used += (size_t)n;
	}
	table_add(table, "%s", text);
}

// Prints an array of objects as a table; its columns are the keys of the first object.
static void models_print_objects(const json_t *array)
{
	json_t *object, *value, *first = json_array_get(array, 0);
	struct table table;
	const char *headers[16], *key;
	uint32_t n = 0;
	size_t i;

	json_object_foreach (first, key, value)
		if (n < 16)
			headers[n++] = key;
	table_init(&table, headers, n);
	json_array_foreach (array, i, object)
		for (uint32_t c = 0; c < n; c++) {
			json_t *cell = json_object_get(object, headers[c]);
			char number[32], *dump;

			if (!json_is_array(cell) && !json_is_object(cell)) {
				table_add(&table, "%s", api_value(cell, number));
				continue;
			}
			if (strcmp(headers[c], "kernels") == 0) {
				models_add_kernels(&table, cell);
				continue;
			}
			dump = json_dumps(cell, JSON_COMPACT);
			table_add(&table, "%s", dump ? dump : "-");
			free(dump);
		}
	table_print(&table, stdout, 2);
}

static void models_print_parameter(const char *key, const json_t *value)
{
	char number[32], text[512];
	json_t *item;
	size_t i;

	if (!json_is_array(value)) {
		tool_copy_clean(text, sizeof(text), api_value(value, number));
		printf("%-14s %s\n", key, text);
	} else if (json_is_object(json_array_get(value, 0))) {
		printf("%s\n", key);
		models_print_objects(value);
	} else {
		printf("%-14s", key);
		json_array_foreach (value, i, item) {
			tool_copy_clean(text, sizeof(text), api_value(item, number));
			printf("%s%s", i ? ", " : " ", text);
		}
		printf("%s\n", json_array_size(value) ? "" : " none");
	}
}

static void models_print_one(const json_t *model)
{
	const char *key;
	json_t *value;
	size_t i;

	printf("%-10s %s\n%-10s", "model", api_text(model, "name"), "versions");
	json_array_foreach (json_object_get(model, "versions"), i, value) {
		char number[32];

		printf(" %s", api_value(value, number));
	}
	printf("\n%-10s %s\n", "platform", api_text(model, "platform"));
	models_print_tensors("input", json_object_get(model, "inputs"));
	models_print_tensors("output", json_object_get(model, "outputs"));
	printf("\n");
	json_object_foreach (json_object_get(model, "parameters"), key, value)
		models_print_parameter(key, value);
}

// --- One model ------------------------------------------------------------------------------------

// The versions in the store, the newest first; `only`, unless it is 0.
static void models_print_stored(const json_t *stored, uint32_t only)
{
	const json_t *versions = json_object_get(stored, "versions");
	struct table table;

	TABLE_INIT(&table, ">VERSION", "ROLE", ">SIZE", "STORED", "SOURCE", "SHA-256", "SIGNED BY");
	for (size_t i = json_array_size(versions); i-- > 0;) {
		const json_t *v = json_array_get(versions, i);
		const time_t at = (time_t)api_count(v, "stored_at");
		char when[32] = "-", number[32];
		struct tm tm;

		if (only && api_count(v, "version") != only)
			continue;
		if (at && gmtime_r(&at, &tm))
			strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		table_add(&table, "%s", api_value(json_object_get(v, "version"), number));
		table_add(&table, "%s", api_text(v, "state"));
		table_add(&table, "%s", format_bytes(api_count(v, "bytes")).s);
		table_add(&table, "%s", when);
		table_add(&table, "%s", api_text(v, "source"));
		table_add(&table, "%s", format_sha256_short(api_text(v, "sha256")).s);
		table_add(&table, "%s%s", api_text(v, "signed_by"),
			json_is_string(json_object_get(v, "signed_by")) &&
					!json_is_true(json_object_get(v, "trusted"))
				? " (not trusted)"
				: "");
	}
	table_print(&table, stdout, 0);
	if (!only)
		printf("%-10s %s (%s)\n", "kept", api_text(stored, "retention"),
			strcmp(api_text(stored, "from"), "model") == 0 ? "the model's own retention"
								       : "store.retention");
}

struct models_show {
	struct command_target target;
	uint32_t version; // 0: whichever is live
};

static const struct option_entry MODELS_SHOW[] = {
	{ NULL, 0, "MODEL", "the model's name; MODEL:VERSION with a stored version's number",
		OPTION_TO_OWN(struct models_show, target, command_parse_target), .required = true },
	{ NULL, 0, "VERSION", "a stored version of it, where MODEL does not say it; else the live",
		OPTION_TO_U32(struct models_show, version, 1, COMMAND_VERSION_MAX) },
	{ 0 },
};

// The version that answers those who ask for `version` (0: for none); 0: nobody answers, or there is none.
static uint32_t models_in_service(const json_t *stored, uint32_t version, bool *is_there)
{
	json_t *v;
	size_t i;

	*is_there = version == 0;
	json_array_foreach (json_object_get(stored, "versions"), i, v) {
		const char *state = api_text(v, "state");
		const uint32_t number = (uint32_t)api_count(v, "version");

		if (version ? number != version : strcmp(state, "live") != 0)
			continue;
		*is_there = true;
		return strcmp(state, "stored") != 0 && strcmp(state, "shadow") != 0 ? number : 0;
	}
	return 0;
}

// What is stored, and beside it, where it is in service, what it is. `stored` is left to the caller.
static int models_show_stored(const struct models_show *show, const json_t *stored)
{
	struct api_reply reply = { 0 };
	char path[160];
	bool is_there;
	const uint32_t version = models_in_service(stored, show->version, &is_there);

	if (!is_there)
		return tool_refuse(
			"there is no version %u of model '%s'", show->version, show->target.model);
	snprintf(path, sizeof(path), "/v2/models/%s/versions/%u", show->target.model, version);
	if (version && !api_call("GET", path, NULL, &reply))
		return TOOL_REFUSED;
	if (tool.json) {
		json_t *all = reply.json ? json_deep_copy(reply.json)
					 : json_pack("{s:s}", "name", show->target.model);

		json_object_set(all, "retention", json_object_get(stored, "retention"));
		json_object_set(all, "stored", json_object_get(stored, "versions"));
		api_reply_fini(&reply);
		return tool_print_json(all);
	}
	if (reply.json) {
		models_print_one(reply.json);
		printf("\n");
	}
	models_print_stored(stored, show->version);
	api_reply_fini(&reply);
	return TOOL_DONE;
}

static int models_show_run(const struct command *command, char **argv)
{
	struct models_show show = { 0 };
	struct api_reply stored;
	char path[160];
	int exit;

	if (!command_parse(command, argv, &show, &exit))
		return exit;
	if (show.version && show.target.version && show.version != show.target.version) {
		tool_refuse("%s:%u and %u: say one version", show.target.model, show.target.version,
			show.version);
		return TOOL_USAGE;
	}
	if (!show.version)
		show.version = show.target.version;
	snprintf(path, sizeof(path), "/v1/models/%s/versions", show.target.model);
	if (!api_call("GET", path, NULL, &stored))
		return TOOL_REFUSED;
	exit = models_show_stored(&show, stored.json);
	api_reply_fini(&stored);
	return exit;
}

// --- How many versions are kept -------------------------------------------------------------------

struct models_retention {
	const char *model;
	uint32_t latest; // 0: not said
	bool all, as_configured;
};

static const struct option_entry MODELS_RETENTION[] = {
	COMMAND_MODEL(struct models_retention),
	{ "latest", 0, "N",
		"so many of its newest versions are kept, and what is there for something",
		OPTION_TO_U32(struct models_retention, latest, 1, COMMAND_VERSION_MAX) },
	{ "all", 0, NULL, "all are kept", OPTION_TO_FLAG(struct models_retention, all) },
	{ "default", 0, NULL, "as many as store.retention in the configuration says",
		OPTION_TO_FLAG(struct models_retention, as_configured) },
	{ 0 },
};

static void models_print_retention(const json_t *answer)
{
	printf("%s: %s (%s)\n", api_text(answer, "model"), api_text(answer, "retention"),
		strcmp(api_text(answer, "from"), "model") == 0 ? "its own" : "store.retention");
}

static int models_retention_run(const struct command *command, char **argv)
{
	struct models_retention wanted = { 0 };
	char path[160], text[RETENTION_BYTES];
	struct api_reply reply;
	json_t *body;
	bool is_done;
	int exit;

	if (!command_parse(command, argv, &wanted, &exit))
		return exit;
	snprintf(path, sizeof(path), "/v1/models/%s/retention", wanted.model);
	if ((wanted.latest != 0) + wanted.all + wanted.as_configured > 1) {
		tool_refuse("--latest, --all and --default: say one of them");
		return TOOL_USAGE;
	}
	if (!wanted.latest && !wanted.all && !wanted.as_configured)
		return api_show(path, models_print_retention);
	retention_format(text, wanted.latest);
	body = json_pack(
		"{s:o}", "retention", wanted.as_configured ? json_null() : json_string(text));
	is_done = api_call("PUT", path, body, &reply);
	json_decref(body);
	if (!is_done)
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		models_print_retention(reply.json);
	api_reply_fini(&reply);
	return TOOL_DONE;
}

const struct command model_retention_command = {
	.words = "model retention",
	.summary = "how many versions of a model are kept; sets it",
	.entries = MODELS_RETENTION,
	.run = models_retention_run,
};

const struct command model_show_command = {
	.words = "model show",
	.summary = "one model: inputs, outputs, labels, plan, stored versions",
	.entries = MODELS_SHOW,
	.run = models_show_run,
};
