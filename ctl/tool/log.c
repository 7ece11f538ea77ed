// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/log.h"

#include "ctl/tool/api.h"
#include "ctl/tool/tool.h"

#include <stdio.h>
#include <string.h>

struct log_request {
	const char *level; // NULL: only asked for
};

static int log_parse_level(void *field, const char *text, struct error *err)
{
	static const char *const NAMES[] = { "debug", "info", "warning", "error" };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strcmp(text, NAMES[i]) == 0) {
			*(const char **)field = text;
			return 0;
		}
	return error_set(
		err, -EINVAL, "'%s' is no level; debug, info, warning, error are wanted", text);
}

static const struct option_entry LOG[] = {
	{ NULL, 0, "LEVEL", "debug, info, warning or error: what is below is left out from now on",
		OPTION_TO_OWN(struct log_request, level, log_parse_level) },
	{ 0 },
};

static void log_print(const json_t *log)
{
	printf("log level: %s\n", api_text(log, "level"));
}

static int log_run(const struct command *command, char **argv)
{
	struct log_request request = { 0 };
	struct api_reply reply;
	json_t *body;
	int exit;
	bool ok;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	if (!request.level)
		return api_show("/v1/log", log_print);
	body = json_pack("{s:s}", "level", request.level);
	ok = api_call("PUT", "/v1/log", body, &reply);
	json_decref(body);
	if (!ok)
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		log_print(reply.json);
	api_reply_fini(&reply);
	return TOOL_DONE;
}

const struct command log_command = {
	.words = "log",
	.summary =
		"the least level that martletd logs, asked or set until the next restart or reload",
	.entries = LOG,
	.run = log_run,
};
