// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/models.h"

#include "ctl/tool/api.h"
#include "ctl/tool/format.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <stdlib.h>
#include <string.h>

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

struct models_show {
	const char *model;
	uint32_t version; // 0: whichever is live
};

static const struct option_entry MODELS_SHOW[] = {
	COMMAND_MODEL(struct models_show),
	{ NULL, 0, "VERSION", "a stored version of it, 1 to 65535; else the one that is live",
		OPTION_TO_U32(struct models_show, version, 1, COMMAND_VERSION_MAX) },
	{ 0 },
};

static int models_show_run(const struct command *command, char **argv)
{
	struct models_show show = { 0 };
	char path[160];
	int exit;

	if (!command_parse(command, argv, &show, &exit))
		return exit;
	if (show.version)
		snprintf(path, sizeof(path), "/v2/models/%s/versions/%u", show.model, show.version);
	else
		snprintf(path, sizeof(path), "/v2/models/%s", show.model);
	return api_show(path, models_print_one);
}

const struct command model_show_command = {
	.words = "model show",
	.summary = "one model: inputs, outputs, labels, plan",
	.entries = MODELS_SHOW,
	.run = models_show_run,
};
