// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/config.h"

#include "base/file.h"
#include "config/config.h"
#include "ctl/tool/api.h"
#include "ctl/tool/output.h"
#include "ctl/tool/table.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES_MAX ((size_t)1 << 20)
#define MISTAKES_MAX   64 // told one by one

struct config_request {
	const char *file;
	const char *if_match; // NULL: whatever is in force
	bool write;
};

static const struct option_entry FILE_ONLY[] = {
	{ NULL, 0, "FILE", "a configuration of martletd",
		OPTION_TO_TEXT(struct config_request, file), .required = true },
	{ 0 },
};

static const struct option_entry APPLY[] = {
	{ NULL, 0, "FILE", "a configuration of martletd",
		OPTION_TO_TEXT(struct config_request, file), .required = true },
	{ "if-match", 0, "TAG",
		"only where the configuration in force is the one that diff named so",
		OPTION_TO_TEXT(struct config_request, if_match) },
	{ "write", 0, NULL, "then write it to martletd's own file, so that a restart finds it",
		OPTION_TO_FLAG(struct config_request, write) },
	{ 0 },
};

// The text of a file that is good by itself; NULL: refused.
static char *config_read(const char *file, size_t *size)
{
	struct config *config = malloc(sizeof(*config));
	struct error err;
	void *text = NULL;

	if (!config)
		error_set(&err, -ENOMEM, "out of memory for the configuration");
	else if (config_load(file, config, &err) == 0)
		file_read(file, TEXT_BYTES_MAX, &text, size, &err);
	free(config);
	if (!text)
		tool_refuse("%s", err.text);
	return text;
}

static void config_print(const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes"), *change;
	struct table table;
	size_t i;

	if (json_array_size(changes) == 0) {
		printf("the same as in force\n");
		return;
	}
	TABLE_INIT(&table, "KEY", "NOW", "THEN", "");
	json_array_foreach (changes, i, change) {
		table_add(&table, "%s", api_text(change, "key"));
		table_add(&table, "%s", api_text(change, "now"));
		table_add(&table, "%s", api_text(change, "then"));
		if (json_is_true(json_object_get(change, "live")))
			table_add(&table, "live");
		else
			table_add(&table, "restart: %s", api_text(change, "why"));
	}
	table_print(&table, stdout, 0);
}

static int config_send(const char *method, const char *path, const struct config_request *request,
	struct api_reply *reply)
{
	size_t size;
	char *text = config_read(request->file, &size);
	bool ok;

	if (!text)
		return TOOL_REFUSED;
	ok = api_send(method, path, request->if_match, "text/plain", text, size, reply);
	free(text);
	return ok ? TOOL_DONE : TOOL_REFUSED;
}

struct config_mistakes {
	json_t *texts; // where they are asked for as JSON
	uint32_t n;
};

static void config_tell(void *arg, const char *text)
{
	struct config_mistakes *mistakes = arg;

	if (mistakes->n++ >= MISTAKES_MAX)
		return;
	tool_refuse("%s", text);
	json_array_append_new(mistakes->texts, json_string(text));
}

// Says all that is wrong with a file by itself. Whether it is good.
static bool config_tell_all(const char *file)
{
	struct config_mistakes mistakes = { .texts = json_array() };
	struct config *config = malloc(sizeof(*config));
	struct error err;
	bool is_good = false;

	if (!config)
		tool_refuse("out of memory for the configuration");
	else
		is_good = config_load_all(file, config, config_tell, &mistakes, &err) == 0;
	if (mistakes.n > MISTAKES_MAX)
		tool_refuse("%s: and %u mistakes more", file, mistakes.n - MISTAKES_MAX);
	free(config);
	if (tool.json && !is_good)
		tool_print_json(json_pack(
			"{s:s, s:b, s:o}", "file", file, "good", 0, "mistakes", mistakes.texts));
	else
		json_decref(mistakes.texts);
	return is_good;
}

static int config_check_run(const struct command *command, char **argv)
{
	struct config_request request = { 0 };
	struct api_reply reply;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (!config_tell_all(request.file))
		return TOOL_REFUSED;
	if (access(tool.socket, F_OK) == 0) { // also what the one that runs would refuse
		if (config_send("POST", "/v1/config/check", &request, &reply) != TOOL_DONE)
			return TOOL_REFUSED;
		api_reply_fini(&reply);
	}
	if (tool.json)
		return tool_print_json(json_pack("{s:s, s:b}", "file", request.file, "good", 1));
	printf("%s: good\n", request.file);
	return TOOL_DONE;
}

static int config_diff_run(const struct command *command, char **argv)
{
	struct config_request request = { 0 };
	struct api_reply reply;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (config_send("POST", "/v1/config/check", &request, &reply) != TOOL_DONE)
		return TOOL_REFUSED;
	if (!api_print_json(&reply)) {
		config_print(reply.json);
		tool_note("in force: %s", api_text(reply.json, "etag"));
	}
	api_reply_fini(&reply);
	return TOOL_DONE;
}

// Writes the text to the file that martletd reads at its start.
static int config_write(const char *file)
{
	struct output output;
	struct api_reply reply;
	struct error err;
	size_t size;
	char *text;
	int rc;

	if (!api_call("GET", "/v1/config", NULL, &reply))
		return TOOL_REFUSED;
	text = config_read(file, &size);
	if (!text) {
		api_reply_fini(&reply);
		return TOOL_REFUSED;
	}
	rc = output_open(&output, api_text(reply.json, "path"), &err);
	if (rc == 0) {
		fwrite(text, 1, size, output.file);
		rc = output_commit(&output, &err);
	}
	free(text);
	api_reply_fini(&reply);
	return rc ? tool_refuse("it is in force, but a restart forgets it: %s", err.text)
		  : TOOL_DONE;
}

static int config_apply_run(const struct command *command, char **argv)
{
	struct config_request request = { 0 };
	struct api_reply reply;
	int exit;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (config_send("PUT", "/v1/config", &request, &reply) != TOOL_DONE)
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		config_print(reply.json);
	api_reply_fini(&reply);
	return request.write ? config_write(request.file) : TOOL_DONE;
}

const struct command config_check_command = {
	.words = "config check",
	.summary = "whether a configuration is good, and would be taken over where martletd runs",
	.entries = FILE_ONLY,
	.run = config_check_run,
};

const struct command config_diff_command = {
	.words = "config diff",
	.summary =
		"what a configuration has another than the one in force, and what takes a restart",
	.entries = FILE_ONLY,
	.run = config_diff_run,
};

const struct command config_apply_command = {
	.words = "config apply",
	.summary =
		"takes over what can be of a configuration while martletd runs: all of it or "
		"nothing",
	.entries = APPLY,
	.run = config_apply_run,
};
