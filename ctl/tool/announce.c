// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/tool/announce.h"

#include "ctl/tool/api.h"
#include "ctl/tool/tool.h"

#include <stdio.h>

struct announce_request {
	const char *port; // NULL: every one
};

static const struct option_entry ANNOUNCE[] = {
	{ NULL, 0, "PORT", "only this one", OPTION_TO_TEXT(struct announce_request, port) },
	{ 0 },
};

static int announce_run(const struct command *command, char **argv)
{
	struct announce_request request = { 0 };
	struct api_reply reply;
	json_t *body, *port;
	size_t i;
	int exit;
	bool ok;

	if (!command_parse(command, argv, &request, &exit))
		return exit;
	body = json_pack("{s:s*}", "port", request.port);
	ok = api_call("POST", "/v1/announce", body, &reply);
	json_decref(body);
	if (!ok)
		return TOOL_REFUSED;
	if (!api_print_json(&reply))
		json_array_foreach (json_object_get(reply.json, "ports"), i, port)
			printf("%s: announced its addresses\n",
				json_is_string(port) ? json_string_value(port) : "-");
	api_reply_fini(&reply);
	return TOOL_DONE;
}

const struct command announce_command = {
	.words = "announce",
	.summary = "tell the neighbours of a port, or of all, which addresses it has",
	.entries = ANNOUNCE,
	.run = announce_run,
};
