// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/server/resources/log_level.h"

#include "ctl/server/http/body.h"
#include "ctl/server/http/http.h"
#include "ctl/server/log.h"
#include "ctl/server/server_state.h"

#include <stdlib.h>

void log_level_get(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	http_reply(request, 200, json_pack("{s:s}", "level", log_level_name(log_get_level())));
}

void log_level_put(
	struct server *server, struct http_request *request, const struct route_params *params)
{
	const enum log_level before = log_get_level();
	struct body_log body;
	enum log_level level;
	struct error err;
	size_t size;
	char *text = http_take_body(request, &size);
	int rc;

	if (!text)
		return;
	rc = body_log_parse(text, size, &body, &err);
	free(text);
	if (rc == 0 && !log_level_parse(body.level, &level))
		rc = error_set(&err, -EINVAL,
			"\"level\" must be \"debug\", \"info\", \"warning\" or \"error\"");
	if (rc != 0) {
		http_fail(request, 400, "%s", err.text);
		return;
	}
	// Said under whichever level lets it through.
	log_set_level(level < before ? level : before);
	log_info("log level: was %s and is %s, by uid %u", log_level_name(before),
		log_level_name(level), http_uid(request));
	log_set_level(level);
	log_level_get(server, request, params);
}
